// SPDX-License-Identifier: MIT
//
// harness.js - a server of its own for each part, checks that are counted, and
// what every page of ours owes its readers (`look`).
'use strict';
const { spawn } = require('child_process');
const { once } = require('events');
const fs = require('fs');
const path = require('path');

const tmp = process.env.E2E_TMP;
const shots = path.join(tmp, 'screenshots');
let passed = 0;
let failed = 0;
let servers = 0;
const running = new Set(); // servers' processes

function check(what, good, detail) {
  if (good) {
    passed++;
    return;
  }
  failed++;
  console.log(`failed: ${what}${detail === undefined ? '' :
    ': ' + (typeof detail === 'string' ? detail : JSON.stringify(detail))}`);
}

function same(what, got, want) {
  const [g, w] = [JSON.stringify(got), JSON.stringify(want)];
  check(what, g === w, `${g}, not ${w}`);
}

// A server on a loopback address of its own. In a configuration @DIR@ stands
// for its directory.
class Site {
  constructor(text) {
    const n = ++servers;
    this.dir = path.join(tmp, `site-${n}`);
    fs.mkdirSync(this.dir);
    const pid = process.pid;
    this.host = `127.${1 + (pid >> 8) % 254}.${pid & 255}.${n}`;
    this.url = `http://${this.host}:8080`;
    this.args = ['-c', path.join(this.dir, 'conf')];
    if (text)
      fs.writeFileSync(path.join(this.dir, 'conf'),
        `listen "${this.host}:8080" {}\n` +
        text.replaceAll('@DIR@', this.dir));
    else // the configuration that is shipped
      this.args = ['-c', 'conf/millrace.conf', '--listen',
        `${this.host}:8080`];
  }

  async start() {
    let log = '';
    this.child = spawn(process.env.MILLRACE, this.args,
      { stdio: ['ignore', 'ignore', 'pipe'] });
    // Rejected when there is no such program.
    const ended = once(this.child, 'exit');
    const { child } = this;
    running.add(child);
    const gone = () => running.delete(child);
    ended.then(gone, gone);
    await new Promise((ready, fail) => {
      this.child.stderr.on('data', (piece) => {
        log += piece;
        if (log.includes('listening on '))
          ready();
      });
      ended.then(() => fail(new Error(`the server does not start: ${log}`)),
        fail);
    });
    this.ended = ended;
    return this;
  }

  async stop() {
    this.child.kill('SIGTERM');
    const [code, signal] = await this.ended;
    check('the server ends well', code === 0, `${code} ${signal}`);
  }
}

// What every page owes, asked of it in the browser. Returns what is wrong.
function audit(phone) {
  const wrong = [];
  const root = document.documentElement;
  const name = (e) => `<${e.tagName.toLowerCase()}${e.id && '#' + e.id}> ` +
    (e.textContent || e.value || '').trim().slice(0, 30);
  const visible = (e) => e.checkVisibility({ visibilityProperty: true }) &&
    e.getClientRects().length > 0;

  if (!root.lang) wrong.push('no language');
  if (!document.title) wrong.push('no title');
  if (!document.querySelector('h1')) wrong.push('no heading');
  if (document.compatMode !== 'CSS1Compat') wrong.push('quirks mode');
  if (root.scrollWidth > innerWidth)
    wrong.push(`scrolls sideways: ${root.scrollWidth} > ${innerWidth}`);

  const controls = [...document.querySelectorAll(
    'a[href], button, input, select, textarea')].filter(visible);
  for (const e of controls) {
    const label = e.getAttribute('aria-label') || e.textContent.trim() ||
      [...e.labels || []].map((l) => l.textContent.trim()).join('');
    if (!label) wrong.push(`no name: ${name(e)}`);
    // A link within a sentence has its line's height (WCAG 2.2, 2.5.8).
    const box = e.getBoundingClientRect();
    const inline = getComputedStyle(e).display === 'inline';
    if (phone && !inline && (box.height < 43.5 || box.width < 43.5))
      wrong.push(`small to tap: ${name(e)} ${box.width}x${box.height}`);
  }

  // Contrast (WCAG 2.2, 1.4.3), on what is painted behind an element.
  const pen = Object.assign(document.createElement('canvas'),
    { width: 1, height: 1 }).getContext('2d', { willReadFrequently: true });
  const over = (colours) => {
    pen.clearRect(0, 0, 1, 1);
    for (const c of colours) {
      pen.fillStyle = c;
      pen.fillRect(0, 0, 1, 1);
    }
    return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (rgb) => rgb.map((v) => v / 255).map((v) =>
    v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const probe = document.createElement('i');
  probe.style.color = 'Canvas';
  document.body.append(probe);
  const paper = getComputedStyle(probe).color;
  probe.remove();
  const contrast = (e, colour, text) => {
    const below = [];
    for (let at = e; at; at = at.parentElement)
      below.unshift(getComputedStyle(at).backgroundColor);
    const [a, b] = [over([paper, ...below]),
      over([paper, ...below, colour])].map(luminance);
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5)
      wrong.push(`pale: ${text.slice(0, 30)} (${ratio.toFixed(2)})`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    const text = walk.currentNode.data.trim();
    if (text && visible(e) && !e.matches('script, style, :disabled'))
      contrast(e, getComputedStyle(e).color, text);
  }
  for (const e of controls) {
    if (!e.placeholder) continue;
    contrast(e, getComputedStyle(e, '::placeholder').color, e.placeholder);
  }

  // A tenth is what is called good; this is a word that grows.
  const shifts = window.shifts.reduce((sum, v) => sum + v, 0);
  if (shifts > 0.002)
    wrong.push(`layout shifts by ${shifts}`);
  return wrong;
}

// Each control is reached with the Tab key, and shows that it has the focus.
async function keyboard(page) {
  const count = await page.evaluate(() => {
    document.activeElement.blur();
    return [...document.querySelectorAll(
      'a[href], button, input, select, textarea')].filter((e) =>
      e.checkVisibility() && !e.disabled).length;
  });
  const seen = new Set();
  // From where the focus was, by way of the browser's own, to all.
  for (let i = 0; i < Math.min(count, 12) + 1; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      if (e === document.body) return null;
      const style = getComputedStyle(e);
      return [e.outerHTML, style.outlineStyle !== 'none' &&
        parseFloat(style.outlineWidth) >= 1];
    });
    if (!at)
      continue;
    seen.add(at[0]);
    if (!at[1])
      return `no outline: ${at[0].slice(0, 60)}`;
  }
  return seen.size < Math.min(count, 12) ?
    `Tab reaches ${seen.size} of ${count}` : '';
}

const phone = {
  viewport: { width: 390, height: 844 }, deviceScaleFactor: 2,
  isMobile: true, hasTouch: true,
};
const views = {
  light: { viewport: { width: 1000, height: 800 }, colorScheme: 'light' },
  dark: { viewport: { width: 1000, height: 800 }, colorScheme: 'dark' },
  phone: { ...phone, colorScheme: 'light' },
  'phone-dark': { ...phone, colorScheme: 'dark' },
};

// A page that keeps a list of what it should not do. `allow` are answers with
// an error status that are expected.
async function open(browser, url, options, allow = []) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const origin = new URL(url).origin;

  page.wrong = [];
  page.on('pageerror', (e) => page.wrong.push(`script: ${e.message}`));
  page.on('request', (r) => {
    if (!r.url().startsWith('data:') && new URL(r.url()).origin !== origin)
      page.wrong.push(`foreign: ${r.url()}`);
  });
  page.on('response', (r) => {
    if (r.status() >= 400 && !allow.includes(r.status()) &&
        !r.url().endsWith('/favicon.ico'))
      page.wrong.push(`${r.status()}: ${r.url()}`);
  });
  await page.addInitScript(() => {
    window.shifts = [];
    new PerformanceObserver((list) => {
      for (const e of list.getEntries())
        if (!e.hadRecentInput) window.shifts.push(e.value);
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(url);
  return page;
}

async function shoot(page, name) {
  fs.mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

// A page in each view: what it owes; `act` brings it to where it is looked at;
// `allow` as for open.
async function look(browser, url, name, act, allow) {
  for (const [view, options] of Object.entries(views)) {
    const page = await open(browser, url, options, allow);
    if (act) await act(page);
    same(`${name}, ${view}`, await page.evaluate(audit,
      view.startsWith('phone')), []);
    if (view === 'light')
      same(`${name}, by keyboard`, await keyboard(page), '');
    await shoot(page, `${name}-${view}`);
    same(`${name}, ${view}: its requests and script`, page.wrong, []);
    await page.context().close();
  }
}

// One theme. What it throws is one failure; a server that it left is ended, for
// node waits for it.
async function part(name, fn) {
  const began = Date.now();
  const before = [passed, failed];
  try {
    await fn();
  } catch (e) {
    check(name, false, e.stack);
    for (const child of running)
      child.kill('SIGKILL');
  }
  console.log(`${name}: ${passed - before[0]} passed, ` +
    `${failed - before[1]} failed, ${((Date.now() - began) / 1000)
      .toFixed(1)} s`);
}

function totals() {
  if (process.env.MR_TEST_TALLY)
    fs.appendFileSync(process.env.MR_TEST_TALLY,
      `${passed} ${failed} e2e/browser\n`);
  console.log(`e2e/browser: ${passed} passed, ${failed} failed`);
  return failed;
}

module.exports = { Site, audit, check, look, open, part, same, shoot, totals,
  views };
