/**
 * What the page says, by message id. The texts of a language are one file, `messages/en.js` and its like;
 * English is complete, and stands in for what another language does not say.
 *
 * A text has places for values, `{name}`, and marks, `<em>…</em>`. A text that depends on a number has
 * its forms by the language's plural rules: `{ one: '{count} token', other: '{count} tokens' }`.
 */

import en from '../messages/en.js';
import { h } from './dom.js';
import { count } from './number.js';

/** @typedef {typeof en} English */
/** @typedef {keyof English} MessageId */

/**
 * The names of the places in a text.
 * @template {string} T
 * @typedef {T extends `${string}{${infer Name}}${infer Rest}` ? Name | Places<Rest> : never} Places
 */

/**
 * The texts of a message: the one, or its plural forms.
 * @template {MessageId} Id
 * @typedef {English[Id] extends string ? English[Id] : English[Id][keyof English[Id]] & string} Texts
 */

/** @typedef {import('./dom.js').Child | import('./dom.js').Child[]} Value */
/** @typedef {(children: (Node | string)[]) => Value} Mark  what stands for the text between its marks */

/**
 * What a message needs: a value for each place. Values without a place are marks of the message's own.
 * @template {MessageId} Id
 * @typedef {[Places<Texts<Id>>] extends [never] ? [values?: Record<string, Value | Mark>]
 *   : [values: Record<Places<Texts<Id>>, Value> & Record<string, Value | Mark>]} Needs
 */

/**
 * The same for a message that is a string. A form may be chosen by a `count` that the text does not show.
 * @template {MessageId} Id
 * @typedef {[Places<Texts<Id>>] extends [never] ? [values?: {count?: string | number}]
 *   : [values: Record<Places<Texts<Id>>, string | number> & {count?: string | number}]} Strings
 */

/** The languages beside English, each with the file of its texts. @type {Record<string, () => Promise<any>>} */
const LANGUAGES = {};

const language = navigator.languages
  .map((tag) => tag.split('-')[0] ?? '')
  .find((tag) => tag === 'en' || tag in LANGUAGES);
const others = LANGUAGES[language ?? '']?.();
/** @type {Record<string, string | Record<string, string>>} */
const texts = { ...en, ...(others ? (await others).default : {}) };
const plural = new Intl.PluralRules(others ? language : 'en');
document.documentElement.lang = others ? (language ?? 'en') : 'en';

/**
 * A message as nodes and text, with nodes and texts in its places.
 * @template {MessageId} Id
 * @param {Id} id
 * @param {Needs<Id>} needs
 * @returns {(Node | string)[]}
 */
export function message(id, ...needs) {
  const values = needs[0] ?? {};
  return render(parse(textOf(id, values)), (name) => values[name]);
}

/**
 * A message as a string, for attributes and for what is read aloud. Its marks are left out.
 * @template {MessageId} Id
 * @param {Id} id
 * @param {Strings<Id>} needs
 */
export function messageText(id, ...needs) {
  /** @type {Record<string, any>} */
  const values = needs[0] ?? {};
  return plain(parse(textOf(id, values)), values);
}

/**
 * The text of a message, in the form that its count asks for.
 * @param {string} id
 * @param {Record<string, any>} values
 */
function textOf(id, values) {
  const text = texts[id];
  if (text === undefined) throw new Error(`there is no message ${id}`);
  if (typeof text === 'string') return text;
  return text[plural.select(Number(values.count))] ?? text.other ?? '';
}

/** @typedef {string | {place: string} | {mark: string, children: Part[]}} Part */

/** @type {Map<string, Part[]>} */
const parsed = new Map();

/** A text taken apart at its places and marks. @param {string} text @returns {Part[]} */
function parse(text) {
  const known = parsed.get(text);
  if (known) return known;
  /** @type {Part[]} */
  const whole = [];
  const open = [{ mark: '', children: whole }];
  for (const token of text.split(/(\{\w+\}|<\/?\w+>)/)) {
    const inner = open[open.length - 1]?.children ?? whole;
    if (/^\{\w+\}$/.test(token)) inner.push({ place: token.slice(1, -1) });
    else if (/^<\w+>$/.test(token)) {
      const part = { mark: token.slice(1, -1), children: /** @type {Part[]} */ ([]) };
      inner.push(part);
      open.push(part);
    } else if (/^<\/\w+>$/.test(token)) open.pop();
    else if (token !== '') inner.push(token);
  }
  parsed.set(text, whole);
  return whole;
}

/**
 * @param {Part[]} parts
 * @param {(name: string) => Value | Mark | undefined} at
 * @returns {(Node | string)[]}
 */
function render(parts, at) {
  return parts.flatMap((part) => {
    if (typeof part === 'string') return [part];
    if ('place' in part) return shown(at(part.place));
    const children = render(part.children, at);
    const own = at(part.mark);
    if (typeof own === 'function') return shown(own(children));
    return [h(/** @type {'em'} */ (part.mark), null, children)];
  });
}

/** @param {Value | Mark | undefined} value @returns {(Node | string)[]} */
function shown(value) {
  if (Array.isArray(value)) return value.flatMap(shown);
  if (value === null || value === undefined || value === false) return [];
  if (typeof value === 'number') return [count(value)];
  return [value instanceof Node ? value : String(value)];
}

/** @param {Part[]} parts @param {Record<string, string | number>} values @returns {string} */
function plain(parts, values) {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      if ('mark' in part) return plain(part.children, values);
      const value = values[part.place] ?? '';
      return typeof value === 'number' ? count(value) : value;
    })
    .join('');
}
