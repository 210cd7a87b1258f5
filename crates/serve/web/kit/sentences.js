/**
 * Sentences one behind the other. The space between two stands in the text that ends the first, where a
 * narrow screen may fold a caption.
 *
 * @param {...((Node | string)[] | null)} parts  messages; what does not apply is null
 * @returns {(Node | string)[]}
 */
export function sentences(...parts) {
  const said = parts.filter((part) => part !== null);
  return said.flatMap((part, at) => {
    const last = part.at(-1) ?? '';
    if (at === said.length - 1) return part;
    return typeof last === 'string' ? [...part.slice(0, -1), `${last} `] : [...part, ' '];
  });
}
