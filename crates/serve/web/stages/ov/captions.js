/**
 * The figure's sentences: what is taken up, what is not, and why.
 */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { number } from '../../kit/number.js';
import { digits, naming, strongest } from './side.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./plane.js').Taken} Taken */
/** @typedef {import('./side.js').Side} Side */
/** @typedef {import('../../kit/dom.js').Child} Child */
/** @typedef {{token: number, weight: number}} Earlier  an earlier token, and its weight for the chosen one */

/** Letters of a prompt that is quoted. */
const LONGEST = 60;

/**
 * What there is to see, with the model's numbers.
 * @param {Selection} of
 * @param {Side} here
 * @param {Side} there
 * @param {Earlier | null} earlier
 * @param {(token: number) => void} choose
 * @returns {Child[]}
 */
export function captions(of, here, there, earlier, choose) {
  const me = () => mention(of.token, of.pieces[of.token] ?? '');
  const site = `blocks.${of.layer}.attn.pattern`;
  const quoted = (/** @type {Side} */ { prompt, isHere }) => {
    if (prompt.length <= LONGEST) return h('q', null, prompt);
    return isHere ? 'your prompt' : 'the other text';
  };
  const later = here.taken.sources
    .map((part, at) => ({ part, at }))
    .filter(({ part, at }) => !part.seen && at > of.token);
  /** @type {Child[]} */
  const said = [];

  if (later.length > 0) {
    const [first] = later;
    const at = first?.at ?? 0;
    said.push(
      'In ',
      quoted(here),
      ', ',
      me(),
      ' takes exactly nothing from ',
      ...listed(later.map(({ at }) => mention(at, of.pieces[at] ?? ''))),
      '. The pattern’s entry there is ',
      number(here.weights[at] ?? 0, { digits: 0, site, index: `${of.head},${of.token},${at}` }),
      ' in every head of every layer: not a small number but none. When ',
      me(),
      ' is read, the text ends with it; the future does not exist. ',
    );
  } else {
    said.push(
      'In ',
      quoted(here),
      ' nothing comes after ',
      me(),
      ', so nothing is hidden from it. ',
    );
    if (earlier) {
      const { token, weight } = earlier;
      const choosing = { type: 'button', class: 'ov-try', onclick: () => choose(token) };
      said.push(
        ...[
          mention(token, of.pieces[token] ?? ''),
          ', which comes earlier, takes exactly nothing from ',
        ],
        ...[me(), ': the pattern’s entry there is '],
        number(weight, { digits: 0, site, index: `${of.head},${token},${of.token}` }),
        ' in every head of every layer, for when it is read the future does not exist; ',
        ...[h('button', choosing, `choose ${word(of.pieces[token] ?? '')}`), '. '],
      );
    }
  }
  // What one of the sentences shows and the other hides.
  const gained = among(
    there,
    (at) => there.same[at] !== null && !here.taken.sources[there.same[at] ?? 0]?.seen,
  );
  const lost = among(here, (at) => {
    const again = there.same.indexOf(at);
    return again >= 0 && !there.taken.sources[again]?.seen;
  });
  const { token, name } = naming(there, there.token);
  const isSame = token === of.token;
  const again = isSame ? 'the same word' : token === null ? name : mention(token, name);
  if (gained !== null) said.push('In ', quoted(there), ' ', again, ' ', ...gives(there, gained));
  else if (lost !== null && isSame) {
    said.push(me(), ' ', ...gives(here, lost));
    said.push('In ', quoted(there), ' it takes exactly nothing from it. ');
  }
  said.push(...whole(here, of));
  return said;
}

/** The source that gives most of those that a test lets through. @param {Side} side @param {(source: number) => boolean} test @returns {number | null} */
function among({ taken, token }, test) {
  /** @type {number | null} */
  let most = null;
  taken.sources.forEach((part, at) => {
    if (
      part.seen &&
      at !== token &&
      test(at) &&
      part.length > (most === null ? 0 : (taken.sources[most]?.length ?? 0))
    )
      most = at;
  });
  return most;
}

/** @param {Side} side @param {number} source @returns {Child[]} */
function gives(side, source) {
  const part = side.taken.sources[source];
  if (!part) return [];
  const { token, name } = naming(side, source);
  const who = token === null ? name : mention(token, side.pieces[source] ?? '');
  const share = h('strong', null, number(part.share, { percent: true }));
  const length = number(part.length, { digits: digits(part.length) });
  if (part.share < 0)
    return [
      'takes up from ',
      who,
      ' a vector ',
      length,
      ' long, which points against the rest of what is added (',
      share,
      ' of it). ',
    ];
  return [
    'takes up from ',
    who,
    ' a vector ',
    length,
    ' long, ',
    share,
    ' of all that attention adds to it here. ',
  ];
}

/** How much all of it is. @param {Side} side @param {Selection} of @returns {Child[]} */
function whole({ taken, pieces }, of) {
  const [added, before] = [taken.added, taken.before].map((length) =>
    number(length, { digits: digits(length) }),
  );
  const most = strongest(taken);
  const longest = taken.sources[most]?.length ?? 0;
  const from =
    taken.bias && taken.bias.length >= longest
      ? [' The longest part of it is the bias, which is added whoever is looked at.']
      : most === of.token
        ? [' The longest part of it comes from the token itself.']
        : [' The longest part of it comes from ', mention(most, pieces[most] ?? ''), '.'];
  return [
    'In all, layer ',
    String(of.layer),
    ' adds a vector ',
    added,
    ' long to one of ',
    before,
    '.',
    ...from,
    of.about.block.norms === 'before'
      ? ''
      : ' Behind attention stands a norm here; it is held at the scale that it has for this token, so the parts add up.',
  ];
}

/** a, b and c; of many only the first few. @param {Node[]} nodes @returns {Child[]} */
function listed(nodes) {
  const few = nodes.length > 4 ? nodes.slice(0, 3) : nodes;
  const end = nodes.length > 4 ? ` and ${nodes.length - 3} more` : '';
  return few
    .flatMap((node, at) => [at === 0 ? '' : at === few.length - 1 && !end ? ' and ' : ', ', node])
    .concat(end);
}
