/**
 * How the model learned, or is learning just now: its loss, its speed, what it says.
 */

import { ask, ProgramError, UnreachableError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count, format, number } from '../kit/number.js';
import { sentences } from '../kit/sentences.js';
import { listen } from '../kit/training.js';
import { views } from '../kit/views.js';
import { birth, chart, inWords, jump } from './training/charts.js';

/** @typedef {{step: number, text: string}} Sample */
/** @typedef {import('./training/charts.js').Point} Point */
/** @typedef {import('./training/charts.js').Able} Able */
/** @typedef {import('./training/charts.js').Copier} Copier */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'training',
  mount(root, page) {
    /** The head that looks answers up, and whose it is. @type {{of: string, head: Copier | null}} */
    let copier = { of: '', head: null };
    /** @type {{losses: Point[], judged: Point[], samples: Sample[], able: Able[], steps: number}} */
    let known = { losses: [], judged: [], samples: [], able: [], steps: 0 };
    let isLive = false;
    const parts = figure(root, { title: messageText('training.title'), table });
    const state = h('p', { class: 'training-state', role: 'status' });
    const done = h('progress', {
      class: 'training-progress',
      max: '1',
      'aria-label': messageText('training.progress'),
    });
    const curve = h('div', { class: 'training-curve' });
    const born = h('div', { class: 'training-born' });
    const samples = h('div', { class: 'training-samples' });
    const heads = h('div');
    const formed = h(
      'details',
      { class: 'training-heads', hidden: true, ontoggle: () => drawFormed() },
      h('summary', null, message('training.heads.open')),
      heads,
    );
    /** @type {ReturnType<typeof import('./training/formed.js').formation> | null} */
    let formation = null;
    /** What the heads' scores mark on the curve. @type {import('./training/charts.js').Marks} */
    let marks = { formed: null, chosen: null };
    /** @type {import('../kit/stage.js').Selection | null} */
    let selection = null;
    const choice = views({
      name: messageText('training.views'),
      views: [
        { name: 'loss', label: messageText('training.views.loss'), node: curve },
        { name: 'able', label: messageText('training.views.able'), node: born },
        { name: 'said', label: messageText('training.views.said'), node: samples },
      ],
    });
    fill(parts.body, state, done, choice.node, curve, born);
    fill(parts.side, samples);
    root.append(formed);
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
        parts.title(message('training.title.made'));
        fill(state, message('training.phase', { doing: news.doing }));
      } else if (news.type === 'begun') {
        isLive = true;
        known.steps = news.steps;
        parts.title(message('training.title.learning', { parameters: news.parameters }));
        parts.caption(
          sentences(
            message('training.begun', {
              tokens: news.tokens,
              step: news.tokens_per_step,
              parameters: news.parameters,
              steps: news.steps,
            }),
            message('training.page'),
          ),
        );
      } else if (news.type === 'step') {
        known.losses.push(news);
        done.hidden = false;
        done.value = known.steps ? news.step / known.steps : 0;
        fill(
          state,
          message('training.state', {
            step: tabular(news.step),
            steps: tabular(known.steps),
            loss: number(news.loss),
            rate: tabular(news.tokens_per_second),
            seconds: tabular(news.seconds_left),
          }),
        );
      } else if (news.type === 'judged') {
        known.judged.push(news);
      } else if (news.type === 'able') {
        known.able.push(news);
      } else if (news.type === 'said') {
        known.samples.push(news);
      } else if (news.type === 'done') {
        done.hidden = true;
        parts.title(message('training.title.done'));
        fill(
          state,
          message('training.done', {
            count: news.step,
            seconds: format(news.seconds, { digits: 0 }),
          }),
        );
      } else if (news.type === 'failed') {
        done.hidden = true;
        parts.problem(news.error);
      }
      if (news.type !== 'snapshot' && news.type !== 'idle') soon();
    });

    function drawAll() {
      const rise = jump(known.able);
      fill(curve, chart(known.losses, known.judged, known.steps, rise, marks));
      fill(born, known.able.length ? birth(known.able, known.steps, rise, copier.head, go) : null);
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
            h('span', { class: 'number' }, message('training.step', { step })),
            ' ',
            h('q', null, text),
          ),
        ),
      );
      parts.say(
        known.losses.length
          ? messageText('training.said', {
              first: format(known.losses[0]?.loss ?? 0),
              last: format(known.losses.at(-1)?.loss ?? 0),
            })
          : '',
      );
    }

    /** @param {import('../kit/stage.js').Selection} of @param {AbortSignal} signal */
    async function findHead(of, signal) {
      try {
        const head = await ask('training/copying', { model: of.model }, { signal });
        if (copier.of !== of.model) return;
        copier.head = head;
        drawAll();
      } catch (error) {
        // A vocabulary that cannot read the questions has no such head to show.
        if (
          !signal.aborted &&
          !(error instanceof ProgramError || error instanceof UnreachableError)
        )
          throw error;
      }
    }

    /** Scores the heads of the run's earlier models, where that is opened. */
    async function drawFormed() {
      if (!formed.open || formed.hidden || !selection) return;
      if (!formation) {
        const module = await import('./training/formed.js');
        formation ??= module.formation(heads, (now) => {
          marks = now;
          drawAll();
        });
      }
      formation.draw(selection);
    }

    /** Chooses the head at the answer of one question, and goes to where attention is shown. @param {Copier} head */
    function go({ layer, head, prompt, token, key }) {
      page.set({ prompt, chat: false, layer, head, token, 'attend.key': key, 'attend.step': null });
      document.querySelector('#attend-section')?.scrollIntoView();
    }

    function table() {
      const judged = known.judged;
      return {
        caption: messageText('training.table'),
        head: [messageText('training.table.step'), messageText('training.table.loss')],
        rows: judged.map(({ step, loss }) => [count(step), number(loss)]),
      };
    }

    return {
      async draw(of, signal) {
        // Of a model that is still learning the news tell.
        selection = of;
        if (isLive || of.about.step !== null) return;
        const history = await ask('training/history', { model: of.model }, { signal });
        known = {
          losses: history.losses,
          judged: history.judged,
          samples: history.samples,
          able: history.able,
          steps: history.steps ?? 0,
        };
        parts.title(message('training.title.of', { model: of.model }));
        formed.hidden = known.losses.length === 0;
        drawFormed();
        if (formed.hidden) {
          fill(curve);
          fill(state, message('training.elsewhere'));
          parts.caption();
          return;
        }
        const first = known.judged[0] ?? known.losses[0];
        const last = known.judged.at(-1) ?? known.losses.at(-1);
        fill(state, message('training.steps', { count: known.steps }));
        if (copier.of !== of.model) copier = { of: of.model, head: null };
        drawAll();
        if (known.able.length && !copier.head) findHead(of, signal);
        parts.caption(
          sentences(
            message('training.caption'),
            inWords(last?.loss ?? 0, of.about.vocabulary),
            message(fell(first?.loss ?? 0, last?.loss ?? 0, known.judged.length > 0), {
              first: number(first?.loss ?? 0, { digits: 2 }),
              last: number(last?.loss ?? 0, { digits: 2 }),
              most: number(Math.log(of.about.vocabulary), { digits: 2 }),
            }),
          ),
        );
      },
    };
  },
};

/** What became of the loss. @param {number} first @param {number} last @param {boolean} isJudged */
function fell(first, last, isJudged) {
  if (last < first) return isJudged ? 'training.fell.judged' : 'training.fell';
  return isJudged ? 'training.went.judged' : 'training.went';
}

/** A number whose digits stand where they stood. @param {number} value */
function tabular(value) {
  return h('span', { class: 'number' }, count(value));
}
