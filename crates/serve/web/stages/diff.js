/**
 * Two passes side by side: of two texts, of two models with the same tokens, or without what the page changes
 * and with it. What differs is lit.
 *
 * In the address: `other`, the second text (see `sweep/texts.js`); `diff.with`, what is compared with: `text`,
 * `changes`, or a model as `model:NAME`.
 */

import { asWide } from '../kit/as_wide.js';
import { inForce } from '../kit/changes.js';
import { visible } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { command } from '../kit/command.js';
import { changed, opens, reads } from '../kit/command_line.js';
import { fill, h, sideways } from '../kit/dom.js';
import { choice, figure } from '../kit/figure.js';
import { messageText } from '../kit/messages.js';
import { number } from '../kit/number.js';
import { caption, depth, nats, sides } from './diff/captions.js';
import { depths, heads, tokens } from './diff/picture.js';
import { look, remembering } from './logits/word.js';
import { otherText } from './sweep/other.js';
import { texts } from './sweep/texts.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/stage.js').Model} Model */
/** @typedef {'text' | 'model' | 'changes'} Way */

/**
 * @typedef {object} Difference
 * @property {[number, number]} ids
 * @property {number} kl
 * @property {[number, number]} next
 * @property {number | null} stream
 */

/**
 * @typedef {object} Found
 * @property {Difference[]} positions
 * @property {Difference} last
 * @property {number[]} depth_kl
 * @property {{layer: number, attn_out: number, mlp_out: number, resid_post: number}[]} layers
 * @property {{layer: number, head: number, distance: number, position: number}[]} heads
 */

/**
 * @typedef {object} Compared
 * @property {Selection} of
 * @property {Way} way
 * @property {string | null} model         the other model
 * @property {string} text                 the second text
 * @property {string[]} otherPieces        and its tokens
 * @property {Found} found
 * @property {Record<string, string>} pieces  what next tokens look like
 */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'diff',
  mount(root, page) {
    /** @type {Compared | null} */
    let drawn = null;
    let shownAbout = '';
    const parts = figure(root, { title: messageText('diff.title'), table });
    root.classList.replace('has-words-beside', 'has-words-under');
    const both = texts(page);
    const places = ['tokens', 'depths', 'heads'].map((name) =>
      h('div', { class: `diff-place is-${name}` }),
    );
    const [tokensPlace, depthsPlace, headsPlace] = /** @type {HTMLElement[]} */ (places);
    if (tokensPlace) {
      sideways(tokensPlace);
      // What scrolls is reached by keys.
      tokensPlace.tabIndex = 0;
      tokensPlace.setAttribute('role', 'group');
      tokensPlace.setAttribute('aria-label', messageText('diff.tokens'));
    }
    fill(parts.body, tokensPlace, h('div', { class: 'diff-both' }, depthsPlace, headsPlace));
    const again = [tokens, depths, heads].map((draw, at) =>
      asWide(/** @type {HTMLElement} */ (places[at]), (width) =>
        drawn ? draw(drawn, width) : null,
      ),
    );
    const redraw = () => {
      for (const draw of again) draw();
    };
    document.addEventListener('lookback-theme', redraw);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    const way = choice({
      label: messageText('diff.with'),
      options: [],
      value: '',
      onChange: (value) => page.set({ 'diff.with': value === 'text' ? null : value }),
    });
    const other = otherText(page, { 'sweep.cell': null });
    parts.controls.append(way.node, other.node, both.node);
    const line = command(messageText('diff.command'));
    root.querySelector('.figure-caption')?.after(line.node);
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<any>) => Promise<any>} */
    const once = remembering();

    function table() {
      if (!drawn) return null;
      const { found, of, otherPieces, pieces } = drawn;
      const [first, second] = sides(drawn);
      return [
        {
          caption: messageText('diff.table.tokens'),
          head: [
            messageText('common.token'),
            messageText('diff.table.nats'),
            messageText('diff.table.next', { side: first }),
            messageText('diff.table.next', { side: second }),
          ],
          rows: found.positions.map(({ ids, kl, next }, at) => [
            ids[0] === ids[1]
              ? visible(of.pieces[at] ?? '')
              : messageText('compare.both', {
                  first: visible(of.pieces[at] ?? ''),
                  second: visible(otherPieces[at] ?? ''),
                }),
            nats(kl),
            look(pieces, next[0]),
            look(pieces, next[1]),
          ]),
        },
        {
          caption: messageText('diff.table.depths'),
          head: [messageText('logit_lens.table.read'), messageText('diff.table.nats')],
          rows: found.depth_kl.map((kl, at) => [depth(at), nats(kl)]),
        },
        {
          caption: messageText('diff.heads'),
          head: [messageText('diff.table.head'), messageText('diff.table.share')],
          rows: found.heads.map(({ layer, head, distance }) => [
            `${layer}.${head}`,
            number(distance, { percent: true }),
          ]),
        },
      ];
    }

    return {
      async draw(selection, signal) {
        const { models } = await ask('models', null, { signal });
        const others = /** @type {Model[]} */ (models).filter(
          ({ name, vocabulary }) =>
            name !== selection.model && vocabulary === selection.about.vocabulary,
        );
        const changes = inForce(selection.changes);
        /** @type {[string, string][]} */
        const options = [
          ['text', messageText('diff.with.text')],
          ...others.map(({ name }) => /** @type {[string, string]} */ ([`model:${name}`, name])),
          ...(changes.length
            ? [/** @type {[string, string]} */ (['changes', messageText('diff.with.changes')])]
            : []),
        ];
        const asked = selection.more['diff.with'] ?? 'text';
        const chosen = options.some(([value]) => value === asked) ? asked : 'text';
        way.set(options, chosen);
        const kind = /** @type {Way} */ (chosen.split(':')[0]);
        const model = kind === 'model' ? chosen.slice(6) : null;
        const { of, other: second } = await both.find(selection, signal);
        other.node.hidden = kind !== 'text';
        other.show(second.text);
        const about = { model: of.model, prompt: of.prompt, chat: of.chat };
        const edits = changes.flatMap(({ edit }) => edit ?? []);
        const variant = Object.fromEntries(
          changes.flatMap(({ variant }) => (variant ? [[variant, true]] : [])),
        );
        const body = {
          text: { ...about, other: second.text },
          model: { ...about, with: model },
          changes: { ...about, edits, variant },
        }[kind];
        const text = kind === 'text' ? second.text : of.prompt;
        const { differences: found, pieces = {} } = await once([body, of.about.step], (signal) =>
          ask('diff', body, { signal }),
        );
        signal.throwIfAborted();
        drawn = {
          of,
          way: kind,
          model,
          text,
          otherPieces: kind === 'text' ? second.pieces : of.pieces,
          found,
          pieces,
        };
        redraw();
        const shown = JSON.stringify([of.model, of.prompt, text]);
        // What is asked is at the end.
        if (tokensPlace && shown !== shownAbout) tokensPlace.scrollLeft = tokensPlace.scrollWidth;
        shownAbout = shown;
        parts.caption(caption(drawn));
        const named = others.find(({ name }) => name === model);
        const more = {
          text: of.chat ? null : ['--other', second.text],
          model: ['--with', named ? opens(named) : ''],
          changes: [],
        }[kind];
        line.show(
          more === null ? null : ['diff', opens(of.about), ...reads(of), ...more],
          kind === 'changes' ? changed(of) : [],
        );
        const [first, last] = sides(drawn);
        parts.say(messageText('diff.said', { first, last, nats: found.last.kl.toFixed(2) }));
      },
    };
  },
};
