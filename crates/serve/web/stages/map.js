/**
 * The space before and after training: the rows of the embedding table on a flat sheet, step by step on
 * the same axes, and which words are really near in all the dimensions that no sheet has.
 */

import { visible, word } from '../kit/chips.js';
import { ask, tensors } from '../kit/client.js';
import { fill, h } from '../kit/dom.js';
import { button, choice, figure } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { number } from '../kit/number.js';
import { player } from '../kit/player.js';
import { remembering } from './logits/word.js';
import { axisName, captions, stepName, twin } from './map/captions.js';
import { chart, HUES } from './map/chart.js';
import { extent, matches } from './map/choose.js';
import { formed } from './map/formed.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {{id: number, piece: string, cosine: number}} Near */
/**
 * @typedef {object} About
 * @property {string} key        whose map it is
 * @property {number} rows
 * @property {number} width
 * @property {(number | null)[]} steps  null is the table as it is now
 * @property {number | null} step
 * @property {number[]} shares   of the variance, axis by axis
 * @property {number} parting    how many axes, the first, tell the categories apart
 * @property {number} fitted     rows that the axes were fitted to
 * @property {number} words      whole words of the vocabulary
 * @property {string[]} names    of the categories
 * @property {boolean} by_meaning
 * @property {number[]} colors
 * @property {string[]} pieces
 */

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'map',
  mount(root, page) {
    /** @type {About | null} */
    let about = null;
    /** @type {Selection | null} */
    let selection = null;
    /** Points by step and axes. @type {Map<string, Promise<Float32Array>>} */
    let kept = new Map();
    /** @type {Float32Array | null} */
    let points = null;
    /** The points before training, where they were kept. @type {Float32Array | null} */
    let before = null;
    /** @type {{x: [number, number], y: [number, number]} | null} */
    let bounds = null;
    let boundsOf = '';
    /** @type {Near[]} */
    let near = [];
    /** @type {number | null} */
    let hovered = null;
    /** @type {string[]} */
    let written = [];
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<{near: Near[]}>) => Promise<{near: Near[]}>} */
    const once = remembering();
    let latest = 0;

    const parts = figure(root, { title: messageText('map.title'), table });
    const sheet = chart({
      name: messageText('map.sheet'),
      onHover: hover,
      onPick: (id) => page.set({ 'map-word': id }),
    });
    const legend = h('div', {
      class: 'map-legend',
      'data-roving': '',
      role: 'group',
      'aria-label': messageText('map.categories'),
    });
    const readout = h('p', { class: 'map-readout', 'aria-live': 'polite' });
    const stage = h('span', { class: 'map-step' });
    fill(parts.body, sheet.node, readout, legend);
    const neighbours = formed();
    parts.side.append(neighbours.node);

    const play = player({
      name: messageText('map.player'),
      steps: () => about?.steps.length ?? 1,
      onStep: (at) => page.set({ 'map-step': stepAt(at) }),
      milliseconds: 450,
    });
    const search = h('input', {
      type: 'search',
      class: 'map-search',
      'aria-label': messageText('map.search'),
      placeholder: messageText('map.search.placeholder'),
      spellcheck: 'false',
      autocapitalize: 'off',
      oninput: () => page.set({ 'map-find': search.value || null }),
    });
    const axis = (/** @type {string} */ label) =>
      choice({ label, options: [], value: '', onChange: chooseAxes });
    const axes = [axis(messageText('map.across')), axis(messageText('map.up'))];
    const time = h('span', { class: 'map-time', hidden: true }, play.node, stage);
    fill(
      parts.controls,
      time,
      search,
      axes.map(({ node }) => node),
      h(
        'span',
        { class: 'matrix-tools' },
        button('−', () => sheet.zoom(1 / 1.5), {
          'aria-label': messageText('map.zoom-out'),
        }),
        button('+', () => sheet.zoom(1.5), {
          'aria-label': messageText('map.zoom-in'),
        }),
      ),
    );

    function chooseAxes() {
      const chosen = axes.map(({ select }) => select.value).join(',');
      page.set({ 'map-axes': chosen === '0,1' ? null : chosen });
    }

    /** The address's word for a stop of the slider; the last one is where one is anyway. @param {number} at */
    function stepAt(at) {
      const last = (about?.steps.length ?? 1) - 1;
      return at >= last ? null : (about?.steps[at] ?? null);
    }

    /** Which stop of the slider is chosen. @param {Selection} of */
    function stopOf(of) {
      const steps = about?.steps ?? [null];
      const chosen = of.more['map-step'];
      const at = chosen === undefined ? -1 : steps.indexOf(Number(chosen));
      return at < 0 ? steps.length - 1 : at;
    }

    /** @param {Selection} of @returns {[number, number]} */
    function axesOf(of) {
      const size = about?.shares.length ?? 2;
      const [x, y] = (of.more['map-axes'] ?? '0,1').split(',').map(Number);
      const isThere = (/** @type {number | undefined} */ axis) =>
        axis !== undefined && Number.isInteger(axis) && axis >= 0 && axis < size;
      return isThere(x) && isThere(y)
        ? [/** @type {number} */ (x), /** @type {number} */ (y)]
        : [0, Math.min(1, size - 1)];
    }

    /**
     * Where the rows lie at a stop of the slider.
     * @param {number} stop @param {[number, number]} axes
     */
    function pointsAt(stop, axes) {
      const step = about?.steps[stop] ?? null;
      const key = `${step} ${axes}`;
      let answer = kept.get(key);
      if (!answer) {
        answer = tensors('map/points', { model: selection?.model, step, axes }).then(
          (found) => /** @type {import('../kit/client.js').Tensor} */ (found.get('points')).values,
        );
        answer.catch(() => kept.delete(key));
        kept.set(key, answer);
      }
      return answer;
    }

    /** @param {number | null} id */
    function hover(id) {
      if (hovered === id) return;
      hovered = id;
      readNear();
    }

    /** The token that is talked about: under the pointer, kept by a click, found, or the page's own. */
    function chosen() {
      if (!selection || !about) return null;
      const kept = selection.more['map-word'];
      const [only] = found();
      const id =
        hovered ??
        (kept !== undefined && /^\d+$/.test(kept) ? Number(kept) : null) ??
        only ??
        selection.ids[selection.token] ??
        null;
      return id !== null && id < (points?.length ?? 0) / 2 ? id : null;
    }

    function found() {
      return about ? matches(selection?.more['map-find'] ?? '', written, about.pieces) : [];
    }

    async function readNear() {
      const id = chosen();
      const mine = (latest += 1);
      if (id === null || !selection || !about) {
        near = [];
        return show();
      }
      // The pointer passes over many words; the one it rests on is asked about.
      if (hovered !== null) await new Promise((resolve) => setTimeout(resolve, 60));
      if (mine !== latest) return;
      try {
        const question = {
          model: selection.model,
          step: about.steps[stopOf(selection)] ?? null,
          id,
        };
        const answer = await once([question, about.key], (signal) =>
          ask('map/near', question, { signal }),
        );
        if (mine !== latest) return;
        near = answer.near;
      } catch {
        if (mine !== latest) return;
        near = [];
      }
      show();
    }

    function only() {
      const field = selection?.more['map-only'];
      const at = field === undefined ? -1 : (about?.names.indexOf(field) ?? -1);
      return at < 0 ? null : at;
    }

    function show() {
      if (!about || !selection || !points || !bounds) return;
      const [of, now] = [about, selection];
      const id = chosen();
      const prompt = new Map(
        now.ids.map((id, at) => /** @type {[number, number]} */ ([id, at])).reverse(),
      );
      sheet.draw({
        points,
        before,
        colors: of.colors,
        names: written,
        isFirst: (id) =>
          of.by_meaning || ((of.colors[id] ?? 9) < 2 && (written[id] ?? '').length > 2),
        plain: of.names.length - 1,
        only: only(),
        prompt,
        found: found(),
        chosen: id,
        near: near.map(({ id }) => id),
        key: `${now.model} ${axesOf(now)}`,
        bounds,
      });
      if (hovered === null) neighbours.show(now.model, of, id);
      const hits = found().length;
      fill(
        readout,
        id === null
          ? message(now.more['map-find'] ? 'map.found-none' : 'map.point')
          : hits > 1 && hovered === null
            ? message('map.nearest.found', { ...nearest(id), count: hits })
            : message('map.nearest', nearest(id)),
      );
      parts.say(
        id === null
          ? messageText('map.said.none')
          : messageText('map.said', {
              word: of.pieces[id]?.trim() ?? '',
              nearest: near
                .slice(0, 3)
                .map(({ piece, cosine }) => `${word(piece)} ${cosine.toFixed(2)}`)
                .join(', '),
            }),
      );

      /** A word and its true neighbours. @param {number} id */
      function nearest(id) {
        return {
          word: h('b', null, visible(of.pieces[id] ?? '')),
          width: of.width,
          nearest: near
            .slice(0, 6)
            .flatMap(({ piece, cosine }, at) => [
              at ? ', ' : '',
              visible(piece),
              ' ',
              number(cosine, { digits: 2 }),
            ]),
        };
      }
    }

    function drawLegend() {
      if (!about) return;
      const of = about;
      const counts = of.names.map(() => 0);
      for (const color of of.colors) counts[color] = (counts[color] ?? 0) + 1;
      const picked = only();
      fill(
        legend,
        of.names.map((name, at) => {
          const isPlain = at === of.names.length - 1;
          return (counts[at] ?? 0) === 0
            ? null
            : h(
                'button',
                {
                  type: 'button',
                  class: 'map-category',
                  'aria-pressed': String(picked === at),
                  title: messageText('map.tokens', { count: counts[at] ?? 0 }),
                  onclick: () => page.set({ 'map-only': picked === at ? null : name }),
                },
                h('span', {
                  class: `map-mark ${isPlain ? 'is-plain' : at >= HUES.length ? 'is-ring' : ''}`,
                  style: isPlain ? {} : { '--mark': `var(--category-${HUES[at % HUES.length]})` },
                  'aria-hidden': 'true',
                }),
                name,
              );
        }),
      );
    }

    function drawControls() {
      if (!about || !selection) return;
      const [of, stop, [x, y]] = [about, stopOf(selection), axesOf(selection)];
      time.hidden = of.steps.length < 2;
      if (!play.isPlaying || play.at !== stop) play.stand(stop);
      fill(stage, stepName(of.steps[stop] ?? null, of));
      const options = of.shares.map(
        (share, at) => /** @type {[string, string]} */ ([String(at), axisName(of, at, share)]),
      );
      axes[0]?.set(options, String(x));
      axes[1]?.set(options, String(y));
      if (document.activeElement !== search) search.value = selection.more['map-find'] ?? '';
    }

    function table() {
      return about && selection && points && twin(about, selection, points, chosen(), near);
    }

    return {
      async draw(now, signal) {
        const key = `${now.model} ${now.about.step ?? ''} ${now.about.snapshots.length}`;
        if (about?.key !== key) {
          const answer = await ask('map', { model: now.model }, { signal });
          about = { ...answer, key };
          kept = new Map();
          written = answer.pieces.map((/** @type {string} */ piece) => piece.trim());
        }
        selection = now;
        const [stop, of] = [stopOf(now), axesOf(now)];
        // One scale for all steps, so that what grows is seen to grow and nothing leaves the sheet.
        const [here, ...all] = await Promise.all(
          [stop, ...(about?.steps.keys() ?? [])].map((at) => pointsAt(at, of)),
        );
        if (signal.aborted || !here) return;
        if (boundsOf !== `${key} ${of}`) {
          bounds = extent(all, /** @type {About} */ (about));
          boundsOf = `${key} ${of}`;
        }
        points = here;
        before = stop > 0 && about?.steps[0] === 0 ? (all[0] ?? null) : null;
        drawLegend();
        drawControls();
        show();
        parts.caption(captions(/** @type {About} */ (about), of));
        await readNear();
      },
    };
  },
};
