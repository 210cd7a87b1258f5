/**
 * What the page says, by message id: nothing is said outside the language files, no message is left
 * unused, and a language says what it lacks.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';

const WEB = '../../crates/serve/web';

/** Stages that say everything by message id. */
const SAID_BY_ID =
  'position logit next sampl repeat repetition sweep diff why faithfulness around'.split(' ');

/** Where sentences still stand in the code. Nothing is added here; what is mended is taken out. */
const NOT_YET = [
  'figures.js',
  'guide/',
  'kit/',
  'page.js',
  'sheet.js',
  'sheet/',
  'stages/position/learned.js',
  'stages/position/rotary.js',
  ...readdirSync(join(WEB, 'stages'))
    .filter((name) => !SAID_BY_ID.some((start) => name.startsWith(start)))
    .map((name) => `stages/${name}`),
];

/** @typedef {Record<string, string | Record<string, string>>} Language */

const scripts = readdirSync(WEB, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.js') && !path.startsWith('messages/'))
  .map((path) => ({ path, text: readFileSync(join(WEB, path), 'utf8') }));

/** The strings of a script that stand for themselves, with their lines. @param {string} text */
function literals(text) {
  const source = ts.createSourceFile('x.js', text, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  /** @type {{line: number, said: string}[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isNewExpression(node)) {
      // What a constructor is given is a name or a fault; a message may be among it.
      for (const given of node.arguments ?? [])
        if (!ts.isStringLiteralLike(given) && !ts.isTemplateExpression(given)) visit(given);
      return;
    }
    // What a model is given to read is no message, nor are lines of a program.
    if (ts.isPropertyAssignment(node) && /^(prompt|lines)$/.test(node.name.getText(source))) return;
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
  const isCode = /[[\]{}=#<>|;]|--|^[MLA]|\b(px|rem|var|calc|translate|rotate)\b|^[\s.:>*a-z-]*$/;
  const words = /(^|\s)[\p{L}’]+,? [\p{L}’]+/u;
  return words.test(text) && !(isCode.test(text) && !/[a-z]{3,} [a-z]+ [a-z]{2,}/.test(text));
}

test('nothing is said outside the language files', () => {
  const said = scripts
    .filter(({ path }) => !NOT_YET.some((start) => path.startsWith(start)))
    .flatMap(({ path, text }) =>
      literals(text)
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
