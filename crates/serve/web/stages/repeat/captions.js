/**
 * What is said about a text: the caption's sentences, and the table twin.
 */

import { visible } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { count, number } from '../../kit/number.js';
import { chance, quoted } from '../sampling.js';
import { millions, milliseconds } from './cost.js';
import { path } from './tree.js';

/** @typedef {import('./tree.js').Node} TextNode */
/** @typedef {import('./tree.js').Token} Token */
/** @typedef {import('./cost.js').Begin} Begin */

/**
 * @param {TextNode} cursor
 * @param {Begin} begin
 * @param {string} finish
 * @param {string} chain
 * @param {number} leaves
 */
export function caption(cursor, begin, finish, chain, leaves) {
  const turn = cursor.turn ?? cursor.parent?.turn;
  if (!turn) return [];
  const drawn = turn.alternatives.find((one) => one.id === turn.drawn);
  const { afresh } = turn;
  return [
    finish === 'stop'
      ? [
          'The text ended with a token that ends texts (finish reason ',
          h('code', null, 'stop'),
          '). ',
        ]
      : finish === 'length'
        ? [
            'It stopped after as many tokens as were asked for (finish reason ',
            h('code', null, 'length'),
            '); play writes on. ',
          ]
        : null,
    cursor.turn && drawn
      ? [
          chain.startsWith('always') ? 'The chain (' : 'The dice (',
          chain,
          '; set in the figure above) ',
          chain.startsWith('always') ? 'takes ' : 'fall on ',
          quoted(drawn.piece),
          ', to which the model gives ',
          chance(drawn.probability),
          '. ',
        ]
      : null,
    afresh
      ? [
          'With the cache the model read ',
          count(turn.read),
          turn.read === 1 ? ' token' : ' tokens',
          ' in ',
          milliseconds(turn.milliseconds),
          '; without it, all ',
          count(turn.known + turn.read),
          ' in ',
          milliseconds(afresh.milliseconds),
          '. ',
          afresh.differ === 0
            ? 'Both gave the same logits, bit for bit. '
            : [h('strong', null, `${count(afresh.differ)} logits differ, which must not be. `)],
          'That took ',
          millions(turn.multiplications),
          ' and ',
          millions(afresh.multiplications),
          ' multiplications, ',
          number(afresh.multiplications / turn.multiplications, { digits: 1 }),
          ' times as many without it. ',
          afresh.milliseconds / turn.milliseconds <
          (0.5 * afresh.multiplications) / turn.multiplications
            ? 'The time shows less of that, since part of it is the same for one token as for many: to start the work, and to fetch the weights. '
            : null,
        ]
      : turn.known === 0
        ? [
            'The model read all ',
            count(turn.read),
            turn.read === 1 ? ' token' : ' tokens',
            ' in ',
            milliseconds(turn.milliseconds),
            '. The cache held nothing of this text before, so it could save nothing yet. ',
          ]
        : null,
    turn.forgotten
      ? [
          'The context of ',
          count(begin.context),
          ' positions ran full: the ',
          count(turn.forgotten),
          ' oldest tokens are forgotten, and what is left was read again from position 0. This happens once every half context',
          begin.prompt[0]?.is_special ? '; the token that begins the text stays. ' : '. ',
        ]
      : null,
    leaves > 1
      ? `${count(leaves)} texts share what they have in common: a branch lists the same pages, and copies one only to write in it. Whether a page was kept or read again changes no bit. `
      : null,
    begin.rendered === null
      ? null
      : `The chat template made ${count(begin.prompt.length)} tokens of what you typed, special ones among them; that is what the model reads. `,
  ].flat(3);
}

/** @param {TextNode} cursor @param {Begin | null} begin */
export function twin(cursor, begin) {
  if (!begin) return null;
  const nodes = path(cursor);
  return {
    caption: 'The tokens written, how likely the model found each, and how long each took',
    head: ['token', 'id', 'probability', 'after the chain', 'with the cache', 'without it'],
    rows: nodes.map((node) => {
      const token = /** @type {Token} */ (node.token);
      const one = node.parent?.turn?.alternatives.find(({ id }) => id === token.id);
      return [
        visible(token.piece),
        String(token.id),
        one ? chance(one.probability) : '',
        one ? (one.after === null ? 'taken away' : chance(one.after)) : '',
        node.turn ? milliseconds(node.turn.milliseconds) : '',
        node.turn?.afresh ? milliseconds(node.turn.afresh.milliseconds) : '',
      ];
    }),
  };
}
