/** What is changed of the passes: in the address, in the bar, in every number, and on the command line. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import {
  added,
  asRequest,
  namesTokens,
  read,
  scoreOf,
  VARIANTS,
  variant,
  without,
  write,
} from '../../crates/serve/web/kit/changes.js';
import { commandLine } from '../../crates/serve/web/kit/command_line.js';
import { quoted } from '../../crates/serve/web/kit/shell.js';
import {
  allDrawn,
  browse,
  drawn,
  fixture,
  MODELS,
  open,
  openTables,
  PROGRAM,
  settled,
  trace,
} from './browser.js';
import { fit, N, says } from './claims/forms.js';
import { shown, wrong } from './numbers.js';

/** @typedef {import('playwright-core').Page} Page */

const { served, browser } = await fixture(MODELS);
const PROMPT = 'anna smith saw a red bird. who is anna? anna';

test('changes are read as they are written, whatever words stand in them', () => {
  const all = [
    without('head', 1, 0),
    without('head', 12, 34, true),
    without('attention', 2),
    without('mlp', 0),
    without('neuron', 2, 117),
    ...VARIANTS.map(variant),
    scoreOf(1, 0, 11, 3, -2.5),
    added(1, 'a;b "c"', 'd', 4),
    ...read('blocks.0.attn.z[-1, 1] *= 0.5'),
  ];
  const text = write(all) ?? '';
  assert.deepEqual(read(text), all);
  const paused = all.map((change, at) => ({ ...change, isPaused: at % 2 === 0 }));
  assert.deepEqual(read(write(paused)), paused);
  assert.deepEqual(asRequest(paused).variant, {
    no_mask: true,
    no_position: true,
    plain_attention: true,
  });
  assert.equal(asRequest(paused).edits?.length, 3);
  assert.deepEqual(read(null), []);
  assert.equal(write([]), null);
  assert.deepEqual(asRequest(read('paused:off:1.0')), {});
});

test('a change that names tokens by their place is told from one that does not', () => {
  const named = [
    'score:1.0.11.3:2',
    'blocks.0.resid_post[3] = 0',
    'blocks.0.attn.scores[1, -1, :] = 0',
  ];
  const others = ['off:1.0', 'no-mask', 'blocks.0.attn.z[:, 1] = 0', 'blocks.0.attn.scores harden'];
  assert.deepEqual(
    named.flatMap((text) => read(text).map(namesTokens)),
    [true, true, true],
  );
  assert.deepEqual(
    others.flatMap((text) => read(text).map(namesTokens)),
    [false, false, false, false],
  );
});

/** Words of a command line, as a shell reads it. @param {string} line */
function words(line) {
  const print = `for word in ${line}; do printf '%s\\0' "$word"; done`;
  return execFileSync('sh', ['-c', print], { encoding: 'utf8' }).split('\0').slice(0, -1);
}

test('an argument is what a shell makes of it again, whatever is in it', () => {
  const all = [
    'a',
    'the bird',
    "tom's",
    'say "no"',
    '$HOME `id` \\n !!',
    '',
    '#7',
    '~',
    '[1:2] *= 0',
  ];
  const line = all.map(quoted).join(' ');
  assert.deepEqual(words(line), all);
  assert.equal(quoted('the bird'), '"the bird"');
  assert.equal(quoted('blocks.0.mlp_out'), 'blocks.0.mlp_out');
});

/** @type {{changes: string, options: string[]}[]} */
const CHANGED = [
  { changes: 'off:1.2;off:1.1', options: ['--off', '1.2', '--off', '1.1'] },
  { changes: 'mean:0.0', options: ['--edit', 'blocks.0.attn.z[:, 0] = mean'] },
  {
    changes: 'off:mlp.0;paused:off:0.0;no-scale',
    options: ['--off', 'mlp.0', '--no-scale'],
  },
  {
    changes: 'score:1.2.5.1:3;uniform-attention',
    options: ['--edit', 'blocks.1.attn.scores[2, 5, 1] += [3]', '--uniform-attention'],
  },
];

for (const { changes, options } of CHANGED) {
  test(`every number is the engine's under ${changes}`, async () => {
    const answer = await fetch(`${served.address}/api/models`);
    const { models } = await answer.json();
    for (const [at, { name }] of models.slice(0, 2).entries()) {
      const sites = trace(MODELS[at] ?? '', PROMPT, options);
      const before = trace(MODELS[at] ?? '', PROMPT);
      const { page, faults } = await open(browser.context, served.address, {
        model: name,
        prompt: PROMPT,
        layer: '1',
        head: '2',
        token: '5',
        changes,
      });
      await allDrawn(page);
      await openTables(page);
      await page.locator('#changes[data-drawn]').waitFor();
      const numbers = await shown(page);
      const found = numbers
        .map((number) => wrong(number, number.isBefore ? before : sites))
        .filter(Boolean);
      assert.deepEqual(found.slice(0, 10), [], `${name}: ${found.length} of ${numbers.length}`);
      assert.ok(numbers.length > 60, `${name}: only ${numbers.length} numbers`);
      const command = (await page.locator('.opening-command code').textContent()) ?? '';
      assert.deepEqual(
        words(command).slice(-options.length),
        options.map((of) => of),
      );
      assert.deepEqual(faults, [], name);
      await page.close();
    }
  });
}

test('the command that is offered computes what the page shows', async () => {
  const { page } = await open(browser.context, served.address, { changes: 'off:0.0;no-scale' });
  const figure = await drawn(page, 'opening');
  const command = (await figure.locator('.opening-command code').textContent()) ?? '';
  const [first, ...rest] = words(command);
  assert.equal(first, 'lookback');
  const told = JSON.parse(execFileSync(PROGRAM, [...rest, '--json'], { encoding: 'utf8' }));
  const [{ id, probability }] = told.next;
  const bar = figure.locator('.bar.is-picked .bar-number').last();
  assert.equal(await bar.getAttribute('data-index'), `11,${id}`);
  const share = ((await bar.textContent()) ?? '').replace(' %', '');
  assert.ok(says(share, 100 * probability), `${share}, ${probability}`);
  await page.close();
});

/** @param {Page} page */
const said = (page) => page.locator('#changes .changes-said').textContent();
/** @param {Page} page */
const changesOf = (page) => new URLSearchParams(new URL(page.url()).hash.slice(1)).get('changes');

/** The last token's probabilities. @param {ReturnType<typeof trace>} sites */
function lastRow(sites) {
  const { shape = [], values = new Float32Array() } = sites.get('probabilities') ?? {};
  const [tokens = 0, size = 0] = shape;
  return Array.from(values.subarray((tokens - 1) * size, tokens * size));
}

/**
 * What is wrong with the sentence about changes, if anything.
 * @param {{model: string, path: string, prompt: string, changes: string, options: string[]}} experiment
 */
async function untrue({ model, path, prompt, changes, options }) {
  const was = lastRow(trace(path, prompt));
  const is = lastRow(trace(path, prompt, options));
  const first = was.indexOf(Math.max(...was));
  const likeliest = is.indexOf(Math.max(...is));
  const [before = 0, now = 0, most = 0] = [was[first], is[first], is[likeliest]];
  const { page } = await open(browser.context, served.address, { model, prompt, changes });
  await page.locator('#changes[data-drawn]').waitFor();
  const text = (await said(page)) ?? '';
  await page.close();
  const share = (/** @type {string} */ name) => `(?<${name}>${N})(?<${name}Percent> %)?`;
  const form = fit(
    text,
    `.+, .+? (?:stays at ${share('same')}|(?<how>falls|rises) from ${share('from')} to (?<none>almost nothing \\()?${share('to')}\\)?)(?:(?<still> and is still the likeliest)|, and .+ is the likeliest, with ${share('most')})\\.`,
  );
  if (!form) return [text];
  const holds = (/** @type {string} */ name, /** @type {number} */ value) =>
    form[name] === undefined || says(form[name], (form[`${name}Percent`] ? 100 : 1) * value);
  return [
    (form.still !== undefined) === (likeliest === first),
    form.how === undefined || (form.how === 'falls') === now < before,
    holds('same', now) && holds('same', before),
    holds('from', before),
    holds('to', now),
    (form.none !== undefined) === (form.to !== undefined && now < 1e-6),
    holds('most', most),
  ].flatMap((isTrue, at) => (isTrue ? [] : [`${at}: ${text} (${before}, ${now}, ${most})`]));
}

test('the sentence in the bar is so', async () => {
  for (const [changes, options] of /** @type {[string, string[]][]} */ ([
    ['off:1.2', ['--off', '1.2']],
    ['off:1.2;off:1.1;off:1.0', ['--off', '1.2', '--off', '1.1', '--off', '1.0']],
    ['off:0.0', ['--off', '0.0']],
    ['off:2.0', ['--off', '2.0']],
    ['off:neuron.2.5', ['--off', 'neuron.2.5']],
    ['no-mask', ['--no-mask']],
    ['add:1:3:"red"-"blue"', ['--edit', 'blocks.1.resid_post[:] += 3 * dir("red" - "blue")']],
  ]))
    assert.deepEqual(
      await untrue({ model: 'default', path: 'default', prompt: PROMPT, changes, options }),
      [],
      changes,
    );
});

test('it is so of other models, texts and changes, too', async () => {
  const { models } = await (await fetch(`${served.address}/api/models`)).json();
  const texts = ['once upon a time there was', 'tom saw a dog. the dog', 'king'];
  let seed = Number(process.env.LOOKBACK_SEED ?? 7);
  // Park and Miller's numbers: enough to choose a few.
  const below = (/** @type {number} */ end) => (seed = (seed * 48271) % 2147483647) % end;
  for (const [at, { name, layers, heads }] of models.entries())
    for (const prompt of texts) {
      const [layer, head] = [below(layers), below(heads)];
      const [changes, options] = /** @type {[string, string[]][]} */ ([
        [`off:${layer}.${head}`, ['--off', `${layer}.${head}`]],
        [`off:attn.${layer};no-scale`, ['--off', `attn.${layer}`, '--no-scale']],
        [`off:mlp.${layer};no-position`, ['--off', `mlp.${layer}`, '--no-position']],
        [`mean:${layer}.${head}`, ['--edit', `blocks.${layer}.attn.z[:, ${head}] = mean`]],
        ['uniform-attention', ['--uniform-attention']],
      ])[below(5)] ?? ['', []];
      assert.deepEqual(
        await untrue({ model: name, path: MODELS[at] ?? '', prompt, changes, options }),
        [],
        `${name}, ${prompt}, ${changes}`,
      );
    }
});

test('a change is paused, taken up again and removed, all are, and Back brings them back', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    changes: 'off:0.0;off:1.2',
  });
  await drawn(page, 'opening');
  const bar = page.locator('#changes');
  await bar.getByRole('button', { name: 'pause: head 0.0 off' }).click();
  assert.equal(changesOf(page), 'paused:off:0.0;off:1.2');
  await drawn(page, 'opening');
  await page.waitForFunction(() =>
    document.querySelector('.changes-said')?.textContent?.startsWith('Without head 1.2,'),
  );
  const resume = bar.getByRole('button', { name: 'resume: head 0.0 off' });
  // Whoever pressed it has the focus still.
  assert.ok(await resume.evaluate((node) => node === document.activeElement));
  await page.keyboard.press('Enter');
  assert.equal(changesOf(page), 'off:0.0;off:1.2');
  await bar.getByRole('button', { name: /^to mean: head 1\.2 off/ }).click();
  assert.equal(changesOf(page), 'off:0.0;mean:1.2');
  await page.waitForFunction(() =>
    document.querySelector('.changes-said')?.textContent?.includes('head 1.2 at its mean,'),
  );
  assert.ok(await page.locator('.opening-switch input').first().isChecked());
  await bar.getByRole('button', { name: /^to 0: head 1\.2 at its mean/ }).click();
  assert.equal(changesOf(page), 'off:0.0;off:1.2');
  await bar.getByRole('button', { name: 'remove: head 1.2 off' }).click();
  assert.equal(changesOf(page), 'off:0.0');
  await bar.getByRole('button', { name: 'all off' }).click();
  assert.equal(changesOf(page), null);
  await bar.waitFor({ state: 'hidden' });
  await page.goBack();
  await page.waitForFunction(() => location.hash.includes('changes=off:0.0'));
  await bar.waitFor();
  await settled(page);
  assert.deepEqual(faults, []);
  await page.close();
});

test('by keys alone a head is switched off where heads are shown, and its chip is removed', async () => {
  const { page } = await open(browser.context, served.address, { layer: '1', head: '3' });
  const figure = await drawn(page, 'attend');
  await figure.getByRole('button', { name: 'what if', exact: true }).focus();
  await page.keyboard.press('Enter');
  await figure.getByRole('button', { name: 'head 1.3 off' }).focus();
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => location.hash.includes('changes=off:1.3'));
  await drawn(page, 'attend');
  const button = figure.getByRole('button', { name: 'head 1.3 off' });
  assert.equal(await button.getAttribute('aria-pressed'), 'true');
  assert.ok(await button.evaluate((node) => node === document.activeElement));
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => !location.hash.includes('changes='));
  await page.close();
});

test('attention, MLPs, neurons, variants, a score and a vector are changed where they are shown', async () => {
  const { page, faults } = await open(browser.context, served.address, {
    prompt: PROMPT,
    layer: '1',
    head: '0',
  });
  const press = async (/** @type {string} */ stage, /** @type {string} */ name) => {
    const figure = await drawn(page, stage);
    await figure.getByRole('button', { name, exact: true }).click();
    await drawn(page, stage);
  };
  await press('stream', 'attention of layer 1 off');
  await press('mlp', 'MLP of layer 1 off');
  await press('attend', 'what if');
  await press('attend', 'no √d');
  assert.equal(changesOf(page), 'off:attn.1;off:mlp.1;no-scale');
  const attend = await drawn(page, 'attend');
  const slider = attend.locator('.slider', { hasText: 'add to the score' }).locator('input');
  await slider.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  assert.match(changesOf(page) ?? '', /;score:1\.0\.11\.\d+:1$/);
  await drawn(page, 'attend');
  // Where it was, so that one goes on dragging.
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('ArrowLeft');
  assert.equal(changesOf(page), 'off:attn.1;off:mlp.1;no-scale');
  const stream = await drawn(page, 'stream');
  await stream.locator('.vector-slider input[type="range"]').focus();
  await page.keyboard.press('ArrowRight');
  assert.match(changesOf(page) ?? '', /;add:1:0\.5:"red"-"blue"$/);
  await drawn(page, 'stream');
  assert.deepEqual(faults, []);
  await page.close();
});

/**
 * A place of a drawing where what is pointed at says so: by its title, or by the cursor.
 * @param {import('playwright-core').Locator} canvas
 * @param {string} says
 */
async function placeOf(canvas, says) {
  await canvas.scrollIntoViewIfNeeded();
  const place = await canvas.evaluate((node, says) => {
    const { left, top, right, bottom } = node.getBoundingClientRect();
    for (let y = top + 6; y < bottom; y += 9)
      for (let x = left + 6; x < right; x += 9) {
        const at = { clientX: x, clientY: y, bubbles: true };
        node.dispatchEvent(new PointerEvent('pointermove', at));
        if (`${node.getAttribute('title')} ${node.style.cursor}`.includes(says))
          return { x: x + 4, y: y + 4 };
      }
    return null;
  }, says);
  assert.ok(place, says);
  return place;
}

test('a long press switches a head off, and the picked cell is dragged', async () => {
  const { page, faults } = await open(
    browser.context,
    served.address,
    { layer: '1', head: '2' },
    { height: 1000 },
  );
  const figure = await drawn(page, 'attend');
  const { mouse } = page;
  const heads = await placeOf(figure.locator('.thumbnails'), 'layer 1, head 3');
  await mouse.move(heads.x, heads.y);
  await mouse.down();
  await page.waitForFunction(() => location.hash.includes('changes=off:1.3'));
  await mouse.up();
  // The press was no click: the opened head is the one that it was.
  assert.match(page.url(), /layer=1&head=2/);
  await drawn(page, 'attend');
  const matrix = figure.locator('.matrix-canvas').first();
  const cell = await placeOf(matrix, 'ns-resize');
  await mouse.move(cell.x, cell.y);
  await mouse.down();
  await mouse.move(cell.x, cell.y - 40, { steps: 4 });
  await mouse.up();
  assert.match(changesOf(page) ?? '', /^off:1\.3;score:1\.2\.11\.\d+:2$/);
  // Where the drag ended nothing is picked.
  assert.doesNotMatch(page.url(), /token=/);
  await drawn(page, 'attend');
  assert.deepEqual(faults, []);
  await page.close();
});

test('what cannot be changed is said in the bar, and removing it is enough', async () => {
  const { page } = await open(browser.context, served.address, { changes: 'off:77.0' });
  await page.locator('#changes .is-refused').waitFor();
  assert.match((await said(page)) ?? '', /77/);
  await page.getByRole('button', { name: /^remove: / }).click();
  await drawn(page, 'opening');
  await page.close();
});

test('an experiment is restored in another browser, with what is paused', async () => {
  const changes = 'off:1.2;paused:no-scale;mean:0.1';
  const { page } = await open(browser.context, served.address, { changes, token: '9' });
  await drawn(page, 'next');
  const list = await page.locator('.next-list').textContent();
  const other = await browse();
  const hash = new URLSearchParams(new URL(page.url()).hash.slice(1));
  const again = await open(other.context, served.address, Object.fromEntries(hash));
  await drawn(again.page, 'next');
  assert.equal(await again.page.locator('.next-list').textContent(), list);
  assert.equal(await again.page.locator('#changes .is-paused').count(), 1);
  await other.close();
  await page.close();
});

test('the command of a chat reads the ids that its template made, and that of a text the text', () => {
  const of = { about: { name: 'default', path: '' }, prompt: "anna's", ids: [5, 7], changes: [] };
  const line = (/** @type {boolean} */ chat) =>
    commandLine(/** @type {any} */ ({ ...of, chat }), 'look', ['--layer', '1']);
  assert.equal(line(true), 'lookback look default --ids 5,7 --layer 1');
  assert.equal(line(false), `lookback look default -p "anna's" --layer 1`);
});
