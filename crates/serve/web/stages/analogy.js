/**
 * king − man + woman: any such sum over the rows of the model's table, drawn in the plane that holds
 * its arrows, and ranked with the words that were put in and without them.
 */

import { visible, word } from '../kit/chips.js';
import { ask, ProgramError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { choice, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { number } from '../kit/number.js';
import { sentences } from '../kit/sentences.js';
import { views } from '../kit/views.js';
import { drawPlane } from './analogy/plane.js';
import { remembering } from './logits/word.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{x: number, y: number, off: number}} Point */
/** @typedef {{id: number, piece: string, placed: Point}} Input */
/** @typedef {{id: number, piece: string, cosine: number, distance: number, parallel: number | null, is_input: boolean, placed: Point}} Answer */
/**
 * @typedef {object} Sum
 * @property {string[]} words     as they were typed
 * @property {[Input, Input, Input]} inputs  a, b, c
 * @property {Point} result
 * @property {Point} origin
 * @property {number} length
 * @property {[number, number]} steps  lengths from b to a and from b to c
 * @property {number} directions
 * @property {Answer[]} answers
 * @property {number} ranked
 * @property {number} width
 * @property {number | null} step
 * @property {string[][]} examples
 */

/** Answers that are listed. */
const LISTED = 6;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'analogy',
  mount(root, page) {
    /** @type {Sum | null} */
    let sum = null;
    /** @type {Selection | null} */
    let selection = null;
    /** @type {number | null} */
    let marked = null;

    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Sum>) => Promise<Sum>} */
    const once = remembering();
    const parts = figure(root, { title: messageText('analogy.title'), table });
    const [inputs, lists] = [
      [
        wordInput('a', messageText('analogy.input.a')),
        wordInput('b', messageText('analogy.input.b')),
        wordInput('c', messageText('analogy.input.c')),
      ],
      h('div', { class: 'analogy-lists' }),
    ];
    const result = h('output', { class: 'analogy-result' });
    const equation = h(
      'p',
      { class: 'analogy-equation' },
      inputs[0]?.node,
      ' − ',
      inputs[1]?.node,
      ' + ',
      inputs[2]?.node,
      ' ≈ ',
      result,
    );
    const wrong = h('p', { class: 'analogy-wrong', role: 'status', hidden: true });
    const drawing = h('div', { class: 'analogy-drawing' });
    const shown = views({
      name: messageText('analogy.views'),
      views: [
        { name: 'plane', label: messageText('analogy.views.plane'), node: drawing },
        { name: 'lists', label: messageText('analogy.views.lists'), node: lists },
      ],
    });
    fill(parts.body, equation, wrong, shown.node, drawing, lists);

    const examples = choice({
      label: messageText('analogy.try'),
      options: [],
      value: '',
      onChange: (value) => value && page.set({ analogy: value }),
    });
    const lengths = choice({
      label: messageText('analogy.length'),
      options: [
        ['', messageText('analogy.length.own')],
        ['1', messageText('analogy.length.one')],
      ],
      value: '',
      onChange: (value) => page.set({ 'analogy-length': value || null }),
    });
    const among = choice({
      label: messageText('analogy.among'),
      options: [
        ['', messageText('analogy.among.words')],
        ['1', messageText('analogy.among.tokens')],
      ],
      value: '',
      onChange: (value) => page.set({ 'analogy-any': value || null }),
    });
    fill(parts.controls, examples.node, lengths.node, among.node);
    new ResizeObserver(redraw).observe(drawing);

    /** A place for a word, completed as one types. @param {string} place @param {string} name */
    function wordInput(place, name) {
      const options = h('datalist', { id: `analogy-${place}` });
      const input = h('input', {
        type: 'text',
        class: 'analogy-word',
        'aria-label': name,
        list: options.id,
        spellcheck: 'false',
        autocapitalize: 'off',
        autocomplete: 'off',
      });
      let latest = 0;
      input.addEventListener('input', async () => {
        fit();
        const mine = (latest += 1);
        const found = await ask('words', {
          model: selection?.model,
          typed: input.value,
          most: 12,
        }).catch(() => null);
        if (!found || mine !== latest) return;
        fill(
          options,
          found.words.map((/** @type {{text: string}} */ of) => h('option', { value: of.text })),
        );
        // A word that is there is asked for at once; half of one waits for the rest.
        if (found.words[0]?.text === input.value.trim()) choose();
      });
      input.addEventListener('change', choose);
      input.addEventListener('focus', () => input.select());
      function fit() {
        input.style.width = `${Math.max(2, input.value.length) + 1.5}ch`;
      }
      return {
        input,
        node: h('span', null, input, options),
        /** @param {string} text */
        set(text) {
          if (document.activeElement !== input) input.value = text;
          fit();
        },
      };
    }

    /** @param {string[]} words */
    function write(words) {
      for (const [at, text] of words.entries()) inputs[at]?.set(text);
    }

    function choose() {
      const typed = inputs.map(({ input }) => input.value.trim());
      page.set({ analogy: typed.join(',') });
    }

    /** @param {Answer} answer */
    const name = (answer) =>
      h(
        'em',
        {
          class: 'analogy-name',
          title: messageText('analogy.token', {
            id: String(answer.id),
            piece: JSON.stringify(answer.piece),
          }),
        },
        word(answer.piece),
      );

    function redraw() {
      if (sum) drawPlane(drawing, sum, marked, mark);
    }

    /** @param {number | null} id */
    function mark(id) {
      if (id === marked) return;
      marked = id;
      for (const row of lists.querySelectorAll('[data-id]'))
        row.classList.toggle(
          'is-marked',
          /** @type {HTMLElement} */ (row).dataset.id === String(id),
        );
      redraw();
    }

    /** @param {string} title @param {Answer[]} answers @param {Sum} of */
    function list(title, answers, of) {
      const longest = Math.max(...of.answers.map(({ cosine }) => Math.abs(cosine)), 1e-9);
      const rows = answers.slice(0, LISTED).map((answer) =>
        h(
          'li',
          {
            class: [
              'analogy-row',
              answer.is_input ? 'is-input' : '',
              answer.id === marked ? 'is-marked' : '',
            ].join(' '),
            'data-id': answer.id,
            onpointerenter: () => mark(answer.id),
            onpointerleave: () => mark(null),
          },
          h(
            'span',
            {
              class: 'analogy-piece',
              title: messageText('analogy.token', {
                id: String(answer.id),
                piece: JSON.stringify(answer.piece),
              }),
            },
            visible(answer.piece),
          ),
          h(
            'span',
            { class: 'analogy-bar', 'aria-hidden': 'true' },
            h('span', { style: { width: `${Math.max(0, (answer.cosine / longest) * 100)}%` } }),
          ),
          number(answer.cosine, { digits: 3 }),
        ),
      );
      return h('div', null, h('h4', null, title), h('ol', { class: 'analogy-list' }, rows));
    }

    function show() {
      if (!sum) return;
      const of = sum;
      const others = of.answers.filter(({ is_input }) => !is_input);
      const [best] = others;
      write(of.words);
      const [first] = of.answers;
      // What was put in may win; then both are said, not only the one that looks better.
      fill(
        result,
        first?.is_input
          ? message('analogy.else', {
              input: h('span', { class: 'analogy-input' }, word(first.piece)),
              word: best ? word(best.piece) : '—',
            })
          : best
            ? word(best.piece)
            : '—',
      );
      fill(
        lists,
        list(messageText('analogy.with'), of.answers, of),
        list(messageText('analogy.without'), others, of),
      );
      redraw();
      examples.set(
        [
          ['', '…'],
          ...of.examples.map(
            (example) =>
              /** @type {[string, string]} */ ([example.slice(0, 3).join(','), sentence(example)]),
          ),
        ],
        of.examples
          .find((example) => example.slice(0, 3).join() === of.words.join())
          ?.slice(0, 3)
          .join(',') ?? '',
      );
      parts.caption(said(of, others));
      parts.say(
        messageText('analogy.said', {
          a: of.words[0] ?? '',
          b: of.words[1] ?? '',
          c: of.words[2] ?? '',
          nearest: others
            .slice(0, 3)
            .map((answer) => `${word(answer.piece)} ${answer.cosine.toFixed(2)}`)
            .join(', '),
        }),
      );
    }

    /** @param {Sum} of @param {Answer[]} others */
    function said(of, others) {
      const [first, [best]] = [of.answers[0], others];
      if (!first || !best) return message('analogy.none');
      const [a, b, c] = of.inputs.map(({ piece }) => h('em', null, word(piece)));
      const expected = of.examples.find(
        (example) => example.slice(0, 3).join() === of.words.join(),
      )?.[3];
      const rank = others.findIndex(({ piece }) => word(piece) === expected);
      const isAny = Boolean(among.select.value);
      const nearest = {
        ranked: of.ranked,
        word: name(first),
        cosine: number(first.cosine, { digits: 2 }),
      };
      const missed = expected && rank !== 0 ? h('em', null, expected) : null;
      return sentences(
        of.step === null
          ? message(isAny ? 'analogy.nearest.tokens' : 'analogy.nearest.words', nearest)
          : message(isAny ? 'analogy.step.tokens' : 'analogy.step.words', {
              ...nearest,
              step: of.step,
            }),
        first.is_input
          ? message('analogy.put-in', {
              word: name(best),
              cosine: number(best.cosine, { digits: 2 }),
            })
          : message('analogy.not-put-in'),
        missed === null
          ? []
          : rank > 0
            ? message('analogy.expected', { word: missed, place: rank + 1 })
            : message('analogy.expected.none', { word: missed, shown: others.length }),
        best.parallel === null || of.directions < 2
          ? message('analogy.repeated')
          : message('analogy.steps', {
              a,
              b,
              c,
              word: name(best),
              again: name(best),
              cosine: number(best.parallel, { digits: 2 }),
              off: number(best.placed.off, { digits: 2 }),
              long: number(of.steps[1], { digits: 2 }),
            }),
      );
    }

    function table() {
      if (!sum) return null;
      const of = sum;
      const place = (/** @type {Point} */ { x, y, off }) => [number(x), number(y), number(off)];
      return [
        {
          caption: messageText('analogy.table.corners', { width: of.width }),
          head: [
            messageText('analogy.table.point'),
            messageText('analogy.table.along'),
            messageText('analogy.table.across'),
            messageText('analogy.table.off'),
          ],
          rows: [
            ...of.inputs.map((input) => [visible(input.piece), ...place(input.placed)]),
            [messageText('analogy.sum'), ...place(of.result)],
            [messageText('analogy.table.zero'), ...place(of.origin)],
          ],
        },
        {
          caption: messageText('analogy.table.nearest'),
          head: [
            messageText('analogy.table.word'),
            messageText('analogy.table.cosine'),
            messageText('analogy.table.distance'),
            messageText('analogy.table.input'),
            messageText('analogy.table.parallel'),
            messageText('analogy.table.along'),
            messageText('analogy.table.across'),
            messageText('analogy.table.off'),
          ],
          rows: of.answers.map((answer) => [
            visible(answer.piece),
            number(answer.cosine),
            number(answer.distance),
            messageText(answer.is_input ? 'analogy.table.yes' : 'analogy.table.no'),
            answer.parallel === null ? '–' : number(answer.parallel),
            ...place(answer.placed),
          ]),
        },
      ];
    }

    return {
      async draw(now) {
        const [typed, length, any] = ['analogy', 'analogy-length', 'analogy-any'].map(
          (key) => now.more[key] ?? '',
        );
        selection = now;
        lengths.select.value = length ? '1' : '';
        among.select.value = any ? '1' : '';
        const words = typed?.split(',').length === 3 ? typed.split(',') : null;
        const options = { at_length_one: Boolean(length), any_token: Boolean(any), most: 20 };
        const add = (/** @type {string[] | null} */ words) =>
          once([now.model, now.about.step, words, options], (signal) =>
            ask('analogy', { model: now.model, words, ...options }, { signal }),
          );
        try {
          sum = await add(words);
          wrong.hidden = true;
          show();
        } catch (error) {
          if (!(error instanceof ProgramError) || !words) throw error;
          // The words stay for mending, and the sentence says which of them the model does not have.
          // What is drawn meanwhile is a sum that it can make, and is said to be another.
          sum = await add(null);
          show();
          write(words);
          fill(result, '?');
          examples.select.value = '';
          const shown = sentence(/** @type {Sum} */ (sum).words);
          fill(wrong, message('analogy.meanwhile', { problem: error.message, sum: shown }));
          wrong.hidden = false;
        }
      },
    };
  },
};

/** @param {string[]} example */
function sentence([a, b, c]) {
  return `${a} − ${b} + ${c}`;
}
