/**
 * What is said of where a token stands, by layer: each pair's rotation, ALiBi's distances, or nothing.
 */

import { depthsOf, faults, fit, N, num, part, says } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** @param {World} world */
export async function position(world) {
  const { caption, token, layer, head, about, ask } = world;
  if (about.positions === 'learned') return [];
  const told = await ask('position', { token, layer, head });
  if (told.kind === 'alibi') return distances(world, told);
  if (told.kind === 'none') {
    const said = fit(
      caption,
      `Nothing tells layer ${layer}: .+ Positions are known in (?<layers>.+?); choose .+`,
    );
    const others = depthsOf(`after ${said?.layers ?? ''}`).map((depth) => depth - 1);
    const rotary = about.block.rotary.flatMap(
      (/** @type {boolean} */ has, /** @type {number} */ at) => (has ? [at] : []),
    );
    return faults([
      [said !== null, 'a form of its own'],
      [!about.block.rotary[layer], 'that this layer has none'],
      [JSON.stringify(others) === JSON.stringify(rotary), `layers ${rotary}, said ${others}`],
    ]);
  }
  const said = fit(
    caption,
    `The query of .+ in head \\d+\\.\\d+ is turned pair by pair\\. (?:This is the first position: every angle is 0, and nothing turns\\.|(?:The first|Its one) pair turns by (?<fast>${N}) radians with every token, once around in (?<around>${N})(?:; the last by (?<slow>${N}), once around in (?<long>${N}))? tokens\\.) Keys are turned alike, so when the two are compared only the distance between them is left\\.(?: Only the first (?<some>\\d+) of its (?<all>\\d+) numbers are turned; the others stay as they are, wherever the token stands\\.)?(?: Every cosine and sine is multiplied by (?<factor>${N})\\.)?(?: The hands of layer ${layer} have a base of (?<base>${N}); other layers have one of (?<other>${N})(?: or ${N})*, and turn at other speeds\\.)?(?: Nothing turns in (?<still>.+)\\.)?`,
  );
  if (!said) return ['a form of its own'];
  const [fast, around, slow, long] = [said.fast, said.around, said.slow, said.long].map(num);
  const thetas = told.thetas.filter((/** @type {number | null} */ theta) => theta !== null);
  const first = token === 0;
  return faults([
    [(said.fast === undefined) === first, 'whether it is the first'],
    [first || Math.abs((fast ?? 0) * (around ?? 0) - 2 * Math.PI) < 0.1, 'once around'],
    [(said.slow === undefined) === (first || told.pairs.length === 1), 'whether there are more'],
    [
      said.slow === undefined || (slow ?? 0) === 0 || (slow ?? 0) * (long ?? 0) < 2 * Math.PI + 1,
      'the slow one',
    ],
    [first || says(said.fast, told.pairs[0].frequency), 'the fast one'],
    [
      (said.some === undefined) === (told.rotary_dim === about.head_dim) &&
        (said.some === undefined || Number(said.some) === 2 * told.pairs.length),
      'how much of the query is turned',
    ],
    [(said.factor === undefined) === (told.factor === 1), 'the factor'],
    [(said.base === undefined) === (new Set(thetas).size === 1), 'whether layers differ'],
    [said.base === undefined || num(said.base) === told.theta, 'the base of the layer'],
    [(said.still === undefined) === !told.thetas.includes(null), 'layers without positions'],
    ...turned(world, told),
  ]);
}

/**
 * Whether each pair of `rot_q` is that of the query, or of what its norm makes of it, turned.
 * @param {World} world @param {any} told
 * @returns {[boolean, string][]}
 */
function turned(world, { pairs, normed }) {
  const { token, layer, head } = world;
  const row = (/** @type {string} */ name) =>
    part(world, `blocks.${layer}.attn.${name}`, token, head);
  /** @type {any[]} */
  const [before, after] = [normed ?? row('q'), row('rot_q')];
  return pairs.map(
    (/** @type {any} */ { dimensions: [a, b], turns }, /** @type {number} */ pair) => {
      const [, cos, sin] = turns.at(-1);
      const [x, y] = [before[a] * cos - before[b] * sin, before[b] * cos + before[a] * sin];
      const apart = Math.hypot(x - after[a], y - after[b]);
      return [apart < 1e-5 * (1 + Math.hypot(x, y)), `pair ${pair} turned`];
    },
  );
}

/** @param {World} world @param {any} told */
function distances({ caption, token, head, layer }, { slopes, losses }) {
  const said = fit(
    caption,
    `No token is told its place\\. When .+ compares its query with a key, head ${layer}\\.${head} takes (?<slope>${N}) off the score for every step between the two: (?:nothing here, since this is the first token|nothing with itself, (?<loss>${N}) with .+)\\. So heads .+`,
  );
  return faults([
    [said !== null, 'a form of its own'],
    [says(said?.slope, slopes[head]), `the slope ${slopes[head]}`],
    [(said?.loss === undefined) === (token === 0), 'whether it is the first'],
    [token === 0 || says(said?.loss, losses[0]), `what the first loses, ${losses[0]}`],
  ]);
}
