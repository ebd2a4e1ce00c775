// What the page gives away: JSON, a curl command, text to the clipboard.

import { base, key } from './api.js';
import { announce, el } from './dom.js';
import { notice } from './notices.js';

/** The shell command that repeats a request; the key stays out of it. */
export function curl(path, body) {
  const lines = [`curl -s ${quoted(new URL(path, base).href)} \\`, `  -H 'content-type: application/json' \\`];
  if (key.read()) lines.push(`  -H "authorization: Bearer $R2R_API_KEY" \\`);
  // A here-document needs no quoting: JSON on one line cannot hold a line that ends it.
  lines.push(`  --data-binary @- <<'JSON'`, JSON.stringify(body), 'JSON');
  return lines.join('\n');
}

function quoted(word) {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Puts a text into the clipboard; false where the browser does not let it. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Only https and localhost have that interface; the old way works elsewhere.
  }
  const field = el('textarea', { class: 'sr', readonly: true, 'aria-hidden': 'true' });
  field.value = text;
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  let done = false;
  try {
    done = document.execCommand('copy');
  } catch {
    done = false;
  }
  field.remove();
  focused?.focus?.();
  return done;
}

/** Puts a text into the clipboard and says so, or shows it where the browser does not let the page copy. */
export async function give(text, words) {
  if (await copy(text)) {
    toast(words);
    return;
  }
  const field = el('textarea', { class: 'texts', rows: 6, readonly: true, 'aria-label': 'Text to copy' });
  field.value = text;
  notice('note', 'This browser does not let the page copy; copy it from here.').append(field);
  field.select();
}

/** A short message that goes by itself. */
function toast(words) {
  document.querySelector('.toast')?.remove();
  const node = el('div', { class: 'toast', 'aria-hidden': 'true' }, words);
  (document.querySelector('dialog[open]') ?? document.body).append(node);
  setTimeout(() => node.remove(), 2600);
  announce(words);
}
