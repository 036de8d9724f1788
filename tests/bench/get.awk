# SPDX-License-Identifier: MIT
#
# get.awk, after median.awk - the tables of get.sh, out of lines of scenario,
# client, what, value, round. What: cpu (ms of the client's CPU time), wall (ms),
# peak (KiB).
#
# The best peer of a row, for CPU time and for wall time, is the one with the
# lowest median. Ours is a multiple of what that one took in the same round; the
# median of those multiples is judged: 1.0 for CPU time, 1.05 for wall time.
# Peak memory has a bar of its own: 16 MiB, without TLS.
#
# Ends with status 1 when a scenario has no figure of ours.

BEGIN {
    FS = "\t"
    row("small", "1,000 files of 10 KiB")
    row("medium", "100 files of 1 MiB")
    row("big", "one file of 1 GiB")
    row("wait", "200 answers after 200 ms")
    n_names = split("mrget aria2 wget2 curl gevent", names, " ")
    for (i = 1; i <= n_names; i++)
        title[names[i]] = names[i]
    title["mrget"] = "**mrget**"
    title["curl"] = "curl --parallel"
    cpu_bar = 1.0
    wall_bar = 1.05
    peak_bar = 16
}

function row(s, what)
{
    order[++n_order] = s
    text[s] = what
    order[n_order + 4] = s "-tls"
    text[s "-tls"] = what ", TLS"
}

{
    in_round[$1, $2, $3, $5] = $4
    value[$1, $2, $3, ++count[$1, $2, $3]] = $4 + 0
    if ($5 > rounds)
        rounds = $5
    seen[$1] = 1
}

function best(s, what, i, who, found)
{
    for (i = 2; i <= n_names; i++) {
        who = names[i]
        if (count[s, who, what] && (found == "" ||
            median(s, who, what) < median(s, found, what)))
            found = who
    }
    return found
}

# The median of ours as a multiple of `of` in the same round; "" without any.
function times(s, what, of, r, a, b)
{
    for (r = 1; r <= rounds; r++) {
        a = in_round[s, "mrget", what, r]
        b = in_round[s, of, what, r]
        if (a != "" && b > 0)
            value[s, of, "x" what, ++count[s, of, "x" what]] = a / b
    }
    return count[s, of, "x" what] ? median(s, of, "x" what) : ""
}

function verdict(holds) { return holds ? "yes" : "**no**" }
function ms(v) { return sprintf(v < 100 ? "%.1f" : "%.0f", v) }

function against(s, what, bar, peer, x)
{
    peer = best(s, what)
    if (peer == "" || !count[s, "mrget", what])
        return (count[s, "mrget", what] ? ms(median(s, "mrget", what)) : "-") \
            " | - | - | -"
    x = times(s, what, peer)
    return ms(median(s, "mrget", what)) " | " title[peer] " " \
        ms(median(s, peer, what)) " | " sprintf("%.3f", x) " | " \
        verdict(x <= bar)
}

function judge(s, peak)
{
    peak = count[s, "mrget", "peak"] ? median(s, "mrget", "peak") / 1024 : ""
    print "| " text[s] " | " against(s, "cpu", cpu_bar) " | " \
        against(s, "wall", wall_bar) " | " \
        (peak == "" ? "- | -" : sprintf("%.1f", peak) " | " \
        (s ~ /-tls$/ ? "-" : verdict(peak < peak_bar))) " |"
    if (peak == "")
        wrong = 1
}

function details(s, i, who, what, k, line)
{
    print "\n### " text[s] "\n"
    print "| | CPU ms | from the least to the most | wall ms |" \
        " from the least to the most | peak MiB |\n|---|---|---|---|---|---|"
    for (i = 1; i <= n_names; i++) {
        who = names[i]
        if (!count[s, who, "cpu"])
            continue
        line = "| " title[who]
        for (k = 1; k <= 2; k++) {
            what = k == 1 ? "cpu" : "wall"
            line = line " | " ms(median(s, who, what)) " | " \
                ms(value[s, who, what, 1]) " to " \
                ms(value[s, who, what, count[s, who, what]])
        }
        print line " | " sprintf("%.1f", median(s, who, "peak") / 1024) " |"
    }
}

END {
    printf "Bars: CPU time <= %.2f x and wall time <= %.2f x the best peer's, " \
        "peak memory\nbelow %d MiB without TLS.\n\n", cpu_bar, wall_bar, peak_bar
    print "| | CPU ms | best peer | times | met | wall ms | best peer |" \
        " times | met | peak MiB | met |"
    print "|---|---|---|---|---|---|---|---|---|---|---|"
    for (k = 1; k <= n_order * 2; k++)
        if (seen[order[k]])
            judge(order[k])
    for (k = 1; k <= n_order * 2; k++)
        if (seen[order[k]])
            details(order[k])
    exit wrong
}
