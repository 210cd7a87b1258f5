/**
 * The page: the bar, what is chosen, and the figures, each of which begins to live when it comes near
 * the screen. Read `kit/stage.js` for what a figure is.
 */

import { Away, ask, Said, watchAway } from './kit/ask.js';
import { chip } from './kit/chips.js';
import { forgetColours } from './kit/colour.js';
import { fill, h } from './kit/dom.js';
import { count } from './kit/number.js';
import * as state from './kit/state.js';
import { follow, listen } from './kit/training.js';

/** @typedef {import('./kit/stage.js').Selection} Selection */
/** @typedef {import('./kit/stage.js').Model} Model */
/** @typedef {import('./kit/stage.js').Drawn} Drawn */

const FIRST_PROMPT = 'the bird is red';

/** @type {Model[]} */
let models = [];
/** @type {Selection | null} */
let selection = null;
/** @type {string | null} */
let problem = null;
let typing = /** @type {AbortController | null} */ (null);

/** @type {import('./kit/stage.js').Page} */
const page = { set: state.set, get: () => selection };

/* The bar */

const prompt = /** @type {HTMLTextAreaElement} */ (document.querySelector('#prompt'));
const tokens = /** @type {HTMLElement} */ (document.querySelector('#tokens'));
const model = /** @type {HTMLSelectElement} */ (document.querySelector('#model'));
const layer = /** @type {HTMLSelectElement} */ (document.querySelector('#layer'));
const head = /** @type {HTMLSelectElement} */ (document.querySelector('#head'));
const chat = /** @type {HTMLInputElement} */ (document.querySelector('#chat'));
const said = /** @type {HTMLElement} */ (document.querySelector('#said'));
const about = /** @type {HTMLElement} */ (document.querySelector('#about'));
const theme = /** @type {HTMLButtonElement} */ (document.querySelector('#theme'));

prompt.addEventListener('input', () => state.set({ prompt: prompt.value, token: null }));
model.addEventListener('change', () =>
  state.set({ model: model.value, layer: null, head: null, token: null }),
);
layer.addEventListener('change', () => state.set({ layer: layer.value }));
head.addEventListener('change', () => state.set({ head: head.value }));
chat.addEventListener('change', () => state.set({ chat: chat.checked, token: null }));
theme.addEventListener('click', () => {
  // The list of the sheet, not the link's attribute, which may have the sheet loaded once more.
  const night = /** @type {HTMLLinkElement} */ (document.querySelector('#night')).sheet?.media;
  if (!night) return;
  night.mediaText = matchMedia(night.mediaText).matches ? 'not all' : 'screen';
  forgetColours();
  document.dispatchEvent(new Event('lookback-theme'));
  redraw();
});

// Arrows choose a token and a layer, brackets a head, wherever no control needs the keys itself.
document.addEventListener('keydown', (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  if (
    !selection ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey ||
    at.closest('input, textarea, select, [role="application"], [role="slider"]')
  )
    return;
  const now = selection;
  const within = (/** @type {number} */ index, /** @type {number} */ size) =>
    Math.max(0, Math.min(size - 1, index));
  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => state.set({ token: within(now.token - 1, now.ids.length) }),
    ArrowRight: () => state.set({ token: within(now.token + 1, now.ids.length) }),
    ArrowUp: () => state.set({ layer: within(now.layer - 1, now.about.layers) }),
    ArrowDown: () => state.set({ layer: within(now.layer + 1, now.about.layers) }),
    '[': () => state.set({ head: within(now.head - 1, now.about.heads) }),
    ']': () => state.set({ head: within(now.head + 1, now.about.heads) }),
  };
  // Up and down scroll the page, unless a token or a figure has the focus.
  if (event.key.startsWith('Arrow') && !at.closest('#tokens, figure')) return;
  const press = keys[event.key];
  if (press) {
    event.preventDefault();
    press();
  }
});

function drawBar() {
  const chosen = state.get();
  const text = chosen.prompt ?? FIRST_PROMPT;
  if (document.activeElement !== prompt || prompt.value !== text) prompt.value = text;
  const of = describe(chosen.model);
  fill(
    model,
    models.map(({ name }) => h('option', { value: name }, name)),
  );
  if (of) model.value = of.name;
  model.disabled = models.length < 2;
  const numbers = (
    /** @type {HTMLSelectElement} */ select,
    /** @type {number} */ size,
    /** @type {number} */ value,
  ) => {
    if (select.options.length !== size)
      fill(
        select,
        Array.from({ length: size }, (_, at) => h('option', { value: at }, String(at))),
      );
    select.value = String(value);
  };
  if (of && selection) {
    numbers(layer, of.layers, selection.layer);
    numbers(head, of.heads, selection.head);
  }
  const canChat = of?.chat ?? false;
  /** @type {HTMLElement} */ (chat.closest('label')).hidden = !canChat;
  chat.checked = chosen.chat && canChat;
  if (selection) {
    const now = selection;
    const hadFocus = tokens.contains(document.activeElement);
    fill(
      tokens,
      now.pieces.map((piece, token) => chip(token, piece, { picked: token === now.token })),
    );
    /** @type {HTMLElement | null} */
    const picked = tokens.querySelector('[aria-pressed="true"]');
    // The keys go on from where they are, though the chips are new.
    if (hadFocus) picked?.focus({ preventScroll: true });
    picked?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }
  said.hidden = problem === null;
  fill(said, problem ?? '');
  if (of) drawAbout(of);
}

/** The truth about what one looks at. @param {Model} of */
function drawAbout(of) {
  const learning =
    of.step !== null && of.steps
      ? `still learning: these weights were read at step ${count(of.step)} of ${count(of.steps)}`
      : null;
  const facts = [
    `${of.family}, ${count(of.parameters)} parameters`,
    `${of.layers} layers of ${of.heads} heads, ${of.width} wide, ${count(of.vocabulary)} tokens, context ${count(of.context)}`,
    `computed in ${of.compute} on ${of.threads} ${of.threads === 1 ? 'thread' : 'threads'}`,
    learning,
    of.path,
  ];
  fill(
    about,
    facts.filter((fact) => fact !== null).map((fact) => h('li', null, fact)),
  );
  /** @type {HTMLElement} */ (document.querySelector('#about-short')).textContent = learning
    ? `${of.name}, step ${count(/** @type {number} */ (of.step))}`
    : `${of.name}, ${short(of.parameters)}`;
}

/** @param {number} parameters */
function short(parameters) {
  return parameters >= 1e9
    ? `${(parameters / 1e9).toFixed(1)}B`
    : parameters >= 1e6
      ? `${(parameters / 1e6).toFixed(0)}M`
      : `${(parameters / 1e3).toFixed(0)}K`;
}

/** @param {string | null} name */
function describe(name) {
  return models.find((of) => of.name === name) ?? models[0] ?? null;
}

/* What is chosen becomes a selection once the program has cut the prompt into tokens */

/** @type {{key: string, ids: number[], pieces: string[]} | null} */
let cut = null;

async function choose() {
  const chosen = state.get();
  const of = describe(chosen.model);
  drawBar();
  if (!of) return;
  const text = chosen.prompt ?? FIRST_PROMPT;
  const asChat = chosen.chat && of.chat;
  const key = JSON.stringify([of.name, text, asChat]);
  if (cut?.key !== key) {
    typing?.abort();
    const mine = (typing = new AbortController());
    try {
      const answer = await ask(
        'tokens',
        { model: of.name, prompt: text, chat: asChat },
        { signal: mine.signal },
      );
      cut = { key, ids: answer.ids, pieces: answer.pieces };
      problem = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      // The figures keep what they show; the bar says why they do not follow.
      problem = error instanceof Said || error instanceof Away ? error.message : String(error);
      drawBar();
      return;
    }
  }
  const { ids, pieces } = cut;
  const within = (
    /** @type {number | null} */ index,
    /** @type {number} */ size,
    /** @type {number} */ otherwise,
  ) => (index === null ? otherwise : Math.max(0, Math.min(size - 1, index)));
  selection = {
    prompt: text,
    model: of.name,
    chat: asChat,
    layer: within(chosen.layer, of.layers, of.layers - 1),
    head: within(chosen.head, of.heads, 0),
    token: within(chosen.token, ids.length, ids.length - 1),
    ids,
    pieces,
    about: of,
    more: chosen.more,
  };
  drawBar();
  redraw();
}

/* The figures */

/**
 * A figure's place: what is mounted there, whether it is on screen, what it last drew.
 * @typedef {{root: HTMLElement, drawn: Drawn | null, near: boolean, abort: AbortController | null, fresh: Selection | null}} Place
 */

/** @type {Place[]} */
const places = Array.from(document.querySelectorAll('figure[data-stage]'), (root) => ({
  root: /** @type {HTMLElement} */ (root),
  drawn: null,
  near: false,
  abort: null,
  fresh: null,
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
  { rootMargin: '300px 0px' },
);
for (const place of places) observer.observe(place.root);

function redraw() {
  for (const place of places) if (place.near) draw(place);
}

// Everything is drawn for paper.
window.addEventListener('beforeprint', () => places.forEach(draw));

/** @param {Place} place */
async function draw(place) {
  if (!place.drawn) {
    if (place.root.dataset.loading) return;
    place.root.dataset.loading = 'true';
    const stage = (await import(`./stages/${place.root.dataset.stage}.js`)).default;
    place.drawn = stage.mount(place.root, page);
    delete place.root.dataset.loading;
  }
  if (!selection || place.fresh === selection || !place.drawn) return;
  place.abort?.abort();
  const mine = (place.abort = new AbortController());
  place.fresh = selection;
  place.root.classList.add('is-busy');
  try {
    await place.drawn.draw(selection, mine.signal);
    if (!mine.signal.aborted) {
      problemOf(place.root, null);
      place.root.dataset.drawn = 'true';
    }
  } catch (error) {
    if (mine.signal.aborted) return;
    place.fresh = null;
    const sentence = error instanceof Said || error instanceof Away ? error.message : String(error);
    problemOf(place.root, sentence);
    if (!(error instanceof Said || error instanceof Away)) throw error;
  } finally {
    if (!mine.signal.aborted) place.root.classList.remove('is-busy');
  }
}

/** @param {HTMLElement} root @param {string | null} sentence */
function problemOf(root, sentence) {
  const node = /** @type {HTMLElement | null} */ (root.querySelector('.figure-problem'));
  if (!node) return;
  node.hidden = sentence === null;
  fill(node, sentence ?? '');
}

/* Models, training, and a program that goes away and comes back */

async function readModels() {
  const answer = await ask('models', null);
  models = answer.models;
  document.documentElement.classList.toggle('has-models', models.length > 0);
}

/** New weights: everything is read again. */
async function refresh() {
  try {
    await readModels();
  } catch {
    return;
  }
  cut = null;
  await choose();
}

let isKnocking = false;
watchAway(async (isAway) => {
  const node = /** @type {HTMLElement} */ (document.querySelector('#away'));
  node.hidden = !isAway;
  if (!isAway || isKnocking) return;
  isKnocking = true;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    try {
      await readModels();
      break;
    } catch {
      // Not yet.
    }
  }
  isKnocking = false;
  // The page that is served now holds the token of the program that runs now.
  location.reload();
});

state.watch(choose);

async function begin() {
  try {
    await readModels();
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
    drawBar();
  }
  await choose();
  listen((news) => {
    if (news.type === 'snapshot' || news.type === 'done') refresh();
  });
  follow();
}

begin();
