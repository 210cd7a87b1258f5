/**
 * The command that makes a figure's numbers on a command line, with a button that copies it.
 */

import { inForce } from './changes.js';
import { fill, h } from './dom.js';

/** For how long the button says that it has copied, in milliseconds. */
const SAID = 1600;

/**
 * An argument as a shell reads it: bare where it can be, or else in quotes.
 * @param {string | number} argument
 */
export function quoted(argument) {
  const text = String(argument);
  if (/^[\w./:=,@%+-]+$/.test(text)) return text;
  // In double quotes, as people write it, unless the shell would read something into them.
  return /["\\$`!\n]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}

/** A line of a program that can be copied. @param {string} name  whose it is, to those who hear it */
export function command(name) {
  const line = h('code', { class: 'command-line' });
  const said = h('span', { class: 'command-said', 'aria-live': 'polite' });
  const copy = h(
    'button',
    { type: 'button', class: 'plain', 'aria-label': `copy the command of ${name}`, onclick: taken },
    'copy',
  );
  const node = h('p', { class: 'command', hidden: true }, line, copy, said);
  async function taken() {
    try {
      await navigator.clipboard.writeText(line.textContent ?? '');
      fill(said, 'copied');
    } catch {
      // A browser that lets no page write there still lets its reader.
      getSelection()?.selectAllChildren(line);
      fill(said, 'selected');
    }
    setTimeout(() => fill(said), SAID);
  }
  return {
    node,
    /**
     * @param {(string | number)[] | null} args  what follows the program's name; null where there is no such command
     * @param {string[]} [options]  more of it, as it is typed
     */
    show(args, options = []) {
      node.hidden = args === null;
      const text = ['lookback', ...(args ?? []).map(quoted), ...options].join(' ');
      fill(line, text);
      line.title = text;
    },
  };
}

/** What the page changes of the passes, as options of a command. @param {import('./stage.js').Selection} of */
export function changed(of) {
  return inForce(of.changes).map(({ option }) => option);
}

/**
 * A model as a command names it.
 * @param {import('./stage.js').Model} about
 */
export function opens({ name, path }) {
  return name === 'default' ? name : path;
}

/**
 * What a command reads: the text, or where a template made it, its ids.
 * @param {import('./stage.js').Selection} of
 * @returns {string[]}
 */
export function reads(of) {
  return of.chat ? ['--ids', of.ids.join(',')] : ['-p', of.prompt];
}

/**
 * A next token as a command's flag takes it.
 * @param {Record<string, string>} pieces @param {number} id
 */
export function token(pieces, id) {
  const piece = pieces[id] ?? '';
  // A piece of bytes is no text that one could type, and before one without a space some tokenizers put one.
  return /^ [\p{L}\p{N}]+$/u.test(piece) ? piece : `#${id}`;
}
