# SPDX-License-Identifier: MIT
#
# servers.awk, after median.awk - the tables of servers.sh, out of lines of
# scenario, server, what, value, round. What: cpu (us of server CPU time for a request), rate
# (requests a second), p50 p99 p999 (us), pss (KiB), calls (for a request).
# -v check=1: a short run, which is not judged. -v medians=FILE: the medians go
# there too, for plot.awk.
#
# Ends with status 1 when a scenario has no figure of ours, or the run is void:
# the bare loop must take at most 0.90 of nginx's time in tiny, 0.15 pipelined.

BEGIN {
    FS = "\t"
    # bar(SCENARIO, TEXT, KIND, BAR, OF): met when our CPU time is within BAR
    # times that of OF in the same round, or (KIND "more") at most BAR us more
    # than our own in scenario OF. What a row of KIND "more" takes beyond OF may
    # be the kernel's: 64 connections that each wait 10 ms are 6,400 requests a
    # second, and the idle thread's wake-ups are most of their cost. So where
    # the bare loop has the row too, "net" says what is left when that is taken
    # off; what is judged is the plain figure. OF "best": the one of nginx and
    # h2o that takes less.
    bar("tiny", "tiny GET", "times", 1.06, "bare_epoll")
    bar("browser", "tiny GET, a browser's head", "times", 1.12, "bare_epoll")
    bar("pipelined", "tiny GET, pipelined 16", "times", 1.7, "bare_epoll")
    bar("post", "POST echo 1 KiB", "times", 1.05, "bare_epoll")
    bar("close", "one connection per request", "times", 1.05, "bare_epoll")
    bar("sleep", "handler that sleeps 10 ms", "more", 0.6, "tiny")
    bar("spawn", "handler that joins 4 coroutines", "more", 0.4, "tiny")
    bar("file1k", "file of 1 KiB", "times", 0.74, "nginx")
    bar("file64k", "file of 64 KiB", "times", 0.64, "nginx")
    bar("file4m", "file of 4 MiB", "times", 0.84, "nginx")
    bar("same", "file not modified (304)", "", 0, "")
    bar("tls", "TLS 1.3 GET, kept alive", "times", 1, "best")
    bar("handshake", "TLS 1.3 handshake and GET", "times", 1, "best")
    n_names = split("bare_epoll bare_uring millrace nginx h2o lighttpd" \
        " haproxy caddy nethttp fasthttp node gevent", names, " ")
    title["bare_epoll"] = "bare epoll loop"
    title["bare_uring"] = "bare io_uring loop"
    title["millrace"] = "**millrace**"
    title["nethttp"] = "Go net/http"
    title["gevent"] = "gevent pywsgi"
    title["best"] = "the better of nginx and h2o"
    for (i = 1; i <= n_names; i++)
        if (!title[names[i]])
            title[names[i]] = names[i]
}

function bar(s, what, how, most, of)
{
    order[++n_order] = s
    text[s] = what
    kind[s] = how
    limit[s] = most
    base[s] = of
}

{
    add($1, $2, $3, $4)
    in_round[$1, $2, $3, $5] = $4
    if ($5 > rounds)
        rounds = $5
    seen[$1] = 1
}

function add(s, who, what, v)
{
    value[s, who, what, ++count[s, who, what]] = v + 0
}

# Ours, or another's, as a multiple of what `of` took in the same round, or as
# what our own took more than in scenario `of`.
function pair(s, who, of, name, r, a, b, bare, bare_of)
{
    name = "x" of
    if (count[s, who, name])
        return
    for (r = 1; r <= rounds; r++) {
        a = in_round[s, who, "cpu", r]
        b = kind[s] == "more" && of == base[s] ? \
            in_round[of, who, "cpu", r] : taken(s, of, r)
        if (a == "" || b == "" || b + 0 == 0)
            continue
        if (kind[s] != "more" || of != base[s]) {
            add(s, who, name, a / b)
            continue
        }
        add(s, who, name, a - b)
        bare = in_round[s, "bare_epoll", "cpu", r]
        bare_of = in_round[of, "bare_epoll", "cpu", r]
        if (bare != "" && bare_of != "")
            add(s, who, "net", a - b - (bare - bare_of))
    }
}

# CPU time in a round; of "best", that of nginx or h2o, whose median is lower:
# both are needed. Not the lower one of each round: of two figures that swing the
# lower one is lower than either server is.
function taken(s, who, r)
{
    if (who != "best")
        return in_round[s, who, "cpu", r]
    if (!count[s, "nginx", "cpu"] || !count[s, "h2o", "cpu"])
        return ""
    who = median(s, "nginx", "cpu") < median(s, "h2o", "cpu") ? "nginx" : "h2o"
    return in_round[s, who, "cpu", r]
}

function shown(v) { return sprintf(v < 100 ? "%.2f" : "%.0f", v) }
function cell(s, who, what)
{
    return count[s, who, what] ? shown(median(s, who, what)) : "-"
}
function whole(s, who, what)
{
    return count[s, who, what] ? sprintf("%.0f", median(s, who, what)) : "-"
}
function range(s, who, what, n)
{
    n = sort_cell(s, who, what)
    return n ? shown(value[s, who, what, 1]) " to " \
        shown(value[s, who, what, n]) : "-"
}

# The bare loop must be that much below nginx; else something is wrong here.
function prove(s, most)
{
    pair(s, "bare_epoll", "nginx")
    if (!count[s, "bare_epoll", "xnginx"])
        return
    if (median(s, "bare_epoll", "xnginx") <= most)
        return
    printf "void: in %s the bare loop takes %s of nginx, not %s or less\n",
        s, cell(s, "bare_epoll", "xnginx"), most >"/dev/stderr"
    wrong = 1
}

function judge(s, i, who, best, m, line)
{
    best = ""
    for (i = 1; i <= n_names; i++) {
        who = names[i]
        if (who ~ /^(bare_|millrace)/ || !count[s, who, "cpu"])
            continue
        if (best == "" || median(s, who, "cpu") < median(s, best, "cpu"))
            best = who
    }
    line = "| " text[s] " | " cell(s, "millrace", "cpu") " | " \
        cell(s, "bare_epoll", "cpu") " | " cell(s, "nginx", "cpu") " | " \
        (best == "" ? "-" : title[best] " " cell(s, best, "cpu")) " | "
    if (!kind[s])
        return line "- | - | - |"
    pair(s, "millrace", base[s])
    m = count[s, "millrace", "x" base[s]] ? \
        median(s, "millrace", "x" base[s]) : ""
    if (kind[s] == "times")
        line = line (m == "" ? "-" : sprintf("%.3f", m)) " | <= " limit[s] \
            " x " title[base[s]]
    else if (count[s, "millrace", "net"]) {
        line = line sprintf("%+.2f us, net %+.2f us", m, \
            median(s, "millrace", "net")) " | <= +" limit[s] \
            " us over the " text[base[s]] "; net: less the bare loop's own"
    } else
        line = line (m == "" ? "-" : sprintf("%+.2f us", m)) " | <= +" \
            limit[s] " us over the " text[base[s]]
    return line " | " (m == "" ? "-" : m <= limit[s] ? "yes" : "**no**") " |"
}

function details(s, i, who)
{
    print "\n### " text[s] "\n"
    print "| | CPU us per request | from the least to the most |" \
        " x bare epoll loop | requests/s | p50 us | p99 us | p99.9 us |" \
        " calls per request | PSS KiB |"
    print "|---|---|---|---|---|---|---|---|---|---|"
    for (i = 1; i <= n_names; i++) {
        who = names[i]
        if (!count[s, who, "cpu"])
            continue
        pair(s, who, "bare_epoll")
        print "| " title[who] " | " cell(s, who, "cpu") " | " \
            range(s, who, "cpu") " | " cell(s, who, "xbare_epoll") " | " \
            whole(s, who, "rate") " | " whole(s, who, "p50") " | " \
            whole(s, who, "p99") " | " whole(s, who, "p999") " | " \
            cell(s, who, "calls") " | " whole(s, who, "pss") " |"
    }
}

# --- what is no turn of wrk ---

function verdict(holds) { return holds ? "yes" : "**no**" }

function show_idle(i, who)
{
    print "\n### bytes for each of " whole("idle", "", "connections") \
        " connections at rest\n\n| | bytes | bar | met |\n|---|---|---|---|"
    for (i = 1; i <= n_names; i++) {
        who = names[i]
        if (!count["idle", who, "bytes"])
            continue
        print "| " title[who] " | " whole("idle", who, "bytes") " | " \
            (who == "millrace" ? "<= 500 | " verdict(median("idle", who, \
            "bytes") <= 500) : "- | -") " |"
    }
    if (!count["idle", "millrace", "bytes"])
        lack("idle")
}

function show_growth(i, who, r, k, line, m, n_at)
{
    n_at = split("at1 at64 at1000 at10000", at, " ")
    print "\n### CPU us per request at one fixed rate, by connections\n\n" \
        "| | 1 | 64 | 1,000 | 10,000 | 10,000 against 64 | bar | met |\n" \
        "|---|---|---|---|---|---|---|---|"
    for (i = 1; i <= n_names; i++) {
        who = names[i]
        if (!count["growth", who, "at64"])
            continue
        for (r = 1; r <= rounds; r++)
            if (in_round["growth", who, "at64", r] > 0 &&
                in_round["growth", who, "at10000", r] != "")
                add("growth", who, "ratio", \
                    in_round["growth", who, "at10000", r] / \
                    in_round["growth", who, "at64", r])
        line = "| " title[who] " |"
        for (k = 1; k <= n_at; k++)
            line = line " " cell("growth", who, at[k]) " |"
        m = count["growth", who, "ratio"] ? median("growth", who, "ratio") : ""
        print line " " cell("growth", who, "ratio") " | " \
            (who == "millrace" ? "<= 1.25 | " (m == "" ? "-" : \
            verdict(m <= 1.25)) : "- | -") " |"
    }
    if (!count["growth", "millrace", "at64"])
        lack("growth")
}

function show_workers(i, who, r, met)
{
    print "\n### requests a second of one worker and of two, wrk beside them" \
        "\n\n| | one | two | times | bar | met |\n|---|---|---|---|---|---|"
    for (i = n_names; i > 0; i--) {
        who = names[i]
        for (r = 1; r <= rounds; r++)
            if (in_round["workers", who, "rate1", r] > 0)
                add("workers", who, "times", \
                    in_round["workers", who, "rate2", r] / \
                    in_round["workers", who, "rate1", r])
        if (!count["workers", who, "times"])
            continue
        met = count["workers", "nginx", "times"] ? verdict(median("workers", \
            "millrace", "times") >= median("workers", "nginx", "times")) : "-"
        print "| " title[who] " | " whole("workers", who, "rate1") " | " \
            whole("workers", who, "rate2") " | " \
            cell("workers", who, "times") " | " \
            (who == "millrace" ? ">= nginx | " met : "- | -") " |"
    }
    if (!count["workers", "millrace", "times"])
        lack("workers")
}

# For plot.awk: panel, server, value.
function write_medians(k, i, n, at)
{
    for (k = 1; k <= n_order; k++)
        for (i = 1; i <= n_names; i++)
            dot(order[k], names[i], "cpu", text[order[k]] ", CPU us")
    for (i = 1; i <= n_names; i++)
        dot("idle", names[i], "bytes", "bytes per connection at rest")
    for (i = 1; i <= n_names; i++) {
        dot("workers", names[i], "rate1", "one worker, requests a second")
        dot("workers", names[i], "rate2", "two workers, requests a second")
    }
    n = split("at1 at64 at1000 at10000", at, " ")
    for (k = 1; k <= n; k++)
        for (i = 1; i <= n_names; i++)
            dot("growth", names[i], at[k], "one fixed rate, " \
                substr(at[k], 3) " connections, CPU us per request")
}

function dot(s, who, what, where)
{
    if (count[s, who, what])
        printf "%s\t%s\t%s\n", where, title[who], median(s, who, what) >medians
}

function lack(s)
{
    print "no figure of ours: " s >"/dev/stderr"
    wrong = 1
}

END {
    for (k = 1; k <= n_order; k++) {
        s = order[k]
        if (!seen[s])
            continue
        if (!found++) {
            print "| server CPU us per request | ours | bare epoll loop |" \
                " nginx | best peer | ratio | bar | met |"
            print "|---|---|---|---|---|---|---|---|"
        }
        if (!count[s, "millrace", "cpu"]) {
            lack(s)
            continue
        }
        print judge(s)
    }
    for (k = 1; k <= n_order; k++)
        if (seen[order[k]])
            details(order[k])
    if (seen["idle"])
        show_idle()
    if (seen["growth"])
        show_growth()
    if (seen["workers"])
        show_workers()
    found += seen["idle"] + seen["growth"] + seen["workers"]
    if (!check) {
        prove("tiny", 0.90)
        prove("pipelined", 0.15)
    }
    if (medians)
        write_medians()
    exit wrong || !found
}
