/** What is said of a logit's sum: the names of its parts, and the sentences. */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
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
export function name({ kind, layer = 0, head = 0, site = '' }) {
  const at = { layer };
  const of = { head: `${layer}.${head}` };
  switch (kind) {
    case 'embedding':
      return messageText('why.part.embedding');
    case 'position':
      return messageText('why.part.position');
    case 'head':
      return messageText('common.head', of);
    case 'source':
      return messageText('why.part.source', of);
    case 'attention_bias':
      return messageText('why.part.attention-bias', at);
    case 'value_bias':
      return messageText('why.part.value-bias', of);
    case 'mlp':
      return messageText('why.part.mlp', at);
    case 'mlp_remainder':
      return messageText('why.part.mlp-remainder');
    case 'edit':
      return messageText('why.part.edit', { site });
    case 'final_bias':
      return messageText('why.part.final-bias');
    default:
      return kind;
  }
}

/** The same in a sentence. @param {Component} component */
export function inSentence(component) {
  const { kind, layer = 0, head = 0 } = component;
  if (kind === 'head') return messageText('common.head', { head: `${layer}.${head}` });
  if (kind === 'mlp') return messageText('why.part.mlp.said', { layer });
  return messageText('why.part.said', { part: name(component) });
}

/** The same where a sentence begins with it. @param {Component} component */
function atBeginning(component) {
  const { kind, layer = 0, head = 0 } = component;
  if (kind === 'head') return messageText('why.part.head.begins', { head: `${layer}.${head}` });
  if (kind === 'mlp') return messageText('why.part.mlp.begins', { layer });
  return messageText('why.part.begins', { part: name(component) });
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
    ? [h('span', { class: 'why-place', title: messageText('why.place', { token }) }, String(token))]
    : [];
  return [mention(token, of.pieces[token] ?? ''), ...places];
}

/** The same for those who hear it. @param {Selection} of @param {number} token */
export function heard(of, token) {
  const own = word(of.pieces[token] ?? '');
  return isRepeated(of, token) ? messageText('why.place.heard', { token: own, at: token }) : own;
}

/** @param {number} value */
export function added(value) {
  return number(value, { digits: DIGITS, sign: true });
}

/** The logit, or the difference of two, as it is shown. @param {Selection} of @param {Answer} answer @param {boolean} [isBefore] */
export function total(of, { why }, isBefore = false) {
  // Of two logits' difference there is no site.
  const site = why.against === null ? 'logits' : undefined;
  return number(why.logit, { site, index: `${of.token},${why.target}`, digits: DIGITS, isBefore });
}

/** What the sum is of: `the logit of smith`, or how far it is ahead of another. @param {Answer} answer */
export function what({ why, pieces }) {
  const next = said(pieces, why.target);
  return why.against === null
    ? message('why.what', { next })
    : message('why.what.less', { next, against: said(pieces, why.against) });
}

/**
 * The strongest part and where it comes from, in a sentence.
 * @param {Selection} selection @param {Answer} answer
 * @returns {(Node | string)[]}
 */
export function briefly(selection, answer) {
  const { parts } = answer.why.unfolding;
  const first = strongest(parts, roots(parts))[0];
  if (first === undefined) return [];
  const top = of(first, parts);
  const about = {
    part: atBeginning(top.component),
    size: number(Math.abs(top.contribution), { digits: DIGITS }),
    what: what(answer),
    total: total(selection, answer),
  };
  const from = origin(selection, parts, top);
  const isGift = top.contribution >= 0;
  if (from === null)
    return isGift ? message('why.caption.adds', about) : message('why.caption.takes', about);
  const { isMost, ...source } = from;
  if (isMost)
    return isGift
      ? message('why.caption.adds.most', { ...about, ...source })
      : message('why.caption.takes.most', { ...about, ...source });
  return isGift
    ? message('why.caption.adds.largest', { ...about, ...source })
    : message('why.caption.takes.largest', { ...about, ...source });
}

/** @param {number} at @param {Part[]} parts */
const of = (at, parts) => /** @type {Part} */ (parts[at]);

/**
 * The caption: the strongest part and where it comes from, what stands most against it, and how exact the
 * sum is.
 * @param {Selection} selection
 * @param {Answer} answer
 * @param {boolean} opensMlps
 * @param {Answer | null} before  without the changes, where there are some
 * @returns {(Node | string)[]}
 */
export function caption(selection, answer, opensMlps, before) {
  const { why } = answer;
  const { parts } = why.unfolding;
  const all = strongest(parts, roots(parts));
  const first = all[0];
  if (first === undefined) return [];
  const top = of(first, parts);
  const head = all.find((at) => of(at, parts).component.kind === 'head');
  return sentences(
    briefly(selection, answer),
    before &&
      message('why.caption.before', { what: what(answer), total: total(selection, before, true) }),
    top.component.kind === 'head' || head === undefined
      ? null
      : strongestHead(selection, parts, of(head, parts)),
    opposed(parts, all, top),
    ...exactness(answer),
    opensMlps ? message('why.caption.opens-mlps') : null,
  );
}

/** What stands most against the strongest part. @param {Part[]} parts @param {number[]} all @param {Part} top */
function opposed(parts, all, top) {
  const isGift = top.contribution >= 0;
  const found = all.find((at) => of(at, parts).contribution * top.contribution < 0);
  if (found === undefined)
    return isGift ? message('why.caption.none-takes') : message('why.caption.none-adds');
  const { component, contribution } = of(found, parts);
  const about = { part: inSentence(component), added: added(contribution) };
  return isGift
    ? message('why.caption.most-taken', about)
    : message('why.caption.most-added', about);
}

/** The strongest head, where another part is stronger. @param {Selection} selection @param {Part[]} parts @param {Part} head */
function strongestHead(selection, parts, head) {
  const about = {
    head: inSentence(head.component),
    size: number(Math.abs(head.contribution), { digits: DIGITS }),
  };
  const from = origin(selection, parts, head);
  const isGift = head.contribution >= 0;
  if (from === null)
    return isGift
      ? message('why.caption.head-adds', about)
      : message('why.caption.head-takes', about);
  const { isMost, ...source } = from;
  if (isMost)
    return isGift
      ? message('why.caption.head-adds.most', { ...about, ...source })
      : message('why.caption.head-takes.most', { ...about, ...source });
  return isGift
    ? message('why.caption.head-adds.largest', { ...about, ...source })
    : message('why.caption.head-takes.largest', { ...about, ...source });
}

/**
 * Where the largest part of a head's contribution comes from, and whether that is most of it.
 * @param {Selection} selection @param {Part[]} parts @param {Part} top
 */
function origin(selection, parts, top) {
  const first = top.component.kind === 'head' ? strongest(parts, top.parts)[0] : undefined;
  if (first === undefined) return null;
  const source = of(first, parts);
  const share = source.contribution / top.contribution;
  return {
    isMost: share > 0.5 && share <= 1,
    added: added(source.contribution),
    token: place(selection, source.token),
  };
}

/** How exact the sum is. @param {Answer} answer */
function exactness({ why }) {
  return [
    message('why.caption.exact', {
      count: why.parts.length,
      rest: h('span', { class: 'number' }, tiny(why.rounding)),
    }),
    why.cap
      ? message('why.caption.cap', {
          sum: number(why.before_cap, { digits: DIGITS }),
          share: number(why.cap.factor, { percent: true }),
        })
      : null,
  ];
}

/** A number near nothing. @param {number} value */
export function tiny(value) {
  if (value === 0) return '0';
  return value.toExponential(0).replace('e+0', '').replace('e-', 'e−').replace(/^-/, '−');
}

/** A step of a path in words. @param {Selection} selection @param {Step} step */
function stepHeard(selection, step) {
  const about = { part: name(step), token: heard(selection, step.token) };
  return step.kind === 'embedding' || step.kind === 'position'
    ? messageText('why.path.written', about)
    : messageText('why.path.step', about);
}

/** A path in words: what first wrote it, and what carried it. @param {Selection} selection @param {Path} path */
export function pathHeard(selection, path) {
  const steps = [path.begins, ...path.through].map((step) => stepHeard(selection, step));
  const to = messageText('why.path', { steps: steps.join(' → ') });
  return path.is_linearised ? `~ ${to}` : to;
}
