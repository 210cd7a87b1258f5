/**
 * Play, pause, step and speed, alike in every figure.
 */

import { h } from './dom.js';
import { messageText } from './messages.js';

/**
 * @param {object} options
 * @param {string} options.name                    what is played, for screen readers
 * @param {() => number} options.steps             how many steps there are
 * @param {(step: number) => void} options.onStep  shows a step
 * @param {number} [options.milliseconds]          a step's time at speed 1
 */
export function player({ name, steps, onStep, milliseconds = 900 }) {
  let at = 0;
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;
  let speed = 1;
  const play = h(
    'button',
    {
      type: 'button',
      class: 'plain player-play',
      'aria-label': messageText('player.play-name', { name }),
      onclick: () => (timer ? pause() : start()),
    },
    messageText('player.play'),
  );
  const back = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      'aria-label': messageText('player.back', { name }),
      onclick: () => (pause(), go(at - 1)),
    },
    '◂',
  );
  const forth = h(
    'button',
    {
      type: 'button',
      class: 'plain',
      'aria-label': messageText('player.on', { name }),
      onclick: () => (pause(), go(at + 1)),
    },
    '▸',
  );
  const range = h('input', {
    type: 'range',
    min: 0,
    max: 0,
    value: 0,
    'aria-label': messageText('player.step', { name }),
    oninput: () => (pause(), go(Number(range.value))),
  });
  const pace = h(
    'select',
    {
      'aria-label': messageText('player.speed', { name }),
      onchange: () => (speed = Number(pace.value)),
    },
    [0.5, 1, 2, 4].map((of) => h('option', { value: of }, `${of}×`)),
  );
  pace.value = '1';
  const node = h('div', { class: 'player' }, play, back, forth, range, pace);

  function start() {
    if (at >= steps() - 1) go(0);
    play.textContent = messageText('player.pause');
    play.setAttribute('aria-label', messageText('player.pause-name', { name }));
    tick();
  }
  function tick() {
    timer = setTimeout(() => {
      if (at >= steps() - 1) return pause();
      go(at + 1);
      tick();
    }, milliseconds / speed);
  }
  function pause() {
    if (timer) clearTimeout(timer);
    timer = null;
    play.textContent = messageText('player.play');
    play.setAttribute('aria-label', messageText('player.play-name', { name }));
  }
  /** @param {number} to */
  function go(to) {
    at = Math.max(0, Math.min(steps() - 1, to));
    show();
    onStep(at);
  }
  function show() {
    range.max = String(Math.max(0, steps() - 1));
    range.value = String(at);
  }
  return {
    node,
    get at() {
      return at;
    },
    get isPlaying() {
      return timer !== null;
    },
    start,
    pause,
    go,
    /** Stands at a step without showing it, as after new numbers. @param {number} to */
    stand(to) {
      at = Math.max(0, Math.min(steps() - 1, to));
      show();
    },
  };
}

/** Whether the reader wants nothing to move. */
export function isStill() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
