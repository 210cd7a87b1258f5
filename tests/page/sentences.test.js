/**
 * Each sentence of each figure against the numbers that it speaks of, at prompts and places drawn at
 * random: `LOOKBACK_PROMPTS` says how many of each model, `LOOKBACK_SEED` which.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FULL, fixture, MODELS } from './browser.js';
import { depthsOf } from './claims/forms.js';
import { checked } from './sentences.js';

const PROMPTS = Number(process.env.LOOKBACK_PROMPTS ?? (FULL ? 3 : 2));
const SEED = Number(process.env.LOOKBACK_SEED ?? 7);

const { served, browser } = await fixture(MODELS);

test('depths in words are read as they are written', () => {
  assert.deepEqual(depthsOf('after layers 1 to 3, 16 and 29'), [2, 3, 4, 17, 30]);
  assert.deepEqual(depthsOf('before layer 0 and after layer 2'), [0, 3]);
  assert.deepEqual(depthsOf('after layer 5'), [6]);
});

for (let number = 0; number < PROMPTS; number += 1) {
  test(`what is said is so, at random prompt ${number}`, async () => {
    await checked({
      served,
      browser,
      paths: MODELS,
      seed: SEED + 1000 * number,
      isLast: number % 3 === 0,
    });
  });
}
