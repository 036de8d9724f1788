#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_get_kill.sh - mrget killed at random moments, hundreds of times: the
# next one goes on, and in the end every byte is right.
#
# SEED= gives the same moments again (but not the same machine below them).
# KILLS (240) are shared among WORKERS (8), each with a file of its own. One in
# four comes within 50 ms, the rest within two seconds, so that all of a
# download's life is met: a journal is first written after a second. Whoever has
# had his kills may finish.

set -u
cd "${0%/*}/../.." || exit 1
. tests/site.sh
. tests/bad/bad.sh
kills=${KILLS-240}
workers=${WORKERS-8}
seed=${SEED-$(date +%s)}
echo "get_kill: SEED=$seed"
bad_start
# Of 64 MiB each connection gets about 13 MB a second, and there are four.
query='size=64M&piece=128K&every=10ms'

# worker I: its kills, then the end; complaints in $tmp/said.I. How often the
# file became whole by itself in between is in $tmp/whole.I.
worker() {
    mkdir "$tmp/box.$1"
    box=$tmp/box.$1
    moments=$(awk -v seed="$((seed + $1))" -v n="$((kills / workers))" '
        BEGIN {
            srand(seed)
            for (i = 0; i < n; i++)
                printf "%.3f\n", rand() < 0.25 ? rand() / 20 : rand() * 2
        }')
    file=1
    for moment in $moments last; do
        (cd "$box" && HOME=$tmp exec "$mrget" -q -c -x 4 --retry 3 \
            --retry-wait 10ms "$bad_url/$1/f$file?$query&seed=$file") \
            >"$tmp/out.$1" 2>&1 </dev/null &
        pid=$!
        if [ "$moment" != last ]; then
            sleep "$moment"
            kill -9 $pid 2>/dev/null
        fi
        wait $pid 2>/dev/null
        status=$?
        # The name is the promise, whoever was killed.
        if [ -e "$box/f$file" ]; then
            "$bad_program" --write 64M $file | cmp - "$box/f$file" ||
                echo "f$file of $1 is wrong"
            rm -f "$box/f$file"
            echo whole >>"$tmp/whole.$1"
            file=$((file + 1))
        elif [ $status != 137 ]; then
            echo "f$file of $1: status $status"
            cat "$tmp/out.$1"
        fi
        [ $status = 137 ] && echo killed >>"$tmp/killed.$1"
    done
    [ -s "$tmp/whole.$1" ] || echo "$1 never became whole"
}

all=
i=0
while [ $i -lt "$workers" ]; do
    i=$((i + 1))
    worker $i >"$tmp/said.$i" 2>&1 &
    all="$all $!"
done
# shellcheck disable=SC2086
wait $all
cat "$tmp"/said.* >"$tmp/complaints"
killed=$(cat "$tmp"/killed.* | wc -l)
if [ ! -s "$tmp/complaints" ]; then ok
else bad "SEED=$seed" "$tmp/complaints"; fi
check "killed $killed times, not 200" [ "$killed" -ge 200 ]
bytes=$("$mrget" -q -o - "$bad_url/stat" | sed -n 's/^bytes //p')
echo "get_kill: killed $killed times, $(cat "$tmp"/whole.* | wc -l) files" \
    "became whole, of $((bytes / 1048576)) MiB sent"
bad_stop
checks_done e2e/get_kill
