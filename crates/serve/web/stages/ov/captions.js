/**
 * The figure's sentences: what is taken up, what is not, and why.
 */

import { mention, word } from '../../kit/chips.js';
import { h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { listed, sentences } from '../../kit/sentences.js';
import { isVariant } from '../../kit/state.js';
import { digits, naming, strongest } from './side.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('./plane.js').Taken} Taken */
/** @typedef {import('./side.js').Side} Side */
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
 */
export function captions(of, here, there, earlier, choose) {
  const me = () => mention(of.token, of.pieces[of.token] ?? '');
  const site = `blocks.${of.layer}.attn.pattern`;
  const quoted = (/** @type {Side} */ { prompt, isHere }) => {
    if (prompt.length <= LONGEST) return h('q', null, prompt);
    return message(isHere ? 'ov.quoted.here' : 'ov.quoted.there');
  };
  const later = here.taken.sources
    .map((part, at) => ({ part, at }))
    .filter(({ part, at }) => !part.seen && at > of.token);
  const named = () => ({ prompt: quoted(here), token: me() });
  /** @type {((Node | string)[] | null)[]} */
  const said = [];

  if (later.length > 0) {
    const at = later[0]?.at ?? 0;
    said.push(
      message('ov.later', {
        ...named(),
        again: me(),
        later: several(later.map(({ at }) => mention(at, of.pieces[at] ?? ''))),
        entry: number(here.weights[at] ?? 0, {
          digits: 0,
          site,
          index: `${of.head},${of.token},${at}`,
        }),
      }),
    );
  } else if (of.token < here.taken.sources.length - 1) {
    said.push(message('ov.unmasked', named()));
  } else {
    said.push(message('ov.last', named()));
    if (earlier && !isVariant('no-mask')) {
      const { token, weight } = earlier;
      const choosing = { type: 'button', class: 'ov-try', onclick: () => choose(token) };
      said.push(
        message('ov.earlier', {
          earlier: mention(token, of.pieces[token] ?? ''),
          token: me(),
          entry: number(weight, { digits: 0, site, index: `${of.head},${token},${of.token}` }),
          word: word(of.pieces[token] ?? ''),
          choose: (children) => h('button', choosing, ...children),
        }),
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
  if (gained !== null) {
    const { isAgainst, ...gives } = given(there, gained);
    said.push(
      message(isAgainst ? 'ov.gained.against' : 'ov.gained', {
        ...gives,
        prompt: quoted(there),
        again: isSame ? message('ov.same-word') : token === null ? name : mention(token, name),
      }),
    );
  } else if (lost !== null && isSame) {
    const { isAgainst, ...gives } = given(here, lost);
    said.push(
      message(isAgainst ? 'ov.lost.against' : 'ov.lost', { ...gives, token: me() }),
      message('ov.lost.there', { prompt: quoted(there) }),
    );
  }
  return sentences(...said, ...whole(here, of));
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

/** What a source gives, in numbers. @param {Side} side @param {number} source */
function given(side, source) {
  const { share = 0, length = 0 } = side.taken.sources[source] ?? {};
  const { token, name } = naming(side, source);
  return {
    from: token === null ? name : mention(token, side.pieces[source] ?? ''),
    length: number(length, { digits: digits(length) }),
    share: number(share, { percent: true }),
    isAgainst: share < 0,
  };
}

/** How much all of it is. @param {Side} side @param {Selection} of */
function whole({ taken, pieces }, of) {
  const [added, before] = [taken.added, taken.before].map((length) =>
    number(length, { digits: digits(length) }),
  );
  const most = strongest(taken);
  const longest = taken.sources[most]?.length ?? 0;
  if (taken.added === 0) return [message('ov.whole.nothing', { layer: of.layer, before })];
  return [
    message('ov.whole', { layer: of.layer, added, before }),
    taken.bias && taken.bias.length >= longest
      ? message('ov.whole.bias')
      : most === of.token
        ? message('ov.whole.itself')
        : message('ov.whole.from', { token: mention(most, pieces[most] ?? '') }),
    of.about.block.norms === 'before' ? null : message('ov.whole.norm'),
  ];
}

/** a, b and c; of many only the first few. @param {Node[]} nodes */
function several(nodes) {
  const items = nodes.map((node) => [node]);
  return items.length > 4
    ? message('ov.list', { few: listed(items.slice(0, 3), 'unit'), count: items.length - 3 })
    : listed(items);
}
