/**
 * How the model learned, or is learning just now: its loss, its speed, what it says.
 */

import { ask } from '../kit/ask.js';
import { fill, h, svg } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { count, format, number } from '../kit/number.js';
import { listen } from '../kit/training.js';

/** @typedef {{step: number, loss: number}} Point */
/** @typedef {{step: number, text: string}} Sample */
/** @typedef {{step: number, look_ups: number, repeated: number}} Able */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'training',
  mount(root) {
    /** @type {{losses: Point[], judged: Point[], samples: Sample[], able: Able[], steps: number}} */
    let known = { losses: [], judged: [], samples: [], able: [], steps: 0 };
    let isLive = false;
    const parts = figure(root, { title: 'How the model learned', table });
    const state = h('p', { class: 'training-state', role: 'status' });
    const done = h('progress', {
      class: 'training-progress',
      max: '1',
      'aria-label': 'share of the training that is done',
    });
    const curve = h('div', { class: 'training-curve' });
    const born = h('div', { class: 'training-born' });
    const samples = h('div', { class: 'training-samples' });
    fill(parts.body, state, done, curve, born, samples);
    done.hidden = true;

    let isDue = false;
    /** Many events make one drawing. */
    function soon() {
      if (isDue) return;
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        drawAll();
      });
    }

    listen((news) => {
      if (news.type === 'phase') {
        isLive = true;
        known = { losses: [], judged: [], samples: [], able: [], steps: 0 };
        parts.title('A model is being made on this machine');
        fill(state, `${news.doing} …`);
      } else if (news.type === 'begun') {
        isLive = true;
        known.steps = news.steps;
        parts.title(
          `A transformer of ${count(news.parameters)} parameters is learning on this machine`,
        );
        parts.caption(
          `It reads a text of ${count(news.tokens)} tokens, ${count(news.tokens_per_step)} at a time, guesses every next token, and is corrected ${count(news.steps)} times. `,
          'The whole page shows it as it stands: each figure says what these weights say, and changes as they learn.',
        );
      } else if (news.type === 'step') {
        known.losses.push(news);
        done.hidden = false;
        done.value = known.steps ? news.step / known.steps : 0;
        fill(
          state,
          'step ',
          h('span', { class: 'number' }, count(news.step)),
          ' of ',
          h('span', { class: 'number' }, count(known.steps)),
          ', loss ',
          number(news.loss),
          ', ',
          h('span', { class: 'number' }, count(news.tokens_per_second)),
          ' tokens a second, ',
          h('span', { class: 'number' }, count(news.seconds_left)),
          ' s left',
        );
      } else if (news.type === 'judged') {
        known.judged.push(news);
      } else if (news.type === 'able') {
        known.able.push(news);
      } else if (news.type === 'said') {
        known.samples.push(news);
      } else if (news.type === 'done') {
        done.hidden = true;
        parts.title('The model has learned');
        fill(
          state,
          `${count(news.step)} steps in ${format(news.seconds, { digits: 0 })} s on this machine.`,
        );
      } else if (news.type === 'failed') {
        done.hidden = true;
        parts.problem(news.error);
      }
      if (news.type !== 'snapshot' && news.type !== 'idle') soon();
    });

    function drawAll() {
      fill(curve, chart(known.losses, known.judged, known.steps));
      fill(born, known.able.length ? birth(known.able, known.steps) : null);
      // The first attempts, one from the middle, and the last ones: enough to see it learn to speak.
      const all = known.samples;
      const some =
        all.length <= 4
          ? all
          : [0, Math.floor(all.length / 3), all.length - 2, all.length - 1].map(
              (at) => /** @type {Sample} */ (all[at]),
            );
      fill(
        samples,
        some.map(({ step, text }) =>
          h(
            'p',
            { class: 'training-sample' },
            h('span', { class: 'number' }, `step ${count(step)}`),
            ' ',
            h('q', null, text),
          ),
        ),
      );
      parts.say(
        known.losses.length
          ? `loss from ${format(known.losses[0]?.loss ?? 0)} to ${format(known.losses.at(-1)?.loss ?? 0)} nats per token`
          : '',
      );
    }

    function table() {
      const judged = known.judged;
      return {
        caption: 'validation loss in nats per token, on text that was kept back',
        head: ['step', 'loss'],
        rows: judged.map(({ step, loss }) => [count(step), number(loss)]),
      };
    }

    return {
      async draw(of, signal) {
        // Of a model that is still learning the news tell.
        if (isLive || of.about.step !== null) return;
        const history = await ask('training/history', { model: of.model }, { signal });
        known = {
          losses: history.losses,
          judged: history.judged,
          samples: [],
          able: history.able,
          steps: history.steps ?? 0,
        };
        parts.title(`How ${of.model} learned`);
        if (known.losses.length === 0) {
          fill(curve);
          fill(
            state,
            'This model was trained elsewhere, and nothing is known here of how it learned. What it learned is below.',
          );
          parts.caption();
          return;
        }
        const first = known.judged[0] ?? known.losses[0];
        const last = known.judged.at(-1) ?? known.losses.at(-1);
        fill(state, `${count(known.steps)} steps.`);
        drawAll();
        parts.caption(
          'The loss is how surprised the model is by the token that really comes next, in nats: it fell from ',
          number(first?.loss ?? 0, { digits: 2 }),
          ' to ',
          number(last?.loss ?? 0, { digits: 2 }),
          known.judged.length ? ' on text that it never learned from.' : '.',
        );
      },
    };
  },
};

/**
 * Two curves that turn suddenly, when heads begin to copy what followed a word before.
 * @param {Able[]} able
 * @param {number} steps
 */
function birth(able, steps) {
  const last = /** @type {Able} */ (able.at(-1));
  const share = able.map(({ step, look_ups }) => ({ step, value: look_ups }));
  const surprise = able.map(({ step, repeated }) => ({ step, value: repeated }));
  return [
    h(
      'p',
      { class: 'training-able' },
      'Of fifty questions such as ',
      h('q', null, 'which one is red? the red'),
      ' it answers ',
      number(last.look_ups, { percent: true, digits: 0 }),
      '; the words of a list that repeats surprise it by ',
      number(last.repeated, { digits: 2 }),
      ' nats each.',
    ),
    small('look-ups answered', share, steps, 1),
    small(
      'surprise at repeated words',
      surprise,
      steps,
      Math.max(1, ...able.map((a) => a.repeated)),
    ),
  ];
}

/**
 * A small curve from 0 to a height.
 * @param {string} name
 * @param {{step: number, value: number}[]} points
 * @param {number} steps
 * @param {number} high
 */
function small(name, points, steps, high) {
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
    svg('path', { class: 'chart-line', d: path }),
    svg('text', { class: 'chart-label', x: 8, y: 86 }, name),
    svg(
      'text',
      { class: 'chart-label', x: 312, y: 86, 'text-anchor': 'end' },
      `top: ${format(high, { digits: 1 })}`,
    ),
  );
}

const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [640, 220, 40, 24, 8];

/**
 * The loss over the steps: a line for what it learns from, points for what was kept back.
 * @param {Point[]} losses
 * @param {Point[]} judged
 * @param {number} steps
 */
function chart(losses, judged, steps) {
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
      'aria-label': 'loss over the steps',
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
        share === 0 ? 'step 0' : count(share * last),
      ),
    ),
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
          'learning',
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
          'kept back',
        )
      : null,
  );
}
