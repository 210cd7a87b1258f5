/**
 * The chain as a pipeline: a column for each sampler with its slider at the head, and in it what is
 * left of the likeliest tokens; last, what many seeds draw.
 */

import { outlook } from '../kit/changes/effect.js';
import { ask } from '../kit/client.js';
import { fill, h, sideways } from '../kit/dom.js';
import { button, choice, figure, slider } from '../kit/figure.js';
import { message, messageText } from '../kit/messages.js';
import { count } from '../kit/number.js';
import { opensOn } from './example.js';
import { remembering } from './logits/word.js';
import { caption, said, twin } from './sample/captions.js';
import { asColumns, rows } from './sample/rows.js';
import { dragged, shown as inSight, samplers, seed, settings } from './sampling.js';

/** @typedef {import('./sampling.js').Sampler} Sampler */
/** @typedef {import('./sample/rows.js').Answer} Answer */
/** @typedef {import('./sample/rows.js').Column} Column */

const DRAWS = ['100', '1000', '10000'];

/** @type {import('../kit/stage.js').Stage} */
export default {
  name: 'sample',
  mount(root, page) {
    const parts = figure(root, {
      title: messageText('sample.title'),
      table: () => (shown ? twin(shown) : null),
    });
    /** @type {{answer: Answer, columns: Column[], first: number} | null} */
    let shown = null;
    const example = opensOn(page, 'sample', { prompt: 'the bird is' });
    /** @type {(key: object, ask: (signal: AbortSignal) => Promise<Answer>) => Promise<Answer>} */
    const once = remembering();
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
      label: messageText('sample.draws'),
      options: DRAWS.map((of) => [of, count(Number(of))]),
      value: '1000',
      onChange: (value) => page.set({ draws: value === '1000' ? null : value }),
    });

    const chain = dragged(page);
    const seedsHead = h('div', { class: 'sample-head' });
    const head = h('div', { class: 'sample-row is-head' });
    const grid = h('div', { class: 'sample-grid' }, head);
    const place = h('div', { class: 'sample-scroll' }, grid);
    sideways(place);
    fill(parts.body, place);

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
              ? messageText('sample.off')
              : of.notch < 1
                ? value.toFixed(2)
                : String(value),
          // What was put there on purpose stays there at any value.
          onInput: (value) =>
            page.set({ [of.name]: of.is_main && value === of.default ? null : value }),
        });
        made.node.title = of.about;
        made.input.name = of.name;
        sliders.set(of.name, made);
      }
      fill(
        head,
        h('div', { class: 'sample-name' }),
        h('div', { class: 'sample-head' }, message('sample.own')),
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
        label: messageText('sample.add'),
        options: [
          ['', messageText('sample.add.none')],
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
        h('label', { class: 'choice' }, h('span', null, message('sample.seed')), seeds),
        button(messageText('sample.other-seeds'), () =>
          page.set({ seed: seed(page.get()?.more ?? {}) + Number(draws.select.value) }),
        ),
        draws.node,
        add.node,
        h(
          'span',
          { class: 'choice' },
          message('sample.chain'),
          button(messageText('sample.chain.usual'), () => page.set(preset((of) => of.default))),
          button(messageText('sample.chain.none'), () => page.set(preset((of) => of.neutral))),
          button(messageText('sample.chain.likeliest'), () =>
            page.set({ ...preset((of) => of.neutral), temperature: 0 }),
          ),
        ),
        example.node,
      );
    };

    return {
      async draw(own, signal) {
        const selection = await example.selection(own, signal);
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
        const question = { ...about, settings: values, seed: first, draws: Number(many) };
        const end = { ...selection, token: selection.ids.length - 1 };
        const [answer, before] = await Promise.all([
          once([question, selection.about.step], (signal) => ask('sample', question, { signal })),
          selection.changes.length ? outlook(end, { signal, unchanged: true }) : null,
        ]);
        const columns = asColumns(seen, answer.stages);
        shown = { answer, columns, first };
        fill(seedsHead, message('sample.seeds-draw', { count: answer.draws.seeds }));
        // The head stays where it is: a slider that is taken out of the page is no longer dragged.
        while (grid.lastChild !== head) grid.lastChild?.remove();
        grid.append(...rows(answer, columns, bar, before?.row));
        parts.caption(caption(answer, columns, first, chain(all, values), selection));
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
