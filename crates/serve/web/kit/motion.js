/**
 * Things that go from where they were to where they are, so that the eye can follow; for a reader who
 * wants nothing to move they are there at once.
 */

import { h } from './dom.js';
import { isStill } from './player.js';

/** How long a change takes, in milliseconds. */
const CHANGE = 180;

/**
 * Bars that remember, under a key, how wide they were when they were last drawn.
 * @param {string} kind  their class
 */
export function growing(kind) {
  /** @type {Map<string, string>} */
  const widths = new Map();
  /**
   * @param {string} key
   * @param {number} share  of the room there is, 0 to 1
   * @param {string} [more]
   */
  return (key, share, more = '') => {
    const width = `${Math.max(0.5, 100 * Math.min(1, share)).toFixed(2)}%`;
    const bar = h('span', { class: `${kind} ${more}`, style: { width } });
    const before = widths.get(key);
    widths.set(key, width);
    if (before !== undefined && before !== width && !isStill())
      bar.animate([{ width: before }, { width }], { duration: CHANGE, easing: 'ease-out' });
    return bar;
  };
}

/**
 * Draws a change, from a share of 0 to 1; a later change takes the place of an earlier one.
 * @returns {(draw: (share: number) => void) => void}
 */
export function changing() {
  let latest = 0;
  return (draw) => {
    latest += 1;
    const mine = latest;
    if (isStill()) return draw(1);
    const began = performance.now();
    const frame = () => {
      if (mine !== latest) return;
      const share = Math.min(1, (performance.now() - began) / CHANGE);
      draw(share);
      if (share < 1) requestAnimationFrame(frame);
    };
    frame();
  };
}
