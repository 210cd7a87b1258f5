/**
 * What the model would say after each layer: the last norm and the head, put on the stream half-way.
 *
 * In the address: `depths.at`, the opened row; `depths.halves`, attention and MLP apart.
 */

import { ask } from '../kit/ask.js';
import { mention, visible, word } from '../kit/chips.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { count, number } from '../kit/number.js';
import { barCell, chooser, look, pick, question, remembering, said, share } from './logits/word.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{id: number, rank: number, logit: number, probability: number}} Ranked */
/** @typedef {{top: Ranked[], of: Ranked}} Guess */
/** @typedef {{site: string, tokens: Guess[]}} Depth */
/** @typedef {{of: number, candidates: number[], pieces: Record<string, string>, depths: Depth[]}} Answer */

/**
 * What the figure is drawn from.
 * @typedef {object} Asked
 * @property {Selection} of
 * @property {Answer} answer
 * @property {number} first  the first token that was asked at
 * @property {number} row    the opened depth
 */

/** Tokens shown at once, guesses of the opened one. */
const [COLUMNS, GUESSES] = [10, 10];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'depths',
  mount(root, page) {
    /** @type {Asked | null} */
    let asked = null;
    const parts = figure(root, { title: 'What the model would say after each layer', table });
    const grid = h('div', { class: 'depths-grid' });
    const opened = h('div', { class: 'depths-opened', 'aria-live': 'polite' });
    fill(parts.body, h('div', { class: 'depths-both' }, grid, opened));
    const halves = h('input', {
      type: 'checkbox',
      onchange: () => page.set({ 'depths.halves': halves.checked, 'depths.at': null }),
    });
    const next = chooser(page, 'next word');
    parts.controls.append(
      next.node,
      h('label', { class: 'choice' }, halves, h('span', null, 'attention and MLP apart')),
    );
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();

    /** @param {Asked} now */
    function drawGrid({ of, answer, first, row }) {
      const { depths, pieces } = answer;
      const last = depths.length - 1;
      const count = depths[0]?.tokens.length ?? 0;
      const tokens = Array.from({ length: count }, (_, at) => first + at);
      const cell = (/** @type {number} */ depth, /** @type {number} */ token) => {
        const guess = depths[depth]?.tokens[token - first]?.top[0];
        if (!guess) return null;
        const isPicked = depth === row && token === of.token;
        return h(
          'td',
          null,
          h(
            'button',
            {
              type: 'button',
              class: `depths-cell ${isPicked ? 'is-picked' : ''} ${guess.id === answer.of ? 'is-next' : ''}`,
              'aria-pressed': String(isPicked),
              'aria-label': `${stand(depths, depth)}, after ${word(of.pieces[token] ?? '')}: ${word(pieces[guess.id] ?? '')}, ${Math.round(100 * guess.probability)} %`,
              // At most so dark that ink can be read on it, in both themes.
              style: {
                background: `color-mix(in srgb, var(--ink) ${30 * guess.probability}%, var(--paper))`,
              },
              onclick: () => page.set({ token, 'depths.at': depth === last ? null : depth }),
            },
            h('span', { class: 'depths-word' }, look(pieces, guess.id)),
            shown(guess, depth === last ? token : null),
          ),
        );
      };
      fill(
        grid,
        h(
          'table',
          { class: 'depths-table' },
          h(
            'thead',
            null,
            h(
              'tr',
              null,
              h('th', { scope: 'col' }, ''),
              tokens.map((token) =>
                h(
                  'th',
                  { scope: 'col', class: token === of.token ? 'is-token' : '' },
                  mention(token, of.pieces[token] ?? ''),
                ),
              ),
              h('th', { scope: 'col', class: 'depths-rank' }, 'place of ', look(pieces, answer.of)),
            ),
          ),
          h(
            'tbody',
            null,
            depths.map((depth, at) =>
              h(
                'tr',
                { class: at === last ? 'is-last' : '' },
                h('th', { scope: 'row' }, stand(depths, at)),
                tokens.map((token) => cell(at, token)),
                h('td', { class: 'depths-rank number' }, place(depth.tokens[of.token - first])),
              ),
            ),
          ),
        ),
      );
    }

    /** @param {Asked} now */
    function drawOpened({ of, answer, first, row }) {
      const { depths, pieces } = answer;
      const guess = depths[row]?.tokens[of.token - first];
      if (!guess) return;
      const most = guess.top[0]?.probability ?? 1;
      const isLast = row === depths.length - 1;
      const line = (/** @type {Ranked} */ next) =>
        h(
          'tr',
          null,
          h('th', { scope: 'row' }, pick(page, pieces, next.id, next.id === answer.of)),
          h('td', { class: 'depths-bar' }, barCell(next.probability, most)),
          h('td', null, shown(next, isLast ? of.token : null)),
        );
      fill(
        opened,
        h(
          'table',
          null,
          h(
            'caption',
            null,
            `${stand(depths, row)}, after `,
            mention(of.token, of.pieces[of.token] ?? ''),
          ),
          h('tbody', null, guess.top.slice(0, GUESSES).map(line)),
        ),
      );
    }

    function table() {
      if (!asked) return null;
      const { of, answer, first } = asked;
      const last = answer.depths.length - 1;
      return {
        caption: 'the likeliest next word at each depth and its probability',
        head: [
          'read',
          ...(answer.depths[0]?.tokens ?? []).map((_, at) => visible(of.pieces[first + at] ?? '')),
        ],
        rows: answer.depths.map(({ tokens }, depth) => [
          stand(answer.depths, depth),
          ...tokens.map(({ top }, at) => {
            const guess = top[0];
            return guess
              ? h(
                  'span',
                  null,
                  look(answer.pieces, guess.id),
                  ' ',
                  shown(guess, depth === last ? first + at : null),
                )
              : '';
          }),
        ]),
      };
    }

    return {
      async draw(of) {
        const columns = Math.min(of.ids.length, COLUMNS);
        // The chosen token stands near the right, so that one sees what led to it.
        const first = Math.max(0, Math.min(of.token - columns + 3, of.ids.length - columns));
        const apart = of.more['depths.halves'] === '1';
        const body = { ...question(of), first, count: columns, halves: apart, most: GUESSES };
        const answer = await once([body, of.about.step], (signal) =>
          ask('depths', body, { signal }),
        );
        const last = answer.depths.length - 1;
        const row = Math.max(0, Math.min(last, Number(of.more['depths.at'] ?? last) || 0));
        asked = { of, answer, first, row };
        halves.checked = apart;
        next.show(of, answer);
        drawGrid(asked);
        drawOpened(asked);
        parts.caption(...sentence(asked));
        const guess = answer.depths[row]?.tokens[of.token - first]?.top[0];
        if (guess) {
          parts.say(
            `${stand(answer.depths, row)}, after ${word(of.pieces[of.token] ?? '')}, the likeliest next word is ${word(answer.pieces[guess.id] ?? '')}.`,
          );
        }
      },
    };
  },
};

/**
 * A probability; that of the deepest row is the model's own, and says where it stands.
 * @param {Ranked} next
 * @param {number | null} token
 */
function shown({ id, probability }, token) {
  return share(
    probability,
    token === null ? {} : { site: 'probabilities', index: `${token},${id}` },
  );
}

/** Where a depth is read. @param {Depth[]} depths @param {number} at */
function stand(depths, at) {
  const site = depths[at]?.site ?? '';
  if (at === 0) return 'before layer 0';
  const layer = site.match(/blocks\.(\d+)\./)?.[1] ?? '';
  const half = site.endsWith('resid_mid') ? ' attention' : '';
  return `after layer ${layer}${half}`;
}

/**
 * Whether the embedding read back says the token that it came from, in a model with one table for both.
 * @param {Guess | undefined} guess
 * @param {Selection} of
 */
function echoes(guess, of) {
  return of.about.tied && guess?.top[0]?.id === of.ids[of.token];
}

/** @param {Guess | undefined} guess */
function place(guess) {
  return guess ? count(guess.of.rank) : '';
}

/**
 * The caption: from which depth on the next word is first.
 * @param {Asked} asked
 * @returns {import('../kit/dom.js').Child[]}
 */
function sentence({ of, answer, first }) {
  const { depths, pieces } = answer;
  const ranks = depths.map(({ tokens }) => tokens[of.token - first]?.of.rank ?? 0);
  const last = ranks.length - 1;
  let from = last + 1;
  while (from > 0 && ranks[from - 1] === 1) from -= 1;
  const next = said(pieces, answer.of);
  const start = [
    ' Read straight from the embedding it would be number ',
    h('strong', null, number(ranks[0] ?? 0, { digits: 0 })),
    ` of ${count(of.about.vocabulary)}.`,
  ];
  const after = mention(of.token, of.pieces[of.token] ?? '');
  if (from > last) {
    return [
      'After ',
      after,
      ', the word ',
      next,
      ' ends as number ',
      h('strong', null, number(ranks[last] ?? 0, { digits: 0 })),
      '.',
      ...start,
    ];
  }
  const when =
    from === 0
      ? 'at every depth: the embedding alone already says it'
      : from === last
        ? 'only at the very end'
        : `from “${stand(depths, from)}” on`;
  return [
    'After ',
    after,
    ', the word ',
    next,
    ` is first ${when}.`,
    ...(from === 0 ? [] : start),
    ...(echoes(depths[0]?.tokens[of.token - first], of)
      ? [
          ' Before layer 0 it says ',
          mention(of.token, of.pieces[of.token] ?? ''),
          ' itself: the table that is compared with is the table that the vector came from.',
        ]
      : []),
  ];
}
