/**
 * Controls that choose the next word whose logit is taken apart, and the one that it is compared with: one of
 * the likeliest, or any other that is written.
 */

import { ask, ProgramError, UnreachableError } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';
import { choice } from '../../kit/figure.js';
import { messageText } from '../../kit/messages.js';
import { look } from '../logits/word.js';

/** @typedef {import('./about.js').Subject} Subject */
/** @typedef {import('./answer.js').Answer} Answer */

/** What is chosen to write a word that is not listed. */
const WRITTEN = 'written';

/**
 * @param {import('../../kit/stage.js').Page} page
 * @param {string} label
 */
export function chooser(page, label) {
  let key = '';
  /** @type {Subject | null} */
  let subject = null;
  const control = choice({
    label,
    options: [],
    value: '',
    onChange: (id) => {
      input.hidden = id !== WRITTEN;
      fill(refused);
      if (id === WRITTEN) input.focus();
      else take(id === '' ? null : id);
    },
  });
  const input = h('input', {
    type: 'text',
    class: 'why-written',
    hidden: true,
    spellcheck: 'false',
    autocomplete: 'off',
    placeholder: messageText('why.written.placeholder'),
    'aria-label': messageText('why.written', { label }),
    onkeydown: (/** @type {KeyboardEvent} */ event) => {
      if (event.key === 'Enter') find(input.value);
    },
  });
  const refused = h('span', { class: 'why-refused', role: 'status' });

  /** @param {string | number | null} id */
  function take(id) {
    input.hidden = true;
    page.set({ [key]: id, 'why.open': null });
  }

  /** A token by its text. @param {string} text */
  async function find(text) {
    if (!subject || text.trim() === '') return;
    const { of } = subject;
    const about = { model: of.model, prompt: of.prompt, chat: of.chat, token: of.token };
    try {
      const { found } = await ask('next', { ...about, most: 1, find: text });
      const [first] = found?.tokens ?? [];
      if (first) take(first.id);
      else fill(refused, messageText('why.written.none'));
    } catch (error) {
      // The page itself says when the program does not answer.
      if (error instanceof ProgramError) fill(refused, error.message);
      else if (!(error instanceof UnreachableError)) throw error;
    }
  }

  return {
    node: h('span', { class: 'choice' }, control.node, input, refused),
    /**
     * @param {Subject} about
     * @param {Answer} answer
     * @param {number | null} shown   the word that it is
     * @param {string} kept           where the address keeps it
     */
    show(about, answer, shown, kept) {
      subject = about;
      key = kept;
      const { candidates } = about;
      const isCompared = kept === 'why.against';
      const [first] = candidates.top;
      const pieces = { ...candidates.pieces, ...answer.pieces };
      const others = candidates.top
        .map(({ id }) => id)
        .filter((id) => (isCompared ? id !== answer.why.target : id !== first?.id));
      if (shown !== null && shown !== first?.id && !others.includes(shown)) others.push(shown);
      /** @type {[string, string]} */
      const none = isCompared
        ? ['', messageText('why.against.nothing')]
        : ['', messageText('next-word.likeliest', { word: look(pieces, first?.id ?? -1) })];
      const chosen = shown === null || (!isCompared && shown === first?.id) ? '' : String(shown);
      control.set(
        [
          none,
          ...others.map((id) => /** @type {[string, string]} */ ([String(id), look(pieces, id)])),
          [WRITTEN, messageText('why.written.another')],
        ],
        input.hidden ? chosen : WRITTEN,
      );
    },
  };
}
