// SPDX-License-Identifier: MIT
//
// chat.js - the chat in two pages: each sees what both say, who comes and who
// goes; nobody's words become markup; a server that starts anew is found again.
'use strict';
const { Site, audit, check, look, open, same, shoot, views } =
  require('./harness.js');

async function join(page, name, room = 'lobby') {
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Room').fill(room);
  await page.getByRole('button', { name: 'Join' }).click();
  await has(page, `${name} has joined`);
}

async function say(page, text) {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.keyboard.press('Enter');
}

// Within 30 s, as is each wait here.
async function has(page, text, times = 1) {
  await page.waitForFunction(([text, times]) =>
    [...document.querySelectorAll('#log li')].filter((e) =>
      e.textContent === text).length === times, [text, times]);
}

async function state(page, text) {
  await page.waitForFunction((text) =>
    document.querySelector('#state').textContent === text, text);
}

module.exports = async (browser) => {
  const site = await new Site('workers = 1\n' +
    'route "/chat" { app = chat }').start();
  const url = site.url + '/chat';
  await look(browser, url, 'chat');

  const ann = await open(browser, url, views.phone);
  const bob = await open(browser, url, views.dark);
  const cid = await open(browser, url, views.light);
  await join(ann, 'Ann');
  await state(ann, 'only you');
  await join(bob, 'Böb "2"');
  await state(ann, '2 here');
  await has(ann, 'Böb "2" has joined');
  await join(cid, 'Cid', 'another');
  await state(cid, 'only you');

  // Joining twice in a row makes one member: the first connection is left.
  const eve = await open(browser, url, views.light);
  await eve.getByLabel('Your name').fill('Eve');
  await eve.getByLabel('Room').fill('third');
  await eve.evaluate(() => {
    document.querySelector('#enter').requestSubmit();
    document.querySelector('#enter').requestSubmit();
  });
  await has(eve, 'Eve has joined');
  await state(eve, 'only you');
  await eve.context().close();

  const markup = '<img src=x onerror="document.title=1"><b>&amp;</b>';
  await say(ann, 'Good morning, Böb!');
  await say(bob, markup);
  await say(ann, '日本 and 🚲, in a line that is long enough to need a ' +
    'second one on a phone, ' + 'andawordthatfitsintonoline'.repeat(3));
  for (const page of [ann, bob]) {
    await has(page, 'AnnGood morning, Böb!');
    await has(page, `Böb "2"${markup}`);
    await page.waitForFunction(() => document.querySelectorAll('#log li b')
      .length === 3);
    same('no markup but ours', await page.$$eval('#log *', (all) =>
      [...new Set(all.map((e) => e.tagName))].sort()), ['B', 'LI']);
    same('no script ran', await page.title(), 'Chat');
  }
  same('the other room heard nothing', await cid.$$eval('#log li', (all) =>
    all.map((e) => e.textContent)), ['Cid has joined']);
  for (const [page, phone] of [[ann, true], [bob, false]])
    same('while one talks', await page.evaluate(audit, phone), []);
  await shoot(ann, 'chat-talk-phone');
  await shoot(bob, 'chat-talk-dark');

  // Many lines: the last is seen, and who reads above is left there.
  for (let i = 1; i <= 40; i++)
    await say(ann, `line ${i}`);
  await has(bob, 'Annline 40');
  const atEnd = () => {
    const log = document.querySelector('#log');
    return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
  };
  check('the last line is in view', await bob.evaluate(atEnd));
  await bob.evaluate(() => { document.querySelector('#log').scrollTop = 0; });
  await say(ann, 'one more');
  await has(bob, 'Annone more');
  same('who reads above is left there', await bob.$eval('#log', (e) =>
    e.scrollTop), 0);
  await shoot(ann, 'chat-long-phone');

  // A server that goes and comes back.
  await site.stop();
  await Promise.all([ann, bob].map((p) => state(p, 'connecting')));
  check('one cannot send meanwhile', await ann.getByRole('button',
    { name: 'Send' }).isDisabled());
  await shoot(ann, 'chat-lost-phone');
  await site.start();
  await Promise.all([ann, bob].map((p) => state(p, '2 here')));
  await say(bob, 'again');
  for (const page of [ann, bob])
    await has(page, 'Böb "2"again');

  // Who leaves by the button, and who closes the page.
  await bob.getByRole('button', { name: 'Leave' }).click();
  await has(ann, 'Böb "2" has left');
  await state(ann, 'only you');
  await has(bob, 'You have left');
  await join(bob, 'Bob');
  await state(ann, '2 here');
  await bob.context().close();
  await has(ann, 'Bob has left');
  await state(ann, 'only you');

  // A name whose bytes are too many is held back here.
  const dan = await open(browser, url, views.light);
  await dan.getByLabel('Your name').fill('ü'.repeat(17));
  await dan.getByRole('button', { name: 'Join' }).click();
  check('a name too long goes out', await dan.$eval('#name', (e) =>
    !e.validity.valid));

  for (const page of [ann, cid, dan]) {
    same('what the page did', page.wrong, []);
    await page.context().close();
  }
  await site.stop();
};
