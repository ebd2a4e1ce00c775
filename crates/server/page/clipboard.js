// What the page gives away: JSON, a curl command, text to the clipboard.

import { base, key } from './api.js';
import { el } from './dom.js';

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
export async function copy(text) {
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
