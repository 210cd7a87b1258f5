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
import {
  barCell,
  chooser,
  look,
  pick,
  question,
  refill,
  remembering,
  said,
  share,
  spoken,
} from './logits/word.js';

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

/** Tokens shown at once, and the pixels that each takes beside what names the rows. */
const [FEWEST, MOST, COLUMN, NAMES] = [2, 12, 112, 160];
/** Guesses of the opened place. */
const GUESSES = 10;

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
              'data-key': `${depth},${token}`,
              'aria-pressed': String(isPicked),
              // At most so dark that ink can be read on it, in both themes.
              style: {
                background: `color-mix(in srgb, var(--ink) ${30 * guess.probability}%, var(--paper))`,
              },
              onclick: () => page.set({ token, 'depths.at': depth === last ? null : depth }),
            },
            spoken(`${stand(depths, depth)}, after ${word(of.pieces[token] ?? '')}: `),
            h('span', { class: 'depths-word' }, look(pieces, guess.id)),
            shown(guess, depth === last ? token : null, 1),
          ),
        );
      };
      refill(
        grid,
        h(
          'table',
          { class: `depths-table ${depths.length > 16 ? 'is-deep' : ''}` },
          h(
            'thead',
            null,
            h(
              'tr',
              null,
              h('td'),
              h('th', { scope: 'col', class: 'depths-rank' }, 'place of ', said(pieces, answer.of)),
              tokens.map((token) =>
                h(
                  'th',
                  { scope: 'col', class: token === of.token ? 'is-token' : '' },
                  mention(token, of.pieces[token] ?? ''),
                ),
              ),
            ),
          ),
          h(
            'tbody',
            null,
            depths.map((depth, at) =>
              h(
                'tr',
                { class: at === last ? 'is-last' : '' },
                h('th', { scope: 'row' }, stand(depths, at).replace('after ', '')),
                h('td', { class: 'depths-rank number' }, place(depth.tokens[of.token - first])),
                tokens.map((token) => cell(at, token)),
              ),
            ),
          ),
        ),
      );
    }

    /** Scrolls to the opened place, where not all fit. */
    function reveal() {
      const cell = grid.querySelector('.is-picked');
      if (!cell) return;
      const [at, frame] = [cell.getBoundingClientRect(), grid.getBoundingClientRect()];
      grid.scrollLeft = Math.max(0, grid.scrollLeft + at.right - frame.left - grid.clientWidth);
      const below = at.bottom - frame.top - grid.clientHeight;
      if (below > 0) grid.scrollTop += below;
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
      refill(
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
        const room = Math.floor((grid.clientWidth - NAMES) / COLUMN);
        const columns = Math.min(of.ids.length, Math.max(FEWEST, Math.min(MOST, room)));
        // The chosen token stands near the right, so that one sees what led to it.
        const after = Math.min(2, Math.floor((columns - 1) / 3));
        const first = Math.max(0, Math.min(of.token + after + 1, of.ids.length) - columns);
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
        reveal();
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
 * @param {number} [most]  digits
 */
function shown({ id, probability }, token, most) {
  const place = token === null ? {} : { site: 'probabilities', index: `${token},${id}` };
  return share(probability, place, most);
}

/** Where a depth is read. @param {Depth[]} depths @param {number} at */
function stand(depths, at) {
  const site = depths[at]?.site ?? '';
  if (at === 0) return 'before layer 0';
  const layer = site.match(/blocks\.(\d+)\./)?.[1] ?? '';
  const half = site.endsWith('resid_mid') ? ' attn.' : '';
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
