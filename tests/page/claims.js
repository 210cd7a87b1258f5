/**
 * What the sentences of the figures claim, checked against the numbers of `lookback look -o`, of the
 * program's answers and of the drawing itself. A sentence that none of the forms fits is a fault too.
 */

import { diff, sweep } from './claims/compare.js';
import { facts } from './claims/facts.js';
import { firing } from './claims/firing.js';
import { depthsOf, faults, fit, half, length, N, num, part, says, space } from './claims/forms.js';
import { opening } from './claims/opening.js';
import { position } from './claims/position.js';
import { repetition } from './claims/repetition.js';
import { unembed } from './claims/unembed.js';
import { weights } from './claims/weights.js';
import { faithfulness, why } from './claims/why.js';

/** @typedef {import('./claims/forms.js').World} World */
/** @typedef {import('./claims/forms.js').Check} Check */

/** A share as it is written: in percent, or as a number where that would be too small to read. */
const SHARE = `${N}(?: %)?`;

/** @param {string} said @param {number} share */
function saysShare(said, share) {
  return said.endsWith(' %') ? says(said.slice(0, -2), 100 * share) : says(said, share);
}

/** @type {Check} */
function attend(world) {
  const { caption, token, layer, head, about, sites } = world;
  const row = part(world, `blocks.${layer}.attn.pattern`, head, token);
  const { sinks } = about.block;
  const taken = 1 - row.reduce((sum, weight) => sum + weight, 0);
  if (token === 0 && sinks) {
    const said = fit(
      caption,
      `.+ is the first token. It can look at nothing but itself, and here it gives itself (?<own>${N}) % of its attention: the rest is taken by the head’s sink, a number that it learned and that has no value to give\\.`,
    );
    return faults([
      [said !== null, 'a form of its own'],
      [says(said?.own, 100 * (row[0] ?? 0)), `itself ${row[0]}`],
    ]);
  }
  if (token === 0) {
    const all = Array.from({ length: about.layers }, (_, layer) =>
      Array.from(
        { length: about.heads },
        (_, head) => part(world, `blocks.${layer}.attn.pattern`, head, 0)[0],
      ),
    ).flat();
    const said = fit(
      caption,
      `.+ is the first token. It can look at nothing but itself, so its whole attention, (?<all>${N}) %, stays there, in every head of every layer\\.`,
    );
    return faults([
      [said !== null, 'a form of its own'],
      [says(said?.all, 100) && all.every((weight) => weight === 1), 'all of it stays there'],
    ]);
  }
  const said = fit(
    caption,
    `.+ gives (?<most>${N}) % of its attention to .+ in head ${layer}\\.${head}(?:, and (?<second>${SHARE}) to .+)?\\. (?<self>Here it looks at itself more than at anything else: (?<own>${N}) %|To itself it gives (?<less>${SHARE}))\\.(?: The head’s sink takes (?<sink>${N}) %, and gives nothing for it\\.)? (?<end>Nothing comes after it; in the rows above, what comes later is hatched and gets exactly nothing|What comes after it is hatched: it gets exactly nothing)\\.`,
  );
  const others = row.slice(0, token).sort((a, b) => b - a);
  const [own = 0, most = 0, second = 0] = [row[token], ...others];
  const isLast = token === (sites.get('input_ids')?.shape[0] ?? row.length) - 1;
  return faults([
    [said !== null, 'a form of its own'],
    [says(said?.most, 100 * most), `the most, ${most}`],
    [said?.second === undefined || saysShare(said.second, second), `the second, ${second}`],
    [said?.self?.startsWith('Here') === own > most, `itself ${own}, others ${most}`],
    [
      said?.less === undefined ? says(said?.own, 100 * own) : saysShare(said.less, own),
      `itself ${own}`,
    ],
    [said?.end?.startsWith('Nothing') === isLast, 'whether anything comes after it'],
    [row.slice(token + 1).every((weight) => weight === 0), 'what comes later gets nothing'],
    [(said?.sink !== undefined) === sinks, 'whether there is a sink'],
    [!sinks || Math.abs(num(said?.sink) / 100 - taken) < 0.0051, `what the sink takes, ${taken}`],
  ]);
}

/** @type {Check} */
function context(world) {
  const { caption, token, layer, head, about } = world;
  const pattern = part(world, `blocks.${layer}.attn.pattern`, head, token).slice(0, token + 1);
  // What a sink takes is no token's: the others share the rest.
  const total = about.block.sinks ? pattern.reduce((sum, weight) => sum + weight, 0) : 1;
  const row = pattern.map((weight) => weight / total);
  const shared = Math.floor(head / (about.heads / about.key_heads));
  const values = row.map((_, at) => length(part(world, `blocks.${layer}.attn.v`, at, shared)));
  const mean = row.reduce((sum, weight, at) => sum + weight * (values[at] ?? 0), 0);
  const shares = row.map((weight, at) => (weight * (values[at] ?? 0)) / mean);
  const apart = row.map((weight, at) => Math.abs(weight - (shares[at] ?? 0)));
  const grouped = `(?: Its values are those of key head ${shared}, which ${about.heads / about.key_heads} query heads share\\.)?`;
  if (token === 0)
    return faults([
      [
        fit(
          caption,
          `.+ sees only itself, so its context vector is its own value vector, times ${N}\\.`,
        ) !== null,
        'a form of its own',
      ],
    ]);
  const even = fit(
    caption,
    `Here weight and effect go together: no token’s share of what moves is four percentage points away from its weight. Most of it is moved by .+\\.${grouped}`,
  );
  if (even) return faults([[Math.max(...apart) < 0.0401, `${Math.max(...apart)} apart`]]);
  const said = fit(
    caption,
    `.+ gets (?<weight>${N}) % of the weight(?<left> that the head’s sink leaves)?, but its value is (?<how>shorter|longer) than the weighted mean of all \\((?<value>${N}) against (?<mean>${N})\\), so it does (?<share>${N}) % of the moving: .+`,
  );
  const widest = apart.indexOf(Math.max(...apart));
  return faults([
    [said !== null, 'a form of its own'],
    [says(said?.weight, 100 * (row[widest] ?? 0)), `its weight ${row[widest]}`],
    [(said?.left !== undefined) === about.block.sinks, 'whether there is a sink'],
    [says(said?.value, values[widest] ?? 0), `its value ${values[widest]}`],
    [says(said?.mean, mean), `the mean ${mean}`],
    [says(said?.share, 100 * (shares[widest] ?? 0)), `its share ${shares[widest]}`],
    [(said?.how === 'longer') === (values[widest] ?? 0) > mean, 'which is longer'],
  ]);
}

/** @param {World} world */
async function logitLens(world) {
  const { caption, token, about, ask } = world;
  const answer = await ask('depths', { token, first: token, count: 1, halves: false, most: 1 });
  const ranks = answer.depths.map((/** @type {any} */ { tokens }) => tokens[0].of.rank);
  const firsts = ranks.flatMap((/** @type {number} */ rank, /** @type {number} */ at) =>
    rank === 1 ? [at] : [],
  );
  const last = ranks.length - 1;
  const start = `(?: Read straight from the embedding it would be number (?<start>${N}) of ${N}\\.)?`;
  const echo = `(?<echo> Before layer 0 it says .+ itself: the table that is compared with is the table that the vector came from\\.)?`;
  const said =
    fit(caption, `After .+, the word .+ is first (?<when>.+?)\\.${start}${echo}`) ??
    fit(
      caption,
      `After .+, the word .+ ends as number (?<ends>${N})\\.(?: On the way it was first (?<way>.+?)\\.)?${start}`,
    );
  if (!said) return ['a form of its own'];
  const same = (/** @type {number[]} */ a) => JSON.stringify(a) === JSON.stringify(firsts);
  const from = (/** @type {number} */ at) =>
    Array.from({ length: last - at + 1 }, (_, i) => at + i);
  const on = /from “(?:after layer (\d+)|before layer 0)” on$/.exec(said.when ?? '');
  const begins = on ? (on[1] === undefined ? 0 : Number(on[1]) + 1) : last;
  const earlier = /^at the end\. It was first (.+?) already, lost the place/.exec(said.when ?? '');
  const claimed =
    said.ends !== undefined
      ? depthsOf(said.way ?? '')
      : said.when?.startsWith('at every depth')
        ? from(0)
        : earlier
          ? [...depthsOf(earlier[1] ?? ''), ...from(begins)]
          : from(begins);
  const first = answer.depths[0].tokens[0].top[0].id;
  return faults([
    [same(claimed), `first at ${firsts}, said ${claimed}`],
    [said.ends === undefined || num(said.ends) === ranks[last], `it ends as ${ranks[last]}`],
    [said.start === undefined || num(said.start) === ranks[0], `it begins as ${ranks[0]}`],
    [!said.echo || (about.tied && first === world.ids[token]), 'what the embedding says'],
  ]);
}

/** @type {Check} */
function next(world) {
  const { caption, token } = world;
  const row = part(world, 'probabilities', token);
  const sorted = [...row].sort((a, b) => b - a);
  const holding = (/** @type {number} */ share) => {
    let [sum, tokens] = [0, 0];
    while (sum < share && tokens < sorted.length) sum += sorted[tokens++] ?? 0;
    return { tokens, sum };
  };
  const entropy = row.reduce((sum, p) => sum - (p > 0 ? p * Math.log(p) : 0), 0);
  const said = fit(
    caption,
    `After .+, the model gives .+? (?<top>${N})(?<percent> %)?(?<half>, at least as much as to all others together|; it takes the first (?<many>${N}) to have half of everything between them), and (?<most>it alone has nine tenths|the first (?<ninety>${N}) of the ${N} tokens(?: to)? have nine tenths)\\. The choice is as open as a throw of a die with (?<sides>${N}) equal sides\\.(?: The text goes on just so\\.| The text itself goes on with .+, which has ${N}(?: %)? and is number (?<rank>${N})\\.)?`,
  );
  const follows = world.ids[token + 1];
  // Of probabilities too small to tell apart, the logits tell the order; of equal ones, the ids.
  const logits = part(world, 'logits', token);
  const own = logits[follows ?? 0] ?? 0;
  const before = logits.filter((x, id) => x > own || (x === own && id < (follows ?? 0)));
  const rank = follows === undefined ? 0 : 1 + before.length;
  const [half, most] = [holding(0.5), holding(0.9)];
  return faults([
    [said !== null, 'a form of its own'],
    [says(said?.top, (said?.percent ? 100 : 1) * (sorted[0] ?? 0)), `the likeliest ${sorted[0]}`],
    [(said?.many ? num(said.many) : 1) === half.tokens, `half: ${half.tokens}`],
    [(said?.ninety ? num(said.ninety) : 1) === most.tokens, `nine tenths: ${most.tokens}`],
    [says(said?.sides, Math.exp(entropy)), `sides ${Math.exp(entropy)}`],
    [said?.rank === undefined || num(said.rank) === rank, `its rank ${rank}`],
    [!caption.includes('just so') || rank === 1, 'that the text goes on so'],
  ]);
}

/** @param {World} world */
async function stream({ caption, figure, about }) {
  const pushes = await figure.locator('.stream-row:not(.stream-head)').evaluateAll((rows) =>
    rows.map((row) => ({
      name: row.querySelector('.stream-name')?.textContent ?? '',
      push: Number(row.querySelector(':scope > .number:last-child')?.textContent),
    })),
  );
  const sum = ((await figure.locator('.stream-sum').textContent()) ?? '').replaceAll('−', '-');
  const of = (/** @type {string} */ name) =>
    Number(new RegExp(`([+-]?[\\d.]+) ${name}`).exec(sum)?.[1]);
  const said = fit(
    caption,
    `The largest push on .+ after .+ comes from the (?<who>.+?): (?<push>[+-]?${N})(?<against>, against it)?\\. (?<which>For this word the MLPs together move the logit further than attention does|For this word attention in all layers together moves the logit at least as far as the MLPs do)\\. Length and push .+`,
  );
  const most = pushes.reduce((a, b) => (Math.abs(b.push) > Math.abs(a.push) ? b : a));
  const name = most.name.replace(/^layer (\d+) (attention|MLP)$/, '$2 of layer $1');
  const [mlp, attention] = [Math.abs(of('MLPs')), Math.abs(of('attention'))];
  const tie = Math.abs(mlp - attention) <= 0.01;
  return faults([
    [said !== null, 'a form of its own'],
    [caption.includes('before its cap') === (about.block.logit_cap !== null), 'its cap'],
    [
      said?.who === name || Math.abs(Math.abs(num(said?.push)) - Math.abs(most.push)) < 0.011,
      `it is ${name}`,
    ],
    [Math.abs(num(said?.push?.replace('+', '')) - most.push) < 0.011, `the push ${most.push}`],
    [(said?.against !== undefined) === most.push < 0, 'whether it is against it'],
    [
      tie || said?.which?.startsWith('For this word the MLPs') === mlp > attention,
      `MLPs ${mlp}, attention ${attention}`,
    ],
  ]);
}

/** @param {World} world */
async function mlp(world) {
  const { caption, token, layer, about, ask } = world;
  const row = part(world, `blocks.${layer}.mlp.post`, token);
  const most = row.reduce((most, x, at) => (Math.abs(x) > Math.abs(row[most] ?? 0) ? at : most), 0);
  const said = fit(
    caption,
    `Of (?<all>${N}) hidden units, number (?<unit>\\d+)(?: of expert (?<expert>\\d+))? is furthest from 0 for .+?: (?<post>${N}) leaves it(?:, which moves the logit of .+ by \\+${N} and that of .+ by -${N}|, so it moves no logit|, which moves all logits the same way)\\. A push .+? is left out\\.(?<parallel> In this model the MLP reads what enters the layer, .+?\\.)?(?: This layer has (?<experts>\\d+) MLPs, its experts, and a router chose (?<chosen>\\d+) of them for this token: (?<weights>.+?)\\. What an expert’s units push is weighted so\\.)?`,
  );
  const mixture = about.block.experts[layer];
  const indices = mixture ? part(world, `blocks.${layer}.mlp.expert_indices`, token) : [];
  const weights = mixture ? part(world, `blocks.${layer}.mlp.expert_weights`, token) : [];
  const each = mixture ? mixture.hidden : row.length;
  const told = [
    ...(said?.weights ?? '').matchAll(
      new RegExp(
        `expert${space}(\\d+)${space}with${space}a${space}weight${space}of${space}(${N})`,
        'g',
      ),
    ),
  ];
  const { units } = await ask('mlp', { layer, token, units: 4, tokens: 1 });
  return faults([
    [said !== null, 'a form of its own'],
    [num(said?.all) === row.length, `${row.length} units`],
    [num(said?.unit) === most % each, `the unit ${most % each}`],
    [
      mixture ? num(said?.expert) === indices[Math.floor(most / each)] : said?.expert === undefined,
      'its expert',
    ],
    [says(said?.post, row[most] ?? 0), `what leaves it, ${row[most]}`],
    [(said?.parallel === undefined) === (about.block.order === 'sequential'), 'what it reads'],
    [said?.experts === undefined ? !mixture : Number(said.experts) === mixture?.experts, 'experts'],
    [
      told.length === indices.length &&
        told.every(
          ([, expert, weight], at) =>
            Number(expert) === indices[at] && says(weight, weights[at] ?? 0),
        ),
      `the experts ${indices} with ${weights}`,
    ],
    [
      units.every(
        (/** @type {any} */ { place, post }) => Math.abs(post - (row[place] ?? 0)) < 1e-5,
      ),
      'the places of units',
    ],
  ]);
}

/** @param {World} world */
async function embed(world) {
  const { caption, token, about, ask } = world;
  const { neighbours, lengths } = await ask('embed', { token });
  const own = part(world, 'embed', token);
  const chance = Math.sqrt((2 * Math.log(about.vocabulary)) / about.width);
  const said = fit(
    caption,
    `.+ is row ${N} of a table of ${N}; (?:the row's length is|this model multiplies every row by (?<times>${N}), as shown here, and the product's length is) (?<length>${N})\\. Of all other rows, .+ points most nearly the same way \\(cosine (?<first>${N})\\), then .+ \\((?<second>${N})\\)\\. A cosine of 1 would be the same direction; the nearest of as many rows drawn at random would have about (?<chance>${N})(?<none>, so this row has found no neighbourhood)?\\.(?<again> It stands in the text more than once, each time with this same row\\.)?`,
  );
  const repeats = world.ids.filter((id) => id === world.ids[token]).length > 1;
  return faults([
    [said !== null, 'a form of its own'],
    [
      about.block.embedding_factor === 1
        ? said?.times === undefined
        : says(said?.times, about.block.embedding_factor),
      'the factor of the embedding',
    ],
    [
      says(said?.length, length(own)) && Math.abs(lengths[token] - length(own)) < 1e-4,
      'its length',
    ],
    [says(said?.first, neighbours[0].cosine), 'the nearest'],
    [neighbours[0].cosine >= neighbours[1].cosine, 'the order'],
    [(said?.none !== undefined) === neighbours[0].cosine <= chance, 'whether it is near'],
    [(said?.again !== undefined) === repeats, 'whether it stands there again'],
  ]);
}

/** @param {World} world */
async function ov(world) {
  const { caption, token, layer, ids, figure, about } = world;
  const added = length(part(world, `blocks.${layer}.attn_out`, token));
  const before = length(part(world, `blocks.${layer}.resid_pre`, token));
  const said = fit(
    caption,
    `.*In all, layer ${layer} adds a vector (?<added>${N}) long to one of (?<before>${N})\\. The longest part of it (?<most>comes from .+?|is the bias, which is added whoever is looked at)\\.(?<norm> Behind attention stands a norm here; it is held at the scale that it has for this token, so the parts add up\\.)?`,
  );
  const isLast = token === ids.length - 1;
  const side = figure.locator('.ov-side').first();
  const rows = await side
    .locator('.ov-row:not(.ov-head, .is-hidden, .is-sum)')
    .evaluateAll((nodes) =>
      nodes.map((node) => ({
        name: node.querySelector('.ov-name')?.textContent ?? '',
        length: Number(node.querySelector('.number')?.textContent),
      })),
    );
  const longest = rows.reduce((a, b) => (b.length > a.length ? b : a));
  const tie = rows.filter(({ length }) => length === longest.length).length > 1;
  return faults([
    [said !== null, 'a form of its own'],
    [says(said?.added, added), `what is added, ${added}`],
    [says(said?.before, before), `what was there, ${before}`],
    [(said?.norm === undefined) === (about.block.norms === 'before'), 'whether a norm is behind'],
    [
      tie || said?.most?.startsWith('is the bias') === (longest.name === 'bias'),
      `the longest, ${longest.name}`,
    ],
    [/nothing comes after/.test(caption) === isLast, 'whether anything comes after it'],
    [isLast || /takes exactly nothing from/.test(caption), 'what is not taken'],
  ]);
}

/** @param {World} world */
async function sample({ caption, figure, about, ask, settings }) {
  const answer = await ask('sample', { settings, seed: 0, draws: 1000 });
  const removed = [...caption.matchAll(new RegExp(`took${space}(${N})${space}tokens?`, 'g'))];
  const taken = removed.reduce((sum, [, many]) => sum + num(many), 0);
  const left = answer.stages.at(-1).kept;
  const seed = /Seed 0 draws (.+?)\. Of the seeds/.exec(caption.replaceAll('\u00a0', ' '))?.[1];
  const drawn = await figure.locator('.sample-row.is-first .sample-name').textContent();
  return faults([
    [about.vocabulary - taken === left, `${left} are left of ${about.vocabulary}, ${taken} taken`],
    [/No step takes a token away/.test(caption) === (taken === 0), 'whether any was taken'],
    [seed?.trim() === drawn?.trim(), `the seed draws ${drawn}, said ${seed}`],
  ]);
}

/** @param {World} world */
async function tokens({ caption, ids, about }) {
  const said = fit(
    caption,
    `(?:One token: |(?<many>${N}) tokens\\. ).+ has the number (?<id>${N}) of (?<all>${N})\\. The same text is .+`,
  );
  return faults([
    [said !== null, 'a form of its own'],
    [(said?.many ? num(said.many) : 1) === ids.length, `${ids.length} tokens`],
    [num(said?.all) === about.vocabulary, 'the vocabulary'],
  ]);
}

/** @param {World} world */
async function repeat({ caption, figure }) {
  const rows = await figure.locator('.cost-row .cost-time').allTextContents();
  const fresh = fit(
    caption,
    `.*The model read all ${N} tokens? in ${N} ms\\. The cache held nothing of this text before, so it could save nothing yet\\..*`,
  );
  if (fresh) return faults([[rows.length === 2, 'one time and one count']]);
  const said = fit(
    caption,
    `.*With the cache the model read (?<read>${N}) tokens? in ${N} ms; without it, all (?<all>${N}) in ${N} ms\\. Both gave the same logits, bit for bit\\. That took (?<some>${N}) M and (?<whole>${N}) M multiplications, (?<times>${N}) times as many without it\\.(?: The time .*)?.*`,
  );
  return faults([
    [said !== null, 'a form of its own'],
    [rows.length === 4, 'two times and two counts'],
    [num(said?.read) < num(said?.all), 'that something was held'],
    [
      // As far apart as the three are rounded.
      Math.abs(num(said?.whole) - num(said?.times) * num(said?.some)) <=
        half(said?.whole) +
          (num(said?.times) + half(said?.times)) * half(said?.some) +
          half(said?.times) * num(said?.some),
      'how many times',
    ],
  ]);
}

/** @type {Record<string, Check>} */
export const CHECKS = {
  opening,
  tokens,
  embed,
  position,
  ov,
  attend,
  context,
  mlp,
  firing,
  weights,
  facts,
  unembed,
  stream,
  logit_lens: logitLens,
  next,
  why,
  faithfulness,
  sample,
  repeat,
  sweep,
  diff,
  repetition,
};
