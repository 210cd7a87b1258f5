/**
 * A page is printed as it stands, also where a figure was never near the screen. So each is drawn first:
 * at the keys that ask for printing, before the browser is asked to print; where printing is asked for
 * by other means, while the browser waits for pictures.
 *
 * A browser that is about to print first loads the pictures it has put off (`loading="lazy"`), and as
 * long as one is being loaded it waits. So pictures, which nobody sees, are loaded one after the other
 * until the figures are there. Chromium waits so for about two seconds, others not at all; a figure that
 * is not there by then says so on the paper.
 */

/** Pictures at once, so that there is always one. */
const AT_ONCE = 3;

/**
 * @param {object} options
 * @param {() => boolean} options.isWhole          whether every figure shows what is chosen
 * @param {() => Promise<unknown>} options.drawAll
 */
export function drawBeforePrinting({ isWhole, drawAll }) {
  document.addEventListener('keydown', async (event) => {
    const { key, ctrlKey, metaKey, shiftKey, altKey } = event;
    const isPrint = (ctrlKey || metaKey) && !shiftKey && !altKey && key.toLowerCase() === 'p';
    if (!isPrint || isWhole()) return;
    event.preventDefault();
    await drawAll();
    window.print();
  });
  window.addEventListener('beforeprint', () => {
    if (isWhole()) return;
    let isOver = false;
    const end = () => (isOver = true);
    drawAll().finally(end);
    window.addEventListener('afterprint', end, { once: true });
    let loaded = 0;
    const hold = () => {
      if (isOver) return;
      const picture = new Image();
      loaded += 1;
      picture.loading = 'lazy';
      picture.alt = '';
      picture.className = 'print-hold';
      picture.onload = picture.onerror = () => {
        hold();
        picture.remove();
      };
      picture.src = `/icon.svg?${loaded}`;
      if (loaded > AT_ONCE) picture.loading = 'eager';
      document.body.append(picture);
    };
    for (let at = 0; at < AT_ONCE; at += 1) hold();
  });
  // Whoever shows the page as it would be printed sees the figures too.
  matchMedia('print').addEventListener('change', ({ matches }) => matches && drawAll());
}
