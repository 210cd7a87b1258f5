/**
 * Tiny models of families whose blocks differ, in directories that the program opens. Their weights follow
 * from the formula of the goldens (`scripts/goldens.py`); their tokens are bytes.
 */

import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GOLDENS = new URL('../../crates/open/tests/goldens/', import.meta.url);
const BYTES = 256;
/** Bytes, and what begins and ends a text. */
const VOCABULARY = BYTES + 2;
/** Room for a prompt. */
const CONTEXT = 256;

/** FNV-1a. @param {string} text */
function hashed(text) {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

/** A tensor's values. @param {string} name @param {number[]} shape */
function weight(name, shape) {
  const center = shape.length === 1 && name.endsWith('weight') ? 1 : 0;
  const start = hashed(name);
  const values = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let at = 0; at < values.length; at += 1) {
    let hash = (Math.imul(at + 1, 0x9e3779b1) + start) >>> 0;
    for (const [shift, factor] of /** @type {const} */ ([
      [16, 0x85ebca6b],
      [13, 0xc2b2ae35],
      [16, 1],
    ]))
      hash = Math.imul(hash ^ (hash >>> shift), factor) >>> 0;
    values[at] = (hash >>> 8) / 2 ** 24 - 0.5 + center;
  }
  return values;
}

/** A byte-level tokenizer without merges, as GPT-2 writes bytes. */
function tokenizer() {
  let beyond = BYTES;
  const letters = Array.from({ length: BYTES }, (_, byte) => {
    const isPrinted = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
    return String.fromCodePoint(isPrinted ? byte : beyond++);
  });
  const specials = ['<s>', '</s>'].map((content, at) => ({
    id: BYTES + at,
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  }));
  const plain = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  return {
    version: '1.0',
    added_tokens: specials,
    normalizer: null,
    pre_tokenizer: plain,
    post_processor: null,
    decoder: plain,
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(letters.map((letter, id) => [letter, id])),
      merges: [],
    },
  };
}

/**
 * Writes the model of a golden, with a vocabulary of bytes and room for a prompt.
 * @param {string} name
 * @param {string} folder
 */
function written(name, folder) {
  const golden = JSON.parse(readFileSync(new URL(`${name}.json`, GOLDENS), 'utf8'));
  const { config } = golden;
  const [own, context] = [config.vocab_size, config.max_position_embeddings];
  Object.assign(config, { vocab_size: VOCABULARY, bos_token_id: BYTES, eos_token_id: BYTES + 1 });
  if (context) config.max_position_embeddings = CONTEXT;
  /** @type {Record<string, object>} */
  const header = {};
  /** @type {Buffer[]} */
  const data = [];
  let end = 0;
  for (const [tensor, given] of Object.entries(golden.tensors)) {
    const shape = given.map((/** @type {number} */ size) => (size === own ? VOCABULARY : size));
    // A row for each position, and OPT's two before them.
    if (tensor.includes('embed_positions')) shape[0] += CONTEXT - context;
    const values = Buffer.from(weight(tensor, shape).buffer);
    header[tensor] = { dtype: 'F32', shape, data_offsets: [end, end + values.length] };
    end += values.length;
    data.push(values);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  mkdirSync(folder);
  writeFileSync(join(folder, 'model.safetensors'), Buffer.concat([length, text, ...data]));
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer()));
}

/**
 * The directories of these goldens' models, and the folder that holds them.
 * @param {string[]} names
 */
export function models(names) {
  const folder = mkdtempSync(join(tmpdir(), 'lookback-shapes-'));
  const paths = names.map((name) => join(folder, name));
  for (const [at, path] of paths.entries()) written(names[at] ?? '', path);
  return { folder, paths };
}
