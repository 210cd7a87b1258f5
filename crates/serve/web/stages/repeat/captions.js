/**
 * What is said about a text: the caption's sentences, and the table twin.
 */

import { visible } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { chance, quoted } from '../sampling.js';
import { millions, milliseconds } from './cost.js';
import { path } from './tree.js';

/** @typedef {import('./tree.js').Node} TextNode */
/** @typedef {import('./tree.js').Token} Token */
/** @typedef {import('./tree.js').Turn} Turn */
/** @typedef {import('./cost.js').Begin} Begin */

/**
 * What the caption is about.
 * @typedef {object} Told
 * @property {TextNode} cursor
 * @property {Begin} begin
 * @property {string} finish     why the writing ended, as the program calls it
 * @property {string} chain      the chain in words
 * @property {boolean} isGreedy  whether it always takes the likeliest
 * @property {number} leaves     texts that end somewhere
 */

/** @param {Told} told @returns {(Node | string)[]} */
export function caption({ cursor, begin, finish, chain, isGreedy, leaves }) {
  const turn = cursor.turn ?? cursor.parent?.turn;
  if (!turn) return [];
  const drawn = turn.alternatives.find((one) => one.id === turn.drawn);
  const forgotten = { context: begin.context, count: turn.forgotten };
  const choice = cursor.turn &&
    drawn && { chain, next: quoted(drawn.piece), share: chance(drawn.probability) };
  return sentences(
    finish === 'stop'
      ? message('repeat.caption.stop')
      : finish === 'length'
        ? message('repeat.caption.length')
        : null,
    choice
      ? isGreedy
        ? message('repeat.caption.greedy', choice)
        : message('repeat.caption.dice', choice)
      : null,
    ...cost(turn),
    !turn.forgotten
      ? null
      : begin.prompt[0]?.is_special
        ? message('repeat.caption.forgotten.special', forgotten)
        : message('repeat.caption.forgotten', forgotten),
    leaves > 1 ? message('repeat.caption.branches', { count: leaves }) : null,
    begin.rendered === null
      ? null
      : message('repeat.caption.template', { count: begin.prompt.length }),
  );
}

/** What the cache saved at a token. @param {Turn} turn */
function cost({ afresh, ...turn }) {
  const read = { count: turn.read, time: milliseconds(turn.milliseconds) };
  if (!afresh) return turn.known === 0 ? [message('repeat.caption.nothing-held', read)] : [];
  const [work, time] = [
    afresh.multiplications / turn.multiplications,
    afresh.milliseconds / turn.milliseconds,
  ];
  return [
    message('repeat.caption.times', {
      ...read,
      all: turn.known + turn.read,
      without: milliseconds(afresh.milliseconds),
    }),
    afresh.differ === 0
      ? message('repeat.caption.same')
      : message('repeat.caption.differ', { count: afresh.differ }),
    message('repeat.caption.work', {
      multiplications: millions(turn.multiplications),
      without: millions(afresh.multiplications),
      times: number(work, { digits: 1 }),
    }),
    time < 0.5 * work ? message('repeat.caption.fixed-time') : null,
  ];
}

/** @param {TextNode} cursor @param {Begin | null} begin */
export function twin(cursor, begin) {
  if (!begin) return null;
  const nodes = path(cursor);
  return {
    caption: messageText('repeat.table'),
    head: [
      messageText('common.token'),
      messageText('common.id'),
      messageText('common.probability'),
      messageText('repeat.after'),
      messageText('repeat.cost.with'),
      messageText('repeat.cost.without'),
    ],
    rows: nodes.map((node) => {
      const token = /** @type {Token} */ (node.token);
      const one = node.parent?.turn?.alternatives.find(({ id }) => id === token.id);
      return [
        visible(token.piece),
        String(token.id),
        one ? chance(one.probability) : '',
        one ? (one.after === null ? messageText('sample.taken-away') : chance(one.after)) : '',
        node.turn ? milliseconds(node.turn.milliseconds) : '',
        node.turn?.afresh ? milliseconds(node.turn.afresh.milliseconds) : '',
      ];
    }),
  };
}
