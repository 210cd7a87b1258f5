/**
 * What colours mean: signed quantities go blue – paper – orange, symmetric around 0; weights from
 * paper to ink; every token keeps one hue. The values stand in `colour.css`, by night in `night.css`.
 */

import { h } from './dom.js';

/** @typedef {[number, number, number]} Rgb */

/** @type {Map<string, Rgb>} */
const known = new Map();

// A theme that changes under the page changes what the names stand for.
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => known.clear());
document.addEventListener('lookback-theme', () => known.clear());

/**
 * A colour of the style sheet as numbers.
 * @param {string} name  without the dashes
 * @returns {Rgb}
 */
export function named(name) {
  let rgb = known.get(name);
  if (!rgb) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    rgb = /** @type {Rgb} */ ([1, 3, 5].map((at) => parseInt(text.slice(at, at + 2), 16)));
    known.set(name, rgb);
  }
  return rgb;
}

/**
 * @param {Rgb} from
 * @param {Rgb} to
 * @param {number} share
 */
function mix([red, green, blue], [toRed, toGreen, toBlue], share) {
  const between = (/** @type {number} */ from, /** @type {number} */ to) =>
    Math.round(from + (to - from) * share);
  return `rgb(${between(red, toRed)} ${between(green, toGreen)} ${between(blue, toBlue)})`;
}

/**
 * The colour of a signed quantity on a scale that ends at ±max.
 * @param {number} value
 * @param {number} max
 */
export function signed(value, max) {
  const share = max > 0 ? Math.min(1, Math.abs(value) / max) : 0;
  return mix(
    named('paper'),
    named(value < 0 ? 'negative' : 'positive'),
    Number.isFinite(share) ? share : 1,
  );
}

/**
 * The colour of a weight from 0 to 1.
 * @param {number} value
 */
export function weight(value) {
  return mix(named('paper'), named('ink'), Math.max(0, Math.min(1, value)));
}

/**
 * How bright a colour is to the eye, as WCAG 2 defines it.
 * @param {ArrayLike<number>} rgb
 */
function luminance(rgb) {
  const [red = 0, green = 0, blue = 0] = Array.from(rgb, (part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/**
 * A colour of text that can be read on another: black or white, whichever stands out more. One of them
 * always has a contrast of 4.58 or more; paper and ink, which are neither, may both fall below 4.5.
 * @param {string} colour  as `signed` and `weight` give it
 */
export function readable(colour) {
  const bright = luminance((colour.match(/\d+/g) ?? []).map(Number));
  return (bright + 0.05) ** 2 > 1.05 * 0.05 ? '#000' : '#fff';
}

/**
 * A token's hue, the same in every figure. Neighbours differ by the golden angle. From yellow to cyan
 * a colour looks brighter than its lightness says, so these are darker on paper, or nobody could read
 * them.
 * @param {number} token
 */
export function hue(token) {
  const angle = Math.round((token * 137.508 + 205) % 360);
  const lightness = angle >= 40 && angle <= 192 ? '--token-lightness-bright' : '--token-lightness';
  return `hsl(${angle} var(--token-saturation) var(${lightness}))`;
}

/** How many categories have a colour of their own. */
export const CATEGORIES = 8;

/**
 * The colour of a category, safe for colour blindness (Okabe and Ito 2008).
 * @param {number} category
 */
export function category(category) {
  return `var(--category-${((category % CATEGORIES) + CATEGORIES) % CATEGORIES})`;
}

/**
 * What the colours of a figure mean, with the ends of the scale.
 * @param {'signed' | 'weights'} scale
 * @param {string} low
 * @param {string} high
 */
export function legend(scale, low, high) {
  return h(
    'span',
    { class: 'legend' },
    h('span', { class: 'number' }, low),
    h('span', { class: `ramp ramp-${scale}`, 'aria-hidden': 'true' }),
    h('span', { class: 'number' }, high),
  );
}
