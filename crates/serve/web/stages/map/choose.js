/**
 * Which part of a map is shown, and which words are meant.
 */

/**
 * What a search finds: the word itself, first as it was typed and with a space before it, or else all
 * that begin so.
 * @param {string} typed
 * @param {string[]} names   of all tokens, as they are written
 * @param {string[]} pieces  and as they are
 * @returns {number[]}
 */
export function matches(typed, names, pieces) {
  const exact = typed.trim();
  const text = exact.toLowerCase();
  if (!text) return [];
  const all = (/** @type {(word: string) => boolean} */ fits) =>
    names.flatMap((of, id) => (fits(of.toLowerCase()) ? [id] : []));
  const rank = (/** @type {number} */ id) =>
    2 * Number(names[id] === exact) + Number(pieces[id]?.startsWith(' '));
  const same = all((of) => of === text).sort((one, other) => rank(other) - rank(one));
  return same.length ? same : all((of) => of.startsWith(text)).slice(0, 200);
}

/**
 * What a sheet shows: all coloured points of all steps but for each step's outermost few, since one far
 * point would press all others together. Those outside are a drag away.
 * @param {Float32Array[]} tables
 * @param {import('../map.js').About} about
 * @returns {{x: [number, number], y: [number, number]}}
 */
export function extent(tables, about) {
  const along = (/** @type {number} */ axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (const [at, points] of tables.entries()) {
      const values = [];
      for (let id = 0; 2 * id < points.length; id += 1)
        if (about.colors[id] !== about.names.length - 1) values.push(points[2 * id + axis] ?? 0);
      values.sort((one, other) => one - other);
      // Earlier steps may leave a little more outside, so that the last one has room.
      const cut = Math.floor(values.length * (at === tables.length - 1 ? 0.01 : 0.03));
      low = Math.min(low, values[cut] ?? low);
      high = Math.max(high, values[values.length - 1 - cut] ?? high);
    }
    return /** @type {[number, number]} */ (low < high ? [low, high] : [-1, 1]);
  };
  return { x: along(0), y: along(1) };
}
