// Light and dark: the system's choice until the reader makes one.

import { byId } from './dom.js';

const dark = matchMedia('(prefers-color-scheme: dark)');

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : dark.matches;
}

function label() {
  byId('theme').textContent = isDark() ? 'Light' : 'Dark';
  byId('theme').setAttribute('aria-label', `Switch to the ${isDark() ? 'light' : 'dark'} theme`);
}

/** Switches to the other theme, and keeps it where storage is allowed. */
export function toggleTheme() {
  const next = isDark() ? 'light' : 'dark';
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem('r2r-theme', next);
  } catch {
    // The theme then holds until the page is left.
  }
  label();
}

/** Wires the button, and follows the system. */
export function wireTheme() {
  label();
  byId('theme').addEventListener('click', toggleTheme);
  dark.addEventListener('change', label);
}
