/**
 * The changes as chips in the bar: each can be paused and removed, all of them at once; behind them what
 * they did to the likeliest next token, and the command that computes the same.
 */

import { inForce, minus, without, write } from '../changes.js';
import { command } from '../command.js';
import { commandLine } from '../command_line.js';
import { fill, h, sideways } from '../dom.js';
import { message, messageText } from '../messages.js';
import { set } from '../state.js';
import { effectOn } from './effect.js';
import { chipText, effectSentence } from './words.js';

/** @typedef {import('../stage.js').Selection} Selection */
/** @typedef {import('../changes.js').Change} Change */

/** @param {HTMLElement} node */
export function changesBar(node) {
  const chips = h('div', {
    class: 'changes-chips',
    role: 'group',
    'aria-label': messageText('changes.name'),
  });
  const sentence = h('p', { class: 'changes-said', role: 'status' });
  const copy = command(messageText('changes.command'), { isShown: false });
  const allOff = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      title: messageText('changes.all-off-title'),
      onclick: () => set({ changes: null }),
    },
    messageText('changes.all-off'),
  );
  const line = h('div', { class: 'changes-line' }, chips, allOff, copy.node);
  fill(node, line, sentence);
  sideways(line);
  /** @type {AbortController | null} */
  let abort = null;
  let shown = '';

  /** @param {Selection} of @param {Change} change */
  function chip(of, change) {
    const name = chipText(change, of.pieces);
    const { isPaused } = change;
    const now = () =>
      of.changes.map((other) => (other === change ? { ...change, isPaused: !isPaused } : other));
    return h(
      'span',
      { class: `change ${isPaused ? 'is-paused' : ''}` },
      h('span', { class: 'change-name' }, name),
      otherWay(of, change, name),
      h(
        'button',
        {
          type: 'button',
          'data-key': `pause ${change.text}`,
          'aria-label': messageText(isPaused ? 'changes.resume-name' : 'changes.pause-name', {
            name,
          }),
          'aria-pressed': String(isPaused),
          onclick: () => set({ changes: write(now()) }),
        },
        messageText(isPaused ? 'changes.resume' : 'changes.pause'),
      ),
      h(
        'button',
        {
          type: 'button',
          'data-key': `remove ${change.text}`,
          'aria-label': messageText('changes.remove-name', { name }),
          title: messageText('changes.remove'),
          onclick: () => set({ changes: write(minus(of.changes, change)) }),
        },
        '×',
      ),
    );
  }

  /** Sets a part that is off to its mean, or the other way round. @param {Selection} of @param {Change} change @param {string} name */
  function otherWay(of, change, name) {
    const { kind, part, layer, index, isMean, isPaused } = change;
    if (kind !== 'part' || part === undefined || layer === undefined) return null;
    const other = { ...without(part, layer, index, !isMean), isPaused };
    const label = messageText(isMean ? 'changes.to-zero' : 'changes.to-mean');
    const told = isMean ? 'changes.to-zero-title' : 'changes.to-mean-title';
    const called = isMean ? 'changes.to-zero-name' : 'changes.to-mean-name';
    return h(
      'button',
      {
        type: 'button',
        'data-key': `way ${part} ${layer} ${index}`,
        'aria-label': messageText(called, { name }),
        title: messageText(told, { name }),
        onclick: () =>
          set({ changes: write(of.changes.map((now) => (now === change ? other : now))) }),
      },
      label,
    );
  }

  /** Draws chips; whoever had the focus by its key keeps it, or the last one has it. @param {Selection} of */
  function drawChips(of) {
    const focused = document.activeElement;
    const key = chips.contains(focused) ? focused?.getAttribute('data-key') : null;
    fill(
      chips,
      of.changes.map((change) => chip(of, change)),
    );
    if (key === null || key === undefined) return;
    const again = chips.querySelector(`[data-key="${CSS.escape(key)}"]`) ?? chips.lastElementChild;
    const next = /** @type {HTMLElement | null} */ (
      again?.matches('button') ? again : again?.querySelector('button:last-of-type')
    );
    next?.focus({ preventScroll: true });
  }

  return {
    /** @param {Selection | null} of */
    async draw(of) {
      abort?.abort();
      const isSome = of !== null && of.changes.length > 0;
      node.hidden = !isSome;
      if (!isSome) return;
      const mine = (abort = new AbortController());
      drawChips(of);
      copy.set(commandLine(of, 'look', ['--layer', String(of.layer), '--head', String(of.head)]));
      const key = JSON.stringify([of.model, of.about.step, of.prompt, of.chat, of.token]);
      // Another text's sentence must not stand beside this one; of the same text it stays until the next is there.
      if (key !== shown || inForce(of.changes).length === 0) fill(sentence);
      shown = key;
      try {
        const effect = await effectOn(of, mine.signal);
        if (mine.signal.aborted) return;
        fill(sentence, effect ? effectSentence(of.changes, of.pieces, effect) : []);
        sentence.classList.remove('is-refused');
        node.dataset.drawn = of.address;
      } catch (error) {
        if (mine.signal.aborted) return;
        const reason = error instanceof Error ? error.message : String(error);
        fill(sentence, message('changes.refused', { reason }));
        sentence.classList.add('is-refused');
      }
    },
  };
}
