// What the checks share: a browser, pages that report whatever goes wrong in them, and a count of laws held.

import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

import { chromium } from 'playwright-core';

export class Session {
  #browser;
  #failed = [];
  #held = 0;

  constructor(url, folder, key) {
    this.url = url.endsWith('/') ? url : `${url}/`;
    this.folder = folder;
    this.key = key;
    mkdirSync(folder, { recursive: true });
  }

  async open() {
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    if (!existsSync(executablePath)) throw new Error(`${executablePath} is not there; set CHROMIUM to a Chromium`);
    this.#browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  }

  async close() {
    await this.#browser.close();
  }

  /** A fresh page, in a context of its own; errors, and requests that leave the server, count as broken laws. */
  async page(options = {}, path = '') {
    const { withKey = true, ...rest } = options;
    const context = await this.#browser.newContext({
      viewport: { width: 1280, height: 900 },
      reducedMotion: 'reduce',
      ...rest,
    });
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(this.url).origin });
    if (this.key && withKey) await context.addInitScript((key) => sessionStorage.setItem('r2r-key', key), this.key);
    const page = await context.newPage();
    page.trouble = [];
    page.expected = [];
    page.on('console', (message) => message.type() === 'error' && page.trouble.push(message.text()));
    page.on('pageerror', (error) => page.trouble.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(this.url) && !/^(blob|data):/.test(request.url()))
        page.trouble.push(`a request left the server: ${request.url()}`);
    });
    await page.goto(this.url + path);
    await page.waitForFunction(
      () => document.getElementById('student').textContent !== '' || document.querySelector('.notice, dialog[open]'),
    );
    return page;
  }

  /** Closes a page; what it reported must be among what was expected. */
  async done(page, name) {
    const trouble = page.trouble.filter((words) => !page.expected.some((pattern) => pattern.test(words)));
    this.check(`${name}: nothing went wrong in the page`, trouble.length === 0, trouble.join(' | '));
    await page.context().close();
  }

  /** Holds a law, or says how it broke. */
  check(law, holds, found = '') {
    if (holds) {
      this.#held += 1;
      console.log(`  ok  ${law}`);
    } else {
      this.#failed.push(law);
      console.log(
        `FAIL  ${law}${found === '' ? '' : `: ${typeof found === 'string' ? found : JSON.stringify(found)}`}`,
      );
    }
  }

  async shot(page, name, options = {}) {
    await page.screenshot({ path: join(this.folder, `${name}.png`), ...options });
  }

  /** The JSON that the server gives, asked without the page. */
  async ask(path, body) {
    const headers = {
      'content-type': 'application/json',
      ...(this.key ? { authorization: `Bearer ${this.key}` } : {}),
    };
    const response = await fetch(new URL(path, this.url), {
      method: body ? 'POST' : 'GET',
      headers,
      body: body ? JSON.stringify(body) : undefined,
    });
    if (!response.ok) throw new Error(`${path} answered ${response.status}: ${await response.text()}`);
    return response.json();
  }

  /** The exit code. */
  report() {
    console.log(`${this.#held} laws held, ${this.#failed.length} broken`);
    return this.#failed.length === 0 ? 0 : 1;
  }
}

/** Fills the form and ranks. */
export async function rank(page, query, documents, reasons = '5') {
  await page.fill('#query', query);
  if (await page.locator('#documents-body').isHidden()) await page.click('#edit');
  await page.fill('#documents', documents);
  if (await page.locator('#reasons').isVisible()) await page.selectOption('#reasons', reasons);
  await page.click('#run');
}

/** Waits until a ranking stands and nothing is being written. */
export async function settled(page) {
  await page.waitForFunction(
    () => !document.getElementById('results').hidden && !document.body.classList.contains('busy'),
    null,
    { timeout: 60000 },
  );
}

/** The ids of the shown rows, in order. */
export function shownIds(page) {
  return page.$$eval('#list .id', (nodes) => nodes.map((node) => node.textContent));
}

/** What a button puts into the clipboard. */
export async function copied(page, button) {
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await page.click(button);
  await page.waitForFunction(async () => (await navigator.clipboard.readText()) !== '');
  return page.evaluate(() => navigator.clipboard.readText());
}
