/** What surrounds the figures: the reference's lines, documents and links. */

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { allDrawn, fixture, frames, open, putAt } from './browser.js';

const { served, browser } = await fixture(['default']);
const ROOT = '../..';

/** @param {import('playwright-core').Page} page */
async function whole(page) {
  await allDrawn(page);
  await putAt(page, page.locator('#around-section'), 120);
  await page.locator('#around-section .reference').waitFor();
}

test('lines of the reference are those of its files', async () => {
  const { page, faults } = await open(browser.context, served.address);
  await whole(page);
  const told = await page.locator('details.reference').evaluateAll((nodes) =>
    nodes.map((node) => ({
      section: node.closest('section')?.id ?? '',
      file: node.querySelector('code')?.textContent ?? '',
      lines: (node.querySelector('pre')?.textContent ?? '').split('\n'),
    })),
  );
  assert.ok(told.length > 10, `only ${told.length}`);
  for (const { section, file, lines } of told) {
    const source = readFileSync(`${ROOT}/${file}`, 'utf8').split('\n');
    const isThere = source.some((_, from) => {
      const indent = /^ */.exec(source[from] ?? '')?.[0] ?? '';
      return lines.every((line, at) => source[from + at] === (line === '' ? '' : indent + line));
    });
    assert.ok(isThere, `${section}: ${file} has no such lines`);
  }
  assert.deepEqual(faults, []);
  await page.close();
});

test('documents that are named exist, and a link within the page keeps what is chosen', async () => {
  const { page } = await open(browser.context, served.address, { token: '1' });
  await whole(page);
  const named = await page.locator('main code').allTextContents();
  const documents = named.filter((name) => /^docs\/.+\.md$/.test(name));
  assert.ok(documents.length > 2, String(documents));
  for (const name of documents) assert.ok(existsSync(`${ROOT}/${name}`), name);
  const links = page.locator('a.to-part');
  for (let at = 0; at < (await links.count()); at += 1) {
    const link = links.nth(at);
    const to = (await link.getAttribute('href')) ?? '';
    await link.press('Enter');
    await frames(page);
    const heading = page.locator(`${to} h2`);
    assert.equal(await heading.textContent(), await link.textContent());
    assert.ok(await heading.evaluate((node) => node === document.activeElement), to);
    assert.match(page.url(), /#token=1$/);
  }
  await page.close();
});
