/**
 * Buttons of a figure that change what its passes do, each pressed as long as its change is in force; and a
 * slider for a number that is added.
 */

import { added, has, minus, plus, write } from '../changes.js';
import { fill, h } from '../dom.js';
import { slider } from '../figure.js';
import { messageText } from '../messages.js';
import { format } from '../number.js';
import { get, set } from '../state.js';

/** @typedef {import('../changes.js').Change} Change */

/** Makes a change, or takes it back. @param {Change} change */
export function toggle(change) {
  const { changes } = get();
  set({ changes: write(has(changes, change) ? minus(changes, change) : plus(changes, change)) });
}

/**
 * Folds what changes a figure's passes, where a narrow screen has no room for it.
 * @param {...Node} controls
 */
export function whatIf(...controls) {
  return h(
    'details',
    { class: 'what-if', open: window.matchMedia('(min-width: 56.01rem)').matches },
    h('summary', null, messageText('changes.what-if')),
    controls,
  );
}

/** A row of toggles. */
export function changeToggles() {
  const node = h('span', {
    class: 'change-toggles',
    role: 'group',
    'aria-label': messageText('changes.what-if'),
    hidden: true,
  });
  /** @type {[Change, HTMLButtonElement][]} */
  let buttons = [];
  return {
    node,
    /** @param {Change[]} changes  of the page @param {[string, Change][]} offered  what is on a button, and what it does */
    draw(changes, offered) {
      const isSame =
        offered.length === buttons.length &&
        offered.every(
          ([label, change], at) =>
            change.text === buttons[at]?.[0].text && label === buttons[at]?.[1].textContent,
        );
      if (!isSame) {
        // A button that has the focus keeps it, though its change is another head's now.
        const focused = buttons.findIndex(([, button]) => button === document.activeElement);
        buttons = offered.map(([label, change]) => [
          change,
          h('button', { type: 'button', class: 'plain', onclick: () => toggle(change) }, label),
        ]);
        fill(
          node,
          h('span', null, messageText('changes.what-if')),
          buttons.map(([, button]) => button),
        );
        if (focused >= 0) buttons[focused]?.[1].focus({ preventScroll: true });
      }
      for (const [change, button] of buttons)
        button.setAttribute('aria-pressed', String(has(changes, change)));
      node.hidden = offered.length === 0;
    },
  };
}

/**
 * A slider for a number that a change adds; at 0 nothing is changed.
 * @param {string} label
 * @param {number} most
 */
export function changeSlider(label, most) {
  /** @type {(amount: number) => Change} */
  let make;
  let kept = '';
  /** @type {import('../state.js').Patch} */
  let patch = {};
  const control = slider({
    label,
    min: -most,
    max: most,
    step: 0.5,
    value: 0,
    show: (value) => format(value, { digits: 1, sign: true }),
    onInput: put,
  });
  /** @param {number} amount */
  function put(amount) {
    const others = get().changes.filter(({ text }) => !text.startsWith(kept));
    set({ ...patch, changes: write(amount === 0 ? others : [...others, make(amount)]) });
  }
  const name = /** @type {HTMLElement} */ (control.node.firstChild);
  return {
    node: control.node,
    /** The number that stands there. */
    amount: () => Number(control.input.value),
    /** Puts another number there. @param {number} amount */
    put: (amount) => put(Math.max(-most, Math.min(most, amount))),
    /**
     * @param {Change[]} changes
     * @param {string} label
     * @param {(amount: number) => Change} change
     * @param {string} prefix  what the text of such a change begins with, whatever its number
     * @param {import('../state.js').Patch} [more]  what is chosen with it
     */
    draw(changes, label, change, prefix, more = {}) {
      patch = more;
      make = change;
      kept = prefix;
      name.textContent = label;
      control.set(changes.find(({ text }) => text.startsWith(prefix))?.amount ?? 0);
    },
  };
}

/** A vector from one word to another, added behind a layer as often as a slider says. */
export function vectorSlider() {
  let layer = 0;
  const field = (/** @type {string} */ label, /** @type {string} */ value) =>
    h('input', { type: 'text', value, 'aria-label': label, class: 'vector-word', onchange: renew });
  const to = field(messageText('changes.vector.to'), 'red');
  const from = field(messageText('changes.vector.from'), 'blue');
  const amount = changeSlider(messageText('changes.vector.times'), 8);
  const name = h('span');
  const node = h('span', { class: 'vector-slider' }, name, to, '−', from, amount.node);
  const prefix = () => `add:${layer}:`;
  const made = (/** @type {number} */ factor) => added(layer, to.value, from.value, factor);

  /** Another word takes the place of the one that is added. */
  function renew() {
    const { changes } = get();
    const own = changes.find(({ text }) => text.startsWith(prefix()));
    if (!own || to.value === '' || from.value === '') return;
    const renewed = made(own.amount ?? 0);
    set({ changes: write(changes.map((change) => (change === own ? renewed : change))) });
  }
  return {
    node,
    /** @param {Change[]} changes @param {number} behind  the layer */
    draw(changes, behind) {
      layer = behind;
      name.textContent = messageText('changes.vector.behind', { layer });
      const own = changes.find(({ text }) => text.startsWith(prefix()));
      if (own?.words && !node.contains(document.activeElement)) [to.value, from.value] = own.words;
      amount.draw(changes, messageText('changes.vector.times'), made, prefix());
    },
  };
}
