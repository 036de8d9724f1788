#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check_files.sh - downloads as people make them: resumed, in ranges, in parts,
# compressed, mirrored; by curl, wget, python's http.client and ab.

set -u
. "${0%/*}/../site.sh"

mkdir -p "$tmp/www/sub/deep" "$tmp/got"
head -c 3000000 /dev/urandom >"$tmp/www/large.bin"
echo '<!DOCTYPE html><title>t</title><a href="sub/a.txt">a</a>' \
    >"$tmp/www/index.html"
echo alpha >"$tmp/www/sub/a.txt"
echo deep >"$tmp/www/sub/deep/b c.txt"
seq 1 20000 >"$tmp/www/text.txt"
gzip -k "$tmp/www/text.txt"
mkdir "$tmp/www/coded"
seq 1 2000000 | head -c 9000000 >"$tmp/www/coded/9000000.txt"
head -c 8000 "$tmp/www/coded/9000000.txt" >"$tmp/www/coded/8000.txt"
# Older than two seconds: what changed just now cannot be joined by its tag.
find "$tmp/www" -exec touch -d '1 hour ago' {} +
site_start 'route "/" { app = files root = "@DIR@/www" listing = on
    precompressed = on index = "" }
    route "/coded" { app = files root = "@DIR@/www/coded" compress = on }'
large=$tmp/www/large.bin
same() { check "$1" cmp "$2" "$3"; }

# curl: a piece, the last bytes, the rest of what is there.
curl -fsS -r 1000-1999 "$site_url/large.bin" >"$tmp/got/piece"
tail -c +1001 "$large" | head -c 1000 >"$tmp/want"
same 'curl -r 1000-1999' "$tmp/got/piece" "$tmp/want"
curl -fsS -r -500 "$site_url/large.bin" >"$tmp/got/last"
tail -c 500 "$large" >"$tmp/want"
same 'curl -r -500' "$tmp/got/last" "$tmp/want"
head -c 1234567 "$large" >"$tmp/got/curl"
curl -fsS -C - -o "$tmp/got/curl" "$site_url/large.bin"
same 'curl -C -' "$tmp/got/curl" "$large"

# wget: likewise; and a whole that is already there.
head -c 777777 "$large" >"$tmp/got/large.bin"
(cd "$tmp/got" && wget -q -c "$site_url/large.bin")
same 'wget -c' "$tmp/got/large.bin" "$large"
(cd "$tmp/got" && wget -q -c "$site_url/large.bin")
same 'wget -c of a whole' "$tmp/got/large.bin" "$large"
(cd "$tmp/got" && wget -q -r -np -nH "$site_url/")
same 'wget -r' "$tmp/got/sub/deep/b c.txt" "$tmp/www/sub/deep/b c.txt"
same 'wget -r, above' "$tmp/got/sub/a.txt" "$tmp/www/sub/a.txt"

# Compressed on its way, the same at its end.
curl -fsS --compressed -D "$tmp/head" -o "$tmp/got/text" "$site_url/text.txt"
same 'curl --compressed' "$tmp/got/text" "$tmp/www/text.txt"
check 'it was not compressed' grep -qi '^content-encoding: gzip' "$tmp/head"
rm "$tmp/got/text"
curl -fsS -o "$tmp/got/text" "$site_url/text.txt"
same 'curl without it' "$tmp/got/text" "$tmp/www/text.txt"

# Compressed on its way there: by each coding, read by curl's own libraries.
compressed=${site_url%/}/coded
for coding in gzip br zstd; do
    for size in 8000 9000000; do
        curl -fsS --compressed -H "Accept-Encoding: $coding" -D "$tmp/head" \
            -o "$tmp/got/text" "$compressed/$size.txt"
        same "curl --compressed, $coding, $size" "$tmp/got/text" \
            "$tmp/www/coded/$size.txt"
        check "it was not $coding" grep -qi "^content-encoding: $coding" \
            "$tmp/head"
        check "no Vary" grep -qi '^vary: accept-encoding' "$tmp/head"
    done
done
curl -fsS --compressed -r 1000-1999 -o "$tmp/got/piece" "$compressed/9000000.txt"
tail -c +1001 "$tmp/www/coded/9000000.txt" | head -c 1000 >"$tmp/want"
same 'curl --compressed -r 1000-1999' "$tmp/got/piece" "$tmp/want"
rm "$tmp/got/text"
curl -fsS -0 --compressed -D "$tmp/head" -o "$tmp/got/text" \
    "$compressed/9000000.txt"
same 'curl -0 --compressed' "$tmp/got/text" "$tmp/www/coded/9000000.txt"
no_chunks() { ! grep -qi '^transfer-encoding' "$tmp/head"; }
check 'chunks to HTTP/1.0' no_chunks
cat >"$tmp/coded.py" <<'PY'
import gzip, http.client, sys
host, port, path = sys.argv[1:]
c = http.client.HTTPConnection(host, int(port))
want = open(path, 'rb').read()
for i in range(3):
    c.request('GET', '/coded/8000.txt', headers={'Accept-Encoding': 'gzip'})
    a = c.getresponse()
    body = a.read()
    assert a.headers['Content-Encoding'] == 'gzip', a.headers
    assert int(a.headers['Content-Length']) == len(body) < len(want)
    assert a.headers['ETag'].startswith('W/'), a.headers
    assert gzip.decompress(body) == want
    c.request('GET', '/coded/8000.txt', headers={
        'Accept-Encoding': 'gzip', 'If-None-Match': a.headers['ETag']})
    b = c.getresponse()
    b.read()
    assert b.status == 304 and b.headers['ETag'] == a.headers['ETag'], b.headers
PY
at=${site_url#http://}
check 'gzip by python' python3 "$tmp/coded.py" "${at%:*}" "${at##*:}" \
    "$tmp/www/coded/8000.txt"

# A cache that asks again.
curl -fsS --etag-save "$tmp/etag" -o "$tmp/got/text" "$site_url/text.txt"
code=$(curl -sS --etag-compare "$tmp/etag" -o "$tmp/got/none" \
    -w '%{http_code}' "$site_url/text.txt")
check "curl --etag-compare: $code" [ "$code" = 304 ]

# Several parts, read by a MIME parser that is not ours; a listing as JSON.
cat >"$tmp/parts.py" <<'PY'
import email, email.policy, http.client, json, sys
host, port, path = sys.argv[1:]
c = http.client.HTTPConnection(host, int(port))
asked = [(0, 9), (1000, 70999), (2999990, 2999999)]
c.request('GET', '/large.bin', headers={
    'Range': 'bytes=' + ','.join('%d-%d' % r for r in asked)})
a = c.getresponse()
body = a.read()
assert a.status == 206, a.status
data = open(path, 'rb').read()
m = email.message_from_bytes(b'Content-Type: ' + a.headers['Content-Type']
    .encode() + b'\r\n\r\n' + body, policy=email.policy.HTTP)
parts = m.get_payload()
assert len(parts) == len(asked), len(parts)
for p, (first, last) in zip(parts, asked):
    assert p['Content-Range'] == 'bytes %d-%d/%d' % (first, last, len(data))
boundary = b'\r\n--' + m.get_boundary().encode()
bodies = [p.split(b'\r\n\r\n', 1)[1] for p in body.split(boundary)[1:-1]]
assert bodies == [data[first:last + 1] for first, last in asked]
c.request('GET', '/sub/', headers={'Accept': 'application/json'})
l = json.load(c.getresponse())
assert [(e['name'], e['type']) for e in l['entries']] == [
    ('deep', 'directory'), ('a.txt', 'file')], l
assert l['entries'][1]['size'] == 6
PY
at=${site_url#http://}
check 'parts and JSON by python' python3 "$tmp/parts.py" "${at%:*}" \
    "${at##*:}" "$large"

# ab, which speaks HTTP/1.0 with keep-alive.
ab -q -k -n 2000 -c 16 "$site_url/sub/a.txt" >"$tmp/ab" 2>&1
check 'ab' grep -q '^Failed requests: *0$' "$tmp/ab"
check 'ab, other answers' sh -c "! grep -q '^Non-2xx' '$tmp/ab'"
site_stop
checks_done e2e/files
