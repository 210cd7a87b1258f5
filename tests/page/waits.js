/**
 * How long each figure of a served page waits after another token, layer or head is chosen, until it is painted.
 *
 * `node waits.js ADDRESS CHOSEN TIMES`: the served page, what the address chooses at first, as JSON, and how often each
 * is measured. Prints milliseconds by figure and by what is chosen, as JSON. `benches/page.py --browser` runs it.
 */

import { browse, drawn, open, settled, stages } from './browser.js';

const [address = '', chosen = '{}', times = '5'] = process.argv.slice(2);
/** Figures that are about no text, or that are written on. */
const OTHERS = ['training', 'map', 'analogy', 'embed-map', 'sweep'];

const browser = await browse();
try {
  const { page } = await open(browser.context, address.replace(/\/$/, ''), JSON.parse(chosen));
  /** @type {Record<string, Record<string, number[]>>} */
  const found = {};
  for (const stage of await stages(page)) {
    if (OTHERS.includes(stage)) continue;
    await drawn(page, stage);
    await page
      .locator(`figure[data-stage="${stage}"]`)
      .evaluate((node) => node.scrollIntoView({ block: 'center', behavior: 'instant' }));
    await settled(page);
    /** @type {Record<string, number[]>} */
    const kinds = { token: [], layer: [], head: [] };
    for (let time = 0; time < Number(times); time += 1)
      for (const [kind, measured] of Object.entries(kinds))
        measured.push(await wait(page, stage, kind, time));
    found[stage] = kinds;
  }
  process.stdout.write(`${JSON.stringify(found)}\n`);
} finally {
  await browser.close();
}

/**
 * Chooses another token, layer or head, and waits until the figure that shows it is painted.
 * @param {import('playwright-core').Page} page
 * @param {string} stage
 * @param {string} kind
 * @param {number} time
 * @returns {Promise<number>} milliseconds
 */
function wait(page, stage, kind, time) {
  return page.evaluate(
    async ({ stage, kind, time }) => {
      const { get, set } = await import(/** @type {any} */ ('/kit/state.js'));
      const figure = /** @type {HTMLElement} */ (
        document.querySelector(`figure[data-stage="${stage}"]`)
      );
      const options = /** @type {HTMLSelectElement | null} */ (document.querySelector(`#${kind}`))
        ?.options.length;
      const size = options ?? document.querySelectorAll('#tokens .chip').length;
      const before = get()[kind] ?? size - 1;
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const began = performance.now();
      // A step that comes to many others before it comes back.
      set({ [kind]: (before + 1 + (time % 3)) % size });
      const isWaiting = () =>
        figure.dataset.drawn !== location.hash ||
        figure.classList.contains('is-busy') ||
        figure.querySelector('.is-reading') !== null;
      while (isWaiting() && performance.now() - began < 60_000) await frame();
      // Behind the frame in which it stands.
      await frame();
      await new Promise((resolve) => setTimeout(resolve));
      return performance.now() - began;
    },
    { stage, kind, time },
  );
}
