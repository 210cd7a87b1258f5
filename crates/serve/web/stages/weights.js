/**
 * Made out of weights: one row of one matrix of a layer at work at a token, column by column, with the whole
 * matrix beside it, how its weights are spread, and the norm that made what the row reads.
 *
 * In the address: `weights.matrix`, `weights.row` and `weights.column`.
 */

import { mention, word } from '../kit/chips.js';
import { ask, ProgramError, UnreachableError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { choice, figure, slider } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count, format } from '../kit/number.js';
import { player } from '../kit/player.js';
import { isVariant, requested } from '../kit/state.js';
import { views } from '../kit/views.js';
import { remembering } from './logits/word.js';
import { histogram } from './weights/histogram.js';
import { largestUnder } from './weights/largest.js';
import { norm } from './weights/norm.js';
import { picture } from './weights/picture.js';
import { rowAtWork } from './weights/row.js';
import { tables } from './weights/tables.js';
import { caption, matrixName } from './weights/words.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{site: string, from: number, values: number[]}} SiteRow  a part of a token's row of a site */

/**
 * What the program says of a matrix and of one of its rows.
 * @typedef {object} Answer
 * @property {{name: string, rows: number, columns: number}[]} matrices  all that work on the token
 * @property {string} matrix
 * @property {number} row
 * @property {number} rows
 * @property {number} columns
 * @property {Norm | null} norm      the norm that made what the row reads
 * @property {SiteRow} input         `[columns]`
 * @property {number[]} weights      `[columns]`
 * @property {number[]} products     `[columns]`
 * @property {number[]} sums         up to and with each column
 * @property {number | null} bias
 * @property {number} result         the last sum and the bias
 * @property {{site: string, index: string, value: number} | null} output  where the engine's number stands
 * @property {Histogram} histogram
 * @property {Picture} picture
 * @property {'f32' | 'bf16'} compute
 */
/**
 * @typedef {object} Norm
 * @property {'layer' | 'rms'} kind
 * @property {SiteRow} before
 * @property {number | null} mean
 * @property {number} divisor
 * @property {number[]} divided
 * @property {number[] | null} gain
 * @property {number[] | null} shift
 */
/** @typedef {{from: number, to: number, counts: number[], mean: number, deviation: number}} Histogram */
/** @typedef {{rows: number, columns: number, values: number[]}} Picture  each cell the weight that is largest in size */
/** @typedef {{of: Selection, answer: Answer}} Shown */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'weights',
  mount(root, page) {
    /** @type {Shown | null} */
    let shown = null;
    /** The column that is read. */
    let column = 0;
    const parts = figure(root, {
      title: messageText('weights.title'),
      table: () => shown && tables(shown),
      words: 'under',
    });
    /** The cell whose weight is looked for. @type {import('./weights/largest.js').Cell | null} */
    let wanted = null;
    const whole = picture({ onPick: pick, onCell: pickLargest });
    const spread = histogram();
    const atWork = rowAtWork((column) => play.go(column));
    const before = norm();
    const matrixNode = h('div', { class: 'weights-matrix' }, whole.node, spread.node);
    const shownParts = views({
      name: messageText('weights.views'),
      views: [
        { name: 'row', label: messageText('weights.view.row'), node: atWork.node },
        { name: 'matrix', label: messageText('weights.view.matrix'), node: matrixNode },
        { name: 'norm', label: messageText('weights.view.norm'), node: before.node },
      ],
    });
    fill(
      parts.body,
      shownParts.node,
      h(
        'div',
        { class: 'weights-both' },
        matrixNode,
        h('div', { class: 'weights-row' }, atWork.node, before.node),
      ),
    );
    const matrix = choice({
      label: messageText('weights.matrix'),
      options: [],
      value: '',
      onChange: (name) =>
        page.set({ 'weights.matrix': name, 'weights.row': null, 'weights.column': null }),
    });
    const row = slider({
      label: messageText('weights.row'),
      min: 0,
      max: 0,
      value: 0,
      onInput: (row) => page.set({ 'weights.row': row, 'weights.column': null }),
    });
    const play = player({
      name: messageText('weights.columns'),
      steps: () => shown?.answer.columns ?? 1,
      onStep: read,
      milliseconds: 160,
    });
    matrix.node.classList.add('weights-choice');
    parts.controls.append(
      matrix.node,
      row.node,
      h('span', { class: 'weights-by' }, h('span', null, message('weights.by-column')), play.node),
    );
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();

    /** @param {number} row @param {number} column */
    function pick(row, column) {
      wanted = null;
      page.set({ 'weights.row': row, 'weights.column': column });
    }

    /** Chooses the weight that a cell of the picture stands for. @param {import('./weights/largest.js').Cell} cell */
    async function pickLargest(cell) {
      if (!shown) return;
      wanted = cell;
      const { of, answer } = shown;
      const { model, prompt, chat, token, layer } = of;
      const body = { model, prompt, chat, token, layer, matrix: answer.matrix };
      try {
        const place = await largestUnder(cell, async (row) => {
          // Another click, or another matrix: nothing is looked for any more.
          if (wanted !== cell || shown?.answer.matrix !== answer.matrix) return [];
          return (await ask('weights', { ...body, ...requested(prompt), row }, {})).weights;
        });
        if (wanted === cell && shown?.of.layer === layer) pick(...place);
      } catch (error) {
        if (!(error instanceof ProgramError || error instanceof UnreachableError)) throw error;
        parts.problem(error.message);
      }
    }

    /** Reads a column: marks it everywhere. @param {number} to */
    function read(to) {
      if (!shown) return;
      column = to;
      whole.mark(shown.answer.row, column);
      spread.mark(shown.answer.weights[column] ?? 0);
      atWork.mark(column);
      before.draw(shown, column);
    }

    return {
      async draw(of, signal) {
        const asked = chosen(of);
        const { model, prompt, chat, token, layer } = of;
        const body = { ...requested(prompt), model, prompt, chat, token, layer };
        const answer = await once([body, asked, of.about.step], async (signal) => {
          try {
            return await ask('weights', { ...body, ...asked }, { signal });
          } catch (error) {
            // An expert that does not work on this token, from an address about another.
            if (!(error instanceof ProgramError) || !asked.matrix.startsWith('experts.'))
              throw error;
            return ask('weights', { ...body, row: 0 }, { signal });
          }
        });
        signal.throwIfAborted();
        shown = { of, answer };
        column = columnOf(of, answer);
        matrix.set(
          answer.matrices.map(({ name, rows, columns }) => [
            name,
            messageText('weights.matrix.size', { name: matrixName(name), rows, columns }),
          ]),
          answer.matrix,
        );
        row.set(answer.row, { max: answer.rows - 1 });
        row.input.setAttribute('aria-valuetext', count(answer.row));
        whole.draw(answer);
        spread.draw(answer);
        atWork.draw(shown);
        play.stand(column);
        read(column);
        parts.title(
          message('weights.title.token', {
            matrix: matrixName(answer.matrix),
            layer,
            token: mention(token, of.pieces[token] ?? ''),
          }),
        );
        parts.caption(...caption(shown));
        parts.say(
          messageText('weights.said', {
            row: answer.row,
            matrix: matrixName(answer.matrix),
            token: word(of.pieces[token] ?? ''),
            result: format(answer.result),
          }),
        );
      },
    };
  },
};

/**
 * The matrix and the row that are asked for, where the model has them.
 * @param {Selection} of
 * @returns {{matrix: string, row: number}}
 */
function chosen({ about, head, layer, more }) {
  const { heads, key_heads, head_dim, width, hidden, gated } = about;
  const experts = about.block.experts[layer];
  /** @type {Record<string, number>} */
  const rows = {
    // Where q, k and v are what attention reads, no matrix makes them.
    ...(isVariant('plain-attention')
      ? {}
      : { q: heads * head_dim, k: key_heads * head_dim, v: key_heads * head_dim }),
    o: width,
    ...(experts
      ? { router: experts.experts }
      : { ...(gated ? { gate: hidden } : {}), up: hidden, down: width }),
  };
  const asked = more['weights.matrix'] ?? '';
  const isExpert = experts !== null && experts !== undefined && asked.startsWith('experts.');
  const matrix = isExpert || Object.hasOwn(rows, asked) ? asked : (Object.keys(rows)[0] ?? 'o');
  const own = Math.floor(head / (heads / key_heads)) * head_dim;
  const first = { q: head * head_dim, k: own, v: own }[matrix] ?? 0;
  const size = rows[matrix] ?? (matrix.endsWith('down') ? width : (experts?.hidden ?? 1));
  const row = Number(more['weights.row'] ?? first);
  return { matrix, row: Number.isInteger(row) && row >= 0 && row < size ? row : first };
}

/** The column that is read first: the chosen one, or the one whose product is furthest from 0. @param {Selection} of @param {Answer} answer */
function columnOf({ more }, { products }) {
  const asked = Number(more['weights.column'] ?? Number.NaN);
  if (Number.isInteger(asked) && asked >= 0 && asked < products.length) return asked;
  return furthest(products);
}

/** The place of the number that is furthest from 0. @param {number[]} values */
function furthest(values) {
  return values.reduce(
    (most, value, at) => (Math.abs(value) > Math.abs(values[most] ?? 0) ? at : most),
    0,
  );
}
