/** What the guide says: each step's sentences, and what may be guessed. The answers stand in `answers.js`. */

import { mention, word } from '../kit/chips.js';
import { h } from '../kit/dom.js';
import { message, messageText } from '../kit/messages.js';
import { count } from '../kit/number.js';
import { BANDS, HOT, RUN, WRITTEN } from './steps.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {(Node | string)[]} Sentence */

/** @param {Record<string, string>} pieces @param {number} id */
export const next = (pieces, id) => h('b', { class: 'next-word' }, word(pieces[id] ?? `#${id}`));
/** @param {Selection} of @param {number} at */
export const at = ({ pieces }, at) => mention(at, pieces[at] ?? '');
/** @param {{layer: number, head: number}} of */
export const nameOf = ({ layer, head }) => `${layer}.${head}`;

/**
 * @typedef {object} Words
 * @property {string} title
 * @property {string} text
 * @property {string} figure     what its link is called
 * @property {(of: Selection, told: any) => Sentence} action
 * @property {(of: Selection, told: any) => Sentence} question
 * @property {(of: Selection, told: any) => Record<string, Sentence>} choices
 * @property {(of: Selection, told: any) => string} [part]   what its button switches
 */

/** @type {Record<string, Words>} */
export const WORDS = {
  tokens: {
    title: messageText('guide.tokens.title'),
    text: messageText('guide.tokens.text'),
    figure: messageText('guide.tokens.figure'),
    action: () => message('guide.tokens.action'),
    question: () => message('guide.tokens.question'),
    choices: () => ({
      fewer: message('guide.tokens.fewer'),
      equal: message('guide.tokens.equal'),
      more: message('guide.tokens.more'),
    }),
  },
  vectors: {
    title: messageText('guide.vectors.title'),
    text: messageText('guide.vectors.text'),
    figure: messageText('guide.vectors.figure'),
    action: (of, { pair }) => {
      if (!pair) return message('guide.vectors.action');
      const other = pair[of.token === pair[1] ? 0 : 1];
      return message('guide.vectors.action.pair', { token: at(of, other), place: other + 1 });
    },
    question: (of, { pair }) =>
      pair
        ? message('guide.vectors.question.pair', {
            token: at(of, pair[0]),
            first: pair[0] + 1,
            second: pair[1] + 1,
          })
        : message('guide.vectors.question'),
    choices: (_, { width, vocabulary }) => ({
      same: message('guide.vectors.same'),
      other: message('guide.vectors.other'),
      one: message('guide.vectors.one'),
      width: [count(width)],
      vocabulary: [count(vocabulary)],
    }),
  },
  directions: {
    title: messageText('guide.directions.title'),
    text: messageText('guide.directions.text'),
    figure: messageText('guide.directions.figure'),
    action: () => message('guide.directions.action'),
    question: (_, { sum }) => {
      const [a, b, c] = sum.inputs.map((/** @type {any} */ { piece }) => word(piece));
      return message('guide.directions.question', { a, b, c });
    },
    choices: (_, { others }) => ({
      ...Object.fromEntries(
        others.map((/** @type {any} */ { id, piece }) => [`#${id}`, [word(piece)]]),
      ),
      input: message('guide.directions.input'),
    }),
  },
  context: {
    title: messageText('guide.context.title'),
    text: messageText('guide.context.text'),
    figure: messageText('guide.context.figure'),
    action: () => message('guide.context.action'),
    question: (of) => message('guide.context.question', { token: at(of, of.token) }),
    choices: () => ({
      none: message('guide.context.none'),
      some: message('guide.context.some'),
      all: message('guide.context.all'),
    }),
  },
  weights: {
    title: messageText('guide.weights.title'),
    text: messageText('guide.weights.text'),
    figure: messageText('guide.weights.figure'),
    action: () => message('guide.weights.action'),
    question: (of) =>
      message('guide.weights.question', { token: at(of, of.token), head: nameOf(of) }),
    choices: (of) => ({
      self: message('guide.weights.self'),
      before: message('guide.weights.before'),
      first: message('guide.weights.first'),
      other: message(of.token > 1 ? 'guide.weights.another' : 'guide.weights.later'),
    }),
  },
  sum: {
    title: messageText('guide.sum.title'),
    text: messageText('guide.sum.text'),
    figure: messageText('guide.sum.figure'),
    action: () => message('guide.sum.action'),
    question: (of) => message('guide.sum.question', { token: at(of, of.token), head: nameOf(of) }),
    choices: () => ({ same: message('guide.sum.yes'), other: message('guide.sum.no') }),
  },
  mlp: {
    title: messageText('guide.mlp.title'),
    text: messageText('guide.mlp.text'),
    figure: messageText('guide.mlp.figure'),
    action: () => message('guide.mlp.action'),
    question: (of, { stream, pieces }) =>
      message('guide.mlp.question', { next: next(pieces, stream.of), token: at(of, of.token) }),
    choices: () => ({
      attention: message('guide.mlp.attention'),
      mlp: message('guide.mlp.mlp'),
    }),
  },
  probabilities: {
    title: messageText('guide.probabilities.title'),
    text: messageText('guide.probabilities.text'),
    figure: messageText('guide.probabilities.figure'),
    action: () => message('guide.probabilities.action'),
    question: (of) => message('guide.probabilities.question', { token: at(of, of.token) }),
    choices: () => {
      const [low = '', middle = '', high = ''] = BANDS.map((end) => `${100 * end} %`);
      return {
        0: message('guide.probabilities.below', { end: low }),
        1: message('guide.probabilities.between', { from: low, to: middle }),
        2: message('guide.probabilities.between', { from: middle, to: high }),
        3: message('guide.probabilities.above', { end: high }),
      };
    },
  },
  sampling: {
    title: messageText('guide.sampling.title'),
    text: messageText('guide.sampling.text'),
    figure: messageText('guide.sampling.figure'),
    action: () => message('guide.sampling.action'),
    question: (_, { first }) =>
      message('guide.sampling.question', {
        next: h('b', { class: 'next-word' }, word(first.piece)),
        temperature: HOT,
      }),
    choices: () => ({
      likelier: message('guide.sampling.likelier'),
      less: message('guide.sampling.less'),
      equal: message('guide.sampling.equal'),
    }),
  },
  repeat: {
    title: messageText('guide.repeat.title'),
    text: messageText('guide.repeat.text'),
    figure: messageText('guide.repeat.figure'),
    action: () => message('guide.repeat.action'),
    question: () => message('guide.repeat.question', { tokens: WRITTEN, run: RUN }),
    choices: () => ({
      again: message('guide.repeat.again'),
      new: message('guide.repeat.new'),
      end: message('guide.repeat.end'),
    }),
  },
  order: {
    title: messageText('guide.order.title'),
    text: messageText('guide.order.text'),
    figure: messageText('guide.order.figure'),
    part: () => messageText('guide.order.part'),
    action: () => message('guide.order.action'),
    question: (of, { before, pieces }) =>
      message('guide.order.question', { next: next(pieces, before.id), token: at(of, of.token) }),
    choices: () => ({
      stays: message('guide.order.stays'),
      another: message('guide.order.another'),
    }),
  },
  heads: {
    title: messageText('guide.heads.title'),
    text: messageText('guide.heads.text'),
    figure: messageText('guide.heads.figure'),
    part: (_, { head }) => messageText('guide.heads.part', { head: nameOf(head) }),
    action: (_, { head }) => message('guide.heads.action', { head: nameOf(head) }),
    question: (_, { head, isFound, heads, before, pieces }) =>
      message(isFound ? 'guide.heads.question.found' : 'guide.heads.question', {
        head: nameOf(head),
        heads,
        next: next(pieces, before.id),
      }),
    choices: () => ({
      stays: message('guide.heads.stays'),
      falls: message('guide.heads.falls'),
      another: message('guide.heads.another'),
    }),
  },
};
