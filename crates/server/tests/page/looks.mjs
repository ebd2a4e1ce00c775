// How the page looks: light and dark, wide and narrow, audited by axe for contrast, labels and structure.

import { createRequire } from 'node:module';

import { settled } from './browser.mjs';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

async function audit(session, page, name) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.addScriptTag({ path: AXE });
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  const found = violations.map(
    ({ id, nodes }) =>
      `${id}: ${nodes
        .slice(0, 3)
        .map((node) => `${node.target} ${node.any[0]?.message ?? ''}`)
        .join(', ')}`,
  );
  session.check(`${name}: axe finds nothing`, violations.length === 0, found.join(' | '));
}

export async function looks(session) {
  for (const colorScheme of ['light', 'dark']) {
    const page = await session.page({ colorScheme, bypassCSP: true, viewport: { width: 1200, height: 900 } });
    await audit(session, page, `${colorScheme}, start`);
    await page.click('.example >> nth=0');
    await settled(page);
    await audit(session, page, `${colorScheme}, ranking`);
    await page.mouse.move(0, 0);
    await session.shot(page, `40-${colorScheme}`);
    await page.click('#detail .piece.evidence');
    await page.waitForSelector('#detail .receipt .edited');
    await page.click('#detail >> text=Measure every sentence');
    await page.waitForSelector('.weight');
    await audit(session, page, `${colorScheme}, edited`);
    await session.shot(page, `41-${colorScheme}-edited`);
    await page.locator('#list .pick >> nth=0').click();
    await page.locator('#list .pick >> nth=4').click();
    await page.waitForSelector('#compare .word-table');
    await audit(session, page, `${colorScheme}, comparison`);
    await session.shot(page, `42-${colorScheme}-comparison`);
    await session.done(page, colorScheme);
  }
  await theme(session);
  await narrow(session);
  await motion(session);
}

async function theme(session) {
  const page = await session.page({ colorScheme: 'light' });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await paper();
  await page.click('#theme');
  const dark = await paper();
  session.check('the button switches to dark', light !== dark && (await page.textContent('#theme')) === 'Light');
  await page.reload();
  session.check('the choice outlives a reload', (await paper()) === dark);
  await page.waitForFunction(() => document.getElementById('student').textContent !== '');
  await page.keyboard.press('t');
  session.check('t switches back', (await paper()) === light);
  await session.done(page, 'theme');
}

async function narrow(session) {
  for (const colorScheme of ['light', 'dark']) {
    const page = await session.page({
      colorScheme,
      viewport: { width: 360, height: 740 },
      hasTouch: true,
      isMobile: true,
      bypassCSP: true,
    });
    const fits = async (name) => {
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      session.check(`360 px, ${name}: nothing sticks out`, width <= 360, width);
    };
    await fits('start');
    await session.shot(page, `50-narrow-${colorScheme}-start`);
    await page.tap('.example >> nth=0');
    await settled(page);
    await fits('ranking');
    await page.evaluate(() => document.getElementById('results').scrollIntoView());
    await session.shot(page, `51-narrow-${colorScheme}-ranking`);
    session.check('360 px: the list has the page for itself', !(await page.isVisible('#detail')));
    await page.locator('#list li >> nth=1').locator('.row-main').tap();
    session.check('360 px: a tap opens the document', await page.isVisible('#detail'));
    await fits('document');
    await session.shot(page, `52-narrow-${colorScheme}-document`);
    await audit(session, page, `360 px ${colorScheme}, document`);
    await page.tap('.detail-nav .step >> nth=1');
    session.check(
      '360 px: the next document opens in its place',
      (await page.isVisible('#detail')) && (await page.textContent('.detail-nav')).includes('3 of'),
    );
    await page.tap('.detail-nav .back');
    session.check('360 px: and back', !(await page.isVisible('#detail')));
    await page.locator('#list li >> nth=0').locator('.row-main').tap();
    await page.tap('#detail >> text=Compare with');
    await fits('picking');
    await page.locator('#list .pick >> nth=2').tap();
    await page.waitForSelector('#compare .word-table');
    await fits('comparison');
    await session.shot(page, `53-narrow-${colorScheme}-comparison`);
    await session.done(page, `narrow ${colorScheme}`);
  }
}

async function motion(session) {
  const n_moving = async (reducedMotion) => {
    const page = await session.page({ reducedMotion });
    await page.evaluate(() => {
      globalThis.most = 0;
      const look = () => {
        globalThis.most = Math.max(globalThis.most, document.getAnimations().length);
        requestAnimationFrame(look);
      };
      look();
    });
    await page.click('.example >> nth=0');
    await settled(page);
    const most = await page.evaluate(() => globalThis.most);
    await session.done(page, `motion ${reducedMotion}`);
    return most;
  };
  const [full, reduced] = [await n_moving('no-preference'), await n_moving('reduce')];
  session.check('rows glide, unless less motion is asked for', full > 0 && reduced === 0, [full, reduced]);
}
