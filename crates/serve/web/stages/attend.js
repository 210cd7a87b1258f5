/**
 * Attention: all heads at a glance, one head opened and computed step by step, one weight unfolded
 * into the sum that made it.
 *
 * In the address: `attend.key`, the token that is looked at; `attend.step`, how far the head is.
 */

import { changeSlider, changeToggles } from '../kit/changes/controls.js';
import { chipText } from '../kit/changes/words.js';
import { scoreOf, VARIANTS, variant, without } from '../kit/changes.js';
import { visible, word } from '../kit/chips.js';
import { ask, look, tensors } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { hidden, hiddenBecause } from '../kit/mask.js';
import { matrix } from '../kit/matrix.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { player } from '../kit/player.js';
import { hoverToken } from '../kit/state.js';
import { views } from '../kit/views.js';
import { cellReadout, sentence, unfinished } from './attend/captions.js';
import { unfolded } from './attend/cell.js';
import { scaling } from './attend/scale.js';
import { addedScore } from './attend/score.js';
import { formula, isPlain, LINES, stepsOf } from './attend/steps.js';
import { thumbnails } from './attend/thumbnails.js';
import { vectors } from './attend/vectors.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/client.js').Tensor} Tensor */

/**
 * What one head's figure is drawn from.
 * @typedef {object} Head
 * @property {Selection} selection
 * @property {Map<string, Tensor>} steps  products, scaled, capped and biased where there are such, exponentials:
 *   `[queries, keys]`
 * @property {Tensor} scores              `[queries, keys]`
 * @property {Tensor} pattern             `[queries, keys]`
 * @property {Tensor | null} before       the pattern without changes, where something is changed
 */

/** What is said of the formula, by the number of its lines. */
const IN_LINES = /** @type {const} */ ({
  3: 'attend.in-lines.three',
  4: 'attend.in-lines.four',
  5: 'attend.in-lines.five',
});

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'attend',
  mount(root, page) {
    /** @type {Head | null} */
    let head = null;
    const parts = figure(root, { title: messageText('attend.title'), table });
    const thumbs = thumbnails((layer, index) => page.set({ layer, head: index }));
    const opened = matrix({
      name: messageText('attend.matrix'),
      onPick: (query, key) => {
        panel.show('sum');
        page.set({ token: query, 'attend.key': key });
      },
      onHover: (cell) => {
        hoverToken(cell?.[1] ?? null);
        read(cell ?? (head ? [head.selection.token, keyOf(head.selection)] : null));
      },
      onDragBegin: () => (dragged = score.amount()),
      onDrag: (steps) => score.put(dragged + steps / 2),
      describe: (query, key) => describe(query, key),
    });
    /** What was added to the picked cell's score when its drag began. */
    let dragged = 0;
    const readout = h('p', { class: 'attend-readout' }, '\u00a0');
    const added = addedScore(page);
    const written = h('pre', {
      class: 'attend-lines',
      'aria-label': messageText('attend.formula'),
    });
    const linesLabel = h('p', { class: 'attend-label' });
    const reference = h('summary', { class: 'attend-label' });
    const referenceLines = h('pre', {
      class: 'attend-lines',
      'aria-label': messageText('attend.reference'),
    });
    const stepName = h('p', { class: 'attend-step', 'aria-live': 'polite' });
    const rows = h('div', { class: 'attend-vectors' });
    const sum = h('div', { class: 'attend-sum', 'aria-live': 'polite' });
    const play = player({
      name: messageText('attend.steps'),
      steps: () => (head ? stepsOf(head.selection.about, head.selection.layer).length : 1),
      onStep: (step) => page.set({ 'attend.step': step }),
      milliseconds: 1600,
    });
    const lines = h(
      'div',
      null,
      linesLabel,
      written,
      h('details', null, reference, referenceLines),
    );
    const toggles = changeToggles();
    const score = changeSlider('', 12);
    const scale = scaling();
    const changed = h('div', { class: 'attend-changed' }, toggles.node, score.node);
    // What unfolds beside the matrix: one at a time.
    const panel = views({
      name: messageText('attend.views.head'),
      folds: 'always',
      views: [
        { name: 'lines', label: messageText('attend.view.lines'), node: lines },
        { name: 'sum', label: messageText('attend.view.sum'), node: sum },
        { name: 'vectors', label: messageText('attend.view.vectors'), node: rows },
        { name: 'scale', label: messageText('attend.view.scale'), node: scale.node },
        { name: 'changes', label: messageText('attend.view.changes'), node: changed },
      ],
      // Two more passes, for those who ask.
      onShow: (name) => {
        if (name === 'scale' && head) scale.draw(head.selection);
      },
    });
    fill(parts.side, panel.node, lines, sum, rows, scale.node, changed);
    const one = h('div', { class: 'attend-matrix' }, opened.node, readout);
    const choice = views({
      name: messageText('attend.views.attention'),
      views: [
        { name: 'one', label: messageText('attend.view.one'), node: one },
        { name: 'all', label: messageText('attend.view.all'), node: thumbs.node },
        { name: 'steps', label: messageText('attend.view.steps'), node: parts.side },
      ],
      // What is closer stands below; no room is kept for what is not shown above it.
      onShow: () => root.dispatchEvent(new Event('lookback-text')),
    });
    fill(parts.body, choice.node, h('div', { class: 'attend-both' }, thumbs.node, one));
    parts.controls.append(play.node, stepName);

    /** @param {Selection} selection */
    const stepOf = (selection) => {
      const last = stepsOf(selection.about, selection.layer).length - 1;
      return Math.min(last, Number(selection.more['attend.step'] ?? last) || 0);
    };
    /** @param {Selection} selection */
    const keyOf = (selection) =>
      Math.min(
        selection.ids.length - 1,
        Number(selection.more['attend.key'] ?? largestKey(selection)) || 0,
      );

    /** The token that the chosen one takes most from. @param {Selection} selection */
    function largestKey(selection) {
      if (!head) return 0;
      const row = head.pattern.part(selection.token);
      let most = 0;
      for (let key = 1; key < row.length; key += 1) if (at(row, key) > at(row, most)) most = key;
      return most;
    }

    /** @param {[number, number] | null} cell */
    function read(cell) {
      if (!head || !cell) return fill(readout, '\u00a0');
      const { selection } = head;
      const [query, key] = cell;
      // Of what the mask hides no score is raised.
      const isPicked =
        query === selection.token &&
        key === keyOf(selection) &&
        head.scores.get(query, key) !== -Infinity;
      const focused = document.activeElement;
      const hadFocus = readout.contains(focused);
      fill(
        readout,
        cellReadout(head, query, key),
        isPicked ? added.sentence(selection, key) : null,
      );
      if (hadFocus && focused?.isConnected)
        /** @type {HTMLElement} */ (focused).focus({ preventScroll: true });
    }

    /** @param {number} query @param {number} key */
    function describe(query, key) {
      if (!head) return '';
      const { about, layer, pieces } = head.selection;
      const why = hidden(about, layer, query, key);
      return messageText('attend.described', {
        query: word(pieces[query] ?? ''),
        key: word(pieces[key] ?? ''),
        weight: why ? hiddenBecause(why) : format(head.pattern.get(query, key), { percent: true }),
      });
    }

    /** What can be changed here: the opened head, its parts, the score of the picked cell. @param {Selection} of */
    function drawWhatIf({ changes, layer, head: index, token, ...of }) {
      const key = keyOf({ changes, layer, head: index, token, ...of });
      const offered = [
        without('head', layer, index),
        without('head', layer, index, true),
        ...VARIANTS.map(variant),
      ];
      toggles.draw(
        changes,
        offered.map((change) => [chipText(change, of.pieces), change]),
      );
      const [query = '', looked = ''] = [of.pieces[token] ?? '', of.pieces[key] ?? ''].map(word);
      score.draw(
        changes,
        messageText('changes.score-of', { query, key: looked }),
        (amount) => scoreOf(layer, index, token, key, amount),
        `score:${layer}.${index}.${token}.${key}:`,
        // The key that is looked at most may be another then.
        { 'attend.key': key },
      );
      score.node.hidden = key > token;
    }

    function drawHead() {
      if (!head) return;
      const now = head;
      const { selection } = now;
      const steps = stepsOf(selection.about, selection.layer);
      const step = steps[stepOf(selection)] ?? steps[0];
      const labels = selection.pieces.map(visible);
      play.stand(stepOf(selection));
      drawWhatIf(selection);
      fill(stepName, step.name);
      const text = formula(selection.about);
      fill(linesLabel, message(IN_LINES[/** @type {3 | 4 | 5} */ (text.length)]));
      fill(
        reference,
        message(isPlain(selection.about) ? 'attend.in-rust' : 'attend.in-rust.plain'),
      );
      for (const [node, lines] of /** @type {const} */ ([
        [written, text],
        [referenceLines, LINES],
      ]))
        fill(
          node,
          lines.map((line) =>
            h(
              'span',
              { class: 'attend-line' },
              line.map((part) =>
                h('span', { class: step.lit.includes(part.name) ? 'is-lit' : '' }, part.text),
              ),
              '\n',
            ),
          ),
        );
      opened.draw({
        rows: selection.ids.length,
        columns: selection.ids.length,
        value: (query, key) => step.value(now, query, key),
        before:
          now.before && stepOf(selection) === steps.length - 1
            ? (query, key) => now.before?.get(query, key) ?? 0
            : undefined,
        masked: (query, key) => step.isMasked && now.scores.get(query, key) === -Infinity,
        scale: step.scale,
        rowLabels: labels,
        columnLabels: labels,
        picked: [selection.token, keyOf(selection)],
        markedRow: selection.token,
        numbers: selection.ids.length <= 12,
      });
    }

    function table() {
      if (!head) return null;
      const { selection, pattern } = head;
      const site = `blocks.${selection.layer}.attn.pattern`;
      const cell = (/** @type {number} */ query, /** @type {number} */ key) =>
        hidden(selection.about, selection.layer, query, key)
          ? '–'
          : number(pattern.get(query, key), { site, index: pattern.index(query, key) });
      const last = Math.min(selection.ids.length, 64);
      return {
        caption: messageText('attend.table', { layer: selection.layer, head: selection.head }),
        head: [messageText('attend.table.token'), ...selection.pieces.slice(0, last).map(visible)],
        rows: selection.pieces
          .slice(0, last)
          .map((piece, query) => [
            visible(piece),
            ...selection.pieces.slice(0, last).map((_, key) => cell(query, key)),
          ]),
      };
    }

    return {
      async draw(selection, signal) {
        const about = { model: selection.model, prompt: selection.prompt, chat: selection.chat };
        const block = `blocks.${selection.layer}.attn`;
        const wanted = [
          { site: `${block}.scores`, at: [selection.head] },
          { site: `${block}.pattern`, at: [selection.head] },
        ];
        const isChanged = selection.changes.length > 0;
        const [all, earlier, steps, sites, unchanged] = await Promise.all([
          thumbs.ask(selection, signal),
          isChanged ? thumbs.ask(selection, signal, true) : null,
          tensors('attend', { ...about, layer: selection.layer, head: selection.head }, { signal }),
          look(about, wanted, { signal }),
          isChanged ? look(about, wanted.slice(1), { signal, unchanged: true }) : null,
        ]);
        head = {
          selection,
          steps,
          scores: /** @type {Tensor} */ (sites.get(`${block}.scores@${selection.head}`)),
          pattern: /** @type {Tensor} */ (sites.get(`${block}.pattern@${selection.head}`)),
          before: unchanged?.get(`${block}.pattern@${selection.head}`) ?? null,
        };
        thumbs.draw(all, selection, earlier);
        thumbs.measure();
        drawHead();
        read([selection.token, keyOf(selection)]);
        parts.caption(
          ...(stepOf(selection) < stepsOf(selection.about, selection.layer).length - 1
            ? unfinished(head, stepOf(selection))
            : sentence(head)),
        );
        parts.say(describe(selection.token, largestKey(selection)));
        const key = keyOf(selection);
        const [cell] = await Promise.all([
          ask(
            'attend/cell',
            { ...about, layer: selection.layer, head: selection.head, query: selection.token, key },
            { signal },
          ),
          vectors(rows, selection, key, signal),
          panel.shown() === 'scale' ? scale.draw(selection) : null,
        ]);
        fill(sum, unfolded(cell, selection, key));
      },
    };
  },
};

/** @param {Float32Array} row @param {number} index */
function at(row, index) {
  return row[index] ?? 0;
}
