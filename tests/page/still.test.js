/** Nothing moves unless the reader moves it: typing, chips and keys leave every figure where it is. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open, place, putAt, settled, stages } from './browser.js';

const { served, browser } = await fixture(['default']);

test('typing, chips and keys leave every figure where it is', async () => {
  const { page } = await open(browser.context, served.address);
  /** @type {string[]} */
  const moved = [];
  for (const stage of await stages(page)) {
    await drawn(page, stage);
    await putAt(page, page.locator(`figure[data-stage="${stage}"]`), 300);
    const before = await place(page, stage);
    const check = async (/** @type {string} */ what) => {
      await settled(page);
      const now = await place(page, stage);
      if (Math.abs(now.top - before.top) > 1)
        moved.push(`${stage}: ${what}: by ${now.top - before.top} on the screen`);
    };
    await page.locator('#prompt').focus();
    await page.keyboard.press('End');
    for (const letter of ' a dog') {
      await page.keyboard.type(letter);
      await page.waitForTimeout(25);
    }
    await check('typing');
    const chips = page.locator('#tokens .chip');
    const box = await chips.nth(2).boundingBox();
    await page.mouse.click((box?.x ?? 0) + 5, (box?.y ?? 0) + 5);
    await check('a chip');
    for (const key of ['ArrowLeft', 'ArrowUp', ']', 'ArrowRight', 'ArrowDown', '['])
      await page.keyboard.press(key);
    await check('keys');
    await page.locator('#prompt').fill('the bird is red');
    await check('a shorter prompt');
  }
  assert.deepEqual(moved, []);
  await page.close();
});
