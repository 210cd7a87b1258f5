/**
 * What is added to the score of the picked cell, as a number that is dragged in the sentence about it.
 */

import { scoreOf, write } from '../../kit/changes.js';
import { message, messageText } from '../../kit/messages.js';
import { format } from '../../kit/number.js';
import { scrub } from '../../kit/scrub.js';
import { get } from '../../kit/state.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */

/** What may be added, at most, and by how much it grows. */
const [MOST, STEP] = [12, 0.5];

/** @param {import('../../kit/stage.js').Page} page */
export function addedScore(page) {
  /** Which score it is of: layer, head, query and key. @type {[number, number, number, number]} */
  let cell = [0, 0, 0, 0];
  const prefix = () => `score:${cell.join('.')}:`;
  const control = scrub({
    name: messageText('attend.score.added'),
    value: 0,
    min: -MOST,
    max: MOST,
    step: STEP,
    show: (value) => format(value, { digits: 1, sign: true }),
    onChange: (amount) => {
      const others = get().changes.filter(({ text }) => !text.startsWith(prefix()));
      const changes = amount === 0 ? others : [...others, scoreOf(...cell, amount)];
      // The key that is looked at most may be another then.
      page.set({ changes: write(changes), 'attend.key': cell[3] });
    },
  });
  return {
    /** @param {Selection} of @param {number} key @returns {(Node | string)[]} */
    sentence({ layer, head, token, changes }, key) {
      cell = [layer, head, token, key];
      control.set(changes.find(({ text }) => text.startsWith(prefix()))?.amount ?? 0);
      return message('attend.cell.added', { amount: control.node });
    },
  };
}
