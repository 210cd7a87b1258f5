/** What figures say of a part that is switched off, of a changed score and of equal weights stays true. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open } from './browser.js';

const { served, browser } = await fixture(['default']);

/**
 * The page with something changed.
 * @param {string} changes
 * @param {Record<string, string>} [more]
 */
async function changed(changes, more = {}) {
  const place = { prompt: 'the red bird saw tom', layer: '1', head: '0', token: '2' };
  const { page } = await open(browser.context, served.address, { ...place, changes, ...more });
  return {
    page,
    said: async (/** @type {string} */ stage) =>
      ((await (await drawn(page, stage)).locator('figcaption').textContent()) ?? '').replaceAll(
        '\u202f',
        ' ',
      ),
  };
}

test('a head that is switched off hands nothing on, and its neighbour is not spoken of', async () => {
  const off = await changed('off:1.0');
  for (const stage of ['attend', 'context'])
    assert.match(
      await off.said(stage),
      / The head is switched off: nothing of this is handed on\./,
    );
  await off.page.close();
  const mean = await changed('mean:1.0');
  assert.match(await mean.said('context'), / The head is at its mean over the text: /);
  await mean.page.close();
  const other = await changed('off:1.1');
  for (const stage of ['attend', 'context'])
    assert.doesNotMatch(await other.said(stage), /switched off/);
  await other.page.close();
});

test('attention that is switched off adds nothing, and an MLP that is off moves no logit', async () => {
  const { page, said } = await changed('off:attn.1;off:mlp.1');
  assert.match(await said('ov'), /In all, layer 1 adds nothing to a vector [\d.]+ long\.$/);
  assert.match(await said('attend'), /The attention of this layer is switched off: /);
  const mlp = await said('mlp');
  assert.match(mlp, / leaves it, and it moves no logit\. /);
  assert.match(mlp, / The MLP of this layer is switched off: nothing of this is added\./);
  await page.close();
});

test('a changed score is a step of the sum that makes the weight', async () => {
  const { page } = await changed('score:1.0.2.1:3', { 'attend.key': '1' });
  const figure = await drawn(page, 'attend');
  await figure.getByRole('button', { name: 'one weight' }).click();
  const chain = figure.locator('.attend-chain li');
  await chain.first().waitFor();
  const steps = await chain.allTextContents();
  const scaled = Number(/= (-?[\d.]+)$/.exec(steps[1] ?? '')?.[1]);
  const score = Number(
    /^with what is changed here it is (-?[\d.]+), the score$/.exec(steps[2] ?? '')?.[1],
  );
  assert.ok(Math.abs(score - scaled - 3) < 0.0011, `${scaled} and then ${score}`);
  const power = Number(/^e to the power of (-?[\d.]+) − /.exec(steps[3] ?? '')?.[1]);
  assert.equal(power, score);
  await page.close();
});

test('equal weights come of scores times 0, and no scale is spoken of that is not there', async () => {
  const { page } = await changed('uniform-attention', { 'attend.step': '1' });
  const figure = await drawn(page, 'attend');
  assert.match(
    (await figure.locator('.attend-step').textContent()) ?? '',
    /^2\. Scale: multiplied by 0, /,
  );
  assert.match((await figure.locator('.attend-lines').first().textContent()) ?? '', /\* 0\n/);
  await page.close();
});

test('without a mask no figure says that the future is hidden', async () => {
  const { page, said } = await changed('no-mask', { token: '0' });
  assert.match(await said('ov'), /^Without the mask nothing is hidden in /);
  assert.doesNotMatch(await said('context'), /sees only itself/);
  assert.match(await said('attend'), /Nothing is masked: /);
  await page.close();
});

test('positions that are switched off tell nothing, and equal weights make no use of them', async () => {
  for (const [changes, form] of /** @type {const} */ ([
    ['no-position', /^Positions are switched off, .* only by what each may look at\.$/],
    ['no-position;no-mask', /^Positions are switched off, and so is the mask, .* no difference\.$/],
    ['plain-attention', /^Nothing does while attention reads its input .* may look at\.$/],
    [
      'uniform-attention',
      /^The query of .* With equal weights in every head, nothing comes of it: /,
    ],
  ])) {
    const { page, said } = await changed(changes);
    assert.match(await said('position'), form);
    await page.close();
  }
});

test('equal weights have no largest, and attention that is off changes its heads', async () => {
  const even = await changed('uniform-attention');
  assert.match(
    await even.said('opening'),
    /In head 1\.0, bird looks at each token .* alike \(33 % each\)/,
  );
  await even.page.close();
  const off = await changed('off:attn.1');
  assert.match(await off.said('opening'), /In head 1\.0, which is changed, bird looks most at /);
  await off.page.close();
});

test('a row that is changed is not that of the table', async () => {
  const { page, said } = await changed('embed[:] *= 0.5');
  assert.match(
    await said('embed'),
    /; what the changes make of it is shown here, and has the length [\d.]+\. Without changes, /,
  );
  await page.close();
});
