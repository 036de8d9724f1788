#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_wrk.sh - wrk, 256 connections, DURATION each (10s): not one socket error
# and no status but 2xx. And 1,000 connections to a handler that sleeps.

set -u
. "${0%/*}/../site.sh"

# The page is small, as wrk's one thread shall be busy with requests.
mkdir "$tmp/www"
echo '<!DOCTYPE html><title>t</title><p>t' >"$tmp/www/index.html"
site_start 'route "/echo" { app = echo }
route "/hello" { app = hello }
route "/slow" { app = hello delay = 100ms }
route "/" { app = files root = "@DIR@/www" }'

# load CONNECTIONS TIME PATH
load() {
    wrk -t1 -c"$1" -d"$2" --latency "$site_url$3" >"$tmp/wrk" 2>&1 ||
        { bad "wrk $3" "$tmp/wrk"; return; }
    echo "$3, $1 connections: $(awk '/Requests\/sec/ { print $2 " requests/s" }
        $1 == "50%" || $1 == "99%" { printf "%s %s, ", $1, $2 }' "$tmp/wrk")"
    if grep -qE 'Socket errors|Non-2xx' "$tmp/wrk"; then
        bad "wrk $3" "$tmp/wrk"
    elif [ "$(awk '/requests in/ { print $1 }' "$tmp/wrk")" -gt 100 ]; then
        ok
    else
        bad "wrk $3: next to nothing was answered" "$tmp/wrk"
    fi
}
time=${DURATION-10s}
load 256 "$time" /
load 256 "$time" /hello
load 256 "$time" /echo
load 1000 5s /slow
site_stop
checks_done e2e/wrk
