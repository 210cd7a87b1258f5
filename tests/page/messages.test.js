/**
 * What the page says, by message id: nothing is said outside the language files, no message is left
 * unused, and a language says what it lacks.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { allDrawn, fixture, open, openTables } from './browser.js';
import { accented, languageFile, saidWithout, strings } from './pseudo_language.js';

const WEB = '../../crates/serve/web';

/** @typedef {Record<string, string | Record<string, string>>} Language */

const scripts = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.js') && !path.startsWith('messages/'))
  .map((path) => ({ path, text: readFileSync(join(WEB, path), 'utf8') }));

/**
 * Whether a node holds what no reader reads: what a constructor is given is a name or a fault of the program's own,
 * a prompt is read by the model, and lines are those of a program.
 * @param {ts.Node} node
 */
function isUnread(node) {
  if (ts.isStringLiteralLike(node) || ts.isTemplateExpression(node))
    return ts.isNewExpression(node.parent);
  const isNamed = ts.isPropertyAssignment(node) || ts.isVariableDeclaration(node);
  return isNamed && /^(prompt|lines|[A-Z_]*PROMPT)$/.test(node.name.getText());
}

/**
 * The strings of a script that stand for themselves, with their lines.
 * @param {string} text
 * @param {(node: ts.Node) => boolean} [isLeftOut]
 */
function literals(text, isLeftOut = () => false) {
  const source = ts.createSourceFile('x.js', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  /** @type {{line: number, said: string}[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node) || isLeftOut(node)) return;
    if (
      ts.isStringLiteral(node) ||
      ts.isNoSubstitutionTemplateLiteral(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) ||
      ts.isTemplateTail(node)
    )
      found.push({
        line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1,
        said: node.text,
      });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Whether a string is something said: two words side by side, or a capital and a full stop. @param {string} text */
function isSaid(text) {
  const isCode =
    /[[\]{}=#<>|;]|--|\(\)|^[MLA]|\b(px|rem|var|calc|translate|rotate)\b|^[\s.:>*a-z-]*$/;
  const words = /(^|\s)[\p{L}’]+,? [\p{L}’]+/u;
  return words.test(text) && !(isCode.test(text) && !/[a-z]{3,} [a-z]+ [a-z]{2,}/.test(text));
}

test('nothing is said outside the language files', () => {
  const said = scripts.flatMap(({ path, text }) =>
    literals(text, isUnread)
      .filter(({ said }) => isSaid(said))
      .map(({ line, said }) => `${path}:${line}: ${said}`),
  );
  assert.deepEqual(said, []);
});

/** The places and marks of a message, in all its forms. @param {string | Record<string, string>} message */
function needs(message) {
  const forms = typeof message === 'string' ? [message] : Object.values(message);
  return [...new Set(forms.flatMap((text) => text.match(/\{\w+\}|<\w+>/g) ?? []))].sort().join(' ');
}

/**
 * What a language says otherwise than English: messages that it lacks, has too many, or with other places.
 * @param {Language} english
 * @param {Language} other
 */
function differences(english, other) {
  const ids = [...new Set([...Object.keys(english), ...Object.keys(other)])].sort();
  return ids.flatMap((id) => {
    const [ours, theirs] = [english[id], other[id]];
    if (theirs === undefined) return [`${id} is missing`];
    if (ours === undefined) return [`${id} is not a message of the page`];
    return needs(ours) === needs(theirs) ? [] : [`${id} has ${needs(theirs)} for ${needs(ours)}`];
  });
}

/** @type {Map<string, Language>} */
const languages = new Map();
for (const name of readdirSync(join(WEB, 'messages'))) {
  const source = readFileSync(join(WEB, 'messages', name), 'utf8');
  const module = await import(`data:text/javascript,${encodeURIComponent(source)}`);
  languages.set(name, module.default);
}
const english = languages.get('en.js') ?? {};

test('every message of the page is used', () => {
  const used = new Set(scripts.flatMap(({ text }) => literals(text).map(({ said }) => said)));
  const html = readFileSync(join(WEB, 'index.html'), 'utf8');
  for (const [, id] of html.matchAll(/data-message(?:-[a-z-]+)?="([^"]+)"/g)) used.add(id ?? '');
  assert.deepEqual(
    Object.keys(english).filter((id) => !used.has(id)),
    [],
  );
});

test('a language that lacks a message says which', () => {
  assert.deepEqual(
    differences(
      { a: 'A {x}', b: 'B', c: { one: '{count} c', other: '{count} cs' } },
      { a: 'Ä', d: 'D' },
    ),
    ['a has  for {x}', 'b is missing', 'c is missing', 'd is not a message of the page'],
  );
  for (const [name, language] of languages)
    assert.deepEqual(differences(english, language), [], name);
});

test('the marks of every message are closed in their order', () => {
  for (const [id, message] of Object.entries(english))
    for (const text of typeof message === 'string' ? [message] : Object.values(message)) {
      const open = [''];
      for (const [, end, name = ''] of text.matchAll(/<(\/?)(\w+)>/g))
        if (end) assert.equal(open.pop(), name, `${id}: ${text}`);
        else open.push(name);
      assert.equal(open.length, 1, `${id}: ${text}`);
    }
});

test('index.html names its messages and says nothing itself', () => {
  const html = readFileSync(join(WEB, 'index.html'), 'utf8');
  for (const [, id = ''] of html.matchAll(/data-message(?:-[a-z-]+)?="([^"]+)"/g)) {
    assert.ok(english[id], `${id} is no message`);
    assert.doesNotMatch(JSON.stringify(english[id]), /\{\w+\}/, `${id} has places`);
  }
  const said = html
    // For who has no scripts there is nothing but what stands here.
    .replace(/<noscript>.*<\/noscript>/, '')
    // The program's name, and the first prompt.
    .replace(/>lookback<\/title>|<textarea.*<\/textarea>/g, '>')
    .replace(/<(?:"[^"]*"|[^">])*>/g, '');
  assert.doesNotMatch(said, /\p{L}/u);
  for (const [, name, text] of html.matchAll(/ (title|aria-label|placeholder|content)="([^"]*)"/g))
    assert.match(text ?? '', /^(?:width=|light dark)/, name);
});

const { served, browser } = await fixture(['default']);

/** Serves another text in the place of a file of the page. @param {string} path @param {string} body */
async function replaced(path, body) {
  await browser.context.route(`**${path}`, (route) =>
    route.fulfill({ contentType: 'text/javascript', body }),
  );
  return () => browser.context.unroute(`**${path}`);
}

test('who prefers a language reads it, and in English what it does not say', async () => {
  const messages = readFileSync(join(WEB, 'kit/messages.js'), 'utf8');
  const known = "const LANGUAGES = { de: () => import('../messages/de.js') };";
  const other = messages.replace('const LANGUAGES = {};', known);
  assert.notEqual(other, messages);
  const restore = [
    await replaced('/kit/messages.js', other),
    await replaced(
      '/messages/de.js',
      "export default { 'text.opening.heading': 'Der Blick zurück', 'bar.layer': 'Schicht' };",
    ),
  ];
  for (const [prefers, language, heading] of /** @type {const} */ ([
    [['de-AT', 'en'], 'de', 'Der Blick zurück'],
    [['fr', 'de'], 'de', 'Der Blick zurück'],
    [['en-US', 'de'], 'en', english['text.opening.heading']],
    [['fr'], 'en', english['text.opening.heading']],
  ])) {
    const page = await browser.context.newPage();
    await page.addInitScript((languages) => {
      Object.defineProperty(navigator, 'languages', { get: () => languages });
    }, prefers);
    await page.goto(served.address);
    await page.locator('#tokens .chip').first().waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), language);
    assert.equal(await page.locator('h1').textContent(), heading);
    assert.equal(await page.locator('#tokens-section h2').textContent(), 'Text becomes tokens');
    await page.close();
  }
  for (const end of restore) await end();
});

/** What is no message though it stands in the code: texts for the model, and names of tokenizers. */
function namesAndPrompts() {
  /** @type {string[]} */
  const found = ['gpt2', 'cl100k', 'o200k'];
  for (const { text } of scripts)
    for (const [, prompt = ''] of text.matchAll(/\bprompt: '([^']+)'/g)) found.push(prompt);
  return found;
}

test('in another language nothing is said in English', async () => {
  const { context } = browser;
  const restore = await replaced('/messages/en.js', languageFile(english));
  /** @type {Promise<string>[]} */
  const answers = [];
  context.on('response', (response) => {
    const isJson = response.headers()['content-type']?.includes('json');
    if (response.url().includes('/api/') && isJson) answers.push(response.text().catch(() => ''));
  });
  /** @type {Record<string, string>[]} */
  const places = [
    {},
    { changes: 'off:1.2;off:1.1;paused:mean:0.0;off:mlp.0;no-scale;score:1.2.5.1:3' },
  ];
  for (const chosen of places) {
    const { page, faults } = await open(context, served.address, chosen);
    await allDrawn(page);
    await openTables(page);
    const told = await Promise.all(answers);
    const given = told.flatMap((text) => strings(text === '' ? '' : JSON.parse(text)));
    const said = await saidWithout(page, [...given, ...namesAndPrompts()]);
    assert.deepEqual(said, []);
    assert.ok((await page.title()).startsWith(accented('lookback')));
    assert.deepEqual(faults, []);
    await page.close();
  }
  await restore();
});
