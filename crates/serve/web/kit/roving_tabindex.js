/**
 * A row of many buttons is one stop of the Tab key; arrow keys go from one to the next, Home and End to
 * the ends. A row is whatever carries `data-roving`; its buttons may be drawn anew, and whoever had the
 * focus keeps it. With `data-roving="own"` the arrow keys belong to whoever made the row.
 */

const ROW = '[data-roving]';
const ITEM = 'button:not(:disabled), [role="button"], [role="switch"]';

/** @typedef {HTMLElement | SVGElement} Item */

/**
 * The row that has the focus, and which of its items; and which of its figure's rows it is, since a row
 * may be drawn anew as a whole.
 * @type {{row: Element, item: Element, at: number, root: Element, index: number} | null}
 */
let focus = null;

/** @param {Element} root */
function rowsIn(root) {
  return Array.from(root.querySelectorAll(ROW));
}

/** @param {Element} row @returns {Item[]} */
function items(row) {
  return Array.from(row.querySelectorAll(ITEM));
}

/** Makes one item the stop: the focused one, or the pressed one, or the first. @param {Element} row */
function settle(row) {
  const all = items(row);
  if (all.length === 0) return;
  // Between two stops of the Tab key nothing has the focus either; what was taken away had it.
  if (focus?.row === row && document.activeElement === document.body && !focus.item.isConnected) {
    const pressed = all.find(isPressed);
    const again = row.getAttribute('data-roving') === 'own' ? pressed : all[focus.at];
    (again ?? pressed ?? all.at(-1))?.focus({ preventScroll: true });
  }
  const active = document.activeElement;
  const stop = all.find((item) => item === active) ?? all.find(isPressed) ?? all[0];
  for (const item of all) {
    const index = item === stop ? 0 : -1;
    if (item.getAttribute('tabindex') !== String(index)) item.tabIndex = index;
  }
}

/** @param {Item} item */
function isPressed(item) {
  return item.getAttribute('aria-pressed') === 'true' || item.hasAttribute('aria-current');
}

/**
 * The item that an arrow leads to.
 * @param {Item[]} all
 * @param {Item} from
 * @param {string} key
 */
function next(all, from, key) {
  const at = all.indexOf(from);
  if (key === 'Home') return all[0];
  if (key === 'End') return all.at(-1);
  if (key === 'ArrowLeft') return all[at - 1];
  if (key === 'ArrowRight') return all[at + 1];
  const here = from.getBoundingClientRect();
  const [x, y] = [here.left + here.width / 2, here.top + here.height / 2];
  const sign = key === 'ArrowDown' ? 1 : -1;
  /** @type {Item | undefined} */
  let best;
  let least = Infinity;
  for (const item of all) {
    const { left, width, top, height } = item.getBoundingClientRect();
    const below = sign * (top + height / 2 - y);
    if (below < Math.min(height, here.height) / 2) continue;
    const far = below * 4 + Math.abs(left + width / 2 - x);
    if (far < least) [best, least] = [item, far];
  }
  return best;
}

/** Watches every row of the page. */
export function rovingTabindex() {
  document.addEventListener('focusin', ({ target }) => {
    const row = target instanceof Element ? target.closest(ROW) : null;
    const root = row?.closest('figure') ?? document.body;
    focus = row
      ? {
          row,
          item: /** @type {Element} */ (target),
          at: items(row).indexOf(/** @type {Item} */ (target)),
          root,
          index: rowsIn(root).indexOf(row),
        }
      : null;
    if (row) settle(row);
  });
  document.addEventListener('focusout', ({ target }) => {
    // What is taken out of the page loses the focus without the reader's doing.
    if (target instanceof Element && target.isConnected) queueMicrotask(forget);
  });
  function forget() {
    const active = document.activeElement;
    if (focus && active !== document.body && !focus.row.contains(active)) focus = null;
  }
  document.addEventListener('pointerdown', () => (focus = null), true);
  document.addEventListener(
    'keydown',
    (event) => {
      const { target, key } = event;
      const isMove = key.startsWith('Arrow') || key === 'Home' || key === 'End';
      if (!isMove || event.ctrlKey || event.metaKey || event.altKey) return;
      const row = target instanceof Element ? target.closest(ROW) : null;
      if (!row || row.getAttribute('data-roving') === 'own') return;
      const item = /** @type {Item | null} */ (/** @type {Element} */ (target).closest(ITEM));
      if (!item) return;
      event.preventDefault();
      event.stopPropagation();
      next(items(row), item, key)?.focus({ preventScroll: false });
    },
    true,
  );
  new MutationObserver((records) => {
    /** @type {Set<Element>} */
    const rows = new Set();
    for (const { target, addedNodes } of records) {
      if (!(target instanceof Element)) continue;
      const row = target.closest(ROW);
      if (row) rows.add(row);
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        if (node.matches(ROW)) rows.add(node);
        for (const row of node.querySelectorAll(ROW)) rows.add(row);
      }
    }
    if (focus && !focus.row.isConnected) {
      const again = rowsIn(focus.root)[focus.index];
      if (again) focus.row = again;
    }
    for (const row of rows) if (row.isConnected) settle(row);
  }).observe(document.body, { childList: true, subtree: true });
  for (const row of document.querySelectorAll(ROW)) settle(row);
}
