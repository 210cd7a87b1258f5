/** What was before a change stands behind what is: in the sum of a logit, and in the texts that are written. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open } from './browser.js';

const { served, browser } = await fixture(MODELS);

/** @param {import('playwright-core').Locator} figure */
const rowsOf = (figure) =>
  figure
    .locator('.why-column')
    .first()
    .locator('.why-row')
    .evaluateAll((rows) =>
      rows.map((row) => ({
        name: row.querySelector('.why-name')?.textContent ?? '',
        adds: row.querySelector(':scope > .number')?.textContent ?? '',
        title: row.getAttribute('title') ?? '',
        ghosts: row.querySelectorAll('.bar-ghost-cell').length,
      })),
    );

test('each part of a sum has behind it what it added before, and the logit what it was', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'why');
  const word = await figure.locator('.figure-title .next-word').getAttribute('title');
  const before = await rowsOf(figure);
  assert.ok(before.every(({ ghosts, title }) => ghosts === 0 && title === ''));
  const logit = await figure.locator('.why-sum strong .number').textContent();
  const arcs = await figure.locator('.why-arc').count();
  assert.equal(await figure.locator('.why-ghost').count(), 0);
  const head = /^head (\d+\.\d+)$/.exec(before[0]?.name ?? '')?.[1];
  assert.ok(head, before[0]?.name);
  // In a page that drew it without changes, and in one that never did.
  for (const isNew of [false, true]) {
    const other = isNew
      ? (
          await open(browser.context, served.address, {
            changes: `off:${head}`,
            'why.word': word?.slice(6) ?? '',
          })
        ).page
      : page;
    if (!isNew)
      await page.evaluate(
        ([changes, word]) => (location.hash = `changes=${changes}&why.word=${word}`),
        [`off:${head}`, word?.slice(6)],
      );
    const after = await drawn(other, 'why');
    await after.locator('.why-sum .was').waitFor();
    assert.equal(await after.locator('.why-sum .was .number').textContent(), logit);
    const others = after.locator('.why-row.is-others');
    if (await others.count()) await others.first().click();
    const rows = await rowsOf(after);
    for (const { name, adds } of before.filter(({ name }) => /^(head|MLP|embedding)/.test(name))) {
      const row = rows.find((row) => row.name === name);
      assert.equal(row?.ghosts, 1, name);
      assert.equal(row?.title, `without the changes ${adds}`, name);
    }
    assert.equal(rows.find(({ name }) => name === `head ${head}`)?.adds, '0.00');
    assert.equal(await after.locator('.why-ghost').count(), arcs);
    if (isNew) await other.close();
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test('each text has behind it what it was before, from where the two part', async () => {
  const about = { prompt: 'the bird is' };
  const { page, faults } = await open(browser.context, served.address, about);
  const textOf = (/** @type {Element[]} */ nodes) => nodes.map((node) => node.textContent ?? '');
  const figure = await drawn(page, 'repetition');
  const before = await figure.locator('.repetition-words').evaluateAll(textOf);
  assert.equal(await figure.locator('.repetition-before').count(), 0);
  await page.evaluate(() => (location.hash = `${location.hash}&changes=off:mlp.1`));
  await drawn(page, 'repetition');
  const after = await figure.locator('.repetition-words').evaluateAll(textOf);
  const told = await figure.locator('.repetition-before').evaluateAll((nodes) =>
    nodes.map((node) => ({
      label: node.querySelector('i')?.textContent ?? '',
      ids: Array.from(node.querySelectorAll('[data-id]'), (token) => token.textContent ?? ''),
    })),
  );
  assert.equal(told.length, 4);
  assert.notDeepEqual(after, before);
  for (const [at, { label, ids }] of told.entries()) {
    if (after[at] === before[at]) continue;
    const rest = ids.join('');
    assert.match(label, /^without the changes \(\d+ of \d+ repeated\):$/);
    assert.ok(rest !== '' && before[at]?.endsWith(rest), `${rest} of ${before[at]}`);
    const same = (before[at] ?? '').slice(0, -rest.length);
    assert.ok(after[at]?.startsWith(same), `${same} begins ${after[at]}`);
  }
  assert.deepEqual(faults, []);
  await page.close();
});
