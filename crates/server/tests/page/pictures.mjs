// The two pictures of the documentation: node drive.mjs URL OUTDIR pictures

import { settled } from './browser.mjs';

const clip = { x: 0, y: 0, width: 1200, height: 1290 };

export async function pictures(session) {
  // High enough for the whole document, so that nothing is scrolled.
  const viewport = { width: 1200, height: 1500 };
  const light = await session.page({ viewport, colorScheme: 'light' });
  await light.click('.example >> nth=0');
  await settled(light);
  await light.mouse.move(0, 0);
  await session.shot(light, 'page-light', { clip });
  await session.done(light, 'light');

  // The example with a mistake: without the two sentences that misled it, the document falls below the right one.
  const dark = await session.page({ viewport, colorScheme: 'dark' });
  await dark.click('.example >> nth=2');
  await settled(dark);
  await dark.click('#detail .piece.evidence');
  await dark.waitForSelector('#detail .receipt .edited');
  await dark.click('#detail .piece:not(.text-title) >> nth=0');
  await dark.waitForFunction(() => document.querySelector('#detail .edit-state')?.textContent.startsWith('Without these 2'));
  session.check(
    'the third example shows a mistake and its cause',
    (await dark.textContent('#detail .edit-state')).includes('would stand at 2'),
    await dark.textContent('#detail .edit-state'),
  );
  await dark.mouse.move(0, 0);
  await session.shot(dark, 'page-dark', { clip });
  await session.done(dark, 'dark');
}
