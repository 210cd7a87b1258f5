/**
 * The page: the bar, and what is chosen. Read `figures.js` for when a figure is drawn, `kit/stage.js` for
 * what a figure is.
 */

import { figures } from './figures.js';
import { examplePrompts } from './guide/prompts.js';
import { guide } from './guide/start.js';
import { changesBar } from './kit/changes/bar.js';
import { namesTokens, write } from './kit/changes.js';
import { chip, spelled } from './kit/chips.js';
import { ask, isOtherProgram, ProgramError, UnreachableError, watchAnswers } from './kit/client.js';
import { headSoon, knownHead } from './kit/default_head.js';
import { fill, h, sideways } from './kit/dom.js';
import { message, messageText } from './kit/messages.js';
import { particulars } from './kit/particulars.js';
import { drawBeforePrinting } from './kit/print.js';
import { rovingTabindex } from './kit/roving_tabindex.js';
import * as state from './kit/state.js';
import { follow, listen } from './kit/training.js';
import { sheet } from './sheet.js';

/** @typedef {import('./kit/stage.js').Selection} Selection */
/** @typedef {import('./kit/stage.js').Model} Model */

const { FIRST_PROMPT } = state;

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

const bar = /** @type {HTMLElement} */ (document.querySelector('#bar'));
const prompt = /** @type {HTMLTextAreaElement} */ (document.querySelector('#prompt'));
const tokens = /** @type {HTMLElement} */ (document.querySelector('#tokens'));
const model = /** @type {HTMLSelectElement} */ (document.querySelector('#model'));
const layer = /** @type {HTMLSelectElement} */ (document.querySelector('#layer'));
const head = /** @type {HTMLSelectElement} */ (document.querySelector('#head'));
const chat = /** @type {HTMLInputElement} */ (document.querySelector('#chat'));
const said = /** @type {HTMLElement} */ (document.querySelector('#said'));
const about = /** @type {HTMLElement} */ (document.querySelector('#about'));
const more = /** @type {HTMLElement} */ (document.querySelector('#prompt-more'));
const theme = /** @type {HTMLButtonElement} */ (document.querySelector('#theme'));

const examples = examplePrompts(bar);
const changes = changesBar(/** @type {HTMLElement} */ (document.querySelector('#changes')));

prompt.addEventListener('input', () => {
  // In another text a token's place is another token's.
  const kept = state.get().changes.filter((change) => !namesTokens(change));
  state.set({ prompt: prompt.value, token: null, changes: write(kept) });
});
model.addEventListener('change', () =>
  state.set({ model: model.value, layer: null, head: null, token: null, changes: null }),
);
layer.addEventListener('change', () => state.set({ layer: layer.value }));
head.addEventListener('change', () => state.set({ head: head.value }));
chat.addEventListener('change', () => state.set({ chat: chat.checked, token: null }));
theme.addEventListener('click', () => document.dispatchEvent(new Event('lookback-theme-turn')));

// A link to a part of the page would take what is chosen out of the address.
for (const skip of document.querySelectorAll('.skip'))
  skip.addEventListener('click', (event) => {
    event.preventDefault();
    const to = document.querySelector(skip.getAttribute('href') ?? '');
    const first = to?.querySelector('[role="switch"]') ?? to;
    /** @type {HTMLElement | null} */ (first)?.focus();
  });

sideways(tokens);
new ResizeObserver(() => {
  document.documentElement.style.setProperty('--bar-height', `${bar.offsetHeight}px`);
}).observe(bar);

// Arrows choose a token and a layer, brackets a head, wherever no control needs the keys itself.
document.addEventListener('keydown', (event) => {
  const at = /** @type {HTMLElement} */ (event.target);
  // Within a drawing arrows are the drawing's, also those that it has no use for.
  if (event.key.startsWith('Arrow') && at.closest('[role="application"]')) event.preventDefault();
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
  if (prompt.value !== text) prompt.value = text;
  const lines = text.split('\n').length;
  more.hidden = lines < 2;
  prompt.classList.toggle('has-lines', lines > 1);
  fill(more, message('bar.lines', { count: lines - 1 }));
  const of = describe(chosen.model);
  fill(
    model,
    models.map(({ name }) => h('option', { value: name }, name)),
  );
  if (of) model.value = of.name;
  model.disabled = models.length < 2;
  if (of) {
    const otherwise = knownHead(of);
    numbers(layer, of.layers, within(chosen.layer, of.layers, otherwise.layer));
    numbers(head, of.heads, within(chosen.head, of.heads, otherwise.head));
  }
  const canChat = of?.chat ?? false;
  /** @type {HTMLElement} */ (chat.closest('label')).hidden = !canChat;
  chat.checked = chosen.chat && canChat;
  if (of) examples.draw(of.name);
  drawTokens();
  said.hidden = problem === null;
  fill(said, problem ?? '');
  if (of) drawAbout(of);
}

/** @param {HTMLSelectElement} select @param {number} size @param {number} value */
function numbers(select, size, value) {
  if (select.options.length !== size)
    fill(
      select,
      Array.from({ length: size }, (_, at) => h('option', { value: at }, String(at))),
    );
  select.value = String(value);
}

/** What the chips in the bar show. @type {Selection | null} */
let listed = null;

function drawTokens() {
  const now = selection;
  if (now?.ids !== listed?.ids)
    fill(
      tokens,
      now?.pieces.map((piece, token) => chip(token, piece, { shown: cut?.shown[token] })) ?? [],
    );
  listed = now;
  if (!now) return;
  const before = tokens.querySelector('[aria-pressed="true"]');
  const picked = /** @type {HTMLElement | undefined} */ (tokens.children[now.token]);
  if (before === picked || !picked) return;
  const hadFocus = before !== null && before === document.activeElement;
  before?.setAttribute('aria-pressed', 'false');
  before?.setAttribute('tabindex', '-1');
  picked.setAttribute('aria-pressed', 'true');
  picked.tabIndex = 0;
  // The keys go on from where they are.
  if (hadFocus) picked.focus({ preventScroll: true });
  // Sideways, within the row: the page itself stays where it is.
  const [left, right] = [picked.offsetLeft, picked.offsetLeft + picked.offsetWidth];
  const { scrollLeft, clientWidth } = tokens;
  if (left < scrollLeft || right > scrollLeft + clientWidth)
    tokens.scrollLeft = left - (clientWidth - picked.offsetWidth) / 2;
}

/** The truth about what one looks at. @param {Model} of */
function drawAbout(of) {
  const learning =
    of.step !== null && of.steps
      ? messageText('bar.about.learning', { step: of.step, steps: of.steps })
      : null;
  const stored = { precision: of.precision, memory: megabytes(of.bytes) };
  const facts = [
    messageText('bar.about.parameters', { family: of.family, parameters: of.parameters }),
    messageText('bar.about.shape', of),
    ...particulars(of),
    of.file_bytes === null
      ? messageText('bar.about.weights', stored)
      : messageText('bar.about.weights-in-files', { ...stored, files: megabytes(of.file_bytes) }),
    messageText('bar.about.computed', { compute: of.compute, count: of.threads }),
    learning,
  ];
  fill(
    about,
    facts.filter((fact) => fact !== null).map((fact) => h('li', null, fact)),
    h('li', { class: 'model-path' }, of.path),
  );
  const [step, size] = [of.step ?? 0, short(of.parameters)];
  fill(
    /** @type {HTMLElement} */ (document.querySelector('#about-short')),
    h(
      'span',
      { class: 'about-named' },
      learning
        ? message('bar.about.short-learning', { name: of.name, step })
        : message('bar.about.short', { name: of.name, size }),
    ),
    // A phone has room for no second name.
    h(
      'span',
      { class: 'about-unnamed' },
      learning ? message('bar.about.shortest-learning', { step }) : size,
    ),
  );
}

/** @param {number} bytes */
function megabytes(bytes) {
  const millions = bytes / 1e6;
  return messageText('common.megabytes', { size: millions.toFixed(millions < 10 ? 1 : 0) });
}

/** @param {number} parameters */
function short(parameters) {
  const size = (/** @type {number} */ unit, digits = 0) => (parameters / unit).toFixed(digits);
  return parameters >= 1e9
    ? messageText('bar.about.billions', { size: size(1e9, 1) })
    : parameters >= 1e6
      ? messageText('bar.about.millions', { size: size(1e6) })
      : messageText('bar.about.thousands', { size: size(1e3) });
}

/** @param {string | null} name */
function describe(name) {
  return models.find((of) => of.name === name) ?? models[0] ?? null;
}

/* What is chosen becomes a selection once the program has cut the prompt into tokens */

/** @type {{key: string, ids: number[], pieces: string[], shown: string[]} | null} */
let cut = null;

/** @param {number | null} index @param {number} size @param {number} otherwise */
function within(index, size, otherwise) {
  return index === null ? otherwise : Math.max(0, Math.min(size - 1, index));
}

/** How often something was chosen. */
let turns = 0;

async function choose() {
  turns += 1;
  const turn = turns;
  const chosen = state.get();
  const address = location.hash;
  const of = describe(chosen.model);
  const text = chosen.prompt ?? FIRST_PROMPT;
  if (!of) return drawBar();
  const asChat = chosen.chat && of.chat;
  const key = JSON.stringify([of.name, text, asChat]);
  // What is still being asked about another model must not arrive beside this one's name.
  if (selection && selection.model !== of.name) places.abort();
  drawBar();
  const isNamed = chosen.layer !== null && chosen.head !== null;
  const again = () => turn === turns && void choose();
  const otherwise = isNamed ? knownHead(of) : headSoon(of, again);
  if (cut?.key !== key) {
    typing?.abort();
    const mine = (typing = new AbortController());
    try {
      const answer = await ask(
        'tokens',
        { model: of.name, prompt: text, chat: asChat },
        { signal: mine.signal },
      );
      if (mine.signal.aborted) return;
      const shown = answer.pieces.map((/** @type {string} */ _, /** @type {number} */ at) =>
        spelled(answer, at),
      );
      cut = { key, ids: answer.ids, pieces: answer.pieces, shown };
      problem = null;
    } catch (error) {
      if (mine.signal.aborted) return;
      refuse(of, error);
      return;
    }
  } else {
    typing?.abort();
    problem = null;
  }
  const { ids, pieces } = cut;
  const { layer: otherLayer, head: otherHead } = await otherwise;
  // Something else was chosen meanwhile.
  if (turn !== turns || cut?.key !== key) return;
  selection = {
    address,
    prompt: text,
    model: of.name,
    chat: asChat,
    layer: within(chosen.layer, of.layers, otherLayer),
    head: within(chosen.head, of.heads, otherHead),
    token: within(chosen.token, ids.length, ids.length - 1),
    ids,
    pieces,
    about: of,
    changes: chosen.changes,
    more: chosen.more,
  };
  drawBar();
  changes.draw(selection);
  places.redraw();
  whole.draw();
  steps.draw();
}

/** A prompt that the model cannot read. @param {Model} of @param {unknown} error */
function refuse(of, error) {
  problem =
    error instanceof ProgramError || error instanceof UnreachableError
      ? error.message
      : String(error);
  // The same model's figures keep what they show, and the bar says why they do not follow. Another
  // model's must not stand beside this one's name.
  if (selection && selection.model !== of.name && error instanceof ProgramError) {
    selection = null;
    changes.draw(null);
    places.blank(messageText('figure.blank', { model: of.name, problem }));
  }
  drawBar();
}

const places = figures(page, bar);
const whole = sheet(page, bar);
const steps = guide(page, bar);
rovingTabindex();

/* Models, training, and a program that goes away and comes back */

/** @param {AbortSignal} [signal] */
async function readModels(signal) {
  const answer = await ask('models', null, { signal });
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

const away = /** @type {HTMLElement} */ (document.querySelector('#away'));
let isKnocking = false;

/** What the bar says of a program that does not answer. @type {Record<string, () => (Node | string)[]>} */
const WAITING = {
  answers: () => [],
  slow: () => message('bar.slow'),
  away: () => message('bar.away', { command: h('code', null, 'lookback') }),
};

watchAnswers(async (answers) => {
  away.hidden = answers === 'answers';
  fill(away, WAITING[answers]?.() ?? []);
  if (answers !== 'away' || isKnocking) return;
  isKnocking = true;
  let isOther = false;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    try {
      await readModels(AbortSignal.timeout(5000));
      isOther = await isOtherProgram();
      break;
    } catch {
      // Not yet.
    }
  }
  isKnocking = false;
  // Another program has another token, and other models perhaps.
  if (isOther) location.reload();
  else refresh();
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

drawBeforePrinting({ isWhole: places.isWhole, drawAll: places.all });
begin();
