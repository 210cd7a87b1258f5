/** Why a token: its logit as a sum, opened by pointer and by keys, and the same on the command line. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open, PROGRAM } from './browser.js';

const { served, browser } = await fixture(MODELS);
const answer = await fetch(`${served.address}/api/models`);
/** @type {string[]} */
const names = (await answer.json()).models.map((/** @type {{name: string}} */ model) => model.name);

/** @param {import('playwright-core').Page} page */
const chosen = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1));

/** The rows of a column: names and numbers. @param {import('playwright-core').Locator} column */
const rowsOf = (column) =>
  column.locator('.why-row').evaluateAll((rows) =>
    rows.map((row) => ({
      name: row.querySelector('.why-name')?.textContent ?? '',
      adds: Number((row.querySelector('.number')?.textContent ?? '').replace('−', '-')),
    })),
  );

/** @param {{name: string, adds: number}[]} rows */
const sum = (rows) => rows.reduce((sum, { adds }) => sum + adds, 0);

/** The arguments of a command that stands on the page. @param {string} line */
function argumentsOf(line) {
  const found = line.match(/"[^"]*"|'(?:[^']|'\\'')*'|\S+/g) ?? [];
  return found.map((word) =>
    word.startsWith('"')
      ? word.slice(1, -1)
      : word.startsWith("'")
        ? word.slice(1, -1).replaceAll("'\\''", "'")
        : word,
  );
}

test('each column adds up to what it opens, and the first to the logit', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'why');
  const columns = figure.locator('.why-column');
  assert.equal(await columns.count(), 3);
  const logit = Number(await figure.locator('.why-sum strong .number').textContent());
  const all = [];
  for (let at = 0; at < 3; at += 1) all.push(await rowsOf(columns.nth(at)));
  const opened = await figure
    .locator('.why-row.is-open .number')
    .evaluateAll((nodes) => nodes.map((node) => Number(node.textContent)));
  for (const [at, total] of [logit, ...opened].entries()) {
    const rows = all[at] ?? [];
    // Each is rounded to two digits.
    const bound = 0.005 * (rows.length + 1) + 1e-9;
    assert.ok(Math.abs(sum(rows) - total) <= bound, `column ${at}: ${sum(rows)}, not ${total}`);
  }
  // The example's idea: what the answer is made of comes from the word itself.
  assert.equal((all[1] ?? [])[0]?.name, 'smith');
  assert.deepEqual(faults, []);
  await page.close();
});

test('the numbers are those of the command that stands below them', async () => {
  for (const [at, model] of names.entries()) {
    const { page } = await open(browser.context, served.address, { model, prompt: 'the red bird' });
    const figure = await drawn(page, 'why');
    await figure.locator('.why-row.is-others').first().click();
    const rows = await rowsOf(figure.locator('.why-column').first());
    const line = (await figure.locator('.command-line').textContent()) ?? '';
    const [program = '', command = '', , ...flags] = argumentsOf(line);
    assert.equal(`${program} ${command}`, 'lookback why');
    const path = MODELS[at] ?? '';
    const told = execFileSync(PROGRAM, [command, path, ...flags, '--json'], {
      maxBuffer: 1 << 28,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const { why } = JSON.parse(told.toString());
    const parts = why.parts
      .map((/** @type {any} */ { contribution }) => contribution)
      .sort((/** @type {number} */ a, /** @type {number} */ b) => Math.abs(b) - Math.abs(a));
    assert.equal(rows.length, parts.length, model);
    for (const [at, { adds }] of rows.entries())
      assert.ok(Math.abs(adds - parts[at]) < 0.0051, `${model}: ${adds}, not ${parts[at]}`);
    const check = await drawn(page, 'faithfulness');
    const real = await check
      .locator('.faithfulness-off tbody tr')
      .evaluateAll((rows) => rows.map((row) => Number(row.lastElementChild?.textContent)));
    const again = (await check.locator('.command-line').textContent()) ?? '';
    const more = JSON.parse(
      execFileSync(PROGRAM, ['why', path, ...argumentsOf(again).slice(3), '--json'], {
        maxBuffer: 1 << 28,
        stdio: ['ignore', 'pipe', 'pipe'],
      }).toString(),
    );
    assert.equal(real.length, more.check.length);
    for (const [at, change] of real.entries())
      assert.ok(Math.abs(change - more.check[at].real) < 0.0051, `${model}: ${change}`);
    await page.close();
  }
});

test('a part is opened by keys, a link keeps it, and an arc opens the same', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'why');
  const second = figure.locator('.why-column').first().locator('button.why-row').nth(1);
  const name = await second.locator('.why-name').textContent();
  await second.focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('why.open='));
  await drawn(page, 'why');
  const head = (name ?? '').replace('head ', 'h');
  assert.equal(chosen(page).get('why.open'), head);
  // Whoever opened it by the keyboard still stands there.
  assert.equal(
    await page.evaluate(
      () => document.activeElement?.querySelector('.why-name')?.textContent ?? '',
    ),
    name,
  );
  await page.reload();
  await drawn(page, 'why');
  assert.equal(await figure.locator('.why-row.is-open .why-name').first().textContent(), name);
  await figure.locator('.why-arc').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('%2Ct'));
  await drawn(page, 'why');
  assert.equal(await figure.locator('.why-arc.is-open').count(), 1);
  assert.deepEqual(faults, []);
  await page.close();
});

test('a probability is asked why, and the answer is the figure’s own', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    prompt: 'the bird is',
  });
  const next = await drawn(page, 'next');
  await next.locator('.next-list .next-pick').nth(2).click();
  await drawn(page, 'next');
  await next.locator('.next-why').click();
  const brief = next.locator('.why-brief');
  await brief.locator('.why-row').first().waitFor();
  const [short] = await rowsOf(brief);
  const word = await brief.locator('.next-word').first().getAttribute('title');
  await brief.getByText('open the parts').click();
  const figure = await drawn(page, 'why');
  const [first] = await rowsOf(figure.locator('.why-column').first());
  assert.deepEqual(first, short);
  assert.equal(await figure.locator('.figure-title .next-word').getAttribute('title'), word);
  assert.deepEqual(faults, []);
  await page.close();
});

test('a word that is compared with is taken off, and the difference is the sum', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'why');
  const single = Number(await figure.locator('.why-sum strong .number').textContent());
  const select = figure.locator('.choice select').nth(1);
  await select.selectOption({ index: 1 });
  await drawn(page, 'why');
  const less = await figure.locator('.why-sum strong .number');
  assert.notEqual(Number(await less.textContent()), single);
  assert.equal(await less.getAttribute('data-site'), null);
  assert.match((await figure.locator('.command-line').textContent()) ?? '', /--against/);
  assert.match((await figure.locator('figcaption').textContent()) ?? '', /less that of/);
  // One that is not among the likeliest is written.
  await select.selectOption('written');
  await figure.locator('.why-written:visible').fill('castle');
  await page.keyboard.press('Enter');
  await figure.locator('.figure-title', { hasText: 'and not castle' }).waitFor();
  assert.match((await figure.locator('.command-line').textContent()) ?? '', /--against " castle"/);
  assert.deepEqual(faults, []);
  await page.close();
});
