// SPDX-License-Identifier: MIT
//
// client.js URL DIR - node's http and fetch. Prints "ok WHAT", or "failed WHAT:
// why", for each thing it asks for; DIR has what is served.
'use strict';
const fs = require('fs');
const http = require('http');
const path = require('path');

const [url, dir] = process.argv.slice(2);
const large = fs.readFileSync(path.join(dir, 'large.bin'));
const small = fs.readFileSync(path.join(dir, 'small.txt'));
const text = fs.readFileSync(path.join(dir, 'text.txt'));
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const sockets = new Set();

function check(what, ...pairs) {
  const wrong = pairs.filter(([got, want]) => Buffer.isBuffer(want) ?
    !want.equals(got) : got !== want);
  console.log(wrong.length === 0 ? `ok ${what}` : `failed ${what}: ` +
    wrong.map((p) => p.map((v) => String(v).slice(0, 100)).join(', not '))
      .join('; '));
}

// send(request): what follows the head.
function ask(method, at, headers = {}, send = (r) => r.end()) {
  return new Promise((done, fail) => {
    const request = http.request(url + at, { method, headers, agent });
    request.on('error', fail);
    request.on('socket', (s) => sockets.add(s));
    request.on('response', (answer) => {
      const pieces = [];
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('error', fail);
      answer.on('end', () => done({ status: answer.statusCode,
        headers: answer.headers, body: Buffer.concat(pieces) }));
    });
    send(request);
  });
}

async function byHttp() {
  let a = await ask('GET', '/large.bin');
  const etag = a.headers.etag;
  check('GET', [a.status, 200], [a.body, large]);
  a = await ask('HEAD', '/large.bin');
  check('HEAD', [a.status, 200], [a.body.length, 0],
    [a.headers['content-length'], String(large.length)]);
  a = await ask('GET', '/large.bin', { Range: 'bytes=70000-199999' });
  check('Range', [a.status, 206], [a.body, large.subarray(70000, 200000)],
    [a.headers['content-range'], `bytes 70000-199999/${large.length}`]);
  a = await ask('GET', '/large.bin', { 'If-None-Match': etag });
  check('If-None-Match', [a.status, 304], [a.body.length, 0]);
  a = await ask('GET', '/large.bin', { 'If-Match': '"other"' });
  check('If-Match', [a.status, 412]);

  a = await ask('POST', '/echo', {}, (r) => {
    for (let at = 0; at < large.length; at += 9999)
      r.write(large.subarray(at, at + 9999));
    r.end();
  });
  check('POST in chunks', [a.status, 200], [a.body, large],
    [a.headers['transfer-encoding'], 'chunked']);
  let asked = false;
  a = await ask('POST', '/echo', { Expect: '100-continue',
    'Content-Length': 5000 }, (r) => {
    r.on('continue', () => {
      asked = true;
      r.end(large.subarray(0, 5000));
    });
    r.flushHeaders();
  });
  check('100 (Continue)', [asked, true], [a.status, 200],
    [a.body, large.subarray(0, 5000)]);

  let good = 0;
  for (let i = 0; i < 1000; i++) {
    a = await ask('GET', '/small.txt');
    good += a.status === 200 && a.body.equals(small);
  }
  check('a thousand, one by one', [good, 1000]);
  check('on one connection', [sockets.size, 1]);
  agent.destroy();
}

async function byFetch() {
  let a = await fetch(url + '/text.txt');
  check('fetch, compressed', [a.status, 200],
    [/^(br|gzip)$/.test(a.headers.get('content-encoding')), true],
    [Buffer.from(await a.arrayBuffer()), text]);
  a = await fetch(url + '/large.bin', { headers: { Range: 'bytes=-5' } });
  check('fetch, Range', [a.status, 206],
    [Buffer.from(await a.arrayBuffer()), large.subarray(-5)]);
  a = await fetch(url + '/large.bin', { method: 'HEAD' });
  check('fetch, HEAD', [a.status, 200], [(await a.text()).length, 0]);
  a = await fetch(url + '/echo', { method: 'POST', duplex: 'half',
    body: new ReadableStream({
      start(stream) {
        for (let at = 0; at < large.length; at += 9999)
          stream.enqueue(large.subarray(at, at + 9999));
        stream.close();
      },
    }) });
  check('fetch, a stream', [a.status, 200],
    [Buffer.from(await a.arrayBuffer()), large]);
  const answers = await Promise.all(Array.from({ length: 500 }, async () =>
    Buffer.from(await (await fetch(url + '/small.txt')).arrayBuffer())));
  check('fetch, 500 at once', [answers.filter((b) => b.equals(small)).length,
    500]);
  a = await fetch(url + '/sub', { redirect: 'follow' });
  check('fetch, redirected', [a.status, 200], [a.url, url + '/sub/']);
}

byHttp().then(byFetch);
