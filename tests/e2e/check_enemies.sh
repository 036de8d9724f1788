#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_enemies.sh - slow, silent, endless and deaf clients, while others are
# served; and what memory a worker needs for it. Time-outs are short here, so
# that each enemy's end is seen; nothing waits for a time to pass.

set -u
. "${0%/*}/../site.sh"
enemy=$MR_BUILD/tests/e2e/enemy
exec 3>&1 # figures are shown, also where all is well

mkdir "$tmp/www"
echo small >"$tmp/www/small"
head -c 1M /dev/zero >"$tmp/www/large"
start() {
    site_start 'workers = 1
header_timeout = 5s
body_timeout = 5s
write_timeout = 5s
keepalive_timeout = '"$1"'
route "/echo" { app = echo }
route "/" { app = files root = "@DIR@/www" }'
    worker=$(site_workers)
    base=$(peak)
}

# What the worker has had at most, in KiB.
peak() { awk '$1 == "VmHWM:" { print $2 }' "/proc/$worker/status"; }

# grown_less MIB: is it the worker of the start, and less than so much larger?
grown_less() {
    most=$(peak) && [ -n "$most" ] || return 1
    echo "    the worker: $base KiB at its start, at most $most KiB" >&3
    [ $((most - base)) -lt $(($1 * 1024)) ]
}

# --- endless ones, and one that never reads ---
start 75s
for kind in request-line empty-lines fields field blanks extension extensions \
    size-digits trailers trailer unwanted-body; do
    check "endless $kind" "$enemy" flood "$site_host" 8080 $kind
done
check '10,000 requests, no answer read' \
    "$enemy" unread "$site_host" 8080 10000
check 'the memory of a worker is bounded' grown_less 16

# --- 1,000 slow ones, in four ways ---
# slow MODE ARGUMENT...: others are served as long as it runs.
slow() {
    what=$1
    shift
    slowhttptest -c 1000 -r 500 -i 1 -l 20 -p 3 "$@" >"$tmp/slow" 2>&1 &
    slow_pid=$!
    check "slowhttptest, $what" "$enemy" watch "$site_host" 8080 $slow_pid
    wait $slow_pid || bad "slowhttptest, $what: status $?" "$tmp/slow"
}
slow 'slow heads' -H -u "$site_url/small"
slow 'slow bodies' -B -u "$site_url/echo"
slow 'ranges' -R -u "$site_url/large" -a 10 -b 3000
slow 'slow readers' -X -u "$site_url/large" -w 512 -y 1024 -n 5 -z 32
check 'the memory of a worker is bounded' grown_less 200
site_stop

# --- silent ones ---
start 75s
check '15,000 that say nothing' "$enemy" idle "$site_host" 8080 15000
# At rest they take some 300 bytes each; and when they leave all at once, their
# ends are seen without a stack.
check '15,000 that come and leave take little' grown_less 16
site_stop
checks_done e2e/enemies
