/** What axe finds wrong with the page: nothing. And keys reach everything that a pointer does. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { browse, drawn, open, serve, stages } from './browser.js';

const AXE = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** @type {Awaited<ReturnType<typeof serve>>} */
let served;
/** @type {Awaited<ReturnType<typeof browse>>} */
let browser;

before(async () => {
  served = await serve(['default']);
  browser = await browse();
});

after(async () => {
  await browser.close();
  await served.stop();
});

for (const dark of [false, true]) {
  for (const width of [360, 1280]) {
    test(`axe finds nothing, ${dark ? 'dark' : 'light'}, ${width} px`, async () => {
      const { page } = await open(
        browser.context,
        served.address,
        {},
        { dark, width, still: true },
      );
      for (const stage of await stages(page)) {
        await drawn(page, stage);
        const opener = page.locator(`figure[data-stage="${stage}"] .figure-opener`);
        if (await opener.count()) await opener.first().click();
      }
      // The page's own policy forbids inline scripts; evaluating goes past it.
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => {
        const axe = /** @type {any} */ (window).axe;
        const { violations } = await axe.run(document, { resultTypes: ['violations'] });
        return violations.map(
          (/** @type {any} */ { id, help, nodes }) =>
            `${id}: ${help}: ${nodes
              .map((/** @type {any} */ node) => node.target.join(' '))
              .slice(0, 5)
              .join(' | ')}`,
        );
      });
      assert.deepEqual(found, []);
      await page.close();
    });
  }
}

test('arrow keys choose a token, a layer and brackets a head', async () => {
  const { page } = await open(browser.context, served.address);
  await page.locator('#tokens .chip').last().focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press(']');
  const chosen = new URLSearchParams(new URL(page.url()).hash.slice(1));
  assert.equal(chosen.get('token'), '2');
  assert.equal(chosen.get('layer'), '1');
  assert.equal(chosen.get('head'), '1');
  await page.close();
});
