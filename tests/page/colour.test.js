/** What is written on colours can be read, and a share is written alike everywhere. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { drawn, fixture, open } from './browser.js';

const { served, browser } = await fixture(['default']);

for (const dark of [false, true]) {
  test(`digits stand out from every cell and every token's hue, ${dark ? 'dark' : 'light'}`, async () => {
    const { page } = await open(browser.context, served.address, {}, { dark });
    const worst = await page.evaluate(async () => {
      const address = '/kit/colour.js';
      const { hue, named, readable, signed, weight } = await import(address);
      const node = document.body.appendChild(document.createElement('span'));
      const rgb = (/** @type {string} */ colour) => {
        node.style.color = colour;
        return (getComputedStyle(node).color.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
      };
      // As WCAG 2 defines it.
      const luminance = (/** @type {number[]} */ rgb) => {
        const [r = 0, g = 0, b = 0] = rgb.map((part) => {
          const share = part / 255;
          return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const contrast = (/** @type {string} */ one, /** @type {string} */ other) => {
        const [a = 0, b = 0] = [one, other].map((of) => luminance(rgb(of))).sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
      };
      let [cells, hues] = [Infinity, Infinity];
      for (let at = 0; at <= 1000; at += 1) {
        for (const colour of [weight(at / 1000), signed(at / 1000, 1), signed(-at / 1000, 1)])
          cells = Math.min(cells, contrast(readable(colour), colour));
      }
      const paper = `rgb(${named('paper').join(' ')})`;
      for (let token = 0; token < 400; token += 1)
        hues = Math.min(hues, contrast(hue(token), paper));
      return { cells, hues };
    });
    assert.ok(worst.cells >= 4.5, `cells: ${worst.cells}`);
    assert.ok(worst.hues >= 4.5, `hues: ${worst.hues}`);
    await page.close();
  });
}

test('bars are seen where the system sets all colours', async () => {
  const { page } = await open(browser.context, served.address);
  await page.emulateMedia({ forcedColors: 'active' });
  const judge = await browser.context.newPage();
  for (const [stage, bar] of [
    ['stream', '.bar-fill'],
    ['next', '.bar-fill'],
    ['sample', '.sample-bar'],
    ['ov', '.ov-bar'],
    ['context', '.moves-bar'],
    ['repeat', '.cost-bar'],
  ]) {
    const figure = await drawn(page, stage ?? '');
    const widest = await figure.locator(bar ?? '').evaluateAll((bars) => {
      const widths = bars.map((bar) => bar.getBoundingClientRect().width);
      return widths.indexOf(Math.max(...widths));
    });
    const png = await figure
      .locator(bar ?? '')
      .nth(widest)
      .screenshot();
    // The page's own policy lets no such picture in; an empty page has none.
    const middle = await judge.evaluate(async (png) => {
      const picture = new Image();
      picture.src = `data:image/png;base64,${png}`;
      await picture.decode();
      const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (
        new OffscreenCanvas(1, 1).getContext('2d')
      );
      pen.drawImage(picture, -Math.floor(picture.width / 4), -Math.floor(picture.height / 2));
      return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
    }, png.toString('base64'));
    assert.ok(
      middle.some((part) => part < 240),
      `${stage}: ${middle}`,
    );
  }
  await judge.close();
  await page.close();
});

test('a share has the digits that tell it from none and from all', async () => {
  const { page } = await open(browser.context, served.address);
  const shares = [
    0,
    1,
    0.5,
    0.312,
    0.085,
    0.0054,
    0.000003,
    1.5e-7,
    0.92,
    0.965,
    0.99,
    0.9951,
    0.99974,
    0.999982,
    0.99996,
    1.004,
    1.28,
    -0.001,
    -0.4,
    1 - 1e-12,
  ];
  const said = await page.evaluate(async (shares) => {
    const address = '/kit/number.js';
    const { format } = await import(address);
    return shares.map((value) => format(value, { percent: true }));
  }, shares);
  assert.deepEqual(said, [
    ...['0 %', '100 %', '50 %', '31 %', '8.5 %', '0.54 %', '0.00030 %', '1.5e-7', '92 %'],
    ...['96.5 %', '99.0 %', '99.5 %', '99.97 %', '99.998 %', '99.996 %', '100.4 %', '128 %'],
    ...['-0.10 %', '-40 %', '100 %'],
  ]);
  for (const [at, value] of shares.entries())
    if (value > 0 && value < 1 - 1e-9)
      assert.ok(!/^(0|100)(\.0*)? %$/.test(said[at] ?? ''), said[at]);
  await page.close();
});
