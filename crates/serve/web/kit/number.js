/**
 * Numbers as text, each with the place it was read at, so that anybody can check it.
 */

import { h, svg } from './dom.js';

/**
 * @typedef {object} Form
 * @property {string} [site]     the design's name of the site whose element it is
 * @property {string} [index]    its place there, comma-separated, all axes
 * @property {number} [digits]   digits after the point (default 3); a percentage has its own
 * @property {boolean} [percent] shown as a share of a hundred, see `share`
 * @property {boolean} [sign]    shows a plus sign too
 * @property {boolean} [isBefore]  it was read in the pass without changes
 * @property {string} [class]
 */

/**
 * A number in a sentence or a table.
 * @param {number} value
 * @param {Form} [form]
 */
export function number(value, form = {}) {
  return h(
    'span',
    { class: ['number', form.class].filter(Boolean).join(' '), ...place(form, value) },
    format(value, form),
  );
}

/**
 * A number in a drawing.
 * @param {number} value
 * @param {Form & import('./dom.js').Props} form  also attributes of the text element
 */
export function numberText(value, form) {
  const { site, index, digits, percent, sign, isBefore, ...rest } = form;
  const said = format(value, { digits, percent, sign });
  return svg(
    'text',
    { ...rest, class: ['number', form.class].filter(Boolean).join(' '), ...place(form, value) },
    said,
  );
}

/**
 * The attributes that say where a number was read.
 * @param {Form} form
 * @param {number} value
 */
function place({ site, index, percent, isBefore }, value) {
  if (site === undefined || index === undefined) return {};
  const isPercent = percent && !isTiny(value);
  return {
    'data-site': site,
    'data-index': index,
    'data-scale': isPercent ? '100' : null,
    'data-before': isBefore ? '' : null,
  };
}

/**
 * A number's digits. The minus is a hyphen, so that a copied number is one a program can read.
 * @param {number} value
 * @param {Form} [form]
 */
export function format(value, { digits = 3, percent = false, sign = false } = {}) {
  if (Number.isNaN(value)) return 'NaN';
  if (value === -Infinity) return '−∞';
  if (value === Infinity) return '∞';
  if (percent) return share(value, sign);
  return signed(value.toFixed(digits), digits, sign);
}

/** A share that is written with a power of ten. @param {number} value */
function isTiny(value) {
  return value !== 0 && Math.abs(value) < 1e-6;
}

/**
 * A share of a hundred, everywhere on the page the same: two figures of what is small, and of what is
 * nearly all as many digits as tell it from all. So 100 % is all and 0 % is nothing, and no other share
 * is written so.
 * @param {number} value
 * @param {boolean} [sign]
 */
function share(value, sign = false) {
  if (isTiny(value)) return value.toExponential(1);
  const size = Math.abs(value);
  const [hundredth, left] = [100 * size, 100 * Math.abs(1 - size)];
  const small = hundredth === 0 || hundredth >= 10 ? 0 : 1 - Math.floor(Math.log10(hundredth));
  // What a sum of such shares is off by is not worth a digit.
  const near = left < 1e-6 || left >= 5 ? 0 : Math.max(1, -Math.floor(Math.log10(left)));
  const digits = Math.max(small, near);
  return `${signed((100 * value).toFixed(digits), digits, sign)} %`;
}

/** @param {string} text @param {number} digits @param {boolean} sign */
function signed(text, digits, sign) {
  // A number that rounds to nothing has no sign.
  if (Number(text) === 0) return (0).toFixed(digits);
  return sign && Number(text) > 0 ? `+${text}` : text;
}

/**
 * A count with thin spaces between thousands.
 * @param {number} count
 */
export function count(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
