import { browse, open, settled } from './browser.js';
const [,, port, hash, name, sizes = '1280x720', actions = ''] = process.argv;
const browser = await browse();
for (const size of sizes.split(',')) {
  const dark = size.endsWith('d');
  const [width, height] = size.replace('d','').split('x').map(Number);
  const chosen = Object.fromEntries(new URLSearchParams(hash));
  const { page, faults } = await open(browser.context, `http://127.0.0.1:${port}`, chosen, { width, dark, still: true });
  await page.setViewportSize({ width, height });
  await page.waitForTimeout(Number(process.env.WAIT ?? 1500));
  if (actions) { const f = new Function('page', `return (async () => {${actions}})()`); await f(page); await page.waitForTimeout(Number(process.env.WAIT ?? 1500)); }
  await page.screenshot({ path: `/tmp/shots/${name}-${size}.png`, fullPage: process.env.FULLPAGE === '1' });
  console.log(size, faults);
  const fig = await page.locator('figure[data-stage="opening"]').evaluate(f => f.getBoundingClientRect().bottom + ' ' + document.documentElement.scrollWidth + ' bar ' + document.querySelector('#bar').offsetHeight + ' caption ' + f.querySelector('figcaption').getBoundingClientRect().bottom);
  console.log('figure bottom', fig, page.url());
  await page.close();
}
await browser.close();
