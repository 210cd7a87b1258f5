/** What a reader does: types, follows a link, reloads, opens a second tab, loses the program. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, fragment, MODELS, open, serve, settled, stages } from './browser.js';

const { served, browser } = await fixture(MODELS);

/** @param {import('playwright-core').Page} page */
const chips = (page) => page.locator('#tokens .chip').allTextContents();

test('the page follows what is typed', async () => {
  const { page, faults } = await open(browser.context, served.address);
  await drawn(page, 'attend');
  await page.locator('#prompt').fill('anna saw a small dog');
  await page.waitForFunction(() => document.querySelectorAll('#tokens .chip').length === 5);
  assert.deepEqual(await chips(page), ['anna', '·saw', '·a', '·small', '·dog']);
  await drawn(page, 'attend');
  assert.deepEqual(faults, []);
  await page.close();
});

test('a link restores what was seen', async () => {
  const chosen = { prompt: 'the red bird', layer: '1', head: '2', token: '1', 'attend.step': '2' };
  const { page } = await open(browser.context, served.address, chosen);
  await drawn(page, 'attend');
  assert.equal(await page.locator('#layer').inputValue(), '1');
  assert.equal(await page.locator('#head').inputValue(), '2');
  assert.equal(await page.locator('#prompt').inputValue(), 'the red bird');
  assert.match((await page.locator('.attend-step').textContent()) ?? '', /^3\. Mask/);
  await page.reload();
  await drawn(page, 'attend');
  assert.equal(new URL(page.url()).hash, `#${fragment(chosen)}`);
  await page.close();
});

test('a button turns day into night at once, and back, whatever the system asks for', async () => {
  for (const dark of [false, true]) {
    const { page } = await open(browser.context, served.address, {}, { dark });
    await drawn(page, 'attend');
    const colours = await page.evaluate(() => {
      const button = /** @type {HTMLButtonElement} */ (document.querySelector('#theme'));
      const seen = () => {
        const { colorScheme } = getComputedStyle(document.documentElement);
        return `${colorScheme} ${getComputedStyle(document.body).backgroundColor}`;
      };
      return [1, 2, 3].map(() => {
        const now = seen();
        button.click();
        return now;
      });
    });
    const [day, night] = ['light rgb(251, 250, 246)', 'dark rgb(23, 22, 20)'];
    assert.deepEqual(colours, dark ? [night, day, night] : [day, night, day]);
    await page.close();
  }
});

test('an index that is not there is brought within range', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    layer: '99',
    head: '99',
    token: '99',
    model: 'nobody',
  });
  await drawn(page, 'attend');
  assert.deepEqual(faults, []);
  await page.close();
});

test('nothing is wider than the screen: on the narrowest, with letters twice as large, with odd changes', async () => {
  /** @type {[number, string, Record<string, string>][]} */
  const cases = [
    [280, '', {}],
    [390, '200%', {}],
    [390, '', { changes: 'off:1.0;what:is:this:change;off:mlp.0;score:0.0.99.99:1e9' }],
  ];
  for (const [width, letters, chosen] of cases) {
    const { page } = await open(browser.context, served.address, chosen, { width, still: true });
    await page.evaluate((letters) => (document.documentElement.style.fontSize = letters), letters);
    for (const stage of await stages(page)) {
      const figure = page.locator(`figure[data-stage="${stage}"]`);
      await figure.evaluate((node) => node.scrollIntoView());
      await settled(page);
    }
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, letters);
    await page.close();
  }
});

test('what an address asks for is what is there, not what every object has', async () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    const { page, faults } = await open(browser.context, served.address, {
      'weights.matrix': name,
      'mlp.by': name,
      'sweep.over': name,
    });
    for (const stage of ['weights', 'mlp', 'sweep']) await drawn(page, stage);
    assert.deepEqual(faults, [], name);
    await page.close();
  }
});

test('letters stay letters', async () => {
  const prompt = '<script>window.gone = true</script> <img src=x onerror="window.gone = true">';
  const { page, faults } = await open(browser.context, served.address, { prompt });
  await drawn(page, 'tokens');
  assert.equal(await page.evaluate(() => 'gone' in window), false);
  assert.deepEqual(faults, []);
  await page.close();
});

test('what is not seen in a piece is written out, and what joins an emoji is left', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const said = await page.evaluate(async () => {
    const path = '/kit/chips.js';
    const { visible, word, escaped } = await import(path);
    const pieces = [
      'a\u00a0b',
      '\u200b',
      '\ufeffanna',
      ' \u202esmith',
      '\u0007',
      '\u0301',
      ' \u0301',
    ];
    return {
      visible: [...pieces, '👩\u200d👧', '❤\ufe0f', '\u200d', ' a\n\t', ''].map(visible),
      words: ['\u00a0', ' \u202esmith', ' bird'].map(word),
      text: escaped('e\u0301\u00a0b\u0001\n'),
    };
  });
  assert.deepEqual(said, {
    visible: [
      'a\\u{a0}b',
      '\\u{200b}',
      '\\u{feff}anna',
      '·\\u{202e}smith',
      '\\u{7}',
      '◌\u0301',
      '·◌\u0301',
      '👩\u200d👧',
      '❤\ufe0f',
      '\\u{200d}',
      '·a↵⇥',
      '∅',
    ],
    words: ['“\\u{a0}”', '\\u{202e}smith', 'bird'],
    text: 'e\u0301\u00a0b\\u{1}\n',
  });
  assert.deepEqual(faults, []);
  await page.close();
});

for (const [name, prompt] of Object.entries({
  emoji: 'a 🐦 is 🟥 👩‍👩‍👧',
  'right to left': 'הציפור אדומה الطائر أحمر',
  'a word of many letters': 'a'.repeat(40),
  'line ends': 'the bird\nis red\n',
})) {
  test(`a prompt with ${name} is read`, async () => {
    const { page, faults } = await open(browser.context, served.address, { prompt });
    await drawn(page, 'tokens');
    await drawn(page, 'attend');
    assert.deepEqual(faults, []);
    await page.close();
  });
}

test('a prompt that cannot be read is refused in a sentence, and the figures stay', async () => {
  const { page } = await open(browser.context, served.address);
  await drawn(page, 'attend');
  const before = await chips(page);
  await page.locator('#prompt').fill('the bird is red '.repeat(2000));
  await page.locator('#said:visible').waitFor();
  assert.match((await page.locator('#said').textContent()) ?? '', /more than this model's context/);
  assert.deepEqual(await chips(page), before);
  await page.locator('#prompt').fill('the bird');
  await page.waitForFunction(() => document.querySelectorAll('#tokens .chip').length === 2);
  assert.equal(await page.locator('#said').isVisible(), false);
  await page.close();
});

test('two tabs look at different things', async () => {
  const one = await open(browser.context, served.address, { prompt: 'the red bird' });
  const two = await open(browser.context, served.address, { prompt: 'the bird is red' });
  await drawn(one.page, 'attend');
  await drawn(two.page, 'attend');
  assert.equal((await chips(one.page)).length, 3);
  assert.equal((await chips(two.page)).length, 4);
  await one.page.close();
  await two.page.close();
});

test('a program that goes away is missed, and found again', async () => {
  const own = await serve(['default']);
  const { page } = await open(browser.context, own.address);
  await drawn(page, 'attend');
  await own.stop();
  await page.locator('#prompt').fill('the red bird');
  await page.locator('#away:visible').waitFor();
  await page.close();
});

test('a prompt of several lines is read as it is written', async () => {
  const prompt = 'def f(x):\n    if x:\n\treturn "\\n"\n\nf(1)';
  const { page, faults } = await open(browser.context, served.address, { prompt });
  const figure = await drawn(page, 'tokens');
  const shown = (await chips(page)).join('');
  assert.equal(shown, prompt.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥'));
  // A line of the figure for each line of the text.
  const lines = await figure
    .locator('.cut-pieces')
    .first()
    .locator('.chip')
    .evaluateAll((nodes) => new Set(nodes.map((node) => node.getBoundingClientRect().top)).size);
  assert.equal(lines, 5);
  const box = page.locator('#prompt');
  const [folded, top] = [await box.boundingBox(), await page.locator('main').boundingBox()];
  assert.match((await page.locator('#prompt-more').textContent()) ?? '', /4 lines/);
  await box.focus();
  const unfolded = await box.boundingBox();
  assert.ok((unfolded?.height ?? 0) > 3 * (folded?.height ?? 0));
  assert.deepEqual(await page.locator('main').boundingBox(), top);
  assert.deepEqual(faults, []);
  await page.close();
});

test('an answer that nobody waits for any more is not given to who asks next', async () => {
  const { page, faults } = await open(browser.context, served.address);
  const sizes = await page.evaluate(async () => {
    const address = '/kit/client.js';
    const { look } = await import(address);
    const about = { model: 'default', prompt: 'the bird', chat: false };
    const sites = [{ site: 'ln_final' }];
    // Two choices in one moment: what was asked for the first is given up before it is sent.
    const given = new AbortController();
    const first = look(about, sites, { signal: given.signal }).catch(() => 'given up');
    given.abort();
    const second = look(about, sites);
    return [await first, (await second).size];
  });
  assert.deepEqual(sizes, ['given up', 1]);
  assert.deepEqual(faults, []);
  await page.close();
});
