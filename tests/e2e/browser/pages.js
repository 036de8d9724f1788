// SPDX-License-Identifier: MIT
//
// pages.js - the index page, listings, an error page: as they look, and that
// each link leads where it says.
'use strict';
const fs = require('fs');
const path = require('path');
const { Site, check, look, open, same, views } = require('./harness.js');

const names = ['plain.txt', 'two words.txt', '<b>&amp;"q\'.txt',
  'per%20cent.txt', 'hash#question?.txt', 'grün.txt', 'a:b.txt', '日本.txt',
  'long-'.repeat(40) + '.txt'];

async function status(url) {
  return (await fetch(url, { redirect: 'manual' })).status;
}

// Is the paper of an error page darker than its ink, for who likes it dark?
async function dark(browser, url) {
  const page = await open(browser, url + '/nothing-here', views['phone-dark'],
    [404]);
  const ink = await page.evaluate(() =>
    getComputedStyle(document.querySelector('h1')).color);
  await page.context().close();
  return /\d+/.exec(ink)[0] > 127;
}

async function shipped(browser) {
  const site = await new Site().start();
  await look(browser, site.url + '/', 'index');
  await look(browser, site.url + '/samples/', 'listing');

  // Every link of the index.
  const page = await open(browser, site.url + '/', views.light);
  const links = await page.$$eval('[href], [src]', (all) =>
    all.map((e) => e.href || e.src));
  check('the index page links to little', links.length > 5, links);
  for (const link of new Set(links)) {
    if (link.endsWith('/events/stream') || !link.startsWith(site.url))
      continue;
    const want = link.endsWith('/nothing-here') ? 404 :
      link.endsWith('/samples') ? 301 : 200;
    same(link, await status(link), want);
  }

  // Down, and up again, as one clicks.
  await page.goto(site.url + '/samples/');
  await page.getByRole('link', { name: 'letters/' }).click();
  await page.waitForURL(site.url + '/samples/letters/');
  await page.getByRole('link', { name: 'alphabet.txt' }).click();
  check('a file opens', (await page.textContent('body')).includes('abc'));
  await page.goBack();
  await page.getByRole('link', { name: '../' }).click();
  await page.waitForURL(site.url + '/samples/');

  // An error is said in words, in letters of a size to be read.
  await look(browser, site.url + '/nothing-here', 'error', null, [404]);
  const lost = await open(browser, site.url + '/nothing-here', views.phone,
    [404]);
  same('an error', (await lost.textContent('body')).trim(), '404 Not Found');
  same('the title of an error', await lost.title(), '404 Not Found');
  same('an error is as wide as the screen', await lost.evaluate(() =>
    document.documentElement.clientWidth), views.phone.viewport.width);
  same('a dark error is dark', await dark(browser, site.url), true);
  for (const p of [page, lost])
    await p.context().close();
  await site.stop();
}

// Names that are hard on HTML and on URLs: each link gives the file whose name
// it shows, as its content is that name.
async function hardNames(browser) {
  const site = new Site('route "/" { app = files root = "@DIR@/www" ' +
    'listing = on }');
  const www = path.join(site.dir, 'www');
  fs.mkdirSync(path.join(www, 'a "dir" & more'), { recursive: true });
  for (const name of names)
    fs.writeFileSync(path.join(www, name), name);
  await site.start();
  await look(browser, site.url + '/', 'names');
  const page = await open(browser, site.url + '/', views.phone);
  const got = await page.$$eval('a[href$=".txt"]', (all) => Promise.all(
    all.map(async (e) => [e.textContent, await (await fetch(e.href)).text()])));
  same('links show and lead to the same', got.map((g) => g[0]).sort(),
    [...names].sort());
  for (const [shown, content] of got)
    same(`the file ${shown}`, content, shown);
  same('no name became markup', await page.$$eval('td b', (all) =>
    all.length), 0);
  await page.context().close();
  await site.stop();
}

module.exports = async (browser) => {
  await shipped(browser);
  await hardNames(browser);
};
