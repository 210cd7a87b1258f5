/**
 * The chain of samplers as the reader set it: kept in the address, shared by the figures that draw.
 */

import { visible } from '../kit/chips.js';
import { ask } from '../kit/client.js';
import { h } from '../kit/dom.js';
import { message, messageText } from '../kit/messages.js';
import { number } from '../kit/number.js';
import { scrub } from '../kit/scrub.js';
import { commas } from '../kit/sentences.js';

/**
 * A number of a sampler, as the program describes it.
 * @typedef {object} Sampler
 * @property {string} name
 * @property {string} sampler  the sampler that takes it
 * @property {string} title
 * @property {string} about
 * @property {number} least
 * @property {number} most
 * @property {number} notch
 * @property {number} neutral
 * @property {number} default
 * @property {boolean} is_main  whether most people need no other
 */

/** @type {Promise<Sampler[]> | null} */
let asked = null;

/**
 * Every sampler, in the order of the chain.
 * @returns {Promise<Sampler[]>}
 */
export function samplers() {
  asked ??= ask('samplers', null).then((answer) => answer.samplers);
  // A program that was away is asked again.
  asked.catch(() => (asked = null));
  return asked;
}

/**
 * Those that are shown: what most people set, and what the address names.
 * @param {Sampler[]} all
 * @param {Record<string, string>} more  what figures keep in the address
 */
export function shown(all, more) {
  return all.filter((of) => of.is_main || of.name in more);
}

/**
 * The value of each sampler by name.
 * @param {Sampler[]} all
 * @param {Record<string, string>} more  what figures keep in the address
 * @returns {Record<string, number>}
 */
export function settings(all, more) {
  return Object.fromEntries(
    all.map((of) => [of.name, of.name in more ? Number(more[of.name]) : of.default]),
  );
}

/**
 * What the draws follow from.
 * @param {Record<string, string>} more
 */
export function seed(more) {
  return /^\d{1,15}$/.test(more.seed ?? '') ? Number(more.seed) : 0;
}

/**
 * The samplers that change anything, as words: `temperature 0.8, top-p 0.95`.
 * @param {Sampler[]} all
 * @param {Record<string, number>} values
 */
export function words(all, values) {
  if (values.temperature === 0) return messageText('sampling.likeliest');
  const active = all.filter((of) => values[of.name] !== of.neutral);
  return (
    commas(
      active.map((of) =>
        message('sampling.setting', { title: of.title, value: String(values[of.name]) }),
      ),
    ).join('') || messageText('sampling.none')
  );
}

/**
 * The samplers that change anything, as words of a sentence of which each number can be dragged.
 * @param {import('../kit/stage.js').Page} page
 * @returns {(all: Sampler[], values: Record<string, number>) => import('../kit/dom.js').Child[]}
 */
export function dragged(page) {
  /** @type {Map<string, ReturnType<typeof scrub>>} */
  const kept = new Map();
  return (all, values) => {
    const active = all.filter((of) => values[of.name] !== of.neutral);
    if (values.temperature === 0 || active.length === 0) return [words(all, values)];
    const settings = active.map((of) => {
      const value = values[of.name] ?? of.default;
      const made =
        kept.get(of.name) ??
        scrub({
          name: of.title,
          value,
          min: of.least,
          max: of.most,
          step: of.notch,
          onChange: (to) => page.set({ [of.name]: of.is_main && to === of.default ? null : to }),
        });
      kept.set(of.name, made);
      made.set(value);
      return message('sampling.setting', { title: of.title, value: made.node });
    });
    return commas(settings);
  };
}

/**
 * A token in a sentence, set apart, since it may be a comma.
 * @param {string} piece
 */
export function quoted(piece) {
  return h('code', { class: 'quoted' }, visible(piece));
}

/**
 * A probability.
 * @param {number} value
 * @param {import('../kit/number.js').Form} [form]
 */
export function chance(value, form = {}) {
  return number(value, { ...form, percent: true });
}
