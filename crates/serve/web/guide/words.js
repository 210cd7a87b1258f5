/** What the guide says: each step's sentences, and what may be guessed. The answers stand in `answers.js`. */

import { mention, word } from '../kit/chips.js';
import { h } from '../kit/dom.js';
import { count } from '../kit/number.js';
import { BANDS, HOT, RUN, WRITTEN } from './steps.js';

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
  keys: 'The key g leads back here, except while one types.',
  right: 'Your guess is right. ',
  wrong: 'Your guess is not what this model does. ',
  none: 'This model has no answer here: ',
  guessed: 'Now do this, and the answer appears here.',
  switchOff: 'switch off',
  switchOn: 'switch on again',
  stillOff: 'It stays off for the whole page until it is switched on again.',
};

/** @param {Record<string, string>} pieces @param {number} id */
export const next = (pieces, id) => h('b', { class: 'next-word' }, word(pieces[id] ?? `#${id}`));
/** @param {Selection} of @param {number} at */
export const at = ({ pieces }, at) => mention(at, pieces[at] ?? '');

/**
 * @typedef {object} Words
 * @property {string} title
 * @property {string} text
 * @property {string} figure     what its link is called
 * @property {(of: Selection, told: any) => Child[]} action
 * @property {(of: Selection, told: any) => Child[]} question
 * @property {(of: Selection, told: any) => Record<string, Child[]>} choices
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
  },
  sampling: {
    title: 'Choosing the next token',
    text: 'Which token is written is decided outside of the model: one is drawn at random by the probabilities. A temperature changes them first.',
    figure: 'the chain of samplers',
    action: () => ['Change the temperature, and see the bars follow.'],
    question: (_, { first }) => [
      'At the end of the text, ',
      h('b', { class: 'next-word' }, word(first.piece)),
      ` is the likeliest. What does a temperature of ${HOT} make of it?`,
    ],
    choices: () => ({ likelier: ['likelier'], less: ['less likely'], equal: ['nothing'] }),
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
  },
};
