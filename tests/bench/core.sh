#!/bin/sh
# SPDX-License-Identifier: MIT
#
# core.sh [--check] - what the core costs, beside its peers, in one run.
# ROWS="raw_switch tcp_echo" are the only ones, ROUNDS (5) how many times.
#
# A row is one thing that ours and some peers do. Each round runs each row with
# all its contenders one after the other, so that what disturbs the machine
# disturbs them all. Everything that is measured is pinned to one CPU, the load
# client of the TCP echo to another; the figure is CPU time; what is printed is
# the median of the rounds, and how far it went.
#
# A row is met when our figure is within the bar, or, as clocks differ from one
# machine to the next, within a ratio of another figure of the same run.
#
# RESULTS=1 puts the table at the top of RESULTS.md. --check: everything once
# and small, and every figure must come; it is what keeps this from rotting.
#
# Ours is $MR_BUILD/tests/bench/bench_core; peers/core/ has the others.

set -u
here=${0%/*}
. "$here/../site.sh"

build=${MR_BUILD:?the directory of the build}
bin=$build/tests/bench/peers/core
rounds=${ROUNDS-5}
trips=10000
turns=15
check=
if [ "${1-}" = --check ]; then
    check=1
    rounds=1
    trips=1000
    turns=1
fi

# The first and the last CPU that this may use.
cpus=$(taskset -cp $$ | sed 's/.*: //')
cpu=$(echo "$cpus" | sed 's/[-,].*//')
other=$(echo "$cpus" | sed 's/.*[-,]//')

sh "$here/peers/core/build.sh" "$bin" >"$tmp/peers" 2>&1
built=$?
cat "$tmp/peers"
[ $built -eq 0 ] || { echo 'a peer does not build' >&2; exit 1; }
: >"$tmp/figures"

# program NAME: its command.
program() {
    case $1 in
    millrace) echo "$build/tests/bench/bench_core" ;;
    *) echo "$bin/$1" ;;
    esac
}

# one ROW CONTENDER [N]: lines of contender, row, value.
one() {
    row=$1
    who=$2
    run=$(program "$who")
    [ -x "$run" ] || return 0
    shift 2
    if taskset -c "$cpu" "$run" --tsv "$row" "$@" >"$tmp/one" 2>"$tmp/said" &&
        [ -s "$tmp/one" ]; then
        ok
        awk -v who="$who" '{ print who "\t" $1 "\t" $2 }' "$tmp/one" \
            >>"$tmp/figures"
    else
        bad "$who, $row" "$tmp/one" "$tmp/said"
    fi
}

# Is this row asked for?
wanted() { case " ${ROWS-$1} " in *" $1 "*) ;; *) false ;; esac }

# row NAME N CONTENDER...: all of them, once. N is ours when it is short.
row() {
    name=$1
    small=$2
    shift 2
    wanted "$name" || return 0
    for contender in "$@"; do
        case $check,$contender in
        ,*) one "$name" "$contender" ;;
        1,millrace) one "$name" millrace "$small" ;;
        *) one "$name" "$contender" 200 ;;
        esac
    done
}

# --- TCP echo ---

echo_pids=
stop_echoes() {
    for pid in $echo_pids; do
        kill "$pid"
        wait "$pid"
    done 2>/dev/null
    echo_pids=
}
trap 'stop_echoes; site_clean' EXIT

printed_or_dead() { [ -s "$1" ] || ! kill -0 "$2" 2>/dev/null; }

# echo_start CONTENDER COMMAND...: it prints its port.
: >"$tmp/echoes"
echo_start() {
    who=$1
    shift
    [ -x "$1" ] || return 0
    : >"$tmp/port"
    taskset -c "$cpu" "$@" >"$tmp/port" 2>&1 &
    echo_pids="$echo_pids $!"
    if until_true printed_or_dead "$tmp/port" $! && [ -s "$tmp/port" ]; then
        echo "$who 127.0.0.1 $(cat "$tmp/port") $!" >>"$tmp/echoes"
    else
        bad "the echo of $who does not start" "$tmp/port"
    fi
}

echo_servers() {
    echo_start epoll "$bin/echo_epoll"
    echo_start millrace "$build/tests/bench/echo_io"
    echo_start state_threads "$bin/state_threads" --echo
    echo_start go "$bin/go" --echo
    [ ! -x "$bin/gevent" ] || echo_start gevent /usr/bin/python3 \
        "$here/peers/core/peer.py" gevent --echo
    site_start "workers = 1
listen \"tcp @HOST@:7007\" { app = echo }"
    taskset -cp "$cpu" "$(site_workers)" >"$tmp/said"
    echo "echo_app $site_host 7007 $(site_workers)" >>"$tmp/echoes"
}

# The servers stay up; the one that is not asked sleeps. The kernel's share is
# nearly all, and varies from one tenth of a second to the next: so there are
# many short turns, another one first in each, and each figure is compared with
# the bare loop's in the same turn.
turns_begun=0
echo_turn() {
    first=$((turns_begun % $(wc -l <"$tmp/echoes") + 1))
    turns_begun=$((turns_begun + 1))
    { tail -n "+$first" "$tmp/echoes"
      head -n $((first - 1)) "$tmp/echoes"; } >"$tmp/turn"
    while read -r who host port pid; do
        n=$trips
        [ "$who" != gevent ] || n=$((trips / 2))
        if taskset -c "$other" "$bin/echo_load" "$host" "$port" "$pid" $n \
            >"$tmp/one" 2>"$tmp/said"; then
            ok
            echo "$who	tcp_echo	$(cat "$tmp/one")	$turns_begun" \
                >>"$tmp/figures"
        else
            bad "TCP echo, $who" "$tmp/said"
        fi
    done <"$tmp/turn"
}

# --- the run ---

# Where it is, on a terminal.
say() { [ ! -t 2 ] || printf '\r%-20s\r' "$1" >&2; }

round=1
if wanted tcp_echo; then echo_servers; fi
while [ $round -le "$rounds" ]; do
    say "round $round of $rounds"
    row raw_switch 20000 millrace boost state_threads pcl ucontext futex \
        greenlet
    row switch_flags 20000 millrace boost ucontext
    row switch_fp 20000 millrace boost ucontext
    row yield2 20000 millrace go gevent
    row ring1000 20000 millrace go gevent
    row spawn_join 20000 millrace state_threads pcl futex go greenlet gevent
    row handoff 20000 millrace state_threads go gevent
    row generator_next 20000 millrace boost pcl ucontext go greenlet
    row sleepers 20000 millrace state_threads go
    turn=1
    while wanted tcp_echo && [ $turn -le $turns ]; do
        echo_turn
        turn=$((turn + 1))
    done
    round=$((round + 1))
done
# Memory does not vary, and gevent's sleepers take long: once. A million take
# 4.4 GB. (Ours divides its N by 100.)
suspended=1000000
[ "$(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo)" -gt 6000000 ] ||
    suspended=100000
[ -z "$check" ] || suspended=200
if wanted suspended_bytes; then
    one suspended_bytes millrace ${suspended}00
    one suspended_bytes state_threads $suspended
    one suspended_bytes go $suspended
fi
row sleepers 20000 gevent
stop_echoes
[ -z "$site_pid" ] || site_stop
say ''

check 'a figure of ours is missing' \
    sh -c 'awk -v rounds="$1" -v suspended="$2" -f "$3" "$4" >"$5"' - \
    "$rounds" $suspended "$here/core.awk" "$tmp/figures" "$tmp/judged"
{
    echo "$(uname -sr), $(nproc) CPUs ($(sed -n 's/^model name.*: //p' \
        /proc/cpuinfo | head -n 1)), $(${CC:-gcc} --version | head -n 1)"
    echo
    cat "$tmp/judged"
    cat <<EOF

Pinned to CPU $cpu, the load client to CPU $other. Memory, and the sleepers of
gevent, were measured once. A generator of Go is a goroutine behind a channel;
in greenlet's column it is Python's own. State Threads hands over through a slot
and two conditions. Its suspended stacks have no guards; Go's grow on demand.
EOF
    sed -n 's/^not installed/\nNot installed/p' "$tmp/peers"
} >"$tmp/table"

if [ -n "$check" ]; then
    [ "$failed" -eq 0 ] || cat "$tmp/table"
else
    cat "$tmp/table"
    if [ "${RESULTS-}" = 1 ] && [ "$failed" -eq 0 ]; then
        sh "$here/results.sh" "$here/RESULTS.md" 'the core beside its peers' \
            'make bench-core RESULTS=1' "$tmp/table"
    fi
fi
checks_done bench/core
