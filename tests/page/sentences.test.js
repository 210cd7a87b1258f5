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

/** Changes, and the figures whose sentences are read under them. */
const CHANGES = ['off:0.0', 'off:mlp.1;no-scale', 'uniform-attention', 'mean:1.1;no-position'];
const CHANGED = 'logit_lens next why faithfulness sample repeat sweep diff repetition'.split(' ');

for (const [number, changes] of CHANGES.slice(0, FULL ? CHANGES.length : 2).entries()) {
  test(`what is said is so under ${changes}`, async () => {
    await checked({
      ...{ served, browser, paths: MODELS, changes, stages: CHANGED },
      seed: SEED + 500 + 1000 * number,
      isLast: number % 2 === 0,
    });
  });
}
