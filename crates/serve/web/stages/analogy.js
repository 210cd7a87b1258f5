/**
 * king − man + woman: any such sum over the rows of the model's table, drawn in the plane that holds
 * its arrows, and ranked with the words that were put in and without them.
 */

import { visible, word } from '../kit/chips.js';
import { ask, ProgramError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { choice, figure } from '../kit/figure.js';
import { count, number } from '../kit/number.js';
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
    const parts = figure(root, { title: 'A sum of words is a point among words', table });
    const [inputs, lists] = [
      ['a', 'minus b', 'plus c'].map(wordInput),
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
      name: 'what is shown of the sum',
      views: [
        { name: 'plane', label: 'as a drawing', node: drawing },
        { name: 'lists', label: 'as a ranking', node: lists },
      ],
    });
    fill(parts.body, equation, wrong, shown.node, drawing, lists);

    const examples = choice({
      label: 'try',
      options: [],
      value: '',
      onChange: (value) => value && page.set({ analogy: value }),
    });
    const lengths = choice({
      label: 'rows enter',
      options: [
        ['', 'as long as they are'],
        ['1', 'at length 1, as in most tools'],
      ],
      value: '',
      onChange: (value) => page.set({ 'analogy-length': value || null }),
    });
    const among = choice({
      label: 'ranked among',
      options: [
        ['', 'words'],
        ['1', 'all tokens'],
      ],
      value: '',
      onChange: (value) => page.set({ 'analogy-any': value || null }),
    });
    fill(parts.controls, examples.node, lengths.node, among.node);
    new ResizeObserver(redraw).observe(drawing);

    /** A place for a word, completed as one types. @param {string} name */
    function wordInput(name) {
      const options = h('datalist', { id: `analogy-${name.replace(' ', '-')}` });
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
        { class: 'analogy-name', title: `token ${answer.id}: ${JSON.stringify(answer.piece)}` },
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
          h('span', { class: 'analogy-piece', title: `token ${answer.id}` }, visible(answer.piece)),
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
          ? [h('span', { class: 'analogy-input' }, word(first.piece)), ', else ']
          : null,
        best ? word(best.piece) : '—',
      );
      fill(lists, list('with the three words', of.answers, of), list('without them', others, of));
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
        `${of.words[0]} minus ${of.words[1]} plus ${of.words[2]}: nearest are ${others
          .slice(0, 3)
          .map((answer) => `${word(answer.piece)} ${answer.cosine.toFixed(2)}`)
          .join(', ')}, the three words left out.`,
      );
    }

    /** @param {Sum} of @param {Answer[]} others */
    function said(of, others) {
      const [first, [best]] = [of.answers[0], others];
      if (!first || !best) return ['There is no other word to rank.'];
      const [a, b, c] = of.inputs.map(({ piece }) => h('em', null, word(piece)));
      const expected = of.examples.find(
        (example) => example.slice(0, 3).join() === of.words.join(),
      )?.[3];
      const rank = others.findIndex(({ piece }) => word(piece) === expected);
      return [
        of.step === null ? '' : `At step ${count(of.step)} of its training: among `,
        of.step === null ? 'Among ' : '',
        `${count(of.ranked)} ${among.select.value ? 'tokens' : 'words'} the sum points most nearly to `,
        name(first),
        ' (',
        number(first.cosine, { digits: 2 }),
        ')',
        first.is_input
          ? [
              '. That word was put in: such a sum rarely leaves the neighbourhood of what it is made of, so most tools leave the three words out and do not say so. Without them the answer is ',
              name(best),
              ' (',
              number(best.cosine, { digits: 2 }),
              '). ',
            ]
          : ', and none of the three words had to be left out for that. ',
        expected && rank !== 0
          ? [
              h('em', null, expected),
              rank > 0
                ? `, which one might expect, comes ${rank + 1}${['', 'st', 'nd', 'rd'][rank + 1] ?? 'th'} of the others. `
                : `, which one might expect, is not among the first ${others.length}. `,
            ]
          : '',
        best.parallel === null || of.directions < 2
          ? 'Words that repeat leave no parallelogram to draw.'
          : [
              'The step from ',
              b,
              ' to ',
              c,
              ' and the step from ',
              a,
              ' to ',
              name(best),
              ' have a cosine of ',
              number(best.parallel, { digits: 2 }),
              ' (parallel steps would have 1), and ',
              name(best),
              ' stands ',
              number(best.placed.off, { digits: 2 }),
              ' off the drawing’s plane, where the first step is ',
              number(of.steps[1], { digits: 2 }),
              ' long.',
            ],
      ].flat();
    }

    function table() {
      if (!sum) return null;
      const of = sum;
      const place = (/** @type {Point} */ { x, y, off }) => [number(x), number(y), number(off)];
      return [
        {
          caption: `the corners and zero, of ${of.width} dimensions, seen in the plane`,
          head: ['point', 'along', 'across', 'off the plane'],
          rows: [
            ...of.inputs.map((input) => [visible(input.piece), ...place(input.placed)]),
            ['the sum', ...place(of.result)],
            ['zero', ...place(of.origin)],
          ],
        },
        {
          caption: 'the words nearest to the sum',
          head: [
            'word',
            'cosine',
            'distance',
            'put in',
            'cosine of the steps',
            'along',
            'across',
            'off the plane',
          ],
          rows: of.answers.map((answer) => [
            visible(answer.piece),
            number(answer.cosine),
            number(answer.distance),
            answer.is_input ? 'yes' : 'no',
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
          fill(wrong, `${error.message}. Meanwhile, ${shown}:`);
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
