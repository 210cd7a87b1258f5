/**
 * Day or night: what the reader chose last, or else what the system asks for. Runs before anything is
 * painted; `page.js` changes it.
 */

(() => {
  const KEY = 'lookback-theme';
  // Paper is white, whatever the screen is.
  const DARK = '(prefers-color-scheme: dark)';
  const night = /** @type {HTMLLinkElement} */ (document.querySelector('#night'));

  /** @returns {string | null} */
  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      // A reader who lets nothing be stored has the system's theme.
      return null;
    }
  };

  /** @param {string | null} theme */
  function wear(theme) {
    const media =
      theme === 'dark' ? 'screen' : theme === 'light' ? 'not all' : `screen and ${DARK}`;
    // The list of the sheet, not the link's attribute, which may have the sheet loaded once more.
    if (night.sheet) night.sheet.media.mediaText = media;
    else night.media = media;
  }

  wear(kept());
  window.addEventListener('storage', ({ key, newValue }) => {
    if (key !== KEY) return;
    wear(newValue);
    document.dispatchEvent(new Event('lookback-theme'));
  });
  document.addEventListener('lookback-theme-turn', () => {
    const isDark = matchMedia(night.sheet?.media.mediaText ?? night.media).matches;
    const asked = matchMedia(DARK).matches;
    // Whoever goes back to the system's theme goes with the system from then on.
    const theme = isDark === asked ? (isDark ? 'light' : 'dark') : null;
    try {
      if (theme === null) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      // Then it holds for this page only.
    }
    wear(theme);
    document.dispatchEvent(new Event('lookback-theme'));
  });
})();
