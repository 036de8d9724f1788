// SPDX-License-Identifier: MIT
//
// video.js - a video is made in the browser, sent to the upload app, played
// from where it was kept, and sought in: each seek is a Range that the server
// answers with 206, and shows the picture of its second.
//
// Above, second s of the video tells s in five bands, black or white: its bits.
// Below is noise, which makes the file too large to be fetched unasked.
'use strict';
const fs = require('fs');
const path = require('path');
const { Site, check, open, same, shoot, views } = require('./harness.js');
const { Wire } = require('./wire.js');

const seconds = 20;
const rate = 4;

// In the page: WebM (VP8), with a cluster for each second; posted as a form.
// Returns its size.
async function record({ seconds, rate, to }) {
  const canvas = new OffscreenCanvas(480, 360);
  const pen = canvas.getContext('2d');
  const noise = pen.createImageData(480, 300);
  const frames = [];
  const encoder = new VideoEncoder({
    output: (chunk) => {
      const data = new Uint8Array(chunk.byteLength);
      chunk.copyTo(data);
      frames.push({ ms: chunk.timestamp / 1000, key: chunk.type === 'key',
        data });
    },
    error: (e) => { throw e; },
  });
  encoder.configure({ codec: 'vp8', width: 480, height: 360,
    framerate: rate, bitrate: 8000000, latencyMode: 'realtime' });
  for (let i = 0; i < seconds * rate; i++) {
    for (let k = 0; k < noise.data.length; k += 64000)
      crypto.getRandomValues(noise.data.subarray(k, k + 64000));
    for (let k = 3; k < noise.data.length; k += 4)
      noise.data[k] = 255;
    pen.putImageData(noise, 0, 60);
    for (let bit = 0; bit < 5; bit++) {
      pen.fillStyle = Math.floor(i / rate) >> bit & 1 ? 'white' : 'black';
      pen.fillRect(bit * 96, 0, 96, 60);
    }
    const frame = new VideoFrame(canvas, { timestamp: i * 1e6 / rate });
    encoder.encode(frame, { keyFrame: i % rate === 0 });
    frame.close();
    while (encoder.encodeQueueSize > 4)
      await new Promise((r) => { encoder.ondequeue = r; });
  }
  await encoder.flush();

  // EBML: an id, a length of eight bytes, what it holds (RFC 8794, RFC 9559).
  const number = (v, n) => Array.from({ length: n }, (_, i) =>
    Math.floor(v / 256 ** (n - 1 - i)) % 256);
  const size = (parts) => parts.reduce((sum, p) => sum + p.length, 0);
  const element = (id, parts) => {
    const digits = id.length / 2;
    return [Uint8Array.from([...number(parseInt(id, 16), digits), 1,
      ...number(size(parts), 7)]), ...parts];
  };
  const uint = (id, v) => element(id, [Uint8Array.from(number(v, 8))]);
  const text = (id, v) => element(id, [new TextEncoder().encode(v)]);
  const real = new Uint8Array(8);
  new DataView(real.buffer).setFloat64(0, seconds * 1000);

  const info = element('1549a966', [...uint('2ad7b1', 1000000),
    ...element('4489', [real]), ...text('4d80', 't'), ...text('5741', 't')]);
  const tracks = element('1654ae6b', element('ae', [...uint('d7', 1),
    ...uint('73c5', 1), ...uint('83', 1), ...uint('23e383', 1e9 / rate),
    ...text('86', 'V_VP8'),
    ...element('e0', [...uint('b0', 480), ...uint('ba', 360)])]));
  const clusters = [];
  const starts = [];
  for (let s = 0; s < seconds; s++) {
    const blocks = frames.filter((f) => Math.floor(f.ms / 1000) === s)
      .flatMap((f) => element('a3', [Uint8Array.from([0x81,
        ...number(f.ms - s * 1000, 2), f.key ? 0x80 : 0]), f.data]));
    starts.push(size(clusters));
    clusters.push(...element('1f43b675', [...uint('e7', s * 1000),
      ...blocks]));
  }
  // The cues in front, as mkvmerge and ffmpeg's cues_to_front put them: their
  // size does not depend on what they say.
  const cues = (first) => element('1c53bb6b', starts.flatMap((at, s) =>
    element('bb', [...uint('b3', s * 1000), ...element('b7', [
      ...uint('f7', 1), ...uint('f1', first + at)])])));
  const head = [...info, ...tracks];
  const file = [...element('1a45dfa3', [...uint('4286', 1), ...uint('42f7', 1),
    ...uint('42f2', 4), ...uint('42f3', 8), ...text('4282', 'webm'),
    ...uint('4287', 4), ...uint('4285', 2)]),
  ...element('18538067', [...head, ...cues(size(head) + size(cues(0))),
    ...clusters])];

  const form = new FormData();
  form.append('file', new File(file, 'band.webm', { type: 'video/webm' }));
  const answer = await fetch(to, { method: 'POST', body: form });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return size(file);
}

// In the page: go to a second, and read the bands.
async function seek(s) {
  const video = document.querySelector('video');
  await new Promise((done, fail) => {
    video.onseeked = done;
    video.onerror = () => fail(new Error(video.error.message));
    video.currentTime = s + 0.6;
  });
  const pen = Object.assign(document.createElement('canvas'),
    { width: 480, height: 360 }).getContext('2d');
  pen.drawImage(video, 0, 0);
  return [0, 1, 2, 3, 4].reduce((sum, bit) => sum +
    (pen.getImageData(bit * 96 + 48, 30, 1, 1).data[0] > 127) * 2 ** bit, 0);
}

module.exports = async (browser) => {
  const site = new Site('route "/upload" { app = upload dir = "@DIR@/www" ' +
    'max_file = 100M max_total = 100M }\n' +
    'route "/" { app = files root = "@DIR@/www" }');
  const www = path.join(site.dir, 'www');
  fs.mkdirSync(www);
  fs.writeFileSync(path.join(www, 'index.html'), '<!DOCTYPE html>' +
    '<html lang="en"><title>Video</title><meta charset="utf-8">' +
    '<h1>Video</h1><video controls muted preload="metadata" width="480" ' +
    'height="360"></video>');
  await site.start();
  // So slow that what is not asked for does not come along.
  const wire = await new Wire(site, 4e6).start();
  const page = await open(browser, wire.url + '/', views.light);

  const size = await page.evaluate(record, { seconds, rate,
    to: wire.url + '/upload' });
  const kept = path.join(www, 'band.webm');
  same('the video came whole', fs.statSync(kept).size, size);
  console.log(`video: ${(size / 1e6).toFixed(1)} MB`);

  const answers = [];
  page.on('response', (r) => {
    if (r.url().endsWith('.webm'))
      answers.push({ status: r.status(), asked: r.request().headers().range,
        range: r.headers()['content-range'] });
  });
  const duration = await page.evaluate(() => new Promise((done, fail) => {
    const video = document.querySelector('video');
    video.onloadedmetadata = () => done(video.duration);
    video.onerror = () => fail(new Error(video.error.message));
    video.src = 'band.webm';
  }));
  same('its duration', duration, seconds);
  for (const s of [17, 3, 12, 19, 0]) {
    same('the second that is shown', await page.evaluate(seek, s), s);
    if (s === 12) await shoot(page, 'video');
  }

  check('each answer is a part', answers.length > 0 && answers.every((a) =>
    a.status === 206 && /^bytes=\d+-/.test(a.asked || '') &&
    new RegExp(`^bytes ${/\d+/.exec(a.asked)[0]}-\\d+/${size}$`)
      .test(a.range || '')), answers);
  // The first place is far behind what a browser reads unasked.
  check('it was sought in by a range', answers.some((a) => {
    const at = Number(/\d+/.exec(a.asked)[0]) / size;
    return at > 0.7 && at < 0.95;
  }), answers);
  console.log(`video: asked for ${answers.map((a) => a.asked).join(' ')}`);

  // And it plays on from where it was put.
  check('it plays', await page.evaluate(async () => {
    const video = document.querySelector('video');
    video.currentTime = 7;
    await video.play();
    while (video.currentTime < 7.4)
      await new Promise((r) => { video.ontimeupdate = r; });
    video.pause();
    return !video.error;
  }));
  same('what the page did', page.wrong, []);
  await page.context().close();
  wire.stop();
  await site.stop();
};
