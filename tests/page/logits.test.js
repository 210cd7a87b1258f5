/** Hidden units, the stream, the logit lens and the next tokens, as a reader touches them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open } from './browser.js';

const { served, browser } = await fixture(MODELS);

const PROMPT = 'the bird is red';

test('a unit that is picked is unfolded, and a link keeps it', async () => {
  const { page, faults } = await open(browser.context, served.address, { prompt: PROMPT });
  await drawn(page, 'mlp');
  const row = page.locator('button.mlp-row').nth(2);
  const name = (await row.locator('.mlp-name').textContent()) ?? '';
  await row.focus();
  await page.keyboard.press('Enter');
  await page.locator('.mlp-told', { hasText: `Unit ${name.slice(1)}` }).waitFor();
  // Whoever chose it by the keyboard still stands there.
  assert.equal(await page.evaluate(() => document.activeElement?.className), 'mlp-row');
  await page.reload();
  await drawn(page, 'mlp');
  await page.locator('.mlp-told', { hasText: `Unit ${name.slice(1)}` }).waitFor();
  assert.deepEqual(faults, []);
  await page.close();
});

test('any token has its place among all', async () => {
  const { page, faults } = await open(browser.context, served.address, { prompt: PROMPT });
  await drawn(page, 'next');
  await page.locator('.next-search input').fill('bird');
  const first = page.locator('.next-found tr').first();
  await first.waitFor();
  assert.match((await first.textContent()) ?? '', /bird.*number \d/);
  await page.locator('.next-search input').fill('qqzzqq');
  await page.locator('.next-found', { hasText: 'None of the' }).waitFor();
  assert.deepEqual(faults, []);
  await page.close();
});

test('the picked next word is the one that all four figures are about', async () => {
  const { page, faults } = await open(browser.context, served.address, { prompt: PROMPT });
  await drawn(page, 'next');
  const second = page.locator('.next-list tbody .next-pick').nth(1);
  const token = await second.getAttribute('title');
  await second.click();
  for (const stage of ['next', 'mlp', 'stream', 'logit_lens']) {
    const figure = await drawn(page, stage);
    const shown = figure.locator('.next-word, .next-pick[aria-pressed="true"]').first();
    assert.equal(await shown.getAttribute('title'), token, stage);
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test('the parts of the stream add up to the logit', async () => {
  for (const layer of ['0', '1']) {
    const { page } = await open(browser.context, served.address, { prompt: PROMPT, layer });
    const figure = await drawn(page, 'stream');
    const numbers = await figure.locator('.stream-sum > .number').allTextContents();
    const sum = numbers.map(Number).reduce((sum, part) => sum + part, 0);
    const logit = Number(await figure.locator('.stream-sum strong .number').textContent());
    // Each is rounded to two digits.
    assert.ok(Math.abs(sum - logit) <= 0.005 * (numbers.length + 1) + 1e-9, `${sum}, ${logit}`);
    await page.close();
  }
});

test('the last depth says what the model says', async () => {
  const { page } = await open(browser.context, served.address, { prompt: PROMPT });
  const depths = await drawn(page, 'logit_lens');
  const said = await depths.locator('.logit-lens-opened .next-pick').first().textContent();
  const next = await drawn(page, 'next');
  assert.equal(await next.locator('.next-list tbody .next-pick').first().textContent(), said);
  await page.close();
});
