// What goes wrong: no server, a full one, one that wants a key, a damaged link.

import { rank, settled } from './browser.mjs';

export async function trouble(session) {
  await gone(session);
  await full(session);
  await locked(session);

  const page = await session.page({}, '#s=zAAAA');
  await page.waitForSelector('.notice.error');
  session.check('a damaged link is called one', (await page.textContent('.notice')).includes('damaged'));
  await session.done(page, 'damaged link');
}

async function gone(session) {
  const page = await session.page();
  page.expected.push(/ERR_INTERNET_DISCONNECTED/);
  await rank(page, 'heat pump', 'A heat pump moves heat.\nA banana.', '0');
  await settled(page);
  await page.context().setOffline(true);
  await page.click('#run');
  await page.waitForSelector('.notice.error');
  session.check(
    'a server that is gone is called so',
    (await page.textContent('.notice')).includes('No answer from the server'),
  );
  await session.shot(page, '30-gone');
  await page.context().setOffline(false);
  await page.click('.notice >> text=Try again');
  await page.waitForFunction(() => !document.querySelector('.notice'));
  await settled(page);
  session.check('and asked again on a click', (await page.locator('#list li').count()) === 2);
  await session.done(page, 'gone');
}

/** Fills the server with real work until it refuses the page. */
async function full(session) {
  const flood = Number(process.env.R2R_PAGE_FLOOD ?? 0);
  if (flood === 0) {
    console.log(
      '      set R2R_PAGE_FLOOD to a number of requests that overload the server to check how a refusal shows',
    );
    return;
  }
  const page = await session.page();
  page.expected.push(/status of (429|503)/);
  const controller = new AbortController();
  const documents = Array.from(
    { length: 40 },
    (_, i) => `Passage ${i} ${'about heat and pumps and winter '.repeat(40)}`,
  );
  const headers = {
    'content-type': 'application/json',
    ...(session.key ? { authorization: `Bearer ${session.key}` } : {}),
  };
  const floods = Array.from({ length: flood }, (_, i) =>
    fetch(new URL('v1/rerank', session.url), {
      method: 'POST',
      headers,
      body: JSON.stringify({ query: `flood ${i}`, documents }),
      signal: controller.signal,
    }).catch(() => null),
  );
  await new Promise((done) => setTimeout(done, 300));
  await rank(page, 'heat pump', documents.join('\n'), '0');
  await page.waitForSelector('.notice.error', { timeout: 60000 });
  const said = await page.textContent('.notice');
  session.check(
    'a full server is called so, with a countdown',
    /busy \((429|503)\)/.test(said) && /again in \d+ s/.test(said),
    said,
  );
  await session.shot(page, '31-busy');
  controller.abort();
  await Promise.all(floods);
  await settled(page);
  session.check('the page asks again by itself', (await page.locator('#list li').count()) === 25);
  await session.done(page, 'full');
}

async function locked(session) {
  if (!session.key) {
    console.log('      set R2R_API_KEY, against a server with --api-key, to check how a key is asked for');
    return;
  }
  const page = await session.page({ withKey: false });
  page.expected.push(/status of 401/);
  await rank(page, 'heat pump', 'A heat pump moves heat.\nA banana.', '0');
  await page.waitForSelector('#key[open]');
  await page.fill('#key-input', 'wrong');
  await page.click('#key .primary');
  await page.waitForFunction(
    () => document.getElementById('key').open && /not accepted/.test(document.getElementById('key-why').textContent),
  );
  session.check('a wrong key is called so', true);
  await session.shot(page, '32-key');
  await page.fill('#key-input', session.key);
  await page.click('#key .primary');
  await settled(page);
  session.check('with the key the ranking goes on', (await page.locator('#list li').count()) === 2);
  const kept = await page.evaluate(() => [
    sessionStorage.getItem('r2r-key'),
    JSON.stringify(localStorage),
    location.href,
  ]);
  session.check(
    'the key is kept in the tab only',
    kept[0] === session.key && !kept[1].includes(session.key) && !kept[2].includes(session.key),
    kept.slice(1),
  );
  await session.done(page, 'locked');
}
