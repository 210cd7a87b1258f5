/** Which tokens of a text stand in a run that the text had before. */

/** Tokens of a run. */
export const RUN = 4;

/**
 * For each token, whether it belongs to `RUN` tokens in a row that stood in the text before, one after the other.
 * Whatever overlaps with itself counts as well: a word that is written over and over is repeated.
 * @param {number[]} ids  of the whole text
 */
export function repeated(ids) {
  const seen = new Set();
  const marks = ids.map(() => false);
  for (let from = 0; from + RUN <= ids.length; from += 1) {
    const run = ids.slice(from, from + RUN).join(' ');
    if (seen.has(run)) marks.fill(true, from, from + RUN);
    seen.add(run);
  }
  return marks;
}
