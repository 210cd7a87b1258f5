/**
 * √d on and off: the opened head's rows and the next word of two passes, one that divides and one that does
 * not. What else is changed is so in both.
 */

import { toggle } from '../../kit/changes/controls.js';
import { has, variant } from '../../kit/changes.js';
import { mention, word } from '../../kit/chips.js';
import { ask, look } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';
import { button } from '../../kit/figure.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { isVariant, requested } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/dom.js').Child} Child */

/** @typedef {{id: number, probability: number}} Ranked */
/**
 * What a pass makes of the head's rows and of the next word; `of`: the one that is likeliest with the division.
 * @typedef {{choices: number, top: Ranked[], of: Ranked | null, pieces: Record<string, string>}} Side
 */

/**
 * Among how many tokens an even choice would be as open as the rows are on average: the exponential of their
 * mean entropy. The first token has no choice, and is left out; what a sink takes, too.
 * @param {import('../../kit/client.js').Tensor} pattern
 */
function choicesOf(pattern) {
  const [rows = 0] = pattern.shape;
  let sum = 0;
  for (let row = 1; row < rows; row += 1) {
    const weights = pattern.part(row);
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const weight of weights)
      if (weight > 0) sum -= (weight / total) * Math.log(weight / total);
  }
  return Math.exp(sum / Math.max(1, rows - 1));
}

/** What is said of the two passes. @param {Selection} of @param {Side} scaled @param {Side} raw @returns {Child[]} */
function sentence({ about, layer, head, token, pieces }, scaled, raw) {
  const isRoot = Math.abs(about.scale * Math.sqrt(about.head_dim) - 1) < 1e-3;
  const first = scaled.top[0];
  const now = raw.top[0];
  if (!first || !now) return [];
  const share = (/** @type {number} */ of) => number(of, { percent: true });
  const next = {
    token: mention(token, pieces[token] ?? ''),
    word: h('b', { class: 'next-word' }, word(scaled.pieces[first.id] ?? '')),
    share: share(first.probability),
    raw: share(raw.of?.probability ?? Number.NaN),
  };
  return sentences(
    isRoot
      ? message('attend.scale.root', {
          width: about.head_dim,
          root: String(Number(Math.sqrt(about.head_dim).toFixed(2))),
        })
      : message('attend.scale.factor', { scale: String(Number(about.scale.toPrecision(3))) }),
    message(raw.choices < scaled.choices ? 'attend.scale.sharper' : 'attend.scale.not-sharper', {
      head: `${layer}.${head}`,
      scaled: number(scaled.choices, { digits: 2 }),
      raw: number(raw.choices, { digits: 2 }),
    }),
    first.id === now.id
      ? message('attend.scale.next', next)
      : message('attend.scale.next.other', {
          ...next,
          other: h('b', { class: 'next-word' }, word(raw.pieces[now.id] ?? '')),
          otherShare: share(now.probability),
        }),
  );
}

export function scaling() {
  const change = variant('no-scale');
  let mine = new AbortController();
  const press = button(messageText('attend.scale.off'), () => toggle(change));
  const said = h('p', { class: 'attend-scale', 'aria-live': 'polite' });
  const node = h('div', null, h('p', { class: 'change-toggles' }, press), said);
  return {
    node,
    /** @param {Selection} of */
    async draw(of) {
      mine.abort();
      mine = new AbortController();
      const { signal } = mine;
      try {
        await told(of, signal);
      } catch (error) {
        // What is no longer wanted is no fault, and of what cannot be asked the figure says why.
        if (!signal.aborted) fill(said, error instanceof Error ? error.message : String(error));
      }
    },
  };

  /** @param {Selection} of @param {AbortSignal} signal */
  async function told(of, signal) {
    press.setAttribute('aria-pressed', String(has(of.changes, change)));
    if (isVariant('uniform-attention')) return fill(said, message('attend.scale.uniform'));
    if (of.ids.length < 2) return fill(said, message('attend.scale.alone'));
    const site = `blocks.${of.layer}.attn.pattern`;
    const { variant: others = {}, ...edits } = requested(of.prompt);
    /** @param {boolean} isOff @param {number | null} next @returns {Promise<Side>} */
    const side = async (isOff, next) => {
      const { model, prompt, chat, token } = of;
      const changed = { ...edits, variant: { ...others, no_scale: isOff } };
      const about = { model, prompt, chat, ...changed };
      const [sites, answer] = await Promise.all([
        look(about, [{ site, at: [of.head] }], { signal }),
        ask('next', { ...about, token, most: 4, of: next }, { signal }),
      ]);
      const pattern = sites.get(`${site}@${of.head}`);
      return { ...answer, choices: pattern ? choicesOf(pattern) : Number.NaN };
    };
    const scaled = await side(false, null);
    const raw = await side(true, scaled.top[0]?.id ?? null);
    signal.throwIfAborted();
    fill(said, sentence(of, scaled, raw));
  }
}
