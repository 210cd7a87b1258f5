/**
 * Builds nodes. Text only ever becomes text: nothing here reads markup, so a prompt or a model file
 * that holds a script stays what it is, letters.
 */

/** @typedef {Node | string | number | null | undefined | false} Child */
/** @typedef {Record<string, any>} Props  `class`, `on…` handlers, attributes; `false` and `null` leave out. */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An HTML element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  dress(node, props ?? {});
  node.append(...nodes(children));
  return node;
}

/**
 * An SVG element.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Props | null} [props]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, props, ...children) {
  const node = document.createElementNS(SVG, tag);
  dress(node, props ?? {});
  node.append(...nodes(children));
  return node;
}

/**
 * Takes everything out of a node and puts other things in.
 * @param {Element} node
 * @param {...(Child | Child[])} children
 */
export function fill(node, ...children) {
  node.replaceChildren(...nodes(children));
}

/**
 * Takes everything out of a node.
 * @param {Element} node
 */
export function clear(node) {
  node.replaceChildren();
}

/**
 * @param {Element} node
 * @param {Props} props
 */
function dress(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on') && typeof value === 'function') {
      node.addEventListener(name.slice(2).toLowerCase(), value);
    } else if (name === 'style') {
      // Set property by property, since the page's own policy forbids style attributes.
      for (const [key, of] of Object.entries(value)) {
        /** @type {HTMLElement} */ (node).style.setProperty(key, String(of));
      }
    } else if (name === 'value' && 'value' in node) {
      node.value = value;
    } else {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

/**
 * @param {(Child | Child[])[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return children
    .flat()
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Says at its edges that a node which scrolls sideways has more there.
 * @param {HTMLElement} node
 */
export function sideways(node) {
  let isDue = false;
  const mark = () => {
    isDue = false;
    const { scrollLeft, clientWidth, scrollWidth } = node;
    node.classList.toggle('is-cut-left', scrollLeft > 2);
    node.classList.toggle('is-cut-right', scrollLeft + clientWidth < scrollWidth - 2);
  };
  const soon = () => {
    if (!isDue) requestAnimationFrame(mark);
    isDue = true;
  };
  node.addEventListener('scroll', soon, { passive: true });
  new ResizeObserver(soon).observe(node);
  new MutationObserver(soon).observe(node, { childList: true, subtree: true });
}
