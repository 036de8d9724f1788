#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_tls.sh - HTTPS with others' clients: curl, openssl s_client, wrk, and
# what testssl finds; certificates that are replaced while it serves.

set -u
. "${0%/*}/../site.sh"

port=8443
url=https://$site_host:$port

# make_cert NAME: $tmp/NAME.pem and $tmp/NAME.key, signed by itself.
make_cert() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -days 90 -subj "/CN=$1.example" -keyout "$tmp/$1.key" \
        -addext "subjectAltName=DNS:$1.example,IP:$site_host" \
        -out "$tmp/$1.pem" 2>"$tmp/openssl" ||
        { bad openssl "$tmp/openssl"; exit 1; }
}

make_cert a
make_cert b
mkdir "$tmp/www"
head -c 3000000 /dev/urandom >"$tmp/www/much"
site_start 'workers = 2
listen "@HOST@:8443" {
    tls {
        certificate = "@DIR@/a.pem"
        key = "@DIR@/a.key"
        certificate = "@DIR@/b.pem"
        key = "@DIR@/b.key"
    }
}
route "/echo" { app = echo }
route "/hello" { app = hello }
route "/" { app = files root = "@DIR@/www" }'

# --- curl ---

get() { curl -fsS -m 20 --cacert "$tmp/a.pem" "$@"; }
much() { get "$@" -o "$tmp/got" "$url/much" && cmp "$tmp/got" "$tmp/www/much"; }
part() {
    get -r 1000000-1999999 -o "$tmp/got" "$url/much" &&
        tail -c +1000001 "$tmp/www/much" | head -c 1000000 |
        cmp - "$tmp/got"
}
posted() {
    get --data-binary "@$tmp/www/much" -H 'Expect:' -o "$tmp/got" "$url/echo" &&
        cmp "$tmp/got" "$tmp/www/much"
}
by_name() {
    curl -fsS -m 20 --cacert "$tmp/$1.pem" -o "$tmp/got" \
        --resolve "$1.example:$port:$site_host" "https://$1.example:$port/hello"
}
refused() { ! get "$@" -o /dev/null "$url/hello" 2>"$tmp/refused"; }
plain() {
    [ "$(curl -sS -m 20 -o "$tmp/got" -w '%{http_code}' \
        "http://$site_host:$port/")" = 400 ] && grep -q https "$tmp/got"
}
check 'a file, TLS 1.3' much --tlsv1.3
check 'a file, TLS 1.2' much --tls-max 1.2
check 'a file, HTTP/1.0' much --http1.0
check 'a range' part
check 'a body, and its echo' posted
check 'the first certificate' by_name a
check 'the second certificate, by its name' by_name b
check 'TLS 1.1 is refused' refused --tls-max 1.1
check 'plain HTTP is told what is wrong' plain

# --- openssl s_client ---

resumed() {
    openssl s_client -connect "$site_host:$port" -"$1" -sess_out "$tmp/sess" \
        -ign_eof >"$tmp/first" 2>&1 <<END
GET /hello HTTP/1.0

END
    for _ in 1 2 3 4; do # either worker
        openssl s_client -connect "$site_host:$port" -"$1" \
            -sess_in "$tmp/sess" -ign_eof >"$tmp/second" 2>&1 <<END
GET /hello HTTP/1.0

END
        grep -q '^Reused' "$tmp/second" || { cat "$tmp/second"; return 1; }
    done
}
check 'sessions are resumed by any worker, TLS 1.2' resumed tls1_2
check 'sessions are resumed by any worker, TLS 1.3' resumed tls1_3

# --- reload ---

serial() {
    openssl s_client -connect "$site_host:$port" -servername a.example \
        </dev/null 2>/dev/null | openssl x509 -noout -serial
}
is_new() { [ "$(serial)" != "$old" ]; }
told() { log_has "$1"; }
old=$(serial)
make_cert a
kill -HUP "$site_pid"
check 'SIGHUP: the new certificate' until_true is_new
new=$(serial)
chmod 644 "$tmp/a.key"
kill -HUP "$site_pid"
check 'SIGHUP: a key that others may read' \
    until_true told 'others may use this key'
check 'the certificate stays' [ "$(serial)" = "$new" ]
check 'and it serves' by_name a
chmod 600 "$tmp/a.key"

# --- load ---

wrk -t1 -c64 -d3s "$url/hello" >"$tmp/wrk" 2>&1
if grep -qE 'Socket errors|Non-2xx' "$tmp/wrk" ||
    ! grep -q 'requests in' "$tmp/wrk"; then
    bad 'wrk' "$tmp/wrk"
else
    ok
fi
wrk -t1 -c64 -d3s -H 'Connection: close' "$url/hello" >"$tmp/wrk" 2>&1
if grep -qE 'connect [1-9]|Non-2xx' "$tmp/wrk" ||
    ! grep -q 'requests in' "$tmp/wrk"; then
    bad 'wrk, closing' "$tmp/wrk"
else
    ok
fi

# --- testssl: protocols, ciphers, forward secrecy, certificate, weaknesses ---

timeout 240 testssl --quiet --color 0 --warnings off --ip one -p -s -f -P -S -U \
    --jsonfile "$tmp/ssl.json" "$site_host:$port" >"$tmp/ssl" 2>&1
status=$?
# Below 50 it counts what it could not tell; 124: it was stopped.
check "testssl: status $status" [ $status -lt 50 ]
# RC4 is the last that it looks for, scanTime what it says as it ends.
check 'testssl came to no end' awk '/"id" *: *"RC4"/ { n++ }
    /"id" *: *"scanTime"/ { n += n == 1 } END { exit n != 2 }' "$tmp/ssl.json"
check 'testssl saw no certificate' grep -q '"cert_chain_of_trust"' "$tmp/ssl.json"
# cert_chain_of_trust: the certificate has signed itself. cert_revocation: so
# nobody could take it back.
awk -F '"' '$2 == "id" { id = $4 }
    $2 == "severity" && $4 ~ /^(MEDIUM|HIGH|CRITICAL|FATAL)$/ { bad = $4 }
    $2 == "finding" {
        if (bad && id !~ /^(cert_chain_of_trust|cert_revocation)( |$)/)
            print id ": " bad ": " $4
        bad = ""
    }' "$tmp/ssl.json" >"$tmp/found"
if [ -s "$tmp/found" ]; then bad 'testssl' "$tmp/found"; else ok; fi

site_stop
checks_done e2e/tls
