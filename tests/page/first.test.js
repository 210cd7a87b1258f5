/** The first start: the page is there while its model is still being made, and shows it learning. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { browse, drawn, open, PROGRAM, picture } from './browser.js';

const home = mkdtempSync(join(tmpdir(), 'lookback-home-'));
/** @type {import('node:child_process').ChildProcess} */
let program;
/** @type {Awaited<ReturnType<typeof browse>>} */
let browser;
let address = '';

before(async () => {
  const child = spawn(PROGRAM, ['--no-open', '--port', '0'], {
    env: { ...process.env, LOOKBACK_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  program = child;
  address = await new Promise((resolve) => {
    createInterface({ input: child.stdout }).once('line', (line) =>
      resolve(line.replace(/\/$/, '')),
    );
  });
  browser = await browse();
});

after(async () => {
  await browser.close();
  const ended = new Promise((resolve) => program.once('exit', resolve));
  program.kill();
  await ended;
  rmSync(home, { recursive: true, force: true });
});

test('figures work on a model that is still learning, and follow it', async () => {
  const { page, faults } = await open(browser.context, address);
  await drawn(page, 'training');
  await drawn(page, 'attend');
  await drawn(page, 'next');
  const step = async () => {
    const text = (await page.locator('#about-short .about-unnamed').textContent()) ?? '';
    return Number(text.replace(/[^\d]/g, ''));
  };
  const first = await step();
  await page.waitForFunction(
    (known) =>
      Number(document.querySelector('.about-unnamed')?.textContent?.replace(/[^\d]/g, '')) > known,
    first,
    { timeout: 60_000 },
  );
  await drawn(page, 'attend');
  await page.locator('.training-state').scrollIntoViewIfNeeded();
  assert.match((await page.locator('.training-state').textContent()) ?? '', /step .* of .* left/);
  await picture(page, 'first-start');
  assert.deepEqual(faults, []);
  await page.close();
});

test('a page that is reloaded during training is told the whole of it', async () => {
  const { page, faults } = await open(browser.context, address);
  await page.reload();
  await page.locator('.training-curve .chart-line').waitFor();
  assert.match((await page.locator('.training-state').textContent()) ?? '', /step .* of .* left/);
  assert.deepEqual(faults, []);
  await page.close();
});
