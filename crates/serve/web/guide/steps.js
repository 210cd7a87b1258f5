/**
 * The twelve steps of the guide in the article's order: the figure that each is about, when its one thing to do
 * was done, what its question depends on, and the model's numbers that answer it. How they are said stands in
 * `words.js`.
 */

import { has, inForce, variant, without } from '../kit/changes.js';
import { ask, events, keyOf, look, ProgramError } from '../kit/client.js';
import { findHeads } from '../stages/opening/found.js';
import { isEven } from '../stages/opening/words.js';
import { samplers, settings } from '../stages/sampling.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/changes.js').Change} Change */

/**
 * What answers a step's question.
 * @typedef {object} Facts
 * @property {any} [told]      numbers, each step's own; absent where the model has none
 * @property {string} [why]    why it has none, in the program's sentence
 * @property {string[]} choices   what may be guessed, by name; none where there is nothing to guess
 * @property {string | null} right
 */

/**
 * @typedef {object} Step
 * @property {string} name
 * @property {string} stage    the figure that is looked at
 * @property {(of: Selection, start: Selection, told: any) => boolean} isDone
 * @property {(of: Selection) => unknown} about   what of the selection the question depends on
 * @property {(of: Selection, signal: AbortSignal) => Promise<Facts>} facts
 * @property {(of: Selection, told: any) => Change} [change]   what its button switches
 */

/** Temperatures that are compared, tokens that are written, and tokens that count as a repeated run. */
export const [HOT, COLD, WRITTEN, RUN] = [2, 0.5, 24, 4];
/** Ends of the bands in which the likeliest token's probability is guessed. */
export const BANDS = [0.1, 0.5, 0.9];
/** The sum that is tried first. */
const KING = ['king', 'man', 'woman'];

/** @param {Selection} of */
const text = ({ model, prompt, chat }) => ({ model, prompt, chat });
/** @param {string} key @returns {Step['isDone']} */
const isMore = (key) => (of, start) =>
  of.more[key] !== undefined && of.more[key] !== start.more[key];
/** @type {Step['isDone']} */
const isOtherToken = (of, start) => of.token !== start.token;
const only = (/** @type {any} */ told) => ({ told, choices: [], right: null });

/** @param {ArrayLike<number>} values */
function largest(values) {
  let most = 0;
  for (let at = 1; at < values.length; at += 1)
    if ((values[at] ?? 0) > (values[most] ?? 0)) most = at;
  return most;
}

/** The likeliest next tokens, under what is asked for besides. @param {Selection} of @param {object} more @param {import('../kit/client.js').Options} options */
async function likeliest(of, more, options) {
  return ask('next', { ...text(of), token: of.token, most: 2, ...more }, options);
}

/** What becomes of the likeliest next token under a change. @param {Selection} of @param {object} changed @param {AbortSignal} signal */
async function under(of, changed, signal) {
  const options = { signal, unchanged: true };
  const was = await likeliest(of, {}, options);
  const [before] = was.top;
  const is = await likeliest(of, { ...changed, of: before.id }, options);
  return { before, after: is.of, first: is.top[0], pieces: { ...was.pieces, ...is.pieces } };
}

/** @type {Step[]} */
export const STEPS = [
  {
    name: 'tokens',
    stage: 'tokens',
    isDone: isOtherToken,
    about: () => null,
    async facts(of, signal) {
      const cut = await ask('tokens', text(of), { signal });
      const words = cut.text.trim().split(/\s+/).filter(Boolean).length;
      const own = cut.ids.flatMap((/** @type {number} */ id, /** @type {number} */ at) =>
        cut.specials[at] ? [] : [{ id, piece: cut.pieces[at] }],
      );
      const right = own.length > words ? 'more' : own.length < words ? 'fewer' : 'equal';
      const told = { words, own, specials: cut.ids.length - own.length };
      return { told, choices: ['fewer', 'equal', 'more'], right };
    },
  },
  {
    name: 'vectors',
    stage: 'embed',
    isDone: isOtherToken,
    about: () => null,
    async facts(of, signal) {
      const { ids, about } = of;
      const second = ids.findLastIndex((id, at) => ids.indexOf(id) < at);
      const { width, vocabulary } = about;
      if (second < 0)
        return {
          told: { pair: null, width, vocabulary },
          choices: ['one', 'width', 'vocabulary'],
          right: 'width',
        };
      const pair = [ids.indexOf(/** @type {number} */ (ids[second])), second];
      const wanted = pair.map((at) => ({ site: 'embed', at: [at] }));
      const sites = await look(text(of), wanted, { signal });
      const [one, other] = wanted.map((site) => sites.get(keyOf(site))?.values ?? []);
      const apart = Array.from(one ?? [], (value, at) => Math.abs(value - (other?.[at] ?? 0)));
      const told = { pair, width, vocabulary, apart: Math.max(...apart) };
      return { told, choices: ['same', 'other'], right: told.apart === 0 ? 'same' : 'other' };
    },
  },
  {
    name: 'directions',
    stage: 'analogy',
    isDone: (of, start) =>
      ['analogy-length', 'analogy-any'].some((key) => of.more[key] !== start.more[key]),
    about: ({ more }) => more.analogy ?? null,
    async facts({ model, more }, signal) {
      const typed = more.analogy?.split(',') ?? [];
      const options = {
        at_length_one: Boolean(more['analogy-length']),
        any_token: Boolean(more['analogy-any']),
        most: 20,
      };
      const add = (/** @type {string[] | null} */ words) =>
        ask('analogy', { model, words, ...options }, { signal });
      let refused = '';
      const sum = await add(typed.length === 3 ? typed : KING).catch((error) => {
        if (!(error instanceof ProgramError)) throw error;
        refused = error.message;
        return add(null);
      });
      // The three words themselves are among the rows that are compared.
      const ranked = [...sum.answers].sort((a, b) => b.cosine - a.cosine);
      const [first, second] = ranked.filter(({ is_input }) => !is_input);
      const others = [first, second].filter(Boolean).sort((a, b) => a.id - b.id);
      return {
        told: { sum, ranked, refused, others },
        choices: [...others.map(({ id }) => `#${id}`), 'input'],
        right: ranked[0].is_input ? 'input' : `#${ranked[0].id}`,
      };
    },
  },
  {
    name: 'context',
    stage: 'ov',
    isDone: (of, start) => of.layer !== start.layer,
    about: ({ token }) => token,
    async facts(of, signal) {
      if (of.token === 0) return only({ isFirst: true });
      const layers = Array.from({ length: of.about.layers }, (_, layer) => layer);
      const answer = await ask('exchange', { ...text(of), token: of.token, layers }, { signal });
      const told = answer.layers.map((/** @type {any} */ { layer, sources }) => {
        const shares = sources.map((/** @type {any} */ { share }) => share);
        const own = shares[of.token];
        const sum = shares.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b, 0);
        const most = largest(shares);
        return { layer, own, others: sum - own, most, share: shares[most] };
      });
      const count = told.filter((/** @type {any} */ { own, others }) => others > own).length;
      const right = count === 0 ? 'none' : count === told.length ? 'all' : 'some';
      const choices = told.length > 1 ? ['none', 'some', 'all'] : ['none', 'all'];
      return { told: { layers: told, count }, choices, right };
    },
  },
  {
    name: 'weights',
    stage: 'attend',
    isDone: isMore('attend.step'),
    about: ({ token, layer, head }) => [token, layer, head],
    async facts(of, signal) {
      const { token, layer, head } = of;
      if (token === 0) return only({ isFirst: true });
      const site = `blocks.${layer}.attn.pattern`;
      const sites = await look(text(of), [{ site, at: [head] }], { signal });
      const pattern = sites.get(`${site}@${head}`);
      const row = pattern?.part(token) ?? new Float32Array();
      const most = largest(row);
      // Where all weights are the same there is no largest to guess.
      if (isEven(row)) return only({ isEven: true, weight: row[most] });
      const names = ['self', ...(token > 1 ? ['before', 'first'] : ['before']), 'other'];
      const right =
        most === token ? 'self' : most === token - 1 ? 'before' : most === 0 ? 'first' : 'other';
      return {
        told: {
          most,
          weight: row[most],
          site,
          index: pattern?.index(token, most),
          later: of.ids.length - 1 - token,
          // What is behind the token has no weight, unless the mask is off.
          behind: row.slice(token + 1).reduce((sum, weight) => sum + weight, 0),
        },
        choices: names,
        right,
      };
    },
  },
  {
    name: 'sum',
    stage: 'context',
    isDone: isMore('context.step'),
    about: ({ token, layer, head }) => [token, layer, head],
    async facts(of, signal) {
      const { token, layer, head } = of;
      if (token === 0) return only({ isFirst: true });
      const body = { ...text(of), token, layer, head, most: of.ids.length };
      const { sources } = await ask('context', body, { signal });
      const at = (/** @type {string} */ part) =>
        largest(sources.map((/** @type {any} */ source) => source[part] ?? 0));
      const [weighted, longest] = [at('weight'), at('moves')];
      return {
        told: { sources, weighted, longest },
        choices: ['same', 'other'],
        right: weighted === longest ? 'same' : 'other',
      };
    },
  },
  {
    name: 'mlp',
    stage: 'mlp',
    isDone: isMore('mlp.unit'),
    about: ({ token }) => token,
    async facts(of, signal) {
      const told = await ask('stream', { ...text(of), token: of.token }, { signal });
      const { attention, mlp } = told.stream;
      return {
        told,
        choices: ['attention', 'mlp'],
        right: attention > mlp ? 'attention' : 'mlp',
      };
    },
  },
  {
    name: 'probabilities',
    stage: 'next',
    isDone: isMore('next'),
    about: ({ token }) => token,
    async facts(of, signal) {
      const told = await likeliest(of, {}, { signal });
      const band = BANDS.filter((end) => told.top[0].probability >= end).length;
      return { told, choices: [0, 1, 2, 3].map(String), right: String(band) };
    },
  },
  {
    name: 'sampling',
    stage: 'sample',
    isDone: isMore('temperature'),
    about: () => null,
    async facts(of, signal) {
      const all = await samplers();
      const neutral = Object.fromEntries(all.map(({ name, neutral }) => [name, neutral]));
      const at = async (/** @type {number} */ temperature) => {
        const chain = { ...neutral, temperature };
        const body = { ...text(of), settings: chain, seed: 0, draws: 0, shown: 1 };
        const { tokens, stages } = await ask('sample', body, { signal });
        return { first: tokens[0], share: stages.at(-1).probabilities[0] };
      };
      const own = settings(all, of.more).temperature ?? 1;
      const shown = own > 0 && ![1, HOT, COLD].includes(own) ? own : null;
      const [plain, hot, cold, chosen] = await Promise.all([
        at(1),
        at(HOT),
        at(COLD),
        shown === null ? null : at(shown),
      ]);
      const right =
        hot.share > plain.share ? 'likelier' : hot.share < plain.share ? 'less' : 'equal';
      const told = {
        first: plain.first,
        plain: plain.share,
        hot: hot.share,
        cold: cold.share,
        own: shown === null || chosen === null ? null : { temperature: shown, share: chosen.share },
      };
      return { told, choices: ['likelier', 'less', 'equal'], right };
    },
  },
  {
    name: 'repeat',
    stage: 'repeat',
    isDone: isMore('behind'),
    about: () => null,
    async facts(of, signal) {
      const all = await samplers();
      const neutral = Object.fromEntries(all.map(({ name, neutral }) => [name, neutral]));
      const body = {
        ...text(of),
        settings: { ...neutral, temperature: 0 },
        seed: 0,
        tokens: WRITTEN,
      };
      /** @type {{id: number, piece: string, text: string, is_end: boolean}[]} */
      const written = [];
      let finish = '';
      const tell = (/** @type {any} */ event) => {
        if (event.last) written.push(event.last);
        if (event.type === 'end') finish = event.finish;
        if (event.type === 'refused') throw new ProgramError(event.error);
      };
      await events('repeat', body, tell, { signal });
      const again = repeated(written.map(({ id }) => id));
      const isEnd = finish === 'stop';
      return {
        told: { written, again, isEnd },
        choices: ['again', 'new', 'end'],
        right: again === null ? (isEnd ? 'end' : 'new') : 'again',
      };
    },
  },
  {
    name: 'order',
    stage: 'position',
    isDone: ({ changes }) => inForce(changes).some(({ text }) => text === 'no-position'),
    about: ({ token }) => token,
    async facts(of, signal) {
      const told = await under(of, { variant: { no_position: true } }, signal);
      return {
        told,
        choices: ['stays', 'another'],
        right: told.first.id === told.before.id ? 'stays' : 'another',
      };
    },
    change: () => variant('no-position'),
  },
  {
    name: 'heads',
    stage: 'opening',
    isDone: ({ changes }, _, told) => told !== undefined && has(changes, off(told.head)),
    about: ({ token }) => token,
    async facts(of, signal) {
      const [before] = (await likeliest(of, {}, { signal, unchanged: true })).top;
      const found = await findHeads(of, before.id, signal);
      const head = found.adding[0] ?? found.needed ?? { layer: of.layer, head: of.head };
      const told = await under(of, { edits: [off(head).edit] }, signal);
      const isHalf = told.after.probability >= told.before.probability / 2;
      const right = told.first.id !== told.before.id ? 'another' : isHalf ? 'stays' : 'falls';
      return {
        told: { ...told, head, isFound: found.adding.length > 0, heads: found.heads },
        choices: ['stays', 'falls', 'another'],
        right,
      };
    },
    change: (_, { head }) => off(head),
  },
];

/** @param {{layer: number, head: number}} head */
function off({ layer, head }) {
  return without('head', layer, head);
}

/**
 * Where a run of tokens begins that was written before, and where it was; null where nothing comes again.
 * @param {number[]} ids
 * @returns {{from: number, before: number} | null}
 */
export function repeated(ids) {
  for (let from = 1; from + RUN <= ids.length; from += 1)
    for (let before = 0; before < from; before += 1)
      if (
        Array.from({ length: RUN }, (_, at) => ids[from + at] === ids[before + at]).every(Boolean)
      )
        return { from, before };
  return null;
}
