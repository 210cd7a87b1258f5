/**
 * Puts the messages that `index.html` names into it: `data-message` names what stands in a node,
 * `data-message-title` and its like what an attribute says. Runs before every other module; until then
 * the page has no language and is not painted (see `prose.css`), so that nothing moves.
 */

import { fill } from './dom.js';
import { message, messageText } from './messages.js';

/** Attributes that say something. */
const ATTRIBUTES = ['aria-label', 'content', 'title'];

/** @typedef {'text.title'} Plain  any message without places, as those of `index.html` are */

for (const node of document.querySelectorAll('[data-message]'))
  fill(node, message(/** @type {Plain} */ (node.getAttribute('data-message'))));
for (const attribute of ATTRIBUTES)
  for (const node of document.querySelectorAll(`[data-message-${attribute}]`)) {
    const id = /** @type {Plain} */ (node.getAttribute(`data-message-${attribute}`));
    node.setAttribute(attribute, messageText(id));
  }
