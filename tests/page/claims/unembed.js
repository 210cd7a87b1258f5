/** What is said of the end of the model: from the last MLP to the logits. */

import { faults, fit, N, num, part, says } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** @param {World} world */
export function unembed(world) {
  const { caption, token, about, sites } = world;
  const logits = part(world, 'logits', token);
  const row = part(world, 'probabilities', token);
  const last = about.layers - 1;
  const each = (/** @type {string} */ site) => part(world, site, token).length;
  const [hidden, added] = [each(`blocks.${last}.mlp.post`), each(`blocks.${last}.mlp_out`)];
  const { order, experts, logit_cap: cap, logit_factor: factor } = about.block;
  const parallel = order !== 'sequential';
  const said = fit(
    caption,
    `Of (?<all>${N}) logits after .+? the largest is (?<most>${N}), that of .+?; the softmax makes (?<share>${N})(?<percent> %)? of it\\. The smallest is (?<least>${N})\\. On the way, (?<enters>${N}) numbers (?<which>behind the attention of layer ${last}|that enter layer ${last}) become (?<hidden>${N}) hidden units, and these become (?<added>${N}) numbers that are added to the stream\\. The sum is normed, and a dot product with each of (?<rows>${N}) rows of a table gives the logits\\.(?: The matrices between the columns hold (?<weights>${N}) numbers\\.)?(?: This model’s cap, (?<cap>${N}), has flattened its logits\\.)?(?: This model multiplies its logits by (?<factor>${N})\\.)? Each column has a scale of its own\\. .+`,
  );
  const enters = each(`blocks.${last}.${parallel ? 'resid_pre' : 'resid_mid'}`);
  const up = enters * hidden * (about.gated ? 2 : 1);
  const weights = up + hidden * added + each('ln_final') * logits.length;
  const most = Math.max(...logits);
  return faults([
    [said !== null, 'a form of its own'],
    [num(said?.all) === logits.length && num(said?.rows) === about.vocabulary, 'the vocabulary'],
    [says(said?.most, most), `the largest, ${most}`],
    [says(said?.least, Math.min(...logits)), `the smallest, ${Math.min(...logits)}`],
    [
      says(said?.share, (said?.percent ? 100 : 1) * (row[logits.indexOf(most)] ?? 0)),
      'its probability',
    ],
    [num(said?.enters) === enters, `${enters} enter`],
    [said?.which?.startsWith('that') === parallel, 'where they are read'],
    [num(said?.hidden) === hidden && num(said?.added) === added, `${hidden}, ${added}`],
    [experts[last] ? !said?.weights : num(said?.weights) === weights, `${weights} in matrices`],
    [(said?.cap === undefined) === (cap === null), 'its cap'],
    [(said?.factor === undefined) === (factor === 1), 'its factor'],
    [sites.get('ln_final')?.shape[1] === each('ln_final'), 'the normed sum'],
  ]);
}
