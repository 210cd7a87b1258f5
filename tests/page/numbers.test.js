/** Every number that says where it was read is the one that `lookback look -o` writes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allDrawn, FULL, fixture, MODELS, open, openTables, trace } from './browser.js';

const { served, browser } = await fixture(MODELS);
const answer = await fetch(`${served.address}/api/models`);
/** @type {string[]} */
const names = (await answer.json()).models.map((/** @type {{name: string}} */ model) => model.name);

/** @typedef {{stage: string, text: string, site: string, index: string, scale: string | null}} Shown */

/**
 * Every number of a site that stands on the page.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<Shown[]>}
 */
function shown(page) {
  return page.locator('[data-site]').evaluateAll((nodes) =>
    nodes.map((node) => ({
      stage: node.closest('figure')?.getAttribute('data-stage') ?? '',
      text: node.textContent ?? '',
      site: node.getAttribute('data-site') ?? '',
      index: node.getAttribute('data-index') ?? '',
      scale: node.getAttribute('data-scale'),
    })),
  );
}

/**
 * Why a shown number is not the engine's, or nothing.
 * @param {Shown} number
 * @param {ReturnType<typeof trace>} sites
 */
function wrong({ text, site, index, scale, stage }, sites) {
  const at = `${stage}: ${text} at ${site}[${index}]`;
  const seen = sites.get(site);
  if (!seen) return `${at}: there is no such site`;
  const places = index.split(',').map(Number);
  if (places.length !== seen.shape.length) return `${at}: the site has ${seen.shape.length} axes`;
  let flat = 0;
  for (const [axis, place] of places.entries()) {
    const size = seen.shape[axis] ?? 0;
    if (!(place >= 0 && place < size)) return `${at}: the index is not there`;
    flat = flat * size + place;
  }
  const value = (seen.values[flat] ?? Number.NaN) * Number(scale ?? 1);
  if (text.includes('∞')) return Number.isFinite(value) ? `${at}: it is ${value}` : null;
  const digits = text.replace(/[^\d.eE+-]/g, '');
  const said = Number(digits);
  const places10 = digits.split(/[eE]/)[0]?.split('.')[1]?.length ?? 0;
  const exponent = Number(digits.split(/[eE]/)[1] ?? 0);
  // Half of the last digit that is shown, and what f32 itself cannot tell apart.
  const bound = 0.5000001 * 10 ** (exponent - places10) + 1e-6 * Math.abs(value);
  return Math.abs(said - value) <= bound ? null : `${at}: it is ${value}`;
}

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
