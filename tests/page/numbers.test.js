/** Every number that says where it was read is the one that `lookback look -o` writes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allDrawn, FULL, fixture, MODELS, open, openTables, trace } from './browser.js';
import { shown, wrong } from './numbers.js';

const { served, browser } = await fixture(MODELS);
const answer = await fetch(`${served.address}/api/models`);
/** @type {string[]} */
const names = (await answer.json()).models.map((/** @type {{name: string}} */ model) => model.name);

/** Where the page stands: its defaults, and the beginning of everything. @type {Record<string, string>[]} */
const PLACES = [{}, { layer: '0', head: '1', token: '0' }];

for (const prompt of ['the bird is red', 'king', ...(FULL ? ['the red bird'] : [])]) {
  test(`the numbers are the engine's: ${prompt}`, async () => {
    for (const [at, model] of names.entries()) {
      const sites = trace(MODELS[at] ?? '', prompt);
      for (const place of PLACES) {
        const { page } = await open(browser.context, served.address, { model, prompt, ...place });
        const counts = new Map();
        await allDrawn(page);
        // The table twins hold numbers as well.
        await openTables(page);
        const numbers = await shown(page);
        for (const { stage } of numbers) counts.set(stage, (counts.get(stage) ?? 0) + 1);
        const faults = numbers.map((number) => wrong(number, sites)).filter(Boolean);
        assert.deepEqual(
          faults.slice(0, 10),
          [],
          `${model}: ${faults.length} of ${numbers.length}`,
        );
        assert.ok(numbers.length > 30, `${model}: only ${numbers.length} numbers`);
        for (const stage of ['attend', 'context', 'mlp', 'next']) {
          assert.ok(counts.get(stage) > 0, `${model}: ${stage} shows no number of the model`);
        }
        await page.close();
      }
    }
  });
}
