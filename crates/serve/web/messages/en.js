/**
 * What the page says, in English, by message id: the figure or part of the page, then what is said there.
 * `kit/messages.js` says how places, marks and plural forms are written. Another language is a file like
 * this one; `tests/page/messages.test.js` says what it lacks.
 */

export default /** @type {const} */ ({
  /* common: what several figures say */
  'common.head': 'head {head}',
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
    'A language model is a long list of numbers and a short recipe. On this page you can watch the recipe at work: every number you see was computed a moment ago, by a real model. Type another prompt in the bar above, and the whole page follows. Change something, as you can above, and the whole page shows the changed model, with what was there before behind it.',
  'text.opening.recipe':
    'The recipe in one sentence: a text is cut into <em>tokens</em>, each token becomes a list of numbers, a stack of <em>layers</em> rewrites these lists one after the other, and from the last list the model reads how likely every token is to come next. In each layer, several <em>heads</em> let every token look at the tokens before it. The sections below take these steps one by one.',
  'text.training.heading': 'Nobody wrote the numbers',
  'text.training.numbers':
    'The numbers of the model were not written by anybody. They began at random, and were learned by doing the same three things over and over: <em>guess</em> the next token of a text, <em>compare</em> the guess with the token that is really there, and <em>nudge</em> every number a little, so that the right token would have been a little likelier.',
  'text.tokens.heading': 'Text becomes tokens',
  'text.tokens.pieces':
    'A model does not read words. The first step cuts the text into pieces from a fixed list, the <em>vocabulary</em>, and replaces each piece by its number in that list. The pieces of a text are its tokens. A number is a label and nothing more: two words with neighbouring numbers need not have anything in common.',
  'text.tokens.merges':
    'Most vocabularies are made by counting pairs in a large text. Begin with single characters or bytes. Find the two neighbouring pieces that occur together most often, and join them into a new piece. Do this again and again, some thousands of times. Each join is a rule, and the rule’s rank says how early it was found. A new text is cut by applying the rules in that order until none fits. Choose a piece and step through its merges.',
  'text.embed.heading': 'Tokens become vectors',
  'text.embed.rows':
    'The model has a table with one row of numbers for every piece of its vocabulary. A token’s number is used for one thing only: to look up its row. Such a row is called a <em>vector</em>, and the table an <em>embedding</em>. From here on a token is a point in a space of many dimensions, and training has moved the points so that words that are used alike lie near each other.',
  'text.embed.directions':
    'A single number of a row means nothing that one could name. Meanings are spread over many numbers at once; what counts is the direction in which the whole row points.',
  'text.position.heading': 'Where a token stands',
  'text.position.ways':
    'Rows say nothing about order: <em>the bird is red</em> and <em>red is bird the</em> look up the same four rows. So the model has to be told where each token stands. There are two common ways. Older models add a second row to the token’s own, one for each place in the text. Newer models rotate the vectors with which tokens will be compared: two numbers at a time are turned by an angle that grows with the place, like the hands of many clocks. The first hand runs fast and the last one hardly moves, and together they tell any two places apart. A few models do neither, and let every comparison count less the further apart two tokens stand.',
  'text.analogy.heading': 'Directions carry meaning',
  'text.analogy.step':
    'If the step from <em>man</em> to <em>woman</em> is the same as the step from <em>king</em> to <em>queen</em>, then king − man + woman must land near queen. Whether it does can be computed from the table.',
  'text.analogy.direction':
    'No single number of a row says <em>royal</em> or <em>female</em>. Where the table has such a meaning at all, it is a direction, and a direction involves all the numbers at once.',
  'text.map.heading': 'Neighbourhoods form',
  'text.map.training':
    'Before training every row is random. Nobody tells the model which words belong together; they move together because that makes the next word easier to guess. The rings mark the words of your prompt. A thin line behind a word leads back to where it was before training.',
  'text.exchange.heading': 'Attention adds context',
  'text.exchange.context':
    'A row of the table is the same wherever its word stands. What makes <em>bird</em> a red bird has to come from the other tokens. In every <em>layer</em>, each token adds to its vector something taken from the tokens before it. It takes nothing from tokens that come later: while a text is being written, they do not exist yet.',
  'text.exchange.parts':
    'What a token takes is a sum with one part for each token that it takes from, so the parts can be shown one by one. In <em>the bird is red</em> the bird never learns that it is red; in <em>the red bird</em> it does. Both sentences are shown below, in one layer. Choose another token or layer, or write another sentence beside your own.',
  'text.exchange.added':
    'Nothing is replaced. What is taken is <em>added</em> to the vector, in one layer after the other, and later layers read the sum. The numbers are the lengths of the parts, counted over all heads of the layer. A share says how much of a part points in the direction of the whole: the shares of a layer add up to one, and a part that points the other way has a share below zero.',
  'text.attend.heading': 'The three lines',
  'text.attend.steps':
    'How much does a token take from another? From each token’s vector three shorter ones are made: a <em>query</em>, which says what the token looks for, a <em>key</em>, which says what others may find it by, and a <em>value</em>, which is what they then take. Attention is three steps. Compare every query with every key: multiply them number by number and add up, which is called a <em>dot product</em>, and divide by the square root of their length d. Turn each row of results into shares that add up to one, leaving out the tokens that come later; this is a <em>softmax</em> behind a mask. Mix the values by these shares.',
  'text.attend.heads':
    'A layer does this several times side by side. Each time is called a <em>head</em>, and has queries, keys and values of its own, made by numbers that it learned for itself. So one head can look for the subject of a sentence while another finds the word that a repeated word was followed by before. What the heads return is put side by side, turned back into a vector of full width, and added. This is <em>multi-head attention</em>. In some models several heads share their keys and values, which saves memory.',
  'text.attend.norm':
    'Before a layer reads a vector it brings it to a standard length, so that what it finds depends on where the vector points and not on how long it has become. This is called a <em>norm</em>. Some models do the same to what a layer adds, and a few only to that.',
  'text.context.heading': 'A weighted sum',
  'text.context.mixture':
    'What a head returns for a token is a mixture: each value vector times its weight, all added up. Nothing else happens in it. Each row of the weights makes one such sum, so each token gets a vector of its own.',
  'text.context.importance':
    'It is tempting to read a weight as importance. But a weight multiplies a vector, and vectors differ in length. Some heads put most of their weight on a token whose value is almost zero, and so take almost nothing. Look at weight times length before you trust a weight.',
  'text.mlp.heading': 'What the MLP does',
  'text.mlp.curve':
    'Attention moves information between tokens. The other half of each layer, a <em>multilayer perceptron</em> or MLP, works on every token alone. In most models it reads the stream after attention has added to it; in some both read the same vector, side by side. It computes many numbers from the token’s vector, its <em>hidden units</em>; passes each through a curve; and makes a vector of normal width from the results. The curve is needed: without it the two steps would come to no more than one. In newer models each unit is also multiplied by a second number that is computed from the same vector. Such a number is called a <em>gate</em>, since near zero it shuts the unit off.',
  'text.mlp.units':
    'Each unit answers to some direction of the vector that enters, and adds a fixed vector of its own to the result, times its value. At the end of the model every word gets a score, its <em>logit</em>: the higher it is, the likelier the word. What a unit adds can be followed to the end, where it raises the logits of some words and lowers those of others. So one can read what a unit works for.',
  'text.mlp.texts':
    'One text shows what a unit does here. What it is for shows in many: read some, and keep for each unit the word at which it went furthest from zero. Often these words have something in common, and often the words it raises go on with them.',
  'text.facts.heading': 'Where is a fact?',
  'text.facts.prompt':
    'What does not stand in the prompt, no head can find there: it must be in the model’s numbers. In the MLPs, says the article. Switch one off, ask again, and see what is left of the answer.',
  'text.unembed.heading': 'From a vector to a score for every word',
  'text.unembed.rows':
    'The last MLP makes a short list of numbers longer, and short again. Then the vector is compared, by a dot product, with every row of one more table, which has a row for each piece of the vocabulary. So a few numbers become thousands: a logit for each piece.',
  'text.stream.heading': 'Everything is added, nothing is erased',
  'text.stream.sum':
    'One vector for each token runs from the embedding to the end: the <em>residual stream</em>. The attention and the MLP of every layer read it and add to it, and nothing else ever happens to it. So it is a sum. And since a logit is computed from it, a logit is a sum too: for each part of the model one can read how much it added to the logit of a word.',
  'text.depths.heading': 'Making up its mind',
  'text.depths.stop':
    'The stream has the same width in every layer. So one can stop after any layer, apply the end of the model there, and read which word it would predict if that were all. The last row is what the model does predict. The rows before it are only an impression: the model was trained to be right at the end, and not before.',
  'text.next.heading': 'Logits become probabilities',
  'text.next.softmax':
    'At the end the token’s vector is compared with every row of a table by a dot product, as queries are with keys. The results are the logits, one for each piece of the vocabulary. A softmax turns them into probabilities: all are above zero, and together they add up to one. So every token has a probability, even an absurd one.',
  'text.why.heading': 'Why this token?',
  'text.why.parts':
    'The logit of a word is computed from the stream, and the stream is a sum. So the logit is a sum too, and each of its parts can be opened in turn: what a head added it took from the words it looked at, and what stood in their streams was written by the heads and MLPs of earlier layers. Follow the parts far enough and you arrive at the words of the prompt. Nothing is left out on the way: the parts of a part add up to it.',
  'text.why.tested':
    'A sum says what was added, and not what would happen if a part were missing: other heads might look elsewhere then. So it has to be tested. The heads and MLPs through which most of the logit goes are switched off, and the change that the sum predicts stands beside the change that happens.',
  'text.sample.heading': 'Choosing the next token',
  'text.sample.samplers':
    'The model gives every token a probability. Which one is written is decided outside of it. Always taking the likeliest is safe, but such a text soon repeats itself. So the token is drawn at random, as by a die whose sides have these probabilities, and a short chain of <em>samplers</em> changes them first. A <em>temperature</em> below 1 makes likely tokens likelier still. <em>Top-k</em>, <em>top-p</em> and <em>min-p</em> remove the long tail of improbable tokens: each of them would be drawn rarely, but there are so many that one of them would be drawn often.',
  'text.sample.seed':
    'The draw can be repeated: the random numbers are computed from a <em>seed</em>, so the same seed draws the same token, on this machine and on any other.',
  'text.repeat.heading': 'Append and repeat',
  'text.repeat.append':
    'The chosen token is appended to the text, and everything begins again: read, choose, append. There is nothing more to writing. The model never takes back a token that was written, however badly it fits; only you can do that here. Go back to any place, pick another token, and see how the text goes on from there.',
  'text.repeat.cache':
    'No token sees those after it, so what was computed for the earlier tokens does not change when a new one arrives. Their keys and values are kept in a <em>cache</em>, and each step reads a single token. Without the cache each step would read the whole text again and arrive at the very same numbers. The longer the text, the more work that saves.',
  'text.repetition.heading': 'A text that repeats itself',
  'text.repetition.greedy':
    'To take the likeliest token always is <em>greedy decoding</em>. It can fall into a loop: what was written once is likelier to be written again.',
  'text.compare.heading': 'Side by side',
  'text.compare.patching':
    'To find out where in a model something happens, compare two passes that differ in one thing. Below stand two texts that differ in a word, and so in how they go on. At every layer, each token of the second text has a stream of its own. Take one of them out, put in its place what the first text had there, and let the model go on from there: if the first text’s answer comes back, then what makes the difference stood in that place at that depth. This is called <em>activation patching</em>.',
  'text.compare.nats':
    'Without putting anything anywhere one can ask how far two passes are apart, and where they part. How far two predictions are apart is measured in <em>nats</em>: none where both give every token the same probability, and more the more the second is surprised by what the first expects. Besides two texts these can be two models that read the same tokens, or one model at two steps of its training: <code>lookback serve runs/mine/snapshots/00000660 runs/mine</code> serves both, of a run with <code>--set whole_snapshots=true</code>.',
  'text.around.heading': 'What surrounds the three lines',
  'text.footer':
    'Everything on this page was computed by <code>lookback</code> on this machine; nothing was sent anywhere. Each number of the model carries the name of the place where it was read, and <code>lookback look -o trace.safetensors</code> writes the same numbers to a file.',

  /* bar: what is looked at */
  'bar.name': 'what is looked at',
  'bar.prompt': 'prompt',
  'bar.model': 'model',
  'bar.layer': 'layer',
  'bar.head': 'head',
  'bar.chat': 'as chat',
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
  'command.name': 'the command',
  'command.copy': 'copy',
  'command.copy-name': 'copy the command of {name}',
  'command.copy-it': 'copy the command',
  'command.copied': 'copied',
  'command.selected': 'selected',
  'command.no-copy': 'the browser does not let this page copy; the command is selected',

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
    'rows {firstRow} to {lastRow} of {rows}, columns {firstColumn} to {lastColumn} of {columns}; drag to see the rest',
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
