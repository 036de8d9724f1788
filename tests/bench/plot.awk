# SPDX-License-Identifier: MIT
#
# plot.awk - a picture (SVG) out of lines of panel, name, value, as servers.awk
# writes them for -v medians=FILE: panels of bars, a bar for each name, in the
# order in which they come. A bar that is more than 5 times the panel's first is
# cut off, and says so; the figure beside it is the true one.

BEGIN { FS = "\t" }

{
    if (!($1 in size))
        panel[++panels] = $1
    n = ++size[$1]
    name[$1, n] = $2
    value[$1, n] = $3 + 0
}

function safe(s)
{
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    gsub(/\*/, "", s)
    return s
}

function text(x, y, s, more)
{
    printf "<text x=\"%d\" y=\"%d\"%s>%s</text>\n", x, y, more, safe(s)
}

# One bar of panel p, the i-th, its text line at y.
function bar(p, i, y, most, v, cut, width)
{
    v = value[p, i]
    cut = v > most
    width = (cut ? most : v) / most * 380
    text(150, y, name[p, i], " text-anchor=\"end\"")
    printf "<rect x=\"160\" y=\"%d\" width=\"%.1f\" height=\"12\"" \
        " fill=\"%s\"/>\n", y - 10, width, name[p, i] ~ /millrace/ ? \
        "#c0392b" : name[p, i] ~ /^bare/ ? "#888888" : "#4a7fb5"
    text(166 + width, y, sprintf(v < 100 ? "%.2f" : "%.0f", v) \
        (cut ? " (cut off)" : ""), "")
}

END {
    if (!panels)
        exit 1
    height = 10
    for (k = 1; k <= panels; k++)
        height += 40 + 16 * size[panel[k]]
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"660\"" \
        " height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n" \
        "<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", height
    y = 24
    for (k = 1; k <= panels; k++) {
        p = panel[k]
        most = 0
        for (i = 1; i <= size[p]; i++)
            if (value[p, i] > most)
                most = value[p, i]
        if (value[p, 1] > 0 && most > 5 * value[p, 1])
            most = 5 * value[p, 1]
        if (most <= 0)
            most = 1
        text(20, y, p, " font-weight=\"bold\"")
        for (i = 1; i <= size[p]; i++)
            bar(p, i, y + 4 + 16 * i, most)
        y += 40 + 16 * size[p]
    }
    print "</svg>"
}
