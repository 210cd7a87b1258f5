/**
 * What a figure is to the page. Types only.
 */

/**
 * The model that is chosen, as the program describes it.
 * @typedef {object} Model
 * @property {string} name
 * @property {string} path
 * @property {string} family
 * @property {number} parameters
 * @property {number} layers
 * @property {number} heads
 * @property {number} key_heads
 * @property {number} head_dim
 * @property {number} scale         what products of queries and keys are multiplied with
 * @property {number} width
 * @property {number} hidden
 * @property {number} vocabulary
 * @property {number} context
 * @property {string} activation
 * @property {boolean} gated
 * @property {string} norm
 * @property {string} positions
 * @property {number | null} theta
 * @property {boolean} tied
 * @property {Block} block          how its blocks differ from others
 * @property {boolean} chat         whether it has a chat template
 * @property {number[]} snapshots   steps whose embedding tables were kept
 * @property {number | null} step   the step at which these weights were read, while it learns
 * @property {number | null} steps
 * @property {number} threads
 * @property {string} compute       what products are computed in
 * @property {string} precision     what most weights are stored as, such as q4_1
 * @property {number} bytes         what the weights take in memory
 * @property {number | null} file_bytes  what their files take on the disk
 */

/**
 * How a model's blocks differ from those of others.
 * @typedef {object} Block
 * @property {'sequential' | 'parallel' | 'parallel_shared_norm'} order  of attention and MLP
 * @property {'before' | 'after' | 'both' | 'stream'} norms   where they stand, beside attention and MLP
 * @property {'heads' | 'rows' | null} query_key_norm
 * @property {boolean[]} rotary                  whether each layer rotates queries and keys
 * @property {(number | null)[]} windows         how many tokens a token of each layer sees, itself included
 * @property {({experts: number, chosen: number, hidden: number} | null)[]} experts  each layer's, where it has some
 * @property {boolean} sinks                     whether heads have attention sinks
 * @property {number | null} score_cap
 * @property {number | null} logit_cap
 * @property {boolean} embedding_norm
 * @property {boolean} head_bias                 whether logits have a bias
 * @property {number} embedding_factor
 * @property {number} residual_factor
 * @property {number} logit_factor
 */

/**
 * What is chosen, with every default filled in and nothing out of range.
 * @typedef {object} Selection
 * @property {string} address    the fragment of the address that says so
 * @property {string} prompt
 * @property {string} model
 * @property {boolean} chat
 * @property {number} layer
 * @property {number} head
 * @property {number} token
 * @property {number[]} ids      the prompt's tokens
 * @property {string[]} pieces   and how they look
 * @property {Model} about       the model
 * @property {import('./changes.js').Change[]} changes  what is changed of its passes
 * @property {Record<string, string>} more  what figures keep in the address
 */

/**
 * @typedef {object} Drawn
 * @property {(selection: Selection, signal: AbortSignal) => Promise<void> | void} draw
 *   draws what is chosen; what stands there stays until the new numbers are there
 */

/**
 * @typedef {object} Page
 * @property {(patch: import('./state.js').Patch) => void} set
 * @property {() => Selection | null} get
 */

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {(root: HTMLElement, page: Page) => Drawn} mount
 */

export {};
