// An example from the click to the receipt: every shown value is held against the server's own.

import { execFileSync } from 'node:child_process';

import { copied, settled, shownIds } from './browser.mjs';

const near = (a, b, by = 0.0015) => Math.abs(a - b) <= by;

export async function ranking(session) {
  const { check } = { check: session.check.bind(session) };
  const page = await session.page();
  const info = await session.ask('info');
  await session.shot(page, '01-start');
  check('three examples teach the beginning', (await page.locator('.example').count()) === 3);

  // Streaming: the ranking stands before the reasons do.
  const requests = [];
  page.on('request', (request) => request.method() === 'POST' && requests.push(request));
  const states = page.evaluate(
    () =>
      new Promise((resolve) => {
        const seen = [];
        new MutationObserver((_, observer) => {
          const n_rows = document.querySelectorAll('#list li').length;
          const n_written = document.querySelectorAll('#list mark').length;
          if (n_rows > 0) seen.push(n_written);
          if (n_written === 5) {
            observer.disconnect();
            resolve(seen);
          }
        }).observe(document.body, { subtree: true, childList: true });
      }),
  );
  await page.click('.example >> nth=0');
  await page.waitForSelector('#list li');
  check(
    'progress tells how many reasons are written',
    /Writing reasons, \d of 5/.test((await page.getAttribute('#progress', 'aria-valuetext')) ?? ''),
    await page.getAttribute('#progress', 'aria-valuetext'),
  );
  await session.shot(page, '02-writing');
  await settled(page);
  const seen = await states;
  check('reasons come one by one behind the ranking', seen[0] === 0 && new Set(seen).size >= 4, [...new Set(seen)]);

  const sent = JSON.parse(requests[0].postData());
  const reply = await session.ask('v1/rerank', { query: sent.query, documents: sent.documents, explain: sent.explain });
  const expected = reply.results.map((result) => sent.documents[result.index].id);
  check(
    'rows stand in the server’s order',
    JSON.stringify(await shownIds(page)) === JSON.stringify(expected),
    await shownIds(page),
  );
  const shownScores = await page.$$eval('#list .score .number', (nodes) => nodes.map((node) => node.textContent));
  check(
    'rows show the server’s scores',
    reply.results.every((result, i) => near(Number(shownScores[i].replace('<', '')), result.relevance_score)),
    shownScores,
  );
  const moves = await page.$$eval('#list .move', (nodes) => nodes.map((node) => node.firstChild.textContent));
  check(
    'rows show their movement',
    reply.results.every((result, i) => {
      const moved = result.index - i;
      return moves[i] === (moved > 0 ? `▲ ${moved}` : moved < 0 ? `▼ ${-moved}` : '=');
    }),
    moves,
  );
  const ends = await page.$$eval('#chart .line', (nodes) =>
    nodes.map((node) => [...node.querySelectorAll('circle')].map((circle) => Number(circle.getAttribute('cy')))),
  );
  const rowHeight = await page.$eval('#list li', (node) => node.getBoundingClientRect().height);
  const slopes = new Set(
    ends.map(([left, right]) => `${Math.round(left / rowHeight + 0.5)}>${Math.round(right / rowHeight + 0.5)}`),
  );
  check(
    'a line joins each old place with its new one',
    reply.results.every((result, i) => slopes.has(`${result.index + 1}>${i + 1}`)),
    [...slopes],
  );
  await session.shot(page, '03-ranked');

  // The chosen document: what the server said about it.
  const best = reply.results[0];
  const text = sent.documents[best.index].text;
  const evidence = best.reasoning.evidence[0];
  check(
    'the quote is the slice of the text',
    [...text].slice(evidence.start, evidence.end).join('') === evidence.quote,
  );
  check('the quote is marked in the text', (await page.textContent('#detail .piece.evidence')) === evidence.quote);
  check('the direct reason is shown', (await page.textContent('#detail')).includes(best.reasoning.direct));
  check('the comparison is shown', (await page.textContent('#detail')).includes(best.reasoning.comparison.text));
  const values = await page.$$eval('#detail .receipt .value', (nodes) =>
    nodes.map((node) => Number(node.textContent.replace('<', ''))),
  );
  check(
    'the receipt shows the measured scores',
    [best.relevance_score, evidence.score_without, evidence.score_alone].every((value, i) => near(value, values[i])),
    values,
  );
  const chips = await page.$$eval('#detail .chips li', (nodes) =>
    nodes.map((node) => `${node.className}:${node.lastChild.textContent}`),
  );
  check(
    'words are told apart',
    JSON.stringify(chips) ===
      JSON.stringify([
        ...best.reasoning.matched.map((word) => `has:${word}`),
        ...best.reasoning.missing.map((word) => `lacks:${word}`),
      ]),
    chips,
  );

  // A receipt of one's own: without the quote the score is the one the server measured.
  await page.click('#detail .piece.evidence');
  await page.waitForSelector('#detail .receipt .edited');
  const edited = Number((await page.textContent('#detail .receipt tr.edited .value')).replace('<', ''));
  check('taking the quote out gives the receipt’s score', near(edited, evidence.score_without), [
    edited,
    evidence.score_without,
  ]);
  const said = await page.textContent('#detail .edit-state');
  const logits = reply.results.map((result) => result.logit);
  const [alone] = (
    await session.ask('v1/rerank', {
      query: sent.query,
      documents: [JSON.parse(requests.at(-1).postData()).documents[0]],
    })
  ).results;
  const stands = 1 + logits.slice(1).filter((logit) => logit > alone.logit).length;
  check(
    'the page says where the edited document would stand',
    said.includes(stands === 1 ? 'keeps its place' : `stand at ${stands}`),
    said,
  );
  check('a line shows where it would land', (await page.locator('.landing').isVisible()) === (stands !== 1));
  await session.shot(page, '04-without-quote');
  await page.click('#detail >> text=Undo');
  check(
    'undo brings the sentence back',
    (await page.locator('#detail .receipt .edited').count()) === 0 && (await page.locator('.piece.gone').count()) === 0,
  );

  await page.click('#detail >> text=Measure every sentence');
  await page.waitForSelector('#detail .weight');
  const weights = await page.$$eval('#detail .piece', (nodes) =>
    nodes.map((node) => [node.classList.contains('evidence'), node.querySelector('.weight')?.lastChild.textContent]),
  );
  const weight = Number(
    weights
      .find(([isEvidence]) => isEvidence)[1]
      .replace('\u2212', '-')
      .replace('±', ''),
  );
  check(
    'every sentence has its weight',
    weights.every(([, value]) => value),
    weights,
  );
  check(
    'the quote’s weight agrees with its receipt',
    near(weight, evidence.score_without - best.relevance_score, 0.002),
    [weight, evidence.score_without - best.relevance_score],
  );
  await session.shot(page, '05-weights');

  await keyboard(session, page, expected);
  await comparison(session, page, sent, reply);
  await copies(session, page, sent, expected);

  // Reasons further down, on demand.
  await page.locator('#list li >> nth=6').locator('.row-main').click();
  if (info.reasons) {
    await page.click('#detail >> text=Write the reasons');
    await page.waitForSelector('#detail .piece.evidence');
    check(
      'reasons can be asked for at any rank',
      (await page.locator('#list li >> nth=6').locator('mark').count()) === 1,
    );
  }
  await session.done(page, 'ranking');
  await measuring(session);
  await stopping(session);
}

async function keyboard(session, page, ids) {
  const chosen = () => page.textContent('#detail .id-line');
  await page.focus('#list li:first-child .row-main');
  await page.keyboard.press('j');
  await page.keyboard.press('ArrowDown');
  session.check('j and the arrow go down the list', (await chosen()) === ids[2], await chosen());
  await page.keyboard.press('k');
  session.check('k goes up', (await chosen()) === ids[1], await chosen());
  await page.keyboard.press('Enter');
  session.check(
    'Enter goes to the text',
    await page.evaluate(() => document.activeElement.classList.contains('piece')),
  );
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press(' ');
  await page.waitForSelector('#detail .receipt .edited');
  session.check('a sentence is taken out by the space bar', (await page.locator('.piece.gone').count()) === 1);
  await page.keyboard.press('Control+z');
  session.check('and put back by Ctrl+Z', (await page.locator('.piece.gone').count()) === 0);
  await page.keyboard.press('?');
  session.check('? opens the help', await page.locator('#help').evaluate((node) => node.open));
  await session.shot(page, '06-help');
  await page.keyboard.press('Escape');
  session.check('Escape closes it', !(await page.locator('#help').evaluate((node) => node.open)));
  await page.keyboard.press('/');
  session.check('/ goes to the query', await page.evaluate(() => document.activeElement.id === 'query'));
  await page.keyboard.type('?j');
  session.check(
    'keys typed in the query are text',
    (await page.inputValue('#query')).endsWith('?j') && !(await page.locator('#help').evaluate((node) => node.open)),
  );
}

async function comparison(session, page, sent, reply) {
  // By the keyboard, the lower one first: the page turns them round.
  await page.locator('#list li >> nth=2').locator('.row-main').click();
  await page.locator('#list li >> nth=2').locator('.row-main').focus();
  await page.keyboard.press('c');
  session.check('the page says what is picked', (await page.textContent('#picked')).includes('rank 3'));
  await page.keyboard.press('k');
  await page.keyboard.press('k');
  await page.keyboard.press('c');
  await page.waitForSelector('#compare .word-table');
  const [first, third] = [reply.results[0], reply.results[2]].map((result) => sent.documents[result.index]);
  const own = await session.ask('v1/explain', {
    query: sent.query,
    documents: sent.documents,
    above: reply.results[0].index,
    below: reply.results[2].index,
  });
  session.check(
    'the comparison says what the server says',
    own.text !== '' && (await page.textContent('#compare .verdict')) === own.text,
    [await page.textContent('#compare .verdict'), own.text],
  );
  const shown = await page.$$eval('#compare .side .id-line', (nodes) => nodes.map((node) => node.textContent));
  session.check(
    'both documents stand side by side, the higher first',
    JSON.stringify(shown) === JSON.stringify([first.id, third.id]),
    shown,
  );
  session.check('both have a receipt', (await page.locator('#compare .receipt .without').count()) >= 2);
  await session.shot(page, '07-comparison');
  await page.keyboard.press('Escape');
  session.check('Escape closes the comparison', !(await page.locator('#compare').evaluate((node) => node.open)));
}

async function copies(session, page, sent, expected) {
  const json = JSON.parse(await copied(page, '#actions >> text=JSON'));
  session.check(
    'the copied JSON holds ranking and reasons',
    json.results.length === expected.length && json.results[0].reasoning.evidence.length > 0,
  );

  const command = await copied(page, '#actions >> text=curl');
  const output = JSON.parse(
    execFileSync('bash', ['-c', command], { env: { ...process.env, R2R_API_KEY: session.key } }).toString(),
  );
  session.check(
    'the copied curl command gives the same ranking',
    JSON.stringify(output.results.map((result) => sent.documents[result.index].id)) === JSON.stringify(expected),
    command.slice(0, 200),
  );
  session.check('the key is not in it', !session.key || !command.includes(session.key));

  await page.locator('#list li >> nth=1').locator('.row-main').click();
  const link = await copied(page, '#actions >> text=Link');
  const requested = [];
  const other = await session.page({}, link.slice(session.url.length));
  other.on('request', (request) => requested.push(request.url()));
  await settled(other);
  session.check(
    'a link shows the same ranking',
    JSON.stringify(await shownIds(other)) === JSON.stringify(expected),
    link.slice(0, 80),
  );
  session.check('and the same chosen document', (await other.textContent('#detail .id-line')) === expected[1]);
  session.check('its fragment is sent to no server', !requested.some((address) => address.includes('#s=')));
  await session.done(other, 'link');
}

/** What is measured outlives the reasons that still come, and its request is given up where nobody waits for it. */
async function measuring(session) {
  const page = await session.page();
  await page.click('.example >> nth=0');
  await settled(page);
  const n = await page.locator('#list li').count();
  await page.selectOption('#reasons', '10');
  await page.click('#run');
  await page.waitForSelector('#list li.waiting');
  await page
    .locator(`#list li >> nth=${n - 1}`)
    .locator('.row-main')
    .click();
  await page.click('#detail >> text=Measure every sentence');
  await settled(page);
  session.check(
    'weights stay when the last reasons come',
    await appears(page, '#detail .weight'),
    await page.textContent('#detail .edit-state'),
  );

  // The last document that waits is measured while its reasons come.
  await page.click('#run');
  await page.waitForSelector('#list li.waiting');
  await page.locator('#list li >> nth=9').locator('.row-main').click();
  await page.click('#detail >> text=Measure every sentence');
  await settled(page);
  session.check(
    'a document shows both its weights and the quote that came since',
    (await appears(page, '#detail .weight')) && (await appears(page, '#detail .piece.evidence')),
  );

  // From here on the request is held back on its way, so that it is certain to be under way.
  await page.route('**/v1/rerank', () => {});
  const leave = async (how, go) => {
    await page.locator('#list li >> nth=0').locator('.row-main').click();
    await page.evaluate(() => (document.getElementById('announce').textContent = ''));
    await page.click('#detail >> text=Measure every sentence');
    await page.waitForSelector('#detail >> text=Stop measuring');
    const [given] = await Promise.all([page.waitForEvent('requestfailed', { timeout: 5000 }).catch(() => null), go()]);
    session.check(`${how} stops the measuring, on its way as well`, given !== null && (await measures(page)));
    const said = await page.textContent('#announce');
    session.check(`${how}: no result is announced`, !said.startsWith('Measured'), said);
  };
  await leave('Escape', () => page.keyboard.press('Escape'));
  await leave('the button', () => page.click('#detail >> text=Stop measuring'));
  await leave('another document', () => page.locator('#list li >> nth=1').locator('.row-main').click());
  await session.done(page, 'measuring');
}

/** Whether something is there before long. */
function appears(page, selector) {
  return page.waitForSelector(selector, { timeout: 15000 }).then(
    () => true,
    () => false,
  );
}

/** Whether the chosen document can be measured: it is not, and is not being. */
async function measures(page) {
  return (
    (await page.locator('#detail >> text=Measure every sentence').isEnabled()) &&
    (await page.locator('#detail .weight').count()) === 0
  );
}

/** Stopping: the page returns to rest at once, and a new request takes the place of an old one. */
async function stopping(session) {
  const page = await session.page();
  await page.selectOption('#reasons', '5');
  await page.click('.example >> nth=1');
  await page.waitForSelector('#list li.waiting');
  await page.keyboard.press('Escape');
  session.check(
    'Escape stops the writing',
    !(await page.evaluate(() => document.body.classList.contains('busy'))) &&
      (await page.locator('li.waiting').count()) === 0,
  );
  session.check('the ranking stays', (await page.locator('#list li').count()) === 7);
  await page.click('#run');
  await settled(page);
  session.check('it can be asked again', (await page.locator('#list mark').count()) === 5);
  await session.done(page, 'stopping');
}
