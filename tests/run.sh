#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh COMMAND... - run test commands side by side and add up their results.
#
# A command appends "passed failed name" to $MR_TEST_TALLY. One that appends
# nothing counts as one test, and one that fails without saying so (it crashed,
# or a sanitizer found something at its exit) as one failure. The output of
# each stays together. At the end those that failed are named, with the last
# lines of each. The last line is alone: N passed, M failed. The exit status is
# 1 if anything failed.
#
# $RUN is put before a command that starts with a path below build/, so that
# Valgrind or an emulator can run it. JOBS is how many run at once: one more than
# there are CPUs, as many of them mostly wait.

set -u

if [ "${1-}" = --one ]; then
    work=$2
    command=$3
    mine=$(mktemp "$work/XXXXXX") || exit 1
    MR_TEST_TALLY=$mine.tally
    export MR_TEST_TALLY
    : >"$MR_TEST_TALLY"
    case $command in
    build/* | "${MR_BUILD-build}"/*) sh -c "${RUN-} $command" ;;
    *) sh -c "$command" ;;
    esac >"$mine" 2>&1 </dev/null
    status=$?
    name=${command%% *}
    if [ $status -eq 0 ] && [ ! -s "$MR_TEST_TALLY" ]; then
        echo "1 0 $name" >>"$MR_TEST_TALLY"
    elif [ $status -ne 0 ] && ! grep -q '^[0-9]* [1-9]' "$MR_TEST_TALLY"; then
        echo "$name: ended with status $status" >>"$mine"
        echo "0 1 $name" >>"$MR_TEST_TALLY"
    fi
    flock "$work" cat "$mine"
    if grep -q '^[0-9]* [1-9]' "$MR_TEST_TALLY"; then
        { printf '\n--- failed: %s\n' "$command" && tail -n 12 "$mine"; } \
            >"$mine.failed"
    fi
    exit 0
fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
[ $# -eq 0 ] ||
    printf '%s\0' "$@" | xargs -0 -n 1 -P "${JOBS:-$(($(nproc) + 1))}" "$0" --one "$work"
cat "$work"/*.failed 2>/dev/null
cat "$work"/*.tally 2>/dev/null | awk '
    { good += $1; bad += $2 }
    END {
        printf "%d passed, %d failed\n", good, bad
        exit bad > 0 || good == 0
    }'
