/**
 * How a word's neighbours formed: which rows were nearest to its row at some steps of the training, and from
 * when on they are those of the end. Asked for when it is opened.
 */

import { visible, word } from '../../kit/chips.js';
import { ask } from '../../kit/client.js';
import { fill, h } from '../../kit/dom.js';
import { message } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';
import { stepName } from './captions.js';

/** @typedef {import('../map.js').About} About */
/** @typedef {import('../map.js').Near} Near */
/** @typedef {{step: number | null, near: Near[]}} Stop */

/** Steps that are looked at, and neighbours that are named of each. */
const [STOPS, NAMED] = [7, 5];

/** Steps from the first to the last, about evenly; those at the beginning, where most happens, closer. @param {(number | null)[]} steps */
function stopsOf(steps) {
  const last = steps.length - 1;
  const at = Array.from({ length: STOPS }, (_, stop) =>
    Math.round(last * (stop / (STOPS - 1)) ** 1.6),
  );
  return [...new Set(at)].map((index) => steps[index] ?? null);
}

/** How many of the neighbours at the end are among those of a step. @param {Stop} stop @param {Stop} end */
function held({ near }, end) {
  return near.filter(({ id }) => end.near.some((other) => other.id === id)).length;
}

/** @param {string} name @param {Stop[]} stops @param {About} about */
function sentence(name, stops, about) {
  const [first, end] = [stops[0], stops.at(-1)];
  if (!first || !end) return [];
  const all = end.near.length;
  const half = stops.find((stop) => 2 * held(stop, end) >= all);
  const said = {
    all,
    word: word(name),
    count: held(first, end),
    step: stepName(first.step, about),
  };
  return sentences(
    message('map.formed.why'),
    half && half !== first && half !== end
      ? message('map.formed.then', {
          ...said,
          held: held(half, end),
          later: stepName(half.step, about),
        })
      : message('map.formed.held', said),
  );
}

export function formed() {
  const said = h('p', { class: 'map-formed-said' });
  const rows = h('tbody');
  const head = h(
    'thead',
    null,
    h(
      'tr',
      null,
      h('th', { scope: 'col' }, message('map.formed.table')),
      h('th', { scope: 'col' }, message('map.formed.nearest')),
    ),
  );
  const table = h('table', { hidden: true }, head, rows);
  const node = h(
    'details',
    { class: 'map-formed', ontoggle: () => draw() },
    h('summary', null, message('map.formed.open')),
    said,
    table,
  );
  /** @type {{model: string, about: About, id: number} | null} */
  let shown = null;
  let drawn = '';
  let mine = new AbortController();

  async function draw() {
    if (!node.open || !shown) return;
    const { model, about, id } = shown;
    const key = JSON.stringify([about.key, id]);
    if (key === drawn) return;
    drawn = key;
    mine.abort();
    mine = new AbortController();
    const { signal } = mine;
    table.hidden = about.steps.length < 2;
    if (table.hidden) return fill(said, message('map.no-tables'));
    try {
      const stops = await Promise.all(
        stopsOf(about.steps).map(async (step) => {
          /** @type {{near: Near[]}} */
          const { near } = await ask('map/near', { model, step, id }, { signal });
          return { step, near };
        }),
      );
      signal.throwIfAborted();
      const end = /** @type {Stop} */ (stops.at(-1));
      const isLast = (/** @type {Near} */ { id }) => end.near.some((other) => other.id === id);
      fill(said, sentence(about.pieces[id] ?? '', stops, about));
      fill(
        rows,
        stops.map(({ step, near }) =>
          h(
            'tr',
            null,
            h('th', { scope: 'row' }, stepName(step, about)),
            h(
              'td',
              null,
              near
                .slice(0, NAMED)
                .flatMap((one, at) => [
                  at ? ', ' : '',
                  h(isLast(one) ? 'b' : 'span', null, visible(one.piece)),
                  ' ',
                  number(one.cosine, { digits: 2 }),
                ]),
            ),
          ),
        ),
      );
    } catch (error) {
      if (signal.aborted) return;
      drawn = '';
      fill(said, error instanceof Error ? error.message : String(error));
    }
  }

  return {
    node,
    /** @param {string} model @param {About} about @param {number | null} id */
    show(model, about, id) {
      shown = id === null ? null : { model, about, id };
      draw();
    },
  };
}
