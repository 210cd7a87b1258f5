/** What stands first: the words and where they look, the next word, a head that is switched off, all on one screen. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browse, drawn, fixture, MODELS, open, settled, trace } from './browser.js';

/** @typedef {import('playwright-core').Page} Page */

const { served, browser } = await fixture(MODELS);
const PROMPT = 'anna smith saw a red bird. who is anna? anna';

const PARTS = ['.opening-text', '.opening-bars', '.opening-switches', 'figcaption'];

/** Parts of the opening that are not wholly on the screen, below the bar. @param {Page} page */
function hidden(page) {
  return page.evaluate((parts) => {
    const bar = document.querySelector('#bar')?.getBoundingClientRect().bottom ?? 0;
    const figure = document.querySelector('figure[data-stage="opening"]');
    return parts.flatMap((part) => {
      const node = figure?.querySelector(part);
      // A node that lends its children its place has none of its own.
      const nodes = node && getComputedStyle(node).display === 'contents' ? node.children : [node];
      return Array.from(nodes).flatMap((node) => {
        const { top = 0, bottom = 0 } = node?.getBoundingClientRect() ?? {};
        const isSeen = top >= bar && bottom <= window.innerHeight && bottom > top;
        return isSeen ? [] : [`${part}: ${top} to ${bottom} of ${bar} to ${window.innerHeight}`];
      });
    });
  }, PARTS);
}

for (const [width, height] of [
  [1280, 720],
  [390, 844],
]) {
  test(`words, next words, switches and sentences are seen together at ${width} × ${height}`, async () => {
    const { page } = await open(browser.context, served.address, {}, { width, height });
    const figure = await drawn(page, 'opening');
    await page.evaluate(() => window.scrollTo(0, 0));
    await settled(page);
    assert.deepEqual(await hidden(page), [], 'as it opens');
    const scrolled = () => page.evaluate(() => window.scrollY);
    assert.equal(await scrolled(), 0);
    await figure.locator('[role="switch"]').first().click();
    assert.deepEqual(await hidden(page), [], 'while it is guessed');
    await figure.locator('.opening-guess button').first().click();
    await page.locator('#changes .changes-said b').first().waitFor();
    await drawn(page, 'opening');
    await settled(page);
    assert.deepEqual(await hidden(page), [], 'with a head off');
    await page.reload();
    await drawn(page, 'opening');
    await settled(page);
    assert.deepEqual(await hidden(page), [], 'from a link');
    await page.close();
  });
}

test('a word that is pointed at, or has the focus, shows how much it takes from which', async () => {
  const { page } = await open(browser.context, served.address);
  const figure = await drawn(page, 'opening');
  const sites = trace('default', PROMPT);
  const words = figure.locator('.opening-word');
  /** @param {number} query */
  const check = async (query) => {
    const told = await figure.locator('.opening-weight .number').evaluateAll((nodes) =>
      nodes.map((node) => ({
        site: node.getAttribute('data-site') ?? '',
        index: (node.getAttribute('data-index') ?? '').split(',').map(Number),
        share: Number.parseFloat(node.textContent ?? '') / 100,
      })),
    );
    assert.ok(told.length > 0, 'a weight is written');
    const tokens = sites.get('input_ids')?.shape[0] ?? (await words.count());
    for (const { site, index, share } of told) {
      const [head = 0, from = 0, key = 0] = index;
      assert.equal(from, query);
      const weight = sites.get(site)?.values[(head * tokens + from) * tokens + key] ?? 0;
      assert.ok(Math.abs(weight - share) < 0.0051, `${site} ${index}: ${weight}, said ${share}`);
    }
    // As many arcs as there are weights that can be seen.
    const [head = 0] = told[0]?.index ?? [];
    const row = sites
      .get(told[0]?.site ?? '')
      ?.values.subarray((head * tokens + query) * tokens, (head * tokens + query + 1) * tokens);
    const arcs = await figure.locator('.opening-arc.is-own').count();
    assert.equal(arcs, row?.filter((weight) => weight >= 0.006).length);
  };
  await check(11);
  await words.nth(4).hover();
  await check(4);
  await page.mouse.move(0, 0);
  await check(11);
  await words.nth(11).focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  await check(9);
  await page.close();
});

/** What the reader sees of an experiment. @param {Page} page */
async function seen(page) {
  await drawn(page, 'opening');
  await settled(page);
  const figure = page.locator('figure[data-stage="opening"]');
  return {
    likeliest: await figure.locator('.opening-next b').textContent(),
    bars: await figure.locator('.opening-bars svg').textContent(),
    said: await page.locator('#changes .changes-said').textContent(),
    on: await figure
      .locator('[role="switch"]')
      .evaluateAll((nodes) =>
        nodes.map(
          (node) =>
            `${node.getAttribute('aria-label')} ${/** @type {HTMLInputElement} */ (node).checked}`,
        ),
      ),
    scrolled: await page.evaluate(() => window.scrollY),
  };
}

/**
 * The head that looks the answer up is found, what it needs is switched off, the answer changes, and the link
 * restores it in another browser.
 * @param {string} how
 * @param {(page: Page) => Promise<number>} act  how many actions it took
 */
function experiment(how, act) {
  test(`the experiment, ${how}, in six actions on one screen; its link restores it`, async () => {
    const { page, faults } = await open(browser.context, served.address, {}, { height: 720 });
    const figure = await drawn(page, 'opening');
    // Found: the head whose arc leads from the last word to the answer.
    const caption = (await figure.locator('figcaption').textContent()) ?? '';
    assert.match(caption, /looks most at smith \(9\d(?:\.\d)? %\), and that is the likeliest next/);
    const before = await seen(page);
    assert.equal(before.likeliest, 'smith');
    const actions = await act(page);
    const after = await seen(page);
    assert.ok(actions <= 6, `${actions} actions`);
    assert.notEqual(after.likeliest, 'smith');
    assert.match(after.said ?? '', /^Without heads? [\d., and]+, smith falls from 99\.\d+ % to /);
    assert.deepEqual(await hidden(page), []);
    const other = await browse();
    const link = new URL(page.url());
    const again = await open(
      other.context,
      served.address,
      Object.fromEntries(new URLSearchParams(link.hash.slice(1))),
      { height: 720 },
    );
    assert.deepEqual({ ...(await seen(again.page)), scrolled: 0 }, { ...after, scrolled: 0 });
    assert.deepEqual([...faults, ...again.faults], []);
    await other.close();
    await page.close();
  });
}

experiment('by pointer', async (page) => {
  const figure = page.locator('figure[data-stage="opening"]');
  const switches = figure.locator('[role="switch"]');
  await switches.first().click();
  await figure.locator('.opening-guess button').first().click();
  await page.waitForFunction(() => location.hash.includes('changes=off:'));
  await drawn(page, 'opening');
  await switches.last().click();
  return 3;
});

experiment('by keyboard', async (page) => {
  const press = async (/** @type {string} */ key) => page.keyboard.press(key);
  await press('Tab');
  await press('Enter');
  await press('Space');
  await press('Enter');
  await page.waitForFunction(() => location.hash.includes('changes=off:'));
  await drawn(page, 'opening');
  // From the main switch to the last of the others.
  await press('End');
  await press('Space');
  return 6;
});

test('a guess is asked for before a head is switched off, and answered after', async () => {
  const { page } = await open(browser.context, served.address);
  const figure = await drawn(page, 'opening');
  await figure.locator('[role="switch"]').first().click();
  assert.match((await figure.locator('figcaption').textContent()) ?? '', /^First a guess: without/);
  assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('changes'), null);
  await figure.locator('.opening-guess button', { hasText: 'smith' }).click();
  await page.waitForFunction(() => location.hash.includes('changes='));
  await drawn(page, 'opening');
  const caption = (await figure.locator('figcaption').textContent()) ?? '';
  assert.match(caption, /^You guessed smith, and so it is\. Without head/);
  await page.close();
});

test('other models and texts open with sentences of their own, and one click brings a text of one’s own', async () => {
  const answer = await fetch(`${served.address}/api/models`);
  const { models } = await answer.json();
  for (const { name } of models) {
    const { page, faults } = await open(browser.context, served.address, {
      model: name,
      prompt: 'once upon a time there was',
    });
    const figure = await drawn(page, 'opening');
    assert.ok((await figure.locator('.opening-bars .bar').count()) === 5);
    assert.ok((await figure.locator('figcaption').textContent())?.includes('look'));
    await figure.getByRole('button', { name: 'the example again' }).click();
    await page.waitForFunction(() => !location.hash.includes('prompt='));
    await drawn(page, 'opening');
    await figure.getByRole('button', { name: 'my own text again' }).click();
    await page.waitForFunction(() => location.hash.includes('prompt='));
    await drawn(page, 'opening');
    assert.deepEqual(faults, [], name);
    await page.close();
  }
  const { page } = await open(browser.context, served.address);
  const figure = await drawn(page, 'opening');
  await figure.getByRole('button', { name: 'my own text', exact: true }).click();
  await page.keyboard.type('tom');
  assert.equal(await page.locator('#prompt').inputValue(), 'tom');
  await page.close();
});
