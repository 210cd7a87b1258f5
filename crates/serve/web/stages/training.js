/**
 * How the model learned, or is learning just now: its loss, its speed, what it says.
 */

import { ask, ProgramError, UnreachableError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { count, format, number } from '../kit/number.js';
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
    const choice = views({
      name: 'what is shown of the training',
      views: [
        { name: 'loss', label: 'its loss', node: curve },
        { name: 'able', label: 'what it can do', node: born },
        { name: 'said', label: 'what it wrote', node: samples },
      ],
    });
    fill(parts.body, state, done, choice.node, curve, born);
    fill(parts.side, samples);
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
          `It has a text of ${count(news.tokens)} tokens to learn from. A step takes ${count(news.tokens_per_step)} of them and does three things. It guesses: for each token the model says how likely every next token is. It compares: the loss is how little it gave to the token that really came. It nudges: every one of the ${count(news.parameters)} numbers is moved a little, in the direction that would have made the loss smaller. After ${count(news.steps)} steps that is all there was to learning. `,
          'The whole page shows the model as it stands: each figure says what these weights say, and changes as they learn.',
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
      const rise = jump(known.able);
      fill(curve, chart(known.losses, known.judged, known.steps, rise));
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

    /** Chooses the head at the answer of one question, and goes to where attention is shown. @param {Copier} head */
    function go({ layer, head, prompt, token, key }) {
      page.set({ prompt, chat: false, layer, head, token, 'attend.key': key, 'attend.step': null });
      document.querySelector('#attend-section')?.scrollIntoView();
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
          samples: history.samples,
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
        if (copier.of !== of.model) copier = { of: of.model, head: null };
        drawAll();
        if (known.able.length && !copier.head) findHead(of, signal);
        parts.caption(
          'Each step was three things: guess the next token everywhere in a piece of text, compare with the token that really came, and nudge every number of the model so that the right one would have been a little likelier. The ',
          h('em', null, 'loss'),
          ' is how surprised the model is by the token that comes, measured in ',
          h('em', null, 'nats'),
          '. It ',
          (last?.loss ?? 0) < (first?.loss ?? 0) ? 'fell from ' : 'went from ',
          number(first?.loss ?? 0, { digits: 2 }),
          ' to ',
          number(last?.loss ?? 0, { digits: 2 }),
          known.judged.length ? ' on text that it never learned from. ' : '. ',
          ...inWords(last?.loss ?? 0, of.about.vocabulary),
        );
      },
    };
  },
};
