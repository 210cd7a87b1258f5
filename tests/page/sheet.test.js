/** The sheet: the whole model beside the text, lit by what is read; its parts are gone to and switched off. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open, putAt, settled } from './browser.js';

const { served, browser } = await fixture(MODELS);
/** @type {any[]} */
const models = (await (await fetch(`${served.address}/api/models`)).json()).models;

/** @typedef {import('playwright-core').Page} Page */

/** What the address holds. @param {Page} page */
const chosen = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1));

/** The part of the sheet with this key. @param {Page} page @param {string} key */
const part = (page, key) => page.locator(`#sheet [data-part="${key}"]`);

/** Waits until the sheet shows the next tokens too. @param {Page} page */
async function whole(page) {
  await page.waitForFunction(() => document.querySelectorAll('#sheet .sheet-bar').length === 5);
}

/** Keys of the parts that are lit. @param {Page} page */
function lit(page) {
  return page
    .locator('#sheet .is-lit')
    .evaluateAll((parts) => parts.map((part) => /** @type {any} */ (part).dataset.part));
}

for (const { name, layers, heads } of models)
  test(`every head and every MLP of ${name} is drawn, and none over another`, async () => {
    const { page, faults } = await open(browser.context, served.address, { model: name });
    await page.setViewportSize({ width: 1280, height: 720 });
    await page.locator('#sheet .is-head').first().waitFor();
    const boxes = await page.evaluate(() =>
      Array.from(
        document.querySelectorAll('#sheet :is(.sheet-head, .sheet-mlp)'),
        (node) => /** @type {any} */ (node.getBoundingClientRect().toJSON()),
      ),
    );
    assert.equal(boxes.length, layers * heads + layers);
    for (const [at, one] of boxes.entries()) {
      assert.ok(one.bottom <= 720 && one.right <= 192 && one.left >= 0, JSON.stringify(one));
      for (const other of boxes.slice(at + 1)) {
        const isApart =
          one.right <= other.left + 0.01 ||
          other.right <= one.left + 0.01 ||
          one.bottom <= other.top + 0.01 ||
          other.bottom <= one.top + 0.01;
        assert.ok(isApart, `${JSON.stringify(one)} and ${JSON.stringify(other)}`);
      }
    }
    assert.deepEqual(faults, []);
    await page.close();
  });

test('what is read about is lit, and nothing else is', async () => {
  const { page } = await open(browser.context, served.address, { layer: '1' });
  const heads = Array.from({ length: models[0].heads }, (_, head) => `head.1.${head}`);
  for (const [stage, parts] of /** @type {const} */ ([
    ['tokens', ['tokens']],
    ['embed', ['vectors']],
    ['attend', heads],
    ['mlp', ['mlp.1']],
    ['stream', ['stream']],
    ['next', ['logits']],
    ['sample', ['next']],
    ['repeat', ['back']],
  ])) {
    await drawn(page, stage);
    await putAt(page, page.locator(`figure[data-stage="${stage}"]`), 150);
    assert.deepEqual(await lit(page), parts, stage);
  }
  await page.close();
});

test('a click goes to a head, and its button switches it off and on again', async () => {
  const { page, faults } = await open(browser.context, served.address);
  await part(page, 'head.1.1').click();
  assert.equal(chosen(page).get('layer'), '1');
  assert.equal(chosen(page).get('head'), '1');
  await drawn(page, 'attend');
  const top = await page
    .locator('figure[data-stage="attend"]')
    .evaluate((figure) => figure.getBoundingClientRect().top);
  assert.ok(top > 0 && top < 300, `the figure stands at ${top} px`);
  const before = await page.evaluate(() => window.scrollY);
  await page.getByRole('button', { name: 'switch head 1.1 off' }).click();
  await settled(page);
  assert.equal(chosen(page).get('changes'), 'off:1.1');
  assert.match((await part(page, 'head.1.1').getAttribute('aria-label')) ?? '', /switched off/);
  await page.getByRole('button', { name: 'switch head 1.1 on' }).click();
  await settled(page);
  assert.equal(chosen(page).get('changes'), null);
  assert.ok(Math.abs((await page.evaluate(() => window.scrollY)) - before) < 120);
  assert.deepEqual(faults, []);
  await page.close();
});

test('a long press switches an MLP off and goes nowhere', async () => {
  const { page } = await open(browser.context, served.address);
  await whole(page);
  const box = await part(page, 'mlp.0').boundingBox();
  assert.ok(box);
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.waitForFunction(() => location.hash.includes('mlp.0'));
  await page.mouse.up();
  await settled(page);
  assert.equal(chosen(page).get('changes'), 'off:mlp.0');
  assert.equal(chosen(page).get('layer'), null);
  // The bar has a line more now, and what is watched stays where it was below it.
  assert.ok((await page.evaluate(() => window.scrollY)) < 100);
  await page.close();
});

test('the keyboard walks the sheet, goes to a part and switches it', async () => {
  const { page } = await open(browser.context, served.address, { layer: '0', head: '0' });
  await whole(page);
  await part(page, 'head.0.0').focus();
  await page.keyboard.press('ArrowRight');
  assert.ok(await part(page, 'head.0.1').evaluate((node) => node === document.activeElement));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('layer=1'));
  const { head = '' } = Object.fromEntries(chosen(page));
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('changes='));
  assert.equal(chosen(page).get('changes'), `off:1.${head}`);
  await page.close();
});

test('the next token on the sheet is the one that the model gives most', async () => {
  const { page } = await open(browser.context, served.address, { prompt: 'the bird is red' });
  await whole(page);
  const [piece, shown] = await page.evaluate(async () => {
    const address = '/kit/client.js';
    const { ask } = await import(address);
    const about = { model: 'default', prompt: 'the bird is red', chat: false, find: '' };
    const { top, pieces } = await ask('next', { ...about, token: 3, of: null, most: 1 });
    return [pieces[top[0].id], document.querySelector('#sheet .sheet-next')?.textContent];
  });
  assert.equal(shown, piece.trim());
  await page.close();
});

for (const still of [false, true])
  test(`an appended token ${still ? 'stands still for who wants that' : 'runs through the model'}`, async () => {
    const { page } = await open(
      browser.context,
      served.address,
      { prompt: 'the bird is' },
      { still },
    );
    await page.locator('#sheet .is-head').first().waitFor();
    await page.evaluate(() => {
      const sheet = /** @type {Element} */ (document.querySelector('#sheet'));
      new MutationObserver(() => {
        if (sheet.classList.contains('is-running')) sheet.setAttribute('data-has-run', '');
      }).observe(sheet, { attributeFilter: ['class'] });
    });
    await page.locator('#prompt').fill('the bird is red');
    await page.waitForFunction(() => document.querySelectorAll('#tokens .chip').length === 4);
    await settled(page);
    await page.waitForTimeout(200);
    assert.equal(await page.locator('#sheet[data-has-run]').count(), still ? 0 : 1);
    await page.close();
  });

test('on a phone the sheet is folded into the bar', async () => {
  const { page } = await open(browser.context, served.address, {}, { width: 390 });
  assert.equal(await page.locator('#sheet').isVisible(), false);
  const opener = page.locator('#sheet-opener');
  await opener.click();
  await part(page, 'logits').waitFor();
  assert.equal(await opener.getAttribute('aria-expanded'), 'true');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#sheet').isVisible(), false);
  assert.ok(await opener.evaluate((node) => node === document.activeElement));
  assert.equal(await page.evaluate(() => window.scrollY), 0);
  await opener.click();
  await part(page, 'mlp.0').click();
  await drawn(page, 'mlp');
  assert.equal(await page.locator('#sheet').isVisible(), false);
  assert.equal(chosen(page).get('layer'), '0');
  await page.close();
});
