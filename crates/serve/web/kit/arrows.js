/** Arrow keys within a drawing: they move its cursor, and the page, where they choose tokens and layers, does not see them. */

/** @type {Record<string, [right: number, down: number]>} */
const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * The step that an arrow key asks for, to the right and down; none for any other key.
 * @param {KeyboardEvent} event
 */
export function arrowStep(event) {
  const step = STEPS[event.key];
  if (!step) return null;
  event.preventDefault();
  event.stopPropagation();
  return step;
}

/**
 * An index moved by a step, within its axis.
 * @param {number} index
 * @param {number} step
 * @param {number} size
 */
export function moved(index, step, size) {
  return Math.max(0, Math.min(size - 1, index + step));
}
