/**
 * What was measured of each head: the share of its weights that stands where a kind of head has them, over
 * many sequences of text. Asked for once for a model.
 */

import { ask, ProgramError, UnreachableError } from '../../kit/client.js';
import { messageText } from '../../kit/messages.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */

/**
 * A head's scores, as the program has them (`lookback heads`).
 * @typedef {object} Score
 * @property {number} layer
 * @property {number} head
 * @property {number} previous_token
 * @property {number} duplicate_token
 * @property {number} repeated_induction
 * @property {number} first_token
 * @property {number} current_token
 * @property {number} punctuation
 */

/** @typedef {{heads: Map<string, Score>, sequences: number, tokens: number}} Scores  by `layer.head` */

/**
 * What heads are called by: a score, a name that fits below a small picture, and where such a head looks.
 * @type {{score: keyof Score, name: string, where: string, hue: number}[]}
 */
export const KINDS = [
  {
    score: 'previous_token',
    name: messageText('heads.kind.previous'),
    where: messageText('heads.where.previous'),
    hue: 0,
  },
  {
    score: 'repeated_induction',
    name: messageText('heads.kind.induction'),
    where: messageText('heads.where.induction'),
    hue: 1,
  },
  {
    score: 'duplicate_token',
    name: messageText('heads.kind.duplicate'),
    where: messageText('heads.where.duplicate'),
    hue: 3,
  },
  {
    score: 'current_token',
    name: messageText('heads.kind.itself'),
    where: messageText('heads.where.itself'),
    hue: 2,
  },
  {
    score: 'first_token',
    name: messageText('heads.kind.first'),
    where: messageText('heads.where.first'),
    hue: 7,
  },
  {
    score: 'punctuation',
    name: messageText('heads.kind.marks'),
    where: messageText('heads.where.marks'),
    hue: 4,
  },
];

/** A score from which on a head is called by it. */
const CALLED = 0.3;

/** What is read for it: enough to tell kinds apart, little enough to wait for. */
const [SEQUENCES, TOKENS] = [24, 48];

/** Parameters up to which it is measured unasked: it takes no longer than a glance. */
const QUICK = 5e6;

/** Whether the scores of a model take so long that they are measured when the reader asks. @param {Selection} of */
export function takesLong({ model, about }) {
  return about.parameters > QUICK && !kept.has(JSON.stringify([model, about.step]));
}

/** @type {Map<string, Promise<Scores | null>>} */
const kept = new Map();

/**
 * The scores of a model's heads; none where it cannot say.
 * @param {Selection} of
 * @returns {Promise<Scores | null>}
 */
export function measured({ model, about }) {
  const key = JSON.stringify([model, about.step]);
  const before = kept.get(key);
  if (before) return before;
  const answer = ask('heads', { model, sequences: SEQUENCES, tokens: TOKENS })
    .then(({ heads, sequences }) => ({
      heads: new Map(
        heads.map((/** @type {Score} */ score) => [`${score.layer}.${score.head}`, score]),
      ),
      sequences: sequences.length,
      tokens: TOKENS,
    }))
    .catch((error) => {
      kept.delete(key);
      if (error instanceof ProgramError || error instanceof UnreachableError) return null;
      throw error;
    });
  kept.set(key, answer);
  return answer;
}

/**
 * What a head is called, if one of its scores says so.
 * @param {Score | undefined} score
 */
export function kindOf(score) {
  if (!score) return null;
  const most = KINDS.reduce((most, kind) => (score[kind.score] > score[most.score] ? kind : most));
  return score[most.score] >= CALLED ? most : null;
}
