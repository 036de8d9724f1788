#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_tour.sh - the tour's programs print what the tutorial's print.
#
# Each has its output in apps/tour/expected/, and none is missing. What Python
# printed is there as it was, but that a coroutine has a name and a number where
# Python has an address. Sleeps take a hundredth.

set -u
cd "${0%/*}/../.." || exit 1
build=${MR_BUILD-build/release}
good=0
bad=0
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# check NAME STATUS: the case passed if STATUS is 0; $tmp/out says why not.
check() {
    if [ "$2" -eq 0 ]; then
        good=$((good + 1))
    else
        bad=$((bad + 1))
        echo "tour: $1"
        cat "$tmp/out"
    fi
}

for source in apps/tour/[0-9]*.c; do
    name=$(basename "$source" .c)
    ${RUN-} "$build/apps/tour/$name" --fast >"$tmp/got" 2>"$tmp/out"
    check "$name ends with an error" $?
    case $name in
    14-* | 15-*) # ports are the kernel's; who is first, the servers'
        sed -i 's/127\.0\.0\.1:[0-9]*/127.0.0.1:PORT/' "$tmp/got"
        sort -o "$tmp/got" "$tmp/got"
        sort "apps/tour/expected/$name.txt" | cmp -s - "$tmp/got" &&
            cp "apps/tour/expected/$name.txt" "$tmp/got"
        ;;
    esac
    cmp "$tmp/got" "apps/tour/expected/$name.txt" >"$tmp/out" 2>&1 ||
        diff "apps/tour/expected/$name.txt" "$tmp/got" >>"$tmp/out" 2>&1
    check "$name prints something else" $?
done

for expected in apps/tour/expected/*.txt; do
    name=$(basename "$expected" .txt)
    echo "no apps/tour/$name.c" >"$tmp/out"
    [ -e "apps/tour/$name.c" ]
    check "$name has an output and no program" $?
    echo "the ladder lacks it" >"$tmp/out"
    grep -q "($name\.c)" apps/tour/README.md
    check "$name is not in apps/tour/README.md" $?
done

"$build/apps/tour/02-next" --slow >"$tmp/got" 2>"$tmp/out"
[ $? -eq 2 ] && grep -q '^usage: ' "$tmp/out"
check 'an unknown option is not refused' $?

[ -n "${MR_TEST_TALLY-}" ] && echo "$good $bad tour" >>"$MR_TEST_TALLY"
echo "apps/test_tour: $good passed, $bad failed"
[ $bad -eq 0 ]
