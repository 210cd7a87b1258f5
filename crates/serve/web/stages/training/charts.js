/**
 * How a model learned, drawn: its loss, what it could do at each look, and the step at which that jumps.
 */

import { h, svg } from '../../kit/dom.js';
import { button } from '../../kit/figure.js';
import { message, messageText } from '../../kit/messages.js';
import { count, format, number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';

/** @typedef {{step: number, loss: number}} Point */
/** @typedef {{step: number, look_ups: number, repeated: number}} Able */
/** @typedef {{layer: number, head: number, weight: number, questions: number, prompt: string, token: number, key: number}} Copier */

/**
 * What is marked on the curve besides: the first head that looks back, and the step whose heads are shown.
 * @typedef {{formed: {name: string, step: number} | null, chosen: number | null}} Marks
 */

/** A rise of the look-ups answered that is called a jump. */
const JUMP = 0.15;

/**
 * A loss in words: e to its power is the number of equally likely tokens that leave one as unsure.
 * @param {number} loss
 * @param {number} vocabulary
 */
export function inWords(loss, vocabulary) {
  const choices = Math.exp(loss);
  return message('training.unsure', {
    choices: number(choices, { digits: choices < 100 ? 1 : 0 }),
    vocabulary,
  });
}

/** @typedef {{from: Able, to: Able}} Rise */

/**
 * Between which two looks the look-ups rise most, if they do.
 * @param {Able[]} able
 * @returns {Rise | null}
 */
export function jump(able) {
  /** @type {Rise | null} */
  let most = null;
  for (const [at, to] of able.entries()) {
    const from = able[at - 1];
    const rise = from ? to.look_ups - from.look_ups : 0;
    if (from && rise >= JUMP && rise > (most ? most.to.look_ups - most.from.look_ups : 0))
      most = { from, to };
  }
  return most;
}

/**
 * Two curves that turn suddenly, when heads begin to copy what followed a word before.
 * @param {Able[]} able
 * @param {number} steps
 * @param {Rise | null} rise
 * @param {Copier | null} copier
 * @param {(head: Copier) => void} go
 */
export function birth(able, steps, rise, copier, go) {
  const last = /** @type {Able} */ (able.at(-1));
  const share = able.map(({ step, look_ups }) => ({ step, value: look_ups }));
  const surprise = able.map(({ step, repeated }) => ({ step, value: repeated }));
  return [
    h(
      'p',
      { class: 'training-able' },
      sentences(
        message('training.able', {
          share: number(last.look_ups, { percent: true }),
          nats: number(last.repeated, { digits: 2 }),
        }),
        rise
          ? message('training.jump', {
              from: h('span', { class: 'number' }, count(rise.from.step)),
              to: h('span', { class: 'number' }, count(rise.to.step)),
              before: number(rise.from.look_ups, { percent: true }),
              after: number(rise.to.look_ups, { percent: true }),
            })
          : [],
        copier
          ? message('training.copier', {
              head: button(
                messageText('training.head', { head: `${copier.layer}.${copier.head}` }),
                () => go(copier),
                { class: 'training-head', title: messageText('training.head.title') },
              ),
              questions: h('span', { class: 'number' }, count(copier.questions)),
              weight: number(copier.weight, { percent: true }),
            })
          : [],
      ),
    ),
    small(messageText('training.look-ups'), share, steps, 1, rise),
    small(
      messageText('training.repeated'),
      surprise,
      steps,
      Math.max(1, ...able.map((a) => a.repeated)),
      rise,
    ),
  ];
}

/**
 * A small curve from 0 to a height.
 * @param {string} name
 * @param {{step: number, value: number}[]} points
 * @param {number} steps
 * @param {number} high
 * @param {Rise | null} rise
 */
function small(name, points, steps, high, rise) {
  const end = Math.max(steps, points.at(-1)?.step ?? 1);
  const x = (/** @type {number} */ step) => 8 + (304 * step) / end;
  const y = (/** @type {number} */ value) => 70 - (60 * value) / high;
  const path = points
    .map(({ step, value }, at) => `${at ? 'L' : 'M'}${x(step).toFixed(1)} ${y(value).toFixed(1)}`)
    .join('');
  return svg(
    'svg',
    { class: 'chart training-small', viewBox: '0 0 320 90', role: 'img', 'aria-label': name },
    [0, high].map((value) =>
      svg('line', { class: 'chart-grid', x1: 8, x2: 312, y1: y(value), y2: y(value) }),
    ),
    rise
      ? svg('line', {
          class: 'chart-jump',
          x1: x(rise.to.step),
          x2: x(rise.to.step),
          y1: y(0),
          y2: y(high),
        })
      : null,
    svg('path', { class: 'chart-line', d: path }),
    svg('text', { class: 'chart-label', x: 8, y: 86 }, name),
    svg(
      'text',
      { class: 'chart-label', x: 312, y: 86, 'text-anchor': 'end' },
      messageText('training.top', { value: format(high, { digits: 1 }) }),
    ),
  );
}

const [HEIGHT, LEFT, BOTTOM, TOP] = [220, 40, 24, 8];
/** As wide as the screen allows, so that its words are never drawn smaller than they are. */
const WIDTH = Math.max(300, Math.min(640, document.documentElement.clientWidth - 32));

/**
 * The loss over the steps: a line for what it learns from, points for what was kept back.
 * @param {Point[]} losses
 * @param {Point[]} judged
 * @param {number} steps
 * @param {Rise | null} rise
 * @param {Marks} marks
 */
export function chart(losses, judged, steps, rise, { formed, chosen }) {
  const all = [...losses, ...judged];
  if (all.length === 0) return null;
  const last = Math.max(steps, ...all.map(({ step }) => step), 1);
  const high = Math.ceil(Math.max(...all.map(({ loss }) => loss)));
  const low = Math.floor(Math.min(...all.map(({ loss }) => loss)));
  const x = (/** @type {number} */ step) => LEFT + ((WIDTH - LEFT - 70) * step) / last;
  const y = (/** @type {number} */ loss) =>
    TOP + ((HEIGHT - TOP - BOTTOM) * (high - loss)) / Math.max(1, high - low);
  const ticks = Array.from({ length: high - low + 1 }, (_, at) => low + at);
  const path = losses
    .map(({ step, loss }, at) => `${at ? 'L' : 'M'}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`)
    .join('');
  const end = losses.at(-1);
  const kept = judged.at(-1);
  // Two names at the ends of their lines, pushed apart where they would overlap.
  const apart =
    end && kept && Math.abs(y(end.loss) - y(kept.loss)) < 14 ? (end.loss < kept.loss ? 7 : -7) : 0;
  return svg(
    'svg',
    {
      class: 'chart',
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      role: 'img',
      'aria-label': messageText('training.chart'),
    },
    ticks.flatMap((loss) => [
      svg('line', { class: 'chart-grid', x1: LEFT, x2: WIDTH - 70, y1: y(loss), y2: y(loss) }),
      svg(
        'text',
        {
          class: 'chart-label',
          x: LEFT - 8,
          y: y(loss),
          'text-anchor': 'end',
          'dominant-baseline': 'central',
        },
        loss,
      ),
    ]),
    [0, 0.5, 1].map((share) =>
      svg(
        'text',
        {
          class: 'chart-label',
          x: x(share * last),
          y: HEIGHT - 6,
          'text-anchor': share === 0 ? 'start' : share === 1 ? 'end' : 'middle',
        },
        share === 0 ? messageText('training.step', { step: 0 }) : count(share * last),
      ),
    ),
    chosen === null
      ? null
      : svg('line', {
          class: 'chart-chosen',
          x1: x(chosen),
          x2: x(chosen),
          y1: TOP,
          y2: HEIGHT - BOTTOM,
        }),
    formed
      ? mark(
          x(formed.step),
          messageText('training.heads.mark', { step: formed.step, head: formed.name }),
          2,
        )
      : null,
    rise ? mark(x(rise.to.step), messageText('training.rise', { step: rise.to.step }), 1) : null,
    svg('path', { class: 'chart-line', d: path }),
    judged.map(({ step, loss }) =>
      svg('circle', { class: 'chart-point', cx: x(step), cy: y(loss), r: 3 }),
    ),
    end
      ? svg(
          'text',
          {
            class: 'chart-label',
            x: x(end.step) + 8,
            y: y(end.loss) + apart,
            'dominant-baseline': 'central',
          },
          messageText('training.learning'),
        )
      : null,
    kept
      ? svg(
          'text',
          {
            class: 'chart-label chart-kept',
            x: x(kept.step) + 8,
            y: y(kept.loss) - apart,
            'dominant-baseline': 'central',
          },
          messageText('training.kept'),
        )
      : null,
  );
}

/** A step that something began at: a dashed line, and in a line of its own what began. @param {number} x @param {string} what @param {number} line */
function mark(x, what, line) {
  const isLeft = x < WIDTH / 2;
  return [
    svg('line', { class: 'chart-jump', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }),
    svg(
      'text',
      {
        class: 'chart-label',
        x: isLeft ? x + 6 : x - 6,
        y: TOP - 2 + 14 * line,
        'text-anchor': isLeft ? 'start' : 'end',
      },
      what,
    ),
  ];
}
