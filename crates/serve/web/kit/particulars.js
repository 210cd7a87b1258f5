/**
 * How a model's blocks differ from the plain ones that the text describes, in words.
 */

import { messageText } from './messages.js';
import { count, format } from './number.js';
import { listedText } from './sentences.js';

/** @typedef {import('./stage.js').Model} Model */

const ORDERS = {
  sequential: null,
  parallel: messageText('particulars.order.parallel'),
  parallel_shared_norm: messageText('particulars.order.parallel-shared-norm'),
};
const NORMS = {
  before: null,
  after: messageText('particulars.norms.after'),
  both: messageText('particulars.norms.both'),
  stream: messageText('particulars.norms.stream'),
};
const QUERY_KEY_NORMS = {
  heads: messageText('particulars.query-key-norm.heads'),
  rows: messageText('particulars.query-key-norm.rows'),
};

/**
 * A line for each particular; none of a plain model.
 * @param {Model} model
 * @returns {string[]}
 */
export function particulars(model) {
  const { block, positions } = model;
  const caps = [
    block.score_cap === null
      ? null
      : messageText('particulars.cap.scores', { cap: short(block.score_cap) }),
    block.logit_cap === null
      ? null
      : messageText('particulars.cap.logits', { cap: short(block.logit_cap) }),
  ].filter((cap) => cap !== null);
  const factors = [
    block.embedding_factor === 1
      ? null
      : messageText('particulars.factor.embedding', { factor: short(block.embedding_factor) }),
    block.residual_factor === 1
      ? null
      : messageText('particulars.factor.residual', { factor: short(block.residual_factor) }),
    block.logit_factor === 1
      ? null
      : messageText('particulars.factor.logits', { factor: short(block.logit_factor) }),
  ].filter((factor) => factor !== null);
  return [
    ORDERS[block.order],
    NORMS[block.norms],
    block.query_key_norm === null ? null : QUERY_KEY_NORMS[block.query_key_norm],
    block.embedding_norm ? messageText('particulars.embedding-norm') : null,
    positions === 'rotary' && block.rotary.includes(false)
      ? messageText('particulars.no-rotary', { layers: layers(block.rotary.map((has) => !has)) })
      : null,
    positions === 'alibi' ? messageText('particulars.alibi') : null,
    windowsOf(model),
    expertsOf(model),
    caps.length ? messageText('particulars.capped', { caps: listedText(caps, 'unit') }) : null,
    block.sinks ? messageText('particulars.sinks') : null,
    factors.length
      ? messageText('particulars.multiplied', { factors: listedText(factors, 'unit') })
      : null,
  ].filter((line) => line !== null);
}

/** @param {Model} model */
function windowsOf({ block: { windows } }) {
  const sizes = [...new Set(windows.filter((window) => window !== null))];
  const [size] = sizes;
  if (size === undefined) return null;
  const has = windows.map((window) => window !== null);
  return has.includes(false)
    ? messageText('particulars.window', { count: size, layers: layers(has) })
    : messageText('particulars.window-everywhere', { count: size });
}

/** @param {Model} model */
function expertsOf({ block: { experts } }) {
  const first = experts.find((of) => of !== null);
  if (!first) return null;
  const has = experts.map((of) => of !== null);
  const sizes = { experts: first.experts, chosen: first.chosen };
  return has.includes(false)
    ? messageText('particulars.experts', { ...sizes, layers: layers(has) })
    : messageText('particulars.experts-everywhere', sizes);
}

/** Layers in words: `layer 3`, `layers 0 to 4 and 6`. @param {boolean[]} has  whether each layer is meant */
export function layers(has) {
  /** @type {[number, number][]} */
  const runs = [];
  has.forEach((is, layer) => {
    const run = runs.at(-1);
    if (is && run && run[1] === layer - 1) run[1] = layer;
    else if (is) runs.push([layer, layer]);
  });
  const named = runs.flatMap(([first, last]) =>
    last > first + 1
      ? [messageText('common.range', { first, last })]
      : first === last
        ? [String(first)]
        : [String(first), String(last)],
  );
  return messageText('common.layers', {
    count: has.filter(Boolean).length,
    layers: listedText(named),
  });
}

/** A factor or a cap without needless digits. @param {number} value */
export function short(value) {
  return Number.isInteger(value) ? count(value) : format(value, { digits: 4 });
}
