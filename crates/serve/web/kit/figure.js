/**
 * Every figure has the same anatomy: a title that is a sentence, the drawing, a line of controls that
 * belong to it alone, a caption of live sentences, and a table twin for those who do not see it.
 */

import { keepHeight } from './anchor.js';
import { fill, h, sideways } from './dom.js';
import { messageText } from './messages.js';

/** @typedef {import('./dom.js').Child} Child */

/**
 * @typedef {object} Anatomy
 * @property {HTMLElement} body       where the drawing goes
 * @property {HTMLElement} controls   its own controls
 * @property {HTMLElement} side       what unfolds beside the drawing, where there is room
 * @property {(...what: (Child | Child[])[]) => void} title
 * @property {(...what: (Child | Child[])[]) => void} caption
 * @property {(sentence: string) => void} say   what a screen reader hears of the drawing
 * @property {(sentence: string | null) => void} problem
 */

/**
 * Builds a figure's parts into its place.
 * @param {HTMLElement} root  the `<figure>`
 * @param {object} options
 * @param {string} options.title  a sentence
 * @param {() => (Table | Table[] | null)} [options.table]  the drawing's numbers, made when somebody opens them
 * @param {'beside' | 'under'} [options.words]  where a wide screen has the controls and the sentences
 * @returns {Anatomy}
 */
export function figure(root, { title, table, words = 'beside' }) {
  const id = `figure-${root.dataset.stage}`;
  // A section without a heading of its own is headed by its figure.
  const level = root.closest('section')?.querySelector('h2') ? 'h3' : 'h2';
  const heading = h(level, { id: `${id}-title`, class: 'figure-title' }, title);
  const body = h('div', { class: 'figure-body', role: 'group', 'aria-labelledby': `${id}-title` });
  const controls = h('div', { class: 'figure-controls' });
  const caption = h('figcaption', { class: 'figure-caption', 'aria-live': 'polite' });
  const more = h('button', {
    type: 'button',
    class: 'figure-more',
    hidden: true,
    onclick: () => unfold(!root.classList.contains('is-told')),
  });
  const side = h('div', { class: 'figure-side' });
  const spoken = h('p', { class: 'spoken' });
  const problem = h('p', { class: 'figure-problem', role: 'status', hidden: true });
  const twin = h('div', {
    class: 'figure-table',
    id: `${id}-table`,
    hidden: true,
    tabindex: '0',
    role: 'region',
    'aria-label': messageText('figure.table', { title }),
  });
  const opener = h(
    'button',
    {
      class: 'figure-opener',
      type: 'button',
      title: messageText('figure.opener'),
      'aria-label': messageText('figure.opener-name', { title }),
      'aria-expanded': 'false',
      'aria-controls': twin.id,
      onclick: () => open(twin.hidden === true),
    },
    '≡',
  );
  fill(
    root,
    h('div', { class: 'figure-head' }, heading, table ? opener : null),
    body,
    h('p', { class: 'figure-sideways', 'aria-hidden': 'true' }, messageText('figure.sideways')),
    spoken,
    controls,
    problem,
    caption,
    more,
    side,
    twin,
  );
  root.classList.add(`has-words-${words}`);
  unfold(false);

  sideways(body);
  root.removeAttribute('aria-label');
  root.setAttribute('aria-labelledby', `${id}-title`);
  // As tall as they were, until the figure is about another text.
  const kept = [body, caption].map(keepHeight);
  for (const other of ['lookback-text', 'lookback-view'])
    root.addEventListener(other, () => {
      for (const forget of kept) forget();
    });

  /** Whether a narrow screen shows all sentences. @param {boolean} isTold */
  function unfold(isTold) {
    root.classList.toggle('is-told', isTold);
    more.setAttribute('aria-expanded', String(isTold));
    more.textContent = messageText(isTold ? 'figure.less' : 'figure.read-on');
  }
  /** @param {(Child | Child[])[]} what */
  function tell(what) {
    const [first, rest] = cut(what.flat());
    const focused = document.activeElement;
    const hadFocus = caption.contains(focused);
    fill(caption, first, rest.length ? h('span', { class: 'figure-rest' }, rest) : null);
    // A number that is being changed keeps the focus, though the sentence around it is another.
    if (hadFocus && focused?.isConnected)
      /** @type {HTMLElement} */ (focused).focus({ preventScroll: true });
    more.hidden = rest.length === 0;
    tabulate();
  }
  /** @param {boolean} isOpen */
  function open(isOpen) {
    twin.hidden = !isOpen;
    opener.setAttribute('aria-expanded', String(isOpen));
    tabulate();
  }
  function tabulate() {
    if (twin.hidden || !table) return;
    const tables = [table() ?? []].flat();
    fill(twin, tables.map(tableNode));
  }
  return {
    body,
    controls,
    side,
    title: (...what) => fill(heading, ...what),
    caption: (...what) => tell(what),
    say: (sentence) => fill(spoken, sentence),
    problem: (sentence) => {
      problem.hidden = sentence === null;
      fill(problem, sentence ?? '');
      root.classList.toggle('has-problem', sentence !== null);
      if (sentence !== null) tell([]);
    },
  };
}

/** Letters from which on a caption has room for no further sentence on a narrow screen. */
const FIRST = 72;

/**
 * The first sentences of a caption, and those that a narrow screen folds.
 * @param {Child[]} children
 * @returns {[Child[], Child[]]}
 */
function cut(children) {
  let letters = 0;
  for (const [at, child] of children.entries()) {
    if (child === null || child === undefined || child === false) continue;
    if (child instanceof Node) {
      letters += child.textContent?.length ?? 0;
      continue;
    }
    const text = String(child);
    const end = /[.?!”»] |[。！？]/g;
    end.lastIndex = Math.max(0, FIRST - letters - 2);
    const found = end.exec(text);
    if (found) {
      const place = found.index + found[0].length;
      const rest = [text.slice(place), ...children.slice(at + 1)];
      const isMore = rest.some((child) => child && String(child).trim() !== '');
      return [[...children.slice(0, at), text.slice(0, place)], isMore ? rest : []];
    }
    letters += text.length;
  }
  return [children, []];
}

/**
 * A table twin: a caption, the head's cells, rows of cells of which the first names the row.
 * @typedef {object} Table
 * @property {string} caption
 * @property {Child[]} head
 * @property {Child[][]} rows
 */

/** @param {Table} table */
function tableNode({ caption, head, rows }) {
  const cells = (/** @type {Child[]} */ row) =>
    row.map((cell, at) => (at === 0 ? h('th', { scope: 'row' }, cell) : h('td', null, cell)));
  return h(
    'table',
    null,
    h('caption', null, caption),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        head.map((cell) => h('th', { scope: 'col' }, cell)),
      ),
    ),
    h(
      'tbody',
      null,
      rows.map((row) => h('tr', null, cells(row))),
    ),
  );
}

/**
 * A labelled slider with its value beside it.
 * @param {object} options
 * @param {string} options.label
 * @param {number} options.min
 * @param {number} options.max
 * @param {number | 'any'} [options.step]
 * @param {number} options.value
 * @param {(value: number) => string} [options.show]
 * @param {(value: number) => void} options.onInput
 */
export function slider({ label, min, max, step = 1, value, show = String, onInput }) {
  const output = h('output', { class: 'number' }, show(value));
  const input = h('input', {
    type: 'range',
    min,
    max,
    step,
    value,
    oninput: () => {
      output.textContent = show(Number(input.value));
      input.setAttribute('aria-valuetext', show(Number(input.value)));
      onInput(Number(input.value));
    },
  });
  input.value = String(value);
  const node = h('label', { class: 'slider' }, h('span', null, label), input, output);
  return {
    node,
    input,
    /** @param {number} now @param {{min?: number, max?: number}} [ends] */
    set(now, ends = {}) {
      if (ends.min !== undefined) input.min = String(ends.min);
      if (ends.max !== undefined) input.max = String(ends.max);
      input.value = String(now);
      output.textContent = show(now);
    },
  };
}

/**
 * A labelled choice among few.
 * @param {object} options
 * @param {string} options.label
 * @param {[string, string][]} options.options  value and what is shown
 * @param {string} options.value
 * @param {(value: string) => void} options.onChange
 */
export function choice({ label, options, value, onChange }) {
  const select = h('select', { onchange: () => onChange(select.value) });
  const node = h('label', { class: 'choice' }, h('span', null, label), select);
  /** @param {[string, string][]} options @param {string} value */
  const set = (options, value) => {
    fill(
      select,
      options.map(([value, shown]) => h('option', { value }, shown)),
    );
    select.value = value;
  };
  set(options, value);
  return { node, select, set };
}

/**
 * A button with words on it.
 * @param {string} label
 * @param {() => void} onClick
 * @param {import('./dom.js').Props} [props]
 */
export function button(label, onClick, props = {}) {
  return h('button', { type: 'button', class: 'plain', onclick: onClick, ...props }, label);
}
