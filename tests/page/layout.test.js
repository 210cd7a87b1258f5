/** Control, picture and sentence of every figure are seen together, on a laptop and on a phone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open, putAt, stages } from './browser.js';

const { served, browser } = await fixture(MODELS);
/** @type {any[]} */
const models = (await (await fetch(`${served.address}/api/models`)).json()).models;

/**
 * What of a figure lies outside of the screen, below the bar.
 * @param {import('playwright-core').Locator} figure
 */
function outside(figure) {
  return figure.evaluate((figure) => {
    const bar = /** @type {Element} */ (document.querySelector('#bar')).getBoundingClientRect();
    /** @type {string[]} */
    const faults = [];
    const parts = ['head', 'body', 'controls', 'problem', 'caption', 'more', 'side'];
    for (const part of parts) {
      const node = figure.querySelector(`:scope > .figure-${part}`);
      const { top, bottom, left, right, height } = node?.getBoundingClientRect() ?? new DOMRect();
      if (height === 0) continue;
      if (top < bar.bottom - 1 || bottom > window.innerHeight + 1)
        faults.push(`${part} from ${top.toFixed()} to ${bottom.toFixed()}`);
      if (left < 0 || right > window.innerWidth) faults.push(`${part} is cut at a side`);
    }
    const body = /** @type {HTMLElement} */ (figure.querySelector('.figure-body'));
    if (body.scrollHeight > body.clientHeight + 1)
      faults.push(`${body.scrollHeight - body.clientHeight} px of the picture are cut`);
    if (faults.length) faults.push(`on a screen from ${bar.bottom} to ${window.innerHeight}`);
    return faults;
  });
}

for (const { name } of models)
  for (const [width, height] of /** @type {const} */ ([
    [1280, 720],
    [390, 844],
  ]))
    test(`all of a figure is seen at once: ${name}, ${width} × ${height}`, async () => {
      const { page } = await open(browser.context, served.address, { model: name }, { width });
      await page.setViewportSize({ width, height });
      const faults = [];
      for (const stage of await stages(page)) {
        const figure = await drawn(page, stage);
        const bar = await page.locator('#bar').evaluate((bar) => bar.clientHeight);
        await putAt(page, figure, bar + 8);
        const found = await outside(figure);
        if (found.length) faults.push(`${stage}: ${found.join(', ')}`);
        // And so with each part that is shown in the place of another.
        const others = figure.locator('.view-choice');
        for (let at = 0; at < (await others.count()); at += 1) {
          const other = others.nth(at);
          if (!(await other.isVisible())) continue;
          await other.click();
          await putAt(page, figure, bar + 8);
          const found = await outside(figure);
          if (found.length)
            faults.push(`${stage}, ${await other.textContent()}: ${found.join(', ')}`);
        }
      }
      assert.deepEqual(faults, []);
      await page.close();
    });
