/**
 * Asks the program. Every number on the page comes through here.
 *
 * `look` is the general way to the model's numbers; what is asked for in the same moment about the
 * same text travels as one request. What is changed of the passes travels with every question about one, unless
 * it is asked for as it is without changes.
 */

import { messageText } from './messages.js';
import { requested } from './state.js';

/** Why the program did not do what was asked, in its own sentence. */
export class ProgramError extends Error {}

/** The program cannot be reached. */
export class UnreachableError extends Error {
  constructor() {
    super(messageText('error.unreachable', { command: 'lookback serve' }));
  }
}

/**
 * What a question is about.
 * @typedef {object} About
 * @property {string} model
 * @property {string} prompt
 * @property {boolean} chat
 * @property {string[]} [edits]  in the place of what the page changes
 * @property {Record<string, boolean>} [variant]  likewise
 */

/**
 * A site, or a part of it: `at` are indices of its first axes.
 * @typedef {object} Wanted
 * @property {string} site
 * @property {number[]} [at]
 */

/**
 * Numbers of a site, with their axes.
 */
export class Tensor {
  /**
   * @param {string} site
   * @param {number[]} at     indices of the site's first axes, already taken
   * @param {number[]} shape  the axes that are left
   * @param {Float32Array} values
   */
  constructor(site, at, shape, values) {
    this.site = site;
    this.at = at;
    this.shape = shape;
    this.values = values;
  }

  /**
   * One number.
   * @param {...number} index  of the axes that are left
   * @returns {number}
   */
  get(...index) {
    let flat = 0;
    for (const [axis, of] of index.entries())
      flat = flat * /** @type {number} */ (this.shape[axis]) + of;
    return /** @type {number} */ (this.values[flat]);
  }

  /**
   * The numbers of one index of the first axes: a token's vector, a head's matrix.
   * @param {...number} index
   * @returns {Float32Array}
   */
  part(...index) {
    const rest = this.shape.slice(index.length).reduce((a, b) => a * b, 1);
    let flat = 0;
    for (const [axis, of] of index.entries())
      flat = flat * /** @type {number} */ (this.shape[axis]) + of;
    return this.values.subarray(flat * rest, (flat + 1) * rest);
  }

  /**
   * Where a number stands in the whole site, as `data-index` says it.
   * @param {...number} index
   * @returns {string}
   */
  index(...index) {
    return [...this.at, ...index].join(',');
  }
}

/** @typedef {{model: string, step: number | null, milliseconds: number}} Pass */

/** @typedef {{signal?: AbortSignal, unchanged?: boolean}} Options  `unchanged`: as it is without changes */

/** Questions about a pass over a text. */
const PASSES = new Set([
  'look',
  'next',
  'attend',
  'attend/glance',
  'attend/cell',
  'context',
  'mlp',
  'stream',
  'depths',
  'exchange',
  'position',
  'sample',
  'repeat',
  'why',
]);

/**
 * A question with what is changed of its pass.
 * @param {string} name
 * @param {any} body
 * @param {Options} options
 */
function changed(name, body, { unchanged = false }) {
  if (body === null || unchanged || !PASSES.has(name)) return body;
  return { ...requested(body.prompt), ...body };
}

/**
 * A question with an answer in JSON.
 * @param {string} name
 * @param {object | null} body  null asks without a body
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function ask(name, body, options = {}) {
  const answer = await send(name, changed(name, body, options), options.signal);
  return answer.json();
}

/**
 * A question that is answered with tensors, which are no sites, by name.
 * @param {string} name
 * @param {object} body
 * @param {Options} [options]
 * @returns {Promise<Map<string, Tensor> & {pass: Pass}>}
 */
export async function tensors(name, body, options = {}) {
  const answer = await send(name, changed(name, body, options), options.signal);
  return readSafetensors(await answer.arrayBuffer());
}

/**
 * Sites of a pass over a text, keyed as they were asked for: `name`, or `name@1,2`.
 * @param {About} about
 * @param {Wanted[]} sites
 * @param {Options} [options]
 * @returns {Promise<Map<string, Tensor> & {pass: Pass}>}
 */
export function look(about, sites, options = {}) {
  const body = changed('look', about, options);
  const key = JSON.stringify(body);
  let batch = batches.get(key);
  if (!batch) {
    const gathered = {
      body,
      sites: /** @type {Map<string, Wanted>} */ (new Map()),
      waiting: 0,
      abort: new AbortController(),
    };
    batch = { ...gathered, answer: later(() => (close(), fetchSites(gathered))) };
    batches.set(key, batch);
  }
  for (const site of sites) batch.sites.set(keyOf(site), site);
  const { answer, abort } = batch;
  const shared = batch;
  shared.waiting += 1;
  function close() {
    if (batches.get(key) === shared) batches.delete(key);
  }
  return new Promise((resolve, reject) => {
    const leave = () => {
      shared.waiting -= 1;
      if (shared.waiting === 0) {
        // Whoever asks now asks anew; nothing would come of this one.
        close();
        abort.abort();
      }
      reject(new DOMException('no longer wanted', 'AbortError'));
    };
    if (options.signal?.aborted) return leave();
    options.signal?.addEventListener('abort', leave, { once: true });
    answer.then(resolve, reject).finally(() => options.signal?.removeEventListener('abort', leave));
  });
}

/**
 * The key of a wanted site in the answer.
 * @param {Wanted} wanted
 */
export function keyOf(wanted) {
  return wanted.at?.length ? `${wanted.site}@${wanted.at.join(',')}` : wanted.site;
}

/**
 * Events of something that goes on, one JSON object each, until it ends or `signal` stops it.
 * @param {string} name
 * @param {object | null} body
 * @param {(event: any) => void} tell
 * @param {{signal?: AbortSignal}} [options]
 */
export async function events(name, body, tell, options = {}) {
  const { answer, wait } = await open(name, changed(name, body, {}), options.signal);
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body)
    .pipeThrough(/** @type {any} */ (new TextDecoderStream()))
    .getReader();
  let rest = '';
  try {
    for (;;) {
      // What goes on without being asked may be silent for as long as it likes.
      if (body !== null) waiting.set(wait, performance.now());
      const { done, value } = await reader.read().catch((error) => {
        throw options.signal?.aborted ? error : new UnreachableError();
      });
      waiting.delete(wait);
      if (done) return;
      rest += value;
      const parts = rest.split('\n\n');
      rest = parts.pop() ?? '';
      for (const part of parts) {
        const data = part.split('\n').filter((line) => line.startsWith('data:'));
        if (data.length) tell(JSON.parse(data.map((line) => line.slice(5).trim()).join('\n')));
      }
    }
  } finally {
    waiting.delete(wait);
  }
}

/** @typedef {{body: object, sites: Map<string, Wanted>, waiting: number, abort: AbortController}} Gathered */

/** @type {Map<string, Gathered & {answer: Promise<any>}>} */
const batches = new Map();

/**
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
function later(work) {
  return new Promise((resolve, reject) => setTimeout(() => work().then(resolve, reject), 0));
}

/** @param {Gathered} gathered */
async function fetchSites({ body, sites, abort }) {
  const answer = await send('look', { ...body, sites: [...sites.values()] }, abort.signal);
  return readSafetensors(await answer.arrayBuffer());
}

/**
 * The safetensors format: eight bytes of length, a header in JSON, the numbers.
 * @param {ArrayBuffer} bytes
 */
export function readSafetensors(bytes) {
  const length = Number(new DataView(bytes).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  /** @type {any} */
  const found = new Map();
  for (const [key, about] of Object.entries(header)) {
    if (key === '__metadata__') continue;
    const [from, to] = about.data_offsets;
    const [site = '', at = ''] = key.split('@');
    // A copy, since the numbers may not begin at a multiple of four bytes.
    const values = new Float32Array(bytes.slice(8 + length + from, 8 + length + to));
    found.set(key, new Tensor(site, at ? at.split(',').map(Number) : [], about.shape, values));
  }
  const said = header.__metadata__ ?? {};
  const step = said.step ? Number(said.step) : null;
  found.pass = { model: said.model ?? '', step, milliseconds: Number(said.milliseconds ?? 0) };
  return found;
}

/**
 * @param {string} name
 * @param {object | null} body
 * @param {AbortSignal} [signal]
 * @returns {Promise<Response>}
 */
async function send(name, body, signal) {
  return (await open(name, body, signal)).answer;
}

/**
 * The beginning of an answer, and what gives up waiting for more of it.
 * @param {string} name
 * @param {object | null} body
 * @param {AbortSignal} [signal]
 */
async function open(name, body, signal) {
  const headers = { 'content-type': 'application/json', 'x-lookback-token': pageToken(document) };
  const wait = new AbortController();
  const either = signal ? AbortSignal.any([signal, wait.signal]) : wait.signal;
  /** @type {RequestInit} */
  const options =
    body === null
      ? { signal: either, headers }
      : { signal: either, headers, method: 'POST', body: JSON.stringify(body) };
  waiting.set(wait, performance.now());
  watchClock();
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(`/api/${name}`, options);
  } catch (error) {
    if (signal?.aborted) throw error;
    tell('away');
    throw new UnreachableError();
  } finally {
    waiting.delete(wait);
  }
  tell('answers');
  if (answer.ok) return { answer, wait };
  const said = await answer.json().catch(() => null);
  throw new ProgramError(said?.error ?? messageText('error.status', { status: answer.status }));
}

/** The token that a page holds. @param {Document} page */
function pageToken(page) {
  return page.querySelector('meta[name="lookback-token"]')?.getAttribute('content') ?? '';
}

/** Whether the program that answers now is another than the one that served this page. */
export async function isOtherProgram() {
  const answer = await fetch('/', { signal: AbortSignal.timeout(5000) });
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  return pageToken(page) !== pageToken(document);
}

/* How the program answers: at once, or not for a while, or not at all */

/** @typedef {'answers' | 'slow' | 'away'} State */

/** After so many milliseconds the page says that it is waiting. */
const SLOW = 4000;
/** After so many it gives up and asks again. A program that was busy, not stopped, is given longer then. */
let patience = 30_000;

/** Questions without an answer, and since when. @type {Map<AbortController, number>} */
const waiting = new Map();
/** @type {Set<(state: State) => void>} */
const watchers = new Set();
/** @type {State} */
let state = 'answers';
/** @type {ReturnType<typeof setInterval> | null} */
let clock = null;

/**
 * Is told when the program lets one wait, when it goes away and when it is back.
 * @param {(state: State) => void} watcher
 */
export function watchAnswers(watcher) {
  watchers.add(watcher);
}

/** @param {State} now */
function tell(now) {
  if (now === state) return;
  state = now;
  for (const watcher of watchers) watcher(now);
}

/** Looks, as long as something is waited for, since when. */
function watchClock() {
  clock ??= setInterval(() => {
    const now = performance.now();
    const longest = Math.max(0, ...Array.from(waiting.values(), (since) => now - since));
    if (waiting.size === 0) {
      clearInterval(/** @type {any} */ (clock));
      clock = null;
    }
    if (longest > patience) {
      patience *= 2;
      for (const wait of waiting.keys()) wait.abort();
    } else if (state !== 'away') tell(longest > SLOW ? 'slow' : 'answers');
  }, 500);
}
