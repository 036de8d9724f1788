// SPDX-License-Identifier: MIT
//
// events.js - Server-Sent Events in a page: they come; when the connection is
// cut, the browser says which it has seen last, and is told what it missed; a
// server that starts anew is found again.
'use strict';
const { Site, check, look, open, same, shoot, views } = require('./harness.js');
const { Wire } = require('./wire.js');

const shown = (page, id) => page.textContent(`#${id}`);

async function until(page, id, pattern) {
  await page.waitForFunction(([id, source]) =>
    new RegExp(source).test(document.getElementById(id).textContent),
  [id, pattern.source]);
}

module.exports = async (browser) => {
  const site = await new Site('workers = 1\n' +
    'route "/events" { app = events every = 200ms }').start();
  await look(browser, site.url + '/events', 'events', (p) =>
    until(p, 'id', /^\d+$/));

  const wire = await new Wire(site).start();
  const page = await open(browser, wire.url + '/events', views.phone);
  await until(page, 'state', /^connected$/);
  await until(page, 'time', /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/);
  const first = Number(await shown(page, 'id'));
  await page.waitForFunction((first) =>
    Number(document.getElementById('id').textContent) >= first + 3, first);

  wire.held = true;
  wire.cut();
  await until(page, 'state', /^reconnecting$/);
  await shoot(page, 'events-lost-phone');
  const last = Number(await shown(page, 'id'));
  wire.held = false;
  await until(page, 'state', /^connected again, \d+ missed$/);
  const missed = Number(/\d+/.exec(await shown(page, 'state'))[0]);
  await page.waitForFunction((last) =>
    Number(document.getElementById('id').textContent) > last, last);
  const streams = wire.heads.filter((h) => h.startsWith('GET /events/stream'));
  check('first without an id', !/^last-event-id:/im.test(streams[0]));
  same('then with the last one', /^last-event-id: *(\d+)\r$/im.exec(
    streams.at(-1))?.[1], String(last));
  check('and some were missed', missed >= 1, missed);

  await site.stop();
  await until(page, 'state', /^reconnecting$/);
  await page.evaluate(() => {
    document.getElementById('id').textContent = '';
  });
  await site.start();
  await until(page, 'state', /^connected/);
  await until(page, 'id', /^\d+$/);

  same('what the page did', page.wrong, []);
  await page.context().close();
  wire.stop();
  await site.stop();
};
