/** Sums of words, and the map of the embedding table over training. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open } from './browser.js';

const { served, browser } = await fixture(['default']);

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
  await figure.getByText('as it is now', { exact: true }).waitFor();
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

/** Words of the drawing that lie on another, or on a dot. @param {import('playwright-core').Locator} figure */
function overlaps(figure) {
  return figure.locator('.plane').evaluate((plane) => {
    const words = Array.from(plane.querySelectorAll('text'));
    const dots = Array.from(plane.querySelectorAll('circle'));
    /** @param {Element} one @param {Element} other */
    const meet = (one, other) => {
      const [a, b] = [one, other].map((node) => node.getBoundingClientRect());
      if (!a || !b) return false;
      const [x, y] = [
        Math.min(a.right, b.right) - Math.max(a.left, b.left),
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top),
      ];
      // A line of text is taller than its letters.
      return x > 1 && y > 4;
    };
    return words.flatMap((word, at) =>
      [...words.slice(at + 1), ...dots]
        .filter((other) => meet(word, other))
        .map((other) => `${word.textContent} on ${other.textContent || other.tagName}`),
    );
  });
}

for (const width of [360, 1280]) {
  test(`no word of a sum lies on another or on a dot, ${width} px`, async () => {
    const { page } = await open(browser.context, served.address, {}, { width });
    const figure = await drawn(page, 'analogy');
    const sums = await figure
      .locator('.choice select')
      .first()
      .evaluate((node) =>
        Array.from(/** @type {HTMLSelectElement} */ (node).options, ({ value }) => value),
      );
    const more = ['king,queen,king', 'red,blue,bird', 'anna,tom,cat', 'monday,tuesday,friday'];
    assert.ok(sums.length > 5);
    for (const sum of [...sums.filter(Boolean), ...more]) {
      await page.evaluate((sum) => {
        location.hash = `analogy=${encodeURIComponent(sum)}`;
      }, sum);
      await drawn(page, 'analogy');
      assert.deepEqual(await overlaps(figure), [], sum);
    }
    await page.close();
  });
}
