/**
 * What surrounds the figures: links within the page, and below each figure the lines of the reference that it
 * shows at work.
 */

import { h } from '../kit/dom.js';
import { REFERENCE } from './around_reference.js';

const SAID = { reference: 'these lines of the reference, in Rust: ' };

/** Puts them on the page. */
export function around() {
  for (const { section, file, lines } of REFERENCE) {
    const place = document.getElementById(section);
    if (!place) continue;
    const told = h(
      'details',
      { class: 'reference' },
      h('summary', null, SAID.reference, h('code', null, file)),
      h('pre', null, lines.join('\n')),
    );
    const figure = place.querySelector('figure');
    if (figure) figure.after(told);
    else place.append(told);
  }
  // A link of its own would take what is chosen out of the address.
  for (const link of document.querySelectorAll('a.to-part'))
    link.addEventListener('click', (event) => {
      event.preventDefault();
      const part = document.querySelector(link.getAttribute('href') ?? '');
      const heading = /** @type {HTMLElement | null} */ (part?.querySelector('h1, h2'));
      if (!heading) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
      heading.scrollIntoView();
    });
}
