/**
 * The command that makes what is shown on a command line, and the button that copies it. A browser that lets no
 * page copy has the command selected instead.
 */

import { line } from './command_line.js';
import { fill, h } from './dom.js';
import { messageText } from './messages.js';

/** For how long a button says what it did, in milliseconds. */
const SAID_FOR = 1600;

/**
 * A command, and the button that copies it. Where the command itself is not shown, the button says what it copies.
 * @param {string} name  whose it is, to those who hear it
 * @param {{isShown?: boolean}} [options]
 */
export function command(name, { isShown = true } = {}) {
  const code = h('code', { class: 'command-line', hidden: !isShown });
  const label = messageText(isShown ? 'command.copy' : 'command.copy-it');
  const heard = messageText('command.copy-name', { name });
  const said = h('span', { class: 'spoken', 'aria-live': 'polite' });
  const button = h(
    'button',
    { type: 'button', class: 'plain', 'aria-label': heard, onclick: copy },
    label,
  );
  const node = h('span', { class: 'command', hidden: true }, code, button, said);
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  async function copy() {
    clearTimeout(timer);
    const done = messageText((await isCopied(code)) ? 'command.copied' : 'command.selected');
    button.textContent = done;
    fill(said, done);
    timer = setTimeout(() => {
      button.textContent = label;
      fill(said);
    }, SAID_FOR);
  }
  return {
    node,
    /** @param {string} text */
    set(text) {
      node.hidden = false;
      code.textContent = text;
      (isShown ? code : button).title = text;
    },
    /**
     * @param {(string | number)[] | null} args  what follows the program's name; null where there is no such command
     * @param {string[]} [options]  more of it, as it is typed
     */
    show(args, options) {
      if (args === null) node.hidden = true;
      else this.set(line(args, options));
    },
  };
}

/** Copies what a node holds, or selects it. @param {HTMLElement} node */
async function isCopied(node) {
  try {
    await navigator.clipboard.writeText(node.textContent ?? '');
    return true;
  } catch {
    node.hidden = false;
    getSelection()?.selectAllChildren(node);
    return false;
  }
}
