#!/bin/sh
# SPDX-License-Identifier: MIT
#
# servers.sh [--check] - what a request costs this server, and its peers, in one
# run.
#
# PEERS="nginx h2o" and SCENARIOS="tiny post" are the only ones (ours and the
# bare epoll loop always run), ROUNDS (7) how many times, DURATION (2s) of each
# turn, CONNECTIONS (64).
#
# All servers are our children, on one loopback address, pinned to one CPU with
# one worker each; wrk has another CPU. A round is one turn for each server in
# each scenario, another server first each time, so that what disturbs the
# machine disturbs them all; who is not asked sleeps. Clocks differ from one
# turn to the next: the figure to compare is the server's CPU time for a request
# as a multiple of the bare loop's in the same round. Before its first turn each
# answer is looked at, and system calls are counted in a pass of their own.
#
# RESULTS=1 puts the tables at the top of RESULTS.md, and a plot beside it.
# --check: every server that is installed must start, answer what all answer in
# each of its scenarios, and take the load of a few, once and short.
#
# servers_more.sh has what is no turn of wrk: memory at rest, growth, workers.
# The figures' meaning and the bars: servers.awk. Configurations: peers/http/.

set -u
here=${0%/*}
. "$here/../site.sh"

build=${MR_BUILD:?the directory of the build}
bin=$build/tests/bench/peers/http
conf=$here/peers/http
rounds=${ROUNDS-7}
duration=${DURATION-2s}
connections=${CONNECTIONS-64}
plain='tiny browser pipelined post close sleep spawn file1k file64k file4m same'
every="$plain tls handshake"
more='idle growth workers'
scenarios=${SCENARIOS-$every $more}
looked_at=$scenarios
workers=1
check=
if [ "${1-}" = --check ]; then
    check=1
    rounds=1
    duration=1s
    connections=8
    scenarios="tiny pipelined post close file1k $more"
    looked_at="$every $more"
fi

# The first and the last CPU that this may use.
cpus=$(taskset -cp $$ | sed 's/.*: //')
cpu=$(echo "$cpus" | sed 's/[-,].*//')
other=$(echo "$cpus" | sed 's/.*[-,]//')

# --- servers ---

all="bare_epoll bare_uring millrace nginx h2o lighttpd haproxy caddy nethttp \
fasthttp node gevent"
asked="bare_epoll millrace ${PEERS-$all}"

# does NAME: the scenarios that it has.
does() {
    files='file1k file64k file4m same'
    case $1 in
    bare_epoll) echo 'tiny browser pipelined post close sleep' \
        'file1k file64k file4m' ;;
    bare_uring) echo 'tiny browser pipelined post close' ;;
    millrace) echo "$every" ;;
    nethttp | fasthttp) echo "$plain" ;;
    nginx | h2o)
        echo "tiny browser pipelined close $files tls handshake" ;;
    lighttpd | caddy) echo "tiny browser pipelined close $files" ;;
    haproxy) echo 'tiny browser pipelined close' ;;
    node) echo 'tiny browser pipelined post close sleep spawn' ;;
    # It resets a connection that it closes.
    gevent) echo 'tiny browser pipelined post sleep spawn' ;;
    esac
}

installed() {
    case $1 in
    bare_* | nethttp | fasthttp) [ -x "$bin/$1" ] ;;
    gevent) /usr/bin/python3 -c 'import gevent' 2>/dev/null ;;
    *) [ "$1" = millrace ] || command -v "$1" >/dev/null ;;
    esac
}

# wrk resumes a session where it can; no server lets it, so that a handshake is
# a whole one.
#
# port NAME [SCENARIO]. The bare loops close, and wait, on ports of their own;
# TLS has one.
port() {
    n=8100
    for name in $all; do
        [ "$name" != "$1" ] || break
        n=$((n + 10))
    done
    case $1,${2-} in
    bare_*,close | *,tls | *,handshake) echo $((n + 1)) ;;
    bare_*,sleep) echo $((n + 2)) ;;
    bare_*,file*) echo $((n + 3)) ;;
    *) echo $n ;;
    esac
}

# fill FILE NAME: its configuration, in $tmp.
fill() {
    sed "s|@HOST@|$site_host|g; s|@PORT@|$(port "$2")|g; s|@DIR@|$tmp|g
        s|@TLSPORT@|$(port "$2" tls)|g
        s|@WWW@|$tmp/www|g; s|@USER@|$(id -un)|g; s|@GROUP@|$(id -gn)|g
        s|@BUILD@|$(cd "$build" && pwd)|g
        s|@WORKERS@|$workers|g" "$conf/$1" >"$tmp/$1"
}

# run_server NAME: in this process's place.
run_server() {
    at=$site_host:$(port "$1")
    case $1 in
    bare_epoll) set -- "$bin/$1" "$site_host" "${at#*:}" "$tmp"/www/*k.txt \
        "$tmp/www/4m.txt" ;;
    bare_*) set -- "$bin/$1" "$site_host" "${at#*:}" ;;
    millrace) set -- "$MILLRACE" -c "$tmp/millrace.conf" ;;
    nginx) set -- nginx -p "$tmp" -c "$tmp/nginx.conf" ;;
    h2o) set -- h2o -m worker -c "$tmp/h2o.conf" ;;
    lighttpd) set -- lighttpd -D -f "$tmp/lighttpd.conf" ;;
    haproxy) set -- haproxy -db -f "$tmp/haproxy.conf" ;;
    caddy) set -- env HOME="$tmp" GOMAXPROCS=1 caddy run \
        --adapter caddyfile --config "$tmp/caddy.conf" ;;
    nethttp | fasthttp) set -- env GOMAXPROCS=1 "$bin/$1" "$at" "$tmp/www" ;;
    node) set -- node "$conf/node.js" "$site_host" "${at#*:}" ;;
    gevent) set -- /usr/bin/python3 "$conf/gevent_server.py" "$site_host" \
        "${at#*:}" ;;
    esac
    exec taskset -c "$cpu" "$@"
}

server_pids=
stop_servers() {
    for pid in $server_pids; do kill "$pid"; done 2>/dev/null
    for pid in $server_pids; do wait "$pid"; done 2>/dev/null
    server_pids=
}
trap 'stop_servers; site_clean' EXIT

answers() { curl -fsS -m 5 -o /dev/null "$1" 2>"$tmp/curl"; }
answers_or_dead() { answers "$1" || ! kill -0 "$2" 2>/dev/null; }

# A process, its children and theirs, in the file pids.NAME.
family() {
    cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$2" '
        { sub(/\(.*\)/, "()"); parent[$1] = $4 }
        END {
            for (p in parent) {
                up = parent[p]
                if (p == root || up == root || parent[up] == root) print p
            }
        }' >"$tmp/pids.$1"
}

# start NAME: it runs, or the status is not 0.
start() {
    [ ! -e "$conf/$1.conf" ] || fill "$1.conf" "$1"
    run_server "$1" >"$tmp/log.$1" 2>&1 &
    server_pids="$server_pids $!"
    url=http://$site_host:$(port "$1")/tiny
    if until_true answers_or_dead "$url" $! && answers "$url"; then
        family "$1" $!
        return 0
    fi
    case $1 in
    bare_uring) echo 'bare_uring left out:' "$(head -n 1 "$tmp/log.$1")" ;;
    *) bad "$1 does not start" "$tmp/log.$1" "$tmp/curl" ;;
    esac
    return 1
}

# --- figures ---

: >"$tmp/figures"
# figure SCENARIO SERVER WHAT VALUE [ROUND]
figure() { printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" "${5-0}" \
    >>"$tmp/figures"; }

# CPU time of all threads of a server so far, ns.
cpu_ns() {
    while read -r pid; do cat "/proc/$pid"/task/*/schedstat; done \
        <"$tmp/pids.$1" 2>/dev/null |
        awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# Memory of a server, KiB; what processes share is divided among them.
pss_kib() {
    while read -r pid; do cat "/proc/$pid/smaps_rollup"; done \
        <"$tmp/pids.$1" 2>/dev/null |
        awk '$1 == "Pss:" { sum += $2 } END { print sum + 0 }'
}

path() {
    case $1 in
    tiny | browser | pipelined | close | tls | handshake) echo /tiny ;;
    post) echo /echo ;;
    sleep | spawn) echo "/$1" ;;
    file1k | same) echo /1k.txt ;;
    file64k) echo /64k.txt ;;
    file4m) echo /4m.txt ;;
    esac
}

# scheme SCENARIO
scheme() {
    case $1 in
    tls | handshake) echo https ;;
    *) echo http ;;
    esac
}

# The date of all files: what `same` asks about.
stamp='Sun, 01 Nov 2026 12:00:00 GMT'

# load SCENARIO SERVER DURATION: wrk's figures in $tmp/wrk; status 0 if all is
# well.
load() {
    taskset -c "$other" wrk -t1 -c"$connections" -d"$3" \
        -s "$here/load.lua" \
        "$(scheme "$1")://$site_host:$(port "$2" "$1")$(path "$1")" \
        -- "$1" "$stamp" >"$tmp/wrk" 2>&1 &&
        awk '/^figures/ { n = $2; e = $7 } END { exit !(n > 0 && e == 0) }' \
            "$tmp/wrk"
}

# Does SERVER answer SCENARIO as all do?
right() {
    url=$(scheme "$1")://$site_host:$(port "$2" "$1")$(path "$1")
    set -- "$1" -sS -m 5 --cacert "$tmp/site.pem" -o "$tmp/body" -w '%{http_code}' "$url"
    case $1 in
    post)
        printf %1024s x >"$tmp/want"
        shift
        set -- "$@" -H 'Content-Type: text/plain' --data-binary "@$tmp/want"
        code=200 ;;
    same)
        : >"$tmp/want"
        shift
        set -- "$@" -H "If-Modified-Since: $stamp"
        code=304 ;;
    file*)
        cp "$tmp/www$(path "$1")" "$tmp/want"
        shift
        code=200 ;;
    *)
        echo 'hello, world' >"$tmp/want"
        shift
        code=200 ;;
    esac
    : >"$tmp/body"
    [ "$(curl "$@")" = $code ] && cmp "$tmp/want" "$tmp/body"
}

# System calls of a request. What cannot be traced has no figure.
attached_or_dead() {
    grep -q attached "$tmp/strace" || ! kill -0 "$1" 2>/dev/null
}
count_calls() {
    : >"$tmp/strace"
    : >"$tmp/calls"
    # shellcheck disable=SC2046
    strace -f -c -S calls -o "$tmp/calls" \
        $(sed 's/^/-p /' "$tmp/pids.$2") 2>"$tmp/strace" &
    tracer=$!
    until_true attached_or_dead $tracer
    if load "$1" "$2" 1s; then
        kill -INT $tracer 2>/dev/null
        wait $tracer
        n=$(awk '/^figures/ { print $2 }' "$tmp/wrk")
        calls=$(awk -v n="$n" '$NF == "total" { print $4 / n }' "$tmp/calls")
        [ -z "$calls" ] || figure "$1" "$2" calls "$calls"
    else
        kill -INT $tracer 2>/dev/null
        wait $tracer
    fi
}

# turn SCENARIO SERVER ROUND
turn() {
    before=$(cpu_ns "$2")
    if load "$1" "$2" "$duration"; then ok
    else bad "$2, $1: wrk" "$tmp/wrk" "$tmp/log.$2"; return; fi
    after=$(cpu_ns "$2")
    awk -v ns=$((after - before)) -v scenario="$1" -v who="$2" -v round="$3" '
        # wrk says 0 for a percentile that it does not know.
        function say(what, v) {
            if (v + 0 > 0)
                printf "%s\t%s\t%s\t%s\t%s\n", scenario, who, what, v, round
        }
        /^figures/ {
            say("cpu", ns / $2 / 1000)
            say("rate", $2 / $3)
            say("p50", $4)
            say("p99", $5)
            say("p999", $6)
        }' "$tmp/wrk" >>"$tmp/figures"
    figure "$1" "$2" pss "$(pss_kib "$2")" "$3"
}

# --- the run ---

# Where it is, on a terminal.
say() { [ ! -t 2 ] || printf '\r%-40s\r' "$1" >&2; }

ulimit -n "$(ulimit -Hn)"
mkdir "$tmp/www"
echo 'hello, world' >"$tmp/www/tiny"
for size in 1k:1024 64k:65536 4m:4194304; do
    head -c "${size#*:}" /dev/zero | tr '\0' x >"$tmp/www/${size%:*}.txt"
done
touch -d "$stamp" "$tmp"/www/*
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=bench -addext "subjectAltName=IP:$site_host" \
    -keyout "$tmp/site.key" -out "$tmp/site.pem" 2>"$tmp/openssl" ||
    { cat "$tmp/openssl"; echo 'no certificate' >&2; exit 1; }

sh "$conf/build.sh" "$bin" >"$tmp/peers" 2>&1 ||
    { cat "$tmp/peers"; echo 'a peer does not build' >&2; exit 1; }

servers=
for name in $all; do
    case " $asked " in *" $name "*) ;; *) continue ;; esac
    if ! installed "$name"; then
        echo "not installed, so left out: $name" >>"$tmp/peers"
    elif start "$name"; then
        servers="$servers $name"
    fi
done
sort -u "$tmp/peers"

# pairs: the scenarios and who takes part in them, right answers only.
: >"$tmp/pairs"
for scenario in $looked_at; do
    case " $every / $more " in
    *" $scenario "*/*) ;;
    */*" $scenario "*) continue ;;
    *) bad "no scenario $scenario: there are $every $more"; continue ;;
    esac
    for name in $servers; do
        case " $(does "$name") " in *" $scenario "*) ;; *) continue ;; esac
        say "looking at $name, $scenario"
        if right "$scenario" "$name" >"$tmp/said" 2>&1; then
            ok
            case " $scenarios " in *" $scenario "*) ;; *) continue ;; esac
            echo "$scenario $name" >>"$tmp/pairs"
            [ -n "$check" ] && [ "$name" != millrace ] ||
                count_calls "$scenario" "$name"
        else
            bad "$name answers $scenario otherwise" "$tmp/said" "$tmp/log.$name"
        fi
    done
done

round=1
while [ $round -le "$rounds" ]; do
    for scenario in $scenarios; do
        sed -n "s/^$scenario //p" "$tmp/pairs" >"$tmp/who"
        n=$(wc -l <"$tmp/who")
        [ "$n" -gt 0 ] || continue
        first=$((round % n + 1))
        { tail -n "+$first" "$tmp/who"
          head -n $((first - 1)) "$tmp/who"; } >"$tmp/turns"
        while read -r name; do
            say "round $round of $rounds, $scenario, $name"
            turn "$scenario" "$name" $round </dev/null
        done <"$tmp/turns"
    done
    round=$((round + 1))
done
stop_servers

. "$here/servers_more.sh"
for scenario in $more; do
    case " $scenarios " in *" $scenario "*) "${scenario}_run" ;; esac
done
say ''

{
    echo "$(uname -sr), $(nproc) CPUs ($(sed -n 's/^model name.*: //p' \
        /proc/cpuinfo | head -n 1)), $(${CC:-gcc} --version | head -n 1)"
    echo "Servers on CPU $cpu, wrk -t1 -c$connections -d$duration on CPU" \
        "$other; median of $rounds rounds."
    echo
} >"$tmp/table"
awk -v check="$check" -v medians="$tmp/medians" -f "$here/median.awk" \
    -f "$here/servers.awk" \
    "$tmp/figures" >>"$tmp/table" 2>"$tmp/void"
judged=$?
check 'the plot' sh -c 'awk -f "$1" "$2" >"$3"' - "$here/plot.awk" \
    "$tmp/medians" "$tmp/plot"
sed -n 's/^not installed/\nNot installed/p' "$tmp/peers" >>"$tmp/table"
case $judged in
0) ok ;;
*) bad 'the run does not count' "$tmp/void" ;;
esac
if [ -z "$check" ] || [ "$failed" -gt 0 ]; then cat "$tmp/table"; fi
if [ "${RESULTS-}" = 1 ] && [ -z "$check" ] && [ "$failed" -eq 0 ]; then
    plot=servers-$(date +%F) n=1
    while [ -e "$here/$plot.svg" ]; do # another run's
        n=$((n + 1)) plot=servers-$(date +%F)-$n
    done
    plot=$plot.svg
    given="${PEERS+ PEERS='$PEERS'}${SCENARIOS+ SCENARIOS='$SCENARIOS'}"
    given="$given${ROUNDS+ ROUNDS=$ROUNDS}${DURATION+ DURATION=$DURATION}"
    cp "$tmp/plot" "$here/$plot"
    printf '\n![The medians as bars](%s)\n' "$plot" >>"$tmp/table"
    sh "$here/results.sh" "$here/RESULTS.md" "the server beside its peers" \
        "make bench RESULTS=1$given" \
        "$tmp/table"
fi
checks_done bench/servers
