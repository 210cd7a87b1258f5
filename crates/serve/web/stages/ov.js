/**
 * What a token takes up from each token before it: in the reader's prompt and, beside it, in the same
 * words turned around. What comes later gives exactly nothing.
 *
 * In the address: `exchange.turned`, the second sentence; `exchange.token`, its chosen token.
 */

import { mention, visible, word } from '../kit/chips.js';
import { look, ProgramError, UnreachableError } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { number } from '../kit/number.js';
import { player } from '../kit/player.js';
import { get } from '../kit/state.js';
import { views } from '../kit/views.js';
import { opensOn } from './example.js';
import { answerCache } from './ov/cache.js';
import { captions } from './ov/captions.js';
import { reading } from './ov/plane.js';
import { alike, turned, wordOf } from './ov/reordered.js';
import { digits, side } from './ov/side.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('./ov/plane.js').Taken} Taken */
/** @typedef {import('./ov/side.js').Side} Side */
/** @typedef {import('./ov/cache.js').About} About */
/** @typedef {import('./ov/cache.js').Cut} Cut */
/** @typedef {import('./ov/captions.js').Earlier} Earlier */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'ov',
  mount(root, page) {
    /** @type {{of: Selection, here: Side, there: Side} | null} */
    let shown = null;
    const parts = figure(root, { title: messageText('ov.title'), table });
    const onLayer = (/** @type {number} */ layer) => page.set({ layer });
    const prompt = h('p', { class: 'ov-prompt' });
    const left = side({
      name: messageText('ov.your-prompt'),
      sentence: h(
        'div',
        { class: 'ov-sentence' },
        h('span', { class: 'ov-label' }, message('ov.your-prompt')),
        prompt,
      ),
      onToken: (token) => page.set({ token, 'exchange.token': null }),
      onLayer,
    });
    const input = h('input', {
      type: 'text',
      spellcheck: 'false',
      autocomplete: 'off',
      oninput: () => page.set({ 'exchange.turned': input.value, 'exchange.token': null }),
    });
    const right = side({
      name: messageText('ov.other-sentence'),
      sentence: h(
        'label',
        { class: 'ov-sentence' },
        h('span', { class: 'ov-label' }, message('ov.turned')),
        input,
      ),
      onToken: (token) => page.set({ 'exchange.token': token }),
      onLayer,
    });
    const sides = views({
      name: messageText('ov.views.sentence'),
      views: [
        { name: 'left', label: messageText('ov.your-prompt'), node: left.node },
        { name: 'right', label: messageText('ov.view.turned'), node: right.node },
      ],
      onShow: () => drawPlanes(),
    });
    const what = views({
      name: messageText('ov.views.what'),
      folds: 'always',
      views: [
        {
          name: 'arrows',
          label: messageText('ov.view.arrows'),
          node: [left.arrowsNode, right.arrowsNode],
        },
        {
          name: 'parts',
          label: messageText('ov.view.parts'),
          node: [left.rowsNode, right.rowsNode],
        },
        {
          name: 'layers',
          label: messageText('ov.view.layers'),
          node: [left.layersNode, right.layersNode],
        },
      ],
      onShow: (name) => {
        root.dataset.shows = name;
        drawPlanes();
      },
    });
    what.node.classList.add('ov-what');
    fill(parts.body, sides.node, what.node, h('div', { class: 'ov-sides' }, left.node, right.node));
    parts.side.append(h('details', null, h('summary', null, message('ov.reading')), reading()));
    const play = player({
      name: messageText('ov.steps'),
      steps: () => shown?.of.about.layers ?? 1,
      onStep: (layer) => page.set({ layer }),
      milliseconds: 1400,
    });
    const again = button(messageText('ov.again'), () =>
      page.set({ 'exchange.turned': null, 'exchange.token': null }),
    );
    const example = opensOn(page, 'exchange', { prompt: 'the bird is red', word: 'bird' });
    parts.controls.append(
      h('span', { class: 'ov-by' }, message('ov.by-layer')),
      play.node,
      again,
      example.node,
    );
    const kept = answerCache();

    /**
     * Reads the layers that are not seen at first glance, after all that is.
     * @param {Selection} of
     * @param {AbortSignal} signal
     * @param {...[About, Cut, Side, () => void]} sides
     */
    async function others(of, signal, ...sides) {
      try {
        for (const [about, cut, side, draw] of sides)
          while (await kept.more(of, about, cut, side, signal)) draw();
      } catch (error) {
        // Something else is chosen by now, or the page says that the program does not answer.
        if (
          !signal.aborted &&
          !(error instanceof UnreachableError || error instanceof ProgramError)
        )
          throw error;
      }
    }

    function drawPlanes() {
      if (!shown) return;
      // On a narrow screen one of the two is shown.
      const width = Math.min(...[left.room(), right.room()].map((room) => room || Infinity));
      if (width === Infinity) return;
      const [a, b] = [left.arrows(width), right.arrows(width)];
      // One scale for both, as long as neither becomes too small to see.
      const [small, large] = [Math.min(a.unit, b.unit), Math.max(a.unit, b.unit)];
      const isShared = large < 5 * small;
      const max = Math.max(
        ...[shown.here, shown.there].flatMap(({ taken }) => [
          taken.added,
          ...[...taken.sources, taken.bias].map((part) => part?.length ?? 0),
        ]),
      );
      left.draw({ arrows: a.arrows, unit: isShared ? small : a.unit, max });
      right.draw({ arrows: b.arrows, unit: isShared ? small : b.unit, max });
    }
    let width = 0;
    new ResizeObserver(() => {
      if (width !== parts.body.clientWidth) drawPlanes();
      width = parts.body.clientWidth;
    }).observe(parts.body);

    function table() {
      if (!shown) return null;
      return [shown.here, shown.there].map(({ prompt, pieces, token, taken, layers }) => ({
        caption: messageText('ov.table', {
          prompt,
          token: word(pieces[token] ?? ''),
          layer: taken.layer,
        }),
        head: [
          messageText('ov.table.from'),
          messageText('ov.length'),
          messageText('ov.share'),
          ...[...layers.keys()]
            .sort((x, y) => x - y)
            .map((layer) => messageText('ov.layer', { layer })),
        ],
        rows: taken.sources.map((part, source) => [
          visible(pieces[source] ?? ''),
          part.seen
            ? number(part.length, { digits: digits(part.length) })
            : messageText('ov.table.nothing'),
          part.seen ? number(part.share, { percent: true }) : messageText('ov.not-there'),
          ...[...layers]
            .sort(([x], [y]) => x - y)
            .map(([, { sources }]) =>
              sources[source]?.seen ? number(sources[source].share, { percent: true }) : '–',
            ),
        ]),
      }));
    }

    return {
      async draw(selected, signal) {
        let of = await example.selection(selected, signal);
        const own = { model: of.model, prompt: of.prompt, chat: of.chat };
        const text =
          of.more['exchange.turned'] ?? turned(of.prompt, wordOf(of.prompt, of.pieces, of.token));
        const other = { ...own, prompt: text };
        const cut = await kept.cut(of, other, signal);
        const same = alike(cut.pieces, of.pieces);
        const token = chosen(of, cut, same);
        // The example opens on the layer in which it shows most, until one is chosen.
        if (of !== selected && get().layer === null)
          of = { ...of, layer: await kept.telling(of, other, cut, token, signal) };

        /** @param {About} about @param {Cut} cut @param {number} token @param {(number | null)[]} same @returns {Promise<Side>} */
        const one = async (about, cut, token, same) => {
          const site = `blocks.${of.layer}.attn.pattern`;
          const [layers, sites] = await Promise.all([
            kept.layers(of, about, cut, token, signal),
            look(about, [{ site, at: [of.head, token] }], { signal }),
          ]);
          return {
            prompt: about.prompt,
            pieces: cut.pieces,
            token,
            same,
            layers,
            head: of.head,
            depth: of.about.layers,
            isHere: about === own,
            taken: /** @type {Taken} */ (layers.get(of.layer)),
            weights: sites.get(`${site}@${of.head},${token}`)?.values ?? new Float32Array(),
          };
        };
        const [here, there, earlier] = await Promise.all([
          one(
            own,
            of,
            of.token,
            of.ids.map((_, at) => at),
          ),
          one(other, cut, token, same),
          earlierOne(of, own, signal),
        ]);
        shown = { of, here, there };
        left.hold(here);
        right.hold(there);
        fill(prompt, of.prompt || '∅');
        if (document.activeElement !== input) input.value = text;
        again.hidden = of.more['exchange.turned'] === undefined;
        play.stand(of.layer);
        drawPlanes();
        left.drawLayers();
        right.drawLayers();
        parts.title(
          // In one node, so that its words and its token stand on one line.
          h(
            'span',
            null,
            message('ov.title.token', {
              token: mention(of.token, of.pieces[of.token] ?? ''),
              layer: of.layer,
            }),
          ),
        );
        const told = captions(of, here, there, earlier, (token) => page.set({ token }));
        // In this order: a node stands in one place, and its last is the caption.
        parts.say(h('span', null, ...told).textContent ?? '');
        parts.caption(...told);
        others(of, signal, [own, of, here, left.drawLayers], [other, cut, there, right.drawLayers]);
      },
    };
  },
};

/** The other sentence's token: the one that was clicked, or the chosen one again, or the last. @param {Selection} of @param {Cut} cut @param {(number | null)[]} same */
function chosen(of, cut, same) {
  const asked = Number(of.more['exchange.token'] ?? NaN);
  if (asked >= 0 && asked < cut.ids.length) return asked;
  const again = same.indexOf(of.token);
  return again >= 0 ? again : cut.ids.length - 1;
}

/**
 * Where nothing comes after the chosen token, one that cannot see it: the word two before.
 * @param {Selection} of
 * @param {About} about
 * @param {AbortSignal} signal
 * @returns {Promise<Earlier | null>}
 */
async function earlierOne(of, about, signal) {
  if (of.token === 0 || of.token < of.ids.length - 1) return null;
  const aim = wordOf(of.prompt, of.pieces, of.token) - 2;
  const words = of.pieces.map((_, at) => wordOf(of.prompt, of.pieces, at));
  const found = words.lastIndexOf(Math.max(0, aim), of.token - 1);
  const token = Math.max(0, words.indexOf(words[found] ?? 0));
  const site = `blocks.${of.layer}.attn.pattern`;
  const row = await look(about, [{ site, at: [of.head, token] }], { signal });
  return { token, weight: row.get(`${site}@${of.head},${token}`)?.get(of.token) ?? Number.NaN };
}
