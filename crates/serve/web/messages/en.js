/**
 * What the page says, in English, by message id: the figure or part of the page, then what is said there.
 * `kit/messages.js` says how places, marks and plural forms are written. Another language is a file like
 * this one; `tests/page/messages.test.js` says what it lacks.
 */

export default /** @type {const} */ ({
  /* guide: the example prompts, and what its panel says in every step */
  'guide.examples': 'example prompts',
  'guide.examples.try': 'try',
  'guide.example.name': 'a name is looked up',
  'guide.example.likely': 'one word is likely',
  'guide.example.many': 'many words fit',
  'guide.example.answer': 'a sentence is answered by another',
  'guide.example.story': 'a beginning of stories',
  'guide.example.fact': 'a question of fact',
  'guide.example.return': 'a name that may return',
  'guide.example.open': 'an open end',
  'guide.place': 'step {step} of {steps}',
  'guide.look': 'look at: {figure}',
  'guide.guess': '<b>Guess first:</b> {question}',
  'guide.act': '<b>Then:</b> {action}',
  'guide.done': '✓ done',
  'guide.show': 'just show me',
  'guide.back': 'back',
  'guide.on': 'next step',
  'guide.end': 'leave the steps',
  'guide.fold': 'less',
  'guide.unfold': 'more',
  'guide.link': 'copy a link to this step',
  'guide.copied': 'copied',
  'guide.keys': 'The key g leads back here, except while one types.',
  'guide.right': 'Your guess is right.',
  'guide.wrong': 'Your guess is not what this model does.',
  'guide.none': 'This model has no answer here: {why}',
  'guide.guessed': 'Now do this, and the answer appears here.',
  'guide.switch-off': '{part}: switch off',
  'guide.switch-on': '{part}: switch on again',
  'guide.still-off': 'It stays off for the whole page until it is switched on again.',
  'guide.first':
    'The first token has nothing before it, so there is nothing to guess: choose a later one in the bar.',
  'guide.stays.still': '{without}, {next} stays at {after}, and is still the likeliest.',
  'guide.stays.another':
    '{without}, {next} stays at {after}; the likeliest is now {first}, {share}.',
  'guide.falls.still':
    '{without}, {next} falls from {before} to {after}, and is still the likeliest.',
  'guide.falls.another':
    '{without}, {next} falls from {before} to {after}; the likeliest is now {first}, {share}.',
  'guide.rises.still':
    '{without}, {next} rises from {before} to {after}, and is still the likeliest.',
  'guide.rises.another':
    '{without}, {next} rises from {before} to {after}; the likeliest is now {first}, {share}.',

  /* guide: its twelve steps */
  'guide.tokens.title': 'Text becomes tokens',
  'guide.tokens.text':
    'A model does not read words. The text is cut into pieces from a fixed list, its tokens, and each is replaced by its number in that list.',
  'guide.tokens.figure': 'the text, cut into pieces',
  'guide.tokens.action': 'Choose another token, in the figure or in the bar, and read its number.',
  'guide.tokens.question': 'How many tokens does the text in the bar have?',
  'guide.tokens.fewer': 'fewer than words',
  'guide.tokens.equal': 'one for each word',
  'guide.tokens.more': 'more than words',
  'guide.tokens.counts': '{words}, {tokens}.',
  'guide.tokens.words': { one: '{count} word', other: '{count} words' },
  'guide.tokens.tokens': { one: '{count} token', other: '{count} tokens' },
  'guide.tokens.marks': {
    one: '{count} of the tokens has neither letter nor digit.',
    other: '{count} of the tokens have neither letter nor digit.',
  },
  'guide.tokens.specials': {
    one: '{count} more is added by the model itself.',
    other: '{count} more are added by the model itself.',
  },
  'guide.tokens.numbers':
    'Their numbers lie between {low} and {high}; they are labels and say nothing about meaning.',
  'guide.vectors.title': 'Tokens become vectors',
  'guide.vectors.text':
    'The number of a token is used once: to look up a row of a table. That row, a list of numbers called a vector, is what the model works on.',
  'guide.vectors.figure': 'the row that a token looks up',
  'guide.vectors.action': 'Choose another token, and compare its row.',
  'guide.vectors.action.pair': 'Choose {token} at place {place} of the text, and compare its row.',
  'guide.vectors.question': 'How many numbers does one token become?',
  'guide.vectors.question.pair':
    '{token} stands at places {first} and {second} of the text. Do both look up the same row?',
  'guide.vectors.same': 'the same row',
  'guide.vectors.other': 'different rows',
  'guide.vectors.one': 'one',
  'guide.vectors.width': {
    one: 'Each token becomes {count} number. No token of this text stands in it twice.',
    other: 'Each token becomes {count} numbers. No token of this text stands in it twice.',
  },
  'guide.vectors.equal': {
    one: 'The {count} number is the same. The row knows nothing of the place or of the words around it: that has to be added later.',
    other:
      'All {count} numbers are the same. The row knows nothing of the place or of the words around it: that has to be added later.',
  },
  'guide.vectors.apart': 'In this model they differ, by up to {apart} in one of {width} numbers.',
  'guide.directions.title': 'Directions carry meaning',
  'guide.directions.text':
    'Training places words that are used alike near each other. Then the way from one word to another can be a direction that other words share.',
  'guide.directions.figure': 'the sum of words',
  'guide.directions.action':
    'Let rows enter at length 1, or rank among all tokens, and see whether the answer holds.',
  'guide.directions.question':
    '{a} − {b} + {c}: which word lies in the direction nearest to this sum?',
  'guide.directions.input': 'one of the three themselves',
  'guide.directions.refused': '{problem}. So this is another sum.',
  'guide.directions.nearest': 'Nearest to {a} − {b} + {c} is {word}, with a cosine of {cosine}.',
  'guide.directions.nearest.two':
    'Nearest to {a} − {b} + {c} is {word}, with a cosine of {cosine}; then {second}, {other}.',
  'guide.directions.cosine': 'A cosine of 1 is the same direction.',
  'guide.directions.stays': 'So the sum stays nearest to a word that was put in.',
  'guide.context.title': 'Attention adds context',
  'guide.context.text':
    'A row is the same wherever its word stands. In each layer, attention adds to each token something taken from itself and from the tokens before it.',
  'guide.context.figure': 'what a token takes up',
  'guide.context.action': 'Choose another layer, in the figure or in the bar.',
  'guide.context.question':
    'In how many layers does {token} take more from the tokens before it than from itself?',
  'guide.context.none': 'in none',
  'guide.context.some': 'in some',
  'guide.context.all': 'in every one',
  'guide.context.in-all': 'In every layer ({layers} of {layers}).',
  'guide.context.in-some': 'In {some} of {layers} layers.',
  'guide.context.itself':
    'In layer {layer} the largest part comes from itself: {share} of what is added.',
  'guide.context.other':
    'In layer {layer} the largest part comes from {token}: {share} of what is added.',
  'guide.context.above': 'It is above 100 %, since other parts point the other way.',
  'guide.weights.title': 'The three lines',
  'guide.weights.text':
    'A head compares what a token looks for with what each token offers; that is its score. A softmax turns the scores into weights that add up to 1.',
  'guide.weights.figure': 'scores and weights of a head',
  'guide.weights.action':
    'Go through the steps of the computation below the matrix, from scores to weights.',
  'guide.weights.question': 'Where does {token} look most in head {head}?',
  'guide.weights.self': 'at itself',
  'guide.weights.before': 'at the token before it',
  'guide.weights.first': 'at the first token',
  'guide.weights.another': 'at another',
  'guide.weights.later': 'at a later one',
  'guide.weights.itself': '{token} looks most at itself: its weight is {weight}.',
  'guide.weights.most': '{token} looks most at {other}: its weight is {weight}.',
  'guide.weights.masked': {
    one: 'The token behind it gets nothing: the mask removes it before the softmax.',
    other: 'The {count} tokens behind it get nothing: the mask removes them before the softmax.',
  },
  'guide.weights.unmasked': {
    one: 'The token behind it gets some as well, since the mask is off.',
    other: 'The tokens behind it get some as well, since the mask is off.',
  },
  'guide.sum.title': 'A weighted sum',
  'guide.sum.text':
    'What a head returns is a sum: the value vector of each token, times its weight. A vector that is short gives little, however large its weight.',
  'guide.sum.figure': 'the weighted sum',
  'guide.sum.action':
    'Go through the sum term by term: press play below the figure, or choose a step.',
  'guide.sum.question':
    'In head {head}, does the token with the largest weight also give {token} the longest part?',
  'guide.sum.yes': 'yes',
  'guide.sum.no': 'no, another does',
  'guide.sum.part': '{token}: weight {weight} × length {length} = {product}',
  'guide.sum.same': 'Yes. {part}.',
  'guide.sum.other': 'No. The largest weight: {weighted}. The longest part: {longest}.',
  'guide.mlp.title': 'What the MLP does',
  'guide.mlp.text':
    'The other half of each layer, the MLP, works on each token alone. What both halves add can be followed to the end, to the score of a next word, its logit.',
  'guide.mlp.figure': 'the hidden units of an MLP',
  'guide.mlp.action': 'Open another hidden unit, and read which words it pushes up and down.',
  'guide.mlp.question':
    'What adds more to the logit of {next} after {token}: the attention of all layers, or their MLPs?',
  'guide.mlp.attention': 'attention',
  'guide.mlp.mlp': 'the MLPs',
  'guide.mlp.answer':
    'Attention adds {attention}, the MLPs {mlp}, the row that the token began with {before}. With what else is added they make up the logit of {next}, {logit}.',
  'guide.probabilities.title': 'Logits become probabilities',
  'guide.probabilities.text':
    'Every token of the list gets a logit. A softmax turns these into probabilities, which add up to 1. The model does not write words: it says how likely each is.',
  'guide.probabilities.figure': 'what may come next',
  'guide.probabilities.action': 'Choose another next word in the figure, and see how likely it is.',
  'guide.probabilities.question': 'How likely is the likeliest token after {token}, in your guess?',
  'guide.probabilities.below': 'below {end}',
  'guide.probabilities.between': '{from} to {to}',
  'guide.probabilities.above': 'above {end}',
  'guide.probabilities.one': '{next} has {share}.',
  'guide.probabilities.two': '{next} has {share}; the second, {second}, {other}.',
  'guide.probabilities.rest': 'The rest is spread over the other tokens of {vocabulary}.',
  'guide.sampling.title': 'Choosing the next token',
  'guide.sampling.text':
    'Which token is written is decided outside of the model: one is drawn at random by the probabilities. A temperature changes them first.',
  'guide.sampling.figure': 'the chain of samplers',
  'guide.sampling.action': 'Change the temperature, and see the bars follow.',
  'guide.sampling.question':
    'At the end of the text, {next} is the likeliest. What does a temperature of {temperature} make of it?',
  'guide.sampling.likelier': 'likelier',
  'guide.sampling.less': 'less likely',
  'guide.sampling.equal': 'nothing',
  'guide.sampling.shares':
    '{next} has {plain} at temperature 1, {warm} at {hot} and {cool} at {cold}.',
  'guide.sampling.own':
    '{next} has {plain} at temperature 1, {warm} at {hot} and {cool} at {cold}; the temperature of the figure, {temperature}, alone makes it {share}.',
  'guide.sampling.changes': 'Above 1 the others gain, below 1 the likeliest does.',
  'guide.sampling.alone': 'Nothing else has a probability worth speaking of here.',
  'guide.repeat.title': 'Append and repeat',
  'guide.repeat.text':
    'The chosen token is appended, and the model reads the longer text. There is nothing more to writing. Always taking the likeliest token is called greedy.',
  'guide.repeat.figure': 'a text, one token at a time',
  'guide.repeat.action':
    'Write at least one token on, by the button ▸ below the text or by a choice.',
  'guide.repeat.question':
    'The model writes up to {tokens} tokens greedily. Will {run} tokens in a row come a second time?',
  'guide.repeat.again': 'yes',
  'guide.repeat.new': 'no, it goes on without',
  'guide.repeat.end': 'no, it ends before',
  'guide.repeat.writes': 'It writes <q>{text}</q>.',
  'guide.repeat.twice': 'The tokens <q>{tokens}</q> stand there twice.',
  'guide.repeat.once': 'No {run} tokens in a row come twice.',
  'guide.repeat.ends': 'Then it ends the text itself.',
  'guide.order.title': 'Where a token stands',
  'guide.order.text':
    'Comparing vectors says nothing about order. So the model is told where each token stands, in most models by turning what is compared by an angle that grows with the place.',
  'guide.order.figure': 'what tells the place',
  'guide.order.part': 'positions',
  'guide.order.action': 'Switch positions off in the whole model.',
  'guide.order.question': 'Without positions, will {next} still be the likeliest after {token}?',
  'guide.order.stays': 'yes',
  'guide.order.another': 'no, another word will',
  'guide.order.without': 'Without positions',
  'guide.heads.title': 'Many heads side by side',
  'guide.heads.text':
    'A layer has several heads, each with weights of its own, so each can look for something else. One head can be switched off to see what it was needed for.',
  'guide.heads.figure': 'the text with arcs',
  'guide.heads.part': 'head {head}',
  'guide.heads.action': 'Switch head {head} off.',
  'guide.heads.question':
    'Head {head} is one of {heads}. The likeliest next word is {next}. What becomes of it without?',
  'guide.heads.question.found':
    'Of all {heads} heads, {head} pushes {next} up most. What becomes of that word without it?',
  'guide.heads.stays': 'it keeps more than half of its share',
  'guide.heads.falls': 'it loses more, and stays first',
  'guide.heads.another': 'another word comes first',
  'guide.heads.without': 'Without head {head}',

  /* opening: what stands first */
  'opening.title': 'Where a word looks, what comes next',
  'opening.words': 'the text, word by word',
  'opening.without': 'without head {head}',
  'opening.others': 'and without',
  'opening.needed': 'the head that the next word needs most',
  'opening.own-prompt': 'my own text',
  'opening.last-prompt': 'my own text again',
  'opening.example': 'the example again',
  'opening.command': 'the same on the command line',
  'opening.waiting':
    'There is no model yet: one is being made on this machine, as the curve below shows.',
  'opening.question': 'First a guess: without head {head}, which word is likeliest after {token}?',
  'opening.other-word': 'another word',
  'opening.show': 'just show me',
  'opening.right': 'You guessed {next}, and so it is.',
  'opening.wrong': 'You guessed {next}. It is not.',
  'opening.right.other': 'You guessed another word, and so it is.',
  'opening.wrong.other': 'You guessed another word. It is not.',
  'opening.first': '{token} is the first token: it can look at nothing but itself, in every head.',
  'opening.looks.itself': 'In head {head}, {token} looks most at itself ({share}).',
  'opening.looks.next':
    'In head {head}, {token} looks most at {other} ({share}), and that is the likeliest next word.',
  'opening.looks.other': 'In head {head}, {token} looks most at {other} ({share}).',
  'opening.changed.itself':
    'In head {head}, which is changed, {token} looks most at itself ({share}).',
  'opening.changed.next':
    'In head {head}, which is changed, {token} looks most at {other} ({share}), and that is the likeliest next word.',
  'opening.changed.other':
    'In head {head}, which is changed, {token} looks most at {other} ({share}).',
  'opening.why': 'Of all {heads} heads, {head} pushes {next} up most.',
  'opening.why.same':
    'Of all {heads} heads, {head} pushes {next} up most, and without it that word would be least likely.',
  'opening.why.other':
    'Of all {heads} heads, {head} pushes {next} up most; without head {needed} it would be least likely.',
  'opening.also.head':
    'Head {head} looks most at {token} as well: what becomes of it without them?',
  'opening.also.heads':
    'Heads {heads} and {last} look most at {token} as well: what becomes of it without them?',
  'opening.token': 'token {id}',
  'opening.said': 'After {token} the likeliest token is {next}, at {probability}.',
  'opening.arcs.itself': '{token} looks most at itself, {share}',
  'opening.arcs.other': '{token} looks most at {other}, {share}',
  'opening.arcs.share': ', {share}',
  'opening.table.weights': 'how much {token} takes from each token, by head',
  'opening.table.next': 'the likeliest next tokens',
  'opening.table.token': 'token',
  'opening.table.probability': 'probability',

  /* training: how the model learned */
  'training.title': 'How the model learned',
  'training.title.of': 'How {model} learned',
  'training.title.made': 'A model is being made on this machine',
  'training.title.learning': 'A transformer of {parameters} parameters is learning on this machine',
  'training.title.done': 'The model has learned',
  'training.progress': 'share of the training that is done',
  'training.views': 'what is shown of the training',
  'training.views.loss': 'its loss',
  'training.views.able': 'what it can do',
  'training.views.said': 'what it wrote',
  'training.phase': '{doing} …',
  'training.begun':
    'It has a text of {tokens} tokens to learn from. A step takes {step} of them and does three things. It guesses: for each token the model says how likely every next token is. It compares: the loss is how little it gave to the token that really came. It nudges: every one of the {parameters} numbers is moved a little, in the direction that would have made the loss smaller. After {steps} steps that is all there was to learning.',
  'training.page':
    'The whole page shows the model as it stands: each figure says what these weights say, and changes as they learn.',
  'training.state': 'step {step} of {steps}, loss {loss}, {rate} tokens a second, {seconds} s left',
  'training.done': {
    one: '{count} step in {seconds} s on this machine.',
    other: '{count} steps in {seconds} s on this machine.',
  },
  'training.elsewhere':
    'This model was trained elsewhere, and nothing is known here of how it learned. What it learned is below.',
  'training.steps': { one: '{count} step.', other: '{count} steps.' },
  'training.step': 'step {step}',
  'training.said': 'loss from {first} to {last} nats per token',
  'training.caption':
    'Each step was three things: guess the next token everywhere in a piece of text, compare with the token that really came, and nudge every number of the model so that the right one would have been a little likelier. The <em>loss</em> is how surprised the model is by the token that comes, measured in <em>nats</em>.',
  'training.fell': 'It fell from {first} to {last}.',
  'training.fell.judged': 'It fell from {first} to {last} on text that it never learned from.',
  'training.went': 'It went from {first} to {last}.',
  'training.went.judged': 'It went from {first} to {last} on text that it never learned from.',
  'training.nats':
    '{loss} nats mean: on average it is as unsure as somebody who has to choose between {choices} tokens and finds all of them equally likely. Knowing nothing at all would be {vocabulary} tokens, or {most} nats.',
  'training.able':
    'Of fifty questions such as <q>which one is red? the red</q> it answers {share}; the words of a list that repeats surprise it by {nats} nats each.',
  'training.jump':
    'The share that it answers jumps between step {from} and step {to}, from {before} to {after} (the dashed lines).',
  'training.copier':
    'The head that looks answers up now is {head}: over {questions} such questions it has on average {weight} of its attention on the answer, where that stands in the text before.',
  'training.head': 'head {head}',
  'training.head.title': 'see it at one of the questions',
  'training.look-ups': 'look-ups answered',
  'training.repeated': 'surprise at repeated words',
  'training.top': 'top: {value}',
  'training.heads.open': 'when its heads began to look back',
  'training.heads.busy': 'The models that the run kept on its way are read …',
  'training.heads.reading': '{done} of {all} models are read …',
  'training.heads.missing':
    '{problem}. This command trains the run again, to the same weights, and keeps them; serve what it makes, and when its heads formed is shown here:',
  'training.heads.command': 'the training that keeps whole models',
  'training.heads.none':
    'At the end no head has {bound} of its weights on the token before, on a token that is the same, or on the one behind it: heads of these kinds have not formed.',
  'training.heads.previous': 'on the token before',
  'training.heads.duplicate': 'on the same token, earlier',
  'training.heads.induction': 'behind the same token',
  'training.heads.previous.since':
    'Head {head} has {score} of its weights on the token before, and has had half of that since step {step}.',
  'training.heads.duplicate.since':
    'Head {head} has {score} of its weights on earlier tokens that are the same as the one that looks, and has had half of that since step {step}.',
  'training.heads.induction.since':
    'Where random tokens come twice, head {head} has {score} of its weights on the token behind the earlier one, and has had half of that since step {step}.',
  'training.heads.more': {
    one: 'The table below has one more.',
    other: 'The tables and curves below have {count} more.',
  },
  'training.heads.step': 'step',
  'training.heads.chart': 'share of each head’s weights {what}, over the steps',
  'training.heads.table': 'Shares of the weights of each head at step {step}',
  'training.heads.table.head': 'head',
  'training.heads.table.since': 'since step',
  'training.heads.some': '{some} of {all} heads: those with the highest scores at the end.',
  'training.heads.mark': 'step {step}: head {head} looks back',
  'training.chart': 'loss over the steps',
  'training.rise': 'step {step}: it looks answers up',
  'training.learning': 'learning',
  'training.kept': 'kept back',
  'training.table': 'validation loss in nats per token, on text that was kept back',
  'training.table.step': 'step',
  'training.table.loss': 'loss',

  /* example: the text that a figure opens on */
  example: 'an example, {text}',
  'example.at': 'an example, {text} at {word}',
  'example.own': 'use my own prompt',
  'example.back': 'back to the example',

  /* tokens: text becomes tokens */
  'tokens.title': 'The text, cut into pieces, and the number of each piece',
  'tokens.views': 'what is shown of the pieces',
  'tokens.views.model': 'this model',
  'tokens.views.elsewhere': 'elsewhere',
  'tokens.views.beside': 'what is shown beside it',
  'tokens.views.vocabularies': 'three other vocabularies',
  'tokens.views.article': 'the article’s numbers',
  'tokens.bytes': 'show the bytes',
  'tokens.others': 'The same text in three vocabularies of OpenAI',
  'tokens.number': {
    one: 'One token: {token} has the number {number} of {all}.',
    other: '{count} tokens. {token} has the number {number} of {all}.',
  },
  'tokens.number.exchanged': {
    one: 'One token: {token} has, in the model, the number {number} of {all}.',
    other: '{count} tokens. {token} has, in the model, the number {number} of {all}.',
  },
  'tokens.elsewhere': 'The same text is {counts}.',
  'tokens.in': '{tokens} in {vocabulary}',
  'tokens.template':
    'Faint pieces are structure, not text: the template put them around it. To the other vocabularies they are letters like any others.',
  'tokens.specials': 'Faint pieces are structure, not text: they were put around it.',
  'tokens.said': { one: '{count} token: {pieces}', other: '{count} tokens: {pieces}' },
  'tokens.said.piece': '{piece} is {id}',
  'tokens.size': { one: '{count} piece', other: '{count} pieces' },
  'tokens.count': { one: '{count} token', other: '{count} tokens' },
  'tokens.more': '… {more} more …',
  'tokens.exchange': 'exchange the numbers',
  'tokens.exchange.again': 'once more',
  'tokens.exchange.back': 'put back',
  'tokens.exchanged':
    '{token} is called {now} now, and was {before}. Let the rows of the model’s tables be exchanged in the same way, and number {now} leads to the very row that {before} led to.',
  'tokens.exchanged.next':
    'So every vector, weight and logit stays as it is: {next}, now number {now} and before {before}, follows with {probability} under both.',
  'tokens.exchanged.page':
    'Only this page has changed the numbers; what it asks the model about are the pieces.',
  'tokens.claim.table': "The article's ids for “{text}”, and {vocabulary}'s",
  'tokens.claim.article': 'the article',
  'tokens.claim.agree': 'They agree.',
  'tokens.claim.wrong':
    'The article calls {piece} number {said}; that is the number of {other}, and the right one is {right}.',
  'tokens.claim.label': 'A number is only a label, so nothing in the argument changes.',
  'tokens.tree.title': 'How {piece} came about in {vocabulary}',
  'tokens.tree.drawing': 'the merges of a piece',
  'tokens.tree.player': 'the merges of the piece',
  'tokens.tree.merge':
    'Merge {merge} of {merges}: {left} and {right} become {piece}, by the rule of rank {rank} among {rules}. Of the rules that fit, the lowest rank goes first.',
  'tokens.tree.begin': 'It begins as {pieces} of the smallest pieces.',
  'tokens.tree.smallest': 'It is one of the smallest pieces itself; nothing had to be merged.',
  'tokens.tree.whole':
    'No merge makes this piece: it was put into the list whole, and is only found where it was put on purpose.',
  'tokens.tree.step': '{piece} by the rule of rank {rank}',
  'tokens.tree.said': 'from {pieces}: {merges}',
  'tokens.tree.said.none': 'from {pieces}: no merges',
  'tokens.table': 'The text in {name}',
  'tokens.table.place': 'place',
  'tokens.table.piece': 'piece',
  'tokens.table.number': 'number',
  'tokens.table.exchanged': 'exchanged',
  'tokens.table.bytes': 'bytes',

  /* embed: tokens become vectors */
  'embed.title': 'The row of numbers that each token looks up',
  'embed.views': 'what is shown of the rows',
  'embed.views.rows': 'the rows',
  'embed.views.largest': 'the largest numbers',
  'embed.views.nearest': 'the nearest rows',
  'embed.token': 'token',
  'embed.numbers': {
    one: 'its {count} number, from {low} to {high}',
    other: 'its {count} numbers, from {low} to {high}',
  },
  'embed.length': 'length',
  'embed.around': '{some} of {all} tokens, those around the chosen one',
  'embed.row': 'the row of {token}',
  'embed.at': 'dimension {dimension} of {token}: {value}',
  'embed.hint': 'point at the row, or walk it with the arrow keys, to read its numbers',
  'embed.largest': {
    one: 'The largest of its numbers',
    other: 'The {count} largest of its numbers',
  },
  'embed.dimension': 'dimension {dimension}',
  'embed.nearest': 'The rows that point most nearly its way',
  'embed.caption': "{token} is row {row} of a table of {rows}; the row's length is {length}.",
  'embed.caption.times':
    "{token} is row {row} of a table of {rows}; this model multiplies every row by {times}, as shown here, and the product's length is {length}.",
  'embed.caption.changed':
    '{token} is row {row} of a table of {rows}; what the changes make of it is shown here, and has the length {length}.',
  'embed.near':
    'Of all other rows, {first} points most nearly the same way (cosine {cosine}), then {second} ({other}).',
  'embed.near.changed':
    'Without changes, of all other rows {first} points most nearly the same way as this one (cosine {cosine}), then {second} ({other}).',
  'embed.chance':
    'A cosine of 1 would be the same direction; the nearest of as many rows drawn at random would have about {chance}.',
  'embed.chance.none':
    'A cosine of 1 would be the same direction; the nearest of as many rows drawn at random would have about {chance}, so this row has found no neighbourhood.',
  'embed.again': 'It stands in the text more than once, each time with this same row.',
  'embed.said': {
    one: 'The row of {token} has {count} number and the length {length}; nearest are {near}',
    other: 'The row of {token} has {count} numbers and the length {length}; nearest are {near}',
  },
  'embed.table.row': 'The row of {token}',
  'embed.table.dimension': 'dimension',
  'embed.table.value': 'value',
  'embed.table.near': 'Rows near {token}',
  'embed.table.piece': 'piece',
  'embed.table.number': 'number',
  'embed.table.cosine': 'cosine',
  'embed.table.lengths': 'Lengths of the rows',
  'embed.table.token': 'token',
  'embed.table.length': 'length',

  /* analogy: sums of words */
  'analogy.title': 'A sum of words is a point among words',
  'analogy.input.a': 'a',
  'analogy.input.b': 'minus b',
  'analogy.input.c': 'plus c',
  'analogy.views': 'what is shown of the sum',
  'analogy.views.plane': 'as a drawing',
  'analogy.views.lists': 'as a ranking',
  'analogy.try': 'try',
  'analogy.length': 'rows enter',
  'analogy.length.own': 'as long as they are',
  'analogy.length.one': 'at length 1, as in most tools',
  'analogy.among': 'ranked among',
  'analogy.among.words': 'words',
  'analogy.among.tokens': 'all tokens',
  'analogy.token': 'token {id}: {piece}',
  'analogy.else': '{input}, else {word}',
  'analogy.with': 'with the three words',
  'analogy.without': 'without them',
  'analogy.none': 'There is no other word to rank.',
  'analogy.nearest.words': 'Among {ranked} words the sum points most nearly to {word} ({cosine}).',
  'analogy.nearest.tokens':
    'Among {ranked} tokens the sum points most nearly to {word} ({cosine}).',
  'analogy.step.words':
    'At step {step} of its training: among {ranked} words the sum points most nearly to {word} ({cosine}).',
  'analogy.step.tokens':
    'At step {step} of its training: among {ranked} tokens the sum points most nearly to {word} ({cosine}).',
  'analogy.put-in':
    'That word was put in: such a sum rarely leaves the neighbourhood of what it is made of, so most tools leave the three words out and do not say so. Without them the answer is {word} ({cosine}).',
  'analogy.not-put-in': 'None of the three words had to be left out for that.',
  'analogy.expected': '{word}, which one might expect, is number {place} of the others.',
  'analogy.expected.none':
    '{word}, which one might expect, is not among the first {shown} of the others.',
  'analogy.repeated': 'Words that repeat leave no parallelogram to draw.',
  'analogy.steps':
    'The step from {b} to {c} and the step from {a} to {word} have a cosine of {cosine} (parallel steps would have 1), and {again} stands {off} off the drawing’s plane, where the first step is {long} long.',
  'analogy.said': '{a} minus {b} plus {c}: nearest are {nearest}, the three words left out.',
  'analogy.meanwhile': '{problem}. Meanwhile, {sum}:',
  'analogy.sum': 'the sum',
  'analogy.sum.short': 'sum',
  'analogy.above': 'from above',
  'analogy.side': 'from the side: how far off the plane',
  'analogy.side.short': 'from the side',
  'analogy.plane':
    'Seen from above, {b}, {a}, {c} and the sum are corners of a parallelogram. Seen from the side, the answers stand off its plane: {answers}.',
  'analogy.plane.answer': '{word} by {off}',
  'analogy.table.corners': 'the corners and zero, of {width} dimensions, seen in the plane',
  'analogy.table.point': 'point',
  'analogy.table.zero': 'zero',
  'analogy.table.nearest': 'the words nearest to the sum',
  'analogy.table.word': 'word',
  'analogy.table.cosine': 'cosine',
  'analogy.table.distance': 'distance',
  'analogy.table.input': 'put in',
  'analogy.table.yes': 'yes',
  'analogy.table.no': 'no',
  'analogy.table.parallel': 'cosine of the steps',
  'analogy.table.along': 'along',
  'analogy.table.across': 'across',
  'analogy.table.off': 'off the plane',

  /* map: the rows of the table on a sheet */
  'map.title': 'Words that are used alike come to lie together',
  'map.sheet': 'the map of the embedding table',
  'map.keys': '{name}: arrow keys go from point to point, Enter keeps one, plus and minus zoom',
  'map.categories': 'categories',
  'map.player': 'training',
  'map.search': 'search the map',
  'map.search.placeholder': 'search',
  'map.across': 'across',
  'map.up': 'up',
  'map.zoom-out': 'zoom out',
  'map.zoom-in': 'zoom in',
  'map.point': 'point at a word',
  'map.found-none': 'the search finds no token',
  'map.nearest': '{word} is nearest in all {width} dimensions to {nearest}',
  'map.nearest.found': {
    one: '{word} is nearest in all {width} dimensions to {nearest}; the search finds {count} token',
    other:
      '{word} is nearest in all {width} dimensions to {nearest}; the search finds {count} tokens',
  },
  'map.said': '{word}: nearest are {nearest}.',
  'map.said.none': 'A map of the words.',
  'map.tokens': { one: '{count} token', other: '{count} tokens' },
  'map.step.first': 'before training',
  'map.step': 'after step {step}',
  'map.step.now': 'as it is now',
  'map.step.learning': 'now, at step {step}',
  'map.axis.kinds': 'kinds apart, {number} ({share})',
  'map.axis.variance': 'most variance, {number} ({share})',
  'map.rows.words': 'the {count} words',
  'map.rows.all': 'all {count} rows',
  'map.points': 'Each point is a row of the table.',
  'map.axes.kinds':
    'The axes are the two along which the kinds of words, which are the colours, lie furthest apart: of the variance of {rows}, the one across shows {across}, the one up {up}.',
  'map.axes.variance':
    'The axes are among those along which {rows} differ most: of their variance, the one across shows {across}, the one up {up}.',
  'map.axes': 'Of the variance of {rows}, the axis across shows {across}, the one up {up}.',
  'map.flat':
    'The rest of the {width} dimensions is not on this sheet, so a flat map misleads: points that touch here may be far apart, and the lines from the word that is spoken of lead to its true neighbours.',
  'map.play':
    'The axes are fitted to the last table and are the same at every step, so that only the words move. Press play to see them go from where training began; the faint lines show the way of the words that are named in bold.',
  'map.no-steps': 'Of this model no earlier tables were kept, so there is nothing to play.',
  'map.no-tables':
    'Of this model no earlier tables were kept, so how its neighbours formed cannot be seen.',
  'map.formed.open': 'the cat sat on the mat: how neighbours form',
  'map.formed.why':
    'Whoever guesses what stands near “cat” does well to guess the same near a word that stands in the same places. So the rows of both are nudged alike, again and again, though nobody says that they belong together.',
  'map.formed.held': {
    one: 'Of the {all} rows that are nearest to “{word}” at the end, {count} was among the nearest {step}.',
    other:
      'Of the {all} rows that are nearest to “{word}” at the end, {count} were among the nearest {step}.',
  },
  'map.formed.then': {
    one: 'Of the {all} rows that are nearest to “{word}” at the end, {count} was among the nearest {step}, and {held} {later}.',
    other:
      'Of the {all} rows that are nearest to “{word}” at the end, {count} were among the nearest {step}, and {held} {later}.',
  },
  'map.formed.table': 'table',
  'map.formed.nearest': 'nearest rows',
  'map.table.prompt': 'the prompt on the map',
  'map.table.nearest': 'nearest to {word} in all dimensions',
  'map.table.token': 'token',
  'map.table.across': 'across',
  'map.table.up': 'up',
  'map.table.cosine': 'cosine',
  'map.table.colours': 'tokens of each colour',
  'map.table.colour': 'colour of',
  'map.table.tokens': 'tokens',

  /* position: where a token stands */
  'position.title': 'What tells the model where a token stands',
  'position.none.layer':
    'Nothing tells layer {layer}: its queries and keys are compared as they are, and it knows the order of tokens only by what each may look at. Positions are known in {layers}; choose one of those to see them turn.',
  'position.none':
    'Nothing does: this model knows the order of its tokens only by what each may look at.',
  'position.none.unmasked':
    'Nothing does: this model knows the order of its tokens only by what each may look at, and without the mask each may look at all of them. So their order makes no difference.',
  'position.none.off':
    'Positions are switched off, so nothing does: the model knows the order of its tokens only by what each may look at.',
  'position.none.off-unmasked':
    'Positions are switched off, and so is the mask, so nothing does: each token may look at all of them, and their order makes no difference.',
  'position.none.plain':
    'Nothing does while attention reads its input as query, key and value: neither is turned, and the model knows the order of its tokens only by what each may look at.',
  'position.none.plain-unmasked':
    'Nothing does while attention reads its input as query, key and value: neither is turned, and without the mask each token may look at all of them. So their order makes no difference.',
  'position.none.equal':
    'Nothing does while the weights of every head are equal: no score has an effect, and the model knows the order of its tokens only by what each may look at.',
  'position.none.equal-unmasked':
    'Nothing does while the weights of every head are equal and the mask is off: no score has an effect, and each token may look at all of them. So their order makes no difference.',
  'position.unused':
    'With equal weights in every head, nothing comes of it: no score has an effect.',
  'position.dials': 'a dial for each pair',
  'position.dial': '{pair}: {angle} radians, pair {pair} of the query',
  'position.dial.name': '{pair}: {angle}',
  'position.legend.before': 'the pair as it was',
  'position.legend.normed': 'the pair behind its norm',
  'position.legend.after': 'turned',
  'position.legend.angle': 'the angle, in radians below; dots: the tokens before',
  'position.pair':
    'Pair {pair}: numbers {a} and {b} of the query. At position {position} it turns by {angle} radians, whose cosine is {cosine} and sine {sine}.',
  'position.pair.times':
    'Pair {pair}: numbers {a} and {b} of the query. At position {position} it turns by {angle} radians, whose cosine, times {factor}, is {cosine} and sine {sine}.',
  'position.turned': 'The query of {token} in head {head} is turned pair by pair.',
  'position.first': 'This is the first position: every angle is 0, and nothing turns.',
  'position.one-pair':
    'Its one pair turns by {frequency} radians with every token, once around in {period} tokens.',
  'position.pairs':
    'The first pair turns by {frequency} radians with every token, once around in {period}; the last by {last}, once around in {long} tokens.',
  'position.keys':
    'Keys are turned alike, so when the two are compared only the distance between them is left.',
  'position.part':
    'Only the first {some} of its {all} numbers are turned; the others stay as they are, wherever the token stands.',
  'position.factor': 'Every cosine and sine is multiplied by {factor}.',
  'position.bases':
    'The hands of layer {layer} have a base of {base}; other layers have one of {others}, and turn at other speeds.',
  'position.or': ' or ',
  'position.still': 'Nothing turns in {layers}.',
  'position.said':
    'At position {position}, the query of {token} turns by {angles} radians in its first pairs',
  'position.table':
    'The pairs of the query of {token}, layer {layer}, head {head}, position {position}',
  'position.table.pair': 'pair',
  'position.table.numbers': 'numbers',
  'position.table.frequency': 'radians a token',
  'position.table.angle': 'angle',
  'position.table.cosine': 'cosine',
  'position.table.sine': 'sine',
  'position.table.first-before': 'first before',
  'position.table.second-before': 'second before',
  'position.table.first-after': 'first after',
  'position.table.second-after': 'second after',
  'position.learned.row': 'the row of {token}',
  'position.learned.place': '+ the row of position {position}',
  'position.learned.sum': '= what the first layer reads',
  'position.learned.length': '{name}, length {length}',
  'position.learned.read': 'dimension {dimension}: {token} + {position} = {sum}',
  'position.learned.hint': 'point at a row, or walk it with the arrow keys, to read the sum',
  'position.learned.caption':
    'To the row of {token}, whose length is {length}, the row of position {position} is added, whose length is {other}.',
  'position.learned.place-longer': 'Here the place weighs more than the word.',
  'position.learned.word-longer': 'The word weighs more than its place.',
  'position.learned.said': 'The row of {token} plus the row of position {position}',
  'position.learned.table': '{token} at position {position}',
  'position.learned.table.dimension': 'dimension',
  'position.learned.table.token': 'token',
  'position.learned.table.position': 'position',
  'position.learned.table.sum': 'sum',
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
