/** What attention moves: nothing from what comes later, and sums that end where they should. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open } from './browser.js';

const { served, browser } = await fixture(['default']);

/**
 * The rows of one of the two sentences, by name: length, share, whether it is there at all.
 * @param {import('playwright-core').Page} page
 * @param {number} side
 */
async function rows(page, side) {
  const found = await page
    .locator('.ov-side')
    .nth(side)
    .locator('.ov-row:not(.ov-head)')
    .evaluateAll((nodes) =>
      nodes.map((node) => ({
        name: node.querySelector('.ov-name')?.textContent ?? '',
        length: node.querySelector('.number')?.textContent ?? '',
        isHidden: node.classList.contains('is-hidden'),
      })),
    );
  return new Map(found.map(({ name, ...rest }) => [name, rest]));
}

test('the bird takes nothing from red until the sentence is turned around', async () => {
  const { page } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
    token: '1',
  });
  await drawn(page, 'ov');
  const [here, there] = [await rows(page, 0), await rows(page, 1)];
  assert.deepEqual([...here.keys()], ['the', 'bird (itself)', 'is', 'red', 'all together']);
  assert.deepEqual([...there.keys()], ['the', 'red', 'bird (itself)', 'all together']);
  assert.deepEqual(here.get('red'), { length: '0', isHidden: true });
  assert.equal(there.get('red')?.isHidden, false);
  assert.ok(Number(there.get('red')?.length) > 0);
  const said = await page.locator('[data-stage="ov"] .figure-caption').textContent();
  assert.match(said ?? '', /bird takes exactly nothing from is and red/);
  await page.close();
});

test('another sentence is written beside the prompt, and a link keeps it', async () => {
  const { page } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
    token: '1',
  });
  await drawn(page, 'ov');
  await page.locator('.ov-sentence input').fill('a big bird');
  await page.waitForFunction(
    () => document.querySelectorAll('.ov-side:nth-child(2) .chip').length === 3,
  );
  await page.reload();
  await drawn(page, 'ov');
  assert.equal(await page.locator('.ov-sentence input').inputValue(), 'a big bird');
  assert.deepEqual(
    [...(await rows(page, 1)).keys()],
    ['a', 'big', 'bird (itself)', 'all together'],
  );
  await page.close();
});

test('the terms of a weighted sum come one by one and end at the context vector', async () => {
  const { page } = await open(browser.context, served.address, {
    prompt: 'the bird is red',
    'context.step': '0',
  });
  await drawn(page, 'context');
  const read = async () => {
    await page.locator('.stack').focus();
    await page.keyboard.press('ArrowRight');
    return (await page.locator('.context-note').textContent()) ?? '';
  };
  assert.match(await read(), /^dimension 0: .*the = .* so far$/);
  for (let step = 1; step < 4; step += 1)
    await page.locator('[data-stage="context"] .player button').nth(2).click();
  await page.waitForFunction(() => location.hash.includes('context.step=3'));
  await page.locator('.context-term.is-coming').first().waitFor({ state: 'detached' });
  assert.match(await read(), /^dimension 0: .*red = -?[\d.]+$/);
  const z = page.locator('.context-note [data-site]');
  assert.match((await z.getAttribute('data-site')) ?? '', /attn\.z$/);
  await page.close();
});
