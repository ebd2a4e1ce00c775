// Searching the server's index, where it has one.

import { copied, settled, shownIds } from './browser.mjs';

export async function search(session) {
  const info = await session.ask('info');
  const page = await session.page();
  session.check(
    'searching is offered exactly where there is an index',
    (await page.isVisible('#source')) === (info.search === true),
  );
  if (info.search !== true) {
    console.log('      no index: start the server with --index to check more');
    await session.done(page, 'search');
    return;
  }
  const query = process.env.R2R_PAGE_QUERY ?? 'vitamin D deficiency and the risk of disease';
  await page.click('#source >> text=Search the index');
  await page.fill('#query', query);
  await page.selectOption('#depth', '50');
  await page.selectOption('#reasons', '3');
  await page.click('#run');
  await settled(page);
  const reply = await session.ask('v1/search', { query, depth: 50, top_n: 50 });
  session.check(
    'results stand in the server’s order',
    JSON.stringify(await shownIds(page)) === JSON.stringify(reply.results.slice(0, 25).map((result) => result.id)),
    await shownIds(page),
  );
  const moved = await page.$$eval('#list .move', (nodes) => nodes.map((node) => node.firstChild.textContent));
  session.check(
    'movement is against the search by words',
    reply.results
      .slice(0, 25)
      .every((result, i) => moved[i].includes(String(Math.abs(result.retrieved_rank - i - 1) || '='))),
    moved,
  );
  session.check('three have reasons', (await page.locator('#list mark').count()) === 3);
  await page.click('#detail .piece.evidence');
  await page.waitForSelector('#detail .receipt .edited');
  session.check('found documents have live receipts as well', true);
  await session.shot(page, '20-search');
  const link = await copied(page, '#actions >> text=Link');
  const other = await session.page({}, link.slice(session.url.length));
  await settled(other);
  session.check(
    'a link repeats the search',
    JSON.stringify(await shownIds(other)) === JSON.stringify(await shownIds(page)),
  );
  await session.done(other, 'link of a search');
  await session.done(page, 'search');
}
