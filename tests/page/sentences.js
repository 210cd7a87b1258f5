/**
 * Reads the sentences of every figure at a place that a seed draws, and checks each against the numbers.
 */

import assert from 'node:assert/strict';
import { asRequest, inForce, read } from '../../crates/serve/web/kit/changes.js';
import { drawn, open, trace } from './browser.js';
import { CHECKS } from './claims.js';

const WORDS =
  'the a bird red blue is was dog saw tom anna big small and then , . 7 12 paris of in with Zug été 日本 x = 1 def ( ) not very king queen'.split(
    ' ',
  );

/** Questions about a pass, and figures that compare passes as they are without changes. */
const PASSES = new Set(
  'next depths stream exchange position mlp attend context sample why'.split(' '),
);
const APART = new Set(['sweep', 'diff']);

/** The arguments of an option as it is typed. @param {string} option */
function argumentsOf(option) {
  const words = option.match(/"[^"]*"|'[^']*'|\S+/g) ?? [];
  return words.map((word) => word.replace(/^(["'])(.*)\1$/, '$2'));
}

/** Numbers below 1 that a seed makes (mulberry32). @param {number} seed */
function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Checks each served model at a prompt and a place of its own.
 * @param {object} options
 * @param {{address: string}} options.served
 * @param {{context: import('playwright-core').BrowserContext}} options.browser
 * @param {string[]} options.paths  the served models, as the command line takes them
 * @param {number} options.seed
 * @param {boolean} options.isLast  whether the last token is chosen
 * @param {string} [options.changes]  what is changed of the passes, as the address has it
 * @param {string[]} [options.stages]  the figures that are read
 */
export async function checked(options) {
  const { served, browser, paths, seed, isLast, changes = '' } = options;
  const { stages = Object.keys(CHECKS) } = options;
  const changed = asRequest(read(changes));
  const flags = inForce(read(changes)).flatMap(({ option }) => argumentsOf(option));
  /** @type {any[]} */
  const models = (await (await fetch(`${served.address}/api/models`)).json()).models;
  const { samplers } = await (await fetch(`${served.address}/api/samplers`)).json();
  /** @type {Record<string, number>} */
  const settings = Object.fromEntries(
    samplers.map((/** @type {any} */ of) => [of.name, of.default]),
  );
  const html = await (await fetch(served.address)).text();
  const secret = /name="lookback-token" content="([^"]+)"/.exec(html)?.[1] ?? '';
  const ask = async (/** @type {string} */ name, /** @type {object} */ body) => {
    const answer = await fetch(`${served.address}/api/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-lookback-token': secret },
      body: JSON.stringify(body),
    });
    return answer.json();
  };
  for (const [at, about] of models.entries()) {
    const draw = random(seed + at);
    const below = (/** @type {number} */ end) => Math.floor(draw() * end);
    const words = Array.from({ length: 2 + below(9) }, () => WORDS[below(WORDS.length)]);
    const prompt = words.join(' ');
    const body = { model: about.name, prompt, chat: false };
    const { ids } = await ask('tokens', body);
    const place = {
      token: isLast ? ids.length - 1 : below(ids.length),
      layer: below(about.layers),
      head: below(about.heads),
    };
    const sites = trace(paths[at] ?? '', prompt, flags);
    const { page, faults } = await open(browser.context, served.address, {
      model: about.name,
      prompt,
      ...(changes ? { changes } : {}),
      ...Object.fromEntries(Object.entries(place).map(([key, value]) => [key, String(value)])),
    });
    const wrong = [];
    for (const [stage, check] of Object.entries(CHECKS)) {
      if (!stages.includes(stage)) continue;
      const figure = await drawn(page, stage);
      const caption = ((await figure.locator('figcaption').textContent()) ?? '').trim();
      const world = {
        sites,
        prompt,
        ids,
        about,
        settings,
        ...place,
        figure,
        caption,
        ask: (/** @type {string} */ name, /** @type {object} */ more) =>
          ask(name, {
            ...body,
            ...(PASSES.has(name) && !APART.has(stage) ? changed : {}),
            ...more,
          }),
        isChanged: changes !== '',
      };
      const found = await check(world);
      if (found.length) wrong.push(`${stage}: ${found.join('; ')}\n    ${caption}`);
    }
    const where = `${about.name}, “${prompt}”, ${JSON.stringify(place)}, ${changes}`;
    assert.deepEqual(wrong, [], `${where}\n${wrong.join('\n')}`);
    assert.deepEqual(faults, [], where);
    await page.close();
  }
}
