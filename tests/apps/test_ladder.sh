#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_ladder.sh - what the ladder names is there, and shown where it says.
#
# Every mr_ and MR_ name in apps/tour/README.md is declared in a header of core,
# io or http; `_set` after `mr_event_wait` is mr_event_set, with any number of words
# of the first one. Every file that it links to exists.

set -u
cd "${0%/*}/../.." || exit 1
readme=${1-apps/tour/README.md}
good=0
bad=0
words=$(mktemp) || exit 1
trap 'rm -f "$words"' EXIT

cat core/*.h io/*.h http/*.h | grep -oE '\b(mr|MR)_[A-Za-z0-9_]+' | sort -u >"$words"

# has NAME: a header has it.
has() { grep -qxF "$1" "$words"; }

# check WHAT STATUS
check() {
    if [ "$2" -eq 0 ]; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        echo "ladder: $1"
    fi
}

# Each row's names, in order; a line without any is passed over.
grep -oE '`[^`]*`' "$readme" | grep -oE '\b(mr|MR)_[A-Za-z0-9_]+|^`_[a-z][a-z_]*' |
    tr -d '`' >"$words.names"
trap 'rm -f "$words" "$words.names"' EXIT
last=
while read -r name; do
    case $name in
    _*)
        found=1
        for stem in "${last%_*}" "${last%_*_*}"; do
            has "$stem$name" && found=0
        done
        check "no header has $last with $name" $found
        ;;
    *)
        has "$name"
        check "no header has $name" $?
        last=$name
        ;;
    esac
done <"$words.names"

for file in $(grep -oE '\]\([^)]*\)' "$readme" | tr -d '])('); do
    [ -e "$(dirname "$readme")/$file" ]
    check "no file $file" $?
done
[ "$good" -gt 50 ]
check 'hardly anything was looked at' $?

[ -n "${MR_TEST_TALLY-}" ] && echo "$good $bad ladder" >>"$MR_TEST_TALLY"
echo "apps/test_ladder: $good passed, $bad failed"
[ $bad -eq 0 ]
