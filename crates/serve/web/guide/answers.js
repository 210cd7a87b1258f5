/** What each step of the guide answers, from the model's numbers. The steps' other sentences stand in `words.js`. */

import { VARIANTS } from '../kit/changes/words.js';
import { word } from '../kit/chips.js';
import { h } from '../kit/dom.js';
import { count, format, number } from '../kit/number.js';
import { COLD, HOT, RUN } from './steps.js';
import { at, next } from './words.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/dom.js').Child} Child */

/** A share that belongs to no site, or to a pass that the page does not show. @param {number} value */
const share = (value) => h('strong', null, number(value, { percent: true }));
/** @param {number} value */
const signed = (value) => h('strong', null, number(value, { digits: 2, sign: true }));
const FIRST =
  'The first token has nothing before it, so there is nothing to guess: choose a later one in the bar.';

/** By the name of the step. @type {Record<string, (of: Selection, told: any) => Child[]>} */
export const ANSWERS = {
  tokens: (_, { words, own, specials }) => {
    const marks = own.filter((/** @type {any} */ { piece }) => !/[\p{L}\p{N}]/u.test(piece));
    const numbers = own.map((/** @type {any} */ { id }) => id);
    return [
      `${count(words)} ${words === 1 ? 'word' : 'words'}, ${count(own.length)} ${own.length === 1 ? 'token' : 'tokens'}. `,
      marks.length
        ? `${count(marks.length)} of the tokens ${marks.length === 1 ? 'has' : 'have'} neither letter nor digit. `
        : '',
      specials
        ? `${count(specials)} more ${specials === 1 ? 'is' : 'are'} added by the model itself. `
        : '',
      numbers.length
        ? `Their numbers lie between ${count(Math.min(...numbers))} and ${count(Math.max(...numbers))}; they are labels and say nothing about meaning.`
        : '',
    ];
  },
  vectors: (_, { pair, width, apart }) =>
    pair === null
      ? [`Each token becomes ${count(width)} numbers. No token of this text stands in it twice.`]
      : apart === 0
        ? [
            `All ${count(width)} numbers are the same. The row knows nothing of the place or of the words around it: that has to be added later.`,
          ]
        : [
            `In this model they differ, by up to `,
            number(apart, { digits: 3 }),
            ` in one of ${count(width)} numbers.`,
          ],
  directions: (_, { sum, ranked, refused }) => {
    const [a, b, c] = sum.inputs.map((/** @type {any} */ { piece }) => word(piece));
    const [first, second] = ranked;
    return [
      refused
        ? `${refused.charAt(0).toUpperCase()}${refused.slice(1)}. So this is another sum. `
        : '',
      `Nearest to ${a} − ${b} + ${c} is `,
      h('b', null, word(first.piece)),
      ', with a cosine of ',
      number(first.cosine),
      ...(second ? ['; then ', h('b', null, word(second.piece)), ', ', number(second.cosine)] : []),
      '. A cosine of 1 is the same direction. ',
      first.is_input ? 'So the sum stays nearest to a word that was put in.' : '',
    ];
  },
  context: (of, { isFirst, layers, count: many }) => {
    if (isFirst) return [FIRST];
    const here = layers[of.layer];
    return [
      many === layers.length
        ? `In every layer (${count(many)} of ${count(many)}). `
        : `In ${count(many)} of ${count(layers.length)} layers. `,
      `In layer ${here.layer} the largest part comes from `,
      here.most === of.token ? 'itself' : at(of, here.most),
      ': ',
      share(here.share),
      ' of what is added.',
      here.share > 1 ? ' It is above 100 %, since other parts point the other way.' : '',
    ];
  },
  weights: (of, { isFirst, most, weight, site, index, later, behind }) => {
    if (isFirst) return [FIRST];
    return [
      at(of, of.token),
      ' looks most at ',
      most === of.token ? 'itself' : at(of, most),
      ': its weight is ',
      h('strong', null, number(weight, { percent: true, site, index })),
      '. ',
      later === 0
        ? ''
        : behind === 0
          ? `The ${later === 1 ? 'token' : `${count(later)} tokens`} behind it get nothing: the mask removes them before the softmax.`
          : 'The tokens behind it get some as well, since the mask is off.',
    ];
  },
  sum: (of, { isFirst, sources, weighted, longest }) => {
    if (isFirst) return [FIRST];
    const part = (/** @type {number} */ place) => [
      at(of, place),
      ': weight ',
      share(sources[place].weight),
      ' × length ',
      number(sources[place].value, { digits: 2 }),
      ' = ',
      number(sources[place].moves, { digits: 2 }),
    ];
    return weighted === longest
      ? ['Yes. ', ...part(weighted), '.']
      : [
          'No. The largest weight: ',
          ...part(weighted),
          '. The longest part: ',
          ...part(longest),
          '.',
        ];
  },
  mlp: (_, { stream, pieces }) => [
    'Attention adds ',
    signed(stream.attention),
    ', the MLPs ',
    signed(stream.mlp),
    ', the row that the token began with ',
    signed(stream.before),
    '. With what else is added they make up the logit of ',
    next(pieces, stream.of),
    ', ',
    number(stream.logit, { digits: 2 }),
    '.',
  ],
  probabilities: (of, { top, pieces }) => [
    next(pieces, top[0].id),
    ' has ',
    share(top[0].probability),
    ...(top[1] ? ['; the second, ', next(pieces, top[1].id), ', ', share(top[1].probability)] : []),
    `. The rest is spread over the other tokens of ${count(of.about.vocabulary)}.`,
  ],
  sampling: (_, { first, plain, hot, cold, own }) => [
    h('b', { class: 'next-word' }, word(first.piece)),
    ' has ',
    share(plain),
    ` at temperature 1, `,
    share(hot),
    ` at ${HOT} and `,
    share(cold),
    ` at ${COLD}`,
    ...(own
      ? [
          '; the temperature of the figure, ',
          format(own.temperature, { digits: 2 }),
          ', alone makes it ',
          share(own.share),
        ]
      : []),
    hot < plain
      ? '. Above 1 the others gain, below 1 the likeliest does.'
      : '. Nothing else has a probability worth speaking of here.',
  ],
  repeat: (_, { written, again, isEnd }) => {
    const said = (/** @type {any[]} */ tokens) =>
      h(
        'q',
        null,
        tokens
          .map((token) => token.text || token.piece)
          .join('')
          .trim(),
      );
    return [
      'It writes ',
      said(written),
      '. ',
      ...(again
        ? ['The tokens ', said(written.slice(again.from, again.from + RUN)), ' stand there twice.']
        : [`No ${RUN} tokens in a row come twice.`]),
      isEnd ? ' Then it ends the text itself.' : '',
    ];
  },
  order: (_, told) => [
    `${VARIANTS['no-position']?.phrase.replace('w', 'W') ?? ''}, `,
    ...became(told),
  ],
  heads: (_, told) => [`Without head ${told.head.layer}.${told.head.head}, `, ...became(told)],
};

/** What became of the likeliest next token. @param {any} told @returns {Child[]} */
function became({ before, after, first, pieces }) {
  const [was, is] = [before, after].map(({ probability }) =>
    format(probability, { percent: true }),
  );
  const moved =
    was === is
      ? [' stays at ', share(after.probability)]
      : [
          after.probability < before.probability ? ' falls from ' : ' rises from ',
          share(before.probability),
          ' to ',
          share(after.probability),
        ];
  return [
    next(pieces, before.id),
    ...moved,
    ...(first.id === before.id
      ? [', and is still the likeliest.']
      : ['; the likeliest is now ', next(pieces, first.id), ', ', share(first.probability), '.']),
  ];
}
