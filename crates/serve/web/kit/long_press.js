/** A long press: the pointer stays where it is for half a second. The click that follows it is none. */

/** Milliseconds, and how far a finger may slip, in pixels. */
const [LONG, SLIP] = [500, 8];

/**
 * @param {HTMLElement | SVGElement} node
 * @param {(event: PointerEvent) => void} onPress
 */
export function longPress(node, onPress) {
  /** @type {{timer: ReturnType<typeof setTimeout>, x: number, y: number} | null} */
  let waiting = null;
  let isPressed = false;
  const forget = () => {
    clearTimeout(waiting?.timer);
    waiting = null;
  };
  const on = /** @type {HTMLElement} */ (node);
  on.addEventListener('pointerdown', (event) => {
    forget();
    isPressed = false;
    if (event.button !== 0) return;
    const timer = setTimeout(() => {
      isPressed = true;
      waiting = null;
      onPress(event);
    }, LONG);
    waiting = { timer, x: event.clientX, y: event.clientY };
  });
  on.addEventListener('pointermove', (event) => {
    if (waiting && Math.hypot(event.clientX - waiting.x, event.clientY - waiting.y) > SLIP)
      forget();
  });
  for (const end of ['pointerup', 'pointercancel', 'pointerleave'])
    on.addEventListener(end, forget);
  on.addEventListener(
    'click',
    (event) => {
      if (isPressed) event.stopImmediatePropagation();
      isPressed = false;
    },
    true,
  );
  // What a long touch would open otherwise.
  on.addEventListener('contextmenu', (event) => {
    if (isPressed || waiting) event.preventDefault();
  });
}
