// SPDX-License-Identifier: MIT
//
// upload.js - the upload form: files chosen, sent, answered, and on the disk as
// they were; and what a browser shows of a file that is too large.
'use strict';
const fs = require('fs');
const path = require('path');
const { Site, check, look, open, same, views } = require('./harness.js');

const files = [
  { name: 'Grüße "an" <alle>.bin', bytes: 300000, kept: 'Grüße_an_alle.bin' },
  { name: 'photo.jpg', bytes: 0, kept: 'photo.jpg' },
  { name: 'photo.jpg', bytes: 70001, kept: 'photo-1.jpg' },
];

// Bytes that repeat in no period of ours.
function content(bytes) {
  const data = Buffer.alloc(bytes);
  for (let i = 0, v = 1; i < bytes; i++) {
    v = (v * 48271) % 2147483647;
    data[i] = v >> 8;
  }
  return data;
}

async function send(page, list) {
  await page.getByLabel('Files').setInputFiles(list.map((f) => ({
    name: f.name, mimeType: 'application/octet-stream',
    buffer: content(f.bytes),
  })));
  const answered = page.waitForResponse((r) =>
    r.request().method() === 'POST');
  await page.getByRole('button', { name: 'Send' }).click();
  const status = (await answered).status();
  await page.waitForLoadState();
  return status;
}

module.exports = async (browser) => {
  const site = await new Site('route "/upload" { app = upload dir = "@DIR@" ' +
    'max_file = 1M }').start();
  const url = site.url + '/upload';
  const page = await open(browser, url, views.light, [413]);

  for (const list of [[files[0]], [files[1], files[2]]]) {
    same('a form is taken', await send(page, list), 200);
    same('the page says what was kept', await page.$$eval('li', (all) =>
      all.map((e) => e.textContent)),
      list.map((f) => `${f.kept}, ${f.bytes} bytes`));
    for (const f of list)
      check(`${f.kept} is what was sent`, content(f.bytes).equals(
        fs.readFileSync(path.join(site.dir, f.kept))));
  }
  same('no more than that', fs.readdirSync(site.dir).sort(),
    ['conf', ...files.map((f) => f.kept)].sort());

  // Nothing chosen: the browser itself holds the form back.
  await page.goto(url);
  await page.getByRole('button', { name: 'Send' }).click();
  check('an empty form is sent', await page.$eval('input', (e) =>
    !e.validity.valid));

  same('too large', await send(page, [{ name: 'large', bytes: 2000000 }]),
    413);
  check('and it is told so', (await page.textContent('body'))
    .includes('413 Content Too Large'));
  check('of which nothing stays', !fs.existsSync(
    path.join(site.dir, 'large')) && !fs.readdirSync(site.dir).some((f) =>
    f.includes('.part')));
  same('what the page did', page.wrong, []);
  await page.context().close();

  await look(browser, url, 'upload');
  await look(browser, url, 'uploaded', async (p) => {
    await send(p, [{ name: 'letter to a friend.txt', bytes: 1234 },
      { name: 'long-'.repeat(20) + '.txt', bytes: 99999 }]);
  });
  await site.stop();
};
