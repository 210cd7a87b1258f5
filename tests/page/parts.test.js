/** What a figure says of a part of the article that opens only when the reader asks for it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open, trace } from './browser.js';
import { fit, N, num, says } from './claims/forms.js';

const { served, browser } = await fixture(['default']);

test('ids are labels: exchanged one to one, and the next word stays as likely', async () => {
  const prompt = 'the bird is red';
  const { page, faults } = await open(browser.context, served.address, { prompt, token: '2' });
  const figure = await drawn(page, 'tokens');
  const shown = () => figure.locator('.is-own .tile-id').allTextContents();
  const before = await shown();
  await figure.locator('button', { hasText: 'exchange the numbers' }).press('Enter');
  await drawn(page, 'tokens');
  const after = await shown();
  assert.equal(new Set(after).size, new Set(before).size);
  assert.ok(after.some((id, at) => id !== before[at]));
  const sites = trace('default', prompt);
  const row = sites.get('probabilities')?.values.subarray(2 * 2048, 3 * 2048) ?? new Float32Array();
  const most = Math.max(...row);
  const caption = ((await figure.locator('figcaption').textContent()) ?? '').trim();
  const said = fit(
    caption,
    `is is called (?<now>${N}) now, and was (?<was>${N})\\. .+, now number (?<next>${N}) and before (?<first>${N}), follows with (?<share>${N}) % under both\\. .+`,
  );
  assert.ok(said, caption);
  assert.equal(num(said.was), Number(before[2]));
  assert.equal(num(said.now), Number(after[2]));
  assert.equal(num(said.first), row.indexOf(most));
  assert.ok(says(said.share, 100 * most), `${said.share}, ${most}`);
  // The rule that leads from one to the other leads no two ids to one.
  const labels = await page.evaluate(async () => {
    const path = '/stages/tokens/relabel.js';
    const { relabelled } = await import(path);
    return [1, 2, 3, 500, 999].map((exchange) =>
      [512, 2048, 49152].map((size) => {
        const label = relabelled(exchange, size);
        return new Set(Array.from({ length: size }, (_, id) => label(id))).size === size;
      }),
    );
  });
  assert.deepEqual(labels.flat(), Array(15).fill(true));
  await figure.locator('button', { hasText: 'put back' }).press('Enter');
  await drawn(page, 'tokens');
  assert.deepEqual(await shown(), before);
  assert.deepEqual(faults, []);
  await page.close();
});
