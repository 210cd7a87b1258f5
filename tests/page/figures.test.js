/** Every figure draws itself for every model, at every width, in both themes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  allDrawn,
  browse,
  drawn,
  FULL,
  fixture,
  MODELS,
  open,
  picture,
  stages,
} from './browser.js';

const { served, browser } = await fixture(MODELS);
const answer = await fetch(`${served.address}/api/models`);
/** @type {string[]} */
const names = (await answer.json()).models.map((/** @type {{name: string}} */ model) => model.name);

test('every figure draws itself for every model', async () => {
  assert.equal(names.length, MODELS.length);
  for (const model of names) {
    const { page, faults } = await open(browser.context, served.address, { model });
    for (const stage of await stages(page)) await drawn(page, stage);
    assert.deepEqual(faults, [], model);
    const problems = await page.locator('.figure-problem:visible').allTextContents();
    assert.deepEqual(problems, [], model);
    await page.close();
  }
});

for (const width of [360, 1280, 1920]) {
  // What sticks out does so in either theme.
  for (const dark of FULL || width === 1280 ? [false, true] : [false]) {
    test(`nothing sticks out at ${width} px, ${dark ? 'dark' : 'light'}`, async () => {
      const { page, faults } = await open(browser.context, served.address, {}, { width, dark });
      await allDrawn(page);
      const [wide, seen] = await page.evaluate(() => [
        document.documentElement.scrollWidth,
        document.documentElement.clientWidth,
      ]);
      await picture(page, `${width}-${dark ? 'dark' : 'light'}`);
      assert.ok(wide <= seen, `the page is ${wide} px wide where ${seen} are seen`);
      assert.deepEqual(faults, []);
      await page.close();
    });
  }
}

test('first load stays under 250 KB', async () => {
  // A browser of its own, which has none of the files yet.
  const first = await browse();
  const page = await first.context.newPage();
  /** @type {Promise<[path: string, bytes: number]>[]} */
  const files = [];
  page.on('requestfinished', (request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith('/api/'))
      files.push(request.sizes().then(({ responseBodySize }) => [pathname, responseBodySize]));
  });
  await page.goto(served.address);
  await page.locator('#tokens .chip').first().waitFor();
  await page.waitForLoadState('networkidle').catch(() => {});
  const sizes = await Promise.all(files);
  const bytes = sizes.reduce((sum, [, size]) => sum + size, 0);
  const told = sizes.sort(([, one], [, other]) => other - one).map((of) => of.join(' '));
  assert.ok(sizes.length > 30, told.join(', '));
  // As they were sent: what is compressed counts as that.
  assert.ok(bytes > 50_000 && bytes < 250_000, `${bytes} bytes: ${told.join(', ')}`);
  await first.close();
});
