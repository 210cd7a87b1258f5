/** The chain under the reader's hand, and a text that is played, paused, taken back and branched. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open } from './browser.js';

const { served, browser } = await fixture(['default']);

/** @param {import('playwright-core').Page} page */
const behind = (page) => {
  const ids = new URLSearchParams(new URL(page.url()).hash.slice(1)).get('behind');
  return ids ? ids.split('.') : [];
};

test('a slider changes what is left while it is dragged', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
  });
  await drawn(page, 'sample');
  const figure = page.locator('figure[data-stage="sample"]');
  const slider = figure.locator('.slider input').nth(0);
  await slider.focus();
  for (let press = 0; press < 3; press += 1) await page.keyboard.press('ArrowRight');
  await page.waitForFunction(
    () => document.querySelectorAll('[data-stage="sample"] .sample-gone').length > 0,
  );
  assert.ok(await slider.evaluate((node) => node === document.activeElement));
  assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('top_k'), '43');
  await figure.getByRole('button', { name: 'likeliest' }).click();
  await figure.getByText('No dice are thrown').waitFor();
  assert.deepEqual(faults, []);
  await page.close();
});

test('settings that cannot be are answered in the words of the sampler', async () => {
  const { page } = await open(browser.context, served.address, { temperature: '-3' });
  const figure = page.locator('figure[data-stage="sample"]');
  await figure.scrollIntoViewIfNeeded();
  await figure.getByText('settings.temperature -3: a temperature is 0').waitFor();
  await figure.getByRole('button', { name: 'usual' }).click();
  await figure.locator('.sample-bar').first().waitFor();
  await page.close();
});

test('a text is played, paused, taken back and branched', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
  });
  await drawn(page, 'repeat');
  const figure = page.locator('figure[data-stage="repeat"]');
  const play = figure.locator('.player-play');
  await play.click();
  await page.waitForFunction(
    () => document.querySelectorAll('[data-stage="repeat"] .repeat-token').length > 3,
  );
  if ((await play.textContent()) === 'pause') await play.click();
  const written = behind(page);
  assert.ok(written.length > 3);
  const back = figure.getByRole('button', { name: 'a token back' });
  await back.click();
  await back.click();
  assert.deepEqual(behind(page), written.slice(0, -2));
  // What was written there before is still there, and the seed draws it again.
  await figure.locator('.repeat-choice.is-drawn').click();
  await page.waitForFunction(
    (length) => location.hash.split('behind=')[1]?.split('.').length === length,
    written.length - 1,
  );
  assert.deepEqual(behind(page), written.slice(0, -1));
  await back.click();
  await figure.locator('button.repeat-choice:not(.is-drawn)').first().click();
  await page.waitForFunction(
    (length) => location.hash.split('behind=')[1]?.split('.').length === length,
    written.length - 1,
  );
  await figure.getByText('texts share what they have in common').waitFor();
  const branch = behind(page);
  assert.notDeepEqual(branch, written.slice(0, -1));
  await page.reload();
  await drawn(page, 'repeat');
  assert.equal(await figure.locator('.repeat-token').count(), branch.length);
  assert.equal(await figure.getByText('which must not be').count(), 0);
  assert.deepEqual(faults, []);
  await page.close();
});

test('another prompt begins another text', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
  });
  await drawn(page, 'repeat');
  const figure = page.locator('figure[data-stage="repeat"]');
  await figure.getByRole('button', { name: 'a token on' }).click();
  await page.waitForFunction(() => location.hash.includes('behind='));
  await page.locator('#prompt').fill('anna saw');
  await page.waitForFunction(() => !location.hash.includes('behind='));
  await figure.locator('.repeat-token').waitFor({ state: 'detached' });
  assert.deepEqual(faults, []);
  await page.close();
});
