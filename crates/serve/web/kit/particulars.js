/**
 * How a model's blocks differ from the plain ones that the text describes, in words.
 */

import { count, format } from './number.js';

/** @typedef {import('./stage.js').Model} Model */

/**
 * A line for each particular; none of a plain model.
 * @param {Model} model
 * @returns {string[]}
 */
export function particulars(model) {
  const { block, positions } = model;
  const factors = /** @type {const} */ ([
    ['the embedding', block.embedding_factor],
    ['what attention and MLP add', block.residual_factor],
    ['the logits', block.logit_factor],
  ]).filter(([, factor]) => factor !== 1);
  const caps = /** @type {const} */ ([
    ['scores', block.score_cap],
    ['logits', block.logit_cap],
  ]).flatMap(([what, cap]) => (cap === null ? [] : [`${what} at ${short(cap)}`]));
  return [
    block.order === 'sequential'
      ? null
      : `attention and MLP side by side: both read what enters the layer${block.order === 'parallel' ? ', each through a norm of its own' : ', through one norm'}`,
    block.norms === 'before'
      ? null
      : block.norms === 'after'
        ? 'norms after attention and after the MLP, on what they add, and none before'
        : block.norms === 'stream'
          ? 'norms after attention and after the MLP, on the residual stream itself'
          : 'norms before attention and MLP, and after each on what it adds',
    block.query_key_norm === null
      ? null
      : `queries and keys pass a norm, ${block.query_key_norm === 'heads' ? 'each head on its own' : 'all heads of a token together'}`,
    block.embedding_norm ? 'the embedding passes a norm before the first layer' : null,
    positions === 'rotary' && block.rotary.includes(false)
      ? `no positions in ${layers(block.rotary.map((has) => !has))}`
      : null,
    positions === 'alibi' ? 'no positions: scores fall with the distance (ALiBi)' : null,
    windowsOf(model),
    expertsOf(model),
    caps.length ? `softly capped: ${caps.join(', ')}` : null,
    block.sinks ? 'an attention sink in every head, which takes a part of the weight' : null,
    factors.length
      ? `multiplied: ${factors.map(([what, factor]) => `${what} by ${short(factor)}`).join(', ')}`
      : null,
  ].filter((line) => line !== null);
}

/** @param {Model} model */
function windowsOf({ block: { windows } }) {
  const sizes = [...new Set(windows.filter((window) => window !== null))];
  const [size] = sizes;
  if (size === undefined) return null;
  const has = windows.map((window) => window !== null);
  const who = has.includes(false) ? layers(has) : 'every layer';
  return `a token sees the last ${count(size)} tokens only, itself among them, in ${who}`;
}

/** @param {Model} model */
function expertsOf({ block: { experts } }) {
  const first = experts.find((of) => of !== null);
  if (!first) return null;
  const has = experts.map((of) => of !== null);
  const where = has.includes(false) ? ` in ${layers(has)}` : '';
  return `${first.experts} experts in the place of an MLP${where}, ${first.chosen} of them for each token`;
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
  const named = runs.map(([from, to]) =>
    from === to ? String(from) : to === from + 1 ? `${from}, ${to}` : `${from} to ${to}`,
  );
  const list =
    named.length > 1 ? `${named.slice(0, -1).join(', ')} and ${named.at(-1)}` : (named[0] ?? '');
  return `${has.filter(Boolean).length === 1 ? 'layer' : 'layers'} ${list}`;
}

/** A factor or a cap without needless digits. @param {number} value */
export function short(value) {
  return Number.isInteger(value) ? count(value) : format(value, { digits: 4 });
}
