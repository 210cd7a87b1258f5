/**
 * Example prompts, which hang below the bar as long as the prompt has the focus and nothing is written. What is
 * said of those for the default model was measured on it; of the others only what they are is said.
 */

import { fill, h } from '../kit/dom.js';
import { message, messageText } from '../kit/messages.js';
import { set } from '../kit/state.js';

/** @typedef {{prompt: string, about: string}} Example */

/** @type {Example[]} */
const OF_DEFAULT = [
  {
    prompt: 'anna smith saw a red bird. who is anna? anna',
    about: messageText('guide.example.name'),
  },
  { prompt: 'the king and the', about: messageText('guide.example.likely') },
  { prompt: 'the bird is', about: messageText('guide.example.many') },
  { prompt: 'a king is a man. a queen is a', about: messageText('guide.example.answer') },
];
/** @type {Example[]} */
const OF_OTHERS = [
  { prompt: 'Once upon a time', about: messageText('guide.example.story') },
  { prompt: 'The capital of France is', about: messageText('guide.example.fact') },
  {
    prompt: 'When Mary and John went to the store, John gave a drink to',
    about: messageText('guide.example.return'),
  },
  { prompt: 'The bird is', about: messageText('guide.example.open') },
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
    'aria-label': messageText('guide.examples'),
    'data-roving': '',
  });
  const node = h(
    'div',
    { id: 'examples' },
    h('span', { class: 'bar-label' }, message('guide.examples.try')),
    row,
  );
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
