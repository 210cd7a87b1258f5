/** What the opening says of a head and of the next word, checked. */

import { faults, fit, N, num, part, says } from './forms.js';

/** @param {World} world */
function likeliest(world) {
  const row = part(world, 'logits', world.token);
  return row.indexOf(Math.max(...row));
}

/** @typedef {import('./forms.js').World} World */

/** @param {World} world */
export async function opening(world) {
  const { caption, token, layer, head, about, ids, ask } = world;
  const row = part(world, `blocks.${layer}.attn.pattern`, head, token);
  const next = likeliest(world);
  const why = `(?: Of all (?<heads>${N}) heads, (?<first>\\d+\\.\\d+) pushes .+? up most(?<alone>, and without it that word loses most)?(?:; but without head (?<needed>\\d+\\.\\d+) it loses even more)?\\.)?`;
  const said =
    fit(
      caption,
      `.+ is the first token: it can look at nothing but itself, in every head\\.${why}`,
    ) ??
    fit(
      caption,
      `In head ${layer}\\.${head}, .+? looks most at (?:itself|.+?) \\((?<most>${N}) %\\)(?<copied>, and that is the likeliest next word)?\\.${why}`,
    );
  if (!said) return ['a form of its own'];
  const itself = /looks most at itself/.test(caption.replace(/\s+/g, ' '));
  const most = row.indexOf(Math.max(...row));
  const told = await ask('why', { position: token, of: next });
  const heads = (told.why?.parts ?? []).filter(
    (/** @type {any} */ { kind, contribution }) => kind === 'head' && contribution > 0,
  );
  const name = (/** @type {any} */ of) => `${of.layer}.${of.head}`;
  heads.sort((/** @type {any} */ a, /** @type {any} */ b) => b.contribution - a.contribution);
  const needed = said.needed ?? (said.alone === undefined ? undefined : said.first);
  return faults([
    [said.most === undefined || says(said.most, 100 * (row[most] ?? 0)), `the most, ${row[most]}`],
    [token === 0 || itself === (most === token), `it looks most at ${most}`],
    [
      token === 0 || itself || (said.copied !== undefined) === (ids[most] === next),
      'whether it looks at what comes next',
    ],
    [said.heads === undefined || num(said.heads) === about.layers * about.heads, 'all heads'],
    [said.first === (heads[0] && name(heads[0])), `${heads[0] && name(heads[0])} adds most`],
    [needed === undefined || (await isNeeded(world, needed, next)), `${needed} is needed most`],
  ]);
}

/** Whether a token is least likely without a head. @param {World} world @param {string} head @param {number} next */
async function isNeeded({ about, token, ask }, head, next) {
  const left = new Map();
  for (let layer = 0; layer < about.layers; layer += 1)
    for (let index = 0; index < about.heads; index += 1) {
      const edits = [`blocks.${layer}.attn.z[:, ${index}] = 0`];
      const answer = await ask('next', { token, of: next, most: 1, edits });
      left.set(`${layer}.${index}`, answer.of.probability);
    }
  return left.get(head) === Math.min(...left.values());
}
