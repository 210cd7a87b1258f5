/**
 * The logit lens: the final norm and the unembedding on the residual stream after each layer.
 *
 * In the address: `depths.at`, the opened row; `depths.halves`, attention and MLP apart.
 */

import { mention, visible, word } from '../kit/chips.js';
import { ask, ProgramError, UnreachableError } from '../kit/client.js';
import { fill, h, sideways } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count } from '../kit/number.js';
import { views } from '../kit/views.js';
import { opensOn } from './example.js';
import { caption, rowName, stand } from './logit_lens/captions.js';
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
  UNCERTAIN,
} from './logits/word.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{id: number, rank: number, logit: number, probability: number}} Ranked */
/** @typedef {{top: Ranked[], of: Ranked}} Guess */
/** @typedef {{site: string, tokens: Guess[]}} Depth */
/** @typedef {{of: number, candidates: number[], pieces: Record<string, string>, depths: Depth[]}} Answer */
/** @typedef {Map<number, Guess[]>} Columns  by token that was read: its predictions, by depth */

/**
 * What the figure is drawn from.
 * @typedef {object} Asked
 * @property {Selection} of
 * @property {Answer} answer    about the chosen token
 * @property {Columns} columns
 * @property {number} first     the first token that is shown
 * @property {number} count     and how many are
 * @property {number} row       the opened depth
 */

/** Tokens shown at once, the fewest and the most; pixels of a column, and of the rows' labels. */
const [MIN_TOKENS, MAX_TOKENS, COLUMN, LABELS] = [2, 12, 112, 160];
/** Pixels of the rows' labels and of a column on a narrow screen. @type {[number, number]} */
const NARROW = [125, 100];
/** Next tokens listed for the opened cell. */
const GUESSES = 10;
/** Further tokens of one request: each costs a whole unembedding at every site. */
const TOKENS_PER_REQUEST = 3;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'logit_lens',
  mount(root, page) {
    /** @type {Asked | null} */
    let asked = null;
    const parts = figure(root, { title: messageText('logit_lens.title'), table });
    const grid = h('div', { class: 'logit-lens-grid', 'data-roving': '' });
    sideways(grid);
    const opened = h('div', {
      class: 'logit-lens-opened',
      'aria-live': 'polite',
      'data-roving': '',
    });
    const choice = views({
      name: messageText('logit_lens.views'),
      views: [
        { name: 'grid', label: messageText('logit_lens.views.grid'), node: grid },
        { name: 'opened', label: messageText('logit_lens.views.opened'), node: opened },
      ],
    });
    fill(parts.body, choice.node, h('div', { class: 'logit-lens-both' }, grid, opened));
    const halves = h('input', {
      type: 'checkbox',
      onchange: () => page.set({ 'depths.halves': halves.checked, 'depths.at': null }),
    });
    const next = chooser(page, messageText('next-word.chooser'));
    const example = opensOn(page, 'next-words', UNCERTAIN);
    parts.controls.append(
      next.node,
      h('label', { class: 'choice' }, halves, h('span', null, message('logit_lens.halves'))),
      example.node,
    );
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();

    /** What was read of this text, and which text that is. @type {Columns} */
    let columns = new Map();
    let columnsOf = '';

    /** @param {Asked} now */
    function drawGrid({ of, answer, columns, first, count, row }) {
      const { depths, pieces } = answer;
      const last = depths.length - 1;
      const own = columns.get(of.token) ?? [];
      const tokens = Array.from({ length: count }, (_, at) => first + at);
      const cell = (/** @type {number} */ depth, /** @type {number} */ token) => {
        const guess = columns.get(token)?.[depth]?.top[0];
        if (!guess) return h('td', { class: 'logit-lens-waiting' }, '·');
        const isPicked = depth === row && token === of.token;
        return h(
          'td',
          null,
          h(
            'button',
            {
              type: 'button',
              class: `logit-lens-cell ${isPicked ? 'is-picked' : ''} ${guess.id === answer.of ? 'is-next' : ''}`,
              'data-key': `${depth},${token}`,
              'aria-pressed': String(isPicked),
              // At most so dark that ink can be read on it, in both themes.
              style: {
                background: `color-mix(in srgb, var(--ink) ${30 * guess.probability}%, var(--paper))`,
              },
              onclick: () => page.set({ token, 'depths.at': depth === last ? null : depth }),
            },
            spoken(
              messageText('logit_lens.cell', {
                depth: stand(depths, depth),
                token: word(of.pieces[token] ?? ''),
              }),
            ),
            ' ',
            h('span', { class: 'logit-lens-word' }, look(pieces, guess.id)),
            shown(guess, depth === last ? token : null),
          ),
        );
      };
      refill(
        grid,
        h(
          'table',
          { class: `logit-lens-table ${depths.length > 16 ? 'is-deep' : ''}` },
          h(
            'thead',
            null,
            h(
              'tr',
              null,
              h('td'),
              h(
                'th',
                { scope: 'col', class: 'logit-lens-rank' },
                message('logit_lens.rank', { next: said(pieces, answer.of) }),
              ),
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
            depths.map((_, at) =>
              h(
                'tr',
                { class: at === last ? 'is-last' : '' },
                h('th', { scope: 'row' }, rowName(depths, at)),
                h('td', { class: 'logit-lens-rank number' }, place(own[at])),
                tokens.map((token) => cell(at, token)),
              ),
            ),
          ),
        ),
      );
    }

    /** Scrolls to the opened cell, where the grid does not fit. */
    function reveal() {
      const cell = grid.querySelector('.is-picked');
      if (!cell) return;
      const [at, frame] = [cell.getBoundingClientRect(), grid.getBoundingClientRect()];
      grid.scrollLeft = Math.max(0, grid.scrollLeft + at.right - frame.left - grid.clientWidth);
      const below = at.bottom - frame.top - grid.clientHeight;
      if (below > 0) grid.scrollTop += below;
    }

    /** @param {Asked} now */
    function drawOpened({ of, answer, columns, row }) {
      const { depths, pieces } = answer;
      const guess = columns.get(of.token)?.[row];
      if (!guess) return;
      const most = guess.top[0]?.probability ?? 1;
      const isLast = row === depths.length - 1;
      const line = (/** @type {Ranked} */ next) =>
        h(
          'tr',
          null,
          h('th', { scope: 'row' }, pick(page, pieces, next.id, next.id === answer.of)),
          h('td', { class: 'logit-lens-bar' }, barCell(next.probability, most)),
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
            message('logit_lens.place', {
              depth: stand(depths, row),
              token: mention(of.token, of.pieces[of.token] ?? ''),
            }),
          ),
          h('tbody', null, guess.top.slice(0, GUESSES).map(line)),
        ),
      );
    }

    function table() {
      if (!asked) return null;
      const { of, answer, columns, first, count } = asked;
      const last = answer.depths.length - 1;
      const tokens = Array.from({ length: count }, (_, at) => first + at);
      return {
        caption: messageText('logit_lens.table'),
        head: [
          messageText('logit_lens.table.read'),
          ...tokens.map((token) => visible(of.pieces[token] ?? '')),
        ],
        rows: answer.depths.map((_, depth) => [
          stand(answer.depths, depth),
          ...tokens.map((token) => {
            const guess = columns.get(token)?.[depth]?.top[0];
            return guess
              ? h(
                  'span',
                  null,
                  look(answer.pieces, guess.id),
                  ' ',
                  shown(guess, depth === last ? token : null),
                )
              : '…';
          }),
        ]),
      };
    }

    /**
     * Requests the predictions at the other tokens, the rightmost first, and draws each answer.
     * @param {Asked} now
     * @param {boolean} halves
     * @param {AbortSignal} signal
     */
    async function requestOthers(now, halves, signal) {
      const { of, answer, first, count } = now;
      const missing = Array.from({ length: count }, (_, at) => first + at)
        .filter((token) => !now.columns.has(token))
        .reverse();
      grid.classList.toggle('is-reading', missing.length > 0);
      try {
        while (missing.length > 0 && !signal.aborted) {
          // One request is about tokens that stand side by side.
          const [to = 0] = missing;
          const some = missing.filter((token) => to - token < TOKENS_PER_REQUEST);
          missing.splice(0, some.length);
          const from = Math.min(...some);
          const body = { ...question(of), of: answer.of, first: from, count: to - from + 1 };
          /** @type {Answer} */
          const more = await ask('depths', { ...body, halves, most: 1 }, { signal });
          for (const token of some)
            now.columns.set(
              token,
              more.depths.flatMap(({ tokens }) => tokens[token - from] ?? []),
            );
          Object.assign(answer.pieces, more.pieces);
          if (asked === now) drawGrid(now);
        }
      } catch (error) {
        // Something else is chosen by now, or the page says that the program does not answer.
        if (
          !signal.aborted &&
          !(error instanceof UnreachableError || error instanceof ProgramError)
        )
          throw error;
      }
      if (asked === now) grid.classList.remove('is-reading');
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const [labels, column] = grid.clientWidth < 480 ? NARROW : [LABELS, COLUMN];
        const room = Math.floor((grid.clientWidth - labels) / column);
        const count = Math.min(of.ids.length, Math.max(MIN_TOKENS, Math.min(MAX_TOKENS, room)));
        // The chosen token stands near the right, so that one sees what led to it.
        const after = Math.min(2, Math.floor((count - 1) / 3));
        const first = Math.max(0, Math.min(of.token + after + 1, of.ids.length) - count);
        const apart = of.more['depths.halves'] === '1';
        const body = { ...question(of), first: of.token, count: 1, halves: apart, most: GUESSES };
        const answer = await once([body, of.about.step], (signal) =>
          ask('depths', body, { signal }),
        );
        const last = answer.depths.length - 1;
        const row = Math.max(0, Math.min(last, Number(of.more['depths.at'] ?? last) || 0));
        const text = JSON.stringify([
          of.model,
          of.prompt,
          of.chat,
          of.about.step,
          of.changes,
          apart,
        ]);
        if (columnsOf !== text) columns = new Map();
        columnsOf = text;
        columns.set(
          of.token,
          answer.depths.flatMap(({ tokens }) => tokens[0] ?? []),
        );
        asked = { of, answer, columns, first, count, row };
        halves.checked = apart;
        next.show(of, answer);
        drawGrid(asked);
        reveal();
        drawOpened(asked);
        parts.caption(caption(asked));
        requestOthers(asked, apart, signal);
        const guess = answer.depths[row]?.tokens[0]?.top[0];
        if (guess) {
          parts.say(
            messageText('logit_lens.said', {
              depth: stand(answer.depths, row),
              token: word(of.pieces[of.token] ?? ''),
              next: word(answer.pieces[guess.id] ?? ''),
            }),
          );
        }
      },
    };
  },
};

/**
 * A probability; that after the last layer is the model's own, and carries its site and index.
 * @param {Ranked} next
 * @param {number | null} token
 */
function shown({ id, probability }, token) {
  const place = token === null ? {} : { site: 'probabilities', index: `${token},${id}` };
  return share(probability, place);
}

/** @param {Guess | undefined} guess */
function place(guess) {
  return guess ? count(guess.of.rank) : '';
}
