/**
 * The sheet of a map: points on a canvas, names where there is room for them, zoom, and a cursor. Knows
 * places on paper only; which words are really near is for the model to say.
 */

import { arrowStep } from '../../kit/arrows.js';
import { hue } from '../../kit/colour.js';
import { h } from '../../kit/dom.js';
import { messageText } from '../../kit/messages.js';
import { isStill } from '../../kit/player.js';

/**
 * @typedef {object} Sheet
 * @property {Float32Array} points   two numbers a token
 * @property {Float32Array | null} before  where the points were before training, where that is known
 * @property {number[]} colors       for each token, its category
 * @property {string[]} names        for each token, what is written beside it; '' for none
 * @property {(id: number) => boolean} isFirst  whether a token's name comes before others'
 * @property {number} plain          the category that is drawn without a colour
 * @property {number | null} only    the category that is in view; null for all
 * @property {Map<number, number>} prompt  tokens of the prompt: their ids, and the first place of each
 * @property {number[]} found        ids that were searched for
 * @property {number | null} chosen
 * @property {number[]} near         the chosen one's true neighbours
 * @property {string} key  what the zoom belongs to: another model or other axes begin unzoomed
 * @property {{x: [number, number], y: [number, number]}} bounds  what the sheet shows unzoomed
 */

/** The colours of categories that are told apart at a glance; those after them are rings. */
export const HUES = [0, 1, 2, 3, 4, 6];
const FONT = '12px system-ui, sans-serif';
/** How far from a point the pointer may be, in pixels. */
const REACH = 14;

/**
 * @param {object} options
 * @param {string} options.name
 * @param {(id: number | null) => void} options.onHover
 * @param {(id: number | null) => void} options.onPick
 */
export function chart({ name, onHover, onPick }) {
  const canvas = h('canvas', {
    class: 'map-canvas',
    tabindex: '0',
    role: 'application',
    'aria-label': messageText('map.keys', { name }),
  });
  const pen = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  /** @type {Sheet | null} */
  let sheet = null;
  /** The points as they are drawn, on their way. @type {Float32Array} */
  let drawn = new Float32Array(0);
  const view = { zoom: 1, x: 0, y: 0 };
  let size = { width: 0, height: 0 };
  /** @type {number | null} */
  let cursor = null;
  let frame = 0;

  function scale() {
    if (!sheet) return 1;
    const { x, y } = sheet.bounds;
    return (
      view.zoom *
      Math.min(
        (size.width - 60) / Math.max(x[1] - x[0], 1e-9),
        (size.height - 40) / Math.max(y[1] - y[0], 1e-9),
      )
    );
  }
  /** @param {number} id @param {number} by @returns {[number, number]} */
  function at(id, by) {
    const { x, y } = /** @type {Sheet} */ (sheet).bounds;
    return [
      size.width / 2 + ((drawn[2 * id] ?? 0) - (x[0] + x[1]) / 2 - view.x) * by,
      size.height / 2 - ((drawn[2 * id + 1] ?? 0) - (y[0] + y[1]) / 2 - view.y) * by,
    ];
  }

  function paint() {
    frame = 0;
    if (!sheet || size.width === 0) return;
    const now = sheet;
    const style = getComputedStyle(document.documentElement);
    const color = (/** @type {string} */ of) => style.getPropertyValue(`--${of}`).trim();
    const [ink, paper, quiet, accent] = ['ink', 'paper', 'quiet', 'accent'].map(color);
    const hues = HUES.map((of) => color(`category-${of}`));
    const ratio = devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, size.width, size.height);
    const by = scale();
    const rows = drawn.length / 2;
    const isCloud = rows > 8000 && view.zoom < 3;
    const isIn = (/** @type {number} */ px, /** @type {number} */ py) =>
      px > -5 && py > -5 && px < size.width + 5 && py < size.height + 5;

    // Category by category, the plain one first, so that it lies below and colours change seldom.
    const [start, end] = rows > 8000 ? [1.1, 2.4] : rows > 1000 ? [2, 5] : [3, 5];
    const radius = Math.min(end, start * Math.sqrt(view.zoom));
    const categories = [...new Set(now.colors)].sort(
      (one, other) => Number(other === now.plain) - Number(one === now.plain) || one - other,
    );
    for (const category of categories) {
      const isPlain = category === now.plain;
      // Tens of thousands of points make a cloud, and names are to be read on it.
      pen.globalAlpha =
        now.only !== null && now.only !== category
          ? 0.08
          : isPlain || isCloud
            ? 0.35
            : rows > 8000
              ? 0.6
              : 0.85;
      const fill = isPlain ? quiet : hues[category % HUES.length];
      pen.fillStyle = pen.strokeStyle = fill ?? '';
      pen.lineWidth = 1.2;
      const isRing = !isPlain && category >= HUES.length;
      const around = isPlain ? radius * 0.7 : radius;
      for (let id = 0; id < rows; id += 1) {
        if (now.colors[id] !== category) continue;
        const [px, py] = at(id, by);
        if (!isIn(px, py)) continue;
        if (isCloud) pen.fillRect(px - around, py - around, 2 * around, 2 * around);
        else {
          pen.beginPath();
          pen.arc(px, py, around, 0, 7);
          if (isRing) pen.stroke();
          else pen.fill();
        }
      }
    }
    pen.globalAlpha = 1;
    trails(by);

    if (now.chosen !== null && now.chosen < rows) {
      const [cx, cy] = at(now.chosen, by);
      pen.strokeStyle = accent ?? '';
      pen.lineWidth = 1;
      for (const id of now.near) {
        if (id >= rows) continue;
        const [px, py] = at(id, by);
        pen.beginPath();
        pen.moveTo(cx, cy);
        pen.lineTo(px, py);
        pen.stroke();
      }
      ring(now.chosen, accent ?? '', 6);
    }
    for (const [id, token] of now.prompt)
      if (id < rows)
        ring(
          id,
          hue(token).replace(/var\((.*?)\)/g, (_, of) => style.getPropertyValue(of).trim()),
          5,
        );
    for (const id of now.found) if (id < rows) ring(id, ink ?? '', 5);
    if (cursor !== null && cursor < rows) ring(cursor, ink ?? '', 7);
    write(by, isCloud, { ink: ink ?? '', paper: paper ?? '', quiet: quiet ?? '', hues });

    /** @param {number} id @param {string} stroke @param {number} around */
    function ring(id, stroke, around) {
      const [px, py] = at(id, by);
      pen.strokeStyle = stroke;
      pen.lineWidth = 1.8;
      pen.beginPath();
      pen.arc(px, py, around, 0, 7);
      pen.stroke();
    }
  }

  /** The ways of the words that are spoken of, from where they were before training. @param {number} by */
  function trails(by) {
    const { before, chosen, near, prompt, found, colors, only } = /** @type {Sheet} */ (sheet);
    if (!before) return;
    const style = getComputedStyle(document.documentElement);
    const color = (/** @type {string} */ of) => style.getPropertyValue(`--${of}`).trim();
    const { x, y } = /** @type {Sheet} */ (sheet).bounds;
    const line = (/** @type {number} */ id) => {
      if (2 * id >= Math.min(before.length, drawn.length)) return;
      const [px, py] = at(id, by);
      pen.beginPath();
      pen.moveTo(
        size.width / 2 + ((before[2 * id] ?? 0) - (x[0] + x[1]) / 2 - view.x) * by,
        size.height / 2 - ((before[2 * id + 1] ?? 0) - (y[0] + y[1]) / 2 - view.y) * by,
      );
      pen.lineTo(px, py);
      pen.stroke();
    };
    pen.lineWidth = 1;
    pen.strokeStyle = color('quiet');
    pen.globalAlpha = 0.55;
    const spoken = [chosen, ...near, ...prompt.keys(), ...found.slice(0, 20)];
    for (const id of new Set(spoken)) if (id !== null) line(id);
    // Of one category alone there is room for all.
    pen.globalAlpha = 0.25;
    if (only !== null)
      for (const [id, category] of colors.entries()) if (category === only) line(id);
    pen.globalAlpha = 1;
  }

  /**
   * Names, the important first, none on another.
   * @param {number} by
   * @param {boolean} isCloud
   * @param {{ink: string, paper: string, quiet: string, hues: string[]}} colors
   */
  function write(by, isCloud, { ink, paper, quiet, hues }) {
    const now = /** @type {Sheet} */ (sheet);
    const rows = drawn.length / 2;
    pen.textBaseline = 'middle';
    pen.lineJoin = 'round';
    // A coarse grid of what is taken.
    const [cell, taken] = [6, /** @type {Set<number>} */ (new Set())];
    const columns = Math.ceil(size.width / cell) + 2;
    const first = [cursor, now.chosen, ...now.near, ...now.prompt.keys(), ...now.found].filter(
      (id) => id !== null && id < rows,
    );
    const important = new Set(/** @type {number[]} */ (first));
    let room = 40 + (size.width * size.height) / 2600;
    /** @type {Set<string>} */
    const said = new Set();
    /** @param {number} id @param {boolean} isImportant */
    const put = (id, isImportant) => {
      const text = now.names[id];
      // A word with a space before it and without one is two tokens; one name is enough.
      if (!text || (said.has(text) && !isImportant)) return;
      const [px, py] = at(id, by);
      if (px < 0 || py < 8 || px > size.width - 12 || py > size.height - 8) return;
      pen.font = isImportant ? `600 ${FONT}` : FONT;
      const long = pen.measureText(text).width + 4;
      const x = px + 6 + long > size.width ? px - 6 - long : px + 6;
      const cells = [];
      for (let row = Math.floor((py - 7) / cell); row <= (py + 7) / cell; row += 1) {
        for (let column = Math.floor(x / cell); column <= (x + long) / cell; column += 1)
          cells.push(row * columns + column);
      }
      if (cells.some((at) => taken.has(at))) return;
      for (const at of cells) taken.add(at);
      room -= 1;
      said.add(text);
      const category = now.colors[id] ?? now.plain;
      pen.strokeStyle = paper;
      pen.lineWidth = 3;
      pen.globalAlpha = isImportant ? 1 : 0.75;
      pen.strokeText(text, x, py);
      pen.globalAlpha = 1;
      pen.fillStyle = isImportant
        ? ink
        : category === now.plain
          ? quiet
          : (hues[category % HUES.length] ?? ink);
      pen.fillText(text, x, py);
    };
    for (const id of important) put(id, true);
    for (const isFirst of [true, false]) {
      for (let id = 0; id < rows && room > 0; id += 1) {
        if (
          important.has(id) ||
          now.isFirst(id) !== isFirst ||
          (now.only !== null && now.colors[id] !== now.only)
        )
          continue;
        // Small words crowd the middle, and pieces of words crowd a cloud; others say more.
        if (now.only === null && (now.colors[id] === now.plain || (isCloud && !isFirst))) continue;
        put(id, false);
      }
    }
  }

  function ask() {
    if (!frame) frame = requestAnimationFrame(paint);
  }

  /** Goes from where the points are to where they belong. */
  function move() {
    const to = /** @type {Sheet} */ (sheet).points;
    const from = drawn;
    if (isStill() || from.length !== to.length) {
      drawn = to;
      return ask();
    }
    const began = performance.now();
    const mine = (moving += 1);
    (function step() {
      if (mine !== moving) return;
      const share = Math.min(1, (performance.now() - began) / 180);
      const eased = share * (2 - share);
      drawn = share === 1 ? to : from.map((of, at) => of + ((to[at] ?? 0) - of) * eased);
      paint();
      if (share < 1) requestAnimationFrame(step);
    })();
  }
  let moving = 0;

  /** The token nearest to a place on the canvas. @param {number} x @param {number} y @param {number} reach */
  function nearest(x, y, reach) {
    if (!sheet) return null;
    const by = scale();
    let [best, closest] = [/** @type {number | null} */ (null), reach * reach];
    for (let id = 0; id < drawn.length / 2; id += 1) {
      if (sheet.only !== null && sheet.colors[id] !== sheet.only) continue;
      const [px, py] = at(id, by);
      const away = (px - x) ** 2 + (py - y) ** 2;
      if (away < closest) [best, closest] = [id, away];
    }
    return best;
  }

  /** @param {number} to @param {[number, number]} [about]  a place on the canvas that stays where it is */
  function zoom(to, about = [size.width / 2, size.height / 2]) {
    const before = scale();
    view.zoom = Math.max(1, Math.min(60, to));
    const after = scale();
    view.x += (about[0] - size.width / 2) * (1 / before - 1 / after);
    view.y -= (about[1] - size.height / 2) * (1 / before - 1 / after);
    if (view.zoom === 1) Object.assign(view, { x: 0, y: 0 });
    ask();
  }

  /** @param {number | null} id */
  function hover(id) {
    if (id === cursor) return;
    cursor = id;
    onHover(id);
    ask();
  }

  /** @type {{x: number, y: number, view: {x: number, y: number}, moved: boolean} | null} */
  let drag = null;
  canvas.addEventListener('pointerdown', (event) => {
    drag = { x: event.clientX, y: event.clientY, view: { x: view.x, y: view.y }, moved: false };
  });
  canvas.addEventListener('pointermove', (event) => {
    if (drag && event.buttons && event.pointerType !== 'touch') {
      const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
      if (view.zoom > 1 && Math.hypot(dx, dy) > 5) {
        drag.moved = true;
        const by = scale();
        Object.assign(view, { x: drag.view.x - dx / by, y: drag.view.y + dy / by });
        ask();
      }
      return;
    }
    hover(nearest(event.offsetX, event.offsetY, REACH));
  });
  canvas.addEventListener('pointerleave', () => hover(null));
  canvas.addEventListener('click', (event) => {
    if (!drag?.moved) onPick(nearest(event.offsetX, event.offsetY, 2 * REACH));
    drag = null;
  });
  canvas.addEventListener(
    'wheel',
    (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(view.zoom * (event.deltaY < 0 ? 1.2 : 1 / 1.2), [event.offsetX, event.offsetY]);
    },
    { passive: false },
  );
  canvas.addEventListener('keydown', (event) => {
    const step = arrowStep(event);
    if (step) {
      hover(towards(step));
    } else if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      onPick(cursor);
    } else if (event.key === 'Escape') {
      hover(null);
      onPick(null);
    } else if (event.key === '+' || event.key === '-') {
      zoom(view.zoom * (event.key === '+' ? 1.5 : 1 / 1.5));
    }
  });

  /** The next point that way: near, and not far to the side. @param {[number, number]} way */
  function towards([wx, wy]) {
    const start = cursor ?? sheet?.chosen ?? null;
    if (!sheet || start === null) return nearest(size.width / 2, size.height / 2, Infinity);
    const by = scale();
    const [sx, sy] = at(start, by);
    let [best, least] = [/** @type {number} */ (start), Infinity];
    for (let id = 0; id < drawn.length / 2; id += 1) {
      if (sheet.only !== null && sheet.colors[id] !== sheet.only) continue;
      const [px, py] = at(id, by);
      if (px < 0 || py < 0 || px > size.width || py > size.height) continue;
      const along = (px - sx) * wx + (py - sy) * wy;
      const aside = Math.abs((px - sx) * wy) + Math.abs((py - sy) * wx);
      const cost = along + 2 * aside;
      if (along > 2 && cost < least) [best, least] = [id, cost];
    }
    return best;
  }

  function fit() {
    const width = canvas.parentElement?.clientWidth ?? 0;
    if (width === 0) return;
    size = {
      width,
      height: Math.round(Math.max(290, Math.min(620, width * 0.62, window.innerHeight * 0.59))),
    };
    const ratio = devicePixelRatio || 1;
    Object.assign(canvas, {
      width: Math.round(size.width * ratio),
      height: Math.round(size.height * ratio),
    });
    canvas.style.height = `${size.height}px`;
    paint();
  }

  const holder = h('div', { class: 'map-holder' }, canvas);
  new ResizeObserver(fit).observe(holder);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', ask);
  document.addEventListener('lookback-theme', ask);
  return {
    node: holder,
    /** Zooms towards the word that is talked about. @param {number} by */
    zoom(by) {
      const id = sheet?.chosen ?? null;
      zoom(view.zoom * by, id === null ? undefined : at(id, scale()));
    },
    /** @param {Sheet} now */
    draw(now) {
      const isMoved = sheet?.points !== now.points;
      if (sheet && sheet.key !== now.key) Object.assign(view, { zoom: 1, x: 0, y: 0 });
      sheet = now;
      if (isMoved) move();
      else ask();
    },
  };
}
