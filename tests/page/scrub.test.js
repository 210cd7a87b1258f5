/** A number in a sentence is dragged, or changed by keys, and the model's numbers follow. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open, putAt, settled } from './browser.js';

const { served, browser } = await fixture(['default']);

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page @param {string} key */
const chosen = (page, key) => new URLSearchParams(new URL(page.url()).hash.slice(1)).get(key);

/** Drags something sideways. @param {Page} page @param {import('playwright-core').Locator} what @param {number} by */
async function drag(page, what, by) {
  const box = await what.boundingBox();
  assert.ok(box);
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.move(x, y);
  await page.mouse.down();
  for (const share of [0.25, 0.5, 0.75, 1]) {
    await page.mouse.move(x + share * by, y);
    await page.waitForTimeout(60);
  }
  await page.mouse.up();
}

test('the temperature is dragged in its sentence, and by keys', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'sample');
  await putAt(page, figure, 150);
  const temperature = figure.locator('figcaption').getByRole('slider', { name: 'temperature' });
  const text = () => figure.locator('figcaption').textContent();
  const before = await text();
  await temperature.focus();
  await page.keyboard.press('ArrowRight');
  await drawn(page, 'sample');
  assert.ok(Number(chosen(page, 'temperature')) > 0.8);
  assert.ok(await temperature.evaluate((node) => node === document.activeElement), 'the focus');
  await page.keyboard.press('End');
  await drawn(page, 'sample');
  assert.equal(
    await temperature.getAttribute('aria-valuenow'),
    await temperature.getAttribute('aria-valuemax'),
  );
  await page.keyboard.press('Home');
  await drawn(page, 'sample');
  // At 0 the likeliest is always taken, and there is no such number to drag.
  assert.equal(chosen(page, 'temperature'), '0');
  await page.evaluate(() => {
    location.hash = location.hash.replace('temperature=0', 'temperature=0.8');
  });
  await drawn(page, 'sample');
  assert.equal(await text(), before);
  await drag(page, temperature, 60);
  await drawn(page, 'sample');
  const dragged = Number(chosen(page, 'temperature'));
  assert.ok(dragged > 0.9, `dragged to ${dragged}`);
  assert.notEqual(await text(), before);
  assert.deepEqual(faults, []);
  await page.close();
});

test('what is added to a score is dragged beside the weight that it changes', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
    layer: '1',
    head: '0',
    token: '3',
    'attend.key': '1',
  });
  const figure = await drawn(page, 'attend');
  await putAt(page, figure, 150);
  const weight = () =>
    figure.locator('.attend-readout .number[data-site="blocks.1.attn.pattern"]').textContent();
  const before = Number.parseFloat((await weight()) ?? '');
  const added = figure.getByRole('slider', { name: 'added to the score' });
  await drag(page, added, 60);
  await drawn(page, 'attend');
  await settled(page);
  assert.match(chosen(page, 'changes') ?? '', /^score:1\.0\.3\.1:\d/);
  const after = Number.parseFloat((await weight()) ?? '');
  assert.ok(after > before, `the weight goes from ${before} % to ${after} %`);
  await added.focus();
  await page.keyboard.press('ArrowLeft');
  await drawn(page, 'attend');
  assert.ok(await added.evaluate((node) => node === document.activeElement), 'the focus');
  const less = Number.parseFloat((await weight()) ?? '');
  assert.ok(less < after);
  assert.deepEqual(faults, []);
  await page.close();
});
