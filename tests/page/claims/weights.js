/** What is said of one row of a matrix: as the page opens it, the first of the chosen head's queries. */

import { faults, fit, half, N, num, part, says } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** @param {World} world */
export function weights(world) {
  const { caption, token, layer, head, about, sites } = world;
  const query = part(world, `blocks.${layer}.attn.q`, token, head);
  const said = fit(
    caption,
    `Row (?<row>\\d+) of the query matrix makes number (?<place>\\d+) of the query of head (?<head>\\d+) for .+?: (?<count>${N}) numbers, each times a weight of its own,(?: and the bias ${N})? add up to (?<result>${N})\\. Column (?<column>${N}) moves it furthest: (?<input>${N}) × (?<weight>${N}) = (?<product>${N})\\.`,
  );
  const [input, weight, product] = [said?.input, said?.weight, said?.product];
  const column = num(said?.column);
  const read = sites.has(`blocks.${layer}.ln1`) ? part(world, `blocks.${layer}.ln1`, token) : null;
  // As far as the rounding of both factors moves their product.
  const bound =
    half(product) +
    Math.abs(num(input)) * half(weight) +
    Math.abs(num(weight)) * half(input) +
    1e-4 * Math.abs(num(product));
  return faults([
    [said !== null, 'a form of its own'],
    [num(said?.row) === head * about.head_dim, `the row ${said?.row}`],
    [num(said?.head) === head && said?.place === '0', 'what it makes'],
    [says(said?.result, query[0] ?? 0), `the query's first number, ${query[0]}`],
    [num(said?.count) === about.width, `${about.width} columns`],
    [read === null || says(input, read[column] ?? 0), `what it reads, ${read?.[column]}`],
    [Math.abs(num(input) * num(weight) - num(product)) <= bound, 'the product'],
  ]);
}
