/**
 * A command line that a button copies. A browser that does not let a page copy has it selected instead.
 */

import { fill, h } from '../dom.js';
import { SAID } from './words.js';

/** @param {{isShown?: boolean}} [options]  `isShown`: the command stands beside the button */
export function copier({ isShown = false } = {}) {
  let command = '';
  const code = h('code', {
    class: 'command',
    tabindex: '0',
    'aria-label': 'the command',
    hidden: !isShown,
  });
  const label = h('span', { 'aria-live': 'polite' }, SAID.copy);
  const button = h('button', { type: 'button', class: 'plain', onclick: () => copy() }, label);
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  async function copy() {
    clearTimeout(timer);
    try {
      await navigator.clipboard.writeText(command);
      fill(label, SAID.copied);
    } catch {
      code.hidden = false;
      getSelection()?.selectAllChildren(code);
      fill(label, SAID.noCopy);
    }
    timer = setTimeout(() => fill(label, SAID.copy), 1500);
  }
  return {
    node: h('span', { class: 'copier' }, button, code),
    /** @param {string} text */
    set(text) {
      command = text;
      code.textContent = text;
      button.title = text;
    },
  };
}
