/** What is said of a matrix and of one of its rows. */

import { mention } from '../../kit/chips.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { sentences } from '../../kit/sentences.js';

/** @typedef {import('../weights.js').Shown} Shown */
/** @typedef {import('../weights.js').Answer} Answer */

/** Names of matrices, by what the program calls them. */
const NAMES = /** @type {const} */ ({
  q: 'weights.name.q',
  k: 'weights.name.k',
  v: 'weights.name.v',
  o: 'weights.name.o',
  gate: 'weights.name.gate',
  up: 'weights.name.up',
  down: 'weights.name.down',
  router: 'weights.name.router',
});

/** The kind of a matrix, and its expert where it is one's. @param {string} name */
function parsed(name) {
  const [, expert, kind = name] = /^experts\.(\d+)\.(\w+)$/.exec(name) ?? [];
  return { kind: /** @type {keyof typeof NAMES} */ (kind), expert: expert ?? null };
}

/** What a matrix is called. @param {string} matrix */
export function matrixName(matrix) {
  const { kind, expert } = parsed(matrix);
  const name = kind in NAMES ? messageText(NAMES[kind]) : matrix;
  return expert === null ? name : messageText('weights.name.expert', { expert, name });
}

/** Where a number that the row reads stands in its site. @param {Shown} shown @param {number} column */
export function inputIndex({ of, answer: { input, matrix, columns } }, column) {
  const place = input.from + column;
  const axes = input.site.endsWith('.z')
    ? [Math.floor(place / of.about.head_dim), place % of.about.head_dim]
    : input.site.endsWith('.mlp.post') && parsed(matrix).expert !== null
      ? [Math.floor(place / columns), place % columns]
      : [place];
  return [of.token, ...axes].join(',');
}

/** Whether what the row makes is what the engine has there. @param {Answer} answer */
export function standsAtItsSite({ result, output }) {
  return output !== null && output.value === result;
}

/** What the number is that a row makes. @param {Shown} shown */
function made({ of, answer: { matrix, row, output } }) {
  const { kind, expert } = parsed(matrix);
  const [, head = '0', place = '0'] = output?.index.split(',') ?? [];
  const unit =
    expert === null
      ? String(row)
      : messageText('mlp.unit.of-expert', { unit: String(row), expert });
  switch (kind) {
    case 'q':
      return messageText('weights.makes.q', { place, head });
    case 'k':
      return messageText('weights.makes.k', { place, head });
    case 'v':
      return messageText('weights.makes.v', { place, head });
    case 'o':
      return messageText('weights.makes.o', { place: row });
    case 'gate':
      return messageText('weights.makes.bent', { unit });
    case 'up':
      return of.about.gated
        ? messageText('weights.makes.factor', { unit })
        : messageText('weights.makes.bent', { unit });
    case 'down':
      return expert === null
        ? messageText('weights.makes.down', { place: row })
        : messageText('weights.makes.down.expert', { place: row, expert });
    default:
      return messageText('weights.makes.router', { expert: String(row) });
  }
}

/** The caption: what the row makes, of what, and which column moves it most. @param {Shown} shown */
export function caption(shown) {
  const { of, answer } = shown;
  const { matrix, row, columns, input, weights, products, bias, result, output } = answer;
  const isSite = output !== null && standsAtItsSite(answer);
  const sum = {
    row,
    matrix: matrixName(matrix),
    makes: made(shown),
    token: mention(of.token, of.pieces[of.token] ?? ''),
    count: columns,
    result: number(result, isSite ? { site: output.site, index: output.index } : {}),
  };
  const most = products.reduce(
    (most, product, at) => (Math.abs(product) > Math.abs(products[most] ?? 0) ? at : most),
    0,
  );
  return sentences(
    bias === null
      ? message('weights.caption', sum)
      : message('weights.caption.bias', { ...sum, bias: number(bias) }),
    output === null
      ? message('weights.caption.inside')
      : isSite
        ? null
        : message(answer.compute === 'bf16' ? 'weights.caption.bf16' : 'weights.caption.changed', {
            value: number(output.value, { site: output.site, index: output.index }),
          }),
    message('weights.caption.most', {
      column: most,
      input: number(input.values[most] ?? 0, {
        site: input.site,
        index: inputIndex(shown, most),
      }),
      weight: number(weights[most] ?? 0),
      product: number(products[most] ?? 0),
    }),
  );
}
