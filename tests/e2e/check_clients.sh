#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_clients.sh - other people's HTTP clients, byte for byte: programs below
# clients/ in python (http.client), node (http, fetch) and Go (net/http); curl,
# wget, h2load and ab. Each asks for all it can: GET, HEAD, ranges, conditions,
# chunks both ways, 100 (Continue), many requests on one connection.

set -u
. "${0%/*}/../site.sh"
here=${0%/*}
build=${MR_BUILD:-build/release}
go=/usr/lib/go-1.19/bin/go

mkdir -p "$tmp/www/sub/deep" "$tmp/got"
head -c 1500000 /dev/urandom >"$tmp/www/large.bin"
echo small >"$tmp/www/small.txt"
seq 1 20000 >"$tmp/www/text.txt"
echo deep >"$tmp/www/sub/deep/x.txt"
gzip -k "$tmp/www/text.txt"
node -e 'const fs = require("fs"), at = process.argv[1];
    fs.writeFileSync(at + ".br", require("zlib").brotliCompressSync(
        fs.readFileSync(at)))' "$tmp/www/text.txt"
# Older than two seconds: what changed just now cannot be joined by its tag.
find "$tmp/www" -exec touch -d '1 hour ago' {} +
site_start 'route "/echo" { app = echo }
route "/" { app = files root = "@DIR@/www" listing = on precompressed = on }'

# client NAME LEAST COMMAND...: a program of clients/, which makes LEAST checks
# at least, each a line.
client() {
    name=$1
    least=$2
    shift 2
    began=$(date +%s)
    timeout 120 "$@" "$site_url" "$tmp/www" >"$tmp/out" 2>&1 ||
        bad "$name ended with status $?" "$tmp/out"
    grep -v '^ok ' "$tmp/out" >"$tmp/bad"
    passed=$((passed + $(grep -c '^ok ' "$tmp/out")))
    while read -r line; do bad "$name: $line"; done <"$tmp/bad"
    check "$name made few checks" [ "$(wc -l <"$tmp/out")" -ge "$least" ]
    echo "$name: $(wc -l <"$tmp/out") checks," \
        "$(($(date +%s) - began)) s"
}
client python 21 python3 "$here/clients/client.py"
client node 14 node "$here/clients/client.js"
mkdir -p "$build/go"
check 'the Go client is built' env GO111MODULE=off CGO_ENABLED=0 \
    GOCACHE="$(cd "$build/go" && pwd)" \
    "$go" build -o "$tmp/client" "$here/clients/client.go"
client Go 40 "$tmp/client"

# curl: what it does by itself.
same() { check "$1" cmp "$2" "$3"; }
for coding in br gzip; do
    curl -fsS --compressed -H "Accept-Encoding: $coding" -D "$tmp/head" \
        -o "$tmp/got/text" "$site_url/text.txt"
    same "curl --compressed, $coding" "$tmp/got/text" "$tmp/www/text.txt"
    check "it was not $coding" \
        grep -qi "^content-encoding: $coding" "$tmp/head"
done
curl -fsSv -H 'Expect: 100-continue' --data-binary "@$tmp/www/large.bin" \
    -o "$tmp/got/echo" "$site_url/echo" 2>"$tmp/said"
same 'curl, 100 (Continue)' "$tmp/got/echo" "$tmp/www/large.bin"
check 'curl got no 100' grep -q '^< HTTP/1.1 100' "$tmp/said"
curl -fsS -X POST -T - -o "$tmp/got/echo" "$site_url/echo" \
    <"$tmp/www/large.bin"
same 'curl, from a pipe in chunks' "$tmp/got/echo" "$tmp/www/large.bin"
curl -fsSv -o "$tmp/got/#1" "$site_url/{small,text}.txt" 2>"$tmp/said"
check 'curl took a second connection' \
    [ "$(grep -c '^\* Connected to' "$tmp/said")" -eq 1 ]
check 'curl --http1.0' [ "$(curl -fsS --http1.0 "$site_url/small.txt")" = \
    small ]

# wget: a mirror that is asked for again takes only what is new.
(cd "$tmp/got" && wget -q -N -r -np -nH "$site_url/sub/")
same 'wget -r' "$tmp/got/sub/deep/x.txt" "$tmp/www/sub/deep/x.txt"
echo new >"$tmp/www/sub/deep/x.txt"
(cd "$tmp/got" && wget -q -N -r -np -nH "$site_url/sub/")
same 'wget -N' "$tmp/got/sub/deep/x.txt" "$tmp/www/sub/deep/x.txt"

# load WHAT URL-PATH WANT OPTION...: h2load, all answers 2xx.
load() {
    what=$1
    path=$2
    want=$3
    shift 3
    h2load --h1 "$@" "$site_url$path" >"$tmp/h2load" 2>&1
    if grep -q "^status codes: $want 2xx, 0 3xx, 0 4xx, 0 5xx" "$tmp/h2load"
    then ok
    else bad "h2load, $what" "$tmp/h2load"
    fi
}
load 'a small file' /small.txt 20000 -n 20000 -c 64
load 'a large file' /large.bin 200 -n 200 -c 16
load 'posts' /echo 2000 -n 2000 -c 32 -d "$tmp/www/text.txt"
site_stop
checks_done e2e/clients
