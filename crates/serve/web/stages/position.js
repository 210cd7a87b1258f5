/**
 * Where a token stands. Rotary models turn each pair of a query by an angle that grows with the
 * position: a dial for each pair. Others add a row for the position to the token's own.
 */

import { ask } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { learned } from './position/learned.js';
import { rotary } from './position/rotary.js';

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'position',
  mount(root) {
    /** @type {import('../kit/figure.js').Table[]} */
    let twin = [];
    const parts = figure(root, {
      title: 'What tells the model where a token stands',
      table: () => twin,
    });
    /** @type {string | null} */
    let kind = null;
    const kinds = { rotary: rotary(parts), learned: learned(parts) };
    return {
      async draw(selection, signal) {
        const { model, prompt, chat, token } = selection;
        const told = await ask('position', { model, prompt, chat, token }, { signal });
        if (signal.aborted) return;
        if (told.kind !== kind) {
          kind = told.kind;
          fill(
            parts.body,
            told.kind === 'none'
              ? h(
                  'p',
                  null,
                  'Nothing does: this model knows the order of its tokens only by what each may look at.',
                )
              : kinds[/** @type {'rotary' | 'learned'} */ (told.kind)].node,
          );
        }
        if (told.kind !== 'none')
          twin = await kinds[/** @type {'rotary' | 'learned'} */ (told.kind)].draw(
            told,
            selection,
            signal,
          );
      },
    };
  },
};
