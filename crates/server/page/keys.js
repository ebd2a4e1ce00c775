// Single keys, which work outside of text fields and can be switched off.

import { byId, el } from './dom.js';

const STORED = 'r2r-keys';

/** The table of the help: keys as printed, what they do. */
const TABLE = [
  [['/'], 'Go to the query'],
  [['Enter'], 'In the query: rank'],
  [['j', '↓'], 'Next document'],
  [['k', '↑'], 'Previous document'],
  [['Enter'], 'On a row: go to its text; on a sentence: take it out or put it back'],
  [['c'], 'Pick this document to compare; on a second one: why the one above the other'],
  [['u'], 'Undo: put the last sentence back'],
  [['e'], 'Edit the documents'],
  [['l'], 'Copy a link to this ranking'],
  [['t'], 'Light or dark'],
  [['?'], 'This help'],
  [['Esc'], 'Close, stop, or drop the pick'],
];

function areOn() {
  try {
    return localStorage.getItem(STORED) !== 'off';
  } catch {
    return byId('keys-on').checked;
  }
}

/** Wires single keys to actions: `{key: action}`; Escape is passed as "Escape" and always works. */
export function wireKeys(actions) {
  byId('keys').replaceChildren(
    ...TABLE.map(([keys, words]) =>
      el(
        'tr',
        {},
        el(
          'th',
          { scope: 'row' },
          keys.map((key) => el('kbd', {}, key)),
        ),
        el('td', {}, words),
      ),
    ),
  );
  const box = byId('keys-on');
  box.checked = areOn();
  box.addEventListener('change', () => {
    try {
      localStorage.setItem(STORED, box.checked ? 'on' : 'off');
    } catch {
      // Storage can be forbidden; the box itself then remembers.
    }
  });
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const isOpen = document.querySelector('dialog[open]') !== null;
    if (isOpen) return;
    if (event.key !== 'Escape' && (isTyping(event.target) || !areOn())) return;
    const action = actions[event.key];
    if (!action) return;
    if (event.key !== 'Escape') event.preventDefault();
    action();
  });
}

function isTyping(target) {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || ['TEXTAREA', 'INPUT', 'SELECT'].includes(target.tagName))
  );
}
