/**
 * The figures' places on the page: each figure is loaded, and drawn, when it comes near the screen, when
 * the keyboard reaches it, or when the page is printed.
 */

import { hold } from './kit/anchor.js';
import { ProgramError, UnreachableError } from './kit/client.js';
import { fill, h } from './kit/dom.js';
import { messageText } from './kit/messages.js';

/** @typedef {import('./kit/stage.js').Selection} Selection */
/** @typedef {import('./kit/stage.js').Drawn} Drawn */

/**
 * A figure's place: what is mounted there, whether it is near the screen, what it last drew, and what it
 * is drawing.
 * @typedef {object} Place
 * @property {HTMLElement} root
 * @property {Promise<Drawn> | null} mounted
 * @property {boolean} near
 * @property {AbortController | null} abort
 * @property {Selection | null} fresh
 * @property {Promise<void>} drawing
 */

/** How far from the screen a figure is drawn already, in pixels. */
const NEAR = 300;

/**
 * @param {import('./kit/stage.js').Page} page
 * @param {HTMLElement} bar
 */
export function figures(page, bar) {
  /** @type {Place[]} */
  const places = Array.from(document.querySelectorAll('figure[data-stage]'), (root) => ({
    root: /** @type {HTMLElement} */ (root),
    mounted: null,
    near: false,
    abort: null,
    fresh: null,
    drawing: Promise.resolve(),
  }));

  const observer = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const place = places.find(({ root }) => root === entry.target);
        if (!place) continue;
        place.near = entry.isIntersecting;
        if (place.near) draw(place);
      }
    },
    { rootMargin: `${NEAR}px 0px` },
  );
  for (const place of places) {
    observer.observe(place.root);
    const heading = place.root.closest('section')?.querySelector('h1, h2');
    place.root.setAttribute('aria-label', heading?.textContent ?? '');
    // What stands in its place as long as there is no model, and on paper, should it not be drawn by then.
    place.root.dataset.waiting = messageText('figure.waiting');
    place.root.dataset.undrawn = messageText('figure.undrawn');
    // Until its own controls are there the figure itself is what the keyboard reaches.
    place.root.tabIndex = 0;
    place.root.addEventListener('focusin', () => draw(place));
  }

  const last = /** @type {HTMLElement} */ (document.querySelector('#around-section'));
  const around = new IntersectionObserver(
    ([entry]) => {
      if (!entry?.isIntersecting) return;
      around.disconnect();
      import('./stages/around.js').then(({ around }) => around(last));
    },
    { rootMargin: `${NEAR}px 0px` },
  );
  around.observe(last);

  const main = /** @type {HTMLElement} */ (document.querySelector('main'));
  hold(main, bar, () => {
    for (const place of places) if (place.near) draw(place);
  });

  /** @param {Place} place @returns {Promise<Drawn>} */
  function mount(place) {
    const { stage, styles = '' } = place.root.dataset;
    place.mounted ??= Promise.all([
      import(`./stages/${stage}.js`),
      import('./stages/around_reference.js'),
      ...[...styles.split(' '), 'around'].filter((name) => name).map(styled),
    ]).then(([module, { reference }]) => {
      reference(place.root.closest('section'));
      const drawn = module.default.mount(place.root, page);
      place.root.tabIndex = -1;
      return drawn;
    });
    // A program that was away is asked for the file again.
    place.mounted.catch(() => (place.mounted = null));
    return place.mounted;
  }

  /** @param {Place} place @returns {Promise<void>} */
  function draw(place) {
    const selection = page.get();
    if (selection && place.fresh === selection) return place.drawing;
    place.abort?.abort();
    const mine = new AbortController();
    Object.assign(place, { abort: mine, fresh: selection });
    place.drawing = drawn(place, selection, mine.signal);
    return place.drawing;
  }

  /** @param {Place} place @param {Selection | null} selection @param {AbortSignal} signal */
  async function drawn(place, selection, signal) {
    const { root } = place;
    try {
      const stage = await mount(place);
      if (!selection || signal.aborted) return;
      root.classList.add('is-busy');
      await stage.draw(selection, signal);
      if (signal.aborted) return;
      const text = `${selection.model} ${selection.ids}`;
      if (root.dataset.text !== text) root.dispatchEvent(new Event('lookback-text'));
      root.dataset.text = text;
      // Of which choice this is the drawing; where it is not the address, another is to come.
      root.dataset.drawn = selection.address;
      root.classList.remove('is-blank');
      problem(root, null);
    } catch (error) {
      if (signal.aborted) return;
      place.fresh = null;
      const isExplained = error instanceof ProgramError || error instanceof UnreachableError;
      problem(root, isExplained ? error.message : String(error));
      if (!isExplained) throw error;
    } finally {
      if (!signal.aborted) root.classList.remove('is-busy');
    }
  }

  return {
    /** Draws what is seen, and what is near below it. What is above is drawn when the reader goes there. */
    redraw() {
      const above = bar.getBoundingClientRect().bottom;
      for (const place of places)
        if (place.near && place.root.getBoundingClientRect().bottom > above) draw(place);
    },
    /** Throws away what is being asked. */
    abort() {
      for (const place of places) {
        if (!place.root.classList.contains('is-busy')) continue;
        place.abort?.abort();
        place.fresh = null;
        place.root.classList.remove('is-busy');
      }
    },
    /** Shows nothing, and says why; what comes next is drawn as always. @param {string} sentence */
    blank(sentence) {
      this.abort();
      for (const place of places) {
        place.abort?.abort();
        place.fresh = null;
        delete place.root.dataset.drawn;
        place.root.classList.add('is-blank');
        problem(place.root, sentence);
      }
    },
    /** Draws every figure, wherever it is, and waits for all. */
    async all() {
      await Promise.allSettled(places.map(draw));
    },
    /** Whether every figure shows what is chosen. */
    isWhole() {
      const selection = page.get();
      return places.every(
        ({ fresh, root }) => fresh === selection && !root.classList.contains('is-busy'),
      );
    },
  };
}

/** @param {HTMLElement} root @param {string | null} sentence */
function problem(root, sentence) {
  const node = /** @type {HTMLElement | null} */ (root.querySelector('.figure-problem'));
  if (!node) return;
  node.hidden = sentence === null;
  fill(node, sentence ?? '');
}

/** Style sheets of figures, which come with the first figure that needs them. @type {Map<string, Promise<unknown>>} */
const sheets = new Map();

/** @param {string} name */
function styled(name) {
  const known = sheets.get(name);
  if (known) return known;
  const link = h('link', { rel: 'stylesheet', href: `/stages/${name}.css` });
  const loaded = new Promise((resolve, reject) => {
    link.addEventListener('load', resolve);
    link.addEventListener('error', () => {
      link.remove();
      sheets.delete(name);
      reject(new UnreachableError());
    });
  });
  sheets.set(name, loaded);
  document.head.append(link);
  return loaded;
}
