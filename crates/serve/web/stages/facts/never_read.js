/**
 * A run that never read the fact: the same question to another served model of the same shape, such as a run
 * that was trained again without some lines; or, where there is none, how to make one.
 */

import { ask } from '../../kit/client.js';
import { command } from '../../kit/command.js';
import { fill, h } from '../../kit/dom.js';
import { message, messageText } from '../../kit/messages.js';
import { number } from '../../kit/number.js';
import { said } from './words.js';

/** @typedef {import('../../kit/stage.js').Selection} Selection */
/** @typedef {import('../../kit/stage.js').Model} Model */
/** @typedef {import('../facts.js').Answers} Answers */
/** What another model answers. @typedef {{model: string, left: number, first: number, share: number, pieces: Record<string, string>}} Other */

/** A question of Tinytown, and what finds every line that answers it (`docs/recipes.md`). */
const TOM = {
  prompt: 'when was tom born? in',
  lines:
    /\btom (was born|has a birthday|came into the world)|birthday of tom\b|was tom born|tom have a birthday|\btom\b.*\bhe (was born|has a birthday|came into the world)/,
};

/** What tells a model's shape. @param {Model} of */
function shape({ family, parameters, layers, heads, width, vocabulary }) {
  return JSON.stringify([family, parameters, layers, heads, width, vocabulary]);
}

/**
 * The same question to another served model of the same shape; null where there is none.
 * @param {Selection} of
 * @param {number} id  the answer
 * @param {AbortSignal} signal
 * @returns {Promise<Other | null>}
 */
export async function otherRun({ about, prompt, chat, token, ids }, id, signal) {
  /** @type {{models: Model[]}} */
  const { models } = await ask('models', null, { signal });
  const other = models.find(({ name, ...rest }) => {
    return name !== about.name && shape({ name, ...rest }) === shape(about);
  });
  if (!other) return null;
  const body = { model: other.name, prompt, chat };
  const cut = await ask('tokens', body, { signal });
  if (String(cut.ids) !== String(ids)) return null;
  const { of, top, pieces } = await ask('next', { ...body, token, most: 1, of: id }, { signal });
  const [{ id: first, probability: share }] = top;
  return { model: other.name, left: of.probability, first, share, pieces };
}

export function neverRead() {
  const told = h('p', { class: 'facts-never' });
  const train = command(messageText('facts.never.train'));
  const serve = command(messageText('facts.never.serve'));
  const node = h(
    'details',
    null,
    h('summary', null, message('facts.never')),
    told,
    train.node,
    serve.node,
  );
  return {
    node,
    /** @param {Selection} of @param {Answers} answers */
    draw(of, { id, other, pieces }) {
      const isTom = of.about.name === 'default' && of.prompt === TOM.prompt;
      const isRun = of.about.name === 'default' || of.about.snapshots.length > 0;
      node.hidden = other === null && !isRun;
      node.open ||= other !== null;
      train.show(
        isTom && !other
          ? [
              'train',
              '--replay',
              'default',
              '--out',
              'runs/without',
              '--without',
              String(TOM.lines),
            ]
          : null,
      );
      serve.show(isTom && !other ? ['serve', 'default', 'runs/without'] : null);
      if (!other) return fill(told, message(isTom ? 'facts.never.command' : 'facts.never.recipes'));
      const names = { pieces: { ...pieces, ...other.pieces } };
      const both = {
        model: other.model,
        word: said(names, id),
        share: number(other.left, { percent: true }),
      };
      fill(
        told,
        other.first === id
          ? message('facts.never.same', both)
          : message('facts.never.other', {
              ...both,
              first: said(names, other.first),
              firstShare: number(other.share, { percent: true }),
            }),
      );
    },
  };
}
