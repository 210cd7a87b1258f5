/**
 * What stands first: a text with arcs over its words, the next word, and heads that can be switched off. Before
 * the first one is, the reader guesses what it will do.
 */

import { between, outlook } from '../kit/changes/effect.js';
import { effectSentence } from '../kit/changes/words.js';
import { inForce, minus, plus, without, write } from '../kit/changes.js';
import { visible, word } from '../kit/chips.js';
import { look } from '../kit/client.js';
import { command } from '../kit/command.js';
import { commandLine } from '../kit/command_line.js';
import { fill, h } from '../kit/dom.js';
import { button, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { format, number } from '../kit/number.js';
import { sentences as joined } from '../kit/sentences.js';
import { FIRST_PROMPT } from '../kit/state.js';
import { arcs } from './opening/arcs.js';
import { findHeads } from './opening/found.js';
import { nextWords } from './opening/next_words.js';
import { alsoLook, guessed, isEven, looks, whyTheseHeads } from './opening/words.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/client.js').Tensor} Tensor */
/** @typedef {import('../kit/changes/effect.js').Outlook} Outlook */
/** @typedef {import('./opening/found.js').Found} Found */
/** @typedef {import('./opening/found.js').Head} Head */

/**
 * What is drawn.
 * @typedef {object} Shown
 * @property {Selection} of
 * @property {Outlook} before
 * @property {Outlook} after
 * @property {Found} found
 * @property {Head[]} heads              those that can be switched off, the shown one first
 * @property {Map<string, Tensor>} patterns
 */

/** Milliseconds that a model may take to be there. */
const WAIT = 1200;
/** Next words that may be guessed. */
const OFFERED = 3;

/** @param {Head} head */
const nameOf = ({ layer, head }) => `${layer}.${head}`;
/** @param {string} head */
const named = (head) => messageText('opening.without', { head });
/** @param {Head} head */
const off = ({ layer, head }) => without('head', layer, head);
/** What switches a head off, or to its mean, where something does. @param {Selection} of @param {Head} head */
const changeOf = ({ changes }, { layer, head }) =>
  inForce(changes).find(
    ({ part, layer: of, index }) => part === 'head' && of === layer && index === head,
  );

/** Whether something changes what a head hands on: of the head itself, or of all attention of its layer. @param {Selection} of @param {Head} head */
const isChanged = (of, head) =>
  changeOf(of, head) !== undefined ||
  inForce(of.changes).some(({ part, layer }) => part === 'attention' && layer === head.layer);

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'opening',
  mount(root, page) {
    /** @type {Shown | null} */
    let shown = null;
    /** The head that is switched off as soon as a guess is made. @type {Head | null} */
    let pending = null;
    /** What was guessed of each text, and under which changes; null is another word. @type {Map<string, {id: number | null, changes: string | null}>} */
    const guesses = new Map();
    /** Texts of which no guess is asked any more. @type {Set<string>} */
    const told = new Set();
    /** The last text that was not the example. */
    let own = '';

    const parts = figure(root, { title: messageText('opening.title'), table, words: 'under' });
    const text = arcs();
    const words = nextWords();
    const switches = h('div', { class: 'opening-switches', 'data-roving': '' });
    const prompts = h('span', { class: 'opening-prompts' });
    const line = command(messageText('opening.command.name'));
    fill(parts.body, h('div', { class: 'opening-both' }, text.node, words.node), text.spoken);
    fill(parts.controls, switches, prompts);
    parts.side.append(
      h(
        'p',
        { class: 'opening-command' },
        h('span', null, message('opening.command')),
        ' ',
        line.node,
      ),
    );

    // A page that opens before there is a model says so, but not for the moment in which one is read.
    setTimeout(() => {
      if (!page.get() && !shown) parts.caption(message('opening.waiting'));
    }, WAIT);

    /** @param {Selection} of */
    const keyOf = ({ model, prompt, chat, token }) => JSON.stringify([model, prompt, chat, token]);

    /** Switches a head off or on again. @param {Head} head */
    function toggle(head) {
      if (!shown) return;
      const { of } = shown;
      const change = changeOf(of, head);
      if (change) page.set({ changes: write(minus(of.changes, change)) });
      else if (told.has(keyOf(of)) || of.changes.length > 0) apply(head);
      else {
        pending = pending && nameOf(pending) === nameOf(head) ? null : head;
        drawControls();
        drawCaption();
        /** @type {HTMLElement | null} */ (root.querySelector('.opening-guess button'))?.focus({
          preventScroll: true,
        });
      }
    }

    /** @param {Head} head */
    function apply(head) {
      if (!shown) return;
      page.set({ changes: write(plus(shown.of.changes, off(head))) });
    }

    /** @param {number | null | undefined} id  null is another word; undefined is no guess */
    function answer(id) {
      if (!shown || !pending) return;
      const key = keyOf(shown.of);
      told.add(key);
      const head = pending;
      if (id !== undefined)
        guesses.set(key, { id, changes: write(plus(shown.of.changes, off(head))) });
      pending = null;
      apply(head);
      drawControls();
      drawCaption();
      /** @type {HTMLElement | null} */ (switches.querySelector('input'))?.focus({
        preventScroll: true,
      });
    }

    /** @param {Head} head @param {boolean} isMain */
    function switchOf(head, isMain) {
      if (!shown) return null;
      const name = nameOf(head);
      const isPending = pending !== null && nameOf(pending) === name;
      const box = h('input', {
        type: 'checkbox',
        role: 'switch',
        'data-key': `head-${name}`,
        'aria-label': named(name),
        onchange: () => toggle(head),
        onfocus: () => peek(head),
        onblur: () => peek(null),
      });
      box.checked = isPending || changeOf(shown.of, head) !== undefined;
      const { needed } = shown.found;
      const isNeeded = needed !== null && nameOf(needed) === name;
      return h(
        'label',
        {
          class: `opening-switch ${isMain ? 'is-main' : ''}`,
          title: isNeeded ? messageText('opening.needed') : named(name),
          onpointerenter: () => peek(head),
          onpointerleave: () => peek(null),
        },
        box,
        h('span', null, isMain ? named(name) : name),
      );
    }

    function drawControls() {
      if (!shown) return;
      const { of, heads } = shown;
      const focused = document.activeElement?.getAttribute('data-key');
      const hadFocus = switches.contains(document.activeElement);
      const [main, ...others] = heads;
      fill(
        switches,
        main ? switchOf(main, true) : null,
        others.length
          ? h(
              'span',
              { class: 'opening-others' },
              h('span', null, message('opening.others')),
              others.map((head) => switchOf(head, false)),
            )
          : null,
      );
      if (hadFocus && focused)
        /** @type {HTMLElement | null} */ (
          switches.querySelector(`[data-key="${CSS.escape(focused)}"]`)
        )?.focus({ preventScroll: true });
      const isExample = of.prompt === FIRST_PROMPT && !of.chat;
      fill(
        prompts,
        isExample
          ? own
            ? button(messageText('opening.last-prompt'), () =>
                page.set({ prompt: own, token: null }),
              )
            : button(messageText('opening.own-prompt'), toPrompt)
          : button(messageText('opening.example'), () =>
              page.set({ prompt: null, chat: false, token: null }),
            ),
      );
    }

    /** What stands below the switches: the question, or what became of it. */
    function drawCaption() {
      if (!shown) return;
      if (!pending) return parts.caption(joined(...sentences(shown)));
      const { of, before } = shown;
      const offered = before.top
        .slice(0, OFFERED)
        .map(({ id }) => button(visible(before.pieces[id]?.trim() ?? `#${id}`), () => answer(id)));
      parts.caption(
        h(
          'span',
          { class: 'opening-question' },
          message('opening.question', {
            head: nameOf(pending),
            token: h('em', null, word(of.pieces[of.token] ?? '')),
          }),
        ),
        h(
          'span',
          { class: 'opening-guess', role: 'group' },
          offered,
          button(messageText('opening.other-word'), () => answer(null)),
          button(messageText('opening.show'), () => answer(undefined)),
        ),
      );
    }

    function toPrompt() {
      const prompt = /** @type {HTMLTextAreaElement} */ (document.querySelector('#prompt'));
      prompt.focus();
      prompt.select();
    }

    /** Shows a head's arcs as long as its switch is pointed at. @param {Head | null} head */
    function peek(head) {
      if (!shown) return;
      drawText(head ?? /** @type {Head} */ (shown.heads[0]));
    }

    /** @param {Head} head */
    function drawText(head) {
      if (!shown) return;
      const { of, patterns, before, after } = shown;
      const [was, is] = [before.top[0], after.top[0]];
      const piece = (/** @type {Outlook} */ { pieces }, /** @type {number} */ id) =>
        visible(pieces[id]?.trim() ?? `#${id}`);
      text.draw({
        of,
        ...head,
        pattern: patterns.get(nameOf(head)) ?? null,
        isOff: isChanged(of, head),
        next:
          was && is
            ? [
                was.id === is.id ? '' : h('s', null, piece(before, was.id)),
                h('b', null, piece(after, is.id)),
              ]
            : [],
      });
    }

    /** @param {Shown} now */
    function sentences({ of, before, after, found, heads, patterns }) {
      const [head] = heads;
      const pattern = head && patterns.get(nameOf(head));
      if (!head || !pattern) return [];
      const row = pattern.part(of.token);
      const seen = {
        ...head,
        isOff: isChanged(of, head),
        row,
        index: (/** @type {number} */ key) => pattern.index(of.token, key),
      };
      const likeliest = after.top[0]?.id ?? -1;
      const most = largest(row);
      const same = heads.slice(1).filter((other) => {
        const theirs = patterns.get(nameOf(other))?.part(of.token);
        return theirs && largest(theirs) === most && !isEven(theirs) && !isChanged(of, other);
      });
      const effect = inForce(of.changes).length ? between(of.token, before, after) : null;
      const key = keyOf(of);
      const known = guesses.get(key);
      const made = known?.changes === write(of.changes) ? known.id : undefined;
      const first = after.top[0]?.id ?? -1;
      const isRight =
        made === null
          ? !before.top.slice(0, OFFERED).some(({ id }) => id === first)
          : made === first;
      const isStill = effect !== null && effect.first.id === effect.before.id;
      return [
        effect && made !== undefined
          ? guessed(made, isRight, { ...before.pieces, ...after.pieces })
          : [],
        effect ? effectSentence(of.changes, of.pieces, effect) : [],
        ...(effect && isStill && same.length && changeOf(of, head)
          ? [alsoLook(of, same.map(nameOf), most)]
          : [looks(of, seen, likeliest), effect ? [] : whyTheseHeads(found, before.pieces)]),
      ];
    }

    function table() {
      if (!shown) return null;
      const { of, heads, patterns, after } = shown;
      const names = heads.filter((head) => patterns.has(nameOf(head)));
      return [
        {
          caption: messageText('opening.table.weights', {
            token: word(of.pieces[of.token] ?? ''),
          }),
          head: [messageText('opening.table.token'), ...names.map(nameOf)],
          rows: of.pieces.map((piece, token) => [
            visible(piece),
            ...names.map((head) => {
              const pattern = /** @type {Tensor} */ (patterns.get(nameOf(head)));
              return number(pattern.get(of.token, token), {
                site: `blocks.${head.layer}.attn.pattern`,
                index: pattern.index(of.token, token),
              });
            }),
          ]),
        },
        {
          caption: messageText('opening.table.next'),
          head: [messageText('opening.table.token'), messageText('opening.table.probability')],
          rows: after.top.map(({ id, probability }) => [
            visible(after.pieces[id] ?? `#${id}`),
            number(probability, {
              percent: true,
              site: 'probabilities',
              index: `${of.token},${id}`,
            }),
          ]),
        },
      ];
    }

    return {
      async draw(of, signal) {
        if (of.prompt !== FIRST_PROMPT || of.chat) own = of.prompt;
        const about = { model: of.model, prompt: of.prompt, chat: of.chat };
        const before = await outlook(of, { signal, unchanged: true });
        const after = of.changes.length ? await outlook(of, { signal }) : before;
        words.draw(of, before, after);
        const next = before.top[0]?.id ?? 0;
        const found = await findHeads(of, next, signal);
        const selected = { layer: of.layer, head: of.head };
        const offered = [selected, ...found.adding, found.needed];
        const heads = unique(offered.filter((head) => head !== null));
        const wanted = heads.map(({ layer, head }) => ({
          site: `blocks.${layer}.attn.pattern`,
          at: [head],
        }));
        const sites = await look(about, wanted, { signal });
        const patterns = new Map(
          heads.flatMap((head) => {
            const seen = sites.get(`blocks.${head.layer}.attn.pattern@${head.head}`);
            return seen ? [[nameOf(head), seen]] : [];
          }),
        );
        if (shown && keyOf(shown.of) !== keyOf(of)) pending = null;
        shown = { of, before, after, found, heads, patterns };
        drawText(/** @type {Head} */ (heads[0]));
        drawControls();
        const head = /** @type {Head} */ (heads[0]);
        drawCaption();
        line.set(
          commandLine(of, 'look', ['--layer', String(head.layer), '--head', String(head.head)]),
        );
        const first = after.top[0];
        if (first)
          parts.say(
            messageText('opening.said', {
              token: word(of.pieces[of.token] ?? ''),
              next: word(after.pieces[first.id] ?? ''),
              probability: format(first.probability, { percent: true }),
            }),
          );
      },
    };
  },
};

/** Where a row is largest. @param {Float32Array} row */
function largest(row) {
  return row.reduce((most, weight, key) => (weight > (row[most] ?? 0) ? key : most), 0);
}

/** Each head once, in the order in which they come first. @param {Head[]} heads */
function unique(heads) {
  return heads.filter(
    (head, at) => heads.findIndex((other) => nameOf(other) === nameOf(head)) === at,
  );
}
