# SPDX-License-Identifier: MIT
#
# median.awk - for those that come after it: the cells of a table, out of
# value[row, who, what, 1 .. count[row, who, what]].

# Sorted in place; how many there are.
function sort_cell(s, who, what, n, i, j, v)
{
    n = count[s, who, what]
    for (i = 2; i <= n; i++) {
        v = value[s, who, what, i]
        for (j = i - 1; j > 0 && value[s, who, what, j] > v; j--)
            value[s, who, what, j + 1] = value[s, who, what, j]
        value[s, who, what, j + 1] = v
    }
    return n
}
function median(s, who, what, n)
{
    n = sort_cell(s, who, what)
    if (n % 2)
        return value[s, who, what, (n + 1) / 2]
    return (value[s, who, what, n / 2] + value[s, who, what, n / 2 + 1]) / 2
}
