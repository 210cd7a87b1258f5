/**
 * A language that nobody speaks: every letter of the English messages has an accent, and every value stands
 * in brackets. A letter without an accent outside of brackets was not said by a message; one within has to be
 * a value: what the program answered, or what a command line takes.
 */

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {string | Record<string, string>} Message */

const PLAIN = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
const ACCENTED = 'áƀćđéƒǵĥíĵķĺḿńóṕɋŕśťúṽẃẍýžÁɃĆĐÉƑǴĤÍĴĶĹḾŃÓṔɊŔŚŤÚṼẂẌÝŽ';
const LETTERS = new Map([...PLAIN].map((letter, at) => [letter, [...ACCENTED][at] ?? '']));

/** @param {string} text */
export function accented(text) {
  return text
    .split(/(\{\w+\}|<\/?\w+>)/)
    .map((part) => {
      if (part.startsWith('<') && part.endsWith('>')) return part;
      if (part.startsWith('{') && part.endsWith('}')) return `⟦${part}⟧`;
      return [...part].map((letter) => LETTERS.get(letter) ?? letter).join('');
    })
    .join('');
}

/** A language file as the page imports it. @param {Record<string, Message>} english */
export function languageFile(english) {
  const texts = Object.entries(english).map(([id, message]) => [
    id,
    typeof message === 'string'
      ? accented(message)
      : Object.fromEntries(Object.entries(message).map(([form, text]) => [form, accented(text)])),
  ]);
  return `export default ${JSON.stringify(Object.fromEntries(texts))};`;
}

/** Strings of an answer: pieces, names, texts. @param {any} value @returns {string[]} */
export function strings(value) {
  if (typeof value === 'string') return [value];
  return value && typeof value === 'object' ? Object.values(value).flatMap(strings) : [];
}

/** Nodes whose text is a value: a piece of a text, a number, a command, a name of a model or of its files. */
const VALUES = [
  '.chip',
  '.mention',
  '.next-word',
  '.number',
  '.model-path',
  'figure[data-stage="facts"] option',
  '#model',
  '#prompt',
  'code',
  'pre',
  // Put together from its tokens.
  '[data-stage="repetition"] td:nth-child(n + 4)',
];
/** Attributes that are read. */
const ATTRIBUTES = [
  'alt',
  'aria-label',
  'aria-roledescription',
  'aria-valuetext',
  'content',
  'data-undrawn',
  'data-waiting',
  'placeholder',
  'title',
];

/**
 * What a page says without a message.
 * @param {Page} page
 * @param {string[]} given  what the program answered
 * @returns {Promise<string[]>}  where, and what
 */
export async function saidWithout(page, given) {
  const texts = await page.evaluate(read, { values: VALUES, attributes: ATTRIBUTES });
  const wholes = new Set(given.map(bare));
  const words = new Set(given.flatMap((text) => text.match(/[a-z]+/gi) ?? []));
  const isWhole = (/** @type {string} */ text) => {
    const [whole, begin] = [bare(text), bare(text.replace(/….*$/s, ''))];
    return wholes.has(whole) || (begin !== whole && given.some((of) => bare(of).startsWith(begin)));
  };
  // Several of them, each perhaps with its number: `king − man + woman`, `·door  ·bell`, `smith 0.996, jones 0.01`.
  const isGiven = (/** @type {string} */ text) =>
    isWhole(text) ||
    text
      .split(/, | {2,}| [−+] |→ /)
      .map((item) => item.replace(/:? -?[\d.]+$/, ''))
      .every((item) => !/[a-z]/i.test(bare(item)) || isWhole(item));
  const found = texts.flatMap(({ where, outside, inside, isValue }) => {
    if (isValue) return [];
    const isSaid = /[a-z]/i.test(outside) && !isGiven(outside);
    const unknown = (inside.match(/[a-z]+/gi) ?? []).filter((word) => !words.has(word));
    const isUnknown = unknown.length > 0 && !isGiven(inside);
    return [
      ...(isSaid ? [`${where}: ${outside.trim()}`] : []),
      ...(isUnknown ? [`${where}: ⟦${inside.trim()}⟧`] : []),
    ];
  });
  return [...new Set(found)];
}

/** A piece as it is compared, however its spaces and line ends are shown. @param {string} text */
function bare(text) {
  return text.replace(/[\s·↵⇥“”"]|\\[nt]/g, '').replace(/\d(?:\.\d+)?e[+−-]?\d+/g, '');
}

/**
 * Texts of a page, by what stands outside and inside of brackets. Runs in the browser.
 * @param {{values: string[], attributes: string[]}} options
 */
function read({ values, attributes }) {
  /** @typedef {{where: string, outside: string, inside: string, isValue: boolean}} Text */
  /** @type {Text[]} */
  const texts = [];
  const isUnseen = (/** @type {Element} */ node) =>
    node.closest('script, style, noscript') !== null;
  /** @param {Element} node */
  const where = (node) => {
    const stage = node.closest('figure')?.getAttribute('data-stage');
    const name = `${node.tagName.toLowerCase()}.${node.getAttribute('class') ?? ''}`;
    return `${stage ?? node.closest('[id]')?.id ?? ''} ${name}`;
  };
  /** @param {string} text @param {number} depth  of brackets, where it begins */
  const split = (text, depth) => {
    const parts = { outside: '', inside: '', depth };
    for (const letter of text)
      if (letter === '⟦') parts.depth += 1;
      else if (letter === '⟧') {
        parts.depth = Math.max(0, parts.depth - 1);
        parts.inside += ' ';
      } else if (parts.depth > 0) parts.inside += letter;
      else parts.outside += letter;
    return parts;
  };
  /** The node in which a bracket is open, and how many are. */
  let open = /** @type {{node: Node, depth: number} | null} */ (null);
  const all = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
  for (let node = all.nextNode(); node; node = all.nextNode()) {
    const parent = /** @type {Element} */ (node.parentElement);
    if (open && !open.node.contains(node)) open = null;
    const { depth, ...parts } = split(node.nodeValue ?? '', open?.depth ?? 0);
    open = depth > 0 ? { node: open?.node ?? parent, depth } : null;
    if (isUnseen(parent)) continue;
    texts.push({ where: where(parent), ...parts, isValue: parent.closest(values.join()) !== null });
  }
  for (const node of document.querySelectorAll(attributes.map((name) => `[${name}]`).join()))
    for (const name of attributes) {
      const text = node.getAttribute(name);
      // What a head says of the page to a browser is no text.
      if (
        text === null ||
        isUnseen(node) ||
        (node.matches('meta') && !node.matches('[name="description"]'))
      )
        continue;
      const isCommand = node.matches('code, .command button');
      texts.push({ where: `${where(node)} ${name}`, ...split(text, 0), isValue: isCommand });
    }
  return texts;
}
