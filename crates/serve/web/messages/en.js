/**
 * What the page says, in English, by message id: the figure or part of the page, then what is said there.
 * `kit/messages.js` says how places, marks and plural forms are written. Another language is a file like
 * this one; `tests/page/messages.test.js` says what it lacks.
 */

export default /** @type {const} */ ({
  /* common: what is said alike everywhere */
  'common.list': '{few} and {last}',

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
    '<b>head {head}</b>: {first}; {second}. Measured over {texts} texts of {tokens} tokens.',
  'heads.told.kind':
    '<b>head {head}</b>, {kind}: {first}; {second}. Measured over {texts} texts of {tokens} tokens.',
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
    '<strong>Unit {unit}</strong> pushes {word} by {leaves} × {effect} = <strong>{push}</strong>; all words on average by {average}, which changes no probability. What it writes is {length} long.',
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
    'A push is the direct effect on a logit, with the last norm held at the scale that it has for this token; what later layers make of it is left out.',
  'mlp.caption.push.capped':
    'A push is the direct effect on a logit before its cap, with the last norm held at the scale that it has for this token; what later layers make of it is left out.',
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
  'stream.length': 'length of what it writes',
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
});
