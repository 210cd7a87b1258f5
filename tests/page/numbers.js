/** The numbers that stand on the page with the place where they were read, and whether they are the engine's. */

/** @typedef {{stage: string, text: string, site: string, index: string, scale: string | null, isBefore: boolean}} Shown */

/**
 * Every number of a site that stands on the page.
 * @param {import('playwright-core').Page} page
 * @returns {Promise<Shown[]>}
 */
export function shown(page) {
  return page.locator('[data-site]').evaluateAll((nodes) =>
    nodes.map((node) => ({
      stage: node.closest('figure')?.getAttribute('data-stage') ?? '',
      text: node.textContent ?? '',
      site: node.getAttribute('data-site') ?? '',
      index: node.getAttribute('data-index') ?? '',
      scale: node.getAttribute('data-scale'),
      isBefore: node.hasAttribute('data-before'),
    })),
  );
}

/**
 * Why a shown number is not the engine's, or nothing.
 * @param {Shown} number
 * @param {ReturnType<typeof import('./browser.js').trace>} sites
 */
export function wrong({ text, site, index, scale, stage }, sites) {
  const at = `${stage}: ${text} at ${site}[${index}]`;
  const seen = sites.get(site);
  if (!seen) return `${at}: there is no such site`;
  const places = index.split(',').map(Number);
  if (places.length !== seen.shape.length) return `${at}: the site has ${seen.shape.length} axes`;
  let flat = 0;
  for (const [axis, place] of places.entries()) {
    const size = seen.shape[axis] ?? 0;
    if (!(place >= 0 && place < size)) return `${at}: the index is not there`;
    flat = flat * size + place;
  }
  const value = (seen.values[flat] ?? Number.NaN) * Number(scale ?? 1);
  if (text.includes('∞')) return Number.isFinite(value) ? `${at}: it is ${value}` : null;
  const digits = text.replace(/[^\d.eE+-]/g, '');
  const said = Number(digits);
  const places10 = digits.split(/[eE]/)[0]?.split('.')[1]?.length ?? 0;
  const exponent = Number(digits.split(/[eE]/)[1] ?? 0);
  // Half of the last digit that is shown, and what f32 itself cannot tell apart.
  const bound = 0.5000001 * 10 ** (exponent - places10) + 1e-6 * Math.abs(value);
  return Math.abs(said - value) <= bound ? null : `${at}: it is ${value}`;
}
