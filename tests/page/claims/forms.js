/**
 * What the checks of sentences are made of: the forms of numbers, and what is known of a text.
 */

/**
 * What is known of a text.
 * @typedef {object} World
 * @property {Map<string, {shape: number[], values: Float32Array}>} sites
 * @property {string} prompt
 * @property {number[]} ids
 * @property {any} about        the model
 * @property {number} token
 * @property {number} layer
 * @property {number} head
 * @property {(name: string, body: object) => Promise<any>} ask
 * @property {Record<string, number>} settings  of the chain, as the page has them unasked
 * @property {import('playwright-core').Locator} figure
 * @property {string} caption
 * @property {boolean} isChanged  whether the page changes the passes
 */

/** @typedef {(world: World) => Promise<string[]> | string[]} Check  what is wrong, if anything */

export const space = String.raw`[\s\u00a0]`;
/** A number as the page writes it, thousands apart. */
export const N = String.raw`-?[\d\u202f.]+(?:e[-−]\d+)?`;
/** @param {string | undefined} text */
export const num = (text) => Number((text ?? '').replace(/\u202f/g, '').replace('−', '-'));

/** @param {string} text @param {string} form */
export const fit = (text, form) => {
  const found = new RegExp(`^${form.replaceAll(' ', `${space}+`)}${space}*$`, 's').exec(text);
  return found ? (found.groups ?? {}) : null;
};

/** The values of an index of a site's first axes. @param {World} world @param {string} site @param {...number} at */
export function part({ sites }, site, ...at) {
  const found = sites.get(site);
  if (!found) throw new Error(`no site ${site}`);
  const rest = found.shape.slice(at.length).reduce((a, b) => a * b, 1);
  const flat = at.reduce((flat, index, axis) => flat * (found.shape[axis] ?? 0) + index, 0);
  return Array.from(found.values.subarray(flat * rest, (flat + 1) * rest));
}

/** @param {number[]} values */
export const length = (values) => Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));

/** Whether a number was rounded to what is said. @param {string | undefined} said @param {number} value */
export function says(said, value) {
  const text = (said ?? '').replace(/\u202f/g, '').replace('−', '-');
  const [mantissa = '', exponent = '0'] = text.split('e');
  const places = mantissa.split('.')[1]?.length ?? 0;
  const bound = 0.50001 * 10 ** (Number(exponent) - places) + 2e-6 * Math.abs(value);
  return Math.abs(Number(text) - value) <= bound;
}

/** Half a unit of the last digit that is said. @param {string | undefined} said */
export const half = (said) => 0.5001 * 10 ** -((said ?? '').split('.')[1]?.length ?? 0);

/** @param {[boolean, string][]} claims  what must hold, and how it is called */
export const faults = (claims) => claims.flatMap(([holds, name]) => (holds ? [] : [name]));

/** Depths in words as indices: `before layer 0 and after layers 1 to 6, 16 and 29`. @param {string} text */
export function depthsOf(text) {
  const found = text.startsWith('before layer 0') ? [0] : [];
  const list = text.replace(/^before layer 0( and )?/, '').replace(/^after layers? /, '');
  for (const piece of list.split(/, | and /).filter(Boolean)) {
    const [from = 0, to = from] = piece.split(' to ').map(Number);
    for (let layer = from; layer <= to; layer += 1) found.push(layer + 1);
  }
  return found;
}
