# SPDX-License-Identifier: MIT
#
# core.awk - the tables of core.sh, out of lines of contender, row, value, and
# of the TCP echo the number of the turn.
# Ends with status 1 when a row has no figure of ours, or there is no row.
# -v rounds=N -v suspended=N: as the script ran.

BEGIN {
    FS = "\t"
    # row(NAME, TEXT, BAR, RATIO, OF, OF ROW): met when ours is within BAR, or
    # within RATIO of what contender OF has in OF ROW. No BAR: no judgement.
    row("raw_switch", "raw switch, ns", 3.6, 1, "boost", "raw_switch")
    row("switch_flags", "raw switch, FP flags differ, ns", "")
    row("switch_fp", "raw switch, FP control words differ, ns", 6, 0.1, "boost",
        "switch_fp")
    row("yield2", "yield through the hub, two coroutines, ns", 10, 0.15, "go",
        "yield2")
    row("ring1000", "yield, a ring of 1,000, ns", 12, 1.2, "millrace", "yield2")
    row("spawn_join", "spawn + join, warm, ns", 35, 0.1, "go", "spawn_join")
    row("handoff", "channel hand-off, ns", 18, 0.1, "go", "handoff")
    row("generator_next", "generator next, ns", 6, 0.67, "boost",
        "generator_next")
    row("suspended_bytes", "bytes per coroutine, " suspended " suspended", 4400)
    row("sleepers_cpu_s", "100,000 sleepers, 0 to 1000 ms, CPU s", 0.4, 0.75,
        "go", "sleepers_cpu_s")
    row("sleepers_late_ms", "sleepers, worst lateness, ms", 20)
    row("tcp_echo", "TCP echo, 64 x 64 B, CPU ns per round trip", "none", 1.08,
        "epoll", "tcp_echo")
    ratio_too["raw_switch"] = 1 # its bar names the other as well

    split("boost state_threads pcl ucontext futex go epoll", peers, " ")
    split("greenlet gevent", pythons, " ")
    title["millrace"] = "ours"
    title["echo_app"] = "`apps/echo`"
    title["state_threads"] = "State Threads"
    title["pcl"] = "libpcl"
    title["boost"] = "boost.context"
    title["ucontext"] = "swapcontext"
    title["futex"] = "pthread, futex"
    title["go"] = "Go"
    title["epoll"] = "bare epoll"
    title["greenlet"] = "greenlet"
    title["gevent"] = "gevent"
}

{
    value[$2, $1, ++count[$2, $1]] = $3 + 0
    seen[$2] = 1
    if ($2 == "tcp_echo")
        in_turn[$1, $4] = $3
}

# What each took in a turn, as a multiple of what the bare loop took in it.
function pair_turns(k, part)
{
    for (k in in_turn) {
        split(k, part, SUBSEP)
        if (in_turn["epoll", part[2]])
            value["times", part[1], ++count["times", part[1]]] = \
                in_turn[k] / in_turn["epoll", part[2]]
    }
}

function row(name, what, most, ratio, of, of_row)
{
    order[++row_count] = name
    text[name] = what
    bar[name] = most
    factor[name] = ratio
    base[name] = of
    base_row[name] = of_row
}

# The middle one, the least and the most of a cell. (Sorted in place.)
function sort_cell(r, who, n, i, j, v)
{
    n = count[r, who]
    for (i = 2; i <= n; i++) {
        v = value[r, who, i]
        for (j = i - 1; j > 0 && value[r, who, j] > v; j--)
            value[r, who, j + 1] = value[r, who, j]
        value[r, who, j + 1] = v
    }
    return n
}
function median(r, who, n)
{
    n = sort_cell(r, who)
    if (n % 2)
        return value[r, who, (n + 1) / 2]
    return (value[r, who, n / 2] + value[r, who, n / 2 + 1]) / 2
}

function figure(v)
{
    return sprintf(v < 1 ? "%.2f" : v < 100 ? "%.1f" : "%.0f", v)
}
function cell(r, who)
{
    return count[r, who] ? figure(median(r, who)) : "-"
}
function range(r, who, n)
{
    n = sort_cell(r, who)
    if (n == 0)
        return "-"
    return figure(value[r, who, 1]) " to " figure(value[r, who, n])
}

function ratio_bar(r, line)
{
    if (!factor[r])
        return "-"
    line = factor[r] " x " \
        (base_row[r] == r ? title[base[r]] : "our " base_row[r])
    if (count[base_row[r], base[r]])
        line = line " = " figure(factor[r] * median(base_row[r], base[r]))
    return line
}

function is_met(r, ours, within, in_ratio)
{
    if (r == "tcp_echo")
        return median("times", "millrace") <= factor[r]
    ours = median(r, "millrace")
    within = bar[r] != "none" && ours <= bar[r]
    in_ratio = factor[r] && count[base_row[r], base[r]] &&
        ours <= factor[r] * median(base_row[r], base[r])
    return in_ratio || within && !ratio_too[r]
}

function head(first, names, n, last, i, line, rule)
{
    line = "| " first " | ours |"
    rule = "|---|---|"
    for (i = 1; i <= n; i++) {
        line = line " " title[names[i]] " |"
        rule = rule "---|"
    }
    print line last
    gsub(/[^|]/, "", last)
    gsub(/\|/, "---|", last)
    print rule last
}

END {
    np = 7
    pair_turns()
    head("median of " rounds, peers, np, " bar | ratio bar | met |")
    for (k = 1; k <= row_count; k++) {
        r = order[k]
        if (!seen[r])
            continue
        found = 1
        line = "| " text[r] " | " cell(r, "millrace") " |"
        for (i = 1; i <= np; i++)
            line = line " " cell(r, peers[i]) " |"
        if (!count[r, "millrace"]) {
            print "no figure of ours: " r >"/dev/stderr"
            missing = 1
        }
        verdict = bar[r] == "" ? "-" : is_met(r) ? "yes" : "**no**"
        shown = bar[r] == "" || bar[r] == "none" ? "-" : "<= " bar[r]
        print line " " shown " | " ratio_bar(r) " | " verdict " |"
    }
    if (count["times", "millrace"]) {
        printf "\nTCP echo, as a multiple of the bare loop's figure in the" \
            " same turn, median of %d:\nours on `io/` %.3f",
            count["times", "millrace"], median("times", "millrace")
        times("echo_app", "ours with " title["echo_app"])
        times("state_threads", title["state_threads"])
        times("go", title["go"])
        times("gevent", title["gevent"])
        print "."
    }
    if (seen["sleepers_cpu_s"])
        print "\nSleepers that woke before their time: ours 0 (one would" \
            " end the bench)" early("state_threads") early("go") \
            early("gevent") "."

    for (k = 1; k <= row_count; k++) {
        r = order[k]
        if (!count[r, "greenlet"] && !count[r, "gevent"])
            continue
        if (!python++) {
            print "\nFor those who come from Python:\n"
            head("", pythons, 2, " gevent, or else greenlet, is slower |")
        }
        slow = count[r, "gevent"] ? "gevent" : "greenlet"
        printf "| %s | %s | %s | %s | %s times |\n", text[r],
            cell(r, "millrace"), cell(r, "greenlet"), cell(r, "gevent"),
            figure(median(r, slow) / median(r, "millrace"))
    }
    print "\nFrom the least to the most:\n"
    peers[np + 1] = "greenlet"
    peers[np + 2] = "gevent"
    head("", peers, np + 2, "")
    for (k = 1; k <= row_count; k++) {
        r = order[k]
        if (!seen[r])
            continue
        line = "| " text[r] " | " range(r, "millrace") " |"
        for (i = 1; i <= np + 2; i++)
            line = line " " range(r, peers[i]) " |"
        print line
    }
    exit missing || !found
}

function times(who, name)
{
    if (count["times", who])
        printf ", %s %.3f", name, median("times", who)
}

function early(who)
{
    return count["sleepers_early", who] ? ", " title[who] " " \
        median("sleepers_early", who) : ""
}
