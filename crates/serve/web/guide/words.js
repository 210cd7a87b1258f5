/** What the guide says: each step's sentences, what may be guessed, and the answer from the model's numbers. */

import { VARIANTS } from '../kit/changes/words.js';
import { mention, word } from '../kit/chips.js';
import { h } from '../kit/dom.js';
import { count, format, number } from '../kit/number.js';
import { BANDS, COLD, HOT, RUN, WRITTEN } from './steps.js';

/** @typedef {import('../kit/stage.js').Selection} Selection */
/** @typedef {import('../kit/dom.js').Child} Child */

export const SAID = {
  place: (/** @type {number} */ step, /** @type {number} */ of) => `step ${step} of ${of}`,
  look: 'look at',
  guess: 'Guess first',
  act: 'Then',
  done: 'done',
  show: 'just show me',
  back: 'back',
  on: 'next step',
  end: 'leave the steps',
  fold: 'less',
  unfold: 'more',
  link: 'copy a link to this step',
  copied: 'copied',
  keys: 'The key g leads back here, but where one types.',
  right: 'Your guess is right. ',
  wrong: 'Your guess is not what this model does. ',
  none: 'This model has no answer here: ',
  guessed: 'Now do this, and the answer appears here.',
  switchOff: 'switch off',
  switchOn: 'switch on again',
  stillOff: 'It stays off for the whole page until it is switched on again.',
};

/** @param {Record<string, string>} pieces @param {number} id */
const next = (pieces, id) => h('b', { class: 'next-word' }, word(pieces[id] ?? `#${id}`));
/** @param {Selection} of @param {number} at */
const at = ({ pieces }, at) => mention(at, pieces[at] ?? '');
/** A share that belongs to no site, or to a pass that the page does not show. @param {number} value */
const share = (value) => h('strong', null, number(value, { percent: true }));
/** @param {number} value */
const signed = (value) => h('strong', null, number(value, { digits: 2, sign: true }));
const FIRST =
  'The first token has nothing before it, so there is nothing to guess: choose a later one in the bar.';

/**
 * @typedef {object} Words
 * @property {string} title
 * @property {string} text
 * @property {string} figure     what its link is called
 * @property {(of: Selection, told: any) => Child[]} action
 * @property {(of: Selection, told: any) => Child[]} question
 * @property {(of: Selection, told: any) => Record<string, Child[]>} choices
 * @property {(of: Selection, told: any) => Child[]} answer
 * @property {(of: Selection, told: any) => string} [part]   what its button switches
 */

/** @type {Record<string, Words>} */
export const WORDS = {
  tokens: {
    title: 'Text becomes tokens',
    text: 'A model does not read words. The text is cut into pieces from a fixed list, its tokens, and each is replaced by its number in that list.',
    figure: 'the text, cut into pieces',
    action: () => ['Choose another token, in the figure or in the bar, and read its number.'],
    question: () => ['How many tokens does the text in the bar have?'],
    choices: () => ({
      fewer: ['fewer than words'],
      equal: ['one for each word'],
      more: ['more than words'],
    }),
    answer: (_, { words, own, specials }) => {
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
  },
  vectors: {
    title: 'Tokens become vectors',
    text: 'The number of a token is used once: to look up a row of a table. That row, a list of numbers called a vector, is what the model works on.',
    figure: 'the row that a token looks up',
    action: (of, { pair }) =>
      pair
        ? [
            'Choose ',
            at(of, pair[of.token === pair[1] ? 0 : 1]),
            ` at place ${count(pair[of.token === pair[1] ? 0 : 1] + 1)} of the text, and compare its row.`,
          ]
        : ['Choose another token, and compare its row.'],
    question: (of, { pair }) =>
      pair
        ? [
            at(of, pair[0]),
            ` stands at places ${count(pair[0] + 1)} and ${count(pair[1] + 1)} of the text. Do both look up the same row?`,
          ]
        : ['How many numbers does one token become?'],
    choices: (_, { width, vocabulary }) => ({
      same: ['the same row'],
      other: ['different rows'],
      one: ['one'],
      width: [count(width)],
      vocabulary: [count(vocabulary)],
    }),
    answer: (_, { pair, width, apart }) =>
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
  },
  directions: {
    title: 'Directions carry meaning',
    text: 'Training places words that are used alike near each other. Then the way from one word to another can be a direction that other words share.',
    figure: 'the sum of words',
    action: () => [
      'Let rows enter at length 1, or rank among all tokens, and see whether the answer holds.',
    ],
    question: (_, { sum }) => {
      const [a, b, c] = sum.inputs.map((/** @type {any} */ { piece }) => word(piece));
      return [`${a} − ${b} + ${c}: which word lies in the direction nearest to this sum?`];
    },
    choices: (_, { others }) => ({
      ...Object.fromEntries(
        others.map((/** @type {any} */ { id, piece }) => [`#${id}`, [word(piece)]]),
      ),
      input: ['one of the three themselves'],
    }),
    answer: (_, { sum, ranked, refused }) => {
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
        ...(second
          ? ['; then ', h('b', null, word(second.piece)), ', ', number(second.cosine)]
          : []),
        '. A cosine of 1 is the same direction. ',
        first.is_input ? 'So the sum stays nearest to a word that was put in.' : '',
      ];
    },
  },
  context: {
    title: 'Attention adds context',
    text: 'A row is the same wherever its word stands. In each layer, attention adds to each token something taken from itself and from the tokens before it.',
    figure: 'what a token takes up',
    action: () => ['Choose another layer, in the figure or in the bar.'],
    question: (of) => [
      'In how many layers does ',
      at(of, of.token),
      ' take more from the tokens before it than from itself?',
    ],
    choices: () => ({ none: ['in none'], some: ['in some'], all: ['in every one'] }),
    answer: (of, { isFirst, layers, count: many }) => {
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
  },
  weights: {
    title: 'The three lines',
    text: 'A head compares what a token looks for with what each token offers; that is its score. A softmax turns the scores into weights that add up to 1.',
    figure: 'scores and weights of a head',
    action: () => [
      'Go through the steps of the computation below the matrix, from scores to weights.',
    ],
    question: (of) => [
      'Where does ',
      at(of, of.token),
      ` look most in head ${of.layer}.${of.head}?`,
    ],
    choices: (of) => ({
      self: ['at itself'],
      before: ['at the token before it'],
      first: ['at the first token'],
      other: [of.token > 1 ? 'at another' : 'at a later one'],
    }),
    answer: (of, { isFirst, most, weight, site, index, later, behind }) => {
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
  },
  sum: {
    title: 'A weighted sum',
    text: 'What a head returns is a sum: the value vector of each token, times its weight. A vector that is short gives little, however large its weight.',
    figure: 'the weighted sum',
    action: () => [
      'Go through the sum term by term: press play below the figure, or choose a step.',
    ],
    question: (of) => [
      `In head ${of.layer}.${of.head}, does the token with the largest weight also give `,
      at(of, of.token),
      ' the longest part?',
    ],
    choices: () => ({ same: ['yes'], other: ['no, another does'] }),
    answer: (of, { isFirst, sources, weighted, longest }) => {
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
  },
  mlp: {
    title: 'What the MLP does',
    text: 'The other half of each layer, the MLP, works on each token alone. What both halves add can be followed to the end, to the score of a next word, its logit.',
    figure: 'the hidden units of an MLP',
    action: () => ['Open another hidden unit, and read which words it pushes up and down.'],
    question: (of, { stream, pieces }) => [
      'What adds more to the logit of ',
      next(pieces, stream.of),
      ' after ',
      at(of, of.token),
      ': the attention of all layers, or their MLPs?',
    ],
    choices: () => ({ attention: ['attention'], mlp: ['the MLPs'] }),
    answer: (_, { stream, pieces }) => [
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
  },
  probabilities: {
    title: 'Logits become probabilities',
    text: 'Every token of the list gets a logit. A softmax turns these into probabilities, which add up to 1. The model does not write words: it says how likely each is.',
    figure: 'what may come next',
    action: () => ['Choose another next word in the figure, and see how likely it is.'],
    question: (of) => [
      'How likely is the likeliest token after ',
      at(of, of.token),
      ', in your guess?',
    ],
    choices: () => {
      const [low, middle, high] = BANDS.map((end) => `${100 * end} %`);
      return {
        0: [`below ${low}`],
        1: [`${low} to ${middle}`],
        2: [`${middle} to ${high}`],
        3: [`above ${high}`],
      };
    },
    answer: (of, { top, pieces }) => [
      next(pieces, top[0].id),
      ' has ',
      share(top[0].probability),
      ...(top[1]
        ? ['; the second, ', next(pieces, top[1].id), ', ', share(top[1].probability)]
        : []),
      `. The rest is spread over the other tokens of ${count(of.about.vocabulary)}.`,
    ],
  },
  sampling: {
    title: 'Choosing the next token',
    text: 'Which token is written is decided outside of the model: one is drawn at random by the probabilities. A temperature changes them first.',
    figure: 'the chain of samplers',
    action: () => [
      'Change the temperature, by its slider or by its number, and see the bars follow.',
    ],
    question: (_, { first }) => [
      'At the end of the text, ',
      h('b', { class: 'next-word' }, word(first.piece)),
      ` is the likeliest. What does a temperature of ${HOT} make of it?`,
    ],
    choices: () => ({ likelier: ['likelier'], less: ['less likely'], equal: ['nothing'] }),
    answer: (_, { first, plain, hot, cold, own }) => [
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
  },
  repeat: {
    title: 'Append and repeat',
    text: 'The chosen token is appended, and the model reads the longer text. There is nothing more to writing. Always taking the likeliest token is called greedy.',
    figure: 'a text, one token at a time',
    action: () => ['Write at least one token on, by the button ▸ below the text or by a choice.'],
    question: () => [
      `The model writes up to ${WRITTEN} tokens greedily. Will ${RUN} tokens in a row come a second time?`,
    ],
    choices: () => ({
      again: ['yes'],
      new: ['no, it goes on without'],
      end: ['no, it ends before'],
    }),
    answer: (_, { written, again, isEnd }) => {
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
          ? [
              'The tokens ',
              said(written.slice(again.from, again.from + RUN)),
              ' stand there twice.',
            ]
          : [`No ${RUN} tokens in a row come twice.`]),
        isEnd ? ' Then it ends the text itself.' : '',
      ];
    },
  },
  order: {
    title: 'Where a token stands',
    text: 'Comparing vectors says nothing about order. So the model is told where each token stands, in most models by turning what is compared by an angle that grows with the place.',
    figure: 'what tells the place',
    part: () => 'positions',
    action: () => ['Switch positions off in the whole model.'],
    question: (of, { before, pieces }) => [
      'Without positions, will ',
      next(pieces, before.id),
      ' still be the likeliest after ',
      at(of, of.token),
      '?',
    ],
    choices: () => ({ stays: ['yes'], another: ['no, another word will'] }),
    answer: (_, told) => [
      `${VARIANTS['no-position']?.phrase.replace('w', 'W') ?? ''}, `,
      ...became(told),
    ],
  },
  heads: {
    title: 'Many heads side by side',
    text: 'A layer has several heads, each with weights of its own, so each can look for something else. One head can be switched off to see what it was needed for.',
    figure: 'the text with arcs',
    part: (_, { head }) => `head ${head.layer}.${head.head}`,
    action: (_, { head }) => [`Switch head ${head.layer}.${head.head} off.`],
    question: (_, { head, isFound, heads, before, pieces }) => [
      isFound
        ? `Of all ${count(heads)} heads, ${head.layer}.${head.head} pushes `
        : `Head ${head.layer}.${head.head} is one of ${count(heads)}. The likeliest next word is `,
      next(pieces, before.id),
      isFound ? ' up most. What becomes of that word without it?' : '. What becomes of it without?',
    ],
    choices: () => ({
      stays: ['it keeps more than half of its share'],
      falls: ['it loses more, and stays first'],
      another: ['another word comes first'],
    }),
    answer: (_, told) => [`Without head ${told.head.layer}.${told.head.head}, `, ...became(told)],
  },
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
