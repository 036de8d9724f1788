// SPDX-License-Identifier: MIT
//
// all.js - Debian's Chromium, headless, on every page of ours. Started by
// check_browser.sh.
'use strict';
const { chromium } = require('playwright-core');
const { check, part, totals } = require('./harness.js');

async function browse() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
  const only = process.env.ONLY;
  for (const name of ['pages', 'upload', 'video', 'chat', 'events'])
    if (!only || only === name)
      await part(name, () => require(`./${name}.js`)(browser));
  await browser.close();
}

// Whatever happens, it is counted; and what a part left open holds nobody up.
async function main() {
  try {
    await browse();
  } catch (e) {
    check('the browser', false, e.stack);
  }
  process.exit(totals() > 0 ? 1 : 0);
}

main();
