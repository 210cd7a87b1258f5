/**
 * What the page says, in English, by message id: the figure or part of the page, then what is said there.
 * `kit/messages.js` says how places, marks and plural forms are written. Another language is a file like
 * this one; `tests/page/messages.test.js` says what it lacks.
 */

export default /** @type {const} */ ({
  /* common to several figures */
  'common.head': 'head {head}',
  'common.layer': 'layer {layer}',
  'common.token': 'token',
  'common.id': 'id',
  'common.logit': 'logit',
  'common.probability': 'probability',
  'common.list.and': '{before} and {item}',
  'common.list.comma': '{before}, {item}',
  'common.list.semicolon': '{before}; {item}',

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
    'What goes through an MLP is opened by the MLP’s slope, and marked ~: it adds up as well, but says less about what a change would do.',

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
    'Of the seeds {first} to {last}, each throwing once, {times} draw {next}, where {expected} ± {spread} were to be expected (the marks in the last column).',
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
  'repeat.afresh': 'also measure without the cache',
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
  'sweep.result.kl': 'what follows, and how far the prediction is from the first text’s, in nats',
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
    'An optimizer turns the gradient of the loss, a slope for every weight, into a small step of every weight. AdamW, which is the usual one, divides a mean of each weight’s gradients by the root of a mean of their squares; the other that is built in, Muon, treats whole matrices at once.',
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
    'The keys and values of a token do not change when others are appended, so they are kept. Each step then reads one token in the place of the whole text, and arrives at the same numbers, bit for bit.',
  'around.arithmetic': 'Arithmetic',
  'around.arithmetic.said':
    'A sum of many numbers can be added in many orders, and each rounds differently. Here the order is fixed, so that neither threads nor batches change a bit.',
});
