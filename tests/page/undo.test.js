/** What a reader takes back, keeps, waits for, and changes to: history, the theme, a program that stalls, other models. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open, putAt, serve, settled } from './browser.js';

const { served, browser } = await fixture(MODELS);
/** @type {{name: string, context: number}[]} */
const models = (await (await fetch(`${served.address}/api/models`)).json()).models;

/** @param {import('playwright-core').Page} page @param {number} size */
const chips = (page, size) =>
  page.waitForFunction((size) => document.querySelectorAll('#tokens .chip').length === size, size);

test('Back undoes a prompt and a model, not a letter and not a token', async () => {
  const { page } = await open(browser.context, served.address);
  const prompt = page.locator('#prompt');
  const first = await page.locator('#tokens .chip').count();
  assert.notEqual(first, 4);
  await prompt.focus();
  await prompt.fill('anna saw a dog');
  await chips(page, 4);
  await page.locator('#tokens .chip').first().click();
  await page.locator('#layer').selectOption('0');
  await page.waitForTimeout(2100);
  await prompt.focus();
  await page.keyboard.press('End');
  for (const letter of ' and a cat') await page.keyboard.type(letter);
  await chips(page, 7);
  await page.goBack();
  await chips(page, 4);
  assert.equal(await prompt.inputValue(), 'anna saw a dog');
  await page.goBack();
  await chips(page, first);
  assert.equal(await prompt.inputValue(), 'anna smith saw a red bird. who is anna? anna');
  await page.goForward();
  await page.goForward();
  await chips(page, 7);
  assert.equal(await prompt.inputValue(), 'anna saw a dog and a cat');
  await page.close();
});

test('a theme that was chosen is kept, and the system’s own is followed again', async () => {
  const colour = (/** @type {import('playwright-core').Page} */ page) =>
    page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const [day, night] = ['rgb(251, 250, 246)', 'rgb(23, 22, 20)'];
  const { page } = await open(browser.context, served.address);
  assert.equal(await colour(page), day);
  await page.locator('#theme').click();
  assert.equal(await colour(page), night);
  await page.reload();
  await page.locator('#tokens .chip').first().waitFor();
  assert.equal(await colour(page), night);
  const other = (await open(browser.context, served.address)).page;
  assert.equal(await colour(other), night);
  await page.locator('#theme').click();
  await other.waitForFunction(
    (day) => getComputedStyle(document.body).backgroundColor === day,
    day,
  );
  await page.emulateMedia({ colorScheme: 'dark' });
  assert.equal(await colour(page), night);
  await other.close();
  await page.close();
});

test('a program that is stopped is shown to be, and the page goes on when it does', async () => {
  const own = await serve(['default']);
  const { page } = await open(browser.context, own.address);
  await drawn(page, 'training');
  own.process.kill('SIGSTOP');
  await page.locator('#prompt').fill('the red bird');
  await page.locator('#away:visible').waitFor({ timeout: 15_000 });
  assert.match((await page.locator('#away').textContent()) ?? '', /has not answered/);
  own.process.kill('SIGCONT');
  await chips(page, 3);
  await page.locator('#away').waitFor({ state: 'hidden' });
  await page.close();
  await own.stop();
});

test('a model whose context is too short for the prompt shows nothing of another', async (t) => {
  const [short, long] = [...models].sort((a, b) => a.context - b.context);
  if (!short || !long || short.context === long.context) return t.skip('needs two models');
  const prompt = Array.from({ length: short.context + 20 }, () => 'dog').join(' ');
  const { page } = await open(browser.context, served.address, { prompt, model: long.name });
  await drawn(page, 'tokens');
  await drawn(page, 'embed');
  const before = await page.evaluate(() => window.scrollY);
  // Some are still being asked about the long one when the other is chosen.
  await page.locator('#tokens .chip').nth(3).click();
  await page.locator('#model').selectOption(short.name);
  await page.locator('#said:visible').waitFor();
  await page.waitForTimeout(1500);
  assert.match((await page.locator('#said').textContent()) ?? '', /context/);
  assert.equal(await page.locator('#tokens .chip').count(), 0);
  const seen = await page
    .locator('figure')
    .evaluateAll((figures) =>
      figures
        .filter(
          (figure) =>
            figure.checkVisibility() &&
            Array.from(
              figure.querySelectorAll('.figure-body, .figure-caption, .figure-title'),
            ).some((part) => part.checkVisibility({ visibilityProperty: true })),
        )
        .map((figure) => /** @type {HTMLElement} */ (figure).dataset.stage),
    );
  assert.deepEqual(seen, []);
  assert.equal(await page.evaluate(() => window.scrollY), before);
  await page.locator('#prompt').fill('a dog');
  await page.locator('#tokens .chip').first().waitFor();
  await drawn(page, 'embed');
  assert.ok(await page.locator('figure[data-stage="embed"] .figure-body').isVisible());
  assert.equal(await page.locator('#said').isVisible(), false);
  await page.close();
});

// A figure begins within the view, or far above it with its lower part in view.
for (const height of [250, -450]) {
  test(`a page that is loaded again, or come back to, stands where it stood, at ${height} px`, async () => {
    const { page } = await open(browser.context, served.address);
    const figure = await drawn(page, 'context');
    await settled(page);
    await putAt(page, figure, height);
    const top = () => figure.evaluate((node) => node.getBoundingClientRect().top);
    const before = await top();
    assert.ok(Math.abs(before - height) <= 2, `${before}`);
    for (const leave of [
      () => page.reload(),
      async () => {
        await page.goto('about:blank');
        await page.goBack();
      },
    ]) {
      await leave();
      await page.locator('figure[data-stage="context"][data-drawn]').waitFor();
      await settled(page);
      assert.ok(Math.abs((await top()) - before) <= 2, `${await top()}, ${before}`);
    }
    await page.close();
  });
}

test('a text that is being written leaves the reader where they scroll to', async () => {
  const { page } = await open(
    browser.context,
    served.address,
    {
      prompt: 'the bird is red. the dog is blue. anna saw a cat. tom has a big green box. '
        .repeat(2)
        .trim(),
    },
    { width: 360 },
  );
  const figure = await drawn(page, 'repeat');
  const text = figure.locator('.repeat-text');
  await text.evaluate((node) => {
    node.style.maxHeight = '4rem';
    node.style.minHeight = '0';
  });
  await figure.locator('.player-play').click();
  await page.waitForFunction(() => document.querySelectorAll('.repeat-token').length > 2);
  const written = () => figure.locator('.repeat-token').count();
  await text.evaluate((node) => {
    node.scrollTop = 0;
  });
  const scrolled = await page.evaluate(() => window.scrollY);
  const count = await written();
  await page.waitForFunction(
    (count) => document.querySelectorAll('.repeat-token').length > count + 2,
    count,
  );
  assert.equal(await text.evaluate((node) => node.scrollTop), 0);
  assert.equal(await page.evaluate(() => window.scrollY), scrolled);
  await page.close();
});
