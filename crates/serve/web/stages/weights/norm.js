/** The norm before a matrix, in its steps, for the number that stands in one column. */

import { inForce } from '../../kit/changes.js';
import { fill, h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { inputIndex } from './words.js';

/** @typedef {import('../weights.js').Shown} Shown */

export function norm() {
  const label = h('p', { class: 'weights-label' });
  const steps = h('ol', { class: 'weights-norm' });
  const node = h('div', null, label, steps);
  return {
    node,
    /** @param {Shown} shown @param {number} column */
    draw(shown, column) {
      const { of, answer } = shown;
      const { norm, input, columns } = answer;
      steps.hidden = norm === null;
      if (norm === null) return fill(label, message('weights.norm.none'));
      fill(label, message('weights.norm', { column }));
      const { before, mean, divisor, divided, gain, shift } = norm;
      const way = {
        before: number(before.values[column] ?? 0, {
          site: before.site,
          index: `${of.token},${before.from + column}`,
          digits: 4,
        }),
        count: columns,
        divisor: number(divisor, { digits: 4 }),
        divided: number(divided[column] ?? 0, { digits: 4 }),
      };
      const isChanged = inForce(of.changes).some(({ edit }) => edit?.startsWith(input.site));
      const read = {
        input: number(input.values[column] ?? 0, {
          site: input.site,
          index: inputIndex(shown, column),
          digits: 4,
        }),
      };
      const learned = { ...read, gain: number(gain?.[column] ?? 1, { digits: 4 }) };
      fill(
        steps,
        h('li', null, message('weights.norm.before', way)),
        h(
          'li',
          null,
          mean === null
            ? message('weights.norm.rms', way)
            : message('weights.norm.layer', { ...way, mean: number(mean, { digits: 4 }) }),
        ),
        h(
          'li',
          null,
          isChanged
            ? message('weights.norm.changed', read)
            : gain === null
              ? message('weights.norm.plain', read)
              : shift === null
                ? message('weights.norm.gain', learned)
                : message('weights.norm.gain-and-shift', {
                    ...learned,
                    shift: number(shift[column] ?? 0, { digits: 4 }),
                  }),
        ),
      );
    },
  };
}
