/** Two passes side by side: cells put in by pointer, by dragging and by keys; two texts, and two models. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { drawn, fixture, MODELS, open, PROGRAM } from './browser.js';

const model = MODELS[1];
const folder = mkdtempSync(join(tmpdir(), 'lookback-twin-'));
const twin = join(folder, 'twin');
if (model) cpSync(model, twin, { recursive: true });
after(() => rmSync(folder, { recursive: true }));
const { served, browser } = await fixture([...MODELS, ...(model ? [twin] : [])]);

/** @param {import('playwright-core').Page} page */
const chosen = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1));

/** @param {string[]} args */
const told = (args) =>
  JSON.parse(
    execFileSync(PROGRAM, [...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] }).toString(),
  );

const FIRST = 'anna smith saw a red bird. who is anna? anna';
const SECOND = 'anna jones saw a red bird. who is anna? anna';

test('the grid is that of the command line', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'sweep');
  await figure.locator('.figure-opener').click();
  const shown = await figure
    .locator('.figure-table tbody tr')
    .evaluateAll((rows) =>
      rows.map((row) =>
        Array.from(row.querySelectorAll('td'), (cell) => Number.parseFloat(cell.textContent ?? '')),
      ),
    );
  const swept = ['sweep', 'default', '-p', FIRST, '--corrupt', SECOND];
  const { grids } = told([...swept, '--answer', ' smith', '--wrong', ' jones']);
  const [{ shape, normalized }] = grids;
  assert.deepEqual([shown.length, shown[0]?.length], shape);
  // A share near nothing is written with a power of ten, and is no percentage.
  for (const [at, value] of shown.flat().entries())
    if (Math.abs(normalized[at]) > 1e-5)
      assert.ok(Math.abs(value - 100 * normalized[at]) < 0.51, `${value}, ${normalized[at]}`);
  assert.match((await figure.locator('.command-line').textContent()) ?? '', /--wrong " jones"$/);
  assert.deepEqual(faults, []);
  await page.close();
});

test('a cell is put in by a click, by dragging and by keys, and a link keeps it', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'sweep');
  const cells = figure.locator('.sweep-cell');
  const put = async (/** @type {string} */ cell) => {
    await page.waitForFunction(
      (cell) => new URLSearchParams(location.hash.slice(1)).get('sweep.cell') === cell,
      cell,
    );
    await drawn(page, 'sweep');
    return figure.locator('.sweep-result tr').last().locator('.next-word').textContent();
  };
  const columns = (await cells.count()) / 3;
  await cells.nth(2 * columns + columns - 1).click();
  assert.equal(await put(`2,${columns - 1}`), 'smith');
  const from = await cells.nth(2 * columns).boundingBox();
  const to = await figure.locator('.sweep-place svg').boundingBox();
  assert.ok(from && to);
  await page.mouse.move(from.x + 9, from.y + 9);
  await page.mouse.down();
  await page.mouse.move(from.x + 30, from.y + 20, { steps: 3 });
  assert.equal(await figure.locator('.sweep-ghost rect').count(), 1);
  await page.mouse.move(to.x + to.width / 2, to.y + to.height - 6, { steps: 3 });
  await page.mouse.up();
  assert.equal(await put('2,0'), 'jones');
  assert.equal(await figure.locator('.sweep-ghost rect').count(), 0);
  await figure.locator('.sweep-place svg').focus();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Enter');
  assert.equal(await put('1,1'), 'smith');
  await page.reload();
  await drawn(page, 'sweep');
  assert.equal(chosen(page).get('sweep.cell'), '1,1');
  assert.match((await figure.locator('figcaption').textContent()) ?? '', /before layer 1/);
  assert.deepEqual(faults, []);
  await page.close();
});

test('another second text is compared in both figures, and one of other length is refused', async () => {
  const { page } = await open(browser.context, served.address);
  const figure = await drawn(page, 'sweep');
  await figure.locator('.other-text').fill(FIRST.replace('smith', 'brown'));
  await page.waitForFunction(() => location.hash.includes('other='));
  await drawn(page, 'sweep');
  const diff = await drawn(page, 'diff');
  assert.match(await diff.locator('.other-text').inputValue(), /brown/);
  await figure.locator('.other-text').fill('anna');
  await figure.locator('.figure-problem:visible').waitFor();
  assert.match((await figure.locator('.figure-problem').textContent()) ?? '', /tokens/);
  await page.close();
});

test('a text without a word that can be replaced asks for a second text, not for a shorter one', async () => {
  for (const prompt of ['  ', '']) {
    const { page, faults } = await open(browser.context, served.address, { prompt });
    for (const stage of ['sweep', 'diff']) {
      const figure = page.locator(`figure[data-stage="${stage}"]`);
      await figure.evaluate((node) => node.scrollIntoView());
      const problem = figure.locator('.figure-problem:visible');
      await problem.waitFor();
      assert.match(
        (await problem.textContent()) ?? '',
        /^no word of this text .* write a second text of \d+ tokens?$/,
      );
    }
    assert.deepEqual(faults, []);
    await page.close();
  }
});

test('two models with the same tokens are compared, and a model with its copy is the same', async () => {
  if (!model) return;
  const { page, faults } = await open(browser.context, served.address, {
    model: model.split('/').at(-1) ?? '',
    prompt: 'the red bird',
    'diff.with': 'model:twin',
  });
  const figure = await drawn(page, 'diff');
  const said = (await figure.locator('figcaption').textContent()) ?? '';
  assert.match(said, /both go on with .+ 0\.00 nats apart\. Nothing tells them apart\./);
  assert.match((await figure.locator('.command-line').textContent()) ?? '', /--with \S*twin$/);
  assert.equal(await figure.locator('.other-text').isVisible(), false);
  assert.deepEqual(faults, []);
  await page.close();
});
