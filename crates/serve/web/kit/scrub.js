/**
 * A number in a sentence that is changed where it stands: dragged sideways, or by the arrow keys. What it
 * changes is up to whoever made it.
 */

import { h } from './dom.js';
import { messageText } from './messages.js';

/** Pixels of a drag from one end of the scale to the other, and before a press is a drag. */
const [WHOLE, STILL] = [240, 3];

/**
 * @param {object} options
 * @param {string} options.name     what a screen reader calls it
 * @param {number} options.value
 * @param {number} options.min
 * @param {number} options.max
 * @param {number} options.step
 * @param {(value: number) => string} [options.show]
 * @param {(value: number) => void} options.onChange
 */
export function scrub({ name, value, min, max, step, show = String, onChange }) {
  let now = value;
  const node = h('span', {
    class: 'scrub number',
    role: 'slider',
    tabindex: '0',
    title: messageText('scrub.title'),
    'aria-label': name,
    'aria-valuemin': min,
    'aria-valuemax': max,
  });
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));

  function tell() {
    node.textContent = show(now);
    node.setAttribute('aria-valuenow', String(now));
    node.setAttribute('aria-valuetext', show(now));
  }

  /** @param {number} to */
  function change(to) {
    const whole = min + Math.round((to - min) / step) * step;
    const next = Number(Math.max(min, Math.min(max, whole)).toFixed(digits));
    if (next === now) return;
    now = next;
    tell();
    onChange(now);
  }

  /** @type {{x: number, from: number, isDrag: boolean} | null} */
  let drag = null;
  // The sentence is written anew while the drag lasts, so the window is listened to.
  const follow = (/** @type {PointerEvent} */ event) => {
    if (!drag) return;
    const by = event.clientX - drag.x;
    drag.isDrag ||= Math.abs(by) > STILL;
    node.classList.toggle('is-dragged', drag.isDrag);
    if (drag.isDrag) change(drag.from + (by / WHOLE) * (max - min));
  };
  const end = () => {
    drag = null;
    node.classList.remove('is-dragged');
    window.removeEventListener('pointermove', follow);
    window.removeEventListener('pointerup', end);
    window.removeEventListener('pointercancel', end);
  };
  node.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    drag = { x: event.clientX, from: now, isDrag: false };
    window.addEventListener('pointermove', follow);
    window.addEventListener('pointerup', end);
    window.addEventListener('pointercancel', end);
  });
  node.addEventListener('keydown', (event) => {
    const large = Math.max(step, (max - min) / 10);
    /** @type {Record<string, number>} */
    const keys = {
      ArrowRight: now + step,
      ArrowUp: now + step,
      ArrowLeft: now - step,
      ArrowDown: now - step,
      PageUp: now + large,
      PageDown: now - large,
      Home: min,
      End: max,
    };
    const to = keys[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    change(to);
  });
  tell();
  return {
    node,
    /** Shows another value without saying so; what the reader drags stays theirs. @param {number} to */
    set(to) {
      if (drag?.isDrag) return;
      now = to;
      tell();
    },
  };
}
