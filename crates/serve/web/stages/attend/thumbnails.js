/**
 * All heads at a glance: a small picture of each pattern, a row for each layer, or a column where that gives
 * larger ones; below each, what was measured of the head.
 */

import { arrowStep, moved } from '../../kit/arrows.js';
import { toggle } from '../../kit/changes/controls.js';
import { inForce, without } from '../../kit/changes.js';
import { tensors } from '../../kit/client.js';
import { named } from '../../kit/colour.js';
import { fill, h } from '../../kit/dom.js';
import { button } from '../../kit/figure.js';
import { longPress } from '../../kit/long_press.js';
import { message, messageText } from '../../kit/messages.js';
import { format, number } from '../../kit/number.js';
import { KINDS, kindOf, measured, takesLong } from './scores.js';

/** @typedef {import('../../kit/client.js').Tensor} Tensor */
/** @typedef {import('../../kit/stage.js').Selection} Selection */

/** @typedef {import('./scores.js').Scores} Scores */

/** Cells of a small picture's side, at most. */
const MOST = 24;
const [LEFT, TOP, GAP] = [26, 18, 4];
/** The largest tile, and from which on it has room for a name below it; heights of the name and of its mark. */
const [LARGEST, NAMED, NAME, MARK] = [76, 44, 15, 3];

/**
 * @param {(layer: number, head: number) => void} onPick
 */
export function thumbnails(onPick) {
  const canvas = h('canvas', {
    class: 'thumbnails',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': messageText('heads.role'),
  });
  const name = h('span', { class: 'spoken', 'aria-live': 'polite' });
  const legend = h('p', { class: 'thumbnails-legend' });
  const told = h('p', { class: 'thumbnails-told' });
  const whole = h('div', { class: 'thumbnails-whole' }, canvas);
  const label = h('p', { class: 'attend-label' });
  const node = h('div', { class: 'thumbnails-all' }, label, whole, told, legend, name);
  /** @type {{values: Tensor, of: Selection, before: Tensor | null} | null} */
  let shown = null;
  /** @type {Scores | null} */
  let scores = null;
  let isMeasuring = false;
  /** Where tiles lie: layers go down, or across where that makes them larger. */
  let layout = { tile: 20, high: 20, isAcross: false };
  /** @type {[number, number] | null} */
  let cursor = null;

  /** @param {number} layer @param {number} head @returns {[number, number]} */
  function corner(layer, head) {
    const [column, row] = layout.isAcross ? [layer, head] : [head, layer];
    return [LEFT + column * (layout.tile + GAP), TOP + row * layout.high];
  }

  /** Tiles as large as they fit. @param {number} columns @param {number} rows */
  function fitting(columns, rows) {
    const wide = Math.floor((whole.clientWidth - LEFT) / columns) - GAP;
    const room = Math.max(230, Math.min(470, window.innerHeight * 0.56)) - TOP;
    const high = Math.floor(room / rows) - GAP;
    const named = Math.min(LARGEST, wide, high - NAME);
    return named >= NAMED ? named : Math.max(7, Math.min(wide, high - MARK, NAMED - 1));
  }

  function draw() {
    if (!shown || whole.clientWidth === 0) return;
    const { values, of, before } = shown;
    const [layers = 0, heads = 0] = values.shape;
    const [down, across] = [fitting(heads, layers), fitting(layers, heads)];
    // A row for each layer, unless columns are much larger.
    const isAcross = across > 1.25 * down;
    fill(label, message(isAcross ? 'heads.layout.across' : 'heads.layout.down'));
    const [columns, rows] = isAcross ? [layers, heads] : [heads, layers];
    const tile = isAcross ? across : down;
    const isNamed = tile >= NAMED;
    const high = tile + GAP + (isNamed ? NAME : MARK);
    layout = { tile, high, isAcross };
    const [width, height] = [LEFT + columns * (tile + GAP), TOP + rows * high];
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.setAttribute(
      'aria-label',
      messageText('heads.grid', { count: layers * heads, layer: of.layer, head: of.head }),
    );
    const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    const styles = getComputedStyle(node);
    pen.scale(ratio, ratio);
    pen.imageSmoothingEnabled = false;
    pen.font = `11px ${styles.getPropertyValue('--sans')}`;
    pen.textBaseline = 'middle';
    pen.fillStyle = styles.getPropertyValue('--quiet');
    const every = tile >= 14 ? 1 : 5;
    for (let at = 0; at < Math.max(rows, columns); at += 1) {
      if (at % every) continue;
      const [x, y] = corner(at, at);
      pen.textAlign = 'center';
      if (at < columns) pen.fillText(String(at), x + tile / 2, TOP / 2);
      pen.textAlign = 'right';
      if (at < rows) pen.fillText(String(at), LEFT - 7, y + tile / 2);
    }
    /** @type {Set<string>} */
    const seen = new Set();
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const [x, y] = corner(layer, head);
        pen.drawImage(picture(values, layer, head), x, y, tile, tile);
        const isOpen = layer === of.layer && head === of.head;
        const score = scores?.heads.get(`${layer}.${head}`);
        const kind = kindOf(score);
        if (score && kind) {
          seen.add(kind.name);
          const colour = styles.getPropertyValue(`--category-${kind.hue}`);
          pen.fillStyle = colour;
          pen.fillRect(x, y + tile + 1, tile, MARK);
          if (isNamed) {
            pen.fillStyle = styles.getPropertyValue('--quiet');
            pen.font = `10px ${styles.getPropertyValue('--sans')}`;
            pen.textAlign = 'left';
            pen.fillText(kind.name, x, y + tile + MARK + 8, tile);
          }
        }
        pen.strokeStyle = styles.getPropertyValue(isOpen ? '--accent' : '--line');
        pen.lineWidth = isOpen ? 2.5 : 1;
        pen.strokeRect(x - 0.5, y - 0.5, tile + 1, tile + 1);
        if (isOff(of, layer, head)) strike(pen, x, y, tile, styles.getPropertyValue('--accent'));
        if (before && hasMoved(before.part(layer, head), values.part(layer, head))) {
          // What moved is marked at its corner.
          pen.fillStyle = styles.getPropertyValue('--accent');
          pen.fillRect(x + tile - 6, y, 6, 6);
        }
        if (cursor?.[0] === layer && cursor[1] === head) {
          pen.strokeStyle = styles.getPropertyValue('--ink');
          pen.lineWidth = 1.5;
          pen.strokeRect(x - 2, y - 2, tile + 4, tile + 4);
        }
      }
    }
    fill(
      legend,
      isNamed
        ? null
        : KINDS.filter((kind) => seen.has(kind.name)).map((kind) =>
            h(
              'span',
              { class: 'thumbnails-kind', style: { '--mark': `var(--category-${kind.hue})` } },
              kind.name,
            ),
          ),
    );
    tell(cursor ?? [of.layer, of.head]);
  }

  /** Measuring a large model's heads takes seconds, so it is asked for. */
  function ask() {
    if (!shown || isMeasuring) return isMeasuring ? message('heads.measuring') : null;
    if (!takesLong(shown.of)) return null;
    return [' ', button(messageText('heads.measure'), () => measure())];
  }
  /** Asks what the heads of the model look at. */
  async function measure() {
    if (!shown) return;
    const { of } = shown;
    isMeasuring = true;
    draw();
    const now = await measured(of);
    isMeasuring = false;
    if (shown?.of.model !== of.model) return;
    scores = now;
    draw();
  }

  /** What was measured of a head. @param {[number, number]} at */
  function tell([layer, head]) {
    const score = scores?.heads.get(`${layer}.${head}`);
    if (!score || !scores) {
      fill(told, h('b', null, message('heads.name', { head: `${layer}.${head}` })), ask());
      return;
    }
    const most = [...KINDS].sort((a, b) => score[b.score] - score[a.score]);
    const share = (/** @type {number} */ rank) => {
      const kind = most[rank];
      if (!kind) return null;
      const value = number(score[kind.score], { percent: true });
      return message('heads.share', { share: value, where: kind.where });
    };
    const kind = kindOf(score);
    const measures = {
      head: `${layer}.${head}`,
      first: share(0),
      second: share(1),
      texts: scores.sequences,
      tokens: scores.tokens,
    };
    fill(
      told,
      kind
        ? message('heads.told.kind', { ...measures, kind: kind.name })
        : message('heads.told', measures),
    );
  }

  /** What a head is called, for who hears it. @param {[number, number]} at */
  function called([layer, head]) {
    const score = scores?.heads.get(`${layer}.${head}`);
    const kind = kindOf(score);
    if (!kind || !score) return messageText('heads.heard', { layer, head });
    const share = format(score[kind.score], { percent: true });
    return messageText('heads.heard.kind', { layer, head, kind: kind.name, share });
  }

  /** @param {MouseEvent} event @returns {[number, number] | null} */
  function at(event) {
    if (!shown) return null;
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - LEFT) / (layout.tile + GAP));
    const row = Math.floor((event.clientY - box.top - TOP) / layout.high);
    const [layer, head] = layout.isAcross ? [column, row] : [row, column];
    const [layers = 0, heads = 0] = shown.values.shape;
    return layer >= 0 && layer < layers && head >= 0 && head < heads ? [layer, head] : null;
  }
  longPress(canvas, (event) => {
    const head = at(event);
    if (head) toggle(without('head', ...head));
  });
  canvas.addEventListener('click', (event) => {
    const head = at(event);
    if (head) onPick(...head);
  });
  canvas.addEventListener('pointermove', (event) => {
    const head = at(event);
    canvas.title = head ? called(head) : '';
    if (head) tell(head);
    else if (shown) tell([shown.of.layer, shown.of.head]);
    canvas.style.cursor = head ? 'pointer' : 'default';
  });
  canvas.addEventListener('keydown', (event) => {
    if (!shown) return;
    const step = arrowStep(event);
    if (step) {
      const [right, down] = step;
      const [layers = 1, heads = 1] = shown.values.shape;
      const [layer, head] = cursor ?? [shown.of.layer, shown.of.head];
      cursor = [
        moved(layer, layout.isAcross ? right : down, layers),
        moved(head, layout.isAcross ? down : right, heads),
      ];
      name.textContent = called(cursor);
      draw();
    } else if ((event.key === 'Enter' || event.key === ' ') && cursor) {
      event.preventDefault();
      onPick(...cursor);
    }
  });
  new ResizeObserver(draw).observe(whole);
  document.addEventListener('lookback-theme', draw);

  /** The last answers, with changes and without, which layer and head do not change. @type {Map<boolean, {key: string, values: Tensor}>} */
  const answers = new Map();
  return {
    node,
    /** @param {Selection} of @param {AbortSignal} signal @param {boolean} [unchanged] @returns {Promise<Tensor>} */
    async ask(of, signal, unchanged = false) {
      const changes = unchanged ? [] : of.changes;
      const key = JSON.stringify([of.model, of.prompt, of.chat, of.about.step, changes]);
      const kept = answers.get(unchanged);
      if (kept?.key === key) return kept.values;
      const answer = await tensors(
        'attend/glance',
        { model: of.model, prompt: of.prompt, chat: of.chat, most: MOST },
        { signal, unchanged },
      );
      const values = /** @type {Tensor} */ (answer.get('glance'));
      answers.set(unchanged, { key, values });
      return values;
    },
    /** @param {Tensor} values @param {Selection} of @param {Tensor | null} [before]  without changes, where there are some */
    draw(values, of, before = null) {
      if (shown?.of.model !== of.model || shown.of.about.step !== of.about.step) scores = null;
      shown = { values, of, before };
      cursor = null;
      draw();
    },
    /** Measures the heads, unless that takes long and was not asked for. */
    measure() {
      if (shown && !scores && !isMeasuring && !takesLong(shown.of)) measure();
    },
  };
}

/** Whether a head, or its layer's attention, is switched off. @param {Selection} of @param {number} layer @param {number} head */
function isOff({ changes }, layer, head) {
  return inForce(changes).some(
    ({ part, isMean, layer: of, index }) =>
      !isMean && of === layer && (part === 'attention' || (part === 'head' && index === head)),
  );
}

/** Whether a weight of a pattern moved by a fiftieth. @param {Float32Array} before @param {Float32Array} after */
function hasMoved(before, after) {
  return after.some((weight, at) => Math.abs(weight - (before[at] ?? 0)) > 0.02);
}

/** @param {CanvasRenderingContext2D} pen @param {number} x @param {number} y @param {number} size @param {string} colour */
function strike(pen, x, y, size, colour) {
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(x, y);
  pen.lineTo(x + size, y + size);
  pen.moveTo(x + size, y);
  pen.lineTo(x, y + size);
  pen.stroke();
}

/**
 * One pattern, a pixel for each of its cells.
 * @param {Tensor} values
 * @param {number} layer
 * @param {number} head
 */
function picture(values, layer, head) {
  const side = values.shape[2] ?? 1;
  const canvas = document.createElement('canvas');
  canvas.width = side;
  canvas.height = side;
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const image = pen.createImageData(side, side);
  const [paper, ink] = [named('paper'), named('ink')];
  values.part(layer, head).forEach((weight, at) => {
    // The square root shows faint weights; the opened head shows true ones.
    const share = Math.sqrt(weight);
    for (let channel = 0; channel < 3; channel += 1) {
      const [from, to] = [paper[channel] ?? 0, ink[channel] ?? 0];
      image.data[4 * at + channel] = from + (to - from) * share;
    }
    image.data[4 * at + 3] = 255;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}
