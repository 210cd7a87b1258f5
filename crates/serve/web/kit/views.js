/**
 * Parts of a figure of which a narrow screen shows one at a time, so that control, picture and sentence are
 * seen together; buttons choose which. A wide screen shows all of them, unless it has no room either.
 */

import { h } from './dom.js';

/**
 * @typedef {object} View
 * @property {string} name
 * @property {string} label      what its button says
 * @property {HTMLElement | HTMLElement[]} node
 */

/**
 * @param {object} options
 * @param {string} options.name          what a screen reader calls the row of buttons
 * @param {View[]} options.views
 * @param {'narrow' | 'always'} [options.folds]  where only one is shown
 * @param {(name: string) => void} [options.onShow]
 */
export function views({ name, views, folds = 'narrow', onShow }) {
  const buttons = views.map(({ name, label }) =>
    h('button', { type: 'button', class: 'view-choice', onclick: () => show(name) }, label),
  );
  const node = h(
    'div',
    { class: `views folds-${folds}`, role: 'group', 'aria-label': name, 'data-roving': '' },
    buttons,
  );
  let shown = '';

  /** @param {string} name */
  function show(name) {
    if (name === shown) return;
    shown = name;
    for (const [at, view] of views.entries()) {
      const isShown = view.name === name;
      for (const node of [view.node].flat()) node.classList.toggle(`is-away-${folds}`, !isShown);
      buttons[at]?.setAttribute('aria-pressed', String(isShown));
    }
    // What stood there before may have been taller.
    node.dispatchEvent(new Event('lookback-view', { bubbles: true }));
    onShow?.(name);
  }
  show(views[0]?.name ?? '');
  return { node, show, shown: () => shown };
}
