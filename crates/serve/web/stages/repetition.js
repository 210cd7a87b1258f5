/**
 * The same prompt written on four times: always with the likeliest token, and with three seeds at a
 * temperature; what a text repeats of itself is marked. Where the passes are changed, what the text was without
 * the changes stands behind it.
 *
 * In the address: `repetition.temperature`, in tenths, and `repetition.seed`, the first of the three.
 */

import { escaped, visible } from '../kit/chips.js';
import { events, ProgramError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button, figure, slider } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count } from '../kit/number.js';
import { get, requested } from '../kit/state.js';
import { opensOn } from './example.js';
import { repeated } from './repetition/runs.js';
import { caption, parted, repeatedOf, tally } from './repetition/words.js';
import { samplers } from './sampling.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */

/**
 * A text that was written on.
 * @typedef {object} Text
 * @property {string} name
 * @property {{id: number, text: string, isRepeated: boolean}[]} tokens  behind the prompt
 * @property {boolean} isEnded  whether the model ended it
 */

/** Tokens that each text gets, seeds that are drawn with, and fours that are remembered. */
const [MOST, SEEDS, KEPT] = [40, 3, 8];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'repetition',
  mount(root, page) {
    /** @type {{texts: Text[], before: Text[] | null}} */
    let drawn = { texts: [], before: null };
    /** @type {Map<string, Text[]>} */
    const kept = new Map();
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
      const { texts, before } = drawn;
      const column = (/** @type {import('../kit/dom.js').Child} */ cell) => (before ? [cell] : []);
      return {
        caption: messageText('repetition.table'),
        head: [
          messageText('repetition.table.how'),
          messageText('repetition.table.tokens'),
          messageText('repetition.table.repeated'),
          messageText('repetition.table.text'),
          ...column(messageText('repetition.table.before')),
        ],
        rows: texts.map((text, at) => [
          text.name,
          count(text.tokens.length),
          count(repeatedOf(text)),
          written(text),
          ...column(written(before?.[at])),
        ]),
      };
    }

    function paint() {
      const { texts, before } = drawn;
      fill(
        grid,
        texts.map((text, at) =>
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
              words(text.tokens),
            ),
            earlier(text, before?.[at]),
          ),
        ),
      );
    }

    /**
     * The four texts, one after the other; those that were written before are remembered.
     * @param {Selection} of
     * @param {{temperature: number, first: number, isUnchanged: boolean}} how
     * @param {AbortSignal} signal
     * @param {(texts: Text[]) => void} tell  hears of each that is written
     */
    async function four(of, { temperature, first, isUnchanged }, signal, tell) {
      const { model, prompt, chat, about } = of;
      const changes = isUnchanged ? {} : requested(prompt);
      const key = JSON.stringify([model, prompt, chat, about.step, changes, temperature, first]);
      const known = kept.get(key);
      if (known) return known;
      const all = await samplers();
      const neutral = Object.fromEntries(all.map(({ name, neutral }) => [name, neutral]));
      const names = Array.from({ length: SEEDS }, (_, at) =>
        messageText('repetition.drawn', {
          temperature: temperature.toFixed(1),
          seed: String(first + at),
        }),
      );
      /** @type {Text[]} */
      const texts = [];
      for (const [at, name] of [messageText('repetition.greedy'), ...names].entries()) {
        const settings = { ...neutral, temperature: at === 0 ? 0 : temperature };
        const seed = at === 0 ? 0 : first + at - 1;
        texts.push(await write(of, { name, settings, seed, isUnchanged }, signal));
        signal.throwIfAborted();
        tell(texts);
      }
      for (const old of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(old);
      kept.set(key, texts);
      return texts;
    }

    return {
      async draw(own, signal) {
        const of = await example.selection(own, signal);
        const how = { temperature: tenths(of.more) / 10, first: chosenSeed(of.more) };
        heat.set(tenths(of.more));
        const isChanged = JSON.stringify(requested(of.prompt)) !== '{}';
        /** @param {Text[]} texts @param {Text[] | null} before */
        const show = (texts, before) => {
          drawn = { texts, before };
          paint();
          parts.caption(caption(texts, how.temperature, before));
          parts.say(
            texts
              .map((text) =>
                messageText('repetition.said', { name: text.name, tally: tally(text) }),
              )
              .join('; '),
          );
        };
        const former = drawn.texts;
        const texts = await four(of, { ...how, isUnchanged: false }, signal, (found) => {
          // What is not written yet is that of the last drawing, and fades meanwhile.
          drawn = { texts: [...found, ...former.slice(found.length)], before: null };
          paint();
        });
        signal.throwIfAborted();
        const before = isChanged
          ? await four(of, { ...how, isUnchanged: true }, signal, () => show(texts, null))
          : null;
        signal.throwIfAborted();
        show(texts, before);
      },
    };
  },
};

/**
 * Lets the program write a text.
 * @param {Selection} of
 * @param {{name: string, settings: Record<string, number>, seed: number, isUnchanged: boolean}} how
 * @param {AbortSignal} signal
 * @returns {Promise<Text>}
 */
async function write({ model, prompt, chat, ids }, { name, settings, seed, isUnchanged }, signal) {
  /** @type {{id: number, text: string}[]} */
  const written = [];
  let [read, finish] = [ids.length, ''];
  const body = {
    ...{ model, prompt, chat, behind: [], tokens: MOST, settings, seed },
    ...{ alternatives: 1, afresh: false, pause: 0 },
    ...(isUnchanged ? { edits: [], variant: {} } : {}),
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
  const tokens = written.map(({ id, text }, at) => ({ id, text, isRepeated: marks[at] === true }));
  return { name, tokens, isEnded: finish === 'stop' };
}

/** A text's letters. @param {Text | undefined} text */
function written(text) {
  return h('code', null, text?.tokens.map(({ text }) => text).join(''));
}

/** Tokens as words, with what is repeated marked. @param {Text['tokens']} tokens */
function words(tokens) {
  return tokens.map(({ id, text, isRepeated }) =>
    h(
      isRepeated ? 'mark' : 'span',
      { 'data-id': id },
      text.includes('\n') ? visible(text) : escaped(text),
    ),
  );
}

/** What a text was without the changes, from where the two part. @param {Text} text @param {Text | undefined} before */
function earlier(text, before) {
  if (!before) return null;
  const at = parted(text, before);
  const attributes = { class: 'repetition-before' };
  if (at === null) return h('p', attributes, message('repetition.before.same'));
  const rest = before.tokens.slice(at);
  return h(
    'p',
    {
      ...attributes,
      tabindex: '0',
      role: 'group',
      'aria-label': messageText('repetition.before.name'),
    },
    rest.length
      ? message('repetition.before', {
          count: repeatedOf(before),
          all: before.tokens.length,
          text: words(rest),
        })
      : message('repetition.before.ended', { count: before.tokens.length }),
  );
}

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
