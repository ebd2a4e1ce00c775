// Messages above the ranking: what went wrong and what to do, with a button that does it.

import { byId, el } from './dom.js';

/** Takes all messages away. */
export function clearNotices() {
  byId('notices').replaceChildren();
}

/**
 * Shows one message in place of the others.
 * `kind` is "error" or "note"; `actions` are `[{label, run}]`.
 */
export function notice(kind, title, text = '', actions = []) {
  const box = el(
    'div',
    { class: `notice ${kind}`, role: kind === 'error' ? 'alert' : 'status' },
    el(
      'p',
      { class: 'notice-title' },
      kind === 'error' ? el('span', { class: 'notice-mark', 'aria-hidden': 'true' }, '!') : null,
      title,
    ),
    text ? el('p', {}, text) : null,
    actions.length > 0
      ? el(
          'div',
          { class: 'buttons' },
          actions.map(({ label, run }) => el('button', { type: 'button', class: 'quiet', on: { click: run } }, label)),
        )
      : null,
  );
  byId('notices').replaceChildren(box);
  box.scrollIntoView({ block: 'nearest' });
  return box;
}

/** Counts down in a message and then runs; the returned function stops it. */
export function countdown(seconds, title, text, run) {
  let left = Math.max(1, seconds);
  const stop = () => clearInterval(timer);
  const box = notice('error', title, text, [
    {
      label: 'Try now',
      run: () => {
        stop();
        run();
      },
    },
    {
      label: 'Do not try again',
      run: () => {
        stop();
        box.remove();
      },
    },
  ]);
  const clock = el('p', { class: 'tabular', 'aria-live': 'off' });
  box.insertBefore(clock, box.lastChild);
  const tick = () => {
    clock.textContent = `Trying again in ${left} s`;
    if (left === 0) {
      stop();
      run();
    }
    left -= 1;
  };
  const timer = setInterval(tick, 1000);
  tick();
  return stop;
}
