# SPDX-License-Identifier: MIT
#
# client.py URL DIR - python's http.client. Prints "ok WHAT", or "failed WHAT:
# why", for each thing it asks for; DIR has what is served.
import http.client
import os
import sys
import urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
large = open(os.path.join(sys.argv[2], 'large.bin'), 'rb').read()
small = open(os.path.join(sys.argv[2], 'small.txt'), 'rb').read()


def check(what, got, want):
    if got == want:
        print('ok', what)
    else:
        print('failed %s: %.100r, not %.100r' % (what, got, want))


c = http.client.HTTPConnection(url.hostname, url.port, timeout=30)


def ask(method, path, headers={}, **body):
    c.request(method, path, headers=headers, **body)
    a = c.getresponse()
    return a.status, a.headers, a.read()


status, head, body = ask('GET', '/large.bin')
check('GET', (status, body), (200, large))
etag, modified = head['ETag'], head['Last-Modified']
socket = c.sock
status, h, body = ask('HEAD', '/large.bin')
check('HEAD', (status, h['Content-Length'], h['ETag'], body),
      (200, str(len(large)), etag, b''))

status, h, body = ask('GET', '/large.bin', {'Range': 'bytes=70000-199999'})
check('Range', (status, h['Content-Range'], body),
      (206, 'bytes 70000-199999/%d' % len(large), large[70000:200000]))
status, h, body = ask('GET', '/large.bin', {'Range': 'bytes=-5'})
check('the last five', (status, body), (206, large[-5:]))
status, h, body = ask('GET', '/large.bin',
                      {'Range': 'bytes=%d-' % len(large)})
check('a range behind the end', (status, h['Content-Range']),
      (416, 'bytes */%d' % len(large)))
status, h, body = ask('GET', '/large.bin',
                      {'Range': 'bytes=0-9', 'If-Range': etag})
check('If-Range', (status, body), (206, large[:10]))
status, h, body = ask('GET', '/large.bin',
                      {'Range': 'bytes=0-9', 'If-Range': '"other"'})
check('If-Range of another', (status, body), (200, large))

for name, value, want in (('If-None-Match', etag, 304),
                          ('If-None-Match', '"other"', 200),
                          ('If-Modified-Since', modified, 304),
                          ('If-Match', '"other"', 412),
                          ('If-Match', etag, 200)):
    status, h, body = ask('GET', '/small.txt' if want == 200 and
                          value == '"other"' else '/large.bin', {name: value})
    check('%s: %d' % (name, want), status, want)
    if want == 304:
        check('%s has no body' % name, body, b'')

for size in (0, 1, 70001):
    status, h, body = ask('POST', '/echo', body=large[:size])
    check('POST of %d' % size, (status, body), (200, large[:size]))
pieces = [large[at:at + 9999] for at in range(0, len(large), 9999)]
status, h, body = ask('POST', '/echo', {'Transfer-Encoding': 'chunked'},
                      body=iter(pieces), encode_chunked=True)
check('POST in chunks', (status, h['Transfer-Encoding'], body),
      (200, 'chunked', large))
status, h, body = ask('POST', '/echo', {'Expect': '100-continue'},
                      body=large[:5000])
check('a 100 (Continue) is read over', (status, body), (200, large[:5000]))

good = sum(ask('GET', '/small.txt')[::2] == (200, small)
           for i in range(1000))
check('a thousand on one connection', good, 1000)
check('which was one', c.sock is socket, True)
status, h, body = ask('GET', '/small.txt', {'Connection': 'close'})
check('the last', (status, h['Connection'], body, c.sock),
      (200, 'close', small, None))
