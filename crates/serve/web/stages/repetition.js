/**
 * The same prompt written on four times: always with the likeliest token, and with three seeds at a
 * temperature; what a text repeats of itself is marked.
 *
 * In the address: `repetition.temperature`, in tenths, and `repetition.seed`, the first of the three.
 */

import { visible } from '../kit/chips.js';
import { events, ProgramError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button, figure, slider } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count } from '../kit/number.js';
import { get } from '../kit/state.js';
import { opensOn } from './example.js';
import { repeated } from './repetition/runs.js';
import { caption, repeatedOf, tally } from './repetition/words.js';
import { samplers } from './sampling.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/**
 * A text that was written on.
 * @typedef {object} Text
 * @property {string} name
 * @property {{id: number, text: string, isRepeated: boolean}[]} tokens  behind the prompt
 * @property {boolean} isEnded  whether the model ended it
 */

/** Tokens that each text gets, and seeds that are drawn with. */
const [MOST, SEEDS] = [40, 3];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'repetition',
  mount(root, page) {
    /** @type {Text[]} */
    let texts = [];
    let key = '';
    const parts = figure(root, { title: messageText('repetition.title'), table });
    const grid = h('div', { class: 'repetition-texts' });
    fill(parts.body, grid);
    const heat = slider({
      label: messageText('repetition.temperature'),
      min: 1,
      max: 20,
      value: 10,
      show: (tenths) => (tenths / 10).toFixed(1),
      onInput: (tenths) => page.set({ 'repetition.temperature': tenths }),
    });
    const seeds = button(messageText('repetition.seeds'), () =>
      page.set({ 'repetition.seed': chosenSeed(get().more) + SEEDS }),
    );
    const example = opensOn(page, 'repetition', { prompt: 'red red' });
    parts.controls.append(heat.node, seeds, example.node);

    function table() {
      return {
        caption: messageText('repetition.table'),
        head: [
          messageText('repetition.table.how'),
          messageText('repetition.table.tokens'),
          messageText('repetition.table.repeated'),
          messageText('repetition.table.text'),
        ],
        rows: texts.map((text) => [
          text.name,
          count(text.tokens.length),
          count(repeatedOf(text)),
          text.tokens.map(({ text }) => text).join(''),
        ]),
      };
    }

    function paint() {
      fill(
        grid,
        texts.map((text) =>
          h(
            'div',
            { class: 'repetition-text' },
            h(
              'p',
              { class: 'repetition-name' },
              h('b', null, text.name),
              ' ',
              tally(text),
              text.isEnded ? message('repetition.ended') : null,
            ),
            h(
              'p',
              { class: 'repetition-words', tabindex: '0', role: 'group', 'aria-label': text.name },
              text.tokens.map(({ id, text, isRepeated }) =>
                h(
                  isRepeated ? 'mark' : 'span',
                  { 'data-id': id },
                  text.includes('\n') ? visible(text) : text,
                ),
              ),
            ),
          ),
        ),
      );
    }

    /**
     * @param {Selection} of
     * @param {string} name
     * @param {Record<string, number>} settings
     * @param {number} seed
     * @param {AbortSignal} signal
     * @returns {Promise<Text>}
     */
    async function write(of, name, settings, seed, signal) {
      const { model, prompt, chat, ids } = of;
      /** @type {{id: number, text: string}[]} */
      const written = [];
      let [read, finish] = [ids.length, ''];
      const body = {
        ...{ model, prompt, chat, behind: [], tokens: MOST, settings, seed },
        ...{ alternatives: 1, afresh: false, pause: 0 },
      };
      await events(
        'repeat',
        body,
        (event) => {
          if (event.type === 'refused') throw new ProgramError(event.error);
          if (event.type === 'begin') read = event.prompt.length;
          if (event.type === 'turn' && event.last && event.tokens > read + written.length)
            written.push(event.last);
          if (event.type === 'end') finish = event.finish;
        },
        { signal },
      );
      const marks = repeated([...ids, ...written.map(({ id }) => id)]).slice(ids.length);
      const tokens = written.map(({ id, text }, at) => ({
        id,
        text,
        isRepeated: marks[at] === true,
      }));
      return { name, tokens, isEnded: finish === 'stop' };
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const all = await samplers();
        const temperature = tenths(of.more) / 10;
        const first = chosenSeed(of.more);
        heat.set(tenths(of.more));
        const { model, prompt, chat, about, changes } = of;
        const now = JSON.stringify([model, prompt, chat, about.step, changes, temperature, first]);
        if (now === key) return;
        const neutral = Object.fromEntries(all.map(({ name, neutral }) => [name, neutral]));
        const found = [
          await write(
            of,
            messageText('repetition.greedy'),
            { ...neutral, temperature: 0 },
            0,
            signal,
          ),
        ];
        for (let seed = first; seed < first + SEEDS; seed += 1) {
          const name = messageText('repetition.drawn', {
            temperature: temperature.toFixed(1),
            seed: String(seed),
          });
          found.push(await write(of, name, { ...neutral, temperature }, seed, signal));
        }
        signal.throwIfAborted();
        [texts, key] = [found, now];
        paint();
        parts.caption(caption(texts, temperature));
        parts.say(
          texts
            .map((text) => messageText('repetition.said', { name: text.name, tally: tally(text) }))
            .join('; '),
        );
      },
    };
  },
};

/** @param {Record<string, string>} more */
function tenths(more) {
  const tenths = Number(more['repetition.temperature'] ?? 10);
  return Number.isInteger(tenths) && tenths >= 1 && tenths <= 20 ? tenths : 10;
}

/** @param {Record<string, string>} more */
function chosenSeed(more) {
  const text = more['repetition.seed'] ?? '';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
