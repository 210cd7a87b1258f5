/**
 * What surrounds the three lines: the rest of a language model, each part in two sentences, with the figure, the
 * document or the lines of the reference that go on.
 */

import { fill, h } from '../kit/dom.js';
import { message } from '../kit/messages.js';
import { reference } from './around_reference.js';

/** The parts: how each is called, what is said of it, and where one reads on. */
const PARTS = /** @type {const} */ ([
  { name: 'around.tokenizers', said: 'around.tokenizers.said', section: 'tokens-section' },
  { name: 'around.positions', said: 'around.positions.said', section: 'position-section' },
  { name: 'around.norms', said: 'around.norms.said' },
  { name: 'around.residual', said: 'around.residual.said', section: 'stream-section' },
  { name: 'around.optimizers', said: 'around.optimizers.said', document: 'docs/recipes.md' },
  { name: 'around.data', said: 'around.data.said', section: 'facts-section' },
  { name: 'around.sampling', said: 'around.sampling.said', section: 'sample-section' },
  { name: 'around.safety', said: 'around.safety.said', document: 'docs/limits.md' },
  { name: 'around.caches', said: 'around.caches.said', section: 'repeat-section' },
  { name: 'around.arithmetic', said: 'around.arithmetic.said', document: 'docs/arithmetic.md' },
]);

/** A link to a section by its heading, which leaves in the address what is chosen. @param {string} section */
function link(section) {
  const heading = /** @type {HTMLElement | null} */ (document.querySelector(`#${section} h2`));
  const go = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!heading) return;
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
    heading.scrollIntoView();
  };
  return h('a', { class: 'to-part', href: `#${section}`, onclick: go }, heading?.textContent);
}

/** Where one reads on. @param {PARTS[number]} part */
function further(part) {
  if ('section' in part) return message('around.see', { where: link(part.section) });
  return 'document' in part
    ? message('around.see', { where: h('code', null, part.document) })
    : message('around.below');
}

/** Fills the section. @param {Element} section */
export function around(section) {
  const list = h('dl', { class: 'around' });
  fill(
    list,
    PARTS.flatMap((part) => [
      h('dt', null, message(part.name)),
      h('dd', null, message(part.said), ' ', further(part)),
    ]),
  );
  section.append(h('p', null, message('around.intro')), list);
  reference(section);
}
