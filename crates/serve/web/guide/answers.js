/** What each step of the guide answers, from the model's numbers. The steps' other sentences stand in `words.js`. */

import { word } from '../kit/chips.js';
import { h } from '../kit/dom.js';
import { message, messageText, sentences } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { COLD, HOT, RUN } from './steps.js';
import { at, nameOf, next } from './words.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./words.js').Sentence} Sentence */

/** A share that belongs to no site, or to a pass that the page does not show. @param {number} value */
const share = (value) => h('strong', null, number(value, { percent: true }));
/** @param {number} value */
const signed = (value) => h('strong', null, number(value, { digits: 2, sign: true }));

/** By the name of the step. @type {Record<string, (of: Selection, told: any) => Sentence>} */
export const ANSWERS = {
  tokens: (_, { words, own, specials }) => {
    const marks = own.filter((/** @type {any} */ { piece }) => !/[\p{L}\p{N}]/u.test(piece));
    const numbers = own.map((/** @type {any} */ { id }) => id);
    return sentences(
      message('guide.tokens.counts', {
        words: messageText('guide.tokens.words', { count: words }),
        tokens: messageText('guide.tokens.tokens', { count: own.length }),
      }),
      marks.length ? message('guide.tokens.marks', { count: marks.length }) : [],
      specials ? message('guide.tokens.specials', { count: specials }) : [],
      numbers.length
        ? message('guide.tokens.numbers', { low: Math.min(...numbers), high: Math.max(...numbers) })
        : [],
    );
  },
  vectors: (_, { pair, width, apart }) =>
    pair === null
      ? message('guide.vectors.width', { count: width })
      : apart === 0
        ? message('guide.vectors.equal', { count: width })
        : message('guide.vectors.apart', { apart: number(apart, { digits: 3 }), width }),
  directions: (_, { sum, ranked, refused }) => {
    const [a, b, c] = sum.inputs.map((/** @type {any} */ { piece }) => word(piece));
    const [first, second] = ranked;
    const nearest = {
      a,
      b,
      c,
      word: h('b', null, word(first.piece)),
      cosine: number(first.cosine),
    };
    return sentences(
      refused
        ? message('guide.directions.refused', {
            problem: refused.charAt(0).toUpperCase() + refused.slice(1),
          })
        : [],
      second
        ? message('guide.directions.nearest.two', {
            ...nearest,
            second: h('b', null, word(second.piece)),
            other: number(second.cosine),
          })
        : message('guide.directions.nearest', nearest),
      message('guide.directions.cosine'),
      first.is_input ? message('guide.directions.stays') : [],
    );
  },
  context: (of, { isFirst, layers, count: many }) => {
    if (isFirst) return message('guide.first');
    const here = layers[of.layer];
    const said = { layer: here.layer, share: share(here.share) };
    return sentences(
      many === layers.length
        ? message('guide.context.in-all', { layers: many })
        : message('guide.context.in-some', { some: many, layers: layers.length }),
      here.most === of.token
        ? message('guide.context.itself', said)
        : message('guide.context.other', { ...said, token: at(of, here.most) }),
      here.share > 1 ? message('guide.context.above') : [],
    );
  },
  weights: (of, { isFirst, isEven, most, weight, site, index, later, behind }) => {
    if (isFirst) return message('guide.first');
    if (isEven)
      return message('guide.weights.equal', { token: at(of, of.token), weight: share(weight) });
    const said = {
      token: at(of, of.token),
      weight: h('strong', null, number(weight, { percent: true, site, index })),
    };
    return sentences(
      most === of.token
        ? message('guide.weights.itself', said)
        : message('guide.weights.most', { ...said, other: at(of, most) }),
      later === 0
        ? []
        : behind === 0
          ? message('guide.weights.masked', { count: later })
          : message('guide.weights.unmasked', { count: later }),
    );
  },
  sum: (of, { isFirst, sources, weighted, longest }) => {
    if (isFirst) return message('guide.first');
    const part = (/** @type {number} */ place) =>
      message('guide.sum.part', {
        token: at(of, place),
        weight: share(sources[place].weight),
        length: number(sources[place].value, { digits: 2 }),
        product: number(sources[place].moves, { digits: 2 }),
      });
    return weighted === longest
      ? message('guide.sum.same', { part: part(weighted) })
      : message('guide.sum.other', { weighted: part(weighted), longest: part(longest) });
  },
  mlp: (_, { stream, pieces }) =>
    message('guide.mlp.answer', {
      attention: signed(stream.attention),
      mlp: signed(stream.mlp),
      before: signed(stream.before),
      next: next(pieces, stream.of),
      logit: number(stream.logit, { digits: 2 }),
    }),
  probabilities: (of, { top, pieces }) => {
    const [first, second] = top;
    const said = { next: next(pieces, first.id), share: share(first.probability) };
    return sentences(
      second
        ? message('guide.probabilities.two', {
            ...said,
            second: next(pieces, second.id),
            other: share(second.probability),
          })
        : message('guide.probabilities.one', said),
      message('guide.probabilities.rest', { vocabulary: of.about.vocabulary }),
    );
  },
  sampling: (_, { first, plain, hot, cold, own }) => {
    const said = {
      next: h('b', { class: 'next-word' }, word(first.piece)),
      plain: share(plain),
      hot: HOT,
      warm: share(hot),
      cold: String(COLD),
      cool: share(cold),
    };
    return sentences(
      own
        ? message('guide.sampling.own', {
            ...said,
            temperature: format(own.temperature, { digits: 2 }),
            share: share(own.share),
          })
        : message('guide.sampling.shares', said),
      message(hot < plain ? 'guide.sampling.changes' : 'guide.sampling.alone'),
    );
  },
  repeat: (_, { written, again, isEnd }) => {
    const said = (/** @type {any[]} */ tokens) =>
      tokens
        .map((token) => token.text || token.piece)
        .join('')
        .trim();
    return sentences(
      message('guide.repeat.writes', { text: said(written) }),
      again
        ? message('guide.repeat.twice', {
            tokens: said(written.slice(again.from, again.from + RUN)),
          })
        : message('guide.repeat.once', { run: RUN }),
      isEnd ? message('guide.repeat.ends') : [],
    );
  },
  order: (_, told) => became(messageText('guide.order.without'), told),
  heads: (_, told) => became(messageText('guide.heads.without', { head: nameOf(told.head) }), told),
};

/** What became of the likeliest next token. @param {string} without @param {any} told @returns {Sentence} */
function became(without, { before, after, first, pieces }) {
  const [was, is] = [before, after].map(({ probability }) =>
    format(probability, { percent: true }),
  );
  const said = {
    without,
    next: next(pieces, before.id),
    before: share(before.probability),
    after: share(after.probability),
    first: next(pieces, first.id),
    share: share(first.probability),
  };
  const isStill = first.id === before.id;
  if (was === is) return message(isStill ? 'guide.stays.still' : 'guide.stays.another', said);
  if (after.probability < before.probability)
    return message(isStill ? 'guide.falls.still' : 'guide.falls.another', said);
  return message(isStill ? 'guide.rises.still' : 'guide.rises.another', said);
}
