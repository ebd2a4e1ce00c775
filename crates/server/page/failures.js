// What went wrong, and what can be done about it.

import { ServerError, base, key } from './api.js';
import { InputError } from './documents.js';
import { byId } from './dom.js';
import { count, sentence } from './format.js';
import { clearNotices, countdown, notice } from './notices.js';

/** How often a busy server is asked again without being told to. */
const RETRIES = 5;

export class Failures {
  #hooks;
  #n_retries = 0;
  #stopCountdown = () => {};

  /** `hooks`: `showLine(line)` of the documents, `readPlain()` reads these as plain text, `learn()` asks what the server is. */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Something new is asked: nothing is asked again by itself. */
  stopWaiting() {
    this.#stopCountdown();
  }

  /** The server has answered. */
  succeeded() {
    this.#n_retries = 0;
  }

  /** Says what went wrong and what can be done. */
  show(error, { again = null, ranking = null } = {}) {
    const retry = again ? [{ label: 'Try again', run: again }] : [];
    if (error instanceof InputError) {
      const actions = [];
      if (error.line) actions.push({ label: `Go to line ${error.line}`, run: () => this.#hooks.showLine(error.line) });
      if (error.canBePlain)
        actions.push({
          label: 'Read it as plain text, one document a line',
          run: () => {
            clearNotices();
            this.#hooks.readPlain();
          },
        });
      notice('error', error.line ? `Line ${error.line}: ${error.message}` : sentence(error.message), '', actions);
    } else if (!(error instanceof ServerError)) {
      notice('error', 'The page made a mistake', String(error?.message ?? error), retry);
      throw error;
    } else if (error.status === 401) {
      this.askForKey(again);
    } else if (error.isBusy && again && this.#n_retries < RETRIES) {
      this.#n_retries += 1;
      // Why it cannot answer yet is worth reading; that it is full the title says.
      const why = error.status === 503 ? sentence(error.message) : '';
      this.#stopCountdown = countdown(error.retryAfter ?? 2, `The server is busy (${error.status})`, why, again);
    } else if (error.isBusy) {
      this.#n_retries = 0;
      notice('error', `The server is busy (${error.status})`, sentence(error.message), retry);
    } else if (error.status === 0 && ranking) {
      notice(
        'error',
        'The connection broke off',
        `The ranking stands; ${count(ranking.n_written)} of ${count(ranking.n_written + ranking.n_waiting)} reasons came.`,
        retry,
      );
    } else if (error.status === 0) {
      notice(
        'error',
        'No answer from the server',
        `${base.host} did not answer, or not to the end. Is r2r serve still running?`,
        retry,
      );
    } else if (error.status === 200) {
      notice('error', 'The server could not finish', sentence(error.message), retry);
    } else {
      notice('error', 'The server did not take this', sentence(error.message), retry);
    }
  }

  /** Asks for the API key, then goes on. */
  askForKey(again) {
    const dialog = byId('key');
    byId('key-why').textContent = key.read()
      ? 'The key you gave was not accepted.'
      : `${base.host} answers only with a key.`;
    byId('key-input').value = '';
    byId('key-form').onsubmit = () => {
      key.keep(byId('key-input').value.trim());
      this.#hooks.learn().then(() => again?.());
    };
    byId('key-cancel').onclick = () => {
      dialog.close();
      notice('error', 'The server asks for a key', '', [{ label: 'Give a key', run: () => this.askForKey(again) }]);
    };
    if (!dialog.open) dialog.showModal();
  }
}
