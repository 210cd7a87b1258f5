/** The likeliest next words as bars: without the changes as ghosts, with them in front. */

import { asWide } from '../../kit/as_wide.js';
import { bars } from '../../kit/bars.js';
import { visible } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/changes/effect.js').Outlook} Outlook */

/** Bars, and how many of the likeliest with changes are among them at least. */
const [ROWS, AFTER] = [5, 3];

export function nextWords() {
  const node = h('div', { class: 'opening-bars' });
  /** @type {[Selection, Outlook, Outlook] | null} */
  let shown = null;
  const again = asWide(node, () => (shown ? drawing(...shown) : null));
  return {
    node,
    /** @param {Selection} of @param {Outlook} before @param {Outlook} after */
    draw(of, before, after) {
      shown = [of, before, after];
      again();
    },
  };

  /** @param {Selection} of @param {Outlook} before @param {Outlook} after */
  function drawing(of, before, after) {
    const isChanged = after !== before;
    const now = after.top.slice(0, isChanged ? AFTER : ROWS).map(({ id }) => id);
    const was = before.top.map(({ id }) => id).filter((id) => !now.includes(id));
    const probability = (/** @type {Outlook} */ { row }, /** @type {number} */ id) =>
      row[id] ?? Number.NaN;
    // In the order that they had, so that what is watched stays where it is.
    const ids = [...now, ...was]
      .slice(0, ROWS)
      .sort((a, b) => probability(before, b) - probability(before, a));
    const pieces = { ...before.pieces, ...after.pieces };
    return bars(
      ids.map((id) => ({
        name: visible(pieces[id]?.trim() ?? `#${id}`),
        value: probability(after, id),
        site: 'probabilities',
        index: `${of.token},${id}`,
        before: isChanged ? probability(before, id) : undefined,
        picked: id === now[0],
      })),
      {
        percent: true,
        signed: false,
        max: Math.max(before.top[0]?.probability ?? 0, after.top[0]?.probability ?? 0),
        nameWidth: 72,
        width: Math.max(240, node.clientWidth),
      },
    );
  }
}
