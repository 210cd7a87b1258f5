/** When a run's heads formed: what the figure of the training tells of a run with whole models, and of one without. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawn, fixture, frames, open, PROGRAM, picture } from './browser.js';

/** @typedef {{layer: number, head: number, previous_token: number, duplicate_token: number, repeated_induction: number}} Head */
/** @typedef {{step: number, heads: Head[]}} Stop */

const KINDS = /** @type {const} */ (['previous_token', 'duplicate_token', 'repeated_induction']);
/** A model that learns within seconds to look at the token before. */
const SMALL =
  '--tokenizer char --set layers=2 --set heads=2 --set key_heads=2 --set width=48 --set hidden=64 --set context=32 --set batch=8 --set snapshots=6';
/** A text that fits into its context. */
const PROMPT = 'anna saw a bird.';

const folder = mkdtempSync(join(tmpdir(), 'lookback-heads-'));
after(() => rmSync(folder, { recursive: true, force: true }));
/** @param {string[]} args */
const program = (...args) =>
  execFileSync(PROGRAM, args, { cwd: folder, stdio: 'pipe', encoding: 'utf8' });

writeFileSync(join(folder, 'text.txt'), program('corpus'));
const train = ['train', 'text.txt', '-q', ...SMALL.split(' ')];
program(...train, '--steps', '400', '--set', 'whole_snapshots=true', '--out', 'kept');
program(...train, '--steps', '20', '--out', 'bare');
const { served, browser } = await fixture(['kept', 'bare'].map((name) => join(folder, name)));
/** @type {string[]} */
const names = (await (await fetch(`${served.address}/api/models`)).json()).models.map(
  (/** @type {{name: string}} */ { name }) => name,
);
const named = (/** @type {string} */ end) => names.find((name) => name.endsWith(end)) ?? end;

/** What the program says of the whole models. @returns {Promise<Stop[]>} */
async function stopsOf() {
  const html = await (await fetch(served.address)).text();
  const secret = /name="lookback-token" content="([^"]+)"/.exec(html)?.[1] ?? '';
  const answer = await fetch(`${served.address}/api/heads/steps`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-lookback-token': secret },
    body: JSON.stringify({ model: named('kept'), sequences: 32, tokens: 64 }),
  });
  return (await answer.text())
    .split('\n\n')
    .filter((event) => event.startsWith('data:'))
    .map((event) => JSON.parse(event.slice(5)))
    .filter(({ type }) => type === 'step');
}

/** The heads that formed, by hand: of each kind, the first step from which on half of the last score is kept. @param {Stop[]} stops */
function formedOf(stops) {
  const found = [];
  const end = /** @type {Stop} */ (stops.at(-1));
  for (const kind of KINDS)
    for (const [at, head] of end.heads.entries()) {
      if (head[kind] < 0.3) continue;
      let from = stops.length - 1;
      while (from > 0 && (stops[from - 1]?.heads[at]?.[kind] ?? 0) >= head[kind] / 2) from -= 1;
      found.push({ kind, name: `${head.layer}.${head.head}`, step: stops[from]?.step ?? 0 });
    }
  return found.sort((a, b) => a.step - b.step);
}

/** @param {import('playwright-core').Page} page */
async function numbersOf(page) {
  return page
    .locator('.training-heads-table tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) => [
        row.getAttribute('data-head') ?? '',
        ...Array.from(row.querySelectorAll('.number'), (node) => node.textContent ?? ''),
      ]),
    );
}

/** @param {Stop | undefined} stop */
const rowsOf = (stop) =>
  (stop?.heads ?? []).map((head) => [
    `${head.layer}.${head.head}`,
    ...KINDS.map((kind) => head[kind].toFixed(2)),
  ]);

for (const [width, height] of /** @type {const} */ ([
  [1280, 720],
  [360, 740],
]))
  test(`the scores of heads follow the steps of a run: ${width} px`, async () => {
    const stops = await stopsOf();
    assert.ok(stops.length >= 4 && stops[0]?.step === 0, JSON.stringify(stops.map((s) => s.step)));
    const formed = formedOf(stops);
    const [first] = formed;
    assert.ok(first, 'no head of this run is of a kind, so that nothing is tested');

    const chosen = { model: named('kept'), prompt: PROMPT };
    const { page, faults } = await open(browser.context, served.address, chosen, {
      width,
      height,
      still: true,
    });
    await drawn(page, 'training');
    await page.locator('.training-heads summary').click();
    const step = page.locator('.training-heads input[type="range"]');
    await step.waitFor();
    const said = (await page.locator('.training-heads-said').textContent()) ?? '';
    for (const { name, step } of formed.slice(0, 3))
      assert.match(
        said,
        new RegExp(`head ${name} has [\\d.]+ % .*half of that since step ${step}\\.`, 'i'),
      );
    const curve = page.locator('.training-curve');
    assert.match(
      (await curve.textContent()) ?? '',
      new RegExp(`step ${first.step}: head \\d\\.\\d looks back`),
    );
    assert.deepEqual(await numbersOf(page), rowsOf(stops.at(-1)));
    await picture(page, `heads-${width}`);

    await step.focus();
    await page.keyboard.press('Home');
    await frames(page);
    assert.deepEqual(await numbersOf(page), rowsOf(stops[0]));
    assert.match(
      (await page.locator('.training-heads-table caption').textContent()) ?? '',
      /at step 0$/,
    );
    assert.equal(await curve.locator('.chart-chosen').count(), 1);
    assert.deepEqual(faults, []);
    await page.close();
  });

test('a run without whole models says what is needed, and its command makes them', async () => {
  const { page } = await open(browser.context, served.address, {
    model: named('bare'),
    prompt: PROMPT,
  });
  await drawn(page, 'training');
  await page.locator('.training-heads summary').click();
  const line = page.locator('.training-heads .command-line');
  await line.waitFor();
  assert.match(
    (await page.locator('.training-heads-said').textContent()) ?? '',
    /there is no whole model of an earlier step/,
  );
  const words = ((await line.textContent()) ?? '').split(' ');
  assert.equal(words.shift(), 'lookback');
  program(...words.map((word) => (word === 'TEXT' ? 'text.txt' : word)), '-q');
  const out = words[words.indexOf('--out') + 1] ?? '';
  const kept = readdirSync(join(folder, out, 'snapshots'), { withFileTypes: true });
  assert.ok(kept.filter((entry) => entry.isDirectory()).length >= 2, String(kept.map(String)));
  for (const name of ['model.safetensors'])
    assert.deepEqual(
      readFileSync(join(folder, out, name)),
      readFileSync(join(folder, 'bare', name)),
    );
  await page.close();
});
