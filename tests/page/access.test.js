/** What axe finds wrong with the page: nothing. And keys reach everything that a pointer does. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import {
  allDrawn,
  drawn,
  FULL,
  fixture,
  open,
  openTables,
  putAt,
  settled,
  stages,
} from './browser.js';

const AXE = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

const { served, browser } = await fixture(['default']);

for (const dark of [false, true]) {
  // By default each width in one theme, and each theme at one width.
  for (const width of FULL ? [360, 1280] : [dark ? 1280 : 360]) {
    test(`axe finds nothing, ${dark ? 'dark' : 'light'}, ${width} px`, async () => {
      const { page } = await open(
        browser.context,
        served.address,
        {},
        { dark, width, still: true },
      );
      await allDrawn(page);
      await openTables(page);
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
  const { page } = await open(browser.context, served.address, { layer: '2', head: '0' });
  await page.locator('#tokens .chip').last().focus();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press(']');
  const chosen = new URLSearchParams(new URL(page.url()).hash.slice(1));
  assert.equal(chosen.get('token'), '10');
  assert.equal(chosen.get('layer'), '1');
  assert.equal(chosen.get('head'), '1');
  await page.close();
});

test('the Tab key reaches every figure from the top, each row of chips is one stop, and all are seen', async () => {
  const { page } = await open(browser.context, served.address);
  const all = await stages(page);
  /** @type {string[]} */
  const reached = [];
  /** @type {string[]} */
  const faults = [];
  let before = '';
  for (let press = 0; press < 400; press += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(async () => {
      const node = /** @type {HTMLElement} */ (document.activeElement);
      // Where things are painted, as an observer tells it. Between two frames a figure above may have
      // another height, and the page is not scrolled by as much yet.
      const painted = (/** @type {Element} */ of) =>
        new Promise((/** @type {(box: DOMRectReadOnly | undefined) => void} */ resolve) =>
          new IntersectionObserver(([entry], observer) => {
            observer.disconnect();
            resolve(entry?.boundingClientRect);
          }).observe(of),
        );
      const [box, bar] = await Promise.all(
        [node, /** @type {Element} */ (document.querySelector('#bar'))].map(painted),
      );
      const rows = Array.from(document.querySelectorAll('[data-roving], .chip-row'));
      const style = getComputedStyle(node);
      return {
        figure: node.closest('figure')?.dataset.stage ?? null,
        isFigure: node.matches('figure'),
        isEnd: node === document.body,
        row: String(rows.indexOf(/** @type {Element} */ (node.closest('[data-roving]')))),
        name: `${node.tagName}.${node.className} ${node.textContent?.slice(0, 20)}`,
        isOutlined: style.outlineStyle !== 'none',
        isCovered:
          node.closest('main') !== null &&
          (box?.top ?? 0) < (bar?.bottom ?? 0) - 1 &&
          (box?.height ?? 0) < 500,
      };
    });
    if (at.isEnd) break;
    if (at.figure && !reached.includes(at.figure)) reached.push(at.figure);
    if (at.row !== '-1' && at.row === before) faults.push(`a second stop in one row: ${at.name}`);
    if (!at.isOutlined) faults.push(`no outline: ${at.name}`);
    if (at.isCovered) faults.push(`under the bar: ${at.name}`);
    before = at.row;
    // A figure that is reached before it is drawn is given the time that a reader takes.
    if (at.isFigure && at.figure) await drawn(page, at.figure);
  }
  assert.deepEqual(reached, all);
  assert.deepEqual(faults, []);
  await page.close();
});

for (const growth of [400, -150])
  test(`what the keyboard reaches is seen where a figure above it has just grown by ${growth} px`, async () => {
    const { page } = await open(browser.context, served.address);
    const reached = page.locator('figure[data-stage="position"]');
    for (const stage of ['tokens', 'embed', 'position']) await drawn(page, stage);
    // The opener below what is watched is out of view, or in view only by what has grown.
    for (const height of [1100, 850, 350, 120]) {
      await page.locator('figure[data-stage="tokens"]').evaluate((node) => {
        node.style.paddingBottom = '200px';
      });
      await putAt(page, reached, height);
      await page.evaluate((growth) => {
        const [above, opener] = ['tokens"]', 'position"] .figure-opener'].map(
          (of) => /** @type {HTMLElement} */ (document.querySelector(`figure[data-stage="${of}`)),
        );
        if (above) above.style.paddingBottom = `${200 + growth}px`;
        opener?.focus();
      }, growth);
      await settled(page);
      const [top, bottom, bar] = await reached.locator('.figure-opener').evaluate((node) => {
        const { top, bottom } = node.getBoundingClientRect();
        return [top, bottom, document.querySelector('#bar')?.getBoundingClientRect().bottom];
      });
      const seen = `from ${height} px to ${top} px, below the bar at ${bar}`;
      assert.ok((top ?? 0) >= (bar ?? 0) && (bottom ?? 900) <= 900, seen);
      await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement).blur());
    }
    await page.close();
  });

test('arrow keys walk along a row of buttons, and the focus outlives a drawing', async () => {
  const { page } = await open(browser.context, served.address);
  const figure = await drawn(page, 'tokens');
  const chips = figure.locator('.cut-pieces').nth(1).locator('.chip');
  await chips.first().focus();
  await page.keyboard.press('ArrowRight');
  assert.ok(await chips.nth(1).evaluate((node) => node === document.activeElement));
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('piece='));
  await settled(page);
  assert.ok(await chips.nth(1).evaluate((node) => node === document.activeElement));
  await page.keyboard.press('End');
  assert.ok(await chips.last().evaluate((node) => node === document.activeElement));
  await page.close();
});

test('every figure has a name, before it is drawn and after', async () => {
  const { page } = await open(browser.context, served.address);
  const names = () =>
    page
      .locator('figure')
      .evaluateAll((figures) =>
        figures.map(
          (figure) =>
            figure.getAttribute('aria-label') ??
            document.getElementById(figure.getAttribute('aria-labelledby') ?? '')?.textContent ??
            '',
        ),
      );
  const early = await names();
  assert.ok(early.every((name) => name.length > 5));
  assert.equal(early.length, (await stages(page)).length);
  await allDrawn(page);
  const late = await names();
  assert.ok(late.every((name) => name.length > 5));
  assert.equal(new Set(late).size, late.length);
  await page.close();
});

test('at 360 px nothing to be touched is under 24 px, and no word under 10', async () => {
  const { page } = await open(browser.context, served.address, {}, { width: 360 });
  await allDrawn(page);
  const found = await page.evaluate(() => {
    /** @type {string[]} */
    const small = [];
    const say = (/** @type {Element} */ node, /** @type {string} */ what) =>
      small.push(
        `${node.closest('figure')?.dataset.stage ?? 'bar'}: ${node.tagName}.${node.getAttribute('class')}: ${what}`,
      );
    const targets =
      'a[href], button, input, select, textarea, summary, [role="button"], [role="slider"]';
    for (const node of document.querySelectorAll(targets)) {
      // A box is ticked by its label too.
      const whole = node.matches('[type="checkbox"]') ? (node.closest('label') ?? node) : node;
      const { width, height } = whole.getBoundingClientRect();
      if (node.matches('.skip') || width === 0) continue;
      // Words of a sentence are as wide as they are.
      const isInline = node.matches('.opening-word');
      if ((width < 24 && !isInline) || height < 24) say(node, `${width} × ${height}`);
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const [text, node] = [walker.currentNode, walker.currentNode.parentElement];
      if (!node || !text.nodeValue?.trim() || !node.getClientRects().length) continue;
      const drawing = /** @type {SVGSVGElement | null} */ (node.closest('svg'));
      const scale = drawing?.viewBox.baseVal?.width ? (drawing.getScreenCTM()?.a ?? 1) : 1;
      const size = Number.parseFloat(getComputedStyle(node).fontSize) * scale;
      if (size < 10) say(node, `${size} px: ${text.nodeValue}`);
    }
    return small;
  });
  assert.deepEqual(found, []);
  await page.close();
});
