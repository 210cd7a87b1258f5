/** What is said of two passes side by side: of a sweep, and of how far they are apart. */

import { faults, fit, N, num, says } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** The second text, as it stands in its place. @param {World} world */
const written = ({ figure }) => figure.locator('input.other-text').inputValue();

/** A share as it is written. */
const SHARE = `${N}(?: %)?`;
/** @param {string | undefined} said @param {number} share */
const saysShare = (said, share) =>
  said?.endsWith('%') ? says(said.slice(0, -1).trim(), 100 * share) : says(said, share);

/** What a text goes on with. @param {World} world @param {string} text */
async function goesOn({ ask }, text) {
  const { ids } = await ask('tokens', { prompt: text });
  const { top } = await ask('next', {
    prompt: text,
    token: ids.length - 1,
    most: 1,
    find: '',
  });
  return top[0].id;
}

/** @param {World} world */
export async function sweep(world) {
  const { caption, figure, ids, ask, about, isChanged } = world;
  const text = await written(world);
  const first = (await ask('next', { token: ids.length - 1, most: 1, find: '' })).top[0].id;
  const second = await goesOn(world, text);
  const words = first === second ? {} : { answer: first, wrong: second };
  const { grids, metric, corrupted } = await ask('sweep', { corrupt: text, ...words });
  const [grid] = grids;
  const [rows, columns] = grid.shape;
  const values = grid.normalized ?? grid.values.map((/** @type {number} */ x) => x - corrupted);
  const titles = await figure
    .locator('figcaption .next-word')
    .evaluateAll((nodes) => nodes.map((node) => Number(node.getAttribute('title')?.slice(6))));
  const same = first === second;
  const said = fit(
    caption,
    `(?:Both texts go on with .+?\\.|The first text goes on with .+?, the second with .+?\\.) Put the stream before layer (?<layer>\\d+) at .+? into the second text, and (?<share>${SHARE}) of the (?<what>way between the two predictions is gone|difference between the two is back|difference between the two is added to it): it (?<still>still )?goes on with .+?\\. In the first layer (?:and in the last, most of it stands at (?<one>.+?)|most of it stands at (?<from>.+?), in the last at (?<to>.+?): on the way it moves)\\.(?<apart> Both are read without the changes that this page makes\\.)?`,
  );
  const layer = Math.floor(rows / 2);
  const best = (/** @type {number} */ row) => {
    const own = values.slice(row * columns, (row + 1) * columns);
    return own.indexOf(Math.max(...own));
  };
  const column = best(layer);
  const patch = { site: `blocks.${layer}.resid_pre`, tokens: column, op: 'set' };
  const { differences } = await ask('diff', {
    prompt: text,
    edits: [{ ...patch, value: { from: { prompt: world.prompt } } }],
  });
  const value = values[layer * columns + column];
  const cells = await figure.locator('.sweep-cell').count();
  return faults([
    [said !== null, 'a form of its own'],
    [(said?.apart !== undefined) === isChanged, 'whether it is told that changes are left out'],
    [titles[0] === first, `the first goes on with ${first}`],
    [same || titles[1] === second, `the second goes on with ${second}`],
    [titles.at(-1) === differences.last.next[1], `with the cell ${differences.last.next[1]}`],
    [(said?.still !== undefined) === (differences.last.next[1] === second), 'whether it changes'],
    [num(said?.layer) === layer && rows === about.layers, `layer ${layer}`],
    [saysShare(said?.share, Math.abs(value)), 'what it brings back'],
    [said?.what?.endsWith('added to it') === value < 0, 'whether it brings it back'],
    [value < 0 || said?.what?.startsWith('way') === (metric === 'kl'), `the metric ${metric}`],
    [(said?.one !== undefined) === (best(0) === best(rows - 1)), 'whether it moves'],
    [cells === rows * columns, `${rows} × ${columns} cells, not ${cells}`],
  ]);
}

/** @param {World} world */
export async function diff(world) {
  const { caption, figure, ask, isChanged } = world;
  const { differences } = await ask('diff', { other: await written(world) });
  const { last, depth_kl, heads } = differences;
  const said = fit(
    caption,
    `After .+?, (?:(?<both>both go on with .+?)|the first text goes on with .+?, the second with .+?); their predictions are (?<kl>${N}) nats apart\\. (?:(?<none>Nothing tells them apart)\\. |Read at each depth, they part (?:(?<start>before the first layer)|in layer (?<layer>\\d+)): there the distance first reaches a tenth of that\\. )?(?:Of all heads (?<head>\\d+\\.\\d+) differs most, by (?<share>${SHARE}) of what it returns\\.)?(?<apart> Both are read without the changes that this page makes\\.)?`,
  );
  const titles = await figure
    .locator('figcaption .next-word')
    .evaluateAll((nodes) => nodes.map((node) => Number(node.getAttribute('title')?.slice(6))));
  const parted = depth_kl.findIndex((/** @type {number} */ kl) => kl >= 0.1 * last.kl);
  const most = heads.reduce(
    (/** @type {any} */ most, /** @type {any} */ head) =>
      most && most.distance >= head.distance ? most : head,
    null,
  );
  const told = said?.start ? 0 : said?.layer === undefined ? -1 : Number(said.layer) + 1;
  return faults([
    [said !== null, 'a form of its own'],
    [(said?.apart !== undefined) === isChanged, 'whether it is told that changes are left out'],
    [says(said?.kl, last.kl), `${last.kl} nats`],
    [(said?.both !== undefined) === (last.next[0] === last.next[1]), 'whether both say the same'],
    [titles[0] === last.next[0] && titles.at(-1) === last.next[1], `${last.next} follow`],
    [last.kl === 0 || told === parted, `they part at ${parted}`],
    [(said?.none !== undefined) === (last.kl === 0), 'whether anything tells them apart'],
    [
      most.distance === 0 || said?.head === `${most.layer}.${most.head}`,
      `the head ${most.layer}.${most.head}`,
    ],
    [said?.share === undefined || saysShare(said.share, most.distance), 'by how much'],
  ]);
}
