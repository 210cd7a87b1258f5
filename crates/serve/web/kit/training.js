/**
 * What the training tells that this program does, to whoever listens: those who come late hear it all.
 */

import { events } from './client.js';

/**
 * @typedef {{type: 'idle'}
 *   | {type: 'phase', doing: string}
 *   | {type: 'begun', model: string, steps: number, tokens_per_step: number, tokens: number, parameters: number}
 *   | {type: 'step', step: number, loss: number, tokens_per_second: number, seconds_left: number}
 *   | {type: 'judged', step: number, loss: number}
 *   | {type: 'able', step: number, look_ups: number, repeated: number}
 *   | {type: 'said', step: number, text: string}
 *   | {type: 'snapshot', step: number}
 *   | {type: 'done', step: number, seconds: number}
 *   | {type: 'failed', error: string}} News
 */

/** @type {News[]} */
let told = [];
/** @type {Set<(news: News) => void>} */
const listeners = new Set();

/**
 * Hears everything that was told, and then what is told.
 * @param {(news: News) => void} listener
 */
export function listen(listener) {
  for (const news of told) listener(news);
  listeners.add(listener);
}

/** Follows the training to its end, also when the connection breaks off. */
export async function follow() {
  for (;;) {
    let isOver = false;
    let isFirst = true;
    try {
      await events('training', null, (/** @type {News} */ news) => {
        // A new connection tells the whole story again.
        if (isFirst) told = [];
        isFirst = false;
        told.push(news);
        isOver ||= news.type === 'idle' || news.type === 'done' || news.type === 'failed';
        for (const listener of listeners) listener(news);
      });
    } catch {
      // The page says elsewhere that the program is away.
    }
    if (isOver) return;
    await new Promise((resolve) => setTimeout(resolve, 1500));
  }
}
