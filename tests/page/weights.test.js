/** One row of a matrix at work: its columns end at the engine's number, and any weight can be chosen. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open, openTables, trace } from './browser.js';
import { shown, wrong } from './numbers.js';

const { served, browser } = await fixture(MODELS);
/** @type {any[]} */
const models = (await (await fetch(`${served.address}/api/models`)).json()).models;
const PROMPT = 'the bird is red';

/** @param {import('playwright-core').Page} page */
const chosen = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1));

test('each matrix of each model ends at the number that stands at its site', async () => {
  for (const [at, { name, layers }] of models.entries()) {
    const sites = trace(MODELS[at] ?? '', PROMPT);
    const place = { model: name, prompt: PROMPT, token: '2', layer: String(layers - 1) };
    const { page, faults } = await open(browser.context, served.address, place);
    const figure = await drawn(page, 'weights');
    await openTables(page);
    const matrices = await figure
      .locator('select')
      .first()
      .locator('option')
      .evaluateAll((options) => options.map((option) => option.getAttribute('value') ?? ''));
    assert.ok(matrices.length >= 6, `${name}: ${matrices}`);
    for (const matrix of matrices) {
      await figure.locator('select').first().selectOption(matrix);
      await page.waitForFunction(
        (matrix) => location.hash.includes(`weights.matrix=${matrix}`),
        matrix,
      );
      await drawn(page, 'weights');
      const numbers = (await shown(page)).filter(({ stage }) => stage === 'weights');
      const faults = numbers.map((number) => wrong(number, sites)).filter(Boolean);
      assert.deepEqual(faults.slice(0, 5), [], `${name}, ${matrix}`);
      const result = figure.locator('.weights-result');
      const caption = (await figure.locator('figcaption').textContent()) ?? '';
      assert.ok(caption.includes((await result.textContent()) ?? '?'), `${matrix}: ${caption}`);
      // What reads a matrix's result at once, with no norm between, has a site to be checked at.
      if (['q', 'k', 'v', 'up'].includes(matrix))
        assert.ok(await result.getAttribute('data-site'), `${name}, ${matrix} has no site`);
    }
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});

test('a click chooses a weight, arrow keys another, and a link keeps it', async () => {
  const { page, faults } = await open(browser.context, served.address, { prompt: PROMPT });
  const figure = await drawn(page, 'weights');
  const picture = figure.locator('canvas');
  const box = await picture.boundingBox();
  assert.ok(box);
  await picture.click({ position: { x: box.width / 2, y: box.height - 2 } });
  await page.waitForFunction(() => location.hash.includes('weights.row='));
  await drawn(page, 'weights');
  const row = Number(chosen(page).get('weights.row'));
  const column = Number(chosen(page).get('weights.column'));
  const { rows, columns } = await figure
    .locator('select')
    .first()
    .locator('option:checked')
    .evaluate((option) => {
      const [, rows, columns] = /: (\d+) × (\d+)/.exec(option.textContent ?? '') ?? [];
      return { rows: Number(rows), columns: Number(columns) };
    });
  assert.ok(row > 0.9 * rows && row < rows, `row ${row} of ${rows}`);
  assert.equal(column, Math.floor(columns / 2));
  await picture.focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  await page.waitForFunction(
    ([row, column]) =>
      location.hash.includes(`weights.row=${row}`) &&
      location.hash.includes(`weights.column=${column}`),
    [row - 1, column + 1],
  );
  await drawn(page, 'weights');
  const readout = await figure.locator('.weights-readout').textContent();
  assert.match(readout ?? '', new RegExp(`^column ${column + 1}: `));
  await page.reload();
  await drawn(page, 'weights');
  assert.equal(await figure.locator('.weights-readout').textContent(), readout);
  assert.match(
    (await figure.locator('figcaption').textContent()) ?? '',
    new RegExp(`^Row ${row - 1} `),
  );
  assert.deepEqual(faults, []);
  await page.close();
});

test('where a cell stands for several weights, a click chooses the largest of them and says so', async () => {
  const html = await (await fetch(served.address)).text();
  const secret = /name="lookback-token" content="([^"]+)"/.exec(html)?.[1] ?? '';
  for (const { name, layers } of models) {
    const about = { model: name, prompt: PROMPT, token: '1', layer: String(layers - 1) };
    const { page, faults } = await open(browser.context, served.address, {
      ...about,
      'weights.matrix': 'up',
    });
    const figure = await drawn(page, 'weights');
    const picture = figure.locator('canvas');
    const rowOf = async (/** @type {number} */ row) => {
      const answer = await fetch(`${served.address}/api/weights`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-lookback-token': secret },
        body: JSON.stringify({
          ...about,
          chat: false,
          token: 1,
          layer: layers - 1,
          matrix: 'up',
          row,
        }),
      });
      return answer.json();
    };
    const { rows, columns, picture: small } = await rowOf(0);
    assert.ok(rows > small.rows, `${name}: ${rows} rows are ${small.rows} cells`);
    const box = await picture.boundingBox();
    assert.ok(box);
    await picture.click({ position: { x: box.width * 0.7, y: box.height * 0.4 } });
    await page.waitForFunction(() => location.hash.includes('weights.column='), null, {
      timeout: 60_000,
    });
    await drawn(page, 'weights');
    const [row, column] = ['row', 'column'].map((of) => Number(chosen(page).get(`weights.${of}`)));
    const [down, right] = [Math.floor(0.4 * small.rows), Math.floor(0.7 * small.columns)];
    const under = (
      /** @type {number} */ at,
      /** @type {number} */ size,
      /** @type {number} */ cells,
    ) =>
      Array.from({ length: size }, (_, index) => index).filter(
        (index) => Math.floor((index * cells) / size) === at,
      );
    const [inRows, inColumns] = [
      under(down, rows, small.rows),
      under(right, columns, small.columns),
    ];
    assert.ok(inRows.includes(row ?? -1) && inColumns.includes(column ?? -1), `${row}, ${column}`);
    let most = 0;
    for (const at of inRows) {
      const { weights } = await rowOf(at);
      for (const other of inColumns) most = Math.max(most, Math.abs(weights[other]));
    }
    const { weights } = await rowOf(row ?? 0);
    assert.equal(Math.abs(weights[column ?? 0]), most, `${name}: row ${row}, column ${column}`);
    const said = (await figure.locator('.weights-picked').textContent()) ?? '';
    const many = inRows.length * inColumns.length;
    assert.match(
      said,
      new RegExp(`^row ${row}, column ${column}: .* of the ${many} under its cell$`),
    );
    assert.deepEqual(faults, []);
    await page.close();
  }
});

test('the sum goes on column by column, by keys, to the result', async () => {
  const { page } = await open(browser.context, served.address, {
    prompt: PROMPT,
    'weights.column': '0',
  });
  const figure = await drawn(page, 'weights');
  const bands = figure.locator('.weights-drawing');
  await bands.focus();
  const read = async () => {
    const text = (await figure.locator('.weights-readout').textContent()) ?? '';
    const [, column, input, weight, product, sum] =
      /^column (\d+): (\S+) × (\S+) = (\S+); the sum so far (\S+)$/.exec(text) ?? [];
    return [column, input, weight, product, sum].map(Number);
  };
  let total = 0;
  for (let column = 0; column < 4; column += 1) {
    const [at, input = 0, weight = 0, product = 0, sum = 0] = await read();
    assert.equal(at, column);
    assert.ok(Math.abs(input * weight - product) < 2e-4 * (1 + Math.abs(input)), `at ${column}`);
    total += product;
    assert.ok(Math.abs(total - sum) < 4e-4, `${total}, and ${sum} is said`);
    await page.keyboard.press('ArrowRight');
  }
  const steps = figure.locator('.player input');
  await steps.focus();
  await page.keyboard.press('End');
  const [, , , , sum = 0] = await read();
  const result = Number(await figure.locator('.weights-result').textContent());
  assert.ok(Math.abs(sum - result) < 6e-4, `${sum} and ${result}`);
  await page.close();
});

test('the steps of the norm end at what the row reads, also under a change', async () => {
  const { page } = await open(browser.context, served.address, {
    prompt: PROMPT,
    layer: '1',
    changes: 'off:0.1',
  });
  const figure = await drawn(page, 'weights');
  const numbers = async () =>
    (await figure.locator('.weights-norm .number').allTextContents()).map(Number);
  const [before = 0, divisor = 1, divided = 0, gain = 0, read = 0] = await numbers();
  assert.ok(Math.abs(before / divisor - divided) < 1e-3, `${before} / ${divisor} = ${divided}`);
  assert.ok(Math.abs(divided * gain - read) < 2e-3, `${divided} × ${gain} = ${read}`);
  const unchanged = trace('default', PROMPT);
  const changed = trace('default', PROMPT, ['--off', '0.1']);
  const said = (await shown(page)).filter(({ stage }) => stage === 'weights');
  assert.deepEqual(said.map((number) => wrong(number, changed)).filter(Boolean), []);
  assert.notDeepEqual(said.map((number) => wrong(number, unchanged)).filter(Boolean), []);
  await page.close();
});
