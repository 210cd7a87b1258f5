/**
 * What readers of other pages about models have reported, tried here with every model. Each test names
 * the report that it goes back to.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, MODELS, open, serve, settled } from './browser.js';

/** @typedef {import('playwright-core').Page} Page */

const { served, browser } = await fixture(MODELS);
/** @type {{name: string, context: number}[]} */
const models = (await (await fetch(`${served.address}/api/models`)).json()).models;

/** What the address holds of a key. @param {Page} page @param {string} key */
const held = (page, key) => new URLSearchParams(new URL(page.url()).hash.slice(1)).get(key);

/** @param {Page} page */
const writer = async (page) => {
  const figure = await drawn(page, 'repeat');
  return {
    play: figure.locator('.player-play'),
    on: figure.getByRole('button', { name: 'a token on' }),
    written: figure.locator('.repeat-token'),
  };
};

// mostlygeek/llama-swap#1044: the Enter that ends a composition is taken for more than that.
test('letters that an input method composes are read, and none is lost or doubled', async () => {
  for (const { name } of models) {
    const { page, faults } = await open(browser.context, served.address, {
      model: name,
      prompt: 'a ',
    });
    await drawn(page, 'tokens');
    const prompt = page.locator('#prompt');
    await prompt.focus();
    await page.keyboard.press('End');
    const devtools = await page.context().newCDPSession(page);
    for (const text of ['に', 'にほ', 'にほん', '日本'])
      await devtools.send('Input.imeSetComposition', {
        text,
        selectionStart: text.length,
        selectionEnd: text.length,
      });
    await page.waitForFunction(() => location.hash.includes(encodeURIComponent('日本')));
    await settled(page);
    await devtools.send('Input.insertText', { text: '日本' });
    await settled(page);
    assert.equal(await prompt.inputValue(), 'a 日本', name);
    assert.equal(held(page, 'prompt'), 'a 日本');
    assert.ok(await prompt.evaluate((node) => node === document.activeElement));
    await drawn(page, 'attend');
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});

// jessevig/bertviz#82: with 512 tokens the pictures of attention do not come.
test('a text of hundreds of tokens is drawn', async () => {
  const words = 'the bird is red and the dog is blue and the cat is green'.split(' ');
  for (const { name, context } of models) {
    // A word is up to three tokens of a small vocabulary.
    const size = Math.min(500, Math.floor(context / 4));
    const prompt = Array.from({ length: size }, (_, at) => words[at % words.length]).join(' ');
    const { page, faults } = await open(browser.context, served.address, { model: name, prompt });
    for (const stage of ['attend', 'context', 'logit_lens', 'stream']) {
      const figure = await drawn(page, stage);
      assert.equal(await figure.locator('.figure-problem:visible').count(), 0, `${name}, ${stage}`);
    }
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});

// open-webui/open-webui#29760: what is typed and chosen while a model writes is lost by a reload.
test('what is typed and chosen while a text is written stays after a reload', async () => {
  const { page, faults } = await open(browser.context, served.address, { prompt: 'tom has a' });
  const { play, written } = await writer(page);
  await play.click();
  await written.nth(1).waitFor();
  await page.locator('#prompt').fill('anna saw a dog');
  const other = /** @type {{name: string}} */ (models.at(-1)).name;
  if (models.length > 1) await page.locator('#model').selectOption(other);
  await drawn(page, 'repeat');
  await page.reload();
  await drawn(page, 'repeat');
  assert.equal(await page.locator('#prompt').inputValue(), 'anna saw a dog');
  assert.equal(await page.locator('#model').inputValue(), other);
  // Nothing of the other text stands behind this one.
  assert.equal(held(page, 'behind'), null);
  assert.equal(await written.count(), 0);
  assert.deepEqual(faults, []);
  await page.close();
});

// open-webui/open-webui#6172: what was written is gone for who went away and comes back.
test('Back finds what was written behind a prompt, with every model', async () => {
  for (const { name } of models) {
    const { page, faults } = await open(browser.context, served.address, {
      model: name,
      prompt: 'the bird is',
    });
    const { on, written } = await writer(page);
    for (const size of [1, 2, 3]) {
      await on.click();
      await page.waitForFunction(
        (size) => location.hash.split('behind=')[1]?.split(/[.&]/).length === size,
        size,
      );
    }
    const behind = held(page, 'behind');
    const text = await written.allTextContents();
    await page.locator('#prompt').fill('anna saw');
    await page.waitForFunction(() => !location.hash.includes('behind='));
    await drawn(page, 'repeat');
    assert.equal(await written.count(), 0);
    await page.goBack();
    await written.nth(2).waitFor();
    await drawn(page, 'repeat');
    assert.equal(held(page, 'behind'), behind, name);
    assert.deepEqual(await written.allTextContents(), text, name);
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});

// oobabooga/textgen#5837: a program that was started again while its page stood open wipes the text.
test('a program that is started again finds the text that was written', async () => {
  const first = await serve(['default']);
  const { page } = await open(browser.context, first.address, { prompt: 'the bird is' });
  const { on, written } = await writer(page);
  await on.click();
  await written.nth(0).waitFor();
  await page.waitForFunction(() => location.hash.includes('behind='));
  const text = await written.allTextContents();
  await first.stop();
  await on.click();
  await page.locator('#away:visible').waitFor();
  const again = await serve(['default'], new URL(first.address).port);
  await page.locator('#away').waitFor({ state: 'hidden' });
  await page.locator('#tokens .chip').first().waitFor();
  await drawn(page, 'repeat');
  await written.nth(0).waitFor();
  assert.deepEqual((await written.allTextContents()).slice(0, text.length), text);
  await page.close();
  await again.stop();
});

// ggml-org/llama.cpp#25055: stop, pressed before anything is written, does not stop and breaks the button.
test('a pause before the first token pauses, and play goes on after it', async () => {
  for (const { name } of models) {
    const { page, faults } = await open(browser.context, served.address, {
      model: name,
      prompt: 'the bird is',
    });
    const { play, written } = await writer(page);
    await play.evaluate((node) => {
      for (let press = 0; press < 2; press += 1) /** @type {HTMLElement} */ (node).click();
    });
    assert.equal(await play.textContent(), 'play', name);
    await page.waitForTimeout(600);
    const before = await written.count();
    await page.waitForTimeout(600);
    assert.equal(await written.count(), before, name);
    await play.click();
    await written.nth(before + 1).waitFor();
    await play.click();
    assert.equal(await play.textContent(), 'play', name);
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});
