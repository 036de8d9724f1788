#!/bin/sh
# SPDX-License-Identifier: MIT
#
# instructions.sh - how many instructions of its own, in user space, a request
# takes this server; and a failure when they are more than the budget says.
#
# Counted by callgrind, so neither the machine's speed nor its load matters: one
# worker, 64 connections, the difference between a long run and a short one. A
# request may cost MARGIN per cent (3) more than instructions.budget says; then
# the functions that have grown most are named. That file has, per scenario, the
# total and each function of ten instructions or more; UPDATE=1 writes it anew.
#
# The figures are those of Debian 12's compiler and libraries. libc chooses its
# string functions by the CPU: here it is told to take those that all have.

set -u
here=${0%/*}
. "$here/../site.sh"

build=${MR_BUILD:?the directory of the build}
budget=$here/instructions.budget
connections=64
short=10
long=40
server=$MILLRACE
mkdir "$tmp/www"
head -c 1024 /dev/zero | tr '\0' x >"$tmp/www/1k.txt"
touch -d 'Sun, 01 Nov 2026 12:00:00 GMT' "$tmp/www/1k.txt"

# In the server's place: what it does is written to counts.PID at its end.
cat >"$tmp/counted" <<EOF
#!/bin/sh
GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-ERMS,-FSRM \\
exec valgrind -q --tool=callgrind --compress-strings=no --compress-pos=no \\
    --callgrind-out-file=$tmp/counts.%p "$server" "\$@"
EOF
chmod +x "$tmp/counted"
MILLRACE=$tmp/counted

request() {
    case $1 in
    tiny) printf 'GET /hello HTTP/1.1\r\nHost: localhost:8080\r\n\r\n' ;;
    post)
        printf 'POST /echo HTTP/1.1\r\nHost: localhost:8080\r\n'
        printf 'Content-Type: text/plain\r\nContent-Length: 1024\r\n\r\n'
        printf %1024s x ;;
    file1k) printf 'GET /1k.txt HTTP/1.1\r\nHost: localhost:8080\r\n\r\n' ;;
    esac
}

# run SCENARIO ROUNDS FILE: "function instructions" lines of the worker.
run() {
    rm -f "$tmp"/counts.*
    site_start 'workers = 1
route "/hello" { app = hello }
route "/echo" { app = echo }
route "/" { app = files  root = "@DIR@/www" }'
    until_true log_has 'workers ready'
    request "$1" >"$tmp/request"
    check "$1: all requests are answered" "$build/tests/bench/ask" \
        "$site_host" 8080 $connections "$2" "$tmp/request"
    site_stop
    # Of the master, its helpers and the worker: who did most.
    worker=$(awk '/^totals:/ { print $2, FILENAME }' "$tmp"/counts.* |
        sort -n | sed -n '$s/.* //p')
    # Of a call, the line behind calls= is what the callee took.
    awk '/^fn=/ { fn = substr($0, 4); sub(/\x27[0-9]+$/, "", fn); next }
        /^calls=/ { getline; next }
        /^[0-9]/ { self[fn] += $2 }
        END { for (fn in self) print fn, self[fn] }' \
        "$worker" >"$3"
}

: >"$tmp/budget"
for scenario in tiny post file1k; do
    run $scenario $short "$tmp/short"
    run $scenario $long "$tmp/long"
    awk -v n=$(((long - short) * connections)) -v name=$scenario '
        NR == FNR { few[$1] = $2; next }
        {
            per = ($2 - few[$1]) / n
            total += per
            if (per >= 9.5) printf "%s\t%s\t%.0f\n", name, $1, per
        }
        END { printf "%s\t-\t%.0f\n", name, total }' \
        "$tmp/short" "$tmp/long" | sort -t "$(printf '\t')" -k3,3nr -k2,2 \
        >>"$tmp/budget"
done

if [ "${UPDATE-}" = 1 ] && [ "$failed" -eq 0 ]; then
    cp "$tmp/budget" "$budget"
fi
awk -F '\t' -v margin="${MARGIN-3}" '
    NR == FNR { allowed[$1, $2] = $3; next }
    { now[$1, $2] = $3; if ($2 == "-") scenarios[$1] }
    END {
        for (s in scenarios) {
            was = allowed[s, "-"]
            is = now[s, "-"]
            printf "%-8s %6d instructions a request, budget %d (%+.1f %%)\n",
                s, is, was, was ? (is / was - 1) * 100 : 0
            if (is > 0 && is <= was * (1 + margin / 100)) continue
            bad = 1
            for (k in now) {
                split(k, part, SUBSEP)
                grown = now[k] - allowed[k]
                if (part[1] == s && part[2] != "-" && grown >= 5)
                    printf "    %-40s %5d, was %d\n", part[2], now[k],
                        allowed[k] | "sort -k2,2nr"
            }
            close("sort -k2,2nr")
        }
        if (bad) print "If it is worth it: make check-instructions UPDATE=1"
        exit bad
    }' "$budget" "$tmp/budget" >"$tmp/verdict"
if [ $? -eq 0 ]; then ok; else bad 'a request costs more than its budget'; fi
cat "$tmp/verdict"
checks_done bench/instructions
