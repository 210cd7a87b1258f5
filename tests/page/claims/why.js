/** What is said of a logit's sum, and of the test of it, against the program's own answer. */

import { faults, fit, N, num, part, says } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** A number with its sign. */
const SIGNED = `[+]?${N}`;
/** @param {string | undefined} text */
const unsigned = (text) => text?.replace('+', '');

/** A part as the sentences name it. @param {any} part */
const named = ({ kind, layer, head, site }) =>
  kind === 'head'
    ? `head ${layer}.${head}`
    : kind === 'mlp'
      ? `the MLP of layer ${layer}`
      : kind === 'attention_bias'
        ? `the biases, attention ${layer}`
        : kind === 'final_bias'
          ? 'the biases at the end'
          : kind === 'edit'
            ? `the edit of ${site}`
            : `the ${kind}`;

/** The strongest first. @param {any[]} parts */
const sorted = (parts) =>
  [...parts].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution));

/** Where most of a head's part comes from. @param {any} why @param {any} head */
function origin(why, head) {
  const { parts } = why.unfolding;
  const root = parts.find(
    (/** @type {any} */ { parent, component }) =>
      parent === null &&
      component.kind === 'head' &&
      component.layer === head.layer &&
      component.head === head.head,
  );
  return sorted((root?.parts ?? []).map((/** @type {number} */ at) => parts[at]))[0];
}

const FROM = `(?:; (?<KINDshare>most|the largest part) of that, (?<KINDfrom>${SIGNED}), comes from (?<KINDword>.+?))?`;

/** @param {World} world */
export async function why(world) {
  const { caption, token, about, ask, isChanged } = world;
  const asked = { position: token, share: 0.8, exact: true };
  const { why } = await ask('why', asked);
  const without = { ...asked, of: why.target, edits: [], variant: {} };
  const unchanged = isChanged ? (await ask('why', without)).why : null;
  const parts = sorted(why.parts);
  const top = parts[0];
  const head = parts.find(({ kind }) => kind === 'head');
  const against = parts.find(({ contribution }) => contribution * top.contribution < 0);
  const said = fit(
    caption,
    `(?<who>Head \\d+\\.\\d+|The .+?) (?<how>adds|takes) (?<most>${N}) (?:to|off) the logit of .+?, which is (?<all>${N}) in all${FROM.replaceAll('KIND', 'top')}\\.(?: Without the changes, the logit of .+? is (?<before>${N})\\.)? (?:Of the heads, (?<head>head \\d+\\.\\d+) (?<headHow>adds|takes off) most, (?<headMost>${N})${FROM.replaceAll('KIND', 'head')}\\. )?(?:No part (?<none>takes anything off|adds anything)|Most is (?<other>taken off|added) by (?<against>.+?): (?<value>${SIGNED}))\\. All (?<count>\\d+) parts add up to what the model computed, but for (?<rest>${N}|−?\\de[-−]?\\d+), the rounding of 32-bit numbers\\.(?<cap> A cap stands behind the sum in this model: the parts add up to (?<uncapped>${N}), and the cap leaves (?<left>${N}) % of it\\.)?`,
  );
  const first = said?.who?.replace(/^[HT]/, (letter) => letter.toLowerCase());
  const source = head && origin(why, head);
  const from = said?.topfrom ?? said?.headfrom;
  const share = (said?.topshare ?? said?.headshare) === 'most';
  const ratio = source ? source.contribution / head.contribution : 0;
  const logit = part(world, 'logits', token)[why.target] ?? 0;
  const sum = why.parts.reduce(
    (/** @type {number} */ sum, /** @type {any} */ of) => sum + of.contribution,
    0,
  );
  return faults([
    [said !== null, 'a form of its own'],
    [first === named(top), `the strongest is ${named(top)}`],
    [says(said?.most, Math.abs(top.contribution)), `it is ${top.contribution}`],
    [(said?.how === 'adds') === top.contribution >= 0, 'whether it adds'],
    [says(said?.all, logit), `the logit ${logit}`],
    [(said?.before !== undefined) === isChanged, 'what it is without the changes'],
    [
      unchanged === null || says(said?.before, unchanged.logit),
      `without the changes ${unchanged?.logit}`,
    ],
    [(said?.head !== undefined) === (top.kind !== 'head' && head !== undefined), 'its heads'],
    [
      said?.head === undefined || said.head === named(head),
      `the strongest head ${named(head ?? {})}`,
    ],
    [
      said?.headMost === undefined || says(said.headMost, Math.abs(head.contribution)),
      'what that head adds',
    ],
    [from === undefined || says(unsigned(from), source?.contribution), 'where it comes from'],
    [from === undefined || share === (ratio > 0.5 && ratio <= 1), `most of it: ${ratio}`],
    [(said?.none !== undefined) === (against === undefined), 'whether a part is against it'],
    [
      against === undefined ||
        (said?.against === named(against) && says(unsigned(said?.value), against.contribution)),
      `against it ${JSON.stringify(against)}`,
    ],
    [num(said?.count) === why.parts.length, `${why.parts.length} parts`],
    [
      Math.abs(why.before_cap - sum) <= 1e-5 * why.absolute + 1e-9,
      `the parts add up to ${sum}, not ${why.before_cap}`,
    ],
    [(said?.cap !== undefined) === (about.block.logit_cap !== null), 'its cap'],
    [
      said?.uncapped === undefined || says(said.uncapped, why.before_cap),
      'the logit before its cap',
    ],
    [said?.left === undefined || says(said.left, 100 * why.cap.factor), 'what the cap leaves'],
  ]);
}

/** @param {World} world */
export async function faithfulness(world) {
  const { caption, token, ask, figure } = world;
  const { check } = await ask('why', { position: token, share: 0.8, exact: true, check: 8 });
  const rows = await figure
    .locator('.faithfulness-off tbody tr')
    .evaluateAll((nodes) =>
      nodes.map((node) => Array.from(node.children, (cell) => cell.textContent ?? '')),
    );
  const point = check[0];
  const said = fit(
    caption,
    `With (?<who>head \\d+\\.\\d+|the MLP of layer \\d+) at .+? switched off, the logit of .+? should change by (?<predicted>${SIGNED}), as the sum says\\. It changes by (?<real>${SIGNED}): (?<verdict>.+?)\\. The sum holds the weights of attention and the scales of norms as they were; the model computes them anew\\.`,
  );
  const [predicted, real] = [point.predicted, point.real];
  const isNear = Math.abs(predicted - real) <= 0.15 * Math.max(Math.abs(predicted), Math.abs(real));
  const verdict = isNear
    ? 'here the sum is what the model does'
    : predicted * real <= 0
      ? 'the sum is no guide here'
      : Math.abs(real) > Math.abs(predicted)
        ? 'more hangs on it than the sum says'
        : 'less hangs on it than the sum says';
  return faults([
    [said !== null, 'a form of its own'],
    [said?.who === named(point.last), `switched off is ${named(point.last)}`],
    [says(unsigned(said?.predicted), predicted), `predicted ${predicted}`],
    [says(unsigned(said?.real), real), `real ${real}`],
    [said?.verdict === verdict, verdict],
    [rows.length === check.length, `${check.length} rows`],
    [
      check.every(
        (/** @type {any} */ { off, predicted, real }, /** @type {number} */ at) =>
          rows[at]?.[0] === String(off) &&
          says(unsigned(rows[at]?.[2]), predicted) &&
          says(unsigned(rows[at]?.[3]), real),
      ),
      'the rows',
    ],
  ]);
}
