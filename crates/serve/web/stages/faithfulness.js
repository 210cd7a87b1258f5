/**
 * Whether the sum of a logit means anything: the heads and MLPs through which most goes are switched off
 * together, and the change that the sum predicts stands beside the one that a pass shows.
 *
 * In the address: `why.off`, how many are off in the point that is told; see also `why/about.js`.
 */

import { mention, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { command } from '../kit/command.js';
import { changed, opens, reads, token } from '../kit/command_line.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { sentences } from '../kit/sentences.js';
import { remembering, said } from './logits/word.js';
import { subject } from './why/about.js';
import { flags, question } from './why/answer.js';
import { DIGITS, heard, inSentence, name, place, what } from './why/captions.js';
import { curve } from './why/curve.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./why/about.js').Subject} Subject */
/** @typedef {import('./why/answer.js').Answer} Answer */
/** @typedef {import('./why/answer.js').CheckPoint} CheckPoint */

/** How many are switched off, at most. */
const MOST = 8;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'faithfulness',
  mount(root, page) {
    /** @type {{asked: Subject, answer: Answer} | null} */
    let drawn = null;
    const parts = figure(root, { title: messageText('faithfulness.title'), table });
    root.classList.replace('has-words-beside', 'has-words-under');
    const text = subject(page);
    const line = curve({ onPick: (off) => page.set({ 'why.off': off }) });
    const list = h('div', { class: 'faithfulness-off' });
    fill(parts.body, h('div', { class: 'faithfulness-both' }, line.node, list));
    const counts = h('span', {
      class: 'choice',
      'data-roving': '',
      role: 'group',
      'aria-label': messageText('faithfulness.counts'),
    });
    parts.controls.append(counts, text.node);
    const shell = command(messageText('faithfulness.command'));
    root.querySelector('.figure-caption')?.after(shell.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();
    /** @param {import('./why/answer.js').Asked} asked */
    const answered = (asked) => {
      const body = { ...question(asked), check: MOST, check_alone: true };
      const { about, changes } = asked.of;
      return once([body, about.step, changes], (signal) => ask('why', body, { signal }));
    };

    function table() {
      if (!drawn) return null;
      const { asked, answer } = drawn;
      return {
        caption: messageText('faithfulness.table'),
        head: heads(),
        rows: answer.check.map(({ off, last, predicted, real }) => [
          String(off),
          messageText('why.path.step', { part: name(last), token: heard(asked.of, last.token) }),
          number(predicted, { digits: 4, sign: true }),
          number(real, { digits: 4, sign: true }),
        ]),
      };
    }

    return {
      async draw(selection, signal) {
        const asked = await text.find(selection, signal, answered);
        const { of } = asked;
        const answer = await answered(asked);
        signal.throwIfAborted();
        drawn = { asked, answer };
        const { why, pieces, check } = answer;
        const wanted = Number(of.more['why.off'] ?? 1);
        const point = check.findLast(({ off }) => off <= wanted) ?? check[0];
        line.draw(check, point ?? null);
        fill(
          counts,
          h('span', null, message('faithfulness.off')),
          check.map(({ off }) =>
            h(
              'button',
              {
                type: 'button',
                class: 'plain',
                'aria-pressed': String(off === point?.off),
                onclick: () => page.set({ 'why.off': off }),
              },
              String(off),
            ),
          ),
        );
        drawOff(of, check, point);
        parts.title(
          message('faithfulness.title-of', {
            next: said(pieces, why.target),
            token: mention(of.token, of.pieces[of.token] ?? ''),
          }),
        );
        parts.caption(point ? caption(of, answer, point) : message('faithfulness.caption.nothing'));
        shell.show(
          [
            'why',
            opens(of.about),
            ...reads(of),
            ...flags(asked, why, (id) => token(pieces, id)),
            '--check',
            MOST,
          ],
          changed(of),
        );
        if (point)
          parts.say(
            messageText('faithfulness.said', {
              count: point.off,
              predicted: format(point.predicted, { digits: DIGITS, sign: true }),
              next: word(pieces[why.target] ?? ''),
              real: format(point.real, { digits: DIGITS, sign: true }),
            }),
          );
      },
    };

    /** The last of each step, down to the one that is told. @param {Selection} of @param {CheckPoint[]} check @param {CheckPoint | undefined} point */
    function drawOff(of, check, point) {
      const row = (/** @type {CheckPoint} */ { off, last, predicted, real }) =>
        h(
          'tr',
          { class: off === point?.off ? 'is-told' : '' },
          h('td', { class: 'number' }, String(off)),
          h(
            'th',
            { scope: 'row' },
            message('why.path.step', { part: name(last), token: place(of, last.token) }),
          ),
          h('td', null, number(predicted, { digits: DIGITS, sign: true })),
          h('td', null, number(real, { digits: DIGITS, sign: true })),
        );
      fill(
        list,
        h(
          'table',
          null,
          h(
            'thead',
            null,
            h(
              'tr',
              null,
              heads().map((of) => h('th', { scope: 'col' }, of)),
            ),
          ),
          h('tbody', null, check.map(row)),
        ),
      );
    }
  },
};

/** What stands above the columns of both tables. */
function heads() {
  return [
    messageText('faithfulness.table.off'),
    messageText('faithfulness.table.last'),
    messageText('faithfulness.predicted'),
    messageText('faithfulness.real'),
  ];
}

/** A prediction within this share of what happens, or of the largest change, came true. */
const NEAR = 0.15;

/**
 * The caption: what was predicted, what happened, and whether the two agree.
 * @param {Selection} of @param {Answer} answer @param {CheckPoint} point
 */
function caption(of, answer, { off, last, predicted, real }) {
  const isNear = Math.abs(predicted - real) <= NEAR * Math.max(Math.abs(predicted), Math.abs(real));
  const isSame = predicted * real > 0;
  const about = {
    part: inSentence(last),
    token: place(of, last.token),
    what: what(answer),
    predicted: number(predicted, { digits: DIGITS, sign: true }),
  };
  const changed = { real: number(real, { digits: DIGITS, sign: true }) };
  return sentences(
    off === 1
      ? message('faithfulness.caption.one', about)
      : message('faithfulness.caption.several', { ...about, off }),
    isNear
      ? message('faithfulness.caption.near', changed)
      : !isSame
        ? message('faithfulness.caption.no-guide', changed)
        : Math.abs(real) > Math.abs(predicted)
          ? message('faithfulness.caption.more', changed)
          : message('faithfulness.caption.less', changed),
    message('faithfulness.caption.why'),
  );
}
