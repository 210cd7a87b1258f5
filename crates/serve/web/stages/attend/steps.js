/**
 * The steps of attention, each a change of the same matrix, and the line of the reference that it is.
 */

import { format } from '../../kit/number.js';

/** @typedef {import('../attend.js').Head} Head */

/**
 * @typedef {object} Step
 * @property {(model: import('../../kit/stage.js').Model) => string} name
 * @property {string[]} lit        the parts of the lines that it is
 * @property {'signed' | 'weights'} scale
 * @property {boolean} isMasked    whether what is hidden is hidden by now
 * @property {(head: Head, query: number, key: number) => number} value
 */

/**
 * The reference's three lines (`crates/reference/src/attend.rs`), cut where the steps are.
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
export const FORMULA = [
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

/** @type {[Step, ...Step[]]} */
export const STEPS = [
  {
    name: () => '1. Compare: the dot product of every query with every key',
    lit: ['products'],
    scale: 'signed',
    isMasked: false,
    value: (head, query, key) => step('products', head, query, key),
  },
  {
    name: ({ scale, head_dim }) =>
      Math.abs(scale * Math.sqrt(head_dim) - 1) < 1e-4
        ? `2. Scale: divided by √${head_dim}, so that long vectors do not make everything sharp`
        : `2. Scale: multiplied by ${format(scale, { digits: 4 })}, which this model has in place of 1 / √${head_dim}`,
    lit: ['scaled'],
    scale: 'signed',
    isMasked: false,
    value: (head, query, key) => step('scaled', head, query, key),
  },
  {
    name: () => '3. Mask: what comes later is taken away',
    lit: ['masked'],
    scale: 'signed',
    isMasked: true,
    value: (head, query, key) => head.scores.get(query, key),
  },
  {
    name: () => '4. Exponentials: e to the power of each score, the largest of a row moved to 0',
    lit: ['softmax'],
    scale: 'weights',
    isMasked: true,
    value: (head, query, key) => step('exponentials', head, query, key),
  },
  {
    name: () => '5. Weights: each row divided by its sum, so that it adds up to 1',
    lit: ['softmax'],
    scale: 'weights',
    isMasked: true,
    value: (head, query, key) => head.pattern.get(query, key),
  },
];
