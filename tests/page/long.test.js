/** A long prompt's matrices show the chosen cell, say which part they show, and are not blank. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open, settled } from './browser.js';

const { served, browser } = await fixture(['default']);

const WORDS = 'the bird is red and the dog is blue and the cat is green'.split(' ');
const SIZE = 60;
const PROMPT = Array.from({ length: SIZE }, (_, at) => WORDS[at % WORDS.length]).join(' ');

for (const width of [360, 1280]) {
  test(`a matrix of ${SIZE} tokens stands where the chosen one is, ${width} px`, async () => {
    const { page, faults } = await open(
      browser.context,
      served.address,
      { prompt: PROMPT, token: '45', 'attend.key': '44' },
      { width },
    );
    assert.equal(await page.locator('#tokens .chip').count(), SIZE);
    const figure = await drawn(page, 'attend');
    const said = async () => {
      const text = (await figure.locator('.matrix-stand').textContent()) ?? '';
      const [from, to, all] = /rows (\d+) to (\d+) of (\d+)/.exec(text)?.slice(1).map(Number) ?? [];
      const [left, right] = /columns (\d+) to (\d+) of/.exec(text)?.slice(1).map(Number) ?? [];
      return { from, to, all, left, right };
    };
    const first = await said();
    assert.equal(first.all, SIZE);
    const holds = (
      /** @type {number | undefined} */ from,
      /** @type {number | undefined} */ to,
      /** @type {number} */ at,
    ) => from !== undefined && to !== undefined && from <= at && at <= to;
    assert.ok(holds(first.from, first.to, 46), JSON.stringify(first));
    assert.ok(holds(first.left, first.right, 45), JSON.stringify(first));
    // Another token far away is gone to.
    await page
      .locator('#tokens .chip')
      .nth(2)
      .evaluate((node) => /** @type {HTMLElement} */ (node).click());
    await page.waitForFunction(() => location.hash.includes('token=2'));
    await drawn(page, 'attend');
    await settled(page);
    assert.ok(holds((await said()).from, (await said()).to, 3), JSON.stringify(await said()));
    assert.deepEqual(faults, []);
    await page.close();
  });
}

test('of many weights each row still has a dark cell', async () => {
  const { page } = await open(browser.context, served.address, {
    prompt: PROMPT,
    token: '45',
    'attend.step': '4',
  });
  const figure = await drawn(page, 'attend');
  await figure.locator('.legend', { hasText: 'the largest of its row' }).waitFor();
  const dark = await figure.locator('.matrix-canvas').evaluate((node) => {
    const canvas = /** @type {HTMLCanvasElement} */ (node);
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const { data, width, height } = pen.getImageData(0, 0, canvas.width, canvas.height);
    let rows = 0;
    for (let y = 0; y < height; y += 1) {
      for (let x = Math.floor(width / 5); x < width; x += 1) {
        const at = 4 * (y * width + x);
        if ((data[at + 3] ?? 0) > 0 && (data[at] ?? 255) < 60 && (data[at + 1] ?? 255) < 60) {
          rows += 1;
          break;
        }
      }
    }
    return rows / height;
  });
  assert.ok(dark > 0.6, `only ${dark} of the picture's lines have a dark cell`);
  await page.close();
});
