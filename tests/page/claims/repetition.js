/** What is said of four texts from one prompt: how much of each stood in it before. */

import { faults, fit, N, num } from './forms.js';

/** @typedef {import('./forms.js').World} World */

/** @param {World} world */
export async function repetition({ caption, figure, ids, isChanged }) {
  const texts = await figure.locator('.repetition-words').evaluateAll((nodes) =>
    nodes.map((node) =>
      Array.from(node.children, (token) => ({
        id: Number(token.getAttribute('data-id')),
        isMarked: token.localName === 'mark',
      })),
    ),
  );
  const told = texts.map((text) => {
    const all = [...ids, ...text.map(({ id }) => id)];
    // A token counts if any four in a row that hold it end earlier in the text as well.
    const isRepeated = (/** @type {number} */ at) =>
      [0, 1, 2, 3].some((back) => {
        const from = at - back;
        if (from < 0 || from + 4 > all.length) return false;
        return Array.from({ length: from }, (_, other) => other).some((other) =>
          [0, 1, 2, 3].every((step) => all[other + step] === all[from + step]),
        );
      });
    const marks = text.map((_, at) => isRepeated(ids.length + at));
    return {
      repeated: marks.filter(Boolean).length,
      all: text.length,
      isMarked: marks.every((is, at) => is === text[at]?.isMarked),
    };
  });
  const of = (/** @type {number} */ at) => `(?<r${at}>${N}) of (?<a${at}>${N})`;
  const said = fit(
    caption,
    `Always the likeliest: ${of(0)} tokens are repeated\\. Drawn at temperature 1\\.0: ${of(1)}, ${of(2)} and ${of(3)}\\.(?<before> Without the changes, in the same order: .+?\\.| Without the changes the four texts are the same\\.)? (?<verdict>.+?)\\. What is marked .+`,
  );
  const shares = told.map(({ repeated, all }) => (all ? repeated / all : 0));
  const [greedy = 0, most] = [shares[0], Math.max(...shares.slice(1))];
  const verdict =
    greedy > most
      ? /the largest share/
      : greedy < most
        ? /a larger share/
        : greedy === 0
          ? /^None/
          : /as large a share/;
  return faults([
    [said !== null, 'a form of its own'],
    [texts.length === 4, 'four texts'],
    [(said?.before !== undefined) === isChanged, 'whether it tells of the texts without changes'],
    ...told.flatMap(
      ({ repeated, all, isMarked }, at) =>
        /** @type {[boolean, string][]} */ ([
          [
            num(said?.[`r${at}`]) === repeated && num(said?.[`a${at}`]) === all,
            `text ${at}: ${repeated} of ${all}`,
          ],
          [isMarked, `what is marked in text ${at}`],
        ]),
    ),
    [verdict.test(said?.verdict ?? ''), `shares ${shares}`],
  ]);
}
