/**
 * The chain as a pipeline: a column for each sampler with its slider at the head, and in it what is
 * left of the likeliest tokens; last, what many seeds draw.
 */

import { ask } from '../kit/ask.js';
import { visible } from '../kit/chips.js';
import { fill, h } from '../kit/dom.js';
import { button, choice, figure, slider } from '../kit/figure.js';
import { count, number } from '../kit/number.js';
import { chance, shown as inSight, quoted, samplers, seed, settings, words } from './chain.js';

/** @typedef {import('./chain.js').Sampler} Sampler */
/** @typedef {{sampler: string | null, step: string | null, kept: number, removed: number, removed_share: number, probabilities: (number | null)[], others: {tokens: number, share: number}}} Left */
/** @typedef {{seeds: number, first: number | null, counts: number[], expected: number[], spread: number[], others: number, distinct: number}} Draws */
/** @typedef {{position: number, vocabulary: number, tokens: {id: number, piece: string, probability: number}[], stages: Left[], draws: Draws}} Answer */
/** @typedef {{sampler: Sampler | null, left: Left, isIdle: boolean}} Column */

const DRAWS = ['100', '1000', '10000'];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'sample',
  mount(root, page) {
    const parts = figure(root, {
      title: 'What each step of the chain leaves, and what the dice make of it',
      table: () => (shown ? twin(shown) : null),
    });
    /** @type {{answer: Answer, columns: Column[], first: number} | null} */
    let shown = null;
    /** @type {Map<string, {node: HTMLElement, set: (now: number) => void}>} */
    const sliders = new Map();

    const seeds = h('input', {
      type: 'number',
      min: 0,
      max: 999999999999,
      step: 1,
      value: 0,
      class: 'sample-seed',
      onchange: () => page.set({ seed: seeds.value === '0' ? null : seeds.value }),
    });
    const draws = choice({
      label: 'seeds that draw',
      options: DRAWS.map((of) => [of, count(Number(of))]),
      value: '1000',
      onChange: (value) => page.set({ draws: value === '1000' ? null : value }),
    });

    const seedsHead = h('div', { class: 'sample-head' });
    const head = h('div', { class: 'sample-row is-head' });
    const grid = h('div', { class: 'sample-grid' }, head);
    fill(parts.body, grid);

    /** How long each bar was, so that it goes to its new length from there. @type {Map<string, number>} */
    const lengths = new Map();
    /** @param {string} key @param {number} share  of the longest bar */
    const bar = (key, share) => {
      const [from, to] = [lengths.get(key) ?? share, Math.min(1, share)];
      lengths.set(key, to);
      const node = h('span', { class: 'sample-bar', style: { width: `${100 * from}%` } });
      if (from !== to) requestAnimationFrame(() => node.style.setProperty('width', `${100 * to}%`));
      return node;
    };

    /** @param {Sampler[]} all @param {Sampler[]} seen */
    const build = (all, seen) => {
      if ([...sliders.keys()].join() === seen.map((of) => of.name).join()) return;
      sliders.clear();
      grid.style.setProperty('--columns', String(seen.length + 2));
      for (const of of seen) {
        const made = slider({
          label: of.title,
          min: of.least,
          max: of.most,
          step: of.notch,
          value: of.default,
          // Where a sampler can do no less than nothing, it is off.
          show: (value) =>
            value === of.neutral && (value === of.least || value === of.most)
              ? 'off'
              : of.notch < 1
                ? value.toFixed(2)
                : String(value),
          // What was put there on purpose stays there at any value.
          onInput: (value) =>
            page.set({ [of.name]: of.is_main && value === of.default ? null : value }),
        });
        made.node.title = of.about;
        sliders.set(of.name, made);
      }
      fill(
        head,
        h('div', { class: 'sample-name' }),
        h('div', { class: 'sample-head' }, 'the model’s own'),
        seen.map((of) =>
          h('div', { class: 'sample-head' }, sliders.get(of.name)?.node ?? of.title),
        ),
        seedsHead,
      );
      /** @param {(of: Sampler) => number} value */
      const preset = (value) =>
        Object.fromEntries(all.map((of) => [of.name, value(of) === of.default ? null : value(of)]));
      const others = all.filter((of) => !seen.includes(of));
      const add = choice({
        label: 'add',
        options: [
          ['', 'a sampler'],
          ...others.map((of) => /** @type {[string, string]} */ ([of.name, of.title])),
        ],
        value: '',
        onChange: (name) => {
          const of = others.find((one) => one.name === name);
          if (of) page.set({ [name]: beginning(of) });
        },
      });
      fill(
        parts.controls,
        h('label', { class: 'choice' }, h('span', null, 'seed'), seeds),
        button('other seeds', () =>
          page.set({ seed: seed(page.get()?.more ?? {}) + Number(draws.select.value) }),
        ),
        draws.node,
        add.node,
        h(
          'span',
          { class: 'choice' },
          'chain',
          button('usual', () => page.set(preset((of) => of.default))),
          button('none', () => page.set(preset((of) => of.neutral))),
          button('likeliest', () => page.set({ ...preset((of) => of.neutral), temperature: 0 })),
        ),
      );
    };

    return {
      async draw(selection, signal) {
        const all = await samplers();
        const seen = inSight(all, selection.more);
        build(all, seen);
        const values = settings(all, selection.more);
        const first = seed(selection.more);
        const many = DRAWS.includes(selection.more.draws ?? '')
          ? String(selection.more.draws)
          : '1000';
        for (const of of seen) sliders.get(of.name)?.set(values[of.name] ?? of.default);
        if (document.activeElement !== seeds) seeds.value = String(first);
        draws.select.value = many;
        const about = { model: selection.model, prompt: selection.prompt, chat: selection.chat };
        /** @type {Answer} */
        const answer = await ask(
          'sample',
          { ...about, settings: values, seed: first, draws: Number(many) },
          { signal },
        );
        const columns = asColumns(seen, answer.stages);
        shown = { answer, columns, first };
        fill(seedsHead, `${count(answer.draws.seeds)} seeds draw`);
        // The head stays where it is: a slider that is taken out of the page is no longer dragged.
        while (grid.lastChild !== head) grid.lastChild?.remove();
        grid.append(...rows(answer, columns, bar));
        parts.caption(caption(answer, columns, first, words(all, values), selection));
        parts.say(said(answer, columns));
      },
    };
  },
};

/**
 * A value at which a sampler that was off does something.
 * @param {Sampler} of
 */
function beginning(of) {
  const far = of.neutral === of.least ? of.least + (of.most - of.least) / 4 : of.most / 2;
  return Number((Math.max(1, Math.round(far / of.notch)) * of.notch).toFixed(4));
}

/**
 * One column for the model's own distribution and one for each sampler, also for those that change
 * nothing: they pass on what they get.
 * @param {Sampler[]} all
 * @param {Left[]} stages
 * @returns {Column[]}
 */
function asColumns(all, stages) {
  let left = /** @type {Left} */ (stages[0]);
  /** @type {Column[]} */
  const columns = [{ sampler: null, left, isIdle: false }];
  for (const sampler of all) {
    // A sampler that takes several numbers has its stage under the first.
    const isFirst = columns.every((column) => column.sampler?.sampler !== sampler.sampler);
    const found = isFirst && stages.find((stage) => stage.sampler === sampler.sampler);
    left = found || { ...left, removed: 0, removed_share: 0 };
    columns.push({ sampler, left, isIdle: !found });
  }
  return columns;
}

/**
 * A row for each token, one for all others, and what is left.
 * @param {Answer} answer
 * @param {Column[]} columns
 * @param {(key: string, share: number) => HTMLElement} bar
 */
function rows(answer, columns, bar) {
  const { tokens, draws, position } = answer;
  const shares = columns.flatMap(({ left }) => [...left.probabilities, left.others.share]);
  const drawn = [...draws.counts, draws.others].map((times) => times / Math.max(1, draws.seeds));
  const max = Math.max(1e-12, ...shares.map((share) => share ?? 0), ...drawn);
  const last = /** @type {Column} */ (columns.at(-1)).left;
  /** @param {number} row @param {Column} column @param {number} at */
  const cell = (row, column, at) => {
    const share = column.left.probabilities[row];
    const idle = column.isIdle ? 'is-idle' : '';
    if (share === null || share === undefined) {
      const before = at > 0 ? columns[at - 1]?.left.probabilities[row] : null;
      const isHere = before !== null && before !== undefined;
      return h(
        'div',
        { class: `sample-cell is-gone ${idle}` },
        isHere ? h('span', { class: 'sample-gone' }, 'taken away') : null,
      );
    }
    const token = /** @type {Answer['tokens'][0]} */ (tokens[row]);
    // The model's own numbers are elements of a site; what the chain makes of them is the sampler's.
    const said =
      at === 0
        ? chance(token.probability, {
            percent: true,
            site: 'probabilities',
            index: `${position},${token.id}`,
          })
        : chance(share);
    return h('div', { class: `sample-cell ${idle}` }, bar(`${token.id} ${at}`, share / max), said);
  };
  /** @param {string} key @param {number} times @param {number | null} wanted */
  const drawCell = (key, times, wanted) =>
    h(
      'div',
      { class: 'sample-cell is-drawn' },
      bar(`${key} drawn`, times / Math.max(1, draws.seeds) / max),
      wanted === null
        ? null
        : h('span', { class: 'sample-wanted', style: { left: `${(100 * wanted) / max}%` } }),
      h('span', { class: 'number' }, count(times)),
    );
  const told = tokens.map((token, row) => {
    const isFirst = token.id === draws.first;
    return h(
      'div',
      { class: `sample-row ${isFirst ? 'is-first' : ''}` },
      h('div', { class: 'sample-name' }, visible(token.piece)),
      columns.map((column, at) => cell(row, column, at)),
      drawCell(String(token.id), draws.counts[row] ?? 0, last.probabilities[row] ?? null),
    );
  });
  const others = h(
    'div',
    { class: 'sample-row is-others' },
    h('div', { class: 'sample-name' }, 'all others'),
    columns.map(({ left, isIdle }, at) =>
      left.others.tokens === 0
        ? h('div', { class: 'sample-cell is-gone' })
        : h(
            'div',
            { class: `sample-cell ${isIdle ? 'is-idle' : ''}` },
            bar(`others ${at}`, left.others.share / max),
            chance(left.others.share),
          ),
    ),
    drawCell('others', draws.others, last.others.tokens ? last.others.share : null),
  );
  return [
    ...told,
    others,
    h(
      'div',
      { class: 'sample-row is-foot' },
      h('div', { class: 'sample-name' }, 'left'),
      columns.map(({ left, isIdle }) =>
        h(
          'div',
          { class: `sample-foot ${isIdle ? 'is-idle' : ''}` },
          h(
            'span',
            null,
            h('span', { class: 'number' }, count(left.kept)),
            left.removed ? (left.kept === 1 ? ' token' : ' tokens') : '',
          ),
          left.removed
            ? h(
                'span',
                { class: 'sample-minus' },
                `${count(left.removed)} taken, with `,
                chance(left.removed_share),
              )
            : null,
        ),
      ),
      h('div', { class: 'sample-foot' }, number(draws.distinct, { digits: 0 }), ' different'),
    ),
  ];
}

/**
 * @param {Answer} answer
 * @param {Column[]} columns
 * @param {number} first
 * @param {string} chain
 * @param {import('../kit/stage.js').Selection} selection
 */
function caption({ tokens, draws, position }, columns, first, chain, selection) {
  const top = tokens[0];
  const last = /** @type {Column} */ (columns.at(-1)).left;
  if (!top) return [];
  const after = last.probabilities[0] ?? null;
  const gone = columns.filter(({ left }) => left.removed > 0);
  const isGreedy = columns.some(({ left }) => left.step === 'greedy');
  const sentences = [
    [
      'After ',
      quoted(selection.pieces.at(-1) ?? ''),
      ' the likeliest token is ',
      quoted(top.piece),
      ': the model gives it ',
      chance(top.probability, {
        percent: true,
        site: 'probabilities',
        index: `${position},${top.id}`,
      }),
      after === null
        ? ', and the chain takes it away. '
        : [
            ', and ',
            isGreedy
              ? 'a chain that always takes the likeliest leaves nothing else. '
              : ['after the chain (', chain, ') it has ', chance(after), '. '],
          ],
    ],
    gone.length
      ? [
          'Of its steps, ',
          gone.map(({ sampler, left }, at) => [
            at ? '; ' : '',
            sampler?.title ?? '',
            ' took ',
            count(left.removed),
            ' tokens, which together had ',
            chance(left.removed_share),
          ]),
          '. ',
        ]
      : ['No step takes a token away. '],
    ...(isGreedy ? [['No dice are thrown: every seed chooses it.']] : dice(tokens, draws, first)),
  ];
  return sentences.flat(4);
}

/**
 * What the seeds drew, and whether that was to be expected.
 * @param {Answer['tokens']} tokens
 * @param {Draws} draws
 * @param {number} first
 */
function dice(tokens, draws, first) {
  const top = tokens[0];
  const drawn = tokens.find((token) => token.id === draws.first);
  if (!top || !draws.seeds) return [];
  return [
    ['Seed ', String(first), ' draws ', drawn ? quoted(drawn.piece) : 'one of the others', '. '],
    [
      'Of the seeds ',
      count(first),
      ' to ',
      count(first + draws.seeds - 1),
      ', each throwing once, ',
      count(draws.counts[0] ?? 0),
      ' draw ',
      quoted(top.piece),
      ', where ',
      h('span', { class: 'number' }, count(draws.expected[0] ?? 0)),
      ' ± ',
      number(draws.spread[0] ?? 0, { digits: 0 }),
      ' were to be expected (the marks in the last column). ',
      h('code', null, `lookback generate --seed ${first}`),
      ' begins with the same throw.',
    ],
  ];
}

/** @param {Answer} answer @param {Column[]} columns */
function said({ tokens, draws }, columns) {
  const last = /** @type {Column} */ (columns.at(-1)).left;
  const names = tokens
    .slice(0, 5)
    .map(
      (token, row) =>
        `${token.piece.trim()} ${(100 * (last.probabilities[row] ?? 0)).toFixed(0)} percent, drawn ${draws.counts[row]} times`,
    );
  return `After the chain ${last.kept} tokens are left. ${names.join('; ')}.`;
}

/** @param {{answer: Answer, columns: Column[], first: number}} shown */
function twin({ answer: { tokens, draws, position }, columns, first }) {
  return {
    caption: `Probabilities after each step of the chain, and how often the seeds ${first} to ${first + draws.seeds - 1} draw each token`,
    head: [
      'token',
      ...columns.map(({ sampler }) => sampler?.title ?? 'the model’s own'),
      'drawn',
      'expected',
    ],
    rows: tokens.map((token, row) => [
      visible(token.piece),
      chance(token.probability, {
        site: 'probabilities',
        index: `${position},${token.id}`,
      }),
      ...columns.slice(1).map(({ left }) => {
        const share = left.probabilities[row] ?? null;
        return share === null ? 'taken away' : chance(share);
      }),
      count(draws.counts[row] ?? 0),
      h(
        'span',
        { class: 'number' },
        `${(draws.expected[row] ?? 0).toFixed(1)} ± ${(draws.spread[row] ?? 0).toFixed(1)}`,
      ),
    ]),
  };
}
