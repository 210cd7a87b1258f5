/** Printing shows every figure, also those that were never near the screen. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allDrawn, fixture, open, stages } from './browser.js';

const { served, browser } = await fixture(['default']);

test('a page that is printed has the figures drawn that nobody has seen yet', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const all = await stages(page);
  // Chromium holds the paper for about two seconds, in which a busy machine does not draw them all.
  const unseen = ['mlp', 'logit_lens', 'next'];
  await allDrawn(page, unseen);
  await page.evaluate(() => {
    window.addEventListener('afterprint', () => {
      const drawn = Array.from(document.querySelectorAll('figure[data-drawn]:not(.is-busy)'));
      document.body.dataset.printed = drawn
        .map((figure) => /** @type {HTMLElement} */ (figure).dataset.stage)
        .join();
    });
  });
  assert.equal(await page.locator('figure[data-drawn]').count(), all.length - unseen.length);
  const pdf = await page.pdf({ format: 'A4' });
  const printed = await page.evaluate(() => document.body.dataset.printed?.split(','));
  assert.deepEqual(printed, all);
  assert.ok(pdf.length > 100_000, `${pdf.length} bytes`);
  await page.locator('.print-hold').first().waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await page.close();
});

test('paper is white, whatever the screen is', async () => {
  const { page } = await open(browser.context, served.address, {}, { dark: true });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const night = await paper();
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  const printed = await paper();
  assert.notEqual(printed, night);
  assert.ok(
    (printed.match(/\d+/g) ?? []).every((part) => Number(part) > 200),
    printed,
  );
  await page.close();
});

test('the keys that print draw every figure first, and then ask for printing', async () => {
  const { page } = await open(browser.context, served.address);
  const all = await stages(page);
  await page.evaluate(() => {
    window.print = () => {
      document.body.dataset.printed = String(
        document.querySelectorAll('figure[data-drawn]:not(.is-busy)').length,
      );
    };
  });
  await page.keyboard.press('Control+p');
  await page.waitForFunction(() => document.body.dataset.printed !== undefined);
  assert.equal(await page.evaluate(() => document.body.dataset.printed), String(all.length));
  await page.close();
});
