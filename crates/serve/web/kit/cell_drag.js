/**
 * A number under a drag: the picked cell of a matrix, dragged up or down with a mouse or a pen. A finger scrolls
 * the page there; for it, and for keys, there is a slider.
 */

/** Pixels of one step. */
const STEP = 10;

/**
 * @param {HTMLElement} node
 * @param {(event: PointerEvent) => boolean} isPicked  whether the picked cell is under the pointer
 * @param {(steps: number) => void} onDrag             how many steps up from where the drag began
 * @param {() => void} [onBegin]
 */
export function cellDrag(node, isPicked, onDrag, onBegin) {
  /** @type {{y: number, steps: number} | null} */
  let drag = null;
  let wasDragged = false;
  node.addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch' || event.button !== 0 || !isPicked(event)) return;
    event.stopImmediatePropagation();
    node.setPointerCapture(event.pointerId);
    drag = { y: event.clientY, steps: 0 };
    wasDragged = false;
    onBegin?.();
  });
  node.addEventListener('pointermove', (event) => {
    if (!drag) {
      node.style.cursor = isPicked(event) ? 'ns-resize' : '';
      return;
    }
    event.stopImmediatePropagation();
    const steps = Math.round((drag.y - event.clientY) / STEP);
    if (steps === drag.steps) return;
    drag.steps = steps;
    wasDragged = true;
    onDrag(steps);
  });
  for (const end of ['pointerup', 'pointercancel'])
    node.addEventListener(end, () => {
      drag = null;
    });
  // The click where a drag ends picks no other cell.
  node.addEventListener('click', (event) => {
    if (wasDragged) event.stopImmediatePropagation();
    wasDragged = false;
  });
}
