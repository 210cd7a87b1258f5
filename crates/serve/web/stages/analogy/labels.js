/**
 * Places words beside their points, so that none lies on another, on a dot or on a line.
 */

/** @typedef {{x: number, y: number, text: string, kind: string, id: number | null, isLeft?: boolean}} Label */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Box */

/** Half of a line of text, and the pixels of a letter, as wide as they get. */
const [HALF, LETTER] = [8, 7.8];
/** From a dot's middle to where a word begins. */
const GAP = 9;

/**
 * Where each label goes: the beginning of its text, the height of its middle, and a line to its point
 * where it had to go far from it.
 * @param {Label[]} labels  the important ones first
 * @param {{points: [number, number][], lines: [number, number, number, number][], width: number, height: number}} around
 */
export function placed(labels, { points, lines, width, height }) {
  const dots = points.map(([x, y]) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  /** @type {Box[]} */
  const taken = [];
  return labels.map((label) => {
    const long = label.text.length * LETTER;
    const all = places(label, long).filter(
      ({ left, right, top, bottom }) => left >= 0 && right <= width && top >= 0 && bottom <= height,
    );
    const isFree = (/** @type {Box} */ box) => taken.every((other) => !meet(box, other));
    const isOffDots = (/** @type {Box} */ box) => dots.every((dot) => !meet(box, dot));
    const isOffLines = (/** @type {Box} */ box) => lines.every((line) => !cross(box, line));
    const box = all.find((box) => isFree(box) && isOffDots(box) && isOffLines(box)) ??
      all.find((box) => isFree(box) && isOffDots(box)) ??
      all.find(isFree) ??
      places(label, long)[0] ?? { left: label.x, right: label.x, top: label.y, bottom: label.y };
    taken.push(box);
    const y = (box.top + box.bottom) / 2;
    const near = Math.max(box.left, Math.min(box.right, label.x));
    const leader =
      Math.abs(y - label.y) > 22
        ? { x1: label.x, y1: label.y, x2: near, y2: y + (y > label.y ? -HALF : HALF) }
        : null;
    return { label, x: box.left, y, leader };
  });
}

/** Places around a point, the better ones first. @param {Label} label @param {number} long @returns {Box[]} */
function places({ x, y, isLeft }, long) {
  const at = (/** @type {number} */ left, /** @type {number} */ middle) => ({
    left,
    right: left + long,
    top: middle - HALF,
    bottom: middle + HALF,
  });
  const [right, left, over] = [x + GAP, x - GAP - long, x - long / 2];
  const sides = isLeft ? [left, right] : [right, left];
  const near = [0, -13, 13].flatMap((dy) => sides.map((from) => at(from, y + dy)));
  const far = [1, 2, 3, 4, 5, 6].flatMap((step) =>
    [-1, 1].flatMap((sign) => [over, ...sides].map((from) => at(from, y + sign * (4 + 13 * step)))),
  );
  return [...near, ...far];
}

/** @param {Box} one @param {Box} other */
function meet(one, other) {
  return (
    one.left < other.right &&
    one.right > other.left &&
    one.top < other.bottom &&
    one.bottom > other.top
  );
}

/** Whether a line goes through a box (Liang and Barsky 1984). @param {Box} box @param {[number, number, number, number]} line */
function cross({ left, right, top, bottom }, [x1, y1, x2, y2]) {
  let [from, to] = [0, 1];
  for (const [step, room] of [
    [x1 - x2, x1 - left],
    [x2 - x1, right - x1],
    [y1 - y2, y1 - top],
    [y2 - y1, bottom - y1],
  ]) {
    if (step === 0) {
      if (Number(room) < 0) return false;
    } else {
      const at = Number(room) / Number(step);
      if (Number(step) < 0) from = Math.max(from, at);
      else to = Math.min(to, at);
    }
  }
  return from <= to;
}
