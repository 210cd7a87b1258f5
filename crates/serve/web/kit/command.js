/**
 * The command that makes a figure's numbers on a command line, with a button that copies it.
 */

import { line } from './command_line.js';
import { fill, h } from './dom.js';
import { messageText } from './messages.js';

/** For how long a button says that it has copied, in milliseconds. */
export const COPIED_FOR = 1600;

/**
 * Copies what a node holds. A browser that lets no page write there still lets its reader: then it is selected.
 * @param {HTMLElement} node
 * @returns {Promise<boolean>}  whether it was copied
 */
export async function copied(node) {
  try {
    await navigator.clipboard.writeText(node.textContent ?? '');
    return true;
  } catch {
    node.hidden = false;
    getSelection()?.selectAllChildren(node);
    return false;
  }
}

/** A line of a program that can be copied. @param {string} name  whose it is, to those who hear it */
export function command(name) {
  const code = h('code', { class: 'command-line' });
  const said = h('span', { class: 'command-said', 'aria-live': 'polite' });
  const copy = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      'aria-label': messageText('command.copy-name', { name }),
      onclick: async () => {
        fill(said, messageText((await copied(code)) ? 'command.copied' : 'command.selected'));
        setTimeout(() => fill(said), COPIED_FOR);
      },
    },
    messageText('command.copy'),
  );
  const node = h('p', { class: 'command', hidden: true }, code, copy, said);
  return {
    node,
    /**
     * @param {(string | number)[] | null} args  what follows the program's name; null where there is no such command
     * @param {string[]} [options]  more of it, as it is typed
     */
    show(args, options) {
      node.hidden = args === null;
      const text = line(args ?? [], options);
      fill(code, text);
      code.title = text;
    },
  };
}
