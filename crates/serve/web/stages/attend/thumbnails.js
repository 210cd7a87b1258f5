/**
 * All heads at a glance: a small picture of each pattern, a row for each layer, or a column where there
 * are many.
 */

import { arrowStep, moved } from '../../kit/arrows.js';
import { inForce } from '../../kit/changes.js';
import { tensors } from '../../kit/client.js';
import { named } from '../../kit/colour.js';
import { h } from '../../kit/dom.js';

/** @typedef {import('../../kit/client.js').Tensor} Tensor */
/** @typedef {import('../../kit/stage.js').Selection} Selection */

/** Cells of a small picture's side, at most. */
const MOST = 24;
const [LEFT, TOP, GAP] = [26, 18, 3];

/**
 * @param {(layer: number, head: number) => void} onPick
 */
export function thumbnails(onPick) {
  const canvas = h('canvas', {
    class: 'thumbnails',
    tabindex: '0',
    role: 'application',
    'aria-roledescription': 'grid of heads',
  });
  const name = h('span', { class: 'spoken', 'aria-live': 'polite' });
  const node = h('div', { class: 'thumbnails-whole' }, canvas, name);
  /** @type {{values: Tensor, of: Selection, before: Tensor | null} | null} */
  let shown = null;
  /** Where tiles lie: layers go down, or across where there are many of them. */
  let layout = { tile: 20, isAcross: false };
  /** @type {[number, number] | null} */
  let cursor = null;

  /** @param {number} layer @param {number} head @returns {[number, number]} */
  function corner(layer, head) {
    const [column, row] = layout.isAcross ? [layer, head] : [head, layer];
    return [LEFT + column * (layout.tile + GAP), TOP + row * (layout.tile + GAP)];
  }

  function draw() {
    if (!shown || node.clientWidth === 0) return;
    const { values, of, before } = shown;
    const [layers = 0, heads = 0] = values.shape;
    const isAcross = layers > 2 * heads;
    const [columns, rows] = isAcross ? [layers, heads] : [heads, layers];
    const large = layers * heads <= 48 ? 46 : 26;
    const fitting = Math.floor((node.clientWidth - LEFT) / columns) - GAP;
    layout = { tile: Math.max(7, Math.min(large, fitting)), isAcross };
    const { tile } = layout;
    const [width, height] = [LEFT + columns * (tile + GAP), TOP + rows * (tile + GAP)];
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    canvas.setAttribute(
      'aria-label',
      `all ${layers * heads} heads; layer ${of.layer}, head ${of.head} is open; arrow keys move, Enter opens`,
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
    for (let layer = 0; layer < layers; layer += 1) {
      for (let head = 0; head < heads; head += 1) {
        const [x, y] = corner(layer, head);
        pen.drawImage(picture(values, layer, head), x, y, tile, tile);
        const isOpen = layer === of.layer && head === of.head;
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
  }

  /** @param {MouseEvent} event @returns {[number, number] | null} */
  function at(event) {
    if (!shown) return null;
    const box = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - box.left - LEFT) / (layout.tile + GAP));
    const row = Math.floor((event.clientY - box.top - TOP) / (layout.tile + GAP));
    const [layer, head] = layout.isAcross ? [column, row] : [row, column];
    const [layers = 0, heads = 0] = shown.values.shape;
    return layer >= 0 && layer < layers && head >= 0 && head < heads ? [layer, head] : null;
  }
  canvas.addEventListener('click', (event) => {
    const head = at(event);
    if (head) onPick(...head);
  });
  canvas.addEventListener('pointermove', (event) => {
    const head = at(event);
    canvas.title = head ? `layer ${head[0]}, head ${head[1]}` : '';
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
      name.textContent = `layer ${cursor[0]}, head ${cursor[1]}`;
      draw();
    } else if ((event.key === 'Enter' || event.key === ' ') && cursor) {
      event.preventDefault();
      onPick(...cursor);
    }
  });
  new ResizeObserver(draw).observe(node);
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
      shown = { values, of, before };
      cursor = null;
      draw();
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
