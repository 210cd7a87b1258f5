/** Arguments as a shell reads them. */

/**
 * An argument: bare where it can be, or else in quotes.
 * @param {string | number} argument
 */
export function quoted(argument) {
  const text = String(argument);
  if (/^[\w./:=,@%+-]+$/.test(text)) return text;
  // In double quotes, as people write it, unless the shell would read something into them.
  return /["\\$`!\n]/.test(text) ? `'${text.replaceAll("'", "'\\''")}'` : `"${text}"`;
}
