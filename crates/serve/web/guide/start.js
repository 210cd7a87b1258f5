/**
 * Begins the guide: by a button in the opening, or where the address names a step. What it is made of is loaded
 * only then. Nobody else begins it.
 */

import { h } from '../kit/dom.js';
import { get, set } from '../kit/state.js';

/** @param {import('../kit/stage.js').Page} page @param {HTMLElement} bar */
export function guide(page, bar) {
  const begin = /** @type {HTMLElement} */ (document.querySelector('#guide-begin'));
  /** @type {Promise<{draw: () => void, focus: () => void}> | null} */
  let panel = null;
  /** The step at which the reader left. */
  let left = '1';

  /** Loads the panel, with its style sheet. */
  function load() {
    if (panel) return panel;
    const link = h('link', { rel: 'stylesheet', href: '/guide/guide.css' });
    const styled = new Promise((resolve) => {
      link.addEventListener('load', resolve);
      link.addEventListener('error', resolve);
    });
    document.head.append(link);
    panel = Promise.all([import('./panel.js'), styled]).then(([{ panel }]) => panel(page, bar));
    // A program that was away is asked again.
    panel.catch(() => (link.remove(), (panel = null)));
    return panel;
  }

  begin.addEventListener('click', async () => {
    if (get().more.guide === undefined) set({ guide: left });
    (await load()).focus();
  });
  function draw() {
    const step = get().more.guide;
    if (step !== undefined) left = step;
    if (step !== undefined || panel) load().then(({ draw }) => draw());
  }
  return { draw };
}
