/**
 * The steps of attention, each a change of the same matrix, and the line of the reference that it is.
 */

import { count, format } from '../../kit/number.js';
import { short } from '../../kit/particulars.js';
import { isVariant } from '../../kit/state.js';

/** @typedef {import('../attend.js').Head} Head */
/** @typedef {import('../../kit/stage.js').Model} Model */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} called       what its numbers are called
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
  const scores = isPlainScale(scale, head_dim)
    ? plain
    : plain.map((part) =>
        part.name === 'scaled' ? { ...part, text: ` * ${format(scale, { digits: 4 })}` } : part,
      );
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
    ...(positions === 'alibi'
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
      name: 'Compare: the dot product of every query with every key',
      called: 'product',
      ...made('products'),
    },
    isVariant('no-scale')
      ? null
      : {
          name: isPlainScale(scale, head_dim)
            ? `Scale: divided by √${head_dim}, so that long vectors do not make everything sharp`
            : `Scale: multiplied by ${format(scale, { digits: 4 })}, which this model has in place of 1 / √${head_dim}`,
          called: 'scaled product',
          ...made('scaled'),
        },
    block.score_cap === null
      ? null
      : {
          name: `Cap: bent so that no score passes ${short(block.score_cap)}, up or down`,
          called: 'capped product',
          ...made('capped'),
        },
    positions === 'alibi'
      ? {
          name: 'Distance: the further away a key is, the more is taken off (ALiBi)',
          called: 'score before the mask',
          ...made('biased'),
        }
      : null,
    {
      name: isVariant('no-mask')
        ? 'No mask: what comes later is seen, too'
        : `Mask: what comes later is taken away${window === null ? '' : `, and what lies ${count(window)} tokens back or more`}`,
      called: 'score',
      lit: ['masked'],
      scale: 'signed',
      isMasked: true,
      site: 'scores',
      value: (head, query, key) => head.scores.get(query, key),
    },
    {
      name: `Exponentials: e to the power of each score, the largest of a row${block.sinks ? ', or its sink,' : ''} moved to 0`,
      called: 'exponential',
      lit: ['softmax'],
      scale: 'weights',
      isMasked: true,
      value: (head, query, key) => step('exponentials', head, query, key),
    },
    {
      name: block.sinks
        ? 'Weights: each row divided by its sum, to which the head’s sink belongs; what the sink takes is missing from 1'
        : 'Weights: each row divided by its sum, so that it adds up to 1',
      called: 'weight',
      lit: ['softmax'],
      scale: 'weights',
      isMasked: true,
      value: (head, query, key) => head.pattern.get(query, key),
    },
  ];
  const there = steps.filter((step) => step !== null);
  return /** @type {[Step, ...Step[]]} */ (
    there.map((step, at) => ({ ...step, name: `${at + 1}. ${step.name}` }))
  );
}
