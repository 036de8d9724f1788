#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_get_many.sh - a thousand downloads over TLS at once, in one process with
# one thread for them.

set -u
cd "${0%/*}/../.." || exit 1
. tests/site.sh
. tests/bad/bad.sh
n=${N-1000}
ulimit -n "$(ulimit -Hn)"
check 'a certificate' openssl req -x509 -newkey ec -pkeyopt \
    ec_paramgen_curve:P-256 -nodes -keyout "$tmp/key.pem" -out "$tmp/cert.pem" \
    -days 2 -subj /CN=many -addext subjectAltName=IP:127.0.0.1
bad_start --tls "$tmp/cert.pem" "$tmp/key.pem"

# Each answer takes its time, so that all are there at once.
i=0
while [ $i -lt "$n" ]; do
    i=$((i + 1))
    echo "$bad_url/$i/f$i?size=40K&seed=$i&piece=4K&every=500ms"
done >"$tmp/list"
mkdir "$box"
(cd "$box" && HOME=$tmp exec "$mrget" -q -j "$n" -J "$n" --cacert \
    "$tmp/cert.pem" -i "$tmp/list") >"$tmp/said" 2>&1 </dev/null &
pid=$!
most=0
while kill -0 $pid 2>/dev/null; do
    threads=$(sed -n 's/^Threads:[^0-9]*//p' /proc/$pid/status 2>/dev/null)
    [ "${threads:-0}" -le $most ] || most=$threads
    peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' /proc/$pid/status \
        2>/dev/null)
    [ -z "$peak" ] || last_peak=$peak
    sleep 0.1
done
wait $pid
status=$?
if [ $status = 0 ]; then ok; else bad "status $status" "$tmp/said"; fi

wrong=0
i=0
while [ $i -lt "$n" ]; do
    i=$((i + 1))
    is_file f$i 40K $i >"$tmp/cmp" 2>&1 || wrong=$((wrong + 1))
done
check "$wrong of $n are wrong" [ $wrong = 0 ]
at_once=$("$mrget" -q --cacert "$tmp/cert.pem" -o - "$bad_url/stat" |
    sed -n 's/^most_live //p')
check "$at_once at once" [ "${at_once:-0}" -ge "$n" ]
# One for them all; the others are the few that wait for disks and names.
check "$most threads" [ "$most" -le 6 ]
echo "get_many: $at_once at once, $most threads, ${last_peak-?} KiB at most"
bad_stop
checks_done e2e/get_many
