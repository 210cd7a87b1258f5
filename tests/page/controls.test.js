/** No control moves what is being watched: the page is not scrolled, and its figure stays at its place. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, FULL, fixture, open, place, putAt, settled, stages } from './browser.js';

/** @typedef {import('playwright-core').Page} Page */

const { served, browser } = await fixture(['default']);

const CONTROLS =
  'button, select, input, canvas, [role="application"], [role="button"], [role="slider"]';

/** How many controls of a kind are used in each figure. */
const OF_A_KIND = FULL ? 3 : 2;

/** The controls of a figure that can be used now, some of each kind. @param {Page} page @param {string} stage */
function controls(page, stage) {
  const figure = page.locator(`figure[data-stage="${stage}"]`);
  return figure.evaluate(
    (figure, { selector, most }) => {
      /** @type {Map<string, number>} */
      const seen = new Map();
      return Array.from(figure.querySelectorAll(selector)).flatMap((node, at) => {
        const { width, height } = node.getBoundingClientRect();
        if (
          node.matches(':disabled') ||
          width === 0 ||
          height === 0 ||
          node.closest('.figure-head')
        )
          return [];
        const type = node.getAttribute('type') ?? node.getAttribute('role') ?? '';
        const tag = node.tagName.toLowerCase();
        const name = `${tag}.${node.getAttribute('class') ?? ''} ${type}`;
        const count = (seen.get(name) ?? 0) + 1;
        seen.set(name, count);
        return count <= most ? [{ at, name, type, tag }] : [];
      });
    },
    { selector: CONTROLS, most: OF_A_KIND },
  );
}

/** How tall the bar is. @param {Page} page */
const barHeight = (page) =>
  page.locator('#bar').evaluate((bar) => bar.getBoundingClientRect().height);

/** Uses a control as a reader would, at its place on the screen. @param {Page} page @param {import('playwright-core').Locator} control @param {string} type @param {string} tag */
async function use(page, control, type, tag) {
  const box = await control.boundingBox();
  if (!box) return;
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  if (tag === 'select') {
    await control.evaluate((node) => {
      if (!(node instanceof HTMLSelectElement)) return;
      node.focus();
      node.selectedIndex = (node.selectedIndex + 1) % node.options.length;
      node.dispatchEvent(new Event('change', { bubbles: true }));
    });
  } else if (type === 'range') {
    await page.mouse.move(box.x + box.width * 0.5, y);
    await page.mouse.down();
    for (const share of [0.6, 0.75, 0.4, 0.2, 0.35]) {
      await page.mouse.move(box.x + box.width * share, y);
      await page.waitForTimeout(60);
    }
    await page.mouse.up();
    for (const key of ['ArrowRight', 'ArrowRight', 'ArrowLeft']) await page.keyboard.press(key);
  } else if (type === 'text' || type === 'search' || type === 'number') {
    await page.mouse.click(x, y);
    for (const letter of type === 'number' ? '12' : 'bird') {
      await page.keyboard.type(letter);
      await page.waitForTimeout(40);
    }
  } else if (type === 'application' || tag === 'canvas') {
    for (const share of [0.3, 0.6]) {
      await page.mouse.click(box.x + box.width * share, box.y + box.height * share);
      await page.waitForTimeout(60);
    }
    for (const key of ['ArrowDown', 'ArrowRight', 'ArrowUp', 'Enter'])
      await page.keyboard.press(key);
  } else {
    await page.mouse.click(x, y);
    for (const key of ['ArrowRight', 'ArrowLeft', '[', ']', 'Escape'])
      await page.keyboard.press(key);
  }
}

// Each width takes a minute, so that by default one is walked through.
for (const width of FULL ? [1280, 360] : [1280]) {
  test(`no control of any figure scrolls the page, ${width} px`, async () => {
    const { page } = await open(browser.context, served.address, {}, { width });
    /** @type {string[]} */
    const moved = [];
    let used = 0;
    for (const stage of await stages(page)) {
      await drawn(page, stage);
      await settled(page);
      const all = page.locator(`figure[data-stage="${stage}"]`).locator(CONTROLS);
      for (const { at, name, type, tag } of await controls(page, stage)) {
        const control = all.nth(at);
        // What another control took away is not missed.
        if (at >= (await all.count()) || !(await control.isVisible())) continue;
        // What was drawn anew may have another control at this place.
        const [tagNow, typeNow] = await control.evaluate((node) => [
          node.tagName.toLowerCase(),
          node.getAttribute('type') ?? node.getAttribute('role') ?? '',
        ]);
        if (tagNow !== tag || typeNow !== type) continue;
        // A button that leads to another figure does so.
        if (/training-head/.test(name)) continue;
        const isExample = await control.evaluate((node) => node.closest('.example') !== null);
        await putAt(page, control, 420);
        const before = { ...(await place(page, stage)), bar: await barHeight(page) };
        await use(page, control, type, tag);
        await settled(page);
        // Long enough for what plays to take a step.
        if (/player/.test(name)) await page.waitForTimeout(1000);
        const now = { ...(await place(page, stage)), bar: await barHeight(page) };
        used += 1;
        // What a reader unfolds takes its room, and so does another text; what was touched stays.
        if (type === 'checkbox' || isExample) continue;
        // A change has a chip in the bar, which stands above the text: the page is scrolled by just what the
        // bar has grown, so that nothing below it moves.
        const scrolled = now.scrolled - before.scrolled - (now.bar - before.bar);
        if (Math.abs(scrolled) > 1 || Math.abs(now.top - before.top) > 1)
          moved.push(
            `${stage}: ${name} (${at}): scrolled by ${scrolled}, the figure by ${now.top - before.top}`,
          );
        if (/player-play/.test(name)) {
          await control.evaluate((node) => {
            if (node.textContent === 'pause') /** @type {HTMLElement} */ (node).click();
          });
          await settled(page);
        }
      }
    }
    assert.deepEqual(moved, []);
    assert.ok(used > 80, `only ${used} controls`);
    await page.close();
  });
}
