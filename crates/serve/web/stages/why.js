/**
 * Why a token: its logit as the sum that it is, opened from head to source token and back to what wrote
 * there; over the text, what heads carried from word to word.
 *
 * In the address: see `why/about.js` and `why/answer.js`.
 */

import { mention, word } from '../kit/chips.js';
import { command } from '../kit/command.js';
import { changed, opens, reads, token } from '../kit/command_line.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { look, remembering, said } from './logits/word.js';
import { subject } from './why/about.js';
import {
  address,
  flags,
  isOpened,
  opened,
  question,
  roots,
  strongest,
  summed,
  way,
} from './why/answer.js';
import { arcs } from './why/arcs.js';
import { earlier as added, isChanged, unchanged } from './why/before.js';
import { caption, DIGITS, heard, inSentence, name, pathHeard, tiny } from './why/captions.js';
import { columns } from './why/columns.js';
import { chooser } from './why/words.js';

/** @typedef {import('./why/about.js').Subject} Subject */
/** @typedef {import('./why/answer.js').Answer} Answer */
/** @typedef {import('./why/answer.js').Part} Part */

/** @typedef {{asked: Subject, answer: Answer, about: string, before: Answer | null}} Drawn */

/** Paths that the table lists. */
const PATHS = 12;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'why',
  mount(root, page) {
    /** @type {Drawn | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('why.title'), table });
    root.classList.replace('has-words-beside', 'has-words-under');
    const text = subject(page);
    /** @param {number[]} open */
    const keep = (open) => {
      if (drawn) page.set({ 'why.open': address(drawn.answer.why.unfolding.parts, open) });
    };
    const over = arcs({
      onPick: (part) => drawn && keep(way(drawn.answer.why.unfolding.parts, part)),
    });
    const tree = columns({ onOpen: keep, onHover: over.mark });
    fill(parts.body, over.node, tree.node);
    const next = chooser(page, messageText('next-word.chooser'));
    const against = chooser(page, messageText('why.against'));
    const mlps = h('input', {
      type: 'checkbox',
      onchange: () => page.set({ 'why.mlps': mlps.checked, 'why.open': null }),
    });
    parts.controls.append(
      next.node,
      against.node,
      h('label', { class: 'choice' }, mlps, h('span', null, message('why.open-mlps'))),
      text.node,
    );
    const line = command(messageText('why.command'));
    root.querySelector('.figure-caption')?.after(line.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();
    const earlier = unchanged();
    /** What a sum is told by. @param {import('./why/answer.js').Asked} asked */
    const nameOf = (asked) =>
      JSON.stringify([question(asked), asked.of.about.step, asked.of.changes]);

    /** @param {import('./why/answer.js').Asked} asked @returns {Promise<Answer>} */
    async function answered(asked) {
      const [about, wanted] = [nameOf(asked), asked.of.more['why.open']];
      // What is opened already needs no other answer.
      if (drawn?.about === about && isOpened(drawn.answer.why.unfolding.parts, wanted))
        return drawn.answer;
      return once([about, wanted], (signal) => summed(asked, wanted, { signal }));
    }

    function table() {
      if (!drawn) return null;
      const { asked, answer, before } = drawn;
      const { unfolding, position } = answer.why;
      const all = unfolding.parts;
      const was = added(all, before);
      const exactly = (/** @type {number} */ value) => number(value, { digits: 4, sign: true });
      const column = (/** @type {import('../kit/dom.js').Child} */ cell) => (before ? [cell] : []);
      return [
        {
          caption: messageText('why.table', {
            next: look(answer.pieces, answer.why.target),
            token: heard(asked.of, position),
          }),
          head: [
            messageText('why.table.part'),
            messageText('why.table.adds'),
            ...column(messageText('why.table.before')),
          ],
          rows: [
            ...strongest(all, roots(all)).map((at) => {
              const part = /** @type {Part} */ (all[at]);
              return [
                name(part.component),
                exactly(part.contribution),
                ...column(exactly(was(at) ?? 0)),
              ];
            }),
            [
              messageText('why.table.sum'),
              number(answer.why.sum, { digits: 4 }),
              ...column(number(before?.why.sum ?? 0, { digits: 4 })),
            ],
            [
              messageText('why.table.rest'),
              h('span', { class: 'number' }, tiny(answer.why.rounding)),
              ...column(h('span', { class: 'number' }, tiny(before?.why.rounding ?? 0))),
            ],
          ],
        },
        {
          caption: messageText('why.table.paths'),
          head: [messageText('why.table.path'), messageText('why.table.adds')],
          rows: answer.paths
            .slice(0, PATHS)
            .map((path) => [pathHeard(asked.of, path), exactly(path.contribution)]),
        },
      ];
    }

    return {
      async draw(selection, signal) {
        const asked = await text.find(selection, signal, answered);
        const { of } = asked;
        const wanted = of.more['why.open'];
        const about = nameOf(asked);
        const answer = await answered(asked);
        signal.throwIfAborted();
        const isOther = isChanged(of);
        const before = isOther ? earlier.known(asked, answer.why.target, wanted) : null;
        if (!isOther) earlier.keep(asked, wanted, answer);
        show({ asked, answer, about, before });
        if (!isOther || before) return;
        // What was not drawn before the change is asked for behind what is drawn.
        const found = await earlier.find(asked, answer.why.target, wanted, signal);
        show({ asked, answer, about, before: found });
      },
    };

    /** @param {Drawn} now */
    function show(now) {
      drawn = now;
      const { asked, answer, before } = now;
      const { of } = asked;
      const { why, pieces } = answer;
      const all = why.unfolding.parts;
      const open = opened(all, of.more['why.open'], tree.fitting() - 1);
      over.draw(of, answer, open, before);
      tree.draw({ of, answer, open, before });
      next.show(asked, answer, why.target, asked.key);
      against.show(asked, answer, why.against, 'why.against');
      mlps.checked = !asked.exact;
      const subjectOf = {
        next: said(pieces, why.target),
        token: mention(of.token, of.pieces[of.token] ?? ''),
      };
      parts.title(
        why.against === null
          ? message('why.title-of', subjectOf)
          : message('why.title-of.against', {
              ...subjectOf,
              against: said(pieces, why.against),
            }),
      );
      parts.caption(caption(of, answer, !asked.exact, before));
      line.show(
        [
          'why',
          opens(of.about),
          ...reads(of),
          ...flags(asked, why, (id) => token(pieces, id)),
          '--paths',
          '--tree',
        ],
        changed(of),
      );
      const top = all[strongest(all, roots(all))[0] ?? -1];
      if (top)
        parts.say(
          messageText('why.said', {
            next: word(pieces[why.target] ?? ''),
            logit: format(why.logit, { digits: DIGITS }),
            part: inSentence(top.component),
            added: format(top.contribution, { digits: DIGITS, sign: true }),
          }),
        );
    }
  },
};
