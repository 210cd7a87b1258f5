/**
 * What attention hides from a token: what comes later, and in a layer with a window what lies too far back.
 */

import { messageText } from './messages.js';
import { isVariant } from './state.js';

/** @typedef {import('./stage.js').Model} Model */

/**
 * Why a token does not see another; null where it does.
 * @param {Model} about
 * @param {number} layer
 * @param {number} query
 * @param {number} key
 * @returns {'later' | 'window' | null}
 */
export function hidden({ block }, layer, query, key) {
  if (isVariant('no-mask')) return null;
  if (key > query) return 'later';
  const window = block.windows[layer] ?? null;
  return window !== null && query - key >= window ? 'window' : null;
}

/** The same in words. @param {'later' | 'window'} why */
export function hiddenBecause(why) {
  return messageText(why === 'later' ? 'mask.later' : 'mask.window');
}
