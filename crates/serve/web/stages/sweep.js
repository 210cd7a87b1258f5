/**
 * Two texts side by side: what the first made at one place is put into the second, at each place in turn,
 * and the grid shows how much of the first one's answer that brings back. Activation patching.
 *
 * In the address: `other`, see `sweep/texts.js`; `sweep.over`, what is put in; `sweep.cell`, the chosen
 * layer and column.
 */

import { visible, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { legend } from '../kit/colour.js';
import { command } from '../kit/command.js';
import { opens, reads, token } from '../kit/command_line.js';
import { fill, h } from '../kit/dom.js';
import { choice, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { remembering, said } from './logits/word.js';
import { caption, cellHeard, isOfHeads, KINDS, share } from './sweep/captions.js';
import { grid } from './sweep/grid.js';
import { otherText } from './sweep/other.js';
import { texts } from './sweep/texts.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./sweep/texts.js').Text} Text */

/**
 * @typedef {object} Swept
 * @property {Selection} of
 * @property {Text} other
 * @property {string} kind
 * @property {string} metric
 * @property {number} rows
 * @property {number} columns
 * @property {[number, number]} ends   the metric of each text
 * @property {number[]} metrics   and with each cell put in
 * @property {number[]} values    the same as a share of the way from the second text to the first
 * @property {[number, number]} next      what each text goes on with
 * @property {Record<string, string>} pieces
 * @property {[number, number]} picked
 * @property {number} patched     what the second goes on with, with the chosen cell put in
 */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'sweep',
  mount(root, page) {
    /** @type {Swept | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('sweep.title'), table });
    root.classList.replace('has-words-beside', 'has-words-under');
    const both = texts(page);
    const cells = grid({
      name: messageText('sweep.grid'),
      onPick: (row, column) => page.set({ 'sweep.cell': `${row},${column}` }),
    });
    const key = h('div', { class: 'sweep-key' });
    const result = h('div', { class: 'sweep-result' });
    fill(parts.body, h('div', { class: 'sweep-both' }, h('div', null, cells.node, key), result));
    const kinds = KINDS.map(
      ([kind, id]) => /** @type {[string, string]} */ ([kind, messageText(id)]),
    );
    const over = choice({
      label: messageText('sweep.over'),
      options: kinds,
      value: 'resid_pre',
      onChange: (value) => page.set({ 'sweep.over': value, 'sweep.cell': null }),
    });
    const other = otherText(page, { 'sweep.cell': null });
    parts.controls.append(other.node, over.node, both.node);
    const line = command(messageText('sweep.command'));
    root.querySelector('.figure-caption')?.after(line.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<any>) => Promise<any>} */
    const once = remembering();
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<any>) => Promise<any>} */
    const oncePatched = remembering();

    function table() {
      if (!drawn) return null;
      const swept = drawn;
      const { of, other, kind, columns, rows, values } = swept;
      const head = Array.from({ length: columns }, (_, at) =>
        isOfHeads(kind)
          ? messageText('common.head', { head: at })
          : of.pieces[at] === other.pieces[at]
            ? visible(of.pieces[at] ?? '')
            : messageText('compare.both', {
                first: visible(of.pieces[at] ?? ''),
                second: visible(other.pieces[at] ?? ''),
              }),
      );
      return {
        caption: messageText('sweep.table'),
        head: [messageText('sweep.table.layer'), ...head],
        rows: Array.from({ length: rows }, (_, row) => [
          String(row),
          ...head.map((_, at) => share(values[row * columns + at] ?? 0)),
        ]),
      };
    }

    /** What both texts go on with, and the grid. @param {Selection} of @param {Text} second @param {string} kind @param {AbortSignal} signal */
    async function sweep(of, second, kind, signal) {
      const about = { model: of.model, chat: of.chat };
      const last = of.ids.length - 1;
      const asked = [of.prompt, second.text].map((prompt, at) =>
        ask(
          'next',
          { ...about, prompt, token: at === 0 ? last : second.ids.length - 1, most: 1, find: '' },
          unchanged(signal),
        ),
      );
      const [first, other] = await Promise.all(asked);
      const next = [first.top[0].id, other.top[0].id];
      const words = next[0] === next[1] ? {} : { answer: next[0], wrong: next[1] };
      const found = await ask(
        'sweep',
        { ...about, prompt: of.prompt, corrupt: second.text, over: [kind], ...words },
        { signal },
      );
      return { next, found, pieces: { ...first.pieces, ...other.pieces } };
    }

    /** What the second text goes on with, with a cell of the first put in. @param {Selection} of @param {Text} second @param {string} kind @param {[number, number]} cell @param {AbortSignal} signal */
    async function patch(of, second, kind, [row, column], signal) {
      const place = isOfHeads(kind)
        ? { site: `blocks.${row}.attn.z`, heads: column }
        : { site: `blocks.${row}.${kind}`, tokens: column };
      const edit = { ...place, op: 'set', value: { from: { prompt: of.prompt } } };
      const body = { model: of.model, chat: of.chat, prompt: second.text };
      const { differences, pieces = {} } = await ask(
        'diff',
        { ...body, edits: [edit] },
        { signal },
      );
      const id = differences.last.next[1];
      return { id, piece: pieces[id] ?? `#${id}` };
    }

    return {
      async draw(selection, signal) {
        const { of, other: second } = await both.find(selection, signal);
        const asked = of.more['sweep.over'];
        const kind = KINDS.some(([name]) => name === asked) ? String(asked) : 'resid_pre';
        over.set(kinds, kind);
        other.show(second.text);
        const about = [of.model, of.about.step, of.chat, of.prompt, second.text, kind];
        const { next, found, pieces } = await once(about, (signal) =>
          sweep(of, second, kind, signal),
        );
        const [report] = found.grids;
        const [rows, columns] = report.shape;
        const change = (/** @type {number} */ value) => value - found.corrupted;
        const values = report.normalized ?? report.values.map(change);
        const cell = (of.more['sweep.cell'] ?? '').split(',').map(Number);
        const isCell =
          cell.length === 2 &&
          cell.every((at, axis) => Number.isInteger(at) && at >= 0 && at < report.shape[axis]);
        const picked = /** @type {[number, number]} */ (
          isCell ? cell : bestOf(values, Math.floor(rows / 2), columns)
        );
        const patched = await oncePatched([...about, picked], (signal) =>
          patch(of, second, kind, picked, signal),
        );
        signal.throwIfAborted();
        drawn = {
          of,
          other: second,
          kind,
          metric: found.metric,
          ends: [found.clean, found.corrupted],
          rows,
          columns,
          metrics: report.values,
          values,
          next,
          pieces: { ...pieces, [patched.id]: patched.piece },
          picked,
          patched: patched.id,
        };
        const swept = drawn;
        const most = Math.max(...values.map((/** @type {number} */ value) => Math.abs(value)));
        // What is more than all by a hair makes no other scale.
        const max = most > 1.05 ? most : 1;
        const names = isOfHeads(kind)
          ? [Array.from({ length: columns }, (_, at) => String(at)), []]
          : [of.pieces, second.pieces].map((all) => all.map((piece) => bare(piece)));
        cells.draw({
          rows,
          columns,
          values,
          max,
          above: names[0] ?? [],
          below: names[1] ?? [],
          picked,
          describe: (row, column) =>
            messageText('sweep.cell.share', {
              cell: cellHeard(swept, row, column),
              share: format(values[row * columns + column] ?? 0, { percent: true }),
            }),
        });
        const end = `${Math.round(100 * max)} %`;
        fill(key, legend('signed', `−${end}`, end), h('span', null, message('sweep.legend')));
        drawResult(swept);
        parts.title(message('sweep.title-of'));
        parts.caption(caption(swept));
        line.show([
          'sweep',
          opens(of.about),
          ...reads(of),
          ...(of.chat ? ['--corrupt-ids', second.ids.join(',')] : ['--corrupt', second.text]),
          ...(next[0] === next[1]
            ? []
            : ['--answer', token(swept.pieces, next[0]), '--wrong', token(swept.pieces, next[1])]),
          ...(kind === 'resid_pre' ? [] : ['--over', kind]),
        ]);
        parts.say(
          messageText('sweep.said', {
            cell: cellHeard(swept, picked[0], picked[1]),
            next: word(patched.piece),
          }),
        );
      },
    };

    /** What the three passes say. @param {Swept} swept */
    function drawResult({ next, pieces, patched, values, picked, columns, metrics, ends }) {
      const at = picked[0] * columns + picked[1];
      const isDifference = next[0] !== next[1];
      const row = (
        /** @type {string} */ name,
        /** @type {number} */ id,
        /** @type {number} */ metric,
      ) =>
        h(
          'tr',
          null,
          h('th', { scope: 'row' }, name),
          h('td', null, said(pieces, id)),
          h('td', null, number(metric, { digits: 2 })),
        );
      fill(
        result,
        h(
          'table',
          null,
          h(
            'caption',
            null,
            isDifference
              ? message('sweep.result.difference', {
                  first: said(pieces, next[0]),
                  second: said(pieces, next[1]),
                })
              : message('sweep.result.kl'),
          ),
          h(
            'tbody',
            null,
            row(messageText('sweep.result.first'), next[0], ends[0]),
            row(messageText('sweep.result.second'), next[1], ends[1]),
            row(messageText('sweep.result.patched'), patched, metrics[at] ?? 0),
          ),
        ),
        h(
          'p',
          { class: 'sweep-share' },
          message('sweep.result.share', { share: share(values[at] ?? 0) }),
        ),
      );
    }
  },
};

/**
 * A question about a pass as it is without what the page changes: a sweep changes one place, and nothing else.
 * @param {AbortSignal} signal
 * @returns {{signal: AbortSignal}}
 */
function unchanged(signal) {
  return /** @type {any} */ ({ signal, unchanged: true });
}

/** A word without its space. @param {string} piece */
function bare(piece) {
  return piece.trim() === '' ? visible(piece) : visible(piece.trim());
}

/** The cell of a row that brings back most. @param {number[]} values @param {number} row @param {number} columns */
function bestOf(values, row, columns) {
  const own = values.slice(row * columns, (row + 1) * columns);
  return [row, own.indexOf(Math.max(...own))];
}
