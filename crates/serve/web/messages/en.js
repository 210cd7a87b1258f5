/**
 * What the page says, in English, by message id: the figure or part of the page, then what is said there.
 * `kit/messages.js` says how places, marks and plural forms are written. Another language is a file like
 * this one; `tests/page/messages.test.js` says what it lacks.
 */

export default /** @type {const} */ ({
  /* common: what several figures say */
  'common.head': 'head {head}',
  'common.layer': 'layer {layer}',
  'common.token': 'token',
  'common.id': 'id',
  'common.logit': 'logit',
  'common.probability': 'probability',
  'common.clauses': '{before}; {clause}',
  'common.layers': { one: 'layer {layers}', other: 'layers {layers}' },
  'common.range': '{first} to {last}',
  'common.token-at': 'token {token}',
  'common.token-spelled': 'token {token}: {piece}',
  'common.quoted': '“{text}”',
  'common.megabytes': '{size} MB',

  /* error: why there is no answer */
  'error.unreachable': 'the program does not answer; start it again with: {command}',
  'error.status': 'the program answered {status}',

  /* text: what stands between the figures, from the title on */
  'text.title': 'lookback: let every token look at the tokens before it',
  'text.description': 'How a language model works, shown with the numbers of a real one',
  'text.skip.experiment': 'to the experiment',
  'text.skip.text': 'to the text',
  'text.opening.heading': 'Let every token look at the tokens before it',
  'text.opening.lead':
    'A language model reads a text and says what may come next. Its <em>heads</em> let each word look at those before it: point at a word and see where.',
  'text.opening.guide': 'twelve steps',
  'text.opening.guide-title': 'through the whole of it, with something to guess and to do in each',
  'text.opening.page':
    'A language model is a long list of numbers and a short recipe. On this page you can watch the recipe at work: every number you see was computed a moment ago, by a real model. Type another prompt in the bar above, and the whole page follows. Switch something off, as you can above, and every figure shows the changed model, with what it showed before in a fainter tone behind it.',
  'text.opening.recipe':
    'The recipe in one sentence: a text is cut into <em>tokens</em>, which are words or pieces of words; each token becomes a list of numbers; a few rounds of computing, called <em>layers</em>, rewrite these lists one after the other; and from the last list the model reads how likely every token is to come next. In each layer, several <em>heads</em> let every token look at the tokens before it. Head 1.2 is head 2 of layer 1: both are counted from 0. The sections below take these steps one by one.',
  'text.training.heading': 'Nobody wrote the numbers',
  'text.training.numbers':
    'The numbers of the model were not written by anybody. They began at random, and were learned by doing the same three things over and over: <em>guess</em> the next token of a text, <em>compare</em> the guess with the token that is really there, and <em>nudge</em> every number a little up or down, whichever would have made the right token a little likelier.',
  'text.tokens.heading': 'Text becomes tokens',
  'text.tokens.pieces':
    'A model does not read words. The first step cuts the text into pieces from a fixed list, the <em>vocabulary</em>, and replaces each piece by its number in that list. The pieces of a text are its tokens. A number is a label and nothing more: two words with neighbouring numbers need not have anything in common.',
  'text.tokens.merges':
    'Most vocabularies are made by counting pairs in a large text. Begin with single characters or bytes. Find the two neighbouring pieces that occur together most often, and join them into a new piece. Do this again and again, some thousands of times. Each join is a rule, and the rule’s rank says how early it was found. A new text is cut by applying the rules in that order until none fits. Choose a piece and step through its merges.',
  'text.embed.heading': 'Tokens become vectors',
  'text.embed.rows':
    'The model has a table with one row of numbers for every piece of its vocabulary. A token’s number is used for one thing only: to look up its row. Such a row is called a <em>vector</em>, each of its numbers a <em>dimension</em>, and the table an <em>embedding</em>. From here on a token is a point in a space of many dimensions, and training has moved the points so that words that are used alike lie near each other.',
  'text.embed.directions':
    'A single number of a row means nothing that one could name. Meanings are spread over many numbers at once; what counts is the direction in which the whole row points. How nearly two rows point the same way is said by the <em>cosine</em> of the angle between them: 1 is the same direction, 0 a right angle, −1 the opposite direction. The <em>length</em> of a row is not how many numbers it has, but how far its point lies from zero: the square root of the sum of all its numbers squared.',
  'text.position.heading': 'Where a token stands',
  'text.position.ways':
    'Rows say nothing about order: <em>the bird is red</em> and <em>red is bird the</em> look up the same four rows. So the model has to be told where each token stands. There are two common ways. Older models add a second row to the token’s own, one for each place in the text. Newer models rotate the vectors with which tokens will be compared: two numbers at a time are turned by an angle that grows with the place, like the hands of many clocks. The first hand runs fast and the last one hardly moves, and together they tell any two places apart. A few models do neither, and let every comparison count less the further apart two tokens stand. The vectors that are compared are <em>queries</em>, with which a token looks for others, and <em>keys</em>, by which it is found; the section “The three lines” says how they are made. Angles are counted in <em>radians</em>: a full turn is 6.28.',
  'text.analogy.heading': 'Directions carry meaning',
  'text.analogy.step':
    'If the step from <em>man</em> to <em>woman</em> is the same as the step from <em>king</em> to <em>queen</em>, then king − man + woman must land near queen. Whether it does can be computed from the table.',
  'text.analogy.direction':
    'No single number of a row says <em>royal</em> or <em>female</em>. Where the table has such a meaning at all, it is a direction, and a direction involves all the numbers at once.',
  'text.map.heading': 'Neighbourhoods form',
  'text.map.training':
    'Before training every row is random. Nobody tells the model which words belong together; they move together because that makes the next word easier to guess. The rings mark the words of your prompt. A thin line behind a word leads back to where it was before training. The number beside a neighbour is its cosine: 1 would be the same direction.',
  'text.exchange.heading': 'Attention adds context',
  'text.exchange.context':
    'A row of the table is the same wherever its word stands. What makes <em>bird</em> a red bird has to come from the other tokens. In every <em>layer</em>, each token adds to its vector something taken from the tokens before it. It takes nothing from tokens that come later: while a text is being written, they do not exist yet.',
  'text.exchange.parts':
    'What a token takes is a sum with one part for each token that it takes from, so the parts can be shown one by one. In <em>the bird is red</em> the bird never learns that it is red; in <em>the red bird</em> it does. Both sentences are shown below, in one layer. Choose another token or layer, or write another sentence beside your own.',
  'text.exchange.added':
    'Nothing is replaced. What is taken is <em>added</em> to the vector, in one layer after the other, and later layers read the sum. The numbers are the lengths of the parts, counted over all heads of the layer. A share says how much of a part points in the direction of the whole: the shares of a layer add up to one, and a part that points the other way has a share below zero.',
  'text.attend.heading': 'The three lines',
  'text.attend.steps':
    'How much does a token take from another? From each token’s list of numbers, its vector, three shorter ones are made: a <em>query</em>, which says what the token looks for, a <em>key</em>, which says what others may find it by, and a <em>value</em>, which is what they then take. Attention is three steps. Compare every query with every key: multiply them number by number and add up, which is called a <em>dot product</em>, and divide by the square root of d, which is how many numbers each of them has. The result is the <em>score</em> of the two. Hide the tokens that come later, which is the <em>mask</em>, and turn each row of scores into shares that add up to one, the larger score having the larger share; this is called a <em>softmax</em>. It raises a fixed number, e or about 2.72, to the power of each score, so that none is below zero, and divides each by the sum of its row. Then add up the values, each times its share. On this page such a share is called a weight of attention. In the formula q, k and v are the queries, keys and values of all tokens, a row for each; @ makes all dot products, or all sums, at once; and .T turns a table on its side, as this needs.',
  'text.attend.heads':
    'A layer does this several times side by side. Each time is called a <em>head</em>, and has queries, keys and values of its own, made by numbers that it learned for itself. So one head can look for the subject of a sentence while another finds what followed the same word the last time; the latter kind is called an <em>induction head</em>. What the heads return is put side by side, made into one list of as many numbers as the token’s own, and added to that. This is <em>multi-head attention</em>. In some models several heads share their keys and values, which saves memory.',
  'text.attend.norm':
    'Before a layer reads a vector, all its numbers are scaled by a common factor to a standard size, so that only their proportions count and not how large they have become. This is called a <em>norm</em>. Some models also scale what a layer adds, and a few scale nothing but that.',
  'text.context.heading': 'A weighted sum',
  'text.context.mixture':
    'What a head returns for a token is a mixture: each value vector times its weight, all added up. Nothing else happens in it. Each row of the weights makes one such sum, so each token gets a vector of its own.',
  'text.context.importance':
    'It is tempting to read a weight as importance. But a weight multiplies a vector, and vectors differ in length, which is how far from zero they reach. Some heads put most of their weight on a token whose value is almost zero, and so take almost nothing. Look at weight times length before you trust a weight.',
  'text.mlp.heading': 'What the MLP does',
  'text.mlp.curve':
    'Attention moves information between tokens. The other half of each layer, a <em>multilayer perceptron</em> or MLP, works on every token alone. In most models it reads the token’s vector after attention has added to it; in some both read the same vector, side by side. It computes many numbers from that vector, its <em>hidden units</em>; passes each through a curve; and makes from the results a vector of as many numbers as the token’s own, which is added to it. In the common curves, such as SiLU, GELU and ReLU, numbers below zero become zero or almost zero, while those well above zero do not. The curve is needed: without it the two steps would come to no more than one. In newer models each unit is also multiplied by a second number that is computed from the same vector. Such a number is called a <em>gate</em>, since near zero it shuts the unit off.',
  'text.mlp.units':
    'Each unit answers to some direction of the vector that enters, and adds a fixed vector of its own to the result, times its value. At the end of the model every word gets a score, its <em>logit</em>: the higher it is, the likelier the word. A logit has no unit, and only differences count: where two logits are 0.7 apart, one word is about twice as likely as the other. What a unit adds can be followed to the end, where it raises the logits of some words and lowers those of others. So one can read what a unit works for.',
  'text.mlp.texts':
    'One text shows what a unit does here. What it is for shows in many: read some, and keep for each unit the word at which it went furthest from zero. Often these words have something in common, and often the words it raises go on with them.',
  'text.weights.heading': 'Made out of weights',
  'text.weights.rows':
    'Everything that attention and the MLP compute from a vector begins with a <em>matrix</em>: a table of numbers, the model’s <em>weights</em>. Each of its rows makes one new number. The row has a weight for every number of the vector; each pair is multiplied, and all products are added up; some models then add one more learned number, the row’s <em>bias</em>. These weights are not the weights of attention: those are computed anew from every text, these were learned and are the same for all texts. The queries, keys and values of a token are made in this way, and so are what attention adds and every number inside the MLP.',
  'text.weights.spread':
    'No weight was written by a person, and hardly any means something by itself: most are small, and lie around zero; their <em>standard deviation</em> says how far from their mean they typically are. Choose a matrix and one of its rows, which are counted from 0 as its columns are, and follow the sum column by column. Each strip has a scale of its own, and the number after ± says how far it goes. What a row reads has usually gone through a norm before: all numbers are divided by their typical size, and each is then multiplied by a number of its own, its <em>gain</em>, which was learned as well.',
  'text.facts.heading': 'Where is a fact?',
  'text.facts.prompt':
    'What does not stand in the prompt, no head can find there: it must be in the model’s numbers. In the MLPs, says the article. Switch one off, ask again, and see what is left of the answer.',
  'text.unembed.heading': 'From a vector to a score for every word',
  'text.unembed.rows':
    'The last MLP makes a short list of numbers longer, and short again. Then the vector is compared, by a dot product, with every row of one more table, which has a row for each piece of the vocabulary. So a few numbers become thousands: a logit for each piece.',
  'text.stream.heading': 'Everything is added, nothing is erased',
  'text.stream.sum':
    'One vector for each token runs from the embedding to the end: the <em>residual stream</em>. The attention and the MLP of every layer read it and add to it, and nothing else ever happens to it. So it is a sum. The end of the model scales this sum and makes from it the <em>logit</em> of each word, its score before it becomes a probability. If the scale that was found for the whole is used for each part, a logit is a sum too: for each part of the model one can read how much it added to the logit of a word, which is called its <em>push</em> on the word. A push below zero makes the word less likely.',
  'text.depths.heading': 'Making up its mind',
  'text.depths.stop':
    'The stream has the same width in every layer. So one can stop after any layer, apply the end of the model there, and read which word it would predict if that were all. The last row is what the model does predict. The rows before it are only an impression: the model was trained to be right at the end, and not before.',
  'text.next.heading': 'Logits become probabilities',
  'text.next.softmax':
    'At the end the token’s vector is compared with every row of a table by a dot product, as queries are with keys. The results are the logits, one for each piece of the vocabulary. A softmax turns them into probabilities: all are above zero, and together they add up to one. So every token has a probability, even an absurd one. Only the differences of logits count: 0.7 more makes a token about twice as likely as another, 2.3 more ten times.',
  'text.why.heading': 'Why this token?',
  'text.why.parts':
    'The logit of a word is computed from the stream, and the stream is a sum. So the logit is a sum too, and each of its parts can be opened in turn: what a head added it took from the words it looked at, and what stood in their streams was written by the heads and MLPs of earlier layers. Follow the parts far enough and you arrive at the words of the prompt. Nothing is left out on the way: the parts of a part add up to it. What is left over in the figure is only what a computer rounds off; 8e−7 is short for 0.0000008.',
  'text.why.tested':
    'A sum says what was added, and not what would happen if a part were missing: other heads might look elsewhere then. So it has to be tested. The heads and MLPs through which most of the logit goes are switched off, and the change that the sum predicts stands beside the change that happens.',
  'text.sample.heading': 'Choosing the next token',
  'text.sample.samplers':
    'The model gives every token a probability. Which one is written is decided outside of it. Always taking the likeliest seems best, but such a text soon repeats itself. So the token is drawn at random, as by a die whose sides have these probabilities, and a short chain of <em>samplers</em> changes them first. A <em>temperature</em> is a number by which all logits are divided: below 1 their differences grow and likely tokens become likelier still, above 1 the others gain. Three others remove the long tail of improbable tokens: <em>top-k</em> keeps the k likeliest, <em>top-p</em> the likeliest that together have the probability p, <em>min-p</em> those that have at least p times the probability of the likeliest. Each token of the tail is improbable, but they are so many that in a long text some would be drawn.',
  'text.sample.seed':
    'The draw only looks random: its numbers are computed from a first one, the <em>seed</em>, so the same seed draws the same token, on this machine and on any other.',
  'text.repeat.heading': 'Append and repeat',
  'text.repeat.append':
    'The chosen token is appended to the text, and everything begins again: read, choose, append. There is nothing more to writing. The model never takes back a token that was written, however badly it fits; only you can do that here. Go back to any place, pick another token, and see how the text goes on from there.',
  'text.repeat.cache':
    'No token sees those after it, so what was computed for the earlier tokens does not change when a new one arrives. Their keys and values are kept in a <em>cache</em>, and each step reads a single token. Without the cache each step would read the whole text again and arrive at the very same numbers. The longer the text, the more work that saves. A model has room for so many tokens and no more: that is its <em>context</em>, and each token takes one <em>position</em> of it. The cache is kept in <em>pages</em>, blocks of a fixed number of positions, and texts that begin alike share the pages of what they have in common.',
  'text.repetition.heading': 'A text that repeats itself',
  'text.repetition.greedy':
    'To take the likeliest token always is <em>greedy decoding</em>. It can fall into a loop: what was written once is likelier to be written again.',
  'text.compare.heading': 'Side by side',
  'text.compare.patching':
    'To find out where in a model something happens, compare two passes that differ in one thing. A <em>pass</em> is one reading of a text by the model, from its tokens to the probabilities. Below stand two texts that differ in a word, and so in how they go on. In the second pass, each token has a vector in every layer, its stream. Take one of these vectors out, put in its place what the first pass had there, and let the model go on with it: if the first text’s answer comes back, then what makes the difference stood in that place at that depth. This is called <em>activation patching</em>.',
  'text.compare.nats':
    'Without putting anything anywhere one can ask how far two passes are apart, and where they part. How far two predictions are apart is how much the second is surprised by what the first expects: nothing where both give every token the same probability. As the loss above, it is counted in <em>nats</em>. Besides two texts these can be two models that read the same tokens, or one model at two steps of its training: <code>lookback serve runs/mine/snapshots/00000660 runs/mine</code> serves both, of a run with <code>--set whole_snapshots=true</code>.',
  'text.around.heading': 'What surrounds the three lines',
  'text.footer':
    'Everything on this page was computed by <code>lookback</code> on this machine; nothing was sent anywhere. Each number of the model carries the name of the place where it was read, and <code>lookback look -o trace.safetensors</code> writes the same numbers to a file.',

  /* bar: what is looked at */
  'bar.name': 'what is looked at',
  'bar.prompt': 'prompt',
  'bar.model': 'model',
  'bar.layer': 'layer',
  'bar.head': 'head',
  'bar.chat': 'chat',
  'bar.theme': 'light or dark',
  'bar.tokens': 'tokens of the prompt',
  'bar.lines': { one: '+ {count} line', other: '+ {count} lines' },
  'bar.no-model': 'no model yet',
  'bar.slow':
    'The program has not answered for some seconds: it is busy, or it is stopped. This page goes on when it answers.',
  'bar.away':
    'The program does not answer. This page goes on when it does: start it again with {command}.',
  'bar.about.short': '{name}, {size}',
  'bar.about.short-learning': '{name}, step {step}',
  'bar.about.shortest-learning': 'step {step}',
  'bar.about.billions': '{size}B',
  'bar.about.millions': '{size}M',
  'bar.about.thousands': '{size}K',
  'bar.about.parameters': '{family}, {parameters} parameters',
  'bar.about.shape':
    '{layers} layers of {heads} heads, {width} wide, {vocabulary} tokens, context {context}',
  'bar.about.weights': 'weights stored as {precision}, {memory} in memory',
  'bar.about.weights-in-files':
    'weights stored as {precision} in {files} of files, {memory} in memory',
  'bar.about.computed': {
    one: 'computed in {compute} on {count} thread',
    other: 'computed in {compute} on {count} threads',
  },
  'bar.about.learning': 'still learning: these weights were read at step {step} of {steps}',

  /* particulars: how a model differs from the plain one, in the bar's corner */
  'particulars.order.parallel':
    'attention and MLP side by side: both read what enters the layer, each through a norm of its own',
  'particulars.order.parallel-shared-norm':
    'attention and MLP side by side: both read what enters the layer, through one norm',
  'particulars.norms.after':
    'norms after attention and after the MLP, on what they add, and none before',
  'particulars.norms.both': 'norms before attention and MLP, and after each on what it adds',
  'particulars.norms.stream':
    'norms after attention and after the MLP, on the residual stream itself',
  'particulars.query-key-norm.heads': 'queries and keys pass a norm, each head on its own',
  'particulars.query-key-norm.rows': 'queries and keys pass a norm, all heads of a token together',
  'particulars.embedding-norm': 'the embedding passes a norm before the first layer',
  'particulars.no-rotary': 'no positions in {layers}',
  'particulars.alibi': 'no positions: scores fall with the distance (ALiBi)',
  'particulars.window': 'a token sees the last {count} tokens only, itself among them, in {layers}',
  'particulars.window-everywhere':
    'a token sees the last {count} tokens only, itself among them, in every layer',
  'particulars.experts':
    '{experts} experts in the place of an MLP in {layers}, {chosen} of them for each token',
  'particulars.experts-everywhere':
    '{experts} experts in the place of an MLP, {chosen} of them for each token',
  'particulars.capped': 'softly capped: {caps}',
  'particulars.cap.scores': 'scores at {cap}',
  'particulars.cap.logits': 'logits at {cap}',
  'particulars.sinks': 'an attention sink in every head, which takes a part of the weight',
  'particulars.multiplied': 'multiplied: {factors}',
  'particulars.factor.embedding': 'the embedding by {factor}',
  'particulars.factor.residual': 'what attention and MLP add by {factor}',
  'particulars.factor.logits': 'the logits by {factor}',

  /* changes: what the passes do otherwise, in the bar and in figures */
  'changes.name': 'changes',
  'changes.command': 'the changes',
  'changes.pause': 'pause',
  'changes.pause-name': 'pause: {name}',
  'changes.resume': 'resume',
  'changes.resume-name': 'resume: {name}',
  'changes.remove': 'remove',
  'changes.remove-name': 'remove: {name}',
  'changes.to-mean': 'to mean',
  'changes.to-mean-name': 'to mean: {name}: put its mean over the text there instead',
  'changes.to-mean-title': '{name}: put its mean over the text there instead',
  'changes.to-zero': 'to 0',
  'changes.to-zero-name': 'to 0: {name}: put 0 there instead',
  'changes.to-zero-title': '{name}: put 0 there instead',
  'changes.all-off': 'all off',
  'changes.all-off-title': 'removes every change; Back brings them back',
  'changes.refused': '{reason}.',
  'changes.what-if': 'what if:',
  'changes.score-of': 'add to the score of {query} for {key}',
  'changes.vector.behind': 'add behind layer {layer}',
  'changes.vector.to': 'the word that the added vector leads to',
  'changes.vector.from': 'the word that it leads from',
  'changes.vector.times': 'times',
  'changes.chip.no-mask': 'no mask',
  'changes.chip.no-scale': 'no √d',
  'changes.chip.no-position': 'no positions',
  'changes.chip.uniform-attention': 'equal weights',
  'changes.chip.plain-attention': 'q = k = v = x',
  'changes.chip.head-off': 'head {head} off',
  'changes.chip.head-mean': 'head {head} at its mean',
  'changes.chip.attention-off': 'attention of layer {layer} off',
  'changes.chip.attention-mean': 'attention of layer {layer} at its mean',
  'changes.chip.mlp-off': 'MLP of layer {layer} off',
  'changes.chip.mlp-mean': 'MLP of layer {layer} at its mean',
  'changes.chip.neuron-off': 'neuron {neuron} of layer {layer} off',
  'changes.chip.neuron-mean': 'neuron {neuron} of layer {layer} at its mean',
  'changes.chip.score': 'head {head}: score of {query} for {key} {amount}',
  'changes.chip.vector': 'behind layer {layer}: {amount} × ({to} − {from})',
  /* a phrase stands where changes.effect has its changes, several as a list */
  'changes.phrase.no-mask': 'without the mask',
  'changes.phrase.no-scale': 'without dividing by √d',
  'changes.phrase.no-position': 'without positions',
  'changes.phrase.uniform-attention': 'with equal weights in every head',
  'changes.phrase.plain-attention': 'with what attention reads as query, key and value',
  'changes.phrase.head-off': 'without head {head}',
  'changes.phrase.heads-off': 'without heads {heads}',
  'changes.phrase.head-mean': 'with head {head} at its mean',
  'changes.phrase.attention-off': 'without the attention of layer {layer}',
  'changes.phrase.attention-mean': 'with the attention of layer {layer} at its mean',
  'changes.phrase.mlp-off': 'without the MLP of layer {layer}',
  'changes.phrase.mlp-mean': 'with the MLP of layer {layer} at its mean',
  'changes.phrase.neuron-off': 'without neuron {neuron} of layer {layer}',
  'changes.phrase.neuron-mean': 'with neuron {neuron} of layer {layer} at its mean',
  'changes.phrase.score-raised':
    'with the score of {query} for {key} in head {head} raised by {amount}',
  'changes.phrase.score-lowered':
    'with the score of {query} for {key} in head {head} lowered by {amount}',
  'changes.phrase.vector': 'with {amount} × ({to} − {from}) added behind layer {layer}',
  'changes.phrase.edit': 'with {edit}',
  'changes.phrase.many': 'with these {count} changes',
  'changes.effect.stays': '{changes}, {word} stays at {is} and is still the likeliest.',
  'changes.effect.stays-second':
    '{changes}, {word} stays at {is}, and {first} is the likeliest, with {most}.',
  'changes.effect.falls': '{changes}, {word} falls from {was} to {is} and is still the likeliest.',
  'changes.effect.falls-second':
    '{changes}, {word} falls from {was} to {is}, and {first} is the likeliest, with {most}.',
  'changes.effect.rises': '{changes}, {word} rises from {was} to {is} and is still the likeliest.',
  'changes.effect.rises-second':
    '{changes}, {word} rises from {was} to {is}, and {first} is the likeliest, with {most}.',
  'changes.effect.vanishes':
    '{changes}, {word} falls from {was} to almost nothing ({is}) and is still the likeliest.',
  'changes.effect.vanishes-second':
    '{changes}, {word} falls from {was} to almost nothing ({is}), and {first} is the likeliest, with {most}.',

  /* command: what computes the same on a command line */
  'command.copy': 'copy',
  'command.copy-name': 'copy the command of {name}',
  'command.copy-it': 'copy the command',
  'command.copied': 'copied',
  'command.selected': 'selected, to be copied by hand',

  /* sheet: the whole model in the margin */
  'sheet.name': 'the whole model',
  'sheet.opener': 'sheet',
  'sheet.opener-name': 'sheet: the whole model',
  'sheet.drawing': 'the whole model: {layers} layers of {heads} heads and an MLP',
  'sheet.tokens': 'tokens',
  'sheet.vectors': 'vectors',
  'sheet.heads': { one: 'head', other: 'heads' },
  'sheet.mlp': 'MLP',
  'sheet.mlp-of-layer': 'MLP of layer {layer}',
  'sheet.stream': 'residual stream',
  'sheet.logits': 'logits',
  'sheet.next': 'next token',
  'sheet.likeliest': 'likeliest next token',
  'sheet.back': 'append and repeat',
  'sheet.off': '{part}, off',
  'sheet.part-off': '{part}, switched off',
  'sheet.switch.head-off': 'switch head {head} off',
  'sheet.switch.head-on': 'switch head {head} on',
  'sheet.switch.mlp-off': 'switch MLP of layer {layer} off',
  'sheet.switch.mlp-on': 'switch MLP of layer {layer} on',

  /* figure: what every figure has */
  'figure.table': '{title}, as a table',
  'figure.opener': 'as a table',
  'figure.opener-name': '{title}: show as a table',
  'figure.sideways': 'wider than the screen: scroll it sideways',
  'figure.read-on': 'read on',
  'figure.less': 'less',
  'figure.waiting': 'As soon as there is a model, its numbers stand here.',
  'figure.undrawn': 'This figure was not drawn yet. Print the page once more.',
  'figure.blank': 'There is nothing to show of {model}: {problem}.',

  /* parts of figures: a matrix, a vector as a strip, what is played, a number that is dragged, the mask */
  'matrix.role': 'matrix',
  'matrix.name': '{name}: arrow keys move, Enter picks',
  'matrix.zoom-in': '{name}: zoom in',
  'matrix.zoom-out': '{name}: zoom out',
  'matrix.larger': 'larger',
  'matrix.larger-name': 'larger: {name}',
  'matrix.close': 'close',
  'matrix.close-name': 'close: {name}',
  'matrix.largest-of-row': 'the largest of its row',
  'matrix.part':
    'rows {firstRow} to {lastRow} of {rows}, columns {firstColumn} to {lastColumn} of {columns}, both counted from 0; drag to see the rest',
  'strip.name': '{name}: {size} numbers, arrow keys read them',
  'player.play': 'play',
  'player.play-name': 'play {name}',
  'player.pause': 'pause',
  'player.pause-name': 'pause {name}',
  'player.back': '{name}: a step back',
  'player.on': '{name}: a step on',
  'player.step': 'step of {name}',
  'player.speed': 'speed of {name}',
  'scrub.title': 'drag sideways, or use the arrow keys',
  'mask.later': 'hidden, it comes later',
  'mask.window': 'hidden, it lies before the window',
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
  'guide.weights.equal':
    '{token} looks at each token that it may look at alike: each has a weight of {weight}.',
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
    'Each token offers a vector, its value. What a head returns is a sum: each value times its weight. A short vector gives little, however large its weight.',
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
    'The other half of each layer, the MLP, works on each token alone, by many numbers called hidden units. What both halves add can be followed to the score of a next word, its logit.',
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
    'Every token of the list gets a score, its logit. A softmax turns these into probabilities, which add up to 1. The model does not write words: it says how likely each is.',
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
    'Which token is written is decided outside of the model: one is drawn at random by the probabilities. A number, the temperature, changes them first.',
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
    'Comparing vectors says nothing about order. So the model is told where each token stands, in most models by turning the compared vectors through an angle that grows with the place.',
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
  'opening.command.name': 'where a word looks',
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
  'opening.looks.equal':
    'In head {head}, {token} looks at each token that it may look at alike ({share} each).',
  'opening.changed.itself':
    'In head {head}, which is changed, {token} looks most at itself ({share}).',
  'opening.changed.next':
    'In head {head}, which is changed, {token} looks most at {other} ({share}), and that is the likeliest next word.',
  'opening.changed.other':
    'In head {head}, which is changed, {token} looks most at {other} ({share}).',
  'opening.why': 'Of all {heads} heads, {head} pushes {next} up most.',
  'opening.why.same':
    'Of all {heads} heads, {head} pushes {next} up most, and without it that word loses most.',
  'opening.why.other':
    'Of all {heads} heads, {head} pushes {next} up most; but without head {needed} it loses even more.',
  'opening.also.head':
    'Head {head} looks most at {token} as well: what becomes of it without them?',
  'opening.also.heads':
    'Heads {heads} and {last} look most at {token} as well: what becomes of it without them?',
  'opening.token': 'token {id}',
  'opening.said': 'After {token} the likeliest token is {next}, at {probability}.',
  'opening.arcs.itself': '{token} looks most at itself, {share}',
  'opening.arcs.other': '{token} looks most at {other}, {share}',
  'opening.arcs.equal': '{token} looks at each token alike, {share}',
  'opening.arcs.share': ', {share}',
  'opening.table.weights': 'how much {token} takes from each token, by head',
  'opening.table.next': 'the likeliest next tokens',
  'opening.table.token': 'token',
  'opening.table.probability': 'probability',

  /* training: how the model learned */
  'training.title': 'How the model learned',
  'training.title.of': 'How the model {model} learned',
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
    'Each step was three things: guess the next token everywhere in a piece of text, compare with the token that really came, and nudge every number of the model so that the right one would have been a little likelier. How surprised it is by the token that comes is its <em>loss</em>: none where it was sure of that token, and more the less it expected it.',
  'training.unsure':
    'In the end it is as unsure on average as somebody who chooses between {choices} tokens that are all equally likely; knowing nothing is to choose between {vocabulary}.',
  'training.fell':
    'As a number the loss is the logarithm of that, in <em>nats</em>: it fell from {first} to {last}; knowing nothing is {most}.',
  'training.fell.judged':
    'As a number the loss is the logarithm of that, in <em>nats</em>: it fell from {first} to {last} on text that it never learned from; knowing nothing is {most}.',
  'training.went':
    'As a number the loss is the logarithm of that, in <em>nats</em>: it went from {first} to {last}; knowing nothing is {most}.',
  'training.went.judged':
    'As a number the loss is the logarithm of that, in <em>nats</em>: it went from {first} to {last} on text that it never learned from; knowing nothing is {most}.',
  'training.able':
    'Of fifty questions such as <q>which one is red? the red</q> it answers {share} rightly; where a list of words comes twice, the second ones surprise it by {nats} each, where 0 is not at all.',
  'training.jump':
    'The share that it answers rightly jumps between step {from} and step {to}, from {before} to {after} (the dashed lines).',
  'training.copier':
    'The head that looks answers up now is {head}: over {questions} such questions it has on average {weight} of its attention on the answer, where that stands in the text before.',
  'training.head': 'head {head}',
  'training.head.title': 'see it at one of the questions',
  'training.look-ups': 'look-ups answered',
  'training.repeated': 'surprise at repeated words',
  'training.top': 'the top line: {value}',
  'training.heads.open': 'when its heads began to look back',
  'training.heads.busy': 'The models that the run kept on its way are read …',
  'training.heads.reading': '{done} of {all} models are read …',
  'training.heads.missing':
    '{problem}. This command, with the text that it learned from in the place of TEXT, trains a model by the same settings and keeps some on the way; serve what it makes, and when its heads formed is shown here:',
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
  'training.rise': 'from step {step} it finds answers',
  'training.learning': 'seen text',
  'training.kept': 'new text',
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
  'map.axis.kinds': '{number}: apart by kind ({share})',
  'map.axis.variance': '{number}: widest spread ({share})',
  'map.rows.words': 'the {count} words',
  'map.rows.all': 'all {count} rows',
  'map.points': 'Each point is a row of the table.',
  'map.shadow':
    'A row has {width} numbers and a sheet only two directions, so the rows are seen from one side, as in a shadow.',
  'map.axes.kinds':
    'It is the side from which the kinds of words, the colours, lie furthest apart: of all that {rows} differ in (their variance), one sees {across} across and {up} up.',
  'map.axes.variance':
    'It is a side from which {rows} lie far apart: of all that they differ in (their variance), one sees {across} across and {up} up.',
  'map.axes':
    'Of all that {rows} differ in (their variance), one sees {across} across and {up} up.',
  'map.flat':
    'The rest is not on this sheet: points that touch here may be far apart. Lines lead from the word that is spoken of to its true neighbours.',
  'map.play':
    'The side is the same at every step. Press play to see the words go from where training began; faint lines show the way of those in bold.',
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
    'Pair {pair}: numbers {a} and {b} of the query. At position {position} it turns by {angle} radians (cosine {cosine}, sine {sine}), and they become:',
  'position.pair.times':
    'Pair {pair}: numbers {a} and {b} of the query. At position {position} it turns by {angle} radians (times {factor}, its cosine is {cosine} and its sine {sine}), and they become:',
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

  /* attend: one head, step by step */
  'attend.title': 'What each token takes from those before it',
  'attend.matrix': 'attention of the opened head',
  'attend.formula': 'attention in lines',
  'attend.reference': 'the reference in Rust, as it is run in tests',
  'attend.steps': 'the steps of attention',
  'attend.views.head': 'what is shown of the head',
  'attend.view.lines': 'the lines',
  'attend.view.sum': 'one weight',
  'attend.view.vectors': 'q, k, v',
  'attend.view.scale': '√d',
  'attend.view.changes': 'what if',
  'attend.views.attention': 'what is shown of attention',
  'attend.view.one': 'one head',
  'attend.view.all': 'all heads',
  'attend.view.steps': 'closer, and what if',
  'attend.in-lines.three': 'in three lines',
  'attend.in-lines.four': 'in four lines',
  'attend.in-lines.five': 'in five lines',
  'attend.in-rust': 'the same in Rust: the reference that tests run',
  'attend.in-rust.plain': 'in Rust, without what is this model’s own: the reference that tests run',
  'attend.described': '{query} to {key}: {weight}',
  'attend.table':
    'weights of layer {layer}, head {head}: the row’s token takes so much from the column’s',
  'attend.table.token': 'token',
  'attend.cell': '{query} to {key}: score {score}, weight {weight}',
  'attend.cell.later':
    '{query} to {key}: hidden. It comes later, and the future does not exist yet.',
  'attend.cell.window': '{query} to {key}: hidden. It lies further back than this layer looks.',
  'attend.cell.added': '; {amount} added to its score',
  'attend.score.added': 'added to the score',
  'attend.step': '{number}. {step}',
  'attend.step.products': 'Compare: the dot product of every query with every key',
  'attend.step.scaled':
    'Scale: divided by √{width}, so that long vectors do not make everything sharp',
  'attend.step.scaled.factor':
    'Scale: multiplied by {scale}, which this model has in place of 1 / √{width}',
  'attend.step.scaled.uniform':
    'Scale: multiplied by 0, so that all weights of a row come out equal',
  'attend.step.capped': 'Cap: bent so that no score passes {cap}, up or down',
  'attend.step.biased': 'Distance: the further away a key is, the more is taken off (ALiBi)',
  'attend.step.unmasked': 'No mask: what comes later is seen, too',
  'attend.step.masked': 'Mask: what comes later is taken away',
  'attend.step.masked.window':
    'Mask: what comes later is taken away, and what lies {window} tokens back or more',
  'attend.step.exponentials':
    'Exponentials: e to the power of each score, the largest of a row moved to 0',
  'attend.step.exponentials.sink':
    'Exponentials: e to the power of each score, the largest of a row, or its sink, moved to 0',
  'attend.step.weights': 'Weights: each row divided by its sum, so that it adds up to 1',
  'attend.step.weights.sink':
    'Weights: each row divided by its sum, to which the head’s sink belongs; what the sink takes is missing from 1',
  'attend.numbers.products': 'At this step the numbers are products, not weights yet.',
  'attend.numbers.scaled': 'At this step the numbers are scaled products, not weights yet.',
  'attend.numbers.capped': 'At this step the numbers are capped products, not weights yet.',
  'attend.numbers.biased': 'At this step the numbers are scores before the mask, not weights yet.',
  'attend.numbers.scores': 'At this step the numbers are scores, not weights yet.',
  'attend.numbers.exponentials': 'At this step the numbers are exponentials, not weights yet.',
  'attend.unfinished':
    'The largest in the row of {token} is <strong>{largest}</strong>, with {key}; with its own key it has <strong>{own}</strong>.',
  'attend.unfinished.own':
    'The largest in the row of {token} is <strong>{largest}</strong>, with its own key.',
  'attend.unfinished.unmasked':
    'Nothing is masked yet, so tokens that come later are compared as well.',
  'attend.caption':
    '{token} gives <strong>{share}</strong> of its attention to {first} in head {head}, and <strong>{secondShare}</strong> to {second}.',
  'attend.caption.one':
    '{token} gives <strong>{share}</strong> of its attention to {first} in head {head}.',
  'attend.caption.alone': '{token} is alone in the text, and looks at itself.',
  'attend.caption.first':
    '{token} is the first token. It can look at nothing but itself, so its whole attention, <strong>{share}</strong>, stays there, in every head of every layer.',
  'attend.caption.first.sink':
    '{token} is the first token. It can look at nothing but itself, and here it gives itself <strong>{share}</strong> of its attention: the rest is taken by the head’s sink, a number that it learned and that has no value to give.',
  'attend.caption.itself-most':
    'Here it looks at itself more than at anything else: <strong>{share}</strong>.',
  'attend.caption.itself': 'To itself it gives <strong>{share}</strong>.',
  'attend.caption.sink':
    'The head’s sink takes <strong>{share}</strong>, and gives nothing for it.',
  'attend.caption.unmasked':
    'Nothing is masked: every token may look at those that come after it, too.',
  'attend.caption.last':
    'Nothing comes after it; in the rows above, what comes later is hatched and gets exactly nothing.',
  'attend.caption.hatched': 'What comes after it is hatched: it gets exactly nothing.',
  'attend.off.head': 'The head is switched off: nothing of this is handed on.',
  'attend.mean.head': 'The head is at its mean over the text: this is not what it hands on.',
  'attend.off.attention':
    'The attention of this layer is switched off: nothing of this is handed on.',
  'attend.mean.attention':
    'The attention of this layer is at its mean over the text: this is not what it hands on.',
  'attend.sum.title':
    'the weight of {key} for {query}, unfolded: query × key, dimension by dimension',
  'attend.sum.products': 'products of query and key',
  'attend.sum.term': 'dimension {dimension}: {query} × {key} = {product}; the sum so far {sum}',
  'attend.sum.all': {
    one: 'the {count} product is {sum}',
    other: 'all {count} products add up to {sum}',
  },
  'attend.sum.scaled': '{sum} × {scale} = {scaled}',
  'attend.sum.scaled.score': '{sum} × {scale} = {scaled}, the score',
  'attend.sum.capped': '{cap} × tanh({scaled} / {cap}) = {capped}',
  'attend.sum.capped.score': '{cap} × tanh({scaled} / {cap}) = {capped}, the score',
  'attend.sum.biased': '{before} − {slope} × {distance}, the distance, = {score}',
  'attend.sum.biased.score': '{before} − {slope} × {distance}, the distance, = {score}, the score',
  'attend.sum.changed': 'with what is changed here it is {score}, the score',
  'attend.sum.masked':
    'the mask takes it away: the token comes later, or lies too far back. Its weight is exactly {weight}',
  'attend.sum.exponential':
    'e to the power of {score} − {largest} (the row’s largest) is {exponential}',
  'attend.sum.exponential.sink':
    'e to the power of {score} − {largest} (the head’s sink, larger than every score of the row) is {exponential}',
  'attend.sum.weight':
    '{exponential} of {total}, the sum over the row, is the weight <strong>{weight}</strong>',
  'attend.sum.weight.sink':
    '{exponential} of {total}, the sum over the row and the sink’s {sink}, is the weight <strong>{weight}</strong>',
  'attend.terms': 'every term',
  'attend.terms.table': 'every term of the sum',
  'attend.terms.dimension': 'dimension',
  'attend.terms.query': 'query',
  'attend.terms.key': 'key',
  'attend.terms.product': 'product',
  'attend.terms.sum': 'sum so far',
  'attend.vectors.query': 'query of {token}',
  'attend.vectors.key': 'key of {token}',
  'attend.vectors.value': 'value of {token}',
  'attend.vectors.number': 'dimension {dimension}: {value}',
  'attend.vectors.shared': '{heads} heads share a key head; head {head} uses key head {keyHead}.',
  'attend.scale.off': 'do not divide by √d',
  'attend.scale.root': 'Scores are divided by √{width} = {root}.',
  'attend.scale.factor': 'Scores are multiplied by {scale}.',
  'attend.scale.sharper':
    'The rows of head {head} are then as open as an even choice among <strong>{scaled}</strong> tokens, and without it among <strong>{raw}</strong>: scores are larger, and the softmax is sharper.',
  'attend.scale.not-sharper':
    'The rows of head {head} are then as open as an even choice among <strong>{scaled}</strong> tokens, and without it among <strong>{raw}</strong>: here the softmax does not become sharper.',
  'attend.scale.next':
    'After {token}, {word} has {share} with it in all heads, and {raw} without it in any. It is the likeliest both times.',
  'attend.scale.next.other':
    'After {token}, {word} has {share} with it in all heads, and {raw} without it in any; then {other} is the likeliest with {otherShare}.',
  'attend.scale.uniform':
    'With equal weights in every head there is nothing left for a scale to change.',
  'attend.scale.alone': 'A text of one token leaves nothing to choose among.',

  /* heads: all heads at a glance, with what was measured of each */
  'heads.role': 'grid of heads',
  'heads.grid':
    'all {count} heads; layer {layer}, head {head} is open; arrow keys move, Enter opens',
  'heads.layout.down': 'a row for each layer, a column for each head',
  'heads.layout.across': 'a column for each layer, a row for each head',
  'heads.name': 'head {head}',
  'heads.measuring': ', being measured …',
  'heads.measure': 'measure what all heads look at (takes some seconds)',
  'heads.share': '{share} on {where}',
  'heads.told':
    'Of its weight, <b>head {head}</b> puts {first} and {second}. Measured over {texts} texts of {tokens} tokens.',
  'heads.told.kind':
    'Of its weight, <b>head {head}</b> ({kind}) puts {first} and {second}. Measured over {texts} texts of {tokens} tokens.',
  'heads.heard': 'layer {layer}, head {head}',
  'heads.heard.kind': 'layer {layer}, head {head}, {kind} {share}',
  'heads.kind.previous': 'previous',
  'heads.kind.induction': 'induction',
  'heads.kind.duplicate': 'duplicate',
  'heads.kind.itself': 'itself',
  'heads.kind.first': 'first',
  'heads.kind.marks': 'marks',
  'heads.where.previous': 'the token before',
  'heads.where.induction': 'what followed the same token before, in random tokens that come twice',
  'heads.where.duplicate': 'earlier tokens that are the same',
  'heads.where.itself': 'the token itself',
  'heads.where.first': 'the first token of the text',
  'heads.where.marks': 'punctuation',

  /* context: the weighted sum of one head */
  'context.title': 'Value vectors, weighted and added up',
  'context.title.head': 'What head {head} hands to {token}: value vectors, weighted and added up',
  'context.title.changed':
    'What head {head} would hand to {token}: value vectors, weighted and added up',
  'context.formula': 'the sum as a formula',
  'context.matrix': 'weights of the head, row by row',
  'context.label.weights': 'the weights; a row is a sum',
  'context.label.sum': 'weight × value, dimension by dimension',
  'context.views': 'what is shown of the sum',
  'context.view.sum': 'the sum',
  'context.view.weights': 'the weights',
  'context.view.moves': 'what moves',
  'context.steps': 'the terms of the sum',
  'context.by-term': 'term by term',
  'context.then-next': 'then the next row',
  'context.described': '{query} from {key}: {weight}',
  'context.table': 'what {token} gets in head {head}',
  'context.table.length': 'length of the value',
  'context.table.moves': 'weight × length',
  'context.table.nothing': 'exactly 0',
  'context.table.sum': 'weight × value in each dimension, and the context vector z',
  'context.table.dimension': 'dimension',
  'context.from': 'from',
  'context.weight': 'weight',
  'context.length': 'length of its value',
  'context.share': 'share of what moves',
  'context.others': { one: '{count} other', other: '{count} others' },
  'context.term.others': {
    one: '{count} other, weighing {weight}',
    other: '{count} others, weighing {weight} together',
  },
  'context.readout': 'dimension {dimension}: {terms} = {sum}',
  'context.readout.so-far': 'dimension {dimension}: {terms} = {sum} so far',
  'context.readout.edit': '{change} by the change',
  'context.readout.others': {
    one: '{product} of {count} other',
    other: '{product} of {count} others',
  },
  'context.moves': 'weight beside weight times length of the value',
  'context.stack': {
    one: 'context vector of {dimensions} dimensions, of {count} term; arrow keys read them',
    other:
      'context vector of {dimensions} dimensions as a sum of {count} terms; arrow keys read them',
  },
  'context.caption.first':
    '{token} sees only itself, so its context vector is its own value vector, times {weight}.',
  'context.caption.together':
    'Here weight and effect go together: no token’s share of what moves is four percentage points away from its weight. Most of it is moved by {token}.',
  'context.caption.shorter':
    '{token} gets <strong>{weight}</strong> of the weight, but its value is shorter than the weighted mean of all ({value} against {mean}), so it does <strong>{share}</strong> of the moving:',
  'context.caption.shorter.sink':
    '{token} gets <strong>{weight}</strong> of the weight that the head’s sink leaves, but its value is shorter than the weighted mean of all ({value} against {mean}), so it does <strong>{share}</strong> of the moving:',
  'context.caption.longer':
    '{token} gets <strong>{weight}</strong> of the weight, but its value is longer than the weighted mean of all ({value} against {mean}), so it does <strong>{share}</strong> of the moving:',
  'context.caption.longer.sink':
    '{token} gets <strong>{weight}</strong> of the weight that the head’s sink leaves, but its value is longer than the weighted mean of all ({value} against {mean}), so it does <strong>{share}</strong> of the moving:',
  'context.caption.alone': 'a weight alone does not say what a token does.',
  'context.caption.large': 'a large weight on a short vector moves little.',
  'context.caption.less': 'the weight says less than there is.',
  'context.caption.grouped':
    'Its values are those of key head {keyHead}, which {heads} query heads share.',

  /* ov: what a token takes up, in the prompt and in the same words turned around */
  'ov.title': 'What a token takes up from those before it',
  'ov.title.token': 'What {token} takes up from the tokens before it, in layer {layer}',
  'ov.your-prompt': 'your prompt',
  'ov.other-sentence': 'the other sentence',
  'ov.turned': 'turned around; write another',
  'ov.views.sentence': 'which sentence is shown',
  'ov.view.turned': 'turned around',
  'ov.views.what': 'what is shown of it',
  'ov.view.arrows': 'this layer',
  'ov.view.parts': 'part by part',
  'ov.view.layers': 'every layer',
  'ov.reading': 'how to read the arrows',
  'ov.reading.told':
    'To the right: more of what the vector was. Upwards: something new. Vector, addition and result lie in this plane whole; of each part one sees its shadow there.',
  'ov.steps': 'the layers',
  'ov.again': 'turn my prompt around again',
  'ov.by-layer': 'layer by layer',
  'ov.layer': 'layer {layer}',
  'ov.length': 'length',
  'ov.share': 'share',
  'ov.bias': 'bias',
  'ov.not-there': 'not there yet',
  'ov.table': '“{prompt}”: what {token} takes up in layer {layer}, and the shares in every layer',
  'ov.table.from': 'from',
  'ov.table.nothing': 'exactly 0',
  'ov.drawing': '{token} before attention, what it takes up, and what it is afterwards, as arrows',
  'ov.arrow.after': '{token} + context',
  'ov.arrow.part': '+ {part}',
  'ov.arrow.others': { one: '{count} other', other: '{count} others' },
  'ov.arrow.others-and-bias': { one: '{count} other, bias', other: '{count} others, bias' },
  'ov.side.tokens': 'tokens of {name}',
  'ov.side.parts': 'parts of {name}',
  'ov.side.shares': 'shares of {name} in every layer',
  'ov.cell': 'layer {layer}: {token} from {from}: length {length}, share {share}',
  'ov.cell.unread': 'layer {layer}: {token} from {from}: not read',
  'ov.cell.nothing': 'layer {layer}: {token} from {from}: exactly nothing',
  'ov.layers': 'every layer: the share of each token in what is added',
  'ov.layers.some': '{read} of {layers} layers: the share of each token in what is added',
  'ov.rows.less': {
    one: '{count} more that gives less; the table has it',
    other: '{count} more that give less; the table has them',
  },
  'ov.rows.later': {
    one: '{count} more that comes later; the table has it',
    other: '{count} more that come later; the table has them',
  },
  'ov.rows.sum': 'all together',
  'ov.rows.itself': '{token} (itself)',
  'ov.quoted.here': 'your prompt',
  'ov.quoted.there': 'the other text',
  'ov.list': '{few} and {count} more',
  'ov.later':
    'In {prompt}, {token} takes exactly nothing from {later}. The pattern’s entry there is {entry} in every head of every layer: not a small number but none. When {again} is read, the text ends with it; the future does not exist.',
  'ov.unmasked':
    'Without the mask nothing is hidden in {prompt}: {token} takes from what comes after it, too.',
  'ov.last': 'In {prompt} nothing comes after {token}, so nothing is hidden from it.',
  'ov.earlier':
    '{earlier}, which comes earlier, takes exactly nothing from {token}: the pattern’s entry there is {entry} in every head of every layer, for when it is read the future does not exist; <choose>choose {word}</choose>.',
  'ov.same-word': 'the same word',
  'ov.gained':
    'In {prompt} {again} takes up from {from} a vector {length} long, <strong>{share}</strong> of all that attention adds to it here.',
  'ov.gained.against':
    'In {prompt} {again} takes up from {from} a vector {length} long, which points against the rest of what is added (<strong>{share}</strong> of it).',
  'ov.lost':
    '{token} takes up from {from} a vector {length} long, <strong>{share}</strong> of all that attention adds to it here.',
  'ov.lost.against':
    '{token} takes up from {from} a vector {length} long, which points against the rest of what is added (<strong>{share}</strong> of it).',
  'ov.lost.there': 'In {prompt} it takes exactly nothing from it.',
  'ov.whole': 'In all, layer {layer} adds a vector {added} long to one of {before}.',
  'ov.whole.nothing': 'In all, layer {layer} adds nothing to a vector {before} long.',
  'ov.whole.bias': 'The longest part of it is the bias, which is added whoever is looked at.',
  'ov.whole.itself': 'The longest part of it comes from the token itself.',
  'ov.whole.from': 'The longest part of it comes from {token}.',
  'ov.whole.norm':
    'Behind attention stands a norm here; it is held at the scale that it has for this token, so the parts add up.',

  /* mlp: the hidden units of one layer */
  'mlp.title': 'What the hidden units of one layer do',
  'mlp.title.token': 'What the hidden units of layer {layer} do with {token}',
  'mlp.views': 'what is shown of the units',
  'mlp.view.list': 'the most active',
  'mlp.view.curve': 'the curve',
  'mlp.view.unit': 'one unit, unfolded',
  'mlp.by': 'the most active by',
  'mlp.by.activation': 'how far they are from 0',
  'mlp.by.written': 'how much they write',
  'mlp.by.pushed': 'how hard they push the word',
  'mlp.next': 'next word',
  'mlp.list.unit': 'unit',
  'mlp.list.leaves': 'leaves',
  'mlp.list.up': 'pushes up',
  'mlp.list.down': 'pushes down',
  'mlp.list.head-up': 'pushes up ↑',
  'mlp.list.head-down': 'pushes down ↓',
  'mlp.table': 'the first of {count} hidden units of layer {layer}, for {token}, by {order}',
  'mlp.table.enters': 'enters',
  'mlp.table.bent': 'bent',
  'mlp.table.other-branch': 'other branch',
  'mlp.table.written': 'length written',
  'mlp.table.on': 'on {word}',
  'mlp.curve.silu': 'SiLU',
  'mlp.curve.gelu': 'GELU',
  'mlp.curve.quick-gelu': 'quick GELU',
  'mlp.curve.relu2': 'ReLU²',
  'mlp.curve.relu': 'ReLU',
  'mlp.curve.swiglu-oai': 'bounded SiLU',
  'mlp.curve': 'the {curve} curve with {count} hidden units of one token on it',
  'mlp.curve.enters': 'what enters the unit',
  'mlp.curve.leaves': '{curve}: what leaves',
  'mlp.curve.leaves.gated': '{curve}, and what leaves after the product',
  'mlp.way': '#{unit}: {curve}({enters}) = {leaves}',
  'mlp.way.changed': '#{unit}: {curve}({enters}) = {bent}, and with the change {leaves} leaves',
  'mlp.way.gated': '#{unit}: {curve}({enters}) = {bent} × {factor} = {leaves}',
  'mlp.unit':
    '<strong>Unit {unit}</strong> pushes {word} by {leaves} × {effect} = <strong>{push}</strong>; all words on average by {average}; what all share changes no probability. What it writes is {length} long.',
  'mlp.unit.up': 'pushed up most',
  'mlp.unit.down': 'pushed down most',
  'mlp.unit.next': 'next word',
  'mlp.unit.effect': 'push when it is 1',
  'mlp.unit.contribution': 'push as it is',
  'mlp.unit.of-expert': '{unit} of expert {expert}',
  'mlp.said': 'Unit {unit} is opened: {value} leaves it. It pushes {words} up.',
  'mlp.said.none': 'Unit {unit} is opened: {value} leaves it. It pushes no word up.',
  'mlp.caption.activation':
    'Of {count} hidden units, number {unit} is furthest from 0 for {token}: <strong>{value}</strong> leaves it{effect}.',
  'mlp.caption.written':
    'Of {count} hidden units, number {unit} writes most for {token}: <strong>{value}</strong> leaves it{effect}.',
  'mlp.caption.pushed':
    'Of {count} hidden units, number {unit} pushes the next word hardest for {token}: <strong>{value}</strong> leaves it{effect}.',
  'mlp.caption.effect':
    ', which moves the logit of {up} by {raised} and that of {down} by {lowered}',
  'mlp.caption.effect.none': ', so it moves no logit',
  'mlp.caption.effect.same': ', which moves all logits the same way',
  'mlp.caption.effect.zero': ', and it moves no logit',
  'mlp.caption.off': 'The MLP of this layer is switched off: nothing of this is added.',
  'mlp.caption.mean':
    'The MLP of this layer is at its mean over the text: this is not what it adds.',
  'mlp.caption.push':
    'A push is what the unit by itself adds to a logit: the last norm is held at the scale that it has for this token, and what later layers make of the unit is left out.',
  'mlp.caption.push.capped':
    'A push is what the unit by itself adds to a logit before its cap: the last norm is held at the scale that it has for this token, and what later layers make of the unit is left out.',
  'mlp.caption.parallel':
    'In this model the MLP reads what enters the layer, side by side with attention, and not what attention has added.',
  'mlp.expert': 'expert {expert} with a weight of {weight}',
  'mlp.experts':
    'This layer has {all} MLPs, its experts, and a router chose {count} of them for this token: {experts}.',
  'mlp.experts.weighted': 'What an expert’s units push is weighted so.',

  /* firing: the text that fires each unit most */
  'firing.title': 'The text that fires each most',
  'firing.title.layer': {
    one: 'What fires in layer {layer} most, in {count} text',
    other: 'What fires in layer {layer} most, in {count} texts',
  },
  'firing.command': 'these units',
  'firing.head': 'head {head}',
  'firing.looks': 'looks at what is underlined',
  'firing.unit': 'unit {unit}',
  'firing.up': '↑ {words}',
  'firing.down': '↓ {words}',
  'firing.table': 'the hidden units of layer {layer} that fired most',
  'firing.table.unit': 'unit',
  'firing.table.value': 'value',
  'firing.table.at': 'at',
  'firing.table.raises': 'raises',
  'firing.table.lowers': 'lowers',
  'firing.read': 'read {count} tokens of text for it',
  'firing.slow': 'A model of this size takes a while to read enough text for it.',
  'firing.said': 'Unit {unit} of layer {layer} fires most, with {value}.',
  'firing.caption':
    'Of the {units} hidden units of layer {layer}, number {unit} goes furthest from 0 in {texts} texts of up to {tokens} tokens: <strong>{value}</strong> at {at}. There it raises {up} most, and lowers {down} most.',
  'firing.caption.alive': 'Each unit fires somewhere.',
  'firing.caption.dead': {
    one: '{count} of them never fires.',
    other: '{count} of them never fire.',
  },
  'firing.caption.head':
    'Head {head} gives at most <strong>{share}</strong> of its attention to another token: from {query} to {key}.',

  /* facts: what is left of an answer without one part */
  'facts.title': 'What is left of an answer without one part',
  'facts.question': 'the text',
  'facts.own': 'my own prompt',
  'facts.use': 'look at this text on the whole page',
  'facts.rows': 'what is left of the answer, by the layer of which a part is off',
  'facts.layer': 'layer {layer}',
  'facts.mlp': 'its MLP off',
  'facts.attention': 'its attention off',
  'facts.whole': 'nothing off: {word} {share}',
  'facts.whole.changed': 'nothing more changed: {word} {share}',
  'facts.table': 'the probability of {word}',
  'facts.table.layer': 'layer',
  'facts.table.then': 'then likeliest',
  'facts.said': 'without the MLP of layer {layer} {share}',
  'facts.caption': 'After {token} the likeliest is {word} with {share}.',
  'facts.caption.mlp':
    'Of the MLPs that of layer {layer} costs most when it is off: <strong>{left}</strong> are left, and it still comes first.',
  'facts.caption.mlp.other':
    'Of the MLPs that of layer {layer} costs most when it is off: <strong>{left}</strong> are left, and {other} comes first.',
  'facts.caption.mlp.nothing':
    'No MLP costs anything when it is off: at least <strong>{left}</strong> are left.',
  'facts.caption.attention':
    'Of the attentions it is that of layer {layer}: <strong>{left}</strong> are left, and it still comes first.',
  'facts.caption.attention.other':
    'Of the attentions it is that of layer {layer}: <strong>{left}</strong> are left, and {other} comes first.',
  'facts.caption.attention.nothing':
    'No attention costs anything: at least <strong>{left}</strong> are left.',
  'facts.caption.deep': 'In so deep a model attention is left on.',
  'facts.caption.more-attention': 'So here one layer’s attention is needed even more than any MLP.',
  'facts.caption.more-mlp': 'So here one MLP is needed at least as much as any attention.',
  'facts.caption.needed':
    'That a part is needed does not say that the fact is in it: an MLP may also write what is asked for.',
  'facts.never': 'a run that never read it',
  'facts.never.train': 'training without the fact',
  'facts.never.serve': 'serving both',
  'facts.never.command':
    'What no line of its text says, a run can only guess. These commands train this model again without the lines of tom’s birthday, and serve both; then both answers stand here.',
  'facts.never.recipes':
    'What no line of its text says, a run can only guess. <code>docs/recipes.md</code> says how this one is trained again without some lines; served beside it, that run’s answer stands here too.',
  'facts.never.other':
    'Another model of this shape, {model}, gives {word} <strong>{share}</strong> in the same place, and {first} <strong>{firstShare}</strong>, which comes first. If its run left the fact out, it guesses.',
  'facts.never.same':
    'Another model of this shape, {model}, gives {word} <strong>{share}</strong> in the same place, and it comes first there, too.',
  'facts.caption.further': '<code>docs/facts.md</code> asks further.',

  /* unembed: from one vector to a score for every word */
  'unembed.title': 'From one vector to a score for every word',
  'unembed.title.token': 'What becomes of the vector of {token}',
  'unembed.columns': 'the columns from the last MLP to the logits, arrow keys read their numbers',
  'unembed.nothing': 'the program gave no numbers for the column {column}',
  'unembed.norm': '+, norm',
  'unembed.scale': 'to ±{most}',
  'unembed.name.enters': 'enters',
  'unembed.name.hidden': 'hidden',
  'unembed.name.added': 'added',
  'unembed.name.normed': 'sum, normed',
  'unembed.name.normed-short': 'normed',
  'unembed.name.logits': 'logits',
  'unembed.what.enters': 'the stream behind layer {layer}’s attention',
  'unembed.what.enters.parallel': 'the stream that enters layer {layer}',
  'unembed.what.hidden': 'the hidden units',
  'unembed.what.added': 'what the MLP adds',
  'unembed.what.normed': 'the sum, normed',
  'unembed.what.logits': 'the logits',
  'unembed.readout': 'Number {place} of {what}{piece}: {value}{among}.',
  'unembed.readout.piece': ', that of <b>{piece}</b>',
  'unembed.readout.largest': ', the largest of {from} to {to}',
  'unembed.readout.furthest': ', the furthest from 0 of {from} to {to}',
  'unembed.said': '{column}: {count} numbers',
  'unembed.table.columns': 'The columns',
  'unembed.table.column': 'column',
  'unembed.table.size': 'numbers',
  'unembed.table.smallest': 'smallest',
  'unembed.table.largest': 'largest',
  'unembed.table.words': 'The largest logits',
  'unembed.table.word': 'word',
  'unembed.table.id': 'id',
  'unembed.table.logit': 'logit',
  'unembed.table.probability': 'probability',
  'unembed.table.numbers': 'The numbers of the columns, by place',
  'unembed.table.numbers.first': {
    one: 'The numbers of the columns, by place, the first {count} place',
    other: 'The numbers of the columns, by place, the first {count} places',
  },
  'unembed.table.place': 'place',
  'unembed.caption':
    'Of {count} logits after {token} the largest is <strong>{logit}</strong>, that of {word}; the softmax makes {share} of it.',
  'unembed.caption.smallest': 'The smallest is {logit}.',
  'unembed.caption.way':
    'On the way, {enters} numbers behind the attention of layer {layer} become {hidden} hidden units, and these become {added} numbers that are added to the stream.',
  'unembed.caption.way.parallel':
    'On the way, {enters} numbers that enter layer {layer} become {hidden} hidden units, and these become {added} numbers that are added to the stream.',
  'unembed.caption.table':
    'The sum is normed, and a dot product with each of {count} rows of a table gives the logits.',
  'unembed.caption.matrices': 'The matrices between the columns hold {count} numbers.',
  'unembed.caption.cap': 'This model’s cap, {cap}, has flattened its logits.',
  'unembed.caption.factor': 'This model multiplies its logits by {factor}.',
  'unembed.caption.scale':
    'Each column has a scale of its own. Where it has more numbers than lines, a line shows the largest logit of its group, and else the number furthest from 0.',

  /* stream: the residual stream of one token as a sum */
  'stream.title': 'Who wrote how much into the stream',
  'stream.title.token': 'Who wrote how much into the stream of {token}',
  'stream.writers': 'the writers of the stream',
  'stream.order': 'order',
  'stream.order.written': 'as they write',
  'stream.order.largest': 'the largest push first',
  'stream.next': 'next word',
  'stream.choose': 'choose layer {layer}',
  'stream.writer': 'writer',
  'stream.length': 'size of what it adds',
  'stream.push': 'its push on {word}',
  'stream.embedding': 'embedding',
  'stream.position': 'position',
  'stream.attention': 'layer {layer} attention',
  'stream.mlp': 'layer {layer} MLP',
  'stream.the-embedding': 'the embedding',
  'stream.the-position': 'the position',
  'stream.the-attention': 'the attention of layer {layer}',
  'stream.the-mlp': 'the MLP of layer {layer}',
  'stream.sum':
    '{before}, {attention} attention, {mlp} MLPs{bias} = <strong>{logit}</strong>, the logit of {word}<rest> (the rounding of 32-bit numbers makes up {rounding} of it)</rest>',
  'stream.sum.capped':
    '{before}, {attention} attention, {mlp} MLPs{bias} = {uncapped}, which the cap of this model makes <strong>{logit}</strong>, the logit of {word}<rest> (the rounding of 32-bit numbers makes up {rounding} of it)</rest>',
  'stream.sum.embedding': '{value} embedding',
  'stream.sum.embedding-and-position': '{value} embedding and position',
  'stream.sum.bias.norm': ', {value} the last norm’s bias',
  'stream.sum.bias.both': ', {value} the biases of the last norm and of the logits',
  'stream.sum.bias.logits': ', {value} the logits’ own bias',
  'stream.table': 'what was written into the stream of {token}, and its push on {word}',
  'stream.table.after': 'length of the stream after it',
  'stream.table.push': 'push on the logit',
  'stream.said': '{writer} moves the logit of {word} most, by {push}; in all it is {logit}.',
  'stream.caption':
    'The largest push on {word} after {token} comes from {writer}: <strong>{push}</strong>.',
  'stream.caption.against':
    'The largest push on {word} after {token} comes from {writer}: <strong>{push}</strong>, against it.',
  'stream.caption.mlps':
    'For this word the MLPs together move the logit further than attention does.',
  'stream.caption.attention':
    'For this word attention in all layers together moves the logit at least as far as the MLPs do.',
  'stream.caption.length':
    'Length and push are different things: a long vector may push this word little, and a short one much.',
  'stream.caption.norm':
    'The last norm is held at the scale that it has for this token, {factor}; so the parts add up to the logit.',
  'stream.caption.norm.capped':
    'The last norm is held at the scale that it has for this token, {factor}; so the parts add up to the logit before its cap. The cap, {cap}, then flattens it: the further a logit has been pushed, the less a further push moves it.',
  'stream.caption.factor': 'This model multiplies its logits by {factor}, and each push with them.',

  /* weights: one row of a matrix at work */
  'weights.title': 'One row of a matrix at work',
  'weights.title.token': 'One row of {matrix} of layer {layer} at work on {token}',
  'weights.views': 'what is shown of the matrix',
  'weights.view.row': 'the row',
  'weights.view.matrix': 'the whole matrix',
  'weights.view.norm': 'the norm before',
  'weights.matrix': 'matrix',
  'weights.matrix.size': '{name}: {rows} × {columns}',
  'weights.row': 'row',
  'weights.columns': 'the columns',
  'weights.by-column': 'column by column',
  'weights.name.q': 'the query matrix',
  'weights.name.k': 'the key matrix',
  'weights.name.v': 'the value matrix',
  'weights.name.o': 'the output matrix',
  'weights.name.gate': 'the gate matrix',
  'weights.name.up': 'the up matrix',
  'weights.name.down': 'the down matrix',
  'weights.name.router': 'the router',
  'weights.name.expert': 'expert {expert}: {name}',
  'weights.makes.q': 'number {place} of the query of head {head}',
  'weights.makes.k': 'number {place} of the key of head {head}',
  'weights.makes.v': 'number {place} of the value of head {head}',
  'weights.makes.o': 'number {place} of what attention returns',
  'weights.makes.bent': 'what enters the curve of hidden unit {unit}',
  'weights.makes.factor': 'what hidden unit {unit} is multiplied with',
  'weights.makes.down': 'number {place} of what the MLP returns',
  'weights.makes.down.expert': 'number {place} of what expert {expert} returns',
  'weights.makes.router': 'the score of expert {expert}',
  'weights.picture': 'all {rows} rows and {columns} columns; the marked row is at work',
  'weights.picture.small':
    '{rows} rows and {columns} columns made small: a cell has the weight that is largest in size',
  'weights.picture.role': 'matrix',
  'weights.picture.keys':
    '{matrix}, {rows} rows and {columns} columns: up and down choose a row, left and right a column',
  'weights.picture.said': 'row {row}, column {column}: weight {weight}',
  'weights.picture.largest':
    'row {row}, column {column}: weight {weight}, the largest in size of the {count} under its cell',
  'weights.spread': '{count} weights: mean {mean}, standard deviation {deviation}',
  'weights.spread.drawing': 'how many weights lie where, from {from} to {to}, in {bins} bins',
  'weights.row.label': 'the row, column by column',
  'weights.bands':
    'what the row reads, its weights, their products and the sum so far, over {columns} columns; arrow keys read them',
  'weights.band.input': 'it reads',
  'weights.band.weight': '× weight',
  'weights.band.product': '= product',
  'weights.band.sum': 'sum so far',
  'weights.readout': 'column {column}: {input} × {weight} = {product}; the sum so far {sum}',
  'weights.norm': 'the norm before it, at column {column}',
  'weights.norm.none': 'No norm stands before this matrix: it reads its numbers as they are.',
  'weights.norm.before': 'the stream has {before} there',
  'weights.norm.rms':
    'divided by {divisor}, the root of the mean square of all {count} numbers: {divided}',
  'weights.norm.layer':
    'less {mean}, the mean of all {count} numbers, and divided by {divisor}, their standard deviation: {divided}',
  'weights.norm.gain': 'times its gain {gain}: the row reads {input}',
  'weights.norm.gain-and-shift':
    'times its gain {gain}, plus its shift {shift}: the row reads {input}',
  'weights.norm.plain': 'this norm has no gain: the row reads {input}',
  'weights.norm.changed': 'with what is changed here, the row reads {input}',
  'weights.caption':
    'Row {row} of {matrix} makes {makes} for {token}: {count} numbers, each times a weight of its own, add up to <strong>{result}</strong>.',
  'weights.caption.bias':
    'Row {row} of {matrix} makes {makes} for {token}: {count} numbers, each times a weight of its own, and the bias {bias} add up to <strong>{result}</strong>.',
  'weights.caption.inside': 'It is normed or multiplied before it is added to the stream.',
  'weights.caption.bf16':
    'The program computes in bf16 here, which adds in another order: its own number is {value}.',
  'weights.caption.changed': 'With what is changed here {value} takes its place.',
  'weights.caption.most': 'Column {column} moves it furthest: {input} × {weight} = {product}.',
  'weights.said': 'Row {row} of {matrix} makes {result} for {token}.',
  'weights.table': 'row {row} of {matrix}, column by column',
  'weights.table.first': 'row {row} of {matrix}, its first {count} columns',
  'weights.table.column': 'column',
  'weights.table.input': 'it reads',
  'weights.table.weight': 'weight',
  'weights.table.product': 'product',
  'weights.table.sum': 'sum so far',
  'weights.table.norm': 'the norm before it',
  'weights.table.before': 'before',
  'weights.table.divided': 'divided',
  'weights.table.gain': 'gain',
  'weights.table.shift': 'shift',
  'weights.table.spread': 'how the weights of the matrix are spread',
  'weights.table.from': 'from',
  'weights.table.weights': 'weights',
  /* the next word, in the figures that are about one */
  'next-word.title': 'token {id}',
  'next-word.likeliest': '{word} (the likeliest)',
  'next-word.chooser': 'next word',

  /* logit_lens: what the model would say after each layer */
  'logit_lens.title': 'What the model would say after each layer',
  'logit_lens.views': 'what is shown of the depths',
  'logit_lens.views.grid': 'every layer',
  'logit_lens.views.opened': 'one place',
  'logit_lens.halves': 'attention and MLP apart',
  'logit_lens.depth.embedding': 'before layer 0',
  'logit_lens.depth.layer': 'after layer {layer}',
  'logit_lens.depth.attention': 'after layer {layer} attn.',
  'logit_lens.row.attention': 'layer {layer} attn.',
  'logit_lens.rank': 'place of {next}',
  'logit_lens.place': '{depth}, after {token}',
  'logit_lens.cell': '{depth}, after {token}:',
  'logit_lens.table': 'the likeliest next word at each depth and its probability',
  'logit_lens.table.read': 'read',
  'logit_lens.said': '{depth}, after {token}, the likeliest next word is {next}.',
  'logit_lens.places.attention': '{layer} attn.',
  'logit_lens.places.run': '{from} to {to}',
  'logit_lens.places.layers': { one: 'after layer {layers}', other: 'after layers {layers}' },
  'logit_lens.caption.always':
    'After {token}, the word {next} is first at every depth: the embedding alone already says it.',
  'logit_lens.caption.again-last':
    'After {token}, the word {next} is first at the end. It was first {places} already, lost the place, and has it for good only after the last layer.',
  'logit_lens.caption.again-from':
    'After {token}, the word {next} is first at the end. It was first {places} already, lost the place, and has it for good from “{depth}” on.',
  'logit_lens.caption.last': 'After {token}, the word {next} is first only at the very end.',
  'logit_lens.caption.from': 'After {token}, the word {next} is first from “{depth}” on.',
  'logit_lens.caption.never':
    'After {token}, the word {next} ends as number <strong>{rank}</strong>.',
  'logit_lens.caption.on-the-way': 'On the way it was first {places}.',
  'logit_lens.caption.start':
    'Read straight from the embedding it would be number <strong>{rank}</strong> of {vocabulary}.',
  'logit_lens.caption.echo':
    'Before layer 0 it says {token} itself: the table that is compared with is the table that the vector came from.',
  'logit_lens.caption.parallel':
    'The rows marked attn. hold the stream with what attention adds; in this model nothing reads it there, for the MLP reads what enters the layer.',

  /* next: what may come next */
  'next.title': 'What may come next',
  'next.title-of': 'What may come after {token}',
  'next.views': 'what is shown of the next tokens',
  'next.views.list': 'the likeliest',
  'next.views.curve': 'all of them',
  'next.search': 'where is',
  'next.search.name': 'search for any token',
  'next.search.placeholder': 'any word, or #id',
  'next.found.rank': 'number {rank}',
  'next.found.more': 'and {count} more',
  'next.found.written': 'No token is just that; the tokenizer writes it as {written}',
  'next.found.only-written':
    'None of the {vocabulary} tokens has it in it; the tokenizer writes it as {written}',
  'next.found.none': 'None of the {vocabulary} tokens has it in it.',
  'next.head.token': 'next token',
  'next.follows': 'what the text goes on with',
  'next.why': 'why?',
  'next.curve.name':
    'the probabilities of all {vocabulary} tokens, sorted, from {most} down to {least}',
  'next.curve.rank': 'place among all tokens',
  'next.curve.readout': 'number {rank}, {word}: {share}; up to here {held} of all',
  'next.table': 'the likeliest tokens after {token}',
  'next.table.rank': 'place',
  'next.said': 'After {token} the likeliest token is {next}, at {share}.',
  'next.caption.one':
    'After {token}, the model gives {next} <strong>{share}</strong>, at least as much as to all others together, and it alone has nine tenths.',
  'next.caption.half':
    'After {token}, the model gives {next} <strong>{share}</strong>, at least as much as to all others together, and the first {most} of the {vocabulary} tokens have nine tenths.',
  'next.caption.several':
    'After {token}, the model gives {next} <strong>{share}</strong>; it takes the first {half} to have half of everything between them, and the first {most} of the {vocabulary} tokens to have nine tenths.',
  'next.caption.open': 'The choice is as open as a throw of a die with {sides} equal sides.',
  'next.caption.follows-first': 'The text goes on just so.',
  'next.caption.follows':
    'The text itself goes on with {next}, which has <strong>{share}</strong> and is number {rank}.',

  /* why: a logit as a sum */
  'why.title': 'Why this token',
  'why.title-of': 'Why {next} after {token}',
  'why.title-of.against': 'Why {next} after {token}, and not {against}',
  'why.command': 'this sum',
  'why.another-example': 'another example',
  'why.against': 'compared with',
  'why.against.nothing': 'nothing',
  'why.written': '{label}, written',
  'why.written.placeholder': 'a word, then Enter',
  'why.written.another': 'another word …',
  'why.written.none': 'no token has it in it',
  'why.open-mlps': 'open MLPs too',
  'why.brief.title': 'what adds up to the logit of {next}',
  'why.brief.open': 'open the parts, below',
  'why.brief.close': 'close',
  'why.part.embedding': 'embedding',
  'why.part.position': 'position',
  'why.part.source': 'source of {head}',
  'why.part.attention-bias': 'biases, attention {layer}',
  'why.part.value-bias': 'biases, values {head}',
  'why.part.mlp': 'MLP {layer}',
  'why.part.mlp-remainder': 'not linear',
  'why.part.edit': 'edit of {site}',
  'why.part.final-bias': 'biases at the end',
  'why.part.mlp.said': 'the MLP of layer {layer}',
  'why.part.said': 'the {part}',
  'why.part.head.begins': 'Head {head}',
  'why.part.mlp.begins': 'The MLP of layer {layer}',
  'why.part.begins': 'The {part}',
  'why.place': 'token {token}',
  'why.place.heard': '{token} ({at})',
  'why.what': 'the logit of {next}',
  'why.what.less': 'the logit of {next} less that of {against}',
  'why.arcs': 'what heads carried from word to word',
  'why.arc': 'head {head}: {added}',
  'why.arc.before': 'head {head} without the changes: {added}',
  'why.arc.heard': 'head {head} from {from} to {to}: {added}',
  'why.crumbs': 'what is opened',
  'why.column': 'the parts of {part}',
  'why.column.logit': 'the parts of the logit',
  'why.heading': 'who wrote it',
  'why.heading.head': 'head {head} took it from',
  'why.heading.source': 'who wrote what {token} gave',
  'why.heading.mlp': 'who wrote what MLP {layer} made of it',
  'why.row.before': 'without the changes {added}',
  'why.others': '{count} others',
  'why.sum': ', and {rest} left over',
  'why.sum.cap': ' behind the cap, and {rest} left over',
  'why.path': '{steps} → logit',
  'why.path.step': '{part} at {token}',
  'why.path.written': '{part} of {token}',
  'why.table': 'what adds up to the logit of {next} after {token}',
  'why.table.part': 'part',
  'why.table.adds': 'adds',
  'why.table.before': 'without the changes',
  'why.table.sum': 'sum',
  'why.table.rest': 'what the sum leaves of the logit',
  'why.table.paths': 'the strongest paths from what was written first to the logit',
  'why.table.path': 'path',
  'why.said': 'The logit of {next} is {logit}; most of it comes from {part}, {added}.',
  'why.caption.adds':
    '{part} adds <strong>{size}</strong> to {what}, which is <strong>{total}</strong> in all.',
  'why.caption.adds.most':
    '{part} adds <strong>{size}</strong> to {what}, which is <strong>{total}</strong> in all; most of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.adds.largest':
    '{part} adds <strong>{size}</strong> to {what}, which is <strong>{total}</strong> in all; the largest part of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.takes':
    '{part} takes <strong>{size}</strong> off {what}, which is <strong>{total}</strong> in all.',
  'why.caption.takes.most':
    '{part} takes <strong>{size}</strong> off {what}, which is <strong>{total}</strong> in all; most of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.takes.largest':
    '{part} takes <strong>{size}</strong> off {what}, which is <strong>{total}</strong> in all; the largest part of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.before': 'Without the changes, {what} is <strong>{total}</strong>.',
  'why.caption.head-adds': 'Of the heads, {head} adds most, <strong>{size}</strong>.',
  'why.caption.head-adds.most':
    'Of the heads, {head} adds most, <strong>{size}</strong>; most of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.head-adds.largest':
    'Of the heads, {head} adds most, <strong>{size}</strong>; the largest part of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.head-takes': 'Of the heads, {head} takes off most, <strong>{size}</strong>.',
  'why.caption.head-takes.most':
    'Of the heads, {head} takes off most, <strong>{size}</strong>; most of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.head-takes.largest':
    'Of the heads, {head} takes off most, <strong>{size}</strong>; the largest part of that, <strong>{added}</strong>, comes from {token}.',
  'why.caption.none-takes': 'No part takes anything off.',
  'why.caption.none-adds': 'No part adds anything.',
  'why.caption.most-taken': 'Most is taken off by {part}: {added}.',
  'why.caption.most-added': 'Most is added by {part}: {added}.',
  'why.caption.exact':
    'All {count} parts add up to what the model computed, but for {rest}, the rounding of 32-bit numbers.',
  'why.caption.cap':
    'A cap stands behind the sum in this model: the parts add up to {sum}, and the cap leaves {share} of it.',
  'why.caption.opens-mlps':
    'An MLP is opened by its slope: how far its result moves with what enters. Such parts, marked ~, add up as well, but say less about what a change would do.',

  /* faithfulness: what the sum of a logit predicts */
  'faithfulness.title': 'What the sum predicts, and what happens',
  'faithfulness.title-of': 'When the strongest parts of {next} after {token} are switched off',
  'faithfulness.command': 'this test',
  'faithfulness.counts': 'how many are switched off',
  'faithfulness.off': 'switched off',
  'faithfulness.change': 'change of the logit',
  'faithfulness.predicted': 'predicted',
  'faithfulness.real': 'real',
  'faithfulness.curve': 'the change of the logit by how many are switched off',
  'faithfulness.point': '{off} off: predicted {predicted}, real {real}',
  'faithfulness.table':
    'the change of the logit when the strongest heads and MLPs are switched off',
  'faithfulness.table.off': 'off',
  'faithfulness.table.last': 'the last of them',
  'faithfulness.said':
    'With the {count} strongest off, the sum predicts {predicted} for {next}, and the model changes by {real}.',
  'faithfulness.caption.one':
    'With {part} at {token} switched off, {what} should change by <strong>{predicted}</strong>, as the sum says.',
  'faithfulness.caption.several':
    'With the {off} strongest switched off, the last of them {part} at {token}, {what} should change by <strong>{predicted}</strong>, as the sum says.',
  'faithfulness.caption.near':
    'It changes by <strong>{real}</strong>: here the sum is what the model does.',
  'faithfulness.caption.more':
    'It changes by <strong>{real}</strong>: more hangs on it than the sum says.',
  'faithfulness.caption.less':
    'It changes by <strong>{real}</strong>: less hangs on it than the sum says.',
  'faithfulness.caption.no-guide':
    'It changes by <strong>{real}</strong>: the sum is no guide here.',
  'faithfulness.caption.why':
    'The sum holds the weights of attention and the scales of norms as they were; the model computes them anew.',
  'faithfulness.caption.nothing': 'Nothing here goes through a head or an MLP.',

  /* sampling: the chain in words */
  'sampling.likeliest': 'always the likeliest',
  'sampling.none': 'nothing but the dice',
  'sampling.setting': '{title} {value}',

  /* sample: choosing the next token */
  'sample.title': 'What each step of the chain leaves, and what the dice make of it',
  'sample.seed': 'seed',
  'sample.other-seeds': 'other seeds',
  'sample.draws': 'seeds that draw',
  'sample.seeds-draw': '{count} seeds draw',
  'sample.add': 'add',
  'sample.add.none': 'a sampler',
  'sample.off': 'off',
  'sample.chain': 'chain',
  'sample.chain.usual': 'usual',
  'sample.chain.none': 'none',
  'sample.chain.likeliest': 'likeliest',
  'sample.own': 'the model’s own',
  'sample.taken-away': 'taken away',
  'sample.others': 'all others',
  'sample.left': 'left',
  'sample.left.tokens': {
    one: '<number>{count}</number> token',
    other: '<number>{count}</number> tokens',
  },
  'sample.removed': '{count} taken, with {share}',
  'sample.distinct': '{number} different',
  'sample.table':
    'Probabilities after each step of the chain, and how often the seeds {first} to {last} draw each token',
  'sample.table.drawn': 'drawn',
  'sample.table.expected': 'expected',
  'sample.said': 'After the chain {kept} tokens are left. {tokens}.',
  'sample.said.token': '{token} {share}, drawn {times} times',
  'sample.caption.gone':
    'After {token} the likeliest token is {next}: the model gives it {share}, and the chain takes it away.',
  'sample.caption.greedy':
    'After {token} the likeliest token is {next}: the model gives it {share}, and a chain that always takes the likeliest leaves nothing else.',
  'sample.caption.after':
    'After {token} the likeliest token is {next}: the model gives it {share}, and after the chain ({chain}) it has {after}.',
  'sample.caption.steps': 'Of its steps, {steps}.',
  'sample.caption.step': {
    one: '{sampler} took {count} token, which had {share}',
    other: '{sampler} took {count} tokens, which together had {share}',
  },
  'sample.caption.no-step': 'No step takes a token away.',
  'sample.caption.no-dice': 'No dice are thrown: every seed chooses it.',
  'sample.caption.seed': 'Seed {seed} draws {next}.',
  'sample.caption.seed-other': 'Seed {seed} draws one of the others.',
  'sample.caption.seeds':
    'Of the seeds {first} to {last}, each throwing once, {times} draw {next}, where {expected}, give or take {spread}, were to be expected (the marks in the last column).',
  'sample.caption.command': '{command} begins with the same throw.',

  /* repeat: append and repeat */
  'repeat.title': 'A text, one token at a time',
  'repeat.play': 'play',
  'repeat.play.name': 'play: write on',
  'repeat.pause': 'pause',
  'repeat.pause.name': 'pause writing',
  'repeat.back': 'a token back',
  'repeat.on': 'a token on',
  'repeat.range': 'place in the text',
  'repeat.pace': 'speed of writing',
  'repeat.pace.slow': 'slow',
  'repeat.pace.readable': 'so that one can read',
  'repeat.pace.fast': 'as fast as it goes',
  'repeat.chat': 'as a chat',
  'repeat.afresh': 'also without the cache',
  'repeat.clear': 'clear all branches',
  'repeat.text': 'the text',
  'repeat.views': 'what is shown of the loop',
  'repeat.views.choices': 'what may come',
  'repeat.views.branches': 'branches',
  'repeat.views.cost': 'cost',
  'repeat.go': 'go here: token {depth} behind the prompt',
  'repeat.take': 'write on with {token}',
  'repeat.ends': 'ends',
  'repeat.ended': 'The text has ended',
  'repeat.ended.then': 'Go back to write on in another way.',
  'repeat.choices.title': 'What may come next',
  'repeat.after': 'after the chain',
  'repeat.branches.title': 'Continuations: go back, or pick another token, and a branch grows',
  'repeat.tree': 'the continuations written so far',
  'repeat.prompt': 'prompt',
  'repeat.node': '{name}, token {depth} behind the prompt',
  'repeat.node.here': '{name}, token {depth} behind the prompt, here',
  'repeat.broke-off': 'the text broke off: the program does not answer any more',
  'repeat.cost': 'what writing costs',
  'repeat.cost.cache': 'The cache',
  'repeat.cost.time': 'Time of the last token',
  'repeat.cost.work': 'Work of the last token',
  'repeat.cost.with': 'with the cache',
  'repeat.cost.without': 'without it',
  'repeat.cost.read': { one: '{count} token read', other: '{count} tokens read' },
  'repeat.cost.multiplications': 'multiplications',
  'repeat.cost.held': {
    one: '{held} of {context} positions, in {count} page of {page}: {size}.',
    other: '{held} of {context} positions, in {count} pages of {page}: {size}.',
  },
  'repeat.cost.held.all-shared': {
    one: '{held} of {context} positions, in {count} page of {page}: {size}; all shared with another branch.',
    other:
      '{held} of {context} positions, in {count} pages of {page}: {size}; all shared with another branch.',
  },
  'repeat.cost.held.shared':
    '{held} of {context} positions, in {count} pages of {page}: {size}; {shared} shared with another branch.',
  'repeat.pages': '{pages} of {all} pages in use, {held} positions filled, {shared} pages shared',
  'repeat.pages.more': 'and {count} more',
  'repeat.page': 'positions {from} to {to}: {filled} filled',
  'repeat.page.shared': 'positions {from} to {to}: {filled} filled, shared with another branch',
  'repeat.kilobytes': '{size} KB',
  'repeat.megabytes': '{size} MB',
  'repeat.gigabytes': '{size} GB',
  'repeat.milliseconds': '{time} ms',
  'repeat.millions': '{count} M',
  'repeat.course': 'time of each of {tokens} tokens, up to {time}',
  'repeat.course.both': '{tokens} tokens: {time} with the cache, {without} without',
  'repeat.course.with': '{tokens} tokens: {time} with the cache',
  'repeat.course.note': 'Each token’s time so far; the line stands at {time}.',
  'repeat.course.note.longer':
    'Each token’s time so far; the line stands at {time}, and what rises above it took longer.',
  'repeat.table': 'The tokens written, how likely the model found each, and how long each took',
  'repeat.said': 'Written so far: {text}',
  'repeat.chain': '{chain}, seed {seed}',
  'repeat.caption.stop':
    'The text ended with a token that ends texts (finish reason <code>stop</code>).',
  'repeat.caption.length':
    'It stopped after as many tokens as were asked for (finish reason <code>length</code>); play writes on.',
  'repeat.caption.greedy':
    'The chain ({chain}; set in the figure above) takes {next}, to which the model gives {share}.',
  'repeat.caption.dice':
    'The dice ({chain}; set in the figure above) fall on {next}, to which the model gives {share}.',
  'repeat.caption.times': {
    one: 'With the cache the model read {count} token in {time}; without it, all {all} in {without}.',
    other:
      'With the cache the model read {count} tokens in {time}; without it, all {all} in {without}.',
  },
  'repeat.caption.same': 'Both gave the same logits, bit for bit.',
  'repeat.caption.differ': {
    one: '<strong>{count} logit differs, which must not be.</strong>',
    other: '<strong>{count} logits differ, which must not be.</strong>',
  },
  'repeat.caption.work':
    'That took {multiplications} and {without} multiplications, {times} times as many without it.',
  'repeat.caption.fixed-time':
    'The time shows less of that, since part of it is the same for one token as for many: to start the work, and to fetch the weights.',
  'repeat.caption.nothing-held': {
    one: 'The model read all {count} token in {time}. The cache held nothing of this text before, so it could save nothing yet.',
    other:
      'The model read all {count} tokens in {time}. The cache held nothing of this text before, so it could save nothing yet.',
  },
  'repeat.caption.forgotten': {
    one: 'The context of {context} positions ran full: the oldest token is forgotten, and what is left was read again from position 0. This happens once every half context.',
    other:
      'The context of {context} positions ran full: the {count} oldest tokens are forgotten, and what is left was read again from position 0. This happens once every half context.',
  },
  'repeat.caption.forgotten.special': {
    one: 'The context of {context} positions ran full: the oldest token is forgotten, and what is left was read again from position 0. This happens once every half context; the token that begins the text stays.',
    other:
      'The context of {context} positions ran full: the {count} oldest tokens are forgotten, and what is left was read again from position 0. This happens once every half context; the token that begins the text stays.',
  },
  'repeat.caption.branches':
    '{count} texts share what they have in common: a branch lists the same pages, and copies one only to write in it. Whether a page was kept or read again changes no bit.',
  'repeat.caption.template':
    'The chat template made {count} tokens of what you typed, special ones among them; that is what the model reads.',

  /* repetition: four texts from one prompt */
  'repetition.title': 'Four texts from one prompt, and what they repeat',
  'repetition.temperature': 'temperature',
  'repetition.seeds': 'three other seeds',
  'repetition.greedy': 'always the likeliest',
  'repetition.drawn': 'temperature {temperature}, seed {seed}',
  'repetition.tally': '{count} of {all} tokens repeated',
  'repetition.ended': '. The text ended by itself.',
  'repetition.said': '{name}: {tally}',
  'repetition.table': 'the four texts',
  'repetition.table.how': 'how',
  'repetition.table.tokens': 'tokens',
  'repetition.table.repeated': 'repeated',
  'repetition.table.text': 'the text',
  'repetition.table.before': 'without the changes',
  'repetition.before': '<i>without the changes ({count} of {all} repeated):</i> …{text}',
  'repetition.before.ended':
    '<i>without the changes:</i> the same {count} tokens, and there it ended',
  'repetition.before.name': 'the text without the changes, from where it was another',
  'repetition.before.same': 'the same without the changes',
  'repetition.caption.before': 'Without the changes, in the same order: {each}.',
  'repetition.caption.unmoved': 'Without the changes the four texts are the same.',
  'repetition.caption.of': '{repeated} of {all}',
  'repetition.caption.greedy': 'Always the likeliest: <strong>{of}</strong> tokens are repeated.',
  'repetition.caption.drawn': 'Drawn at temperature {temperature}: {each}.',
  'repetition.caption.greedy-most':
    'The text that always takes the likeliest repeats the largest share of itself.',
  'repetition.caption.drawn-most':
    'Here a text that was drawn repeats a larger share of itself than the likeliest one does.',
  'repetition.caption.none': 'None of the four repeats anything.',
  'repetition.caption.same':
    'Here a text that was drawn repeats as large a share of itself as the likeliest one.',
  'repetition.caption.marked':
    'What is marked belongs to {run} tokens in a row that the text, prompt included, had before. No other sampler is at work here.',

  /* sweep and diff: two texts side by side */
  'compare.second-text': 'second text',
  'compare.unchanged': 'Both are read without the changes that this page makes.',
  'compare.both': '{first} / {second}',
  'compare.none': {
    one: 'no word of this text can be replaced by another that is {count} token as well; write a second text of {count} token',
    other:
      'no word of this text can be replaced so that it has {count} tokens again; write a second text of {count} tokens',
  },
  'compare.too-long':
    '{count} tokens are more than the {most} that are compared place by place; write a shorter text',

  /* sweep: where the difference stands */
  'sweep.title': 'Where the difference stands',
  'sweep.title-of': 'Where the difference between the two texts stands',
  'sweep.over': 'put in',
  'sweep.over.resid_pre': 'the stream before a layer',
  'sweep.over.attn_out': 'what attention adds',
  'sweep.over.mlp_out': 'what the MLP adds',
  'sweep.over.z': 'a head, at all tokens',
  'sweep.command': 'this grid',
  'sweep.grid': 'how much each place brings back',
  'sweep.grid.role': 'grid',
  'sweep.grid.name': '{name}: arrow keys move, Enter picks',
  'sweep.legend': 'of the difference, brought back by one cell; choose one, or drag it down',
  'sweep.cell.stream': 'the stream before layer {layer} at {token}',
  'sweep.cell.attention': 'what attention of layer {layer} adds at {token}',
  'sweep.cell.mlp': 'what the MLP of layer {layer} adds at {token}',
  'sweep.cell.share': '{cell}: {share}',
  'sweep.result.difference': 'what follows, and the logit of {first} less that of {second}',
  'sweep.result.kl':
    'what follows, and how far the prediction is from the first text’s: 0 where it is the same, counted in nats',
  'sweep.result.first': 'first text',
  'sweep.result.second': 'second text',
  'sweep.result.patched': 'with the cell',
  'sweep.result.share': '<strong>{share}</strong> brought back',
  'sweep.said': 'With {cell} put in, the second text goes on with {next}.',
  'sweep.table': 'the share of the difference that each place brings back',
  'sweep.table.layer': 'layer',
  'sweep.caption.both': 'Both texts go on with {next}.',
  'sweep.caption.each': 'The first text goes on with {first}, the second with {second}.',
  'sweep.caption.back':
    'Put <b>{cell}</b> into the second text, and <strong>{share}</strong> of the difference between the two is back: it goes on with {next}.',
  'sweep.caption.back.still':
    'Put <b>{cell}</b> into the second text, and <strong>{share}</strong> of the difference between the two is back: it still goes on with {next}.',
  'sweep.caption.nearer':
    'Put <b>{cell}</b> into the second text, and <strong>{share}</strong> of the way between the two predictions is gone: it goes on with {next}.',
  'sweep.caption.nearer.still':
    'Put <b>{cell}</b> into the second text, and <strong>{share}</strong> of the way between the two predictions is gone: it still goes on with {next}.',
  'sweep.caption.further':
    'Put <b>{cell}</b> into the second text, and <strong>{share}</strong> of the difference between the two is added to it: it goes on with {next}.',
  'sweep.caption.further.still':
    'Put <b>{cell}</b> into the second text, and <strong>{share}</strong> of the difference between the two is added to it: it still goes on with {next}.',
  'sweep.caption.most': 'Most is brought back by {cell}: {share}.',
  'sweep.caption.stays': 'In the first layer and in the last, most of it stands at {token}.',
  'sweep.caption.moves':
    'In the first layer most of it stands at {first}, in the last at {last}: on the way it moves.',

  /* diff: how far two passes are apart */
  'diff.title': 'How far two passes are apart',
  'diff.with': 'compared with',
  'diff.with.text': 'another text',
  'diff.with.changes': 'the same with the changes',
  'diff.command': 'this comparison',
  'diff.side.text': 'the first text',
  'diff.side.other-text': 'the second',
  'diff.side.unchanged': 'without the changes',
  'diff.side.changed': 'with them',
  'diff.tokens': 'how far predictions are apart, token by token',
  'diff.tokens.heard': 'how far predictions are apart after each token: {values}',
  'diff.token': '{nats} nats; {first} and {second} follow',
  'diff.depths.none': 'different numbers of layers',
  'diff.depths.heard': 'how far the predictions are apart at each depth: {values}',
  'diff.depths.start': 'start',
  'diff.depths.axis': 'after layer',
  'diff.depths.title': 'nats apart, by depth',
  'diff.heads': 'how much of what each head returns is other',
  'diff.heads.none': 'different shapes',
  'diff.heads.title': 'heads that differ',
  'diff.head': 'head {head}: {share}',
  'diff.said': 'After the last token {first} and {last} are {nats} nats apart.',
  'diff.table.tokens': 'how far the predictions after each token are apart',
  'diff.table.depths': 'how far they are apart at each depth, after the last token',
  'diff.table.nats': 'nats',
  'diff.table.next': 'next, {side}',
  'diff.table.head': 'head',
  'diff.table.share': 'share',
  'diff.caption.both':
    'After {token}, both go on with {next}; their predictions are <strong>{nats}</strong> nats apart.',
  'diff.caption.each':
    'After {token}, {first} goes on with {next}, {second} with {other}; their predictions are <strong>{nats}</strong> nats apart.',
  'diff.caption.same': 'Nothing tells them apart.',
  'diff.caption.no-depths':
    'They have different numbers of layers, so their depths are not compared.',
  'diff.caption.parted-first':
    'Read at each depth, they part before the first layer: there the distance first reaches a tenth of that.',
  'diff.caption.parted':
    'Read at each depth, they part in layer {layer}: there the distance first reaches a tenth of that.',
  'diff.caption.head': 'Of all heads {head} differs most, by {share} of what it returns.',

  /* around: what surrounds the three lines */
  'around.intro':
    'Attention is not the whole transformer, and a transformer is not the whole of a language model. The rest, in two sentences each:',
  'around.see': 'See {where}.',
  'around.below': 'The lines of the reference are below.',
  'around.reference': 'these lines of the reference, in Rust: {file}',
  'around.tokenizers': 'Tokenizers',
  'around.tokenizers.said':
    'The vocabulary and its rules are counted from a text before the model is trained, and the model cannot leave them. A word that is cut into many pieces takes as many steps to be written.',
  'around.positions': 'Positions',
  'around.positions.said':
    'A dot product of two vectors says nothing of where the two tokens stand, so each token’s place has to be put into them. What happens without, one can try in “what if” beside the three lines.',
  'around.norms': 'Norms',
  'around.norms.said':
    'A norm brings each vector to a standard length before a layer reads it. So what a layer finds does not depend on how long the stream has become.',
  'around.residual': 'Residual connections',
  'around.residual.said':
    'Attention and MLP add to the stream, and replace nothing. So what the embedding wrote can still be read at the end.',
  'around.optimizers': 'Optimizers',
  'around.optimizers.said':
    'The gradient says for every weight which way and how fast the loss changes when that weight is raised a little, and an optimizer turns it into a small step of every weight. AdamW, which is the usual one, divides a mean of each weight’s gradients by their typical size, so that steep and flat slopes lead to steps of like size; the other that is built in, Muon, treats whole matrices at once.',
  'around.data': 'Data',
  'around.data.said':
    'A model can have learned no more of the world than its text says. The text of the default model is written by “lookback corpus”, and “lookback corpus --questions” asks what can be learned from it.',
  'around.sampling': 'Sampling',
  'around.sampling.said':
    'The model gives probabilities, and which token is written is decided outside of it. Another chain of samplers makes another text of the same model.',
  'around.safety': 'Safety',
  'around.safety.said':
    'A model that guesses the next token has not been told what had better not be said. Models for many people are trained further on answers that people preferred, and programs around them check what goes in and what comes out; none of this is done here, and the limits that there are protect the machine.',
  'around.caches': 'Caches',
  'around.caches.said':
    'The keys and values of a token do not change when others are appended, so they are kept. Each step then reads one token in the place of the whole text, and arrives at the same numbers, to the last binary digit, or bit.',
  'around.arithmetic': 'Arithmetic',
  'around.arithmetic.said':
    'A computer keeps only so many digits of a number, so a sum that is added up in another order is rounded in another way. Here the order is fixed: not a bit changes with how many threads compute at once, or how many texts are computed together.',
});
