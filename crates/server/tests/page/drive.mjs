// Drives the page of a running server in Chromium: node drive.mjs URL OUTDIR
//
// Everything the page shows is held against what the server says when it is asked without the page. Screenshots go to
// OUTDIR. R2R_API_KEY is the key of a server that wants one; CHROMIUM the browser, if it is not /usr/bin/chromium.

import { Session } from './browser.mjs';
import { input } from './input.mjs';
import { laws } from './laws.mjs';
import { looks } from './looks.mjs';
import { pictures } from './pictures.mjs';
import { ranking } from './ranking.mjs';
import { search } from './search.mjs';
import { trouble } from './trouble.mjs';

const [url, folder, only] = process.argv.slice(2);
if (!url || !folder) {
  console.error('usage: node drive.mjs URL OUTDIR [PART]');
  process.exit(1);
}
const session = new Session(url, folder, process.env.R2R_API_KEY ?? '');
await session.open();
const parts = { laws, ranking, input, search, trouble, looks, pictures };
try {
  for (const [name, part] of Object.entries(parts)) {
    if (only && only !== name) continue;
    console.log(name);
    await part(session);
  }
} finally {
  await session.close();
}
process.exit(session.report());
