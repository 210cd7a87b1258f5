/**
 * The steps of attention, each a change of the same matrix, and the line of the reference that it is.
 */

import { messageText } from '../../kit/messages.js';
import { count, format } from '../../kit/number.js';
import { short } from '../../kit/particulars.js';
import { isVariant } from '../../kit/state.js';

/** @typedef {import('../attend.js').Head} Head */
/** @typedef {import('../../kit/stage.js').Model} Model */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {Extract<import('../../kit/messages.js').MessageId, `attend.numbers.${string}`> | null} numbers
 *   what its numbers are, while they are no weights
 * @property {string[]} lit        the parts of the lines that it is
 * @property {'signed' | 'weights'} scale
 * @property {boolean} isMasked    whether what is hidden is hidden by now
 * @property {string} [site]       the site that its numbers are, in the block's attention
 * @property {(head: Head, query: number, key: number) => number} value
 */

/**
 * The reference's three lines (`crates/reference/src/attend.rs`), cut where the steps are. Caps, distances and
 * sinks are not in them.
 * @type {{name: string, text: string}[][]}
 */
export const LINES = [
  [
    { name: '', text: 'let scores  = ' },
    { name: 'products', text: 'query.dot(&key.t())' },
    { name: 'scaled', text: ' / (query.ncols() as f64).sqrt()' },
    { name: '', text: ';' },
  ],
  [
    { name: '', text: 'let weights = ' },
    { name: 'masked', text: 'masked_' },
    { name: 'softmax', text: 'softmax' },
    { name: '', text: '(scores, window);' },
  ],
  [{ name: 'mixed', text: 'weights.dot(&value)' }],
];

/**
 * The same three lines as they are written where `@` is the product of matrices: q, k and v are the
 * queries, keys and values of all tokens, d is the width of a head.
 * @type {{name: string, text: string}[][]}
 */
const FORMULA = [
  [
    { name: '', text: 'scores  = ' },
    { name: 'products', text: 'q @ k.T' },
    { name: 'scaled', text: ' / sqrt(d)' },
  ],
  [
    { name: '', text: 'weights = ' },
    { name: 'softmax', text: 'softmax(' },
    { name: 'masked', text: 'mask(scores)' },
    { name: 'softmax', text: ')' },
  ],
  [{ name: 'mixed', text: 'context = weights @ v' }],
];

/** @param {string} name @param {Head} head @param {number} query @param {number} key */
const step = (name, head, query, key) => head.steps.get(name)?.get(query, key) ?? 0;

/** Whether scores are divided by the root of the head's width. @param {number} scale @param {number} head_dim */
function isPlainScale(scale, head_dim) {
  return Math.abs(scale * Math.sqrt(head_dim) - 1) < 1e-4;
}

/** Whether scores fall with the distance. @param {Model['positions']} positions */
function isBiased(positions) {
  return positions === 'alibi' && !isVariant('no-position');
}

/** Whether a model does to scores what the reference's three lines say, and nothing besides. @param {Model} model */
export function isPlain({ block, positions, scale, head_dim }) {
  return (
    block.score_cap === null &&
    !block.sinks &&
    positions !== 'alibi' &&
    isPlainScale(scale, head_dim)
  );
}

/**
 * The formula of a model: what it does to scores besides is a line more.
 * @param {Model} model
 */
export function formula({ block: { score_cap: cap, sinks }, positions, scale, head_dim }) {
  const [plain = [], weights = [], context = []] = FORMULA;
  const isUniform = isVariant('uniform-attention');
  const factor = isUniform ? '0' : format(scale, { digits: 4 });
  const scores =
    isPlainScale(scale, head_dim) && !isUniform
      ? plain
      : plain.map((part) => (part.name === 'scaled' ? { ...part, text: ` * ${factor}` } : part));
  const softmax = sinks
    ? [
        { name: '', text: 'weights = ' },
        { name: 'softmax', text: 'softmax([' },
        { name: 'masked', text: 'mask(scores)' },
        { name: 'softmax', text: ', sink])[:-1]' },
      ]
    : weights;
  return [
    isVariant('no-scale') ? scores.filter(({ name }) => name !== 'scaled') : scores,
    ...(cap === null
      ? []
      : [
          [
            { name: '', text: 'scores  = ' },
            { name: 'capped', text: `${short(cap)} * tanh(scores / ${short(cap)})` },
          ],
        ]),
    ...(isBiased(positions)
      ? [
          [
            { name: '', text: 'scores  = ' },
            { name: 'biased', text: 'scores - slope * distance' },
          ],
        ]
      : []),
    isVariant('no-mask')
      ? softmax.map((part) => (part.name === 'masked' ? { ...part, text: 'scores' } : part))
      : softmax,
    context,
  ];
}

/**
 * The steps of one layer of a model.
 * @param {Model} model
 * @param {number} layer
 * @returns {[Step, ...Step[]]}
 */
export function stepsOf({ scale, head_dim, positions, block }, layer) {
  const window = block.windows[layer] ?? null;
  /** @param {string} name @returns {Pick<Step, 'lit' | 'scale' | 'isMasked' | 'value'>} */
  const made = (name) => ({
    lit: [name],
    scale: 'signed',
    isMasked: false,
    value: (head, query, key) => step(name, head, query, key),
  });
  /** @type {(Step | null)[]} */
  const steps = [
    {
      name: messageText('attend.step.products'),
      numbers: 'attend.numbers.products',
      ...made('products'),
    },
    isVariant('no-scale')
      ? null
      : {
          name: isVariant('uniform-attention')
            ? messageText('attend.step.scaled.uniform')
            : isPlainScale(scale, head_dim)
              ? messageText('attend.step.scaled', { width: head_dim })
              : messageText('attend.step.scaled.factor', {
                  scale: format(scale, { digits: 4 }),
                  width: head_dim,
                }),
          numbers: 'attend.numbers.scaled',
          ...made('scaled'),
        },
    block.score_cap === null
      ? null
      : {
          name: messageText('attend.step.capped', { cap: short(block.score_cap) }),
          numbers: 'attend.numbers.capped',
          ...made('capped'),
        },
    isBiased(positions)
      ? {
          name: messageText('attend.step.biased'),
          numbers: 'attend.numbers.biased',
          ...made('biased'),
        }
      : null,
    {
      name: isVariant('no-mask')
        ? messageText('attend.step.unmasked')
        : window === null
          ? messageText('attend.step.masked')
          : messageText('attend.step.masked.window', { window: count(window) }),
      numbers: 'attend.numbers.scores',
      lit: ['masked'],
      scale: 'signed',
      isMasked: true,
      site: 'scores',
      value: (head, query, key) => head.scores.get(query, key),
    },
    {
      name: messageText(block.sinks ? 'attend.step.exponentials.sink' : 'attend.step.exponentials'),
      numbers: 'attend.numbers.exponentials',
      lit: ['softmax'],
      scale: 'weights',
      isMasked: true,
      value: (head, query, key) => step('exponentials', head, query, key),
    },
    {
      name: messageText(block.sinks ? 'attend.step.weights.sink' : 'attend.step.weights'),
      numbers: null,
      lit: ['softmax'],
      scale: 'weights',
      isMasked: true,
      value: (head, query, key) => head.pattern.get(query, key),
    },
  ];
  const there = steps.filter((step) => step !== null);
  return /** @type {[Step, ...Step[]]} */ (
    there.map((step, at) => ({
      ...step,
      name: messageText('attend.step', { number: at + 1, step: step.name }),
    }))
  );
}
