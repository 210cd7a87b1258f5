/** Drawings that are as wide as their place. */

import { fill } from './dom.js';

/**
 * Draws something as wide as its place, again whenever the place changes.
 * @param {HTMLElement} node
 * @param {(width: number) => Node | null} draw
 */
export function asWide(node, draw) {
  let width = 0;
  const again = () => {
    if (node.clientWidth > 0) fill(node, draw(node.clientWidth));
  };
  new ResizeObserver(() => {
    if (Math.abs(node.clientWidth - width) < 1) return;
    width = node.clientWidth;
    again();
  }).observe(node);
  return again;
}
