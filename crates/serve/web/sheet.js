/**
 * The sheet: the whole model in the left margin, or folded into the bar where there is none. The part that
 * the section being read is about is lit; a click goes to a part's figure, and a labelled button or a long
 * press switches a head or an MLP off. Read `sheet/drawing.js` for how it is drawn.
 */

import { has, minus, plus, without, write } from './kit/changes.js';
import { ask } from './kit/client.js';
import { clear, fill, h } from './kit/dom.js';
import { messageText } from './kit/messages.js';
import { isStill } from './kit/player.js';
import { drawing, key, named } from './sheet/drawing.js';

/** @typedef {import('./kit/stage.js').Selection} Selection */
/** @typedef {import('./sheet/drawing.js').Part} Part */
/** @typedef {import('./sheet/drawing.js').Next} Next */

/** Where each part is explained. @type {Record<Part['kind'], string>} */
const PLACES = {
  tokens: 'tokens',
  vectors: 'embed',
  head: 'attend',
  mlp: 'mlp',
  stream: 'stream',
  logits: 'next',
  next: 'sample',
  back: 'repeat',
};

/** Which parts a section is about; a layer's are those of the chosen one. @type {Record<string, Part['kind'][]>} */
const ABOUT = {
  'tokens-section': ['tokens'],
  'embed-section': ['vectors'],
  'position-section': ['vectors'],
  'analogy-section': ['vectors'],
  'map-section': ['vectors'],
  'exchange-section': ['head'],
  'attend-section': ['head'],
  'context-section': ['head'],
  'mlp-section': ['mlp'],
  'weights-section': ['head', 'mlp'],
  'facts-section': ['mlp'],
  'unembed-section': ['mlp', 'logits'],
  'stream-section': ['stream'],
  'depths-section': ['stream', 'logits'],
  'next-section': ['logits'],
  'sample-section': ['next'],
  'repeat-section': ['back'],
  'repetition-section': ['back'],
};

/** Milliseconds that a token takes through the model, and that one waits for the next. */
const [RUN, SETTLE] = [900, 120];
/** Pixels beside the drawing and below it. */
const [BESIDE, BELOW] = [16, 76];

/**
 * @param {import('./kit/stage.js').Page} page
 * @param {HTMLElement} bar
 */
export function sheet(page, bar) {
  const place = h('div', { class: 'sheet-place' });
  const name = h('p', { class: 'sheet-name', 'aria-live': 'polite' });
  const switches = h('div', { class: 'sheet-switch' });
  const node = h(
    'nav',
    { id: 'sheet', 'aria-label': messageText('sheet.name') },
    place,
    h('div', { class: 'sheet-foot' }, name, switches),
  );
  const opener = h(
    'button',
    {
      type: 'button',
      id: 'sheet-opener',
      class: 'plain',
      'aria-expanded': 'false',
      'aria-controls': 'sheet',
      onclick: () => open(!node.classList.contains('is-open')),
    },
    h('span', { 'aria-hidden': 'true' }, messageText('sheet.opener')),
    h('span', { class: 'spoken' }, messageText('sheet.opener-name')),
  );
  bar.querySelector('.bar-line')?.append(opener);
  bar.after(node);

  /** @type {Selection | null} */
  let of = null;
  /** @type {Next[]} */
  let next = [];
  /** What the foot is about: the part that was gone to, or that has the focus. @type {Part | null} */
  let held = null;
  /** @type {ReturnType<typeof drawing> | null} */
  let drawn = null;
  let section = '';

  /** @param {boolean} isOpen */
  function open(isOpen) {
    node.classList.toggle('is-open', isOpen);
    opener.setAttribute('aria-expanded', String(isOpen));
    if (isOpen) {
      draw();
      likeliest();
    }
  }
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' || !node.classList.contains('is-open')) return;
    open(false);
    opener.focus({ preventScroll: true });
  });

  /** @param {Part} part */
  function go(part) {
    held = part;
    const { layer, head } = part;
    if (layer !== undefined) page.set(head === undefined ? { layer } : { layer, head });
    foot();
    open(false);
    // The reader asked for it, and it stays there while it and its neighbours are drawn.
    const figure = document.querySelector(`figure[data-stage="${PLACES[part.kind]}"]`);
    figure?.dispatchEvent(new Event('lookback-reached', { bubbles: true }));
    figure?.scrollIntoView();
  }

  /** What switching a part off changes; none of the parts that cannot be. @param {Part} part */
  const change = ({ kind, layer = 0, head = 0 }) =>
    kind === 'head' ? without('head', layer, head) : kind === 'mlp' ? without('mlp', layer) : null;

  /** @param {Part} part */
  function isOff(part) {
    const off = change(part);
    return off !== null && of !== null && has(of.changes, off);
  }

  /** Switches a part off, or on again. @param {Part} part */
  function turn(part) {
    const off = change(part);
    if (!off || !of) return;
    held = part;
    const { changes } = of;
    page.set({ changes: write(isOff(part) ? minus(changes, off) : plus(changes, off)) });
  }

  /** What the button of a head or an MLP says. @param {Part} part */
  function switchText(part) {
    const { kind, layer = 0, head = 0 } = part;
    return kind === 'head'
      ? messageText(isOff(part) ? 'sheet.switch.head-on' : 'sheet.switch.head-off', {
          head: `${layer}.${head}`,
        })
      : messageText(isOff(part) ? 'sheet.switch.mlp-on' : 'sheet.switch.mlp-off', { layer });
  }

  /** @param {Part | null} part  what the pointer is at */
  function foot(part = held) {
    const called = part ? named(part) : '';
    fill(name, part && isOff(part) ? messageText('sheet.off', { part: called }) : called);
    if (!held || !change(held)) return clear(switches);
    const own = held;
    fill(
      switches,
      h('button', { type: 'button', class: 'plain', onclick: () => turn(own) }, switchText(own)),
    );
  }

  function draw() {
    if (!of || node.clientWidth === 0) return;
    const focused = place.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).dataset.part
      : undefined;
    drawn = drawing({
      of,
      next,
      width: node.clientWidth - BESIDE,
      height: Math.max(420, node.clientHeight - BELOW),
      isOff,
      onGo: go,
      onHold: turn,
      onReach: (part) => {
        if (part && place.contains(document.activeElement)) {
          const { part: at } = /** @type {HTMLElement} */ (document.activeElement).dataset;
          if (at === key(part)) held = part;
        }
        foot(part ?? held);
      },
    });
    fill(place, drawn.node);
    if (focused)
      /** @type {SVGElement | null} */ (place.querySelector(`[data-part="${focused}"]`))?.focus({
        preventScroll: true,
      });
    light();
    foot();
  }

  /** Lights what the section is about, and marks the chosen head. */
  function light() {
    if (!of) return;
    const { layer, head } = of;
    const kinds = ABOUT[section] ?? [];
    for (const part of place.querySelectorAll('.sheet-part')) {
      const [kind = '', own, index] =
        /** @type {SVGElement} */ (part).dataset.part?.split('.') ?? [];
      const isHere = own === undefined || Number(own) === layer;
      part.classList.toggle('is-lit', kinds.includes(/** @type {Part['kind']} */ (kind)) && isHere);
      const isChosen = kind === 'head' && isHere && Number(index) === head;
      part.classList.toggle('is-chosen', isChosen);
      if (isChosen) part.setAttribute('aria-current', 'true');
      else part.removeAttribute('aria-current');
    }
    for (const layers of place.querySelectorAll('.sheet-layer'))
      layers.classList.toggle(
        'is-chosen',
        /** @type {SVGElement} */ (layers).dataset.layer === String(layer),
      );
  }

  /** The section that is read: the last one that begins above the middle of the screen. */
  function read() {
    const middle = (bar.getBoundingClientRect().bottom + window.innerHeight) / 2;
    let now = '';
    for (const { id } of document.querySelectorAll('main > section[id]')) {
      const at = document.getElementById(id);
      if (at && at.getBoundingClientRect().top < middle) now = id;
    }
    if (now === section) return;
    section = now;
    light();
  }
  let isDue = false;
  window.addEventListener(
    'scroll',
    () => {
      if (!isDue) requestAnimationFrame(() => ((isDue = false), read()));
      isDue = true;
    },
    { passive: true },
  );

  let isRunning = false;
  /** A token that was appended goes through the model, and the way back. */
  function run() {
    // Where tokens come faster, one is seen after the other.
    if (!drawn || isStill() || node.clientWidth === 0 || isRunning) return;
    isRunning = true;
    const { runs } = drawn;
    const length = runs.getTotalLength();
    const began = performance.now();
    node.classList.add('is-running');
    const frame = () => {
      const share = Math.min(1, (performance.now() - began) / RUN);
      const { x, y } = runs.getPointAtLength(share * length);
      const at = share < 1 ? [x, y] : [-20, -20];
      // The sheet may have been drawn anew meanwhile.
      drawn?.runner.setAttribute('cx', String(at[0]));
      drawn?.runner.setAttribute('cy', String(at[1]));
      isRunning = share < 1;
      node.classList.toggle('is-running', isRunning);
      if (isRunning) requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  }
  document.addEventListener('lookback-appended', run);

  let asked = '';
  let timer = 0;
  /** The likeliest next tokens; asked for when the reader rests. */
  function likeliest() {
    if (!of || node.clientWidth === 0) return;
    const now = of;
    const text = JSON.stringify([now.model, now.ids, now.chat, now.about.step, write(now.changes)]);
    if (text === asked) return;
    clearTimeout(timer);
    timer = window.setTimeout(async () => {
      asked = text;
      const { model, prompt, chat, ids } = now;
      const body = { model, prompt, chat, token: ids.length - 1, of: null, most: 5, find: '' };
      try {
        const { top, pieces } = await ask('next', body);
        if (asked !== text) return;
        next = top.map((/** @type {{id: number, probability: number}} */ { id, probability }) => ({
          piece: pieces[id] ?? `#${id}`,
          probability,
        }));
        draw();
      } catch {
        // The bar says why there is no answer.
        asked = '';
      }
    }, SETTLE);
  }

  new ResizeObserver(draw).observe(node);
  document.addEventListener('lookback-theme', draw);

  return {
    /** Draws what is chosen. */
    draw() {
      const now = page.get();
      if (!now) return;
      const before = of;
      const isSame =
        before !== null &&
        before.ids === now.ids &&
        before.model === now.model &&
        before.token === now.token &&
        write(before.changes) === write(now.changes);
      const isOn =
        before !== null &&
        before.model === now.model &&
        before.ids.length > 0 &&
        now.ids.length === before.ids.length + 1 &&
        before.ids.every((id, at) => id === now.ids[at]);
      if (before?.model !== now.model) next = [];
      of = now;
      read();
      if (isSame && drawn) light();
      else draw();
      likeliest();
      if (isOn) run();
    },
  };
}
