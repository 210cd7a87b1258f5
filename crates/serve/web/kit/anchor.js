/**
 * Nothing moves unless the reader moves it: when figures above what is being watched grow or shrink, the
 * page is scrolled by as much before anything is painted. The browser's own anchoring is switched off in
 * `prose.css`: it loses its anchor when a figure is drawn anew, and not every browser has one.
 */

/** A figure of which less than this is seen, in pixels, is not being watched. */
const SEEN = 80;

/**
 * What is held, with the places that it and the nodes around it had on the screen. A node that was
 * drawn anew is no longer in the page; then the nearest node around it that is stands for it.
 * @typedef {{nodes: {node: Element, top: number}[], scrolled: number}} Anchor
 */

/**
 * Holds what is being watched at its place.
 * @param {HTMLElement} main  what scrolls
 * @param {HTMLElement} bar   what covers the top of the screen
 * @param {() => void} onMove  the reader scrolled
 */
export function hold(main, bar, onMove) {
  /** @type {Anchor | null} */
  let anchor = null;
  /** The control, or what else was touched last, unless it stands in the bar. @type {Element | null} */
  let touched = null;

  let isTouched = false;
  for (const kind of ['pointerdown', 'keydown', 'wheel', 'touchstart'])
    document.addEventListener(kind, () => (isTouched = true), { capture: true, passive: true });

  const above = () => bar.getBoundingClientRect().bottom;

  /** @param {Element} node */
  const seen = (node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return Math.min(bottom, window.innerHeight) - Math.max(top, above());
  };

  /** Whether all of a node is in view. @param {Element} node */
  const isInView = (node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return top >= above() && bottom <= window.innerHeight;
  };

  /** The figure that was touched last, if it is in view, or else the one that fills most of the view. */
  function watched() {
    const own = touched?.isConnected ? touched.closest('figure') : null;
    if (own && seen(own) > SEEN) return own;
    /** @type {Element | null} */
    let most = null;
    for (const figure of main.querySelectorAll('figure'))
      if (seen(figure) > (most ? seen(most) : SEEN)) most = figure;
    return most;
  }

  /** The first part, from the top, whose upper edge is in view. @param {Element} node @returns {Element | null} */
  function edge(node) {
    for (const child of node.children) {
      if (child.getClientRects().length === 0) continue;
      const { top, bottom } = child.getBoundingClientRect();
      if (bottom <= above()) continue;
      if (top >= above() - 1) return top < window.innerHeight ? child : null;
      return edge(child) ?? child;
    }
    return null;
  }

  function choose() {
    const figure = watched();
    const root = figure ?? main;
    // Of a figure that is not drawn yet no part is where it will be.
    const isWhole =
      figure &&
      (figure.getBoundingClientRect().top >= above() - 1 || !figure.hasAttribute('data-drawn'));
    const control =
      touched && touched !== figure && figure?.contains(touched) && seen(touched) > 0
        ? touched
        : null;
    const node = isWhole ? figure : (control ?? edge(root) ?? figure);
    /** @type {Anchor} */
    const now = { nodes: [], scrolled: window.scrollY };
    for (let at = node; at && at !== document.body; at = at.parentElement)
      now.nodes.push({ node: at, top: at.getBoundingClientRect().top });
    anchor = now;
  }

  /** Scrolls by as much as what is held has moved without the reader's doing. */
  function settle() {
    // What fills the screen has no place in the page.
    if (main.querySelector('.fills-screen')) return;
    // Before the reader has done anything the page stands at its top, whatever the bar needs.
    if (!isTouched && window.scrollY === 0) return choose();
    const before = anchor;
    const held = before?.nodes.find(({ node }) => isThere(node));
    if (!before || !held || held.node === main) return choose();
    const expected = held.top - (window.scrollY - before.scrolled);
    const moved = held.node.getBoundingClientRect().top - expected;
    if (Math.abs(moved) >= 0.5) window.scrollBy({ top: moved, behavior: 'instant' });
    choose();
    // A page is scrolled by whole pixels; what is left over is not forgotten.
    const now = anchor?.nodes[0];
    if (now && now.node === held.node && Math.abs(now.top - expected) < 1) now.top = expected;
  }

  window.addEventListener(
    'scroll',
    () => {
      // What was scrolled here is not the reader's doing.
      const isReaders = anchor !== null && Math.abs(window.scrollY - anchor.scrolled) >= 1;
      settle();
      if (isReaders) onMove();
    },
    { passive: true },
  );
  /** @param {Event} event */
  const touch = ({ target }) => {
    // The sheet takes the focus again whenever it is drawn; what is watched beside it stays the same.
    if (target instanceof Element && target.closest('#sheet')) return;
    touched = target instanceof Element && main.contains(target) ? target : null;
  };
  document.addEventListener('pointerdown', (event) => (touch(event), settle()), true);
  // A figure that the reader is taken to is watched, though others fill more of the view until it is drawn.
  document.addEventListener('lookback-reached', touch);
  document.addEventListener(
    'focusin',
    (event) => {
      touch(event);
      // The browser scrolls to what gets the focus before it says so, and by where everything is now:
      // what has moved since the last frame must not be made up for once more.
      if (anchor && Math.abs(window.scrollY - anchor.scrolled) >= 1) {
        choose();
        onMove();
        return;
      }
      const wasInView = touched && isInView(touched);
      settle();
      if (wasInView && touched && !isInView(touched))
        touched.scrollIntoView({ block: 'nearest', behavior: 'instant' });
    },
    true,
  );
  const watch = new ResizeObserver(settle);
  watch.observe(bar);
  for (const node of main.querySelectorAll('section > *')) watch.observe(node);
  choose();

  // A page that is come back to, or loaded again, has its figures not drawn yet, so its old height says
  // nothing: what was in view is put where it was, and held there while they are drawn. A figure of which
  // the lower part was in view has its height again at once: it would end above the view, and what is
  // above the view is not drawn.
  const nodes = Array.from(main.querySelectorAll('section > *'));
  history.scrollRestoration = 'manual';
  window.addEventListener('pagehide', () => {
    const at = nodes.findIndex((node) => node.getBoundingClientRect().bottom > above());
    const { top, height } = nodes[at]?.getBoundingClientRect() ?? { top: 0, height: 0 };
    keep(window.scrollY > 0 ? { href: location.href, at, top, height } : null);
  });
  const place = kept();
  const node = place?.href === location.href ? nodes[place.at] : undefined;
  if (place && node) {
    if (node.matches('figure'))
      /** @type {HTMLElement} */ (node).style.setProperty('--kept', `${place.height}px`);
    window.scrollBy({ top: node.getBoundingClientRect().top - place.top, behavior: 'instant' });
    choose();
  }
}

/** @typedef {{href: string, at: number, top: number, height: number}} Kept  which node of the page stood where */

const KEY = 'lookback-place';

/** @param {Kept | null} place */
function keep(place) {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(place));
  } catch {
    // A reader who lets nothing be stored begins at the top.
  }
}

/** Where the page stood when it was left, if it is loaded again or come back to. @returns {Kept | null} */
function kept() {
  const [entry] = performance.getEntriesByType('navigation');
  const { type } = /** @type {PerformanceNavigationTiming} */ (entry ?? { type: '' });
  if (type !== 'reload' && type !== 'back_forward') return null;
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? 'null');
  } catch {
    return null;
  }
}

/** Whether a node has a place on the page. @param {Element} node */
function isThere(node) {
  return node.isConnected && node.getClientRects().length > 0;
}

/**
 * Keeps a node as tall as it was, as long as it is about the same thing: a caption that loses a line must
 * not lift the controls from under the pointer.
 * @param {HTMLElement} node
 */
export function keepHeight(node) {
  let [tallest, width] = [0, 0];
  new ResizeObserver(() => {
    if (Math.abs(node.clientWidth - width) >= 1) {
      width = node.clientWidth;
      forget();
    }
    const height = node.offsetHeight;
    if (height > tallest + 0.5) {
      tallest = height;
      node.style.setProperty('--held', `${height}px`);
    }
  }).observe(node);
  function forget() {
    tallest = 0;
    node.style.removeProperty('--held');
  }
  return forget;
}
