/**
 * A button that copies a command line. A browser that does not let a page copy has it selected instead.
 */

import { COPIED_FOR, copied } from '../command.js';
import { fill, h } from '../dom.js';
import { messageText } from '../messages.js';

/** @param {{isShown?: boolean}} [options]  `isShown`: the command stands beside the button */
export function copier({ isShown = false } = {}) {
  const code = h('code', {
    class: 'command',
    tabindex: '0',
    'aria-label': messageText('command.name'),
    hidden: !isShown,
  });
  const label = h('span', { 'aria-live': 'polite' }, messageText('command.copy-it'));
  const button = h('button', { type: 'button', class: 'plain', onclick: () => copy() }, label);
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  async function copy() {
    clearTimeout(timer);
    fill(label, messageText((await copied(code)) ? 'command.copied' : 'command.no-copy'));
    timer = setTimeout(() => fill(label, messageText('command.copy-it')), COPIED_FOR);
  }
  return {
    node: h('span', { class: 'copier' }, button, code),
    /** @param {string} text */
    set(text) {
      code.textContent = text;
      button.title = text;
    },
  };
}
