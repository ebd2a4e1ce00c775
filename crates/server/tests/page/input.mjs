// Documents in whatever form they come: typed, from a file, dropped, hostile, and very many.

import { gzipSync } from 'node:zlib';

import { rank, settled, shownIds } from './browser.mjs';

const drop = (page, name, bytes) =>
  page.evaluate(
    ([name, bytes]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([new Uint8Array(bytes)], name));
      for (const type of ['dragenter', 'dragover', 'drop'])
        document
          .getElementById('documents')
          .dispatchEvent(new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }));
    },
    [name, [...bytes]],
  );

const counts = (page, words) =>
  page.waitForFunction((words) => document.getElementById('documents-state').textContent === words, words, {
    timeout: 5000,
  });

export async function input(session) {
  const page = await session.page();
  await rank(page, 'heat pump', 'A heat pump moves heat.\n\nA banana is yellow.', '0');
  await settled(page);
  session.check(
    'plain lines are ranked without reasons',
    JSON.stringify(await shownIds(page)) === '["1","3"]',
    await shownIds(page),
  );

  await rank(page, 'heat pump', '["A banana is yellow.", {"id": "heat", "text": "A heat pump moves heat."}]', '3');
  await settled(page);
  session.check(
    'a JSON array is ranked',
    JSON.stringify(await shownIds(page)) === '["heat","1"]',
    await shownIds(page),
  );

  const jsonl = '{"_id":"a","text":"Bananas are yellow."}\n{"_id":"b","text":"Heat pumps move heat."}\n';
  await page.setInputFiles('#file', { name: 'list.jsonl.gz', mimeType: 'application/gzip', buffer: gzipSync(jsonl) });
  await counts(page, '2 documents, JSONL');
  session.check('a packed file is opened', (await page.inputValue('#documents')) === jsonl);
  await drop(page, 'request.json', Buffer.from('{"query":"dropped query","documents":["x y z","heat"]}'));
  await counts(page, '2 documents, whole request');
  session.check('a dropped request brings its query', (await page.inputValue('#query')) === 'dropped query');
  await drop(page, 'latin.txt', Buffer.from([0x66, 0xfc, 0x72]));
  await page.waitForSelector('.notice.error');
  session.check('a file that is not UTF-8 is refused', (await page.textContent('.notice')).includes('not UTF-8'));

  // A broken line is named, shown, or read as plain text.
  await rank(page, 'heat', '{"text":"x"}\n{"text":"y"}\n{"text":"z"\n{"text":"w"}');
  await page.waitForFunction(() => document.getElementById('documents-state').textContent.startsWith('line 3'));
  session.check(
    'a malformed line is named',
    (await page.textContent('.notice-title')).includes('Line 3: not JSON'),
    await page.textContent('.notice-title'),
  );
  await page.click('.notice >> text=Go to line 3');
  const marked = await page.$eval('#documents', (field) => field.value.slice(field.selectionStart, field.selectionEnd));
  session.check('and shown', marked === '{"text":"z"', marked);
  await session.shot(page, '10-malformed');
  await page.click('.notice >> text=Read it as plain text');
  await settled(page);
  session.check('or read as plain text', (await page.locator('#list li').count()) === 4);
  await page.fill('#query', ' ');
  await page.click('#run');
  session.check('an empty query asks for one', (await page.textContent('.notice-title')).includes('Write a query'));
  await session.done(page, 'input');

  await hostile(session);
  await large(session);
  await long(session);
}

/** What documents say is text, whatever it looks like. */
async function hostile(session) {
  const page = await session.page();
  const attack =
    '<img src=x onerror="document.title=1"><script>document.title=2</script></mark></span><b>bold</b> heat pump "quotes" \u202e\u0000 😀';
  const documents = [
    { id: '<b>id</b>', title: '<i>title</i>', text: `${attack} One more sentence is here.` },
    { id: "b'$(x)`", text: `Other words. ${attack}` },
  ];
  await rank(page, '<u>heat</u> pump', JSON.stringify(documents));
  await settled(page);
  await page.locator('#list .pick >> nth=0').click();
  await page.locator('#list .pick >> nth=1').click();
  await page.waitForSelector('#compare .receipt .without');
  const made = await page.$$eval(
    'main img, main script, main b, main i, main u, dialog img, dialog script, dialog b',
    (nodes) => nodes.length,
  );
  session.check('no document becomes an element', made === 0 && (await page.title()) === 'Reason-to-Rank', made);
  session.check(
    'its text stands as it is',
    (await page.textContent('#compare')).includes('<script>document.title=2</script>'),
  );
  await session.done(page, 'hostile');
}

/** A thousand documents: the page stays smooth. */
async function large(session) {
  const { max_documents: most = 1000 } = await session.ask('info');
  const n = Math.min(1000, most);
  const topics = [
    'heat pumps and their efficiency',
    'bread and flour',
    'old castles',
    'river ferries',
    'winter tires',
    'cold weather',
  ];
  const text = (i) =>
    `Passage ${i} is about ${topics[i % 6]} and ${topics[(i * 7 + 3) % 6]}. ${'It goes on for a while with plain words. '.repeat(4)}`;
  const raw = Array.from({ length: n }, (_, i) =>
    JSON.stringify({ id: `p${i}`, title: i % 2 ? `Passage ${i}` : '', text: text(i) }),
  ).join('\n');
  const page = await session.page();
  await drop(page, 'large.jsonl', Buffer.from(raw));
  await counts(page, `${n.toLocaleString('en')} documents, JSONL`);
  session.check('a long text is kept beside the field', await page.isVisible('#attached'));
  await page.fill('#query', 'efficiency of heat pumps in cold weather');
  await page.selectOption('#reasons', '3');
  const started = Date.now();
  await page.click('#run');
  await page.waitForSelector('#list li', { timeout: 120000 });
  console.log(`      ${n} documents ranked after ${Date.now() - started} ms`);
  await settled(page);
  session.check('the first 25 rows are shown', (await page.locator('#list li').count()) === 25);
  await session.shot(page, '11-thousand');
  const drawn = await page.evaluate(async () => {
    const started = performance.now();
    [...document.querySelectorAll('#more button')].at(-1).click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return performance.now() - started;
  });
  session.check('all rows can be shown', (await page.locator('#list li').count()) === n);
  const cost = await frameCost(page);
  console.log(
    `      all rows drawn in ${drawn.toFixed(0)} ms; scrolling half a screen and pointing costs ${cost.toFixed(0)} ms of the page's own thread a frame`,
  );
  session.check('a thousand rows are drawn within two seconds, on a busy machine as well', drawn < 2000, drawn);
  session.check('a thousand rows scroll smoothly', cost < 40, cost);
  await session.done(page, 'large');
}

/** One document of 400 kB: as many of its sentences are measured as a request holds. */
async function long(session) {
  const page = await session.page();
  const sentence = (i) => `Sentence ${i} tells of ${'heat pumps and of winter and '.repeat(140)}ends here.`;
  const text = Array.from({ length: 100 }, (_, i) => sentence(i)).join(' ');
  await drop(page, 'long.jsonl', Buffer.from(JSON.stringify({ id: 'long', text })));
  await counts(page, '1 document, JSONL');
  await page.fill('#query', 'heat pump');
  await page.selectOption('#reasons', '0');
  await page.click('#run');
  await settled(page);
  await page.click('#detail >> text=Measure every sentence');
  await page.waitForSelector('#detail .weight', { timeout: 60000 });
  const n = await page.locator('#detail .weight').count();
  session.check(
    'a long document is measured in part, which is said',
    n > 1 && n < 100 && (await page.textContent('#detail .edit-state')).includes(`Not measured: ${100 - n}.`),
    n,
  );
  await session.done(page, 'long');
}

/** What a frame costs, in milliseconds, while the page is scrolled and its rows are pointed at: processor time of the page's
 * thread, since the time on the clock depends on what else the machine does. */
async function frameCost(page) {
  const n_frames = 90;
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable', { timeDomain: 'threadTicks' });
  const spent = async () =>
    (await client.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
  const before = await spent();
  await page.evaluate(async (n_frames) => {
    const rows = document.querySelectorAll('#list li');
    for (let i = 0; i < n_frames; i += 1) {
      scrollBy(0, 400);
      rows[(i * 11) % rows.length].dispatchEvent(new PointerEvent('pointerover', { bubbles: true }));
      await new Promise(requestAnimationFrame);
    }
  }, n_frames);
  return (((await spent()) - before) * 1000) / n_frames;
}
