/** What is said of the units and the head that fire most, against the program's own answers. */

import { faults, fit, N, num, says } from './forms.js';

/** @param {import('./forms.js').World} world */
export async function firing(world) {
  const { caption, layer, head, about, ask, figure } = world;
  if (about.parameters > 5e6)
    return faults([
      [
        caption === 'A model of this size takes a while to read enough text for it.',
        'that it has to be asked for',
      ],
    ]);
  const body = { sequences: 48, tokens: 48 };
  const neurons = await ask('neurons', { ...body, neurons: 5 });
  const heads = await ask('heads', body);
  const own = neurons.layers[layer];
  const { strongest } = heads.heads.find(
    (/** @type {any} */ of) => of.layer === layer && of.head === head,
  );
  const [first] = own.strongest;
  const said = fit(
    caption,
    `Of the (?<units>${N}) hidden units of layer ${layer}, number (?<unit>\\d+) goes furthest from 0 in (?<texts>${N}) texts of up to (?<tokens>${N}) tokens: (?<value>${N}) at .+?\\. There it raises .+? most, and lowers .+? most\\. (?<dead>Each unit fires somewhere|[\\d\u202f]+ of them never fire)\\. Head ${layer}\\.${head} gives at most (?<weight>${N})(?<percent> %)? of its attention to another token: from .+? to .+?\\.`,
  );
  const ids = await figure
    .locator('figcaption .next-word')
    .evaluateAll((nodes) => nodes.map((node) => Number(node.getAttribute('title')?.slice(6))));
  const text = neurons.sequences[strongest.sequence];
  return faults([
    [said !== null, 'a form of its own'],
    [num(said?.units) === own.count, `${own.count} units`],
    [num(said?.unit) === first.neuron, `the unit ${first.neuron}`],
    [num(said?.texts) === neurons.sequences.length, 'how many texts'],
    [says(said?.value, first.activation), `its value ${first.activation}`],
    [
      said?.dead?.startsWith('Each')
        ? own.dead.length === 0
        : num(said?.dead?.split(' ')[0]) === own.dead.length,
      `${own.dead.length} never fire`,
    ],
    [says(said?.weight, (said?.percent ? 100 : 1) * strongest.weight), 'the largest weight'],
    [
      JSON.stringify(ids) ===
        JSON.stringify([
          neurons.sequences[first.sequence][first.token],
          first.up[0],
          first.down[0],
          text[strongest.query],
          text[strongest.key],
        ]),
      'the words',
    ],
  ]);
}
