/** The sentences of the figure of facts, together. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../facts.js').Answers} Answers */
/** @typedef {import('../facts.js').Off} Off */

/** @param {{pieces: Record<string, string>}} answers @param {number} id */
export function said({ pieces }, id) {
  return h('b', { class: 'next-word' }, word(pieces[id] ?? `#${id}`));
}

/** The part without which the least is left. @param {Off[]} parts */
function worst(parts) {
  return parts.reduce((least, part) => (part.left < least.left ? part : least));
}

/**
 * What is said of the part of its kind without which the least is left.
 * @param {Answers} answers
 * @param {Off} part
 * @param {keyof typeof COSTS} kind
 */
function costs(answers, part, kind) {
  const ids = COSTS[kind];
  const left = number(part.left, { percent: true });
  if (part.left >= answers.probability) return message(ids.nothing, { left });
  const { layer } = part;
  return part.first === answers.id
    ? message(ids.still, { layer, left })
    : message(ids.other, { layer, left, other: said(answers, part.first) });
}

const COSTS = /** @type {const} */ ({
  mlp: {
    still: 'facts.caption.mlp',
    other: 'facts.caption.mlp.other',
    nothing: 'facts.caption.mlp.nothing',
  },
  attention: {
    still: 'facts.caption.attention',
    other: 'facts.caption.attention.other',
    nothing: 'facts.caption.attention.nothing',
  },
});

/**
 * @param {Selection} of
 * @param {Answers} answers
 */
export function caption(of, answers) {
  const { id, probability, mlps, attentions } = answers;
  const mlp = worst(mlps);
  const attention = attentions.length ? worst(attentions) : null;
  const isNeeded = Math.min(mlp.left, attention?.left ?? 1) < probability;
  return sentences(
    message('facts.caption', {
      token: mention(of.token, of.pieces[of.token] ?? ''),
      word: said(answers, id),
      share: number(probability, { percent: true }),
    }),
    costs(answers, mlp, 'mlp'),
    attention ? costs(answers, attention, 'attention') : message('facts.caption.deep'),
    attention && isNeeded
      ? message(
          attention.left < mlp.left ? 'facts.caption.more-attention' : 'facts.caption.more-mlp',
        )
      : null,
    message('facts.caption.needed'),
    message('facts.caption.further'),
  );
}
