/** What is said of an answer with one part off, each asked again with the edit that switches it off. */

import { faults, fit, N, says } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** @param {World} world */
export async function facts({ caption, about, figure, ask }) {
  const prompt = await figure.locator('select option:checked').textContent();
  const { ids } = await ask('tokens', { prompt });
  const next = (/** @type {string[]} */ edits, /** @type {number | null} */ of) =>
    ask('next', { prompt, token: ids.length - 1, most: 1, of, edits });
  const whole = await next([], null);
  const { id, probability } = whole.top[0];
  /** @param {string} site */
  const worst = async (site) => {
    let least = { layer: 0, left: Number.POSITIVE_INFINITY, first: 0 };
    for (let layer = 0; layer < about.layers; layer += 1) {
      const { of, top } = await next([`blocks.${layer}.${site}[:] = 0`], id);
      if (of.probability < least.left) least = { layer, left: of.probability, first: top[0].id };
    }
    return least;
  };
  const mlp = await worst('mlp_out');
  const attention = about.layers <= 12 ? await worst('attn_out') : null;
  const left = (/** @type {string} */ name) =>
    `layer (?<${name}>\\d+)(?: costs most when it is off)?: (?<${name}left>${N})(?<${name}percent> %)? are left, and (?<${name}then>.+?) comes? first`;
  // Where every part but raises the answer when it is off.
  const nothing = (/** @type {string} */ name) =>
    `costs anything(?: when it is off)?: at least (?<${name}least>${N})(?<${name}hundred> %)? are left`;
  const said = fit(
    caption,
    `After .+? the likeliest is .+? with (?<share>${N})(?<percent> %)?\\. (?:Of the MLPs that of ${left('mlp')}|No MLP ${nothing('mlp')})\\. (?:(?:Of the attentions it is that of ${left('attention')}|No attention ${nothing('attention')})\\.(?: So here (?<verdict>one layer’s attention|one MLP) is needed .+?\\.)?|In so deep a model attention is left on\\.) That a part .+`,
  );
  /** @param {string} name @param {{layer: number, left: number, first: number}} part @returns {[boolean, string][]} */
  const claims = (name, part) =>
    said?.[`${name}least`] === undefined
      ? costs(name, part)
      : [
          [part.left >= probability, `${name}: something is lost, ${part.left} left`],
          [
            says(said[`${name}least`], (said[`${name}hundred`] ? 100 : 1) * part.left),
            `${name}: ${part.left} left at least`,
          ],
        ];
  /** @param {string} name @param {{layer: number, left: number, first: number}} part @returns {[boolean, string][]} */
  const costs = (name, part) => [
    [part.left < probability, `${name}: nothing is lost`],
    [Number(said?.[name]) === part.layer, `${name} ${part.layer}`],
    [
      says(said?.[`${name}left`], (said?.[`${name}percent`] ? 100 : 1) * part.left),
      `${name}: ${part.left} left`,
    ],
    [(said?.[`${name}then`] === 'it still') === (part.first === id), `${name}: what comes first`],
  ];
  return faults([
    [said !== null, 'a form of its own'],
    [says(said?.share, (said?.percent ? 100 : 1) * probability), `the answer, ${probability}`],
    ...claims('mlp', mlp),
    ...(attention ? claims('attention', attention) : []),
    [
      !attention ||
        (Math.min(attention.left, mlp.left) >= probability
          ? said?.verdict === undefined
          : (said?.verdict === 'one MLP') === attention.left >= mlp.left),
      'which is needed more',
    ],
  ]);
}
