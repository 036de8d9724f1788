#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_calls.sh - how many system calls a request costs: at 64 keep-alive
# connections on one worker at most 2.2 (a recv, a send, a share of an
# epoll_wait), epoll_ctl under 0.01.
#
# strace counts from before the first connection, so that what the connections
# themselves cost is in the figures too: they are a little too high, not too
# low. A request is one that wrk got an answer to.

set -u
. "${0%/*}/../site.sh"

site_start 'workers = 1
route "/" { app = hello }'
worker=$(site_workers)
strace -f -c -S calls -p "$worker" -o "$tmp/calls" 2>"$tmp/strace" &
tracer=$!
attached_or_dead() {
    grep -q attached "$tmp/strace" || ! kill -0 $tracer 2>/dev/null
}
until_true attached_or_dead
if ! kill -0 $tracer 2>/dev/null || ! grep -q attached "$tmp/strace"; then
    bad 'strace may not attach here (ptrace): the calls cannot be counted' \
        "$tmp/strace"
    checks_done e2e/calls
    exit
fi
wrk -t1 -c64 -d6s "$site_url/" >"$tmp/wrk" 2>&1 || bad wrk "$tmp/wrk"
kill -INT $tracer
wait $tracer

requests=$(awk '/requests in/ { print $1 }' "$tmp/wrk")
# The columns of calls: time, seconds, usecs/call, calls, [errors,] name.
awk -v n="${requests:-0}" '
    $1 ~ /^[0-9.]+$/ && $4 ~ /^[0-9]+$/ {
        if ($NF == "total") all = $4; else calls[$NF] = $4
    }
    END {
        if (n == 0) exit 1
        for (name in calls)
            if (calls[name] / n >= 0.001)
                printf "  %-12s %.4f\n", name, calls[name] / n
        printf "  %-12s %.4f per request, of %d\n", "all", all / n, n
        exit !(all / n <= 2.2 && calls["epoll_ctl"] / n < 0.01)
    }' "$tmp/calls" >"$tmp/table"
within=$?
cat "$tmp/table"
check 'enough requests to judge' [ "${requests:-0}" -gt 5000 ]
if [ $within -eq 0 ]; then ok; else bad 'too many calls' "$tmp/calls"; fi
site_stop
checks_done e2e/calls
