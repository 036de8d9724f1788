#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_calls.sh - how many system calls a request costs: at 64 keep-alive
# connections on one worker at most 2.2 (a recv, a send, a share of an
# epoll_wait), epoll_ctl under 0.01; with a connection each at most 5 (accept4
# and close as well), epoll_ctl still under 0.01.
#
# strace counts from before the first connection, so that what the connections
# themselves cost is in the figures too: they are a little too high, not too
# low. A request is one that wrk got an answer to.

set -u
. "${0%/*}/../site.sh"

site_start 'workers = 1
route "/" { app = hello }'
worker=$(site_workers)
attached_or_dead() {
    grep -q attached "$tmp/strace" || ! kill -0 $tracer 2>/dev/null
}

# count WHAT MOST SECONDS [FIELD]: a request costs at most so many calls.
count() {
    : >"$tmp/strace"
    strace -f -c -S calls -p "$worker" -o "$tmp/calls" 2>"$tmp/strace" &
    tracer=$!
    until_true attached_or_dead
    if ! kill -0 $tracer 2>/dev/null || ! grep -q attached "$tmp/strace"; then
        bad 'strace may not attach here (ptrace): no calls can be counted' \
            "$tmp/strace"
        return
    fi
    wrk -t1 -c64 -d"$3s" ${4:+-H "$4"} "$site_url/" >"$tmp/wrk" 2>&1 ||
        bad wrk "$tmp/wrk"
    kill -INT $tracer
    wait $tracer
    requests=$(awk '/requests in/ { print $1 }' "$tmp/wrk")
    # The columns of calls: time, seconds, usecs/call, calls, [errors,] name.
    awk -v n="${requests:-0}" -v most="$2" '
        $1 ~ /^[0-9.]+$/ && $4 ~ /^[0-9]+$/ {
            if ($NF == "total") all = $4; else calls[$NF] = $4
        }
        END {
            if (n == 0) exit 1
            for (name in calls)
                if (calls[name] / n >= 0.001)
                    printf "  %-12s %.4f\n", name, calls[name] / n
            printf "  %-12s %.4f per request, of %d\n", "all", all / n, n
            exit !(all / n <= most && calls["epoll_ctl"] / n < 0.01)
        }' "$tmp/calls" >"$tmp/table"
    within=$?
    echo "$1:"
    cat "$tmp/table"
    check "$1: enough requests to judge" [ "${requests:-0}" -gt 5000 ]
    if [ $within -eq 0 ]; then ok; else bad "$1: too many calls" "$tmp/calls"; fi
}

count 'kept connections' 2.2 6
count 'a connection each' 5 3 'Connection: close'
site_stop
checks_done e2e/calls
