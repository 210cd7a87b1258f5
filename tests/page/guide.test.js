/** The guide: all twelve steps by keyboard alone, each answer the model's; a link resumes it; it covers nothing. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { browse, fixture, frames, MODELS, open, settled } from './browser.js';
import { N, num, says } from './claims/forms.js';

/** @typedef {import('playwright-core').Page} Page */

const AXE = readFileSync(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const PROMPT = 'anna smith saw a red bird. who is anna? anna';

const { served, browser } = await fixture(MODELS.slice(0, 2));
/** @type {any[]} */
const models = (await (await fetch(`${served.address}/api/models`)).json()).models;
const html = await (await fetch(served.address)).text();
const secret = /name="lookback-token" content="([^"]+)"/.exec(html)?.[1] ?? '';

/** @param {string} name @param {object} body */
async function ask(name, body) {
  const answer = await fetch(`${served.address}/api/${name}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-lookback-token': secret },
    body: JSON.stringify(body),
  });
  return name === 'repeat' ? answer.text() : answer.json();
}

/** Waits until the panel shows the step of what is chosen. @param {Page} page @param {number} step */
async function ready(page, step) {
  await page.waitForFunction(
    (step) => {
      const panel = /** @type {HTMLElement | null} */ (
        document.querySelector('#guide:not(.is-busy)')
      );
      return (
        panel?.dataset.drawn === location.hash &&
        panel.querySelector('.guide-place')?.textContent === `step ${step} of 12`
      );
    },
    step,
    { timeout: 60_000 },
  );
}

/** Presses a key until something that fits has the focus. @param {Page} page @param {string} selector @param {string} [key] */
async function reach(page, selector, key = 'Tab') {
  for (let presses = 0; presses < 90; presses += 1) {
    if (await page.evaluate((selector) => document.activeElement?.matches(selector), selector))
      return;
    await page.keyboard.press(key);
  }
  assert.fail(`${selector} is not reached by ${key}`);
}

/** @typedef {{about: any, body: object, token: number, layer: number, head: number, said: string, pieces: string[]}} World */

/** A word of a piece, as sentences have it. @param {string} piece */
const bare = (piece) => piece.trim();
/** @param {string} text @param {string} form */
const found = (text, form) => {
  const match = new RegExp(form.replaceAll(' ', String.raw`[\s\u00a0]+`), 's').exec(text);
  assert.ok(match, `“${text}” is not of the form “${form}”`);
  return match.groups ?? {};
};
/** What becomes of the likeliest token. @param {World} world @param {object} changed */
async function became({ body, token, said }, changed) {
  const was = (await ask('next', { ...body, token, most: 1 })).top[0];
  const is = await ask('next', { ...body, ...changed, token, most: 1, of: was.id });
  const of = found(said, `(?:from (?<from>${N}) % to|stays at) (?<to>${N}) %`);
  if (of.from) assert.ok(says(of.from, 100 * was.probability), said);
  assert.ok(says(of.to, 100 * is.of.probability), said);
  assert.equal(/still the likeliest/.test(said), is.top[0].id === was.id, said);
}

/** What each answer says, checked against what the program says. @type {((world: World) => Promise<void>)[]} */
const CHECKS = [
  async ({ body, said }) => {
    const cut = await ask('tokens', body);
    const of = found(said, `(?<words>${N}) words?, (?<tokens>${N}) tokens?`);
    assert.equal(num(of.words), cut.text.trim().split(/\s+/).length);
    assert.equal(num(of.tokens), cut.specials.filter((/** @type {boolean} */ is) => !is).length);
  },
  async ({ about, said }) => {
    const of = found(said, `All (?<width>${N}) numbers are the same`);
    assert.equal(num(of.width), about.width);
  },
  async ({ about, said }) => {
    const words = ['king', 'man', 'woman'];
    const own = await ask('analogy', { model: about.name, words, most: 20, at_length_one: true });
    const sum = own.error
      ? await ask('analogy', { model: about.name, words: null, most: 20, at_length_one: true })
      : own;
    if (own.error)
      assert.ok(said.toLowerCase().includes(own.error.slice(0, 30).toLowerCase()), said);
    const [first] = [...sum.answers].sort((a, b) => b.cosine - a.cosine);
    const of = found(said, `is (?<word>\\S+), with a cosine of (?<cosine>${N})`);
    assert.equal(of.word, bare(first.piece));
    assert.ok(says(of.cosine, first.cosine), said);
  },
  async ({ about, body, token, said }) => {
    const layers = Array.from({ length: about.layers }, (_, layer) => layer);
    const answer = await ask('exchange', { ...body, token, layers });
    const many = answer.layers.filter((/** @type {any} */ { sources }) => {
      const shares = sources.map((/** @type {any} */ { share }) => share);
      const others = shares.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
      return others - shares[token] > shares[token];
    }).length;
    const of = found(
      said,
      `(?<many>${N}) of (?<all>${N})\\D.*In layer (?<layer>\\d+) the largest part comes from .*: (?<share>${N}) %`,
    );
    assert.equal(num(of.many), many, said);
    const shares = answer.layers[num(of.layer)].sources.map(
      (/** @type {any} */ { share }) => share,
    );
    assert.ok(says(of.share, 100 * Math.max(...shares)), said);
  },
  async ({ body, token, layer, head, said }) => {
    const { sources } = await ask('context', { ...body, token, layer, head, most: 99 });
    const most = Math.max(...sources.map((/** @type {any} */ { weight }) => weight));
    assert.ok(says(found(said, `its weight is (?<weight>${N}) %`).weight, 100 * most), said);
  },
  async ({ body, token, layer, head, said }) => {
    const { sources } = await ask('context', { ...body, token, layer, head, most: 99 });
    const at = (/** @type {string} */ part) => {
      const values = sources.map((/** @type {any} */ source) => source[part] ?? 0);
      return values.indexOf(Math.max(...values));
    };
    assert.equal(/Yes\. /.test(said), at('weight') === at('moves'), said);
    const of = found(said, `weight (?<weight>${N}) % × length (?<length>${N}) = (?<moves>${N})`);
    const source = sources[at('weight')];
    assert.ok(says(of.weight, 100 * source.weight), said);
    assert.ok(
      says(of.length, source.value) && says(of.moves?.replace(/\.$/, ''), source.moves),
      said,
    );
  },
  async ({ body, token, said }) => {
    const { stream } = await ask('stream', { ...body, token });
    const of = found(
      said,
      `Attention adds \\+?(?<attention>${N}), the MLPs \\+?(?<mlp>${N}), the row .* with \\+?(?<before>${N})\\.`,
    );
    for (const part of ['attention', 'mlp', 'before'])
      assert.ok(says(of[part], stream[part]), `${part}: ${said}`);
  },
  async ({ body, token, said }) => {
    const { top } = await ask('next', { ...body, token, most: 2 });
    const of = found(said, `has (?<first>${N}) %; the second, .*, (?<second>${N}) %`);
    assert.ok(says(of.first, 100 * top[0].probability), said);
    assert.ok(says(of.second, 100 * top[1].probability), said);
  },
  async ({ body, said }) => {
    const { samplers } = await (await fetch(`${served.address}/api/samplers`)).json();
    const neutral = Object.fromEntries(
      samplers.map((/** @type {any} */ { name, neutral }) => [name, neutral]),
    );
    const of = found(said, `has (?<a>${N}) % at .* 1, (?<b>${N}) % at 2 and (?<c>${N}) % at 0.5`);
    for (const [part, temperature] of /** @type {const} */ ([
      ['a', 1],
      ['b', 2],
      ['c', 0.5],
    ])) {
      const settings = { ...neutral, temperature };
      const { stages } = await ask('sample', { ...body, settings, seed: 0, draws: 0, shown: 1 });
      assert.ok(says(of[part], 100 * stages.at(-1).probabilities[0]), `${temperature}: ${said}`);
    }
  },
  async ({ body, said }) => {
    const { samplers } = await (await fetch(`${served.address}/api/samplers`)).json();
    const settings = Object.fromEntries(
      samplers.map((/** @type {any} */ { name, neutral }) => [name, neutral]),
    );
    const asked = { ...body, settings: { ...settings, temperature: 0 }, seed: 0, tokens: 24 };
    const events = String(await ask('repeat', asked))
      .split('\n\n')
      .filter((event) => event.startsWith('data:'))
      .map((event) => JSON.parse(event.slice(5)));
    const written = events.flatMap(({ last }) => (last ? [last] : []));
    const text = written
      .map(({ text }) => text)
      .join('')
      .trim();
    assert.ok(said.includes(text), `${said}: ${text}`);
    const ids = written.map(({ id }) => id);
    const runs = ids.slice(3).map((_, at) => ids.slice(at, at + 4).join(' '));
    assert.equal(/stand there twice/.test(said), new Set(runs).size < runs.length, said);
  },
  (world) => became(world, { variant: { no_position: true } }),
  (world) => {
    const [, layer, head] = /Without head (\d+)\.(\d+)/.exec(world.said) ?? [];
    return became(world, { edits: [`blocks.${layer}.attn.z[:, ${head}] = 0`] });
  },
];

/** What is chosen, and what the panel answers. @param {Page} page @param {any} about @returns {Promise<World>} */
async function world(page, about) {
  const chosen = new URLSearchParams(new URL(page.url()).hash.slice(1));
  const body = { model: about.name, prompt: PROMPT, chat: false };
  const { pieces } = await ask('tokens', body);
  const of = (/** @type {string} */ key, /** @type {number} */ otherwise) =>
    Number(chosen.get(key) ?? otherwise);
  return {
    about,
    body,
    pieces,
    token: of('token', pieces.length - 1),
    layer: Number(await page.locator('#layer').inputValue()),
    head: Number(await page.locator('#head').inputValue()),
    said: ((await page.locator('.guide-answer').textContent()) ?? '').trim(),
  };
}

/** Goes to the step's figure, and to what of it is used. @param {string} selector @param {...string} keys */
const inFigure =
  (selector, ...keys) =>
  async (/** @type {Page} */ page) => {
    await reach(page, '.guide-look');
    await page.keyboard.press('Enter');
    await settled(page);
    await reach(page, selector);
    for (const key of keys) await page.keyboard.press(key);
  };
/** @param {string} key */
const inTokens = (key) => async (/** @type {Page} */ page) => {
  await reach(page, '#tokens .chip', 'Shift+Tab');
  await page.keyboard.press(key);
};
const inPanel = async (/** @type {Page} */ page) => {
  await reach(page, '.guide-turn');
  await page.keyboard.press('Enter');
};

/** How each step's thing is done by keys. */
const ACTIONS = [
  inTokens('ArrowLeft'),
  inTokens('ArrowRight'),
  inFigure('figure[data-stage="analogy"] label:nth-of-type(2) select', 'ArrowDown'),
  inTokens('ArrowUp'),
  inFigure('figure[data-stage="attend"] .player input', 'ArrowLeft'),
  inFigure('figure[data-stage="context"] .player input', 'ArrowLeft'),
  inFigure('figure[data-stage="mlp"] [data-key^="unit-"]', 'ArrowDown', 'Enter'),
  inFigure('figure[data-stage="next"] .next-pick', 'ArrowDown', 'Enter'),
  inFigure('figure[data-stage="sample"] input[name="temperature"]', 'ArrowRight'),
  inFigure('figure[data-stage="repeat"] [aria-label="a token on"]', 'Enter'),
  inPanel,
  inPanel,
];

test('the twelve steps are gone by keyboard alone, and each answer is the model’s', async () => {
  const { page, faults } = await open(browser.context, served.address, {}, { height: 720 });
  await page.evaluate(() => scrollTo(0, 0));
  await page.locator('figure[data-stage="opening"][data-drawn]').waitFor();
  assert.equal(await page.locator('#guide').count(), 0, 'it begins by itself');
  await reach(page, '#guide-begin');
  await page.keyboard.press('Enter');
  for (const [at, act] of ACTIONS.entries()) {
    await ready(page, at + 1);
    assert.equal(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('guide'), `${at + 1}`);
    await reach(page, '.guide-choices button');
    await page.keyboard.press('Enter');
    assert.equal(await page.locator('#guide.is-answered').count(), 0, 'told too early');
    await page.keyboard.press('g');
    await act(page);
    await page.locator('.guide-done').waitFor({ timeout: 10_000 });
    await ready(page, at + 1);
    await CHECKS[at]?.(await world(page, models[0]));
    await page.keyboard.press('g');
    await reach(page, '.guide-on');
    if (at < 11) await page.keyboard.press('Enter');
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test('a link resumes a step with its text and model in another browser', async () => {
  const about = models.at(-1);
  const chosen = { guide: '8', prompt: PROMPT, model: about.name };
  const other = await browse();
  const { page } = await open(other.context, served.address, chosen);
  await ready(page, 8);
  assert.equal(await page.evaluate(() => scrollY), 0, 'it scrolls by itself');
  await page.locator('.guide-show').click();
  await CHECKS[7]?.(await world(page, about));
  await other.close();
});

for (const about of models.slice(1))
  test(`each answer is the model’s: ${about.name}`, async () => {
    const chosen = { model: about.name, guide: '1', prompt: PROMPT, 'analogy-length': '1' };
    const { page, faults } = await open(browser.context, served.address, chosen);
    for (const [at, check] of CHECKS.entries()) {
      await ready(page, at + 1);
      const place = await page.evaluate(() => scrollY);
      await page.locator('.guide-show').click();
      await check(await world(page, about));
      await page.locator('.guide-on').click();
      if (at < 11) assert.equal(await page.evaluate(() => scrollY), place, 'it scrolls by itself');
    }
    // The program says in its own sentence that a word is no single token: that answer is asked for.
    assert.deepEqual(
      faults.filter((fault) => !/analogy|400/.test(fault)),
      [],
    );
    await page.close();
  });

/** @type {[width: number, height: number, model: string][]} */
const SCREENS = [
  [1280, 720, 'default'],
  [390, 844, 'default'],
  // Most is said of the last model, and most stands in the bar.
  [360, 740, models.at(-1).name],
];
for (const [width, height, model] of SCREENS)
  test(`what is read stays uncovered: ${width} × ${height}, ${model}`, async () => {
    const { page } = await open(
      browser.context,
      served.address,
      { guide: '1', model },
      { width, height },
    );
    const faults = [];
    for (let step = 1; step <= 12; step += 1) {
      await ready(page, step);
      await page.locator('.guide-look').click();
      await settled(page);
      // On a narrow screen the figure is put above the panel once it has its height.
      if (width < 1280) await page.waitForTimeout(400);
      faults.push(
        ...(await page.evaluate((step) => {
          const box = (/** @type {string} */ of) =>
            document.querySelector(of)?.getBoundingClientRect() ?? new DOMRect();
          const [panel, bar] = [box('#guide'), box('#bar')];
          const figure = /** @type {Element} */ (document.activeElement?.closest('figure'));
          const beside = panel.height > panel.width;
          return ['body', 'controls', 'caption'].flatMap((part) => {
            const node = figure.querySelector(`:scope > .figure-${part}`);
            const { top, bottom, left, right, height } =
              node?.getBoundingClientRect() ?? new DOMRect();
            if (height === 0) return [];
            const isUnder = beside
              ? left < panel.right && right > panel.left
              : bottom > panel.top + 1 || top < bar.bottom - 1;
            return isUnder
              ? [`${step}: ${part} from ${top} to ${bottom} is under the panel at ${panel.top}`]
              : [];
          });
        }, step)),
      );
      await page.keyboard.press('g');
      if (step < 12) await page.locator('.guide-on').click();
    }
    assert.deepEqual(faults, []);
    await page.close();
  });

test('example prompts hang below the prompt while it has the focus, and are set by keys', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const examples = page.locator('#examples');
  assert.equal(await examples.isVisible(), false);
  const bar = await page.locator('#bar').evaluate((bar) => bar.clientHeight);
  await page.locator('#prompt').focus();
  assert.equal(await examples.isVisible(), true);
  assert.equal(
    await page.locator('#bar').evaluate((bar) => bar.clientHeight),
    bar,
    'it moves the page',
  );
  await page.keyboard.press('Tab');
  await page.keyboard.press('ArrowRight');
  const text = await page.locator('#examples button:focus q').textContent();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#prompt').inputValue(), text);
  await page.keyboard.press('x');
  assert.equal(await examples.isVisible(), false, 'it stays while one writes');
  await page.locator('#layer').focus();
  await page.locator('#prompt').focus();
  assert.equal(await examples.isVisible(), true, 'it does not come back');
  await page.keyboard.press('Tab');
  assert.equal(await examples.isVisible(), true, 'it goes as the focus reaches it');
  await page.keyboard.press('Tab');
  assert.equal(await examples.isVisible(), false, 'it stays once the focus is elsewhere');
  assert.deepEqual(faults, []);
  await page.close();
});

for (const dark of [false, true])
  for (const width of [360, 1280])
    test(`axe finds nothing in the guide, ${dark ? 'dark' : 'light'}, ${width} px`, async () => {
      const { page } = await open(
        browser.context,
        served.address,
        { guide: '5' },
        { dark, width, still: true },
      );
      await ready(page, 5);
      await page.locator('.guide-show').click();
      await frames(page);
      await page.evaluate(AXE);
      const found = await page.evaluate(async () => {
        const { violations } = await /** @type {any} */ (window).axe.run('#guide, #bar', {
          resultTypes: ['violations'],
        });
        return violations.map(
          (/** @type {any} */ { id, nodes }) =>
            `${id}: ${nodes.map((/** @type {any} */ n) => n.target.join(' '))}`,
        );
      });
      assert.deepEqual(found, []);
      await page.close();
    });
