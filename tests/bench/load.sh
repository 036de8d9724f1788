#!/bin/sh
# SPDX-License-Identifier: MIT
#
# load.sh - wrk against a server that this starts: a table of requests a second,
# latencies, and the server's CPU time for a request.
#
# wrk's one thread tops out near 200,000 requests a second: where a request
# costs the server less than 5 us, its CPU time is the figure, not the rate.
#
# DURATION (3s) of each run, CONNECTIONS (64), WORKERS (1), DEPTH (16) of the
# pipelined runs.

set -u
here=${0%/*}
. "$here/../site.sh"

duration=${DURATION-3s}
connections=${CONNECTIONS-64}
depth=${DEPTH-16}
mkdir "$tmp/www"
head -c 1024 /dev/zero | tr '\0' x >"$tmp/www/1k.txt"
site_start "workers = ${WORKERS-1}
route '/echo' { app = echo }
route '/hello' { app = hello }
route '/slow' { app = hello  delay = 100ms }
route '/' { app = files root = '@DIR@/www' }"

# All workers' user and system time so far, in clock ticks.
ticks() {
    for worker in $(site_workers); do
        awk '{ print $14 + $15 }' "/proc/$worker/stat"
    done | awk '{ sum += $1 } END { print sum }'
}

# run NAME PATH OPTION... [-- ARGUMENT...]: one line of the table. wrk says
# 0.00us for a percentile that it does not know, as with pipelined requests.
run() {
    name=$1
    path=$2
    shift 2
    before=$(ticks)
    wrk -t1 -c"$connections" -d"$duration" --latency "$site_url$path" "$@" \
        >"$tmp/wrk" 2>&1 || { bad "wrk: $name" "$tmp/wrk"; return; }
    after=$(ticks)
    if grep -qE 'Socket errors|Non-2xx' "$tmp/wrk"; then
        bad "wrk: $name" "$tmp/wrk"
    else
        ok
    fi
    awk -v name="$name" -v ticks=$((after - before)) \
        -v hz="$(getconf CLK_TCK)" '
        $1 == "50%" { p50 = $2 }
        $1 == "99%" { p99 = $2 }
        /requests in/ { n = $1 }
        /Requests\/sec/ { rate = $2 }
        END {
            if (p99 == "0.00us") p99 = "-"
            printf "%-28s %12.0f %10s %10s %10.2f\n", name, rate, p50, p99,
                n ? ticks / hz / n * 1e6 : 0
        }' "$tmp/wrk"
}

echo "$(uname -sr), $(nproc) CPUs, ${WORKERS-1} worker(s), wrk -t1" \
    "-c$connections -d$duration"
printf '%-28s %12s %10s %10s %10s\n' '' 'requests/s' 'p50' 'p99' 'CPU us/req'
deep="$depth at once"
pipe=$here/pipeline.lua
run 'hello' /hello
run "hello, $deep" /hello -s "$pipe" -- "$depth"
run 'echo, POST 1 KiB' /echo -s "$here/post.lua"
run "echo, POST 1 KiB, $deep" /echo -s "$pipe" -- "$depth" "$here/post.lua"
run 'files, 1 KiB' /1k.txt
run "files, 1 KiB, $deep" /1k.txt -s "$pipe" -- "$depth"
connections=1000
run '100 ms, 1000 connections' /slow
site_stop
checks_done bench/load >"$tmp/totals" || { cat "$tmp/totals"; exit 1; }
