/**
 * What surrounds the three lines: the rest of a language model, each part in two sentences, with the figure, the
 * document or the lines of the reference that go on.
 */

import { fill, h } from '../kit/dom.js';
import { reference } from './around_reference.js';

/**
 * A part: its name, what is said of it, and where one reads on.
 * @typedef {{name: string, said: string, part?: [id: string, heading: string], document?: string}} Part
 */

const INTRO =
  'Attention is not the whole transformer, and a transformer is not the whole of a language model. The rest, in two sentences each:';
const SAID = { see: 'See ', below: 'The lines of the reference are below.' };

/** @type {Part[]} */
const PARTS = [
  {
    name: 'Tokenizers',
    said: 'The vocabulary and its rules are counted from a text before the model is trained, and the model cannot leave them. A word that is cut into many pieces takes as many steps to be written.',
    part: ['tokens-section', 'Text becomes tokens'],
  },
  {
    name: 'Positions',
    said: 'A dot product of two vectors says nothing of where the two tokens stand, so each token’s place has to be put into them. What happens without, one can try in “what if” beside the three lines.',
    part: ['position-section', 'Where a token stands'],
  },
  {
    name: 'Norms',
    said: 'A norm brings each vector to a standard length before a layer reads it. So what a layer finds does not depend on how long the stream has become.',
  },
  {
    name: 'Residual connections',
    said: 'Attention and MLP add to the stream, and replace nothing. So what the embedding wrote can still be read at the end.',
    part: ['stream-section', 'Everything is added, nothing is erased'],
  },
  {
    name: 'Optimizers',
    said: 'An optimizer turns the gradient of the loss, a slope for every weight, into a small step of every weight. AdamW, which is the usual one, divides a mean of each weight’s gradients by the root of a mean of their squares; the other that is built in, Muon, treats whole matrices at once.',
    document: 'docs/recipes.md',
  },
  {
    name: 'Data',
    said: 'A model can have learned no more of the world than its text says. The text of the default model is written by “lookback corpus”, and “lookback corpus --questions” asks what can be learned from it.',
    part: ['facts-section', 'Where is a fact?'],
  },
  {
    name: 'Sampling',
    said: 'The model gives probabilities, and which token is written is decided outside of it. Another chain of samplers makes another text of the same model.',
    part: ['sample-section', 'Choosing the next token'],
  },
  {
    name: 'Safety',
    said: 'A model that guesses the next token has not been told what had better not be said. Models for many people are trained further on answers that people preferred, and programs around them check what goes in and what comes out; none of this is done here, and the limits that there are protect the machine.',
    document: 'docs/limits.md',
  },
  {
    name: 'Caches',
    said: 'The keys and values of a token do not change when others are appended, so they are kept. Each step then reads one token in the place of the whole text, and arrives at the same numbers, bit for bit.',
    part: ['repeat-section', 'Append and repeat'],
  },
  {
    name: 'Arithmetic',
    said: 'A sum of many numbers can be added in many orders, and each rounds differently. Here the order is fixed, so that neither threads nor batches change a bit.',
    document: 'docs/arithmetic.md',
  },
];

/** A link to a heading, which leaves in the address what is chosen. @param {string} id @param {string} heading */
function link(id, heading) {
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    const to = /** @type {HTMLElement | null} */ (document.querySelector(`#${id} h2`));
    if (!to) return;
    to.tabIndex = -1;
    to.focus({ preventScroll: true });
    to.scrollIntoView();
  };
  return h('a', { class: 'to-part', href: `#${id}`, onclick: go }, heading);
}

/** Fills the section. @param {Element} section */
export function around(section) {
  const list = h('dl', { class: 'around' });
  fill(
    list,
    PARTS.flatMap(({ name, said, part, document }) => [
      h('dt', null, name),
      h(
        'dd',
        null,
        said,
        ' ',
        part || document
          ? [SAID.see, part ? link(...part) : h('code', null, document), '.']
          : SAID.below,
      ),
    ]),
  );
  section.append(h('p', null, INTRO), list);
  reference(section);
}
