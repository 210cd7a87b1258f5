/**
 * When a run's heads formed: what share of its weights each head had at each whole model that the run kept, where a
 * kind of head has them, and since when. Asked for when it is opened.
 *
 * The kinds and the bounds are those of `lookback heads --snapshots`.
 */

import { events, ProgramError } from '../../kit/client.js';
import { command } from '../../kit/command.js';
import { fill, h, svg } from '../../kit/dom.js';
import { slider } from '../../kit/figure.js';
import { message, messageText, sentences } from '../../kit/messages.js';
import { count, format, number } from '../../kit/number.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {{layer: number, head: number, previous_token: number, duplicate_token: number, repeated_induction: number}} Head */
/** @typedef {{step: number, heads: Head[]}} Stop */
/** @typedef {{name: string, kind: Kind, score: number, step: number}} Formed */
/** @typedef {'previous' | 'duplicate' | 'induction'} Kind */

/** What is read of each model: sequences, and tokens of each. */
const [SEQUENCES, TOKENS] = [32, 64];
/** From which score on a head is of a kind in the end. */
const IS_ONE = 0.3;
/** Heads in the table, and heads that sentences speak of. */
const [SHOWN, TOLD] = [12, 3];

/** @type {Record<Kind, (head: Head) => number>} */
const SCORES = {
  previous: (head) => head.previous_token,
  duplicate: (head) => head.duplicate_token,
  induction: (head) => head.repeated_induction,
};
const KINDS = /** @type {Kind[]} */ (Object.keys(SCORES));

const NAMES = /** @type {const} */ ({
  previous: 'training.heads.previous',
  duplicate: 'training.heads.duplicate',
  induction: 'training.heads.induction',
});
const SINCE = /** @type {const} */ ({
  previous: 'training.heads.previous.since',
  duplicate: 'training.heads.duplicate.since',
  induction: 'training.heads.induction.since',
});

/** A training by the settings and the tokenizer of a run, which change no text. @param {string} path */
const trainingOf = (path) => [
  'train',
  'TEXT',
  '--config',
  `${path}/training.toml`,
  '--tokenizer',
  path,
  '--out',
  'runs/heads',
];

/** @param {Head} head */
const nameOf = ({ layer, head }) => `${layer}.${head}`;
/** The highest of a head's scores. @param {Head} head */
const highest = (head) => Math.max(...KINDS.map((kind) => SCORES[kind](head)));

/**
 * Heads that are of a kind at the end, each with the first step from which on it had half of its last score; the
 * first to form first.
 * @param {Stop[]} stops
 * @returns {Formed[]}
 */
function formedOf(stops) {
  const end = stops.at(-1);
  if (!end) return [];
  const formed = KINDS.flatMap((kind) =>
    end.heads.flatMap((head, at) => {
      const score = SCORES[kind](head);
      if (score < IS_ONE) return [];
      const isLess = (/** @type {Stop} */ { heads }) =>
        SCORES[kind](/** @type {Head} */ (heads[at])) < score / 2;
      const since = stops[stops.findLastIndex(isLess) + 1] ?? end;
      return [{ name: nameOf(head), kind, score, step: since.step }];
    }),
  );
  return formed.sort((a, b) => a.step - b.step || b.score - a.score);
}

/**
 * @param {HTMLElement} root
 * @param {(marks: {formed: {name: string, step: number} | null, chosen: number | null}) => void} onMark
 *   what is to be marked on the curve of the loss
 */
export function formation(root, onMark) {
  /** @type {Stop[]} */
  let stops = [];
  let chosen = 0;
  let asked = '';
  let mine = new AbortController();
  const said = h('p', { class: 'training-heads-said', role: 'status' });
  const train = command(messageText('training.heads.command'));
  const charts = h('div', { class: 'training-heads-charts' });
  const table = h('div', { class: 'training-heads-table' });
  const step = slider({
    label: messageText('training.heads.step'),
    min: 0,
    max: 0,
    value: 0,
    show: (at) => count(stops[at]?.step ?? 0),
    onInput: (at) => {
      chosen = at;
      draw();
    },
  });
  step.node.hidden = true;
  fill(root, said, train.node, step.node, charts, table);

  function draw() {
    const formed = formedOf(stops);
    const [first] = formed;
    const stop = stops[chosen];
    const end = stops.at(-1);
    if (!stop || !end) return;
    fill(
      charts,
      KINDS.map((kind) => chart(kind, stops, formed, stop.step)),
    );
    const order = [...end.heads.keys()].sort(
      (a, b) =>
        highest(/** @type {Head} */ (end.heads[b])) - highest(/** @type {Head} */ (end.heads[a])),
    );
    const shown = order.slice(0, SHOWN).sort((a, b) => a - b);
    fill(
      table,
      tableOf(
        shown.map((at) => /** @type {Head} */ (stop.heads[at])),
        stop.step,
        formed,
      ),
      shown.length < end.heads.length
        ? h(
            'p',
            { class: 'training-heads-some' },
            message('training.heads.some', { some: shown.length, all: end.heads.length }),
          )
        : null,
    );
    onMark({ formed: first ?? null, chosen: stop.step });
  }

  function tell() {
    const formed = formedOf(stops);
    fill(
      said,
      formed.length === 0
        ? message('training.heads.none', { bound: format(IS_ONE, { percent: true }) })
        : sentences(
            ...formed.slice(0, TOLD).map(({ name, kind, score, step }) =>
              message(SINCE[kind], {
                head: name,
                score: number(score, { percent: true }),
                step: h('span', { class: 'number' }, count(step)),
              }),
            ),
            formed.length > TOLD
              ? message('training.heads.more', { count: formed.length - TOLD })
              : [],
          ),
    );
  }

  /** @param {Selection} of */
  async function read(of) {
    mine.abort();
    mine = new AbortController();
    const { signal } = mine;
    stops = [];
    fill(charts);
    fill(table);
    step.node.hidden = true;
    train.show(null);
    onMark({ formed: null, chosen: null });
    let all = 0;
    fill(said, message('training.heads.busy'));
    try {
      await events(
        'heads/steps',
        { model: of.model, sequences: SEQUENCES, tokens: TOKENS },
        (/** @type {any} */ event) => {
          if (signal.aborted) return;
          if (event.type === 'refused') throw new ProgramError(event.error);
          if (event.type === 'begin') all = event.steps.length;
          if (event.type !== 'step') return;
          stops.push({ step: event.step, heads: event.heads });
          chosen = stops.length - 1;
          fill(said, message('training.heads.reading', { done: stops.length, all }));
          draw();
        },
        { signal },
      );
      if (signal.aborted) return;
      step.set(chosen, { max: stops.length - 1 });
      step.node.hidden = false;
      tell();
      draw();
    } catch (error) {
      if (signal.aborted) return;
      asked = '';
      if (!(error instanceof ProgramError)) throw error;
      // Whether a run kept whole models is known once they are asked for.
      const isMissing = all === 0;
      fill(
        said,
        isMissing ? message('training.heads.missing', { problem: error.message }) : error.message,
      );
      if (isMissing) train.show(trainingOf(of.about.path), ['--set whole_snapshots=true']);
    }
  }

  return {
    /** @param {Selection} of */
    draw(of) {
      const key = JSON.stringify([of.model, of.about.path]);
      if (key === asked) return;
      asked = key;
      read(of);
    },
  };
}

/**
 * What share of its weights each head has where a kind of head has them, step by step.
 * @param {Kind} kind
 * @param {Stop[]} stops
 * @param {Formed[]} formed
 * @param {number} chosen  the step that the table shows
 */
function chart(kind, stops, formed, chosen) {
  const score = SCORES[kind];
  const last = Math.max(1, stops.at(-1)?.step ?? 1);
  const high = Math.max(
    IS_ONE,
    Math.ceil(10 * Math.max(...stops.flatMap(({ heads }) => heads.map(score)))) / 10,
  );
  const x = (/** @type {number} */ step) => 8 + (304 * step) / last;
  const y = (/** @type {number} */ value) => 70 - (60 * value) / high;
  const names = new Set(formed.filter((of) => of.kind === kind).map(({ name }) => name));
  const heads = stops[0]?.heads ?? [];
  const path = (/** @type {number} */ at) =>
    stops
      .map(
        ({ step, heads }, stop) =>
          `${stop ? 'L' : 'M'}${x(step).toFixed(1)} ${y(score(/** @type {Head} */ (heads[at]))).toFixed(1)}`,
      )
      .join('');
  // Those that formed lie above the others.
  const order = [...heads.keys()].sort((a, b) => isFormed(a) - isFormed(b));
  function isFormed(/** @type {number} */ at) {
    return Number(names.has(nameOf(/** @type {Head} */ (heads[at]))));
  }
  return svg(
    'svg',
    {
      class: 'chart training-small',
      viewBox: '0 0 320 90',
      role: 'img',
      'aria-label': messageText('training.heads.chart', { what: messageText(NAMES[kind]) }),
    },
    [0, high].map((value) =>
      svg('line', { class: 'chart-grid', x1: 8, x2: 312, y1: y(value), y2: y(value) }),
    ),
    svg('line', { class: 'chart-chosen', x1: x(chosen), x2: x(chosen), y1: y(0), y2: y(high) }),
    order.map((at) =>
      svg('path', { class: isFormed(at) ? 'chart-line is-formed' : 'chart-line', d: path(at) }),
    ),
    formed
      .filter((of) => of.kind === kind)
      .map(({ step, score }) =>
        svg('circle', { class: 'chart-point', cx: x(step), cy: y(score / 2), r: 3 }),
      ),
    svg('text', { class: 'chart-label', x: 8, y: 86 }, messageText(NAMES[kind])),
    svg(
      'text',
      { class: 'chart-label', x: 312, y: 86, 'text-anchor': 'end' },
      messageText('training.top', { value: format(high, { digits: 1 }) }),
    ),
  );
}

/**
 * The scores of heads at a step.
 * @param {Head[]} heads
 * @param {number} step
 * @param {Formed[]} formed
 */
function tableOf(heads, step, formed) {
  const cell = (/** @type {Head} */ head, /** @type {Kind} */ kind) => {
    const of = formed.find((of) => of.kind === kind && of.name === nameOf(head));
    const score = number(SCORES[kind](head), { digits: 2 });
    return h('td', { class: of && of.step <= step ? 'is-formed' : '' }, score);
  };
  const since = (/** @type {Head} */ head) =>
    formed.filter(({ name }) => name === nameOf(head)).map(({ step }) => count(step));
  return h(
    'table',
    null,
    h('caption', null, message('training.heads.table', { step })),
    h(
      'thead',
      null,
      h(
        'tr',
        null,
        h('th', { scope: 'col' }, message('training.heads.table.head')),
        KINDS.map((kind) => h('th', { scope: 'col' }, message(NAMES[kind]))),
        h('th', { scope: 'col' }, message('training.heads.table.since')),
      ),
    ),
    h(
      'tbody',
      null,
      heads.map((head) =>
        h(
          'tr',
          { 'data-head': nameOf(head) },
          h('th', { scope: 'row' }, nameOf(head)),
          KINDS.map((kind) => cell(head, kind)),
          h('td', null, since(head).join(', ') || '–'),
        ),
      ),
    ),
  );
}
