/**
 * Whether what a figure is about is changed itself: switched off, or at its mean over the text. What it shows
 * then is not what the pass goes on with, and its sentences say so.
 */

import { inForce } from '../../kit/changes.js';
import { message } from '../../kit/messages.js';

/** @typedef {import('../../kit/changes.js').Part} Part */
/** @typedef {import('../../kit/stage.js').Selection} Selection */

/**
 * @param {Selection} of
 * @param {Part} part
 * @param {number} [index]  of a head or a neuron
 * @returns {'off' | 'mean' | null}
 */
export function switched({ changes, layer }, part, index = 0) {
  const found = inForce(changes).find(
    (change) =>
      change.kind === 'part' &&
      change.part === part &&
      change.layer === layer &&
      change.index === index,
  );
  return found ? (found.isMean ? 'mean' : 'off') : null;
}

/** What is said where the chosen head, or all attention of its layer, is changed; else null. @param {Selection} of */
export function headSwitched(of) {
  const attention = switched(of, 'attention');
  if (attention)
    return message(attention === 'off' ? 'attend.off.attention' : 'attend.mean.attention');
  const head = switched(of, 'head', of.head);
  return head && message(head === 'off' ? 'attend.off.head' : 'attend.mean.head');
}
