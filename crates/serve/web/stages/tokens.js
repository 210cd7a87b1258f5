/**
 * Text becomes tokens: the pieces of the model's vocabulary, how one of them came about, the same text
 * in vocabularies that everybody knows, and the ids that the article gives.
 */

import { chip, mention, spelled, visible, word } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { hue } from '../kit/colour.js';
import { fill, h } from '../kit/dom.js';
import { figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { sentences } from '../kit/sentences.js';
import { set } from '../kit/state.js';
import { views } from '../kit/views.js';
import { claim } from './tokens/claim.js';
import { exchangeOf, relabelled, relabelling, saidOf } from './tokens/relabel.js';
import { tree } from './tokens/tree.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./tokens/tree.js').Made} Made */

/**
 * How a vocabulary cuts a text.
 * @typedef {object} Cut
 * @property {number[]} ids
 * @property {string[]} pieces
 * @property {string[]} bytes
 * @property {boolean[]} specials
 * @property {([number, number] | null)[]} spans  bytes of the text
 */

/** @typedef {Cut & {name: string, size: number}} Vocabulary */

/** Pieces that are drawn at once; more are counted. */
const MOST = 300;

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'tokens',
  mount(root) {
    const parts = figure(root, {
      title: messageText('tokens.title'),
      table: () => twin,
    });
    const own = h('div', { class: 'cut' });
    const growth = tree();
    const others = h('div', { class: 'cuts' });
    const erratum = claim();
    const mine = h('div', { class: 'tokens-own' }, own, growth.node);
    const which = views({
      name: messageText('tokens.views.beside'),
      folds: 'always',
      views: [
        { name: 'others', label: messageText('tokens.views.vocabularies'), node: others },
        { name: 'claim', label: messageText('tokens.views.article'), node: erratum.node },
      ],
    });
    const elsewhere = h('div', null, which.node, others, erratum.node);
    const shown = views({
      name: messageText('tokens.views'),
      views: [
        { name: 'tree', label: messageText('tokens.views.model'), node: mine },
        { name: 'others', label: messageText('tokens.views.elsewhere'), node: elsewhere },
      ],
    });
    fill(parts.body, shown.node, h('div', { class: 'tokens-both' }, mine, elsewhere));

    const withBytes = h('input', {
      type: 'checkbox',
      onchange: () => parts.body.classList.toggle('shows-bytes', withBytes.checked),
    });
    const labels = relabelling();
    parts.controls.append(
      labels.node,
      h('label', { class: 'choice' }, withBytes, message('tokens.bytes')),
    );

    /** @type {import('../kit/figure.js').Table[]} */
    let twin = [];
    /** @type {{key: string, cut: Cut & {text: string}} | null} */
    let ours = null;
    /** @type {{text: string, all: Vocabulary[]} | null} */
    let theirs = null;

    return {
      async draw(selection, signal) {
        const { model, prompt, chat, about } = selection;
        const key = JSON.stringify([model, prompt, chat]);
        if (ours?.key !== key)
          ours = { key, cut: await ask('tokens', { model, prompt, chat }, { signal }) };
        const { cut } = ours;
        const other = pickedElsewhere(selection);
        const exchange = exchangeOf(selection);
        const label = relabelled(exchange, about.vocabulary);
        labels.draw(exchange);
        drawOwn(own, selection, cut, other === null, label);

        if (theirs?.text !== cut.text) {
          const answer = await ask('vocabularies', { prompt: cut.text }, { signal });
          theirs = { text: cut.text, all: answer.vocabularies };
        }
        const { all } = theirs;
        const elsewhere = other && all.find(({ name }) => name === other.name);
        const place = elsewhere
          ? Math.min(/** @type {{at: number}} */ (other).at, elsewhere.ids.length - 1)
          : -1;
        fill(
          others,
          h('p', { class: 'cut-others' }, message('tokens.others')),
          all.map((of) =>
            h(
              'div',
              { class: 'cut' },
              nameOf(of.name, of.size, of.ids.length),
              row(of, cut, of === elsewhere ? place : -1, (at) =>
                set({ piece: `${of.name}.${at}` }),
              ),
            ),
          ),
        );

        const asked = elsewhere
          ? { vocabulary: elsewhere.name, id: elsewhere.ids[place] }
          : { model, id: selection.ids[selection.token] };
        /** @type {Made} */
        const made = await ask('merges', asked, { signal });
        if (signal.aborted) return;
        growth.draw(
          made,
          elsewhere ? elsewhere.name : model,
          elsewhere ? 'var(--ink)' : hue(selection.token),
        );
        await erratum.draw(signal);

        const { ids, pieces, token } = selection;
        const told = exchange === 0 ? [] : await saidOf(selection, exchange, signal);
        if (signal.aborted) return;
        const said = {
          count: ids.length,
          token: mention(token, pieces[token] ?? ''),
          number: ids[token] ?? 0,
          all: about.vocabulary,
        };
        const counts = all.map(({ name, ids }) =>
          messageText('tokens.in', { tokens: ids.length, vocabulary: name }),
        );
        parts.caption(
          sentences(
            told,
            message(exchange === 0 ? 'tokens.number' : 'tokens.number.exchanged', said),
            message('tokens.elsewhere', { counts: counts.join(', ') }),
            cut.specials.some(Boolean) ? message(chat ? 'tokens.template' : 'tokens.specials') : [],
          ),
        );
        parts.say(
          messageText('tokens.said', {
            count: ids.length,
            pieces: pieces
              .slice(0, 40)
              .map((piece, at) =>
                messageText('tokens.said.piece', { piece: word(piece), id: String(ids[at]) }),
              )
              .join(', '),
          }),
        );
        twin = [
          table(model, cut, exchange === 0 ? null : label),
          ...all.map((of) => table(of.name, of)),
        ];
      },
    };
  },
};

/** A piece of another vocabulary that the address names: `piece=cl100k.3`. @param {Selection} selection */
function pickedElsewhere(selection) {
  const [, name, at] = /^(\w+)\.(\d{1,6})$/.exec(selection.more.piece ?? '') ?? [];
  return name === undefined ? null : { name, at: Number(at) };
}

/**
 * @param {HTMLElement} node
 * @param {Selection} selection
 * @param {Cut} cut
 * @param {boolean} isPicked
 * @param {(id: number) => number} label  the number that is shown in an id's place
 */
function drawOwn(node, { model, about, token }, cut, isPicked, label) {
  const [from, to] = around(token, cut.ids.length);
  const tiles = [];
  for (let at = from; at < to; at += 1) {
    const picked = at === token && isPicked;
    const button = chip(at, cut.pieces[at] ?? '', { picked, shown: spelled(cut, at) });
    // Choosing a token here also ends the choice of a piece elsewhere.
    button.addEventListener('click', () => set({ piece: null }));
    tiles.push(...tile(button, cut, at, label));
  }
  fill(
    node,
    nameOf(model, about.vocabulary, cut.ids.length),
    h(
      'div',
      { class: 'cut-pieces is-own', 'data-roving': '' },
      left(from),
      tiles,
      left(cut.ids.length - to),
    ),
  );
}

/** @param {Vocabulary} of @param {Cut} own @param {number} picked @param {(at: number) => void} onPick */
function row(of, own, picked, onPick) {
  const [from, to] = around(Math.max(picked, 0), of.ids.length);
  const tiles = [];
  for (let at = from; at < to; at += 1) {
    const button = h(
      'button',
      {
        type: 'button',
        class: 'chip',
        'aria-pressed': String(at === picked),
        style: { '--hue': hue(tokenAt(own, of.spans[at]) ?? at) },
        title: `${of.name}: ${of.ids[at]}`,
        onclick: () => onPick(at),
      },
      spelled(of, at),
    );
    tiles.push(...tile(button, of, at));
  }
  return h(
    'div',
    { class: 'cut-pieces', 'data-roving': '' },
    left(from),
    tiles,
    left(of.ids.length - to),
  );
}

/**
 * A tile; behind one that ends a line the next line begins.
 * @param {HTMLElement} button
 * @param {Cut} cut
 * @param {number} at
 * @param {(id: number) => number} [label]
 */
function tile(button, cut, at, label = (id) => id) {
  const id = cut.ids[at] ?? 0;
  return [
    h(
      'span',
      { class: cut.specials[at] ? 'tile is-special' : 'tile' },
      button,
      h(
        'span',
        { class: label(id) === id ? 'tile-id' : 'tile-id is-relabelled' },
        String(label(id)),
      ),
      h('span', { class: 'tile-bytes' }, cut.bytes[at]),
    ),
    /0a\W*$/i.test(cut.bytes[at] ?? '') && at < cut.ids.length - 1
      ? h('span', { class: 'cut-break', 'aria-hidden': 'true' })
      : null,
  ];
}

/** @param {string} name @param {number} size @param {number} tokens */
function nameOf(name, size, tokens) {
  return h(
    'p',
    { class: 'cut-name' },
    h('b', null, name),
    ' ',
    message('tokens.size', { count: size }),
    ' ',
    h('span', { class: 'cut-count' }, message('tokens.count', { count: tokens })),
  );
}

/** The model's token that holds the first byte of a span. @param {Cut} own @param {[number, number] | null | undefined} span */
function tokenAt(own, span) {
  if (!span) return null;
  const at = own.spans.findIndex((of) => of && of[0] <= span[0] && span[0] < of[1]);
  return at < 0 ? null : at;
}

/** @param {number} chosen @param {number} size @returns {[number, number]} */
function around(chosen, size) {
  const from = Math.max(0, Math.min(chosen - MOST / 2, size - MOST));
  return [from, Math.min(size, from + MOST)];
}

/** @param {number} more */
function left(more) {
  return more > 0 ? h('span', { class: 'cut-more' }, message('tokens.more', { more })) : null;
}

/** @param {string} name @param {Cut} cut @param {((id: number) => number) | null} [label] */
function table(name, cut, label = null) {
  return {
    caption: messageText('tokens.table', { name }),
    head: [
      messageText('tokens.table.place'),
      messageText('tokens.table.piece'),
      messageText('tokens.table.number'),
      ...(label ? [messageText('tokens.table.exchanged')] : []),
      messageText('tokens.table.bytes'),
    ],
    rows: cut.ids.map((id, at) => [
      String(at),
      visible(cut.pieces[at] ?? ''),
      String(id),
      ...(label ? [String(label(id))] : []),
      cut.bytes[at] ?? '',
    ]),
  };
}
