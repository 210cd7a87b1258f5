/**
 * A served model and a browser that looks at it.
 *
 * `LOOKBACK` names the program, `LOOKBACK_HOME` holds the default model, `LOOKBACK_MODELS` lists more
 * models by path, `LOOKBACK_SCREENSHOTS` is where pictures are kept, `LOOKBACK_FULL` asks for every variation.
 */

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

/** @typedef {import('playwright-core').Page} Page */

export const PROGRAM = process.env.LOOKBACK ?? '../../target/release/lookback';
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const PICTURES = process.env.LOOKBACK_SCREENSHOTS ?? '../../target/screenshots';

/** Whether every variation is tried, where otherwise those are that find most. */
export const FULL = process.env.LOOKBACK_FULL !== undefined;

/** The models that are looked at, as the command line takes them. */
export const MODELS = ['default', ...(process.env.LOOKBACK_MODELS ?? '').split(',')].filter(
  Boolean,
);

/**
 * Serves models on a port of its own, or on this one.
 * @param {string[]} models
 * @param {string} [port]
 */
export async function serve(models, port = '0') {
  const child = spawn(PROGRAM, ['serve', ...models, '--port', port, '--no-open'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (text) => {
    errors += text;
  });
  /** @type {string} */
  const address = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = line.match(/http:\/\/[\w.[\]:]+/);
      if (found) resolve(found[0]);
    });
    child.on('exit', (code) => reject(new Error(`the program ended with ${code}: ${errors}`)));
  });
  return {
    address,
    process: child,
    stop: () =>
      new Promise((resolve) => {
        child.removeAllListeners('exit');
        child.on('exit', resolve);
        child.kill();
      }),
  };
}

/** A browser with a profile of its own. */
export async function browse() {
  const profile = mkdtempSync(join(tmpdir(), 'lookback-page-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}

/**
 * What the tests of a file share: models that are served, and a browser. Both end after the last test.
 * @param {string[]} models
 */
export async function fixture(models) {
  const served = await serve(models);
  const browser = await browse();
  after(async () => {
    await browser.close();
    await served.stop();
  });
  return { served, browser };
}

/**
 * Opens the page and waits for its bar. Whatever goes wrong on it is collected in `faults`.
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} address
 * @param {Record<string, string>} [chosen]  the fragment
 * @param {{width?: number, height?: number, dark?: boolean, still?: boolean}} [options]
 */
export async function open(context, address, chosen = {}, options = {}) {
  const page = await context.newPage();
  await page.setViewportSize({ width: options.width ?? 1280, height: options.height ?? 900 });
  await page.emulateMedia({
    colorScheme: options.dark ? 'dark' : 'light',
    reducedMotion: options.still ? 'reduce' : 'no-preference',
  });
  /** @type {string[]} */
  const faults = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text());
  });
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('requestfailed', (request) => {
    // The page itself gives up what is no longer wanted.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') {
      faults.push(`${request.url()}: ${request.failure()?.errorText}`);
    }
  });
  page.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !url.startsWith('data:') && !url.startsWith('blob:')) {
      faults.push(`a request left the machine: ${url}`);
    }
  });
  await page.goto(`${address}/#${fragment(chosen)}`);
  await page.locator('#tokens .chip').first().waitFor();
  return { page, faults };
}

/** @param {Record<string, string>} chosen */
export function fragment(chosen) {
  return new URLSearchParams(chosen).toString().replaceAll('+', '%20');
}

/**
 * Scrolls to something at once. A locator's own way waits for two frames in which nothing moves.
 * @param {import('playwright-core').Locator} what
 */
function show(what) {
  return what.evaluate((node) => /** @type {any} */ (node).scrollIntoViewIfNeeded());
}

/**
 * Opens the tables of all figures that have one.
 * @param {Page} page
 */
export function openTables(page) {
  return page.locator('figure .figure-opener').evaluateAll((openers) => {
    for (const opener of openers) /** @type {HTMLElement} */ (opener).click();
  });
}

/**
 * Scrolls to a figure and waits until it has drawn what is chosen.
 * @param {Page} page
 * @param {string} stage
 */
export async function drawn(page, stage) {
  const figure = page.locator(`figure[data-stage="${stage}"]`);
  await show(figure);
  // Asked at every frame, where a locator asks again after up to half a second.
  await page.waitForFunction(
    (stage) => {
      const figure = /** @type {HTMLElement | null} */ (
        document.querySelector(`figure[data-stage="${stage}"]:not(.is-busy)`)
      );
      return (
        figure?.dataset.drawn === location.hash &&
        figure.checkVisibility({ visibilityProperty: true }) &&
        figure.clientHeight > 0
      );
    },
    stage,
    { timeout: 60_000 },
  );
  return figure;
}

/**
 * Draws all figures at once, but for some, as when the keyboard reaches each, and waits for them.
 * @param {Page} page
 * @param {string[]} [except]
 */
export async function allDrawn(page, except = []) {
  const wanted = (await stages(page)).filter((stage) => !except.includes(stage));
  await page.evaluate((wanted) => {
    for (const stage of wanted)
      document
        .querySelector(`figure[data-stage="${stage}"]`)
        ?.dispatchEvent(new FocusEvent('focusin'));
  }, wanted);
  await page.waitForFunction(
    (wanted) =>
      wanted.every((stage) => {
        const figure = /** @type {HTMLElement | null} */ (
          document.querySelector(`figure[data-stage="${stage}"]`)
        );
        return figure?.dataset.drawn === location.hash && !figure.classList.contains('is-busy');
      }),
    wanted,
    { timeout: 60_000 },
  );
  await frames(page);
}

/** Waits until two frames are painted. @param {Page} page */
export function frames(page) {
  return page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
}

/**
 * Waits until no figure is being drawn, and those on the screen, and near to it, show what is chosen. One
 * that says why it cannot shows that.
 * @param {Page} page
 */
export async function settled(page) {
  await page.waitForFunction(
    (near) => {
      const bar = /** @type {Element} */ (document.querySelector('#bar')).getBoundingClientRect();
      return Array.from(document.querySelectorAll('figure[data-stage]')).every((node) => {
        const figure = /** @type {HTMLElement} */ (node);
        const { top, bottom } = figure.getBoundingClientRect();
        if (figure.classList.contains('is-busy')) return false;
        // What is above the bar is drawn when the reader goes there; near is as in figures.js.
        if (bottom <= bar.bottom || top >= window.innerHeight + near) return true;
        const problem = /** @type {HTMLElement | null} */ (figure.querySelector('.figure-problem'));
        return figure.dataset.drawn === location.hash || problem?.hidden === false;
      });
    },
    300,
    { timeout: 60_000 },
  );
  await frames(page);
}

/**
 * Puts the upper edge of something at a height of the screen, and waits until what is near is drawn.
 * @param {Page} page
 * @param {import('playwright-core').Locator} what
 * @param {number} height
 */
export async function putAt(page, what, height) {
  // In a frame: before it, the page may not be scrolled yet by as much as a figure above has grown.
  await what.evaluate(
    (node, height) =>
      new Promise((/** @type {(done?: undefined) => void} */ resolve) =>
        new IntersectionObserver(([entry], observer) => {
          observer.disconnect();
          window.scrollBy({
            top: (entry?.boundingClientRect.top ?? 0) - height,
            behavior: 'instant',
          });
          resolve();
        }).observe(node),
      ),
    height,
  );
  await settled(page);
}

/**
 * Where the page stands, and the upper edge of a figure on the screen, as they are painted: between two
 * frames the page is not scrolled yet by as much as a figure above has grown.
 * @param {Page} page
 * @param {string} stage
 * @returns {Promise<{scrolled: number, top: number}>}
 */
export function place(page, stage) {
  return page.locator(`figure[data-stage="${stage}"]`).evaluate(
    (figure) =>
      new Promise((resolve) =>
        new IntersectionObserver(([entry], observer) => {
          observer.disconnect();
          resolve({ scrolled: window.scrollY, top: entry?.boundingClientRect.top ?? 0 });
        }).observe(figure),
      ),
  );
}

/**
 * The names of all figures, in the page's order.
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
export function stages(page) {
  return page
    .locator('figure[data-stage]')
    .evaluateAll((figures) => figures.map((figure) => figure.getAttribute('data-stage') ?? ''));
}

/**
 * Keeps a picture to be looked at.
 * @param {Page} page
 * @param {string} name
 */
export async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

/**
 * What `lookback look -o` writes of a prompt: by site, its axes and numbers.
 * @param {string} model
 * @param {string} prompt
 * @param {string[]} [options]  what is changed of the pass
 * @returns {Map<string, {shape: number[], values: Float32Array}>}
 */
export function trace(model, prompt, options = []) {
  const folder = mkdtempSync(join(tmpdir(), 'lookback-trace-'));
  const file = join(folder, 'trace.safetensors');
  execFileSync(PROGRAM, ['look', model, '-p', prompt, '-o', file, ...options], { stdio: 'pipe' });
  const bytes = readFileSync(file);
  rmSync(folder, { recursive: true });
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const sites = new Map();
  for (const [name, about] of Object.entries(header)) {
    if (about.dtype !== 'F32') continue;
    const [from, to] = about.data_offsets;
    const copy = Uint8Array.prototype.slice.call(bytes, 8 + length + from, 8 + length + to);
    sites.set(name, { shape: about.shape, values: new Float32Array(copy.buffer) });
  }
  return sites;
}
