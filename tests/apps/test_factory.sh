#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_factory.sh - the factory: its command line, what each way makes, how it
# is told, and that nobody works on when the boss has gone.
#
# Few scissors and short waits; how long anything takes is not looked at.

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
        echo "factory: $1"
        cat "$tmp/out" "$tmp/err"
    fi
}

# run ARG...: the factory; $status, $tmp/out, $tmp/err.
run() {
    # shellcheck disable=SC2086
    ${RUN-} "$build/factory" "$@" >"$tmp/out" 2>"$tmp/err"
    status=$?
}

quick='--quick --scissors 23 --compute 30 --wait 300'

# --- the command line ---

# refused WORDS ARG...
refused() {
    words=$1
    shift
    run "$@"
    [ $status -eq 2 ] && [ ! -s "$tmp/out" ] && grep -qFe "$words" "$tmp/err"
    check "'$*' is not refused as it should be (status $status)" $?
}

refused "nothing to do: try 'factory make'"
refused "'bake': the only command is 'make'" bake
refused "'more': the only command is 'make'" make more
refused "--by 'foo': it is processes," make --by foo
refused "--by '': it is processes," make --by ''
refused "option '--by': it needs a value" make --by
refused "option '--foo': there is none" make --foo
refused "option '-x': there is none" make -x
for n in 0 -1 x 1x 1.5 '' ' 1' 100001 99999999999999999999; do
    refused "-P '$n': a whole number from 1 to 100000" make -P "$n"
done
refused "-T '0': a whole number from 1 to 1000000" make -T 0
refused "-C '0': a whole number from 1 to" make -C 0
refused "--scissors '0': a whole number from 1 to" make --scissors 0
refused "--steps '0': a whole number from 1 to" make --steps 0
refused "--compute '-1': a whole number from 0 to" make --compute -1
refused "--wait '3600000001': a whole number from 0 to" make --wait 3600000001

run --help
[ $status -eq 0 ] && [ ! -s "$tmp/err" ] && grep -q '^usage: factory make' "$tmp/out"
check 'there is no --help' $?
for option in --by --scissors -P -T -C --compute --wait --steps --json --quick; do
    grep -q -e "^  $option" "$tmp/out"
    check "--help does not name $option" $?
done
awk '/^usage: factory/ { on = 1 } /^```$/ { on = 0 } on' \
    apps/factory/README.md | cmp -s - "$tmp/out"
check 'apps/factory/README.md shows another --help' $?

# --- the table ---

# shellcheck disable=SC2086
run make $quick -P 2 -T 3
check "make ends with status $status" $status
[ ! -s "$tmp/err" ]
check 'make says something on standard error, which is no terminal' $?
awk '
    $1 == "processes" { ok += $2 $3 $4 == "2x1" && $NF == "-" }
    $1 == "threads" { ok += $2 $3 $4 == "1x3" && $NF == "-" }
    $1 == "both" { ok += $2 $3 $4 == "2x3" && $NF == "-" }
    $1 == "coroutines" { ok += $2 $3 $4 == "1x23" && $NF > 0 }
    $1 == "layered" { ok += $2 $3 $4 == "2x12" && $NF > 0 }
    END { exit ok != 5 }' "$tmp/out"
check 'the table has not a row for each way' $?
for row in 'a switch' 'memory, waiting' 'so many more here' 'limited by:'; do
    grep -q "^$row" "$tmp/out"
    check "the table has no '$row'" $?
done

# --- JSON ---

# What is left of JSON when strings are S, other values V, and pairs P, is
# taken in from the inside until one value is left.
json() {
    tr -d '\n' <"$1" | awk '{
        gsub(/"([^"\\]|\\.)*"/, "S")
        gsub(/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?|true|false|null/, "V")
        gsub(/[ \t]+/, "")
        do {
            before = $0
            gsub(/S:[SV]/, "P")
            gsub(/\{(P(,P)*)?\}/, "V")
            gsub(/\[([SV](,[SV])*)?\]/, "V")
        } while ($0 != before)
        ok = $0 == "V"
    }
    END { exit !ok }'
}
# The judge is no yes-man.
for broken in '{"a": 1' '{"a": 1,}' '[1 2]' '{"a" 1}' '{a: 1}' '01' ''; do
    echo "$broken" >"$tmp/json"
    ! json "$tmp/json"
    check "'$broken' passes for JSON" $?
done

# shellcheck disable=SC2086
run make $quick --json -P 3 -T 2 -C 4
check "make --json ends with status $status" $status
json "$tmp/out"
check 'what --json prints is none' $?
for way in processes threads both coroutines layered; do
    grep "\"way\": \"$way\"" "$tmp/out" | grep -q '"made": 23,'
    check "by $way not 23 were made" $?
done
for unit in process thread coroutine; do
    grep -q "\"unit\": \"$unit\", \"switch_ns\": [1-9]" "$tmp/out" ||
        grep -q "\"unit\": \"$unit\", \"switch_ns\": 0\.[0-9]*[1-9]" "$tmp/out"
    check "a switch of a $unit was not measured" $?
    grep "\"unit\": \"$unit\"" "$tmp/out" | grep -q '"most": [1-9]'
    check "there may be no $unit at all" $?
done

# --- as many as asked for, however they are shared out ---

# makes N ARG...
makes() {
    n=$1
    shift
    run make --quick --json --compute 1 --wait 0 "$@" --scissors "$n"
    [ $status -eq 0 ] && ! grep '"made"' "$tmp/out" | grep -vq "\"made\": $n,"
    check "'$*' does not make $n (status $status)" $?
}
makes 1 -P 3 -T 3 -C 3 --steps 7
makes 2 -P 3 -T 1
makes 100 -P 7 -T 5 -C 1
makes 101 --by both --by layered --by both -P 1
grep -c '"way"' "$tmp/out" | grep -qx 2
check 'two ways asked for give not two rows' $?

# --- what cannot be had ---

case ${MODE-release}${RUN-} in
release | debug)
    (
        ulimit -v 60000
        run make --quick --by threads -T 2000
        echo $status >"$tmp/status"
    )
    [ "$(cat "$tmp/status")" = 1 ] &&
        grep -q '^factory: threads: only [1-9][0-9]* of 2000 threads could be started: ' "$tmp/err" &&
        grep -q 'fewer with -T, .*(the nearest here: ulimit -v)' "$tmp/err"
    check 'threads that cannot be had are not told' $?
    (
        ulimit -v 60000
        run make --quick --by layered
        echo $status >"$tmp/status"
    )
    [ "$(cat "$tmp/status")" = 1 ] && [ "$(wc -l <"$tmp/err")" = 2 ] &&
        grep -q '^factory: layered: only 0 of 250 coroutines\|^factory: layered: only 0 of [0-9]* coroutines' "$tmp/err"
    check 'coroutines that cannot be had are not told, once' $?
    ;;
esac
# shellcheck disable=SC2086
${RUN-} "$build/factory" make $quick >/dev/full 2>"$tmp/err"
[ $? -eq 1 ] && grep -q 'could not be written' "$tmp/err"
check 'a full disk is not told' $?

# --- a terminal ---

if command -v script >/dev/null; then
    script -qec "$build/factory make --by coroutines $quick" /dev/null \
        >"$tmp/out" 2>"$tmp/err" </dev/null
    grep -q 'coroutines: [0-9]* of 23 scissors, ' "$tmp/out"
    check 'a terminal shows no progress' $?
fi

# --- nobody works on ---

# children PID: those of a process.
children() {
    cat "/proc/$1/task/$1/children" 2>/dev/null
}
# gone PID...: true when all have ended (a zombie has).
gone() {
    for pid; do
        case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null) in
        '' | Z*) ;;
        *) return 1 ;;
        esac
    done
}
if [ -e "/proc/$$/task/$$/children" ] && [ -z "${RUN-}" ]; then
    for sig in INT TERM KILL; do
        "$build/factory" make --by both -P 3 -T 2 --wait 3600000000 \
            >"$tmp/out" 2>"$tmp/err" &
        boss=$!
        while [ "$(children $boss | wc -w)" -lt 3 ]; do
            kill -0 $boss || break
        done
        lines=$(children $boss)
        kill -$sig $boss
        wait $boss 2>/dev/null
        status=$?
        # shellcheck disable=SC2086
        if [ $sig = KILL ]; then
            until gone $lines; do :; done
            [ $status -eq 137 ]
        else
            [ $status -eq 130 ] && gone $lines
        fi
        check "SIG$sig leaves lines at work, or status $status" $?
    done
fi

[ -n "${MR_TEST_TALLY-}" ] && echo "$good $bad factory" >>"$MR_TEST_TALLY"
echo "apps/test_factory: $good passed, $bad failed"
[ $bad -eq 0 ]
