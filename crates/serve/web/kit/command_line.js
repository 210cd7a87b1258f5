/**
 * Command lines that compute what the page shows, as a shell reads them. `command.js` shows them.
 */

import { inForce } from './changes.js';
import { quoted } from './shell.js';

/** @typedef {import('./stage.js').Selection} Selection */

/**
 * The command that computes what the page shows.
 * @param {Selection} of
 * @param {string} command    such as `look`
 * @param {string[]} options  of that command
 */
export function commandLine(of, command, options) {
  return line([command, opens(of.about), ...reads(of), ...options], changed(of));
}

/**
 * @param {(string | number)[]} args  what follows the program's name
 * @param {string[]} [options]  more of it, as it is typed
 */
export function line(args, options = []) {
  return ['lookback', ...args.map(quoted), ...options].join(' ');
}

/** What the page changes of the passes, as options of a command. @param {Selection} of */
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
 * @param {Selection} of
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
