/** Sums of words, and the map of the embedding table over training. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browse, drawn, open, serve } from './browser.js';

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

/** @param {import('playwright-core').Page} page */
const chosen = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1));

test('words are completed as one types, and a whole one is added at once', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'analogy');
  const first = figure.getByRole('combobox', { name: 'a', exact: true });
  await first.fill('quee');
  await page.waitForFunction(() =>
    [...document.querySelectorAll('#analogy-a option')].some(
      (of) => of.getAttribute('value') === 'queen',
    ),
  );
  await first.fill('queen');
  await page.waitForFunction(() => location.hash.includes('analogy=queen'));
  assert.equal(chosen(page).get('analogy'), 'queen,man,woman');
  // What was put in is ranked in one list and left out of the other, and the caption says so.
  const inputs = figure.locator('.analogy-row.is-input');
  await inputs.first().waitFor();
  const lists = figure.locator('.analogy-list');
  assert.equal(await lists.nth(1).locator('.is-input').count(), 0);
  assert.ok((await lists.nth(0).locator('.is-input').count()) > 0);
  assert.deepEqual(faults, []);
  await page.close();
});

test('a word that is no token is named, and another sum stands there meanwhile', async () => {
  const { page } = await open(browser.context, served.address, {
    analogy: 'xylophonist,man,woman',
  });
  const figure = await drawn(page, 'analogy');
  await figure.getByText('"xylophonist" is').waitFor();
  assert.match(
    (await figure.locator('.analogy-wrong').textContent()) ?? '',
    /Meanwhile, king − man \+ woman:/,
  );
  assert.equal(await figure.locator('.analogy-result').textContent(), '?');
  assert.ok((await figure.locator('.plane').count()) === 1);
  await page.close();
});

test('the slider shows what was before, on the same sheet, and a link brings it back', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    'map-step': '0',
    'map-only': 'animals',
    'map-axes': '1,2',
  });
  const figure = await drawn(page, 'map');
  await figure.getByText('before training').waitFor();
  const animals = figure.getByRole('button', { name: 'animals' });
  assert.equal(await animals.getAttribute('aria-pressed'), 'true');
  assert.deepEqual(
    await figure
      .locator('.choice select')
      .evaluateAll((nodes) => nodes.map((node) => /** @type {HTMLSelectElement} */ (node).value)),
    ['1', '2'],
  );
  await figure.locator('.player-play').click();
  await page.waitForFunction(
    () => Number(new URLSearchParams(location.hash.slice(1)).get('map-step')) > 0,
  );
  await figure.locator('.player-play').click();
  const range = figure.getByLabel('step of training');
  await range.focus();
  await page.keyboard.press('End');
  await figure.getByText('as it is now').waitFor();
  assert.equal(chosen(page).get('map-step'), null);
  assert.deepEqual(faults, []);
  await page.close();
});

test('a search finds a word, the keys walk on, and each says its true neighbours', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'map');
  await figure.getByRole('searchbox', { name: 'search the map' }).fill('queen');
  await figure.locator('.map-readout').getByText('·queen').waitFor();
  await figure.locator('canvas').focus();
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(
    () => !document.querySelector('.map-readout b')?.textContent?.includes('queen'),
  );
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('map-word='));
  assert.deepEqual(faults, []);
  await page.close();
});
