/**
 * Numbers as text, each with the place it was read at, so that anybody can check it.
 */

import { h, svg } from './dom.js';

/**
 * @typedef {object} Form
 * @property {string} [site]     the design's name of the site whose element it is
 * @property {string} [index]    its place there, comma-separated, all axes
 * @property {number} [digits]   digits after the point (default 3; 0 or 1 of a percentage)
 * @property {boolean} [percent] shown as a share of a hundred
 * @property {boolean} [sign]    shows a plus sign too
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
    { class: ['number', form.class].filter(Boolean).join(' '), ...place(form) },
    format(value, form),
  );
}

/**
 * A number in a drawing.
 * @param {number} value
 * @param {Form & import('./dom.js').Props} form  also attributes of the text element
 */
export function numberText(value, form) {
  const { site, index, digits, percent, sign, ...rest } = form;
  const said = format(value, { digits, percent, sign });
  return svg(
    'text',
    { ...rest, class: ['number', form.class].filter(Boolean).join(' '), ...place(form) },
    said,
  );
}

/**
 * The attributes that say where a number was read.
 * @param {Form} form
 */
export function place({ site, index, percent }) {
  if (site === undefined || index === undefined) return {};
  return { 'data-site': site, 'data-index': index, 'data-scale': percent ? '100' : null };
}

/**
 * A number's digits. The minus is a hyphen, so that a copied number is one a program can read.
 * @param {number} value
 * @param {Form} [form]
 */
export function format(value, { digits, percent = false, sign = false } = {}) {
  if (Number.isNaN(value)) return 'NaN';
  if (value === -Infinity) return '−∞';
  if (value === Infinity) return '∞';
  const scaled = percent ? value * 100 : value;
  const places =
    digits ??
    (percent ? (scaled !== 0 && Math.abs(scaled) < 1 ? 2 : Math.abs(scaled) < 10 ? 1 : 0) : 3);
  let text = scaled.toFixed(places);
  // A number that rounds to nothing has no sign.
  if (Number(text) === 0) text = (0).toFixed(places);
  if (sign && Number(text) > 0) text = `+${text}`;
  return percent ? `${text} %` : text;
}

/**
 * A count with thin spaces between thousands.
 * @param {number} count
 */
export function count(count) {
  return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
