/**
 * Models whose blocks differ from those that the text describes: each figure is drawn or says why it is not,
 * what it says is so, and the bar lists what differs.
 */

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { allDrawn, FULL, fixture, open, picture } from './browser.js';
import { CHECKS } from './claims.js';
import { checked } from './sentences.js';
import { models } from './shapes.js';

/** Each with what the bar says of it. @type {Record<string, RegExp[]>} */
const SHAPES = {
  gemma2: [
    /norms before attention and MLP, and after each/,
    /scores at 5, logits at 3/,
    /last 5 tokens only.*in layers 0 and 2/,
  ],
  gemma3_text: [/queries and keys pass a norm, each head on its own/],
  gpt_neox: [/side by side: both read what enters the layer, each through a norm of its own/],
  bloom: [/the embedding passes a norm/, /ALiBi/],
  smollm3: [/no positions in layer 1/],
  olmo2: [/norms after attention.*and none before/, /all heads of a token together/],
  mixtral: [/experts in the place of an MLP/],
  'qwen3_moe-dense': [/experts in the place of an MLP in layer/],
  gpt_oss: [/experts in the place of an MLP/, /an attention sink in every head/],
  granite: [
    /multiplied: the embedding by 3, what attention and MLP add by 0\.4000, the logits by 0\.4000/,
  ],
};

const { folder, paths } = models(Object.keys(SHAPES));
after(() => rmSync(folder, { recursive: true }));
const { served, browser } = await fixture(paths);

for (const [name, lines] of Object.entries(SHAPES)) {
  test(`the bar says how ${name} differs, and all of it is drawn`, async () => {
    const chosen = { model: name, prompt: 'the bird is red', layer: '1', head: '2' };
    const { page } = await open(browser.context, served.address, chosen);
    const about = (await page.locator('#about').textContent()) ?? '';
    for (const line of lines) assert.match(about, line);
    // Figures whose sentences are checked are drawn there.
    await allDrawn(page, FULL ? [] : Object.keys(CHECKS));
    if (FULL) await picture(page, `shape-${name}`);
    await page.close();
  });
}

// By default one prompt.
for (const [number, isLast] of (FULL ? [true, false, false] : [true]).entries())
  test(`what is said of each shape is so, at random prompt ${number}`, async () => {
    await checked({ served, browser, paths, seed: 77 + 1000 * number, isLast });
  });
