/**
 * Where an answer comes from: its probability with the MLP of one layer off, or its attention, layer by layer.
 *
 * In the address: `facts.question`, which text is asked about; `own` for the reader's prompt.
 */

import { inForce, without } from '../kit/changes.js';
import { visible, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button, choice, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { requested } from '../kit/state.js';
import { neverRead, otherRun } from './facts/never_read.js';
import { caption, said } from './facts/words.js';
import { barCell, remembering } from './logits/word.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/** What is left of the answer without a part. @typedef {{layer: number, left: number, first: number}} Off */

/**
 * @typedef {object} Answers
 * @property {number} id           of the answer: the likeliest with nothing off
 * @property {number} probability
 * @property {Off[]} mlps          with one off each
 * @property {Off[]} attentions    likewise; none in a deep model
 * @property {import('./facts/never_read.js').Other | null} other  of another model of the same shape, where one is served
 * @property {Record<string, string>} pieces
 */

/** Facts of Tinytown's stories, and a question whose answer stands in the text. */
const QUESTIONS = [
  { prompt: 'when was tom born? in' },
  { prompt: 'where does tom come from? from' },
  { prompt: 'the capital of cuba is' },
  { prompt: 'the bird is red. what color is the bird? the bird is' },
];
/** Layers up to which attention is switched off as well: each is a pass of its own. */
const DEEP = 12;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'facts',
  mount(root, page) {
    /** @type {{of: Selection, answers: Answers} | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('facts.title'), table });
    const rows = h('div', {
      class: 'facts-rows',
      tabindex: '0',
      role: 'group',
      'aria-label': messageText('facts.rows'),
    });
    fill(parts.body, rows);
    const question = choice({
      label: messageText('facts.question'),
      options: [
        ...QUESTIONS.map(
          ({ prompt }, at) => /** @type {[string, string]} */ ([String(at), prompt]),
        ),
        ['own', messageText('facts.own')],
      ],
      value: '0',
      onChange: (value) => page.set({ 'facts.question': value }),
    });
    const use = button(messageText('facts.use'), () => {
      if (drawn) page.set({ prompt: drawn.of.prompt, token: null, 'facts.question': 'own' });
    });
    parts.controls.append(question.node, use);
    const never = neverRead();
    parts.side.append(never.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answers>) => Promise<Answers>} */
    const once = remembering();

    function table() {
      if (!drawn) return null;
      const { answers } = drawn;
      const cells = (/** @type {Off | undefined} */ off) =>
        off
          ? [number(off.left, { percent: true }), visible(answers.pieces[off.first] ?? '')]
          : ['–', '–'];
      return {
        caption: messageText('facts.table', { word: word(answers.pieces[answers.id] ?? '') }),
        head: [
          messageText('facts.table.layer'),
          messageText('facts.mlp'),
          messageText('facts.table.then'),
          messageText('facts.attention'),
          messageText('facts.table.then'),
        ],
        rows: answers.mlps.map((off) => [
          String(off.layer),
          ...cells(off),
          ...cells(answers.attentions[off.layer]),
        ]),
      };
    }

    /** @param {Answers} answers @param {boolean} isChanged */
    function drawRows(answers, isChanged) {
      const { probability, mlps, attentions } = answers;
      const most = Math.max(probability, ...[...mlps, ...attentions].map(({ left }) => left));
      const cell = (/** @type {number} */ left, /** @type {string} */ kind) => [
        barCell(left, most, { before: probability, kind }),
        number(left, { percent: true }),
      ];
      const isWide = attentions.length > 0;
      rows.classList.toggle('has-attention', isWide);
      const wide = (/** @type {'facts.mlp' | 'facts.attention'} */ id) =>
        h('span', { class: 'facts-wide' }, message(id));
      fill(
        rows,
        h(
          'div',
          { class: 'facts-row facts-head', 'aria-hidden': 'true' },
          h('span', null, ''),
          wide('facts.mlp'),
          isWide ? wide('facts.attention') : null,
        ),
        mlps.map((off) => {
          const other = attentions[off.layer];
          return h(
            'div',
            { class: 'facts-row' },
            h('span', { class: 'facts-layer' }, message('facts.layer', { layer: off.layer })),
            cell(off.left, 'is-mlp'),
            other ? cell(other.left, 'is-attention') : null,
          );
        }),
        h(
          'p',
          { class: 'facts-whole' },
          message(isChanged ? 'facts.whole.changed' : 'facts.whole', {
            word: said(answers, answers.id),
            share: number(probability, { percent: true }),
          }),
        ),
      );
    }

    return {
      async draw(own, signal) {
        const chosen = own.more['facts.question'] ?? '0';
        const text = QUESTIONS[Number(chosen)]?.prompt;
        question.select.value = text === undefined ? 'own' : chosen;
        use.hidden = text === undefined;
        const of = text === undefined ? own : await asked(own, text, signal);
        const { model, prompt, chat, token, about } = of;
        const key = { model, prompt, chat, token, step: about.step };
        const answers = await once(key, (signal) => answered(of, signal));
        signal.throwIfAborted();
        drawn = { of, answers };
        drawRows(answers, inForce(of.changes).length > 0);
        never.draw(of, answers);
        parts.caption(...caption(of, answers));
        parts.say(
          answers.mlps
            .map(({ layer, left }) =>
              messageText('facts.said', { layer, share: format(left, { percent: true }) }),
            )
            .join(', '),
        );
      },
    };
  },
};

/** A text in the place of the reader's. @param {Selection} of @param {string} prompt @param {AbortSignal} signal @returns {Promise<Selection>} */
async function asked(of, prompt, signal) {
  const { ids, pieces } = await ask('tokens', { model: of.model, prompt, chat: false }, { signal });
  return { ...of, prompt, chat: false, ids, pieces, token: ids.length - 1 };
}

/** The answer as it is, and with one part off after the other. @param {Selection} of @param {AbortSignal} signal @returns {Promise<Answers>} */
async function answered(of, signal) {
  const { model, prompt, chat, token, about } = of;
  const { edits = [], ...others } = requested(prompt);
  /** @param {string[]} more @param {number | null} next */
  const next = (more, next) =>
    ask(
      'next',
      { model, prompt, chat, token, most: 1, of: next, ...others, edits: [...edits, ...more] },
      { signal },
    );
  const whole = await next([], null);
  const { id, probability } = whole.top[0];
  const pieces = { ...whole.pieces };
  /** @param {'mlp' | 'attention'} part @returns {Promise<Off[]>} */
  const off = async (part) => {
    const found = [];
    for (let layer = 0; layer < about.layers; layer += 1) {
      const answer = await next([without(part, layer).edit ?? ''], id);
      Object.assign(pieces, answer.pieces);
      found.push({ layer, left: answer.of.probability, first: answer.top[0].id });
    }
    return found;
  };
  const mlps = await off('mlp');
  const attentions = about.layers <= DEEP ? await off('attention') : [];
  const other = await otherRun(of, id, signal);
  return { id, probability, mlps, attentions, other, pieces };
}
