#!/bin/sh
# SPDX-License-Identifier: MIT
#
# get.sh [--check] - what a download costs mrget, and its peers, in one run.
#
# PEERS="aria2 curl" and SCENARIOS="small big-tls" are the only ones (ours
# always runs), ROUNDS (7) how many times. Ours runs with its defaults, so with
# fsync; the others with theirs; all get the same list of URLs and the same
# number of downloads at once.
#
# The servers are our children, on one loopback address and one CPU: nginx, and
# behind it for what waits a server of ours. Clients have another CPU. Files
# come from memory and go to memory (tmpfs). A round is one turn for each client
# in each scenario, another client first each time. Before a turn as much memory
# as it will take is written and freed. Its figures are those of wait4(2): CPU
# time of all processes of the client, wall time, and peak memory. After each turn the files are looked at: number and sizes, in the
# first round every byte.
#
# RESULTS=1 puts the table at the top of RESULTS.md. --check: all of it small
# and once; every client that is installed must bring every byte. What the
# figures mean, and the bars: get.awk. Configurations: peers/get/.

set -u
here=${0%/*}
[ ! -w /dev/shm ] || TMPDIR=/dev/shm export TMPDIR
. "$here/../site.sh"

build=$(cd "${MR_BUILD:?the directory of the build}" && pwd)
mrget=${MRGET:?the path of mrget}
bad=$build/tests/bad/bad
timed=$build/tests/bench/timed
conf=$here/peers/get
rounds=${ROUNDS-7}
every='small medium big wait'
every="$every small-tls medium-tls big-tls wait-tls"
scenarios=${SCENARIOS-$every}
all='mrget aria2 wget2 curl gevent'
asked="mrget ${PEERS-$all}"
small_n=1000 small_size=10K medium_n=100 medium_size=1M big_size=1G wait_n=200
check=
if [ "${1-}" = --check ]; then
    check=1
    rounds=1
    small_n=40 medium_n=8 big_size=24M wait_n=20
fi

# The first and the last CPU that this may use.
cpus=$(taskset -cp $$ | sed 's/.*: //')
cpu=$(echo "$cpus" | sed 's/[-,].*//')
other=$(echo "$cpus" | sed 's/.*[-,]//')

server_pids=
stop_servers() {
    for pid in $server_pids; do kill "$pid"; done 2>/dev/null
    for pid in $server_pids; do wait "$pid"; done 2>/dev/null
    server_pids=
}
trap 'stop_servers; site_clean' EXIT

installed() {
    case $1 in
    mrget) [ -x "$mrget" ] ;;
    aria2) command -v aria2c >/dev/null ;;
    gevent) /usr/bin/python3 -c 'import gevent' 2>/dev/null ;;
    *) command -v "$1" >/dev/null ;;
    esac
}

# --- what there is to fetch ---

# An authority for this run, and with it a certificate for our address.
make_certificates() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$tmp/ca.key" -out "$tmp/ca.pem" -days 2 -subj /CN=bench &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
            -keyout "$tmp/server.key" -out "$tmp/csr" -subj /CN=server &&
        echo "subjectAltName=IP:$site_host" >"$tmp/ext" &&
        openssl x509 -req -in "$tmp/csr" -CA "$tmp/ca.pem" -CAkey \
            "$tmp/ca.key" -CAcreateserial -days 2 -extfile "$tmp/ext" \
            -out "$tmp/server.pem"
}

# files KIND N SIZE: in www/KIND, each other bytes.
files() {
    mkdir -p "$tmp/www/$1"
    i=0
    while [ $i -lt "$2" ]; do
        i=$((i + 1))
        "$bad" --write "$3" $i >"$tmp/www/$1/$i" || exit 1
    done
}

# On a virtual machine memory that is free for two seconds goes back to the host,
# and who touches it next pays for its return, up to four times the whole
# download: who that is must not be a matter of luck. The kernel gives back none
# but whole huge pages; so of as much memory as any turn takes a page in each
# stays in use. Small free pieces are what it takes first.
keep_memory() {
    cat "$tmp/www/big/1" "$tmp/www/big/1" >"$tmp/kept"
    size=$(du -m "$tmp/kept" | cut -f1) at=0
    while [ $at -lt "$size" ]; do
        if ! fallocate -p -o "$at"MiB -l 1020KiB "$tmp/kept" 2>"$tmp/said"; then
            rm "$tmp/kept" # there are no holes here: it goes without
            return
        fi
        at=$((at + 1))
    done
}

# urls KIND N: lists of them, plain and TLS, and the same as curl wants them.
urls() {
    for scheme in http:8080: https:8443:-tls; do
        tail=${scheme##*:}
        base=${scheme%%:*}://$site_host:$(echo "$scheme" | cut -d: -f2)
        i=0
        while [ $i -lt "$2" ]; do
            i=$((i + 1))
            echo "$base/$1/$i"
        done >"$tmp/urls.$1$tail"
        sed "s|\(.*/\)\(.*\)|url = \"\1\2\"\noutput = \"$tmp/got/\2\"|" \
            "$tmp/urls.$1$tail" >"$tmp/curl.$1$tail"
    done
}

# --- a turn ---

# Downloads at once.
at_once() {
    case $1 in wait*) echo "$wait_n" ;; *) echo 16 ;; esac
}

# get CLIENT SCENARIO: in this process's place.
get() {
    n=$(at_once "$2")
    list=$tmp/urls.$2
    case $1 in
    mrget)
        set -- "$mrget" --quiet -j "$n" -J "$n" -d "$tmp/got" -i "$list" \
            --cacert "$tmp/ca.pem" ;;
    aria2)
        set -- aria2c --no-conf --quiet -j "$n" -d "$tmp/got" -i "$list" \
            --ca-certificate="$tmp/ca.pem" ;;
    wget2)
        set -- wget2 --no-config --quiet --max-threads="$n" -P "$tmp/got" \
            -i "$list" --ca-certificate="$tmp/ca.pem" ;;
    curl)
        set -- curl -q -sS --fail --parallel --parallel-max "$n" \
            --cacert "$tmp/ca.pem" -K "$tmp/curl.$2" ;;
    gevent)
        set -- /usr/bin/python3 "$conf/gevent_get.py" "$n" "$tmp/got" "$list" \
            "$tmp/ca.pem" ;;
    esac
    exec env HOME="$tmp/home" taskset -c "$other" "$timed" "$@"
}

# Is what was got what is there? Every byte, if ROUND is 1.
is_complete() {
    kind=${1%-tls}
    if [ "$kind" = wait ]; then
        printf 'hello, world\n' >"$tmp/hello"
        for file in "$tmp"/got/*; do cmp "$tmp/hello" "$file" || return 1; done
        [ "$(find "$tmp/got" -type f | wc -l)" -eq "$wait_n" ]
    elif [ "$2" = 1 ]; then
        diff -r "$tmp/www/$kind" "$tmp/got"
    else
        (cd "$tmp/www/$kind" && find . -type f -size +0 -printf '%f %s\n' |
            sort) >"$tmp/want"
        (cd "$tmp/got" && find . -type f -printf '%f %s\n' |
            sort) >"$tmp/is"
        cmp "$tmp/want" "$tmp/is"
    fi
}

: >"$tmp/figures"
# turn SCENARIO CLIENT ROUND
turn() {
    rm -rf "$tmp/got"
    mkdir "$tmp/got"
    get "$2" "$1" >"$tmp/said" 2>&1 </dev/null &
    wait $!
    if awk '/^timed / { status = $5 } END { exit status != "0" }' "$tmp/said" &&
        is_complete "$1" "$3" >>"$tmp/said" 2>&1; then
        ok
        awk -v s="$1" -v who="$2" -v round="$3" '/^timed / {
            printf "%s\t%s\tcpu\t%s\t%s\n", s, who, $2, round
            printf "%s\t%s\twall\t%s\t%s\n", s, who, $3, round
            printf "%s\t%s\tpeak\t%s\t%s\n", s, who, $4, round
        }' "$tmp/said" >>"$tmp/figures"
    else
        tail -n 20 "$tmp/said" >"$tmp/tail"
        bad "$2, $1" "$tmp/tail"
    fi
}

# --- the run ---

say() { [ ! -t 2 ] || printf '\r%-40s\r' "$1" >&2; }

fill() {
    sed "s|@HOST@|$site_host|g; s|@DIR@|$tmp|g; s|@WWW@|$tmp/www|g
        s|@USER@|$(id -un)|g; s|@GROUP@|$(id -gn)|g
        s|@BUILD@|$build|g" "$conf/$1" >"$tmp/$1"
}

ulimit -n "$(ulimit -Hn)"
mkdir "$tmp/www" "$tmp/home"
check 'certificates' make_certificates
files small $small_n $small_size
files medium $medium_n $medium_size
files big 1 $big_size
keep_memory
for kind in small:$small_n medium:$medium_n big:1 wait:$wait_n; do
    urls "${kind%:*}" "${kind#*:}"
done

for conf_file in nginx.conf millrace.conf; do fill $conf_file; done
taskset -c "$cpu" nginx -p "$tmp" -c "$tmp/nginx.conf" >"$tmp/log.nginx" 2>&1 &
server_pids=$!
taskset -c "$cpu" "$MILLRACE" -c "$tmp/millrace.conf" >"$tmp/log.millrace" \
    2>&1 &
server_pids="$server_pids $!"
answers() { curl -fsS -m 5 --cacert "$tmp/ca.pem" -o "$tmp/answer" "$1"; }
for url in http://$site_host:8080 https://$site_host:8443; do
    if until_true answers "$url/wait/1" 2>"$tmp/curl"; then ok; else
        bad 'the servers do not start' "$tmp/log.nginx" "$tmp/log.millrace" \
            "$tmp/curl"
        exit 1
    fi
done

clients=
: >"$tmp/missing"
for name in $all; do
    case " $asked " in *" $name "*) ;; *) continue ;; esac
    if installed "$name"; then clients="$clients $name"
    else echo "Not installed, so left out: $name." >>"$tmp/missing"; fi
done
n=$(echo "$clients" | wc -w)

round=1
while [ $round -le "$rounds" ]; do
    for scenario in $scenarios; do
        case " $every " in *" $scenario "*) ;; *)
            bad "no scenario $scenario: there are $every"
            continue ;;
        esac
        i=0
        while [ $i -lt "$n" ]; do
            name=$(echo "$clients" | cut -d' ' -f$(((round + i) % n + 2)))
            say "round $round of $rounds, $scenario, $name"
            turn "$scenario" "$name" $round
            i=$((i + 1))
        done
    done
    round=$((round + 1))
done
stop_servers
say ''

{
    echo "$(uname -sr), $(nproc) CPUs ($(sed -n 's/^model name.*: //p' \
        /proc/cpuinfo | head -n 1)), $(${CC:-gcc} --version | head -n 1)"
    echo "Servers on CPU $cpu, clients on CPU $other; median of $rounds rounds."
    echo
    awk -f "$here/median.awk" -f "$here/get.awk" "$tmp/figures"
    echo $? >"$tmp/judged"
    cat "$tmp/missing"
} >"$tmp/table"
check 'a scenario has no figure of ours' [ "$(cat "$tmp/judged")" = 0 ]
if [ -z "$check" ] || [ "$failed" -gt 0 ]; then cat "$tmp/table"; fi
if [ "${RESULTS-}" = 1 ] && [ -z "$check" ] && [ "$failed" -eq 0 ]; then
    given="${PEERS+ PEERS='$PEERS'}${SCENARIOS+ SCENARIOS='$SCENARIOS'}"
    given="$given${ROUNDS+ ROUNDS=$ROUNDS}"
    sh "$here/results.sh" "$here/RESULTS.md" "mrget beside its peers" \
        "make bench-get RESULTS=1$given" "$tmp/table"
fi
checks_done bench/get
