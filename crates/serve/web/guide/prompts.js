/**
 * Example prompts, which hang below the bar as long as the prompt has the focus and nothing is written. What is
 * said of those for the default model was measured on it; of the others only what they are is said.
 */

import { fill, h } from '../kit/dom.js';
import { set } from '../kit/state.js';

/** @typedef {{prompt: string, about: string}} Example */

const SAID = { name: 'example prompts', label: 'try' };

/** @type {Example[]} */
const OF_DEFAULT = [
  { prompt: 'anna smith saw a red bird. who is anna? anna', about: 'a name is looked up' },
  { prompt: 'the king and the', about: 'one word is likely' },
  { prompt: 'the bird is', about: 'many words fit' },
  { prompt: 'a king is a man. a queen is a', about: 'a sentence is answered by another' },
];
/** @type {Example[]} */
const OF_OTHERS = [
  { prompt: 'Once upon a time', about: 'a beginning of stories' },
  { prompt: 'The capital of France is', about: 'a question of fact' },
  {
    prompt: 'When Mary and John went to the store, John gave a drink to',
    about: 'a name that may return',
  },
  { prompt: 'The bird is', about: 'an open end' },
];

/** @param {string} model */
export function examplesOf(model) {
  return model === 'default' ? OF_DEFAULT : OF_OTHERS;
}

/** @param {HTMLElement} bar */
export function examplePrompts(bar) {
  const row = h('div', {
    class: 'examples-row',
    role: 'group',
    'aria-label': SAID.name,
    'data-roving': '',
  });
  const node = h('div', { id: 'examples' }, h('span', { class: 'bar-label' }, SAID.label), row);
  // A press must not take the focus from the prompt before it is a click.
  node.addEventListener('pointerdown', (event) => event.preventDefault());
  bar.querySelector('.bar-prompt')?.after(node);
  const prompt = /** @type {HTMLElement} */ (bar.querySelector('#prompt'));
  const near = (/** @type {boolean} */ is) => node.classList.toggle('is-near', is);
  prompt.addEventListener('focus', () => near(true));
  // Whoever writes watches what is below.
  prompt.addEventListener('input', () => near(false));
  // Not by the focus alone: as it goes from one to the other, neither has it, and what is hidden gets none.
  bar.addEventListener('focusout', ({ relatedTarget: to }) => {
    if (to !== prompt && !node.contains(/** @type {Node | null} */ (to))) near(false);
  });
  let shown = '';
  return {
    /** @param {string} model */
    draw(model) {
      if (model === shown) return;
      shown = model;
      fill(
        row,
        examplesOf(model).map(({ prompt: text, about }) =>
          h(
            'button',
            {
              type: 'button',
              class: 'plain',
              onclick: () => {
                set({ prompt: text, chat: false, token: null, changes: null });
                prompt.focus({ preventScroll: true });
              },
            },
            h('q', null, text),
            h('span', { class: 'examples-about' }, about),
          ),
        ),
      );
    },
  };
}
