/** What a figure says of a part of the article that opens only when the reader asks for it. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { drawn, fixture, open, PROGRAM, trace } from './browser.js';
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

test('√d on and off: how open the rows of a head are, and what follows', async () => {
  const prompt = 'the bird is red';
  const place = { prompt, token: '2', layer: '0', head: '1' };
  const { page, faults } = await open(browser.context, served.address, place);
  const figure = await drawn(page, 'attend');
  await figure.locator('.view-choice', { hasText: '√d' }).press('Enter');
  const told = figure.locator('.attend-scale', { hasText: 'After' });
  const [scaled, raw] = [[], ['--no-scale']].map((options) => trace('default', prompt, options));
  /** @param {typeof scaled} sites */
  const choices = (sites) => {
    const { shape = [], values = new Float32Array() } = sites?.get('blocks.0.attn.pattern') ?? {};
    const size = shape[1] ?? 0;
    const rows = values.subarray(size * size, 2 * size * size);
    const sum = rows.reduce(
      (sum, p, at) => (at < size || p === 0 ? sum : sum - p * Math.log(p)),
      0,
    );
    return Math.exp(sum / (size - 1));
  };
  /** @param {typeof scaled} sites */
  const row = (sites) =>
    sites?.get('probabilities')?.values.subarray(2 * 2048, 3 * 2048) ?? new Float32Array();
  const check = async () => {
    const said = fit(
      ((await told.textContent()) ?? '').trim(),
      `Scores are divided by √16 = 4\\. The rows of head 0\\.1 are then as open as an even choice among (?<with>${N}) tokens, and without it among (?<without>${N})(?<how>: scores are larger, and the softmax is sharper|: here the softmax does not become sharper)\\. After is, .+? has (?<share>${N}) % with it in all heads, and (?<left>${N}) % without it in any(?:\\. It is the likeliest both times\\.|; then .+? is the likeliest with (?<other>${N}) %\\.)`,
    );
    assert.ok(said, (await told.textContent()) ?? '');
    assert.ok(says(said.with, choices(scaled)), `${said.with}, ${choices(scaled)}`);
    assert.ok(says(said.without, choices(raw)), `${said.without}, ${choices(raw)}`);
    assert.equal(said.how?.includes('larger'), choices(raw) < choices(scaled));
    const first = row(scaled).indexOf(Math.max(...row(scaled)));
    assert.ok(says(said.share, 100 * (row(scaled)[first] ?? 0)), said.share);
    assert.ok(says(said.left, 100 * (row(raw)[first] ?? 0)), said.left);
    assert.equal(said.other === undefined, Math.max(...row(raw)) === row(raw)[first]);
    assert.ok(said.other === undefined || says(said.other, 100 * Math.max(...row(raw))));
  };
  await check();
  // Pressed, the whole page is without it, and the two that are compared stay the same.
  await figure.locator('button', { hasText: 'do not divide' }).press('Enter');
  await drawn(page, 'attend');
  await check();
  assert.match(page.url(), /changes=no-scale/);
  assert.deepEqual(faults, []);
  await page.close();
});

test('the likeliest text is the one that generate --greedy writes', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const figure = await drawn(page, 'repetition');
  const text = await figure.locator('.repetition-words').first().textContent();
  const options = ['generate', 'default', '-p', 'red red', '--greedy', '-n', '40'];
  const written = execFileSync(PROGRAM, options, { encoding: 'utf8' });
  assert.equal(text?.trim(), written.trim());
  const before = await figure.locator('.repetition-words').nth(1).textContent();
  await figure.locator('button', { hasText: 'three other seeds' }).press('Enter');
  await drawn(page, 'repetition');
  assert.notEqual(await figure.locator('.repetition-words').nth(1).textContent(), before);
  assert.equal(await figure.locator('.repetition-words').first().textContent(), text);
  assert.deepEqual(faults, []);
  await page.close();
});

test('how neighbours formed is what the tables of the steps say', async () => {
  const { page, faults } = await open(browser.context, served.address, { token: '5' });
  const figure = await drawn(page, 'map');
  await figure.locator('.map-formed summary').press('Enter');
  await figure.locator('.map-formed tbody tr').nth(2).waitFor();
  const secret = await page.locator('meta[name="lookback-token"]').getAttribute('content');
  /** @param {string} name @param {object} body */
  const ask = async (name, body) => {
    const answer = await fetch(`${served.address}/api/${name}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-lookback-token': secret ?? '' },
      body: JSON.stringify(body),
    });
    return answer.json();
  };
  const { steps } = await ask('map', { model: 'default' });
  const { ids } = await ask('tokens', {
    model: 'default',
    prompt: 'anna smith saw a red bird. who is anna? anna',
  });
  /** @param {number | null} step */
  const near = async (step) => {
    const answer = await ask('map/near', { model: 'default', step, id: ids[5] });
    return answer.near.map((/** @type {{id: number}} */ { id }) => id);
  };
  const end = await near(null);
  const held = async (/** @type {number | null} */ step) =>
    (await near(step)).filter((/** @type {number} */ id) => end.includes(id)).length;
  const told = (await figure.locator('.map-formed-said').textContent()) ?? '';
  const said = fit(
    told,
    `Whoever .+ together\\. Of the (?<all>${N}) rows that are nearest to “bird” at the end, (?<first>${N}) (?:was|were) among the nearest before training(?:, and (?<half>${N}) after step (?<step>${N}))?\\.`,
  );
  assert.ok(said, told);
  assert.equal(num(said.all), end.length);
  assert.equal(num(said.first), await held(steps[0]));
  if (said.step !== undefined) assert.equal(num(said.half), await held(num(said.step)));
  assert.deepEqual(faults, []);
  await page.close();
});
