/** What is said of a logit's sum: the names of its parts, and the sentences. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';
import { said } from '../logits/word.js';
import { roots, strongest } from './answer.js';

/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./answer.js').Answer} Answer */
/** @typedef {import('./answer.js').Component} Component */
/** @typedef {import('./answer.js').Part} Part */
/** @typedef {import('./answer.js').Path} Path */
/** @typedef {import('./answer.js').Step} Step */

/** Digits of what is added to a logit. */
export const DIGITS = 2;

/** A part's name in a list. @param {Component} component */
export function name({ kind, layer, head }) {
  /** @type {Record<string, string>} */
  const names = {
    embedding: 'embedding',
    position: 'position',
    head: `head ${layer}.${head}`,
    source: `source of ${layer}.${head}`,
    attention_bias: `biases, attention ${layer}`,
    value_bias: `biases, values ${layer}.${head}`,
    mlp: `MLP ${layer}`,
    mlp_remainder: 'not linear',
    final_bias: 'biases at the end',
  };
  return names[kind] ?? kind;
}

/** The same in a sentence. @param {Component} component */
export function article(component) {
  const { kind, layer, head } = component;
  if (kind === 'head') return `head ${layer}.${head}`;
  if (kind === 'mlp') return `the MLP of layer ${layer}`;
  return `the ${name(component)}`;
}

/** A sentence begins with it. @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Whether a token's word stands in the text more than once. @param {Selection} of @param {number} token */
function isRepeated({ pieces }, token) {
  const own = word(pieces[token] ?? '');
  return pieces.filter((piece) => word(piece) === own).length > 1;
}

/**
 * A token of the text, with its place where its word stands there more than once.
 * @param {Selection} of @param {number} token
 * @returns {Child[]}
 */
export function place(of, token) {
  const places = isRepeated(of, token)
    ? [h('span', { class: 'why-place', title: `token ${token}` }, `${token}`)]
    : [];
  return [mention(token, of.pieces[token] ?? ''), ...places];
}

/** The same for those who hear it. @param {Selection} of @param {number} token */
export function heard(of, token) {
  const own = word(of.pieces[token] ?? '');
  return isRepeated(of, token) ? `${own} (${token})` : own;
}

/** @param {number} value */
export function added(value) {
  return number(value, { digits: DIGITS, sign: true });
}

/** The logit, or the difference of two, as it is shown. @param {Selection} of @param {Answer} answer */
export function total(of, { why }) {
  // Of two logits' difference there is no site.
  const site = why.against === null ? 'logits' : undefined;
  return number(why.logit, { site, index: `${of.token},${why.target}`, digits: DIGITS });
}

/** What the sum is of: `the logit of smith`, or how far it is ahead of another. @param {Answer} answer @returns {Child[]} */
export function what({ why, pieces }) {
  const own = said(pieces, why.target);
  return why.against === null
    ? ['the logit of ', own]
    : ['the logit of ', own, ' less that of ', said(pieces, why.against)];
}

/**
 * The strongest part and where it comes from, in a sentence.
 * @param {Selection} selection @param {Answer} answer
 * @returns {Child[]}
 */
export function briefly(selection, answer) {
  const { parts } = answer.why.unfolding;
  const first = strongest(parts, roots(parts))[0];
  if (first === undefined) return [];
  const top = of(first, parts);
  const isGift = top.contribution >= 0;
  return [
    capital(article(top.component)),
    isGift ? ' adds ' : ' takes ',
    h('strong', null, number(Math.abs(top.contribution), { digits: DIGITS })),
    isGift ? ' to ' : ' off ',
    ...what(answer),
    ', which is ',
    h('strong', null, total(selection, answer)),
    ' in all',
    ...origin(selection, parts, top),
    '.',
  ];
}

/** @param {number} at @param {Part[]} parts */
const of = (at, parts) => /** @type {Part} */ (parts[at]);

/**
 * The caption: the strongest part and where it comes from, what stands most against it, and how exact the
 * sum is.
 * @param {Selection} selection
 * @param {Answer} answer
 * @param {boolean} opensMlps
 * @returns {Child[]}
 */
export function sentence(selection, answer, opensMlps) {
  const { why } = answer;
  const { parts } = why.unfolding;
  const all = strongest(parts, roots(parts));
  const first = all[0];
  if (first === undefined) return [];
  const top = of(first, parts);
  const isGift = top.contribution >= 0;
  const against = all.find((at) => of(at, parts).contribution * top.contribution < 0);
  const head = all.find((at) => of(at, parts).component.kind === 'head');
  return [
    ...briefly(selection, answer),
    ' ',
    ...(top.component.kind === 'head' || head === undefined
      ? []
      : strongestHead(selection, parts, of(head, parts))),
    ...(against === undefined
      ? [`No part ${isGift ? 'takes anything off' : 'adds anything'}. `]
      : [
          `Most is ${isGift ? 'taken off' : 'added'} by `,
          article(of(against, parts).component),
          ': ',
          added(of(against, parts).contribution),
          '. ',
        ]),
    ...exactness(answer),
    opensMlps
      ? ' What goes through an MLP is opened by the MLP’s slope, and marked ~: it adds up as well, but says less about what a change would do.'
      : '',
  ];
}

/** The strongest head, where another part is stronger. @param {Selection} selection @param {Part[]} parts @param {Part} head @returns {Child[]} */
function strongestHead(selection, parts, head) {
  return [
    `Of the heads, ${article(head.component)} ${head.contribution >= 0 ? 'adds' : 'takes off'} most, `,
    h('strong', null, number(Math.abs(head.contribution), { digits: DIGITS })),
    ...origin(selection, parts, head),
    '. ',
  ];
}

/**
 * Where the largest part of a head's contribution comes from.
 * @param {Selection} selection @param {Part[]} parts @param {Part} top
 * @returns {Child[]}
 */
function origin(selection, parts, top) {
  const first = top.component.kind === 'head' ? strongest(parts, top.parts)[0] : undefined;
  if (first === undefined) return [];
  const source = of(first, parts);
  const share = source.contribution / top.contribution;
  return [
    share > 0.5 && share <= 1 ? '; most of that, ' : '; the largest part of that, ',
    h('strong', null, added(source.contribution)),
    ', comes from ',
    ...place(selection, source.token),
  ];
}

/** How exact the sum is. @param {Answer} answer @returns {Child[]} */
function exactness({ why }) {
  const [all, rest] = [why.parts.length, h('span', { class: 'number' }, tiny(why.rounding))];
  const cap = why.cap
    ? [
        ' A cap stands behind the sum in this model: the parts add up to ',
        number(why.before_cap, { digits: DIGITS }),
        ', and the cap leaves ',
        number(why.cap.factor, { percent: true }),
        ' of it.',
      ]
    : [];
  return [
    `All ${all} parts add up to what the model computed, but for `,
    rest,
    ', the rounding of 32-bit numbers.',
    ...cap,
  ];
}

/** A number near nothing. @param {number} value */
export function tiny(value) {
  if (value === 0) return '0';
  return value.toExponential(0).replace('e+0', '').replace('e-', 'e−').replace(/^-/, '−');
}

/** A step of a path in words. @param {Selection} selection @param {Step} step */
function stepHeard(selection, step) {
  const at = heard(selection, step.token);
  return step.kind === 'embedding' || step.kind === 'position'
    ? `${name(step)} of ${at}`
    : `${name(step)} at ${at}`;
}

/** A path in words: what first wrote it, and what carried it. @param {Selection} selection @param {Path} path */
export function pathHeard(selection, path) {
  const steps = [path.begins, ...path.through].map((step) => stepHeard(selection, step));
  return `${path.is_linearised ? '~ ' : ''}${steps.join(' → ')} → logit`;
}
