/**
 * Where a token stands. Rotary models turn each pair of a query by an angle that grows with the
 * position: a dial for each pair. Others add a row for the position to the token's own, or take more off a
 * score the further away its key is.
 */

import { ask } from '../kit/client.js';
import { fill } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { messageText } from '../kit/messages.js';
import { alibi } from './position/alibi.js';
import { learned } from './position/learned.js';
import { none } from './position/none.js';
import { rotary } from './position/rotary.js';

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'position',
  mount(root) {
    /** @type {import('../kit/figure.js').Table[]} */
    let twin = [];
    const parts = figure(root, {
      title: messageText('position.title'),
      table: () => twin,
    });
    /** @type {string | null} */
    let kind = null;
    const kinds = {
      rotary: rotary(parts),
      learned: learned(parts),
      alibi: alibi(parts),
      none: none(parts),
    };
    return {
      async draw(selection, signal) {
        const { model, prompt, chat, token, layer, head } = selection;
        const body = { model, prompt, chat, token, layer, head };
        const told = await ask('position', body, { signal });
        if (signal.aborted) return;
        const shown = kinds[/** @type {keyof typeof kinds} */ (told.kind)];
        if (told.kind !== kind) {
          kind = told.kind;
          fill(parts.body, shown.node);
        }
        twin = await shown.draw(told, selection, signal);
      },
    };
  },
};
