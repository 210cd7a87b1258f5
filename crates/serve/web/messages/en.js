/**
 * What the page says, in English, by message id: the figure or part of the page, then what is said there.
 * `kit/messages.js` says how places, marks and plural forms are written. Another language is a file like
 * this one; `tests/page/messages.test.js` says what it lacks.
 */

export default /** @type {const} */ ({
  /* position: where a token stands */
  'position.title': 'What tells the model where a token stands',
  'position.none.layer':
    'Nothing tells layer {layer}: its queries and keys are compared as they are, and it knows the order of tokens only by what each may look at. Positions are known in {layers}; choose one of those to see them turn.',
  'position.none':
    'Nothing does: this model knows the order of its tokens only by what each may look at.',
  'position.alibi.slopes': 'What each head takes off a score for every step of distance',
  'position.alibi.losses': 'What scores with the tokens before lose in head {head}',
  'position.alibi.head-chosen': 'head {head}, chosen',
  'position.alibi.head': 'head {head}',
  'position.alibi.first':
    'No token is told its place. When {token} compares its query with a key, head {head} takes {slope} off the score for every step between the two: nothing here, since this is the first token. So heads with a large number look nearby, and those with a small one far back.',
  'position.alibi.later':
    'No token is told its place. When {token} compares its query with a key, head {head} takes {slope} off the score for every step between the two: nothing with itself, {loss} with {first}. So heads with a large number look nearby, and those with a small one far back.',
  'position.alibi.said':
    'Head {head} takes {slope} off a score of {token} for every step of distance',
  'position.alibi.table.head': 'head',
  'position.alibi.table.slope': 'slope',
});
