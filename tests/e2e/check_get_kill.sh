#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_get_kill.sh - mrget killed at random moments, hundreds of times: the
# next one goes on, and in the end every byte is right.
#
# SEED= gives the same moments again (but not the same machine below them).
# KILLS (320) are shared among WORKERS (8), each with a file of its own. Half of
# them come within two seconds: a journal is written after the first, so a run
# meets what another left, writes the next one, and comes to the end. A quarter
# come within 50 ms, and so does a quarter that has a small file instead, which
# is whole about then: its last sync and its rename are met. Whoever has had his
# kills may finish.
#
# In the end it is counted what was sent: a file needs longer than any run but
# the last has, so who never goes on sends very much more than there is.

set -u
cd "${0%/*}/../.." || exit 1
. tests/site.sh
. tests/bad/bad.sh
kills=${KILLS-320}
workers=${WORKERS-8}
seed=${SEED-$(date +%s)}
echo "get_kill: SEED=$seed"
bad_start
# Each of four connections gets 1.6 MB a second: longer than a kill waits.
query='size=16M&piece=64K&every=40ms'

# worker I: its kills, then the end; complaints in $tmp/said.I. How often the
# file became whole by itself in between is in $tmp/whole.I.
worker() {
    mkdir "$tmp/box.$1"
    box=$tmp/box.$1
    moments=$(awk -v seed="$((seed + $1))" -v n="$((kills / workers))" '
        BEGIN {
            srand(seed)
            for (i = 0; i < n; i++) {
                kind = rand()
                printf "%s:%.3f\n", kind < 0.25 ? "small" : "big",
                    kind < 0.5 ? rand() / 20 : rand() * 2
            }
        }')
    file=1
    for moment in $moments big:last; do
        name=f$file
        size=16M
        how=$query
        if [ "${moment%:*}" = small ]; then
            name=s$file
            size=256K
            how=size=256K
        fi
        moment=${moment#*:}
        (cd "$box" && HOME=$tmp exec "$mrget" -q -c -x 4 --retry 3 \
            --retry-wait 10ms "$bad_url/$1/$name?$how&seed=$file") \
            >"$tmp/out.$1" 2>&1 </dev/null &
        pid=$!
        if [ "$moment" != last ]; then
            sleep "$moment"
            kill -9 $pid 2>/dev/null
        fi
        wait $pid 2>/dev/null
        status=$?
        # The name is the promise, whoever was killed.
        if [ -e "$box/$name" ]; then
            "$bad_program" --write $size $file | cmp - "$box/$name" ||
                echo "$name of $1 is wrong"
            rm -f "$box/$name"
            if [ $size = 16M ]; then
                echo whole >>"$tmp/whole.$1"
                file=$((file + 1))
            else
                echo small >>"$tmp/small.$1"
            fi
        elif [ $status != 137 ]; then
            echo "$name of $1: status $status"
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
whole=$(cat "$tmp"/whole.* | wc -l)
sent=$("$mrget" -q -o - "$bad_url/stat" | awk '
    $1 == "path" && $2 ~ /\/f/ { n += $8 } END { printf "%d\n", n / 1048576 }')
echo "get_kill: killed $killed times, $whole files of 16 MiB became whole," \
    "of $sent MiB sent, and $(cat "$tmp"/small.* | wc -l) small ones"
# It was 2.4 times as much; with the parts and journals removed before each run,
# so that nothing can go on, 4.7 times.
check "of $((whole * 16)) MiB $sent were sent: does it go on?" \
    [ "$sent" -le $((whole * 56)) ]
bad_stop
checks_done e2e/get_kill
