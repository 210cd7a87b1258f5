/**
 * The guide's panel: beside what is read where there is a margin, below it elsewhere, and never over a figure. It
 * shows one step: what it is about, a question to guess, one thing to do, and the answer from the model's numbers.
 *
 * In the address: `guide`, the step from 1. Nothing scrolls but by the step's own link.
 */

import { has, minus, plus, write } from '../kit/changes.js';
import { ProgramError, UnreachableError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { sentences } from '../kit/sentences.js';
import { ANSWERS } from './answers.js';
import { STEPS } from './steps.js';
import { WORDS } from './words.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./steps.js').Facts} Facts */

/** Milliseconds that a figure may take to be drawn, for the page to be scrolled to its sentence. */
const DRAWN_BY = 10_000;
/** Frames after which a figure's height is taken to stay as it is. */
const STILL = 12;

/** @param {import('../kit/stage.js').Page} page @param {HTMLElement} bar */
export function panel(page, bar) {
  /** The step's place, from 0. */
  let at = -1;
  /** What was chosen when the step began. @type {Selection | null} */
  let start = null;
  /** @type {{of: Selection, facts: Facts} | null} */
  let shown = null;
  /** @type {AbortController | null} */
  let abort = null;
  /** What was guessed of each question; null where the reader wanted to be shown. @type {Map<string, string | null>} */
  const guesses = new Map();
  /** Steps whose thing was done. @type {Set<string>} */
  const done = new Set();

  const place = h('span', { class: 'guide-place' });
  const heading = h('h2', { class: 'guide-title', tabindex: '-1', id: 'guide-title' });
  const fold = button(
    messageText('guide.fold'),
    () => folded(!node.classList.contains('is-folded')),
    {
      class: 'plain guide-fold',
      'aria-controls': 'guide-rest',
    },
  );
  const text = h('p', { class: 'guide-text' });
  const toFigure = button('', look, { class: 'plain guide-look' });
  const question = h('p', { class: 'guide-question', id: 'guide-question' });
  const choices = h('div', {
    class: 'guide-choices',
    role: 'group',
    'aria-labelledby': 'guide-question',
    'data-roving': '',
  });
  const action = h('p', { class: 'guide-action', role: 'status' });
  const turn = button('', () => change(), { class: 'plain guide-turn' });
  const show = button(messageText('guide.show'), () => guess(null), { class: 'plain guide-show' });
  const answer = h('p', { class: 'guide-answer', role: 'status' });
  const back = button(messageText('guide.back'), () => go(at - 1));
  const on = button(messageText('guide.on'), () => (at + 1 < STEPS.length ? go(at + 1) : end()), {
    class: 'plain guide-on',
  });
  const link = button(messageText('guide.link'), copy, { class: 'plain guide-link' });
  const address = h('input', {
    type: 'text',
    readonly: true,
    hidden: true,
    'aria-label': messageText('guide.link'),
  });
  const node = h(
    'aside',
    { id: 'guide', 'aria-labelledby': 'guide-title' },
    h(
      'div',
      { class: 'guide-head' },
      place,
      fold,
      button('×', end, {
        class: 'plain guide-end',
        title: messageText('guide.end'),
        'aria-label': messageText('guide.end'),
      }),
    ),
    heading,
    h(
      'div',
      { id: 'guide-rest' },
      h('div', { class: 'guide-about' }, text),
      h('div', { class: 'guide-ask' }, question, choices),
      h('div', { class: 'guide-do' }, action, h('p', { class: 'guide-go' }, turn, toFigure)),
      h('div', { class: 'guide-told' }, answer, show),
    ),
    h('p', { class: 'guide-keys' }, message('guide.keys')),
    h('div', { class: 'guide-foot' }, back, on, link, address),
  );
  bar.after(node);

  const root = document.documentElement;
  new ResizeObserver(() => {
    root.style.setProperty('--guide-height', `${node.offsetHeight}px`);
  }).observe(node);

  // In a list the letter would choose a row; there are arrows for that.
  document.addEventListener('keydown', (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    if (key !== 'g' || ctrlKey || metaKey || altKey || node.hidden) return;
    const isText = 'textarea, input:not([type="range"], [type="checkbox"])';
    if (/** @type {HTMLElement} */ (target).closest(isText)) return;
    event.preventDefault();
    focus();
  });

  function focus() {
    folded(false);
    heading.focus({ preventScroll: true });
  }

  /** @param {boolean} isFolded */
  function folded(isFolded) {
    node.classList.toggle('is-folded', isFolded);
    fold.setAttribute('aria-expanded', String(!isFolded));
    fold.textContent = messageText(isFolded ? 'guide.unfold' : 'guide.fold');
  }

  /** @param {number} to */
  function go(to) {
    if (to < 0) return;
    page.set({ guide: to + 1 });
    focus();
  }

  function end() {
    page.set({ guide: null });
    /** @type {HTMLElement | null} */ (document.querySelector('#guide-begin'))?.focus({
      preventScroll: true,
    });
  }

  /** Goes to the step's figure: the reader asked for it. */
  function look() {
    const figure = /** @type {HTMLElement | null} */ (
      document.querySelector(`figure[data-stage="${STEPS[at]?.stage}"]`)
    );
    // A narrow screen has no room for both.
    if (matchMedia('(max-width: 79.99rem)').matches) folded(true);
    figure?.focus({ preventScroll: true });
    figure?.scrollIntoView({ behavior: 'instant' });
    if (figure) fit(figure);
  }

  /**
   * Where a figure is a little taller than the room that is left, its title goes under the bar, so that all else is
   * seen together: what is used, the picture and the sentence. A reader who scrolls meanwhile is not disturbed.
   * @param {HTMLElement} figure
   */
  async function fit(figure) {
    const left = new AbortController();
    for (const kind of ['wheel', 'touchstart', 'pointerdown', 'keydown'])
      addEventListener(kind, () => left.abort(), { passive: true, signal: left.signal });
    const latest = performance.now() + DRAWN_BY;
    const isDue = () =>
      (figure.dataset.drawn !== location.hash || figure.classList.contains('is-busy')) &&
      performance.now() < latest;
    // Drawn, it may still change its height, as the folded panel lets it, and figures above it theirs, which the page
    // makes up for a frame later.
    let [height, top, still] = [0, 0, 0];
    while (!left.signal.aborted && (still < STILL || isDue())) {
      await new Promise(requestAnimationFrame);
      const now = figure.getBoundingClientRect();
      still = now.height === height && now.top === top ? still + 1 : 0;
      [height, top] = [now.height, now.top];
    }
    const [body, caption] = ['body', 'caption'].map((part) =>
      figure.querySelector(`:scope > .figure-${part}`)?.getBoundingClientRect(),
    );
    const isLeft = left.signal.aborted;
    left.abort();
    if (isLeft || !body || !caption || !node.classList.contains('is-folded')) return;
    const over = caption.bottom - node.getBoundingClientRect().top;
    const spare = body.top - Math.max(bar.getBoundingClientRect().bottom, top);
    if (over > 0 && over <= spare) scrollBy({ top: over, behavior: 'instant' });
  }

  /** Switches what the step is about off, or on again. */
  function change() {
    const made = shown && STEPS[at]?.change?.(shown.of, shown.facts.told);
    if (!shown || !made) return;
    const { changes } = shown.of;
    page.set({ changes: write(has(changes, made) ? minus(changes, made) : plus(changes, made)) });
  }

  /** A link to this step with this text and model, whatever the reader of it would have. */
  async function copy() {
    if (!shown) return;
    const all = new URLSearchParams(location.hash.slice(1));
    all.set('prompt', shown.of.prompt);
    all.set('model', shown.of.model);
    const [url] = location.href.split('#');
    address.value = `${url}#${all.toString().replaceAll('+', '%20')}`;
    try {
      await navigator.clipboard.writeText(address.value);
      link.textContent = messageText('guide.copied');
      setTimeout(() => (link.textContent = messageText('guide.link')), 1500);
    } catch {
      address.hidden = false;
      address.select();
    }
  }

  /** @param {Selection} of */
  function keyOf(of) {
    const { model, prompt, chat, about } = of;
    return JSON.stringify([at, model, prompt, chat, about.step, STEPS[at]?.about(of)]);
  }
  const doneKey = (/** @type {Selection} */ of) => JSON.stringify([at, of.model, of.prompt]);

  /** @param {string | null} choice */
  function guess(choice) {
    if (!shown) return;
    guesses.set(keyOf(shown.of), choice);
    if (choice === null) done.add(doneKey(shown.of));
    paint();
    // What had the focus is no longer there.
    if (choice === null) heading.focus({ preventScroll: true });
  }

  /** What the choices on the screen are of. */
  let offered = '';

  function paint() {
    if (!shown) return;
    const { of, facts } = shown;
    const step = /** @type {import('./steps.js').Step} */ (STEPS[at]);
    const words = /** @type {import('./words.js').Words} */ (WORDS[step.name]);
    const { told } = facts;
    const key = keyOf(of);
    const made = guesses.get(key);
    const isGuess = facts.choices.length > 0;
    const isGuessed = made !== undefined || !isGuess;
    const isDone = done.has(doneKey(of)) || told === undefined;

    fill(question, isGuess ? message('guide.guess', { question: words.question(of, told) }) : null);
    const labels = isGuess ? words.choices(of, told) : {};
    const now = JSON.stringify([key, facts.choices]);
    if (offered !== now)
      fill(
        choices,
        facts.choices.map((choice) =>
          button('', () => guess(choice), { class: 'plain', 'data-choice': choice }),
        ),
      );
    offered = now;
    for (const choice of /** @type {NodeListOf<HTMLElement>} */ (
      choices.querySelectorAll('button')
    )) {
      const name = choice.dataset.choice ?? '';
      fill(choice, labels[name] ?? name);
      choice.setAttribute('aria-pressed', String(made === name));
    }
    /** @type {HTMLElement} */ (question.parentElement).hidden = !isGuess;

    const switched = told === undefined ? undefined : step.change?.(of, told);
    const isOff = switched !== undefined && has(of.changes, switched);
    fill(
      action,
      told === undefined ? null : message('guide.act', { action: words.action(of, told) }),
      isDone && told !== undefined
        ? [' ', h('span', { class: 'guide-done' }, message('guide.done'))]
        : null,
    );
    turn.hidden = !switched;
    if (switched)
      turn.textContent = messageText(isOff ? 'guide.switch-on' : 'guide.switch-off', {
        part: words.part?.(of, told) ?? '',
      });

    // Where there is nothing to guess, the reason is told at once.
    const isShown = isGuessed && (isDone || !isGuess);
    node.classList.toggle('is-answered', isShown);
    show.hidden = isShown;
    fill(
      answer,
      isShown
        ? told === undefined
          ? message('guide.none', { why: facts.why ?? '' })
          : sentences(
              made == null ? [] : message(made === facts.right ? 'guide.right' : 'guide.wrong'),
              ANSWERS[step.name]?.(of, told) ?? [],
              isOff ? message('guide.still-off') : [],
            )
        : made !== undefined
          ? message('guide.guessed')
          : null,
    );
    node.dataset.drawn = of.address;
  }

  async function draw() {
    const of = page.get();
    const asked = of?.more.guide;
    const isOpen = of !== null && asked !== undefined;
    node.hidden = !isOpen;
    root.classList.toggle('has-guide', isOpen);
    if (!of || !isOpen) {
      abort?.abort();
      at = -1;
      return;
    }
    const to = Math.max(0, Math.min(STEPS.length - 1, (Number(asked) || 1) - 1));
    const step = /** @type {import('./steps.js').Step} */ (STEPS[to]);
    if (to !== at) {
      at = to;
      start = of;
      shown = null;
      const words = /** @type {import('./words.js').Words} */ (WORDS[step.name]);
      fill(place, message('guide.place', { step: at + 1, steps: STEPS.length }));
      fill(heading, words.title);
      fill(text, words.text);
      fill(toFigure, message('guide.look', { figure: words.figure }));
      for (const part of [question, choices, action, answer]) fill(part);
      turn.hidden = true;
      offered = '';
      back.disabled = at === 0;
      on.textContent = messageText(at + 1 < STEPS.length ? 'guide.on' : 'guide.end');
    }
    abort?.abort();
    const mine = (abort = new AbortController());
    node.classList.add('is-busy');
    /** @type {Facts} */
    let facts;
    try {
      facts = await step.facts(of, mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      if (!(error instanceof ProgramError || error instanceof UnreachableError)) throw error;
      facts = { why: error.message, choices: [], right: null };
    }
    if (mine.signal.aborted) return;
    node.classList.remove('is-busy');
    shown = { of, facts };
    // Another text begins anew: what was chosen in it is not what was to be done in this one.
    if (start?.model !== of.model || start.prompt !== of.prompt) start = of;
    if (step.isDone(of, start, facts.told)) done.add(doneKey(of));
    paint();
  }

  folded(false);
  return { draw, focus };
}
