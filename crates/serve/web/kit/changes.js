/**
 * Changes: what every pass of the page leaves out or does otherwise. They stand in the address under
 * `changes`, travel with each question about a pass, and are what the command line takes as well.
 *
 * `off:1.0;paused:mean:0.2;no-mask;score:1.0.11.3:-2;blocks.0.resid_post[:] *= 0.5`: a head off, one at its
 * mean for now not in force, a variant, the score of one query and key, any edit of `docs/interventions.md`.
 * How they are said in words stands in `changes/words.js`.
 */

import { quoted } from './shell.js';

/**
 * @typedef {'head' | 'attention' | 'mlp' | 'neuron'} Part
 * @typedef {object} Change
 * @property {string} text       as it stands in the address, without `paused:`
 * @property {boolean} isPaused
 * @property {'part' | 'variant' | 'score' | 'vector' | 'edit'} kind
 * @property {Part} [part]       which part is off or at its mean
 * @property {boolean} [isMean]
 * @property {number} [layer]
 * @property {number} [index]    of the head or the neuron
 * @property {number} [query]    of a score
 * @property {number} [key]
 * @property {number} [amount]   what is added to the score, or the factor of the vector
 * @property {[string, string]} [words]  the vector leads from the second to the first
 * @property {string} [edit]     a line of `docs/interventions.md`
 * @property {string} [variant]  its name over HTTP
 * @property {string} option     what the command line takes
 */

/** Variants of a pass, as the command line names them. */
export const VARIANTS = [
  'no-mask',
  'no-scale',
  'no-position',
  'uniform-attention',
  'plain-attention',
];

/** @type {Record<Part, {name: (of: {layer: number, index: number}) => string, site: (of: {layer: number, index: number}) => string}>} */
const PARTS = {
  head: {
    name: ({ layer, index }) => `${layer}.${index}`,
    site: ({ layer, index }) => `blocks.${layer}.attn.z[:, ${index}]`,
  },
  attention: {
    name: ({ layer }) => `attn.${layer}`,
    site: ({ layer }) => `blocks.${layer}.attn_out[:]`,
  },
  mlp: { name: ({ layer }) => `mlp.${layer}`, site: ({ layer }) => `blocks.${layer}.mlp_out[:]` },
  neuron: {
    name: ({ layer, index }) => `neuron.${layer}.${index}`,
    site: ({ layer, index }) => `blocks.${layer}.mlp.post[:, ${index}]`,
  },
};

/**
 * A part that is off, or at its mean over the prompt.
 * @param {Part} part
 * @param {number} layer
 * @param {number} [index]
 * @param {boolean} [isMean]
 * @returns {Change}
 */
export function without(part, layer, index = 0, isMean = false) {
  const of = { layer, index };
  const name = PARTS[part].name(of);
  const edit = `${PARTS[part].site(of)} = ${isMean ? 'mean' : '0'}`;
  return {
    kind: 'part',
    text: `${isMean ? 'mean' : 'off'}:${name}`,
    isPaused: false,
    part,
    isMean,
    layer,
    index,
    edit,
    option: isMean ? `--edit ${quoted(edit)}` : `--off ${name}`,
  };
}

/** @param {string} name  one of `VARIANTS` @returns {Change} */
export function variant(name) {
  const option = `--${name}`;
  return { kind: 'variant', text: name, isPaused: false, variant: name.replace('-', '_'), option };
}

/**
 * A number that is added to the score of one query and key.
 * @param {number} layer
 * @param {number} head
 * @param {number} query
 * @param {number} key
 * @param {number} amount
 * @returns {Change}
 */
export function scoreOf(layer, head, query, key, amount) {
  const edit = `blocks.${layer}.attn.scores[${head}, ${query}, ${key}] += [${amount}]`;
  return {
    ...edited(edit),
    kind: 'score',
    text: `score:${layer}.${head}.${query}.${key}:${amount}`,
    layer,
    index: head,
    query,
    key,
    amount,
  };
}

/**
 * A vector that is added to the stream behind a layer: from one word to another, times a factor.
 * @param {number} layer
 * @param {string} to
 * @param {string} from
 * @param {number} amount
 * @returns {Change}
 */
export function added(layer, to, from, amount) {
  const words = /** @type {[string, string]} */ ([to, from]);
  const [first, second] = words.map((word) => JSON.stringify(word));
  const edit = `blocks.${layer}.resid_post[:] += ${amount} * dir(${first} - ${second})`;
  return {
    ...edited(edit),
    kind: 'vector',
    text: `add:${layer}:${amount}:${first}-${second}`,
    layer,
    amount,
    words,
  };
}

/** Any other edit. @param {string} edit @returns {Change} */
function edited(edit) {
  return { kind: 'edit', text: edit, isPaused: false, edit, option: `--edit ${quoted(edit)}` };
}

const PART =
  /^(off|mean):(?:(attn|mlp)\.(\d{1,4})|neuron\.(\d{1,4})\.(\d{1,7})|(\d{1,4})\.(\d{1,5}))$/;
const SCORE = /^score:(\d+)\.(\d+)\.(\d+)\.(\d+):(-?\d+(?:\.\d+)?)$/;
const VECTOR = /^add:(\d+):(-?\d+(?:\.\d+)?):("(?:[^"\\]|\\.)*")-("(?:[^"\\]|\\.)*")$/;

/** One change as the address has it. @param {string} written @returns {Change} */
function one(written) {
  const isPaused = written.startsWith('paused:');
  const text = isPaused ? written.slice(7) : written;
  return { ...active(text), isPaused };
}

/** @param {string} text @returns {Change} */
function active(text) {
  if (VARIANTS.includes(text)) return variant(text);
  const part = PART.exec(text);
  if (part) {
    const [, to, layers, layer, of, neuron, ofHead, head] = part;
    const isMean = to === 'mean';
    if (layers) return without(layers === 'mlp' ? 'mlp' : 'attention', Number(layer), 0, isMean);
    if (neuron) return without('neuron', Number(of), Number(neuron), isMean);
    return without('head', Number(ofHead), Number(head), isMean);
  }
  const score = SCORE.exec(text);
  if (score) {
    const [layer = 0, head = 0, query = 0, key = 0, amount = 0] = score.slice(1).map(Number);
    return scoreOf(layer, head, query, key, amount);
  }
  const vector = VECTOR.exec(text);
  if (vector) {
    try {
      const [to, from] = [vector[3], vector[4]].map((word) => JSON.parse(word ?? '""'));
      return added(Number(vector[1]), to, from, Number(vector[2]));
    } catch {
      // An escape that is none: the program says so.
    }
  }
  return edited(text);
}

/**
 * What the address says: a `;` ends a change, but not within quotes.
 * @param {string | null} text
 * @returns {Change[]}
 */
export function read(text) {
  const parts = (text ?? '').match(/(?:"(?:[^"\\]|\\.)*"|[^;"]|"(?=[^"]*$))+/g) ?? [];
  const written = parts.map((part) => part.trim()).filter(Boolean);
  return [...new Set(written)].map(one);
}

/** @param {Change[]} changes @returns {string | null} */
export function write(changes) {
  const text = changes.map(({ text, isPaused }) => (isPaused ? `paused:${text}` : text)).join(';');
  return text === '' ? null : text;
}

/** Those in force. @param {Change[]} changes */
export function inForce(changes) {
  return changes.filter(({ isPaused }) => !isPaused);
}

/** Whether a change is in force. @param {Change[]} changes @param {Change} of */
export function has(changes, of) {
  return inForce(changes).some(({ text }) => text === of.text);
}

/** The changes with one more, or with one that was paused in force again. @param {Change[]} changes @param {Change} of */
export function plus(changes, of) {
  return changes.some(({ text }) => text === of.text)
    ? changes.map((change) => (change.text === of.text ? of : change))
    : [...changes, of];
}

/** The changes but for one. @param {Change[]} changes @param {Change} of */
export function minus(changes, of) {
  return changes.filter(({ text }) => text !== of.text);
}

/** Whether a change names tokens by their place, which are others in another text. @param {Change} change */
export function namesTokens({ kind, edit }) {
  if (kind === 'score') return true;
  if (kind !== 'edit') return false;
  const chosen = /\[([^\]]*)\]/.exec(edit ?? '')?.[1] ?? ':';
  const isScore = /\.(scores|pattern)\[/.test(edit ?? '');
  return chosen
    .split(',')
    .slice(isScore ? 1 : 0, isScore ? 3 : 1)
    .some((of) => of.trim() !== ':');
}

/**
 * The part of a question over HTTP that says what is changed.
 * @param {Change[]} changes
 * @returns {{edits?: string[], variant?: Record<string, boolean>}}
 */
export function asRequest(changes) {
  const active = inForce(changes);
  const edits = active.flatMap(({ edit }) => (edit === undefined ? [] : [edit]));
  const variants = active.flatMap(({ variant }) => (variant === undefined ? [] : [variant]));
  return {
    ...(edits.length ? { edits } : {}),
    ...(variants.length
      ? { variant: Object.fromEntries(variants.map((name) => [name, true])) }
      : {}),
  };
}
