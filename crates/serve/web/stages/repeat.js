/**
 * The loop: a text that is written token by token, and can be stopped, taken back and branched.
 *
 * The program is always given the whole text, so it owes nobody anything between two requests:
 * pausing closes the connection, and a branch is another text.
 */

import { events, ProgramError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { views } from '../kit/views.js';
import { opensOn } from './example.js';
import { caption, twin } from './repeat/captions.js';
import { costs } from './repeat/cost.js';
import { alternatives, written } from './repeat/text.js';
import * as tree from './repeat/tree.js';
import { samplers, seed, settings, words } from './sampling.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./repeat/tree.js').Node} TextNode */
/** @typedef {import('./repeat/tree.js').Turn} Turn */
/** @typedef {import('./repeat/cost.js').Begin} Begin */

/** Tokens that one press of play writes at most. */
const MOST = 200;
/** Tokens that the example opens with. */
const OPENING = 16;
/** Milliseconds between two tokens. */
const PACES = /** @type {const} */ ([
  ['600', 'repeat.pace.slow'],
  ['200', 'repeat.pace.readable'],
  ['0', 'repeat.pace.fast'],
]);

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'repeat',
  mount(root, page) {
    const parts = figure(root, {
      title: messageText('repeat.title'),
      table: () => twin(cursor, begin),
    });
    /** What the tree was written from. */
    let key = '';
    let top = tree.prompt();
    let cursor = top;
    /** The branch that ▸ goes along. */
    let branch = top;
    /** @type {Begin | null} */
    let begin = null;
    /** @type {Selection | null} */
    let chosen = null;
    /** @type {string} */
    let finish = '';
    let [chain, isGreedy] = ['', false];
    /** The settings that what is known was asked with. */
    let chained = '';
    /** @type {AbortController | null} */
    let writing = null;
    /** The text that was opened with a beginning already written. */
    let opened = '';
    let isOpening = false;
    const example = opensOn(page, 'repeat', { prompt: 'the bird is' });

    const play = button(messageText('repeat.play'), () => (writing ? pause() : write()), {
      class: 'plain player-play',
      'aria-label': messageText('repeat.play.name'),
    });
    const back = button('◂', () => go(cursor.parent ?? cursor), {
      'aria-label': messageText('repeat.back'),
    });
    const forth = button('▸', step, { 'aria-label': messageText('repeat.on') });
    const range = h('input', {
      type: 'range',
      min: 0,
      max: 0,
      value: 0,
      'aria-label': messageText('repeat.range'),
      oninput: () => go([top, ...tree.path(branch)][Number(range.value)] ?? cursor),
    });
    const pace = h(
      'select',
      { 'aria-label': messageText('repeat.pace') },
      PACES.map(([value, id]) => h('option', { value }, messageText(id))),
    );
    pace.value = '200';
    const afresh = h('input', { type: 'checkbox', onchange: () => ask(cursor) });
    afresh.checked = true;
    const chat = h('input', {
      type: 'checkbox',
      onchange: () => page.set({ chat: chat.checked, token: null }),
    });
    const chatLabel = h('label', { class: 'choice', hidden: true }, chat, message('repeat.chat'));
    fill(
      parts.controls,
      h('div', { class: 'player' }, play, back, forth, range, pace),
      h('label', { class: 'choice' }, afresh, message('repeat.afresh')),
      chatLabel,
      button(messageText('repeat.clear'), () => (pause(), restart(), ask(top))),
      example.node,
    );
    const text = h('div', {
      class: 'repeat-text',
      tabindex: '0',
      role: 'group',
      'aria-label': messageText('repeat.text'),
    });
    const choices = h('div', { class: 'repeat-choices', 'data-roving': '' });
    const branches = h('div', { class: 'repeat-branches' });
    const cost = h('div', {
      class: 'repeat-cost',
      tabindex: '0',
      role: 'group',
      'aria-label': messageText('repeat.cost'),
    });
    const shown = views({
      name: messageText('repeat.views'),
      views: [
        { name: 'choices', label: messageText('repeat.views.choices'), node: choices },
        { name: 'branches', label: messageText('repeat.views.branches'), node: branches },
        { name: 'cost', label: messageText('repeat.views.cost'), node: cost },
      ],
    });
    fill(parts.body, text, shown.node, h('div', { class: 'repeat-pair' }, choices, cost), branches);

    // The text follows its end, unless the reader scrolls to another place of it meanwhile.
    let isFollowed = true;
    let put = 0;
    text.addEventListener('scroll', () => (isFollowed = Math.abs(text.scrollTop - put) < 24), {
      passive: true,
    });

    function restart() {
      top = tree.prompt();
      cursor = branch = top;
      finish = '';
    }

    function pause() {
      stop();
      remember();
    }

    function stop() {
      writing?.abort();
      writing = null;
      play.textContent = messageText('repeat.play');
      play.setAttribute('aria-label', messageText('repeat.play.name'));
    }

    /** Keeps the text in the address, once it stands still. */
    function remember() {
      const behind = tree.ids(cursor).join('.');
      page.set({ behind: behind === '' ? null : behind });
    }

    /** Goes to a text, and asks what may follow it unless that is known. @param {TextNode} node */
    async function go(node) {
      stop();
      isFollowed = true;
      cursor = node;
      // Where one goes back on a branch, the branch stays the one that ▸ follows.
      if (!tree.path(branch).includes(node)) branch = node === top ? branch : tree.end(node, node);
      finish = node.token?.is_end ? 'stop' : '';
      paint();
      if (!node.turn && !node.token?.is_end) await ask(node);
      remember();
    }

    /** A token on: along the branch where there is one, or the one that the seed draws. */
    function step() {
      const next = cursor === branch ? null : tree.path(branch)[cursor.depth];
      if (next) go(next);
      else take(cursor.turn?.drawn ?? null);
    }

    /** Writes on with one of the alternatives. @param {number | null} id */
    function take(id) {
      const found = cursor.turn?.alternatives.find((one) => one.id === id);
      if (!found || cursor.token?.is_end) return;
      branch = tree.append(cursor, {
        id: found.id,
        piece: found.piece,
        text: '',
        is_end: found.is_end,
      });
      go(branch);
    }

    /** Asks what may follow a text. @param {TextNode} node @param {AbortSignal} [signal] */
    async function ask(node, signal) {
      try {
        await run(node, 0, signal);
        parts.problem(null);
      } catch (error) {
        if (!signal?.aborted) parts.problem(error instanceof Error ? error.message : String(error));
      }
    }

    async function write() {
      if (!chosen || cursor.token?.is_end) return;
      const mine = (writing = new AbortController());
      play.textContent = messageText('repeat.pause');
      play.setAttribute('aria-label', messageText('repeat.pause.name'));
      const drawn = cursor.turn?.alternatives.find((one) => one.id === cursor.turn?.drawn);
      const from = drawn
        ? tree.append(cursor, { id: drawn.id, piece: drawn.piece, text: '', is_end: drawn.is_end })
        : cursor;
      cursor = branch = from;
      try {
        await run(from, MOST, mine.signal);
        parts.problem(null);
      } catch (error) {
        if (!mine.signal.aborted)
          parts.problem(error instanceof Error ? error.message : String(error));
      }
      if (writing === mine) pause();
    }

    /**
     * Lets the program read a text and write on; every turn goes where it belongs in the tree.
     * @param {TextNode} from
     * @param {number} tokens
     * @param {AbortSignal} [signal]
     * @param {number} [wait]  milliseconds between two tokens
     */
    async function run(from, tokens, signal, wait = Number(pace.value)) {
      if (!chosen) return;
      const [now, of] = [chosen, key];
      const all = await samplers();
      let node = from;
      let isTold = false;
      const body = {
        model: now.model,
        prompt: now.prompt,
        chat: now.chat,
        behind: tree.ids(from),
        tokens,
        settings: settings(all, now.more),
        seed: seed(now.more),
        bound: from.turn?.bound ?? undefined,
        alternatives: 8,
        afresh: afresh.checked,
        pause: tokens ? wait : 0,
      };
      /** @param {Begin | Turn | {type: 'end', finish: string} | {type: 'refused', error: string}} event */
      const tell = (event) => {
        // An answer about another prompt comes too late.
        if (of !== key || signal?.aborted) {
          isTold = true;
          return;
        }
        if (event.type === 'refused') throw new ProgramError(event.error);
        isTold ||= event.type === 'end';
        if (event.type === 'begin') {
          begin = event;
          // Tokens that were restored or picked now have their text.
          for (const [at, on] of tree.path(from).entries()) on.token = event.behind[at] ?? on.token;
        } else if (event.type === 'turn') {
          if (event.last && event.tokens > (begin?.prompt.length ?? 0) + node.depth) {
            node = tree.append(node, event.last);
            // The sheet lets it run through the model, if the reader had it written.
            if (!isOpening) document.dispatchEvent(new Event('lookback-appended'));
          }
          node.token = event.last;
          node.turn = event;
        } else {
          const drawn = node.turn?.alternatives.find((one) => one.id === node.turn?.drawn);
          if (event.finish === 'stop' && drawn?.is_end && tokens)
            node = tree.append(node, { id: drawn.id, piece: drawn.piece, text: '', is_end: true });
          finish = event.finish === 'stop' || tokens ? event.finish : '';
        }
        if (tokens) cursor = branch = node;
        schedule();
      };
      await events('repeat', body, tell, { signal });
      if (!isTold && !signal?.aborted) throw new ProgramError(messageText('repeat.broke-off'));
    }

    let isScheduled = false;
    function schedule() {
      if (isScheduled) return;
      isScheduled = true;
      requestAnimationFrame(() => ((isScheduled = false), paint()));
    }

    function paint() {
      if (!begin) return;
      const focused = document.activeElement;
      const place = focused?.matches(':focus-visible')
        ? [choices, branches].find((part) => part.contains(focused))
        : undefined;
      const index =
        place && focused
          ? [...place.querySelectorAll('button')].indexOf(
              /** @type {HTMLButtonElement} */ (focused),
            )
          : -1;
      const [along, here] = [tree.path(branch), tree.path(cursor)];
      range.max = String(along.length);
      range.value = String(cursor.depth);
      back.disabled = cursor === top;
      play.disabled = cursor.token?.is_end === true;
      forth.disabled = play.disabled && cursor === branch;
      fill(text, written(begin, cursor, along, go));
      const shown = /** @type {HTMLElement | null} */ (text.querySelector('.is-here'));
      if (shown && isFollowed) {
        text.scrollTop = shown.offsetTop - text.offsetTop - text.clientHeight / 2;
        put = text.scrollTop;
      }
      choices.classList.toggle('is-waiting', !cursor.turn && !cursor.token?.is_end);
      if (cursor.turn || cursor.token?.is_end) fill(choices, alternatives(cursor, take));
      const turns = [top, ...here].flatMap((node) => (node.turn ? [node.turn] : []));
      const turn = cursor.turn ?? cursor.parent?.turn;
      if (turn) fill(cost, costs(turn, turns, begin));
      const scrolled = branches.querySelector('.branch-whole')?.scrollLeft ?? 0;
      const drawing = tree.draw(top, cursor, go);
      fill(branches, h('h4', { class: 'repeat-head' }, message('repeat.branches.title')), drawing);
      drawing.scrollLeft = scrolled;
      tree.follow(drawing, cursor.depth);
      // Who works with keys stays where they were, though everything there was drawn anew.
      const again =
        place === choices
          ? choices.querySelectorAll('button')[index]
          : place?.querySelector('.is-here');
      /** @type {HTMLElement | SVGElement | null | undefined} */ (again)?.focus({
        preventScroll: true,
      });
      parts.caption(caption({ cursor, begin, finish, chain, isGreedy, leaves: tree.leaves(top) }));
      parts.say(
        messageText('repeat.said', {
          text: here.map((node) => node.token?.text ?? '').join(''),
        }),
      );
    }

    /** Writes the beginning that the example opens with, so that there is a cache to speak of. */
    async function open() {
      const mine = (writing = new AbortController());
      try {
        isOpening = true;
        await run(top, OPENING, mine.signal, 0);
      } catch {
        // Who writes on is told what is wrong.
      } finally {
        isOpening = false;
      }
      if (writing !== mine) return;
      stop();
      finish = cursor.token?.is_end ? 'stop' : '';
      paint();
    }

    return {
      async draw(own, signal) {
        const selection = await example.selection(own, signal);
        const all = await samplers();
        const values = settings(all, selection.more);
        const of = JSON.stringify([
          selection.model,
          selection.prompt,
          selection.chat,
          selection.about.step,
          selection.changes,
        ]);
        const by = JSON.stringify([values, seed(selection.more)]);
        const isFirst = key === '';
        chosen = selection;
        chatLabel.hidden = !selection.about.chat;
        chat.checked = selection.chat;
        if (of !== key) {
          stop();
          key = of;
          restart();
          for (const id of restored(selection.more.behind))
            cursor = branch = tree.append(cursor, { id, piece: '', text: '', is_end: false });
        } else if (by !== chained) {
          // Another chain: what it draws and takes away is another thing in every text.
          stop();
          tree.forget(top);
        }
        chained = by;
        isGreedy = values.temperature === 0;
        chain = words(all, values);
        if (!isGreedy)
          chain = messageText('repeat.chain', { chain, seed: String(seed(selection.more)) });
        if (!writing && !cursor.turn && !cursor.token?.is_end) await run(cursor, 0, signal);
        paint();
        // Weights that are still learned are others in two seconds.
        if (
          selection !== own &&
          cursor === top &&
          !writing &&
          selection.about.step === null &&
          of !== opened
        ) {
          opened = of;
          open();
        }
        if (!isFirst && cursor === top && selection.more.behind) page.set({ behind: null });
      },
    };
  },
};

/** The ids that an address holds. @param {string} [behind] */
function restored(behind) {
  return /^\d{1,9}(\.\d{1,9})*$/.test(behind ?? '') ? String(behind).split('.').map(Number) : [];
}
