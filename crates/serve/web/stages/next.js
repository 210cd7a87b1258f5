/**
 * The next token's logits and probabilities: the likeliest, any other by search, all as a curve.
 *
 * In the address: `next`, the picked one (see `logits/word.js`); `next.find`, what is searched for;
 * `next.why`, 1 where it stands beside the picked one why (see `why/brief.js`).
 */

import { outlook } from '../kit/changes/effect.js';
import { mention, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count, format, number } from '../kit/number.js';
import { sentences } from '../kit/sentences.js';
import { views } from '../kit/views.js';
import { opensOn } from './example.js';
import {
  barCell,
  look,
  pick,
  picked,
  question,
  refill,
  remembering,
  said,
  share,
  UNCERTAIN,
} from './logits/word.js';
import { curve } from './next/curve.js';
import { brief } from './why/brief.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{id: number, rank: number, logit: number, probability: number}} Ranked */
/** @typedef {Ranked & {held: number}} Point */

/**
 * @typedef {object} Answer
 * @property {Record<string, string>} pieces
 * @property {Ranked[]} top
 * @property {Ranked | null} of
 * @property {Ranked | null} follows
 * @property {{tokens: Ranked[], all: number, written: number[]} | null} found
 * @property {Point[]} curve
 * @property {number} entropy
 * @property {number} as_open_as
 * @property {{share: number, tokens: number}[]} holding
 * @property {number} vocabulary
 */

/** How many of the likeliest are listed. */
const MOST = 20;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'next',
  mount(root, page) {
    /** @type {{of: Selection, answer: Answer} | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('next.title'), table });
    const example = opensOn(page, 'next-words', UNCERTAIN);
    parts.controls.append(example.node);
    const list = h('div', { class: 'next-list', 'data-roving': '' });
    const found = h('div', { class: 'next-found', 'aria-live': 'polite', 'data-roving': '' });
    const line = curve();
    const why = brief(page);
    const search = h('input', {
      type: 'search',
      placeholder: messageText('next.search.placeholder'),
      spellcheck: 'false',
      autocomplete: 'off',
      'aria-label': messageText('next.search.name'),
      oninput: () => page.set({ 'next.find': search.value === '' ? null : search.value }),
    });
    const side = h(
      'div',
      { class: 'next-side' },
      h('label', { class: 'next-search' }, h('span', null, message('next.search')), search),
      found,
      line.node,
    );
    const shown = views({
      name: messageText('next.views'),
      views: [
        { name: 'list', label: messageText('next.views.list'), node: list },
        { name: 'curve', label: messageText('next.views.curve'), node: side },
      ],
    });
    fill(parts.body, shown.node, h('div', { class: 'next-both' }, list, side));
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();
    const both = parts.body.querySelector('.next-both');
    both?.append(why.node);

    /** @param {Ranked} next @param {Selection} of */
    const probability = ({ id, probability }, of) =>
      share(probability, { site: 'probabilities', index: `${of.token},${id}` });
    /** What it was without changes. @param {Ranked} next @param {Selection} of @param {Float32Array | null} before */
    const was = ({ id, probability }, of, before) => {
      const earlier = before?.[id];
      if (earlier === undefined) return null;
      const [said, now] = [earlier, probability].map((of) => format(of, { percent: true }));
      if (said === now) return null;
      const index = `${of.token},${id}`;
      const place = { site: 'probabilities', index, isBefore: true };
      return h('span', { class: 'was' }, share(earlier, place), ' → ');
    };
    /** @param {Ranked} next @param {Selection} of */
    const logit = ({ id, logit }, of) =>
      number(logit, { site: 'logits', index: `${of.token},${id}`, digits: 2 });

    /**
     * @param {Selection} of
     * @param {Answer} answer
     * @param {Float32Array | null} before  every token's probability without changes, where there are some
     */
    function drawList(of, { top, pieces, follows, of: own }, before) {
      const most = Math.max(top[0]?.probability ?? 1, ...top.map(({ id }) => before?.[id] ?? 0));
      const shown = own ?? top[0];
      const row = (/** @type {Ranked} */ next) =>
        h(
          'tr',
          next.id === follows?.id ? { class: 'is-text', title: messageText('next.follows') } : null,
          h('td', { class: 'number next-rank' }, count(next.rank)),
          h('th', { scope: 'row' }, pick(page, pieces, next.id, next.id === shown?.id)),
          h(
            'td',
            { class: 'next-bar' },
            barCell(next.probability, most, { before: before?.[next.id] }),
          ),
          h('td', null, was(next, of, before), probability(next, of)),
          h('td', { class: 'next-logit' }, logit(next, of)),
        );
      const others = [own, follows].filter((next) => next !== null && next.rank > top.length);
      others.sort((a, b) => (a?.rank ?? 0) - (b?.rank ?? 0));
      // The picked one may be what the text goes on with.
      const apart = others.filter((next, at) => next?.id !== others[at - 1]?.id);
      refill(
        list,
        h(
          'table',
          null,
          h(
            'thead',
            null,
            h(
              'tr',
              null,
              [
                '',
                messageText('next.head.token'),
                '',
                messageText('common.probability'),
                messageText('common.logit'),
              ].map((cell) => (cell ? h('th', { scope: 'col' }, cell) : h('td'))),
            ),
          ),
          h('tbody', null, top.map(row)),
          apart.length
            ? h(
                'tbody',
                { class: 'next-apart' },
                apart.map((next) => next && row(next)),
              )
            : null,
        ),
      );
    }

    /** The button beside the picked word. @param {Selection} of */
    function asksWhy(of) {
      const isOpen = of.more['next.why'] === '1';
      return h(
        'button',
        {
          type: 'button',
          class: 'next-why',
          'data-key': 'why',
          'aria-expanded': String(isOpen),
          onclick: () => page.set({ 'next.why': !isOpen }),
        },
        message('next.why'),
      );
    }

    /** @param {Selection} of @param {Answer} answer */
    function drawFound(of, { found: finds, pieces, vocabulary }) {
      if (!finds) return fill(found);
      const own = picked(of);
      const rows = finds.tokens.map((next) =>
        h(
          'tr',
          null,
          h('th', { scope: 'row' }, pick(page, pieces, next.id, next.id === own)),
          h('td', { class: 'number' }, message('next.found.rank', { rank: next.rank })),
          h('td', null, probability(next, of)),
          h('td', { class: 'next-logit' }, logit(next, of)),
        ),
      );
      const more = finds.all - finds.tokens.length;
      const written = finds.written.flatMap((id) => [pick(page, pieces, id, id === own), ' ']);
      refill(
        found,
        finds.tokens.length ? h('table', null, h('tbody', null, rows)) : null,
        more > 0 ? h('p', null, message('next.found.more', { count: more })) : null,
        written.length
          ? h(
              'p',
              null,
              finds.tokens.length
                ? message('next.found.written', { written })
                : message('next.found.only-written', { vocabulary, written }),
            )
          : finds.tokens.length
            ? null
            : h('p', null, message('next.found.none', { vocabulary })),
      );
    }

    function table() {
      if (!drawn) return null;
      const { of, answer } = drawn;
      return {
        caption: messageText('next.table', { token: word(of.pieces[of.token] ?? '') }),
        head: [
          messageText('common.token'),
          messageText('common.id'),
          messageText('next.table.rank'),
          messageText('common.logit'),
          messageText('common.probability'),
        ],
        rows: answer.top.map((next) => [
          look(answer.pieces, next.id),
          String(next.id),
          String(next.rank),
          logit(next, of),
          probability(next, of),
        ]),
      };
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const find = of.more['next.find'] ?? '';
        const body = { ...question(of), most: MOST, find };
        const [answer, before] = await Promise.all([
          once([body, of.about.step], (signal) => ask('next', body, { signal })),
          of.changes.length ? outlook(of, { signal, unchanged: true }) : null,
        ]);
        drawn = { of, answer };
        if (document.activeElement !== search) search.value = find;
        drawList(of, answer, before?.row ?? null);
        drawFound(of, answer);
        line.draw(of, answer);
        const asked = of.more['next.why'] === '1' ? (answer.of ?? answer.top[0]) : undefined;
        list.querySelector('.next-pick[aria-pressed="true"]')?.after(asksWhy(of));
        both?.classList.toggle('is-why', asked !== undefined);
        why.draw(of, asked?.id ?? null, signal);
        parts.title(
          message('next.title-of', { token: mention(of.token, of.pieces[of.token] ?? '') }),
        );
        parts.caption(caption(of, answer));
        const first = answer.top[0];
        if (first) {
          parts.say(
            messageText('next.said', {
              token: word(of.pieces[of.token] ?? ''),
              next: word(answer.pieces[first.id] ?? ''),
              share: format(first.probability, { percent: true }),
            }),
          );
        }
      },
    };
  },
};

/**
 * The caption: the likeliest, how open the choice is, and what the text itself says next.
 * @param {Selection} of
 * @param {Answer} answer
 * @returns {(Node | string)[]}
 */
function caption(of, answer) {
  const { top, pieces, follows, holding, as_open_as, vocabulary } = answer;
  const first = top[0];
  if (!first) return [];
  const [half, most] = [holding[0]?.tokens ?? 0, holding[1]?.tokens ?? 0];
  const part = (/** @type {Ranked} */ next) =>
    share(next.probability, { site: 'probabilities', index: `${of.token},${next.id}` });
  const about = {
    token: mention(of.token, of.pieces[of.token] ?? ''),
    next: said(pieces, first.id),
    share: part(first),
  };
  return sentences(
    half > 1
      ? message('next.caption.several', { ...about, half, most, vocabulary })
      : most > 1
        ? message('next.caption.half', { ...about, most, vocabulary })
        : message('next.caption.one', about),
    message('next.caption.open', {
      sides: number(as_open_as, { digits: as_open_as < 10 ? 1 : 0 }),
    }),
    !follows
      ? null
      : follows.rank === 1
        ? message('next.caption.follows-first')
        : message('next.caption.follows', {
            next: said(pieces, follows.id),
            share: part(follows),
            rank: follows.rank,
          }),
  );
}
