/** The place where the second text is written. */

import { h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';

/** Milliseconds after the last letter before it is read. */
const PAUSE = 250;

/**
 * @param {import('../../kit/stage.js').Page} page
 * @param {import('../../kit/state.js').Patch} more  what another text takes out of the address
 */
export function otherText(page, more) {
  let wait = 0;
  const input = h('input', {
    type: 'text',
    class: 'other-text',
    spellcheck: 'false',
    autocomplete: 'off',
    oninput: () => {
      window.clearTimeout(wait);
      wait = window.setTimeout(
        () => page.set({ ...more, other: input.value === '' ? null : input.value }),
        PAUSE,
      );
    },
  });
  const node = h(
    'label',
    { class: 'choice other' },
    h('span', null, message('compare.second-text')),
    input,
  );
  return {
    node,
    /** @param {string} text */
    show(text) {
      if (document.activeElement !== input) input.value = text;
    },
  };
}
