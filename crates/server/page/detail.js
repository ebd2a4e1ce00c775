// The chosen document: its score, what the student wrote about it, its receipt and its text.

import { Counterfactual } from './counterfactual.js';
import { el, spoken } from './dom.js';
import { count, logit, score } from './format.js';
import { nameOf } from './ranking.js';

export class Detail {
  #root;
  #hooks;
  #item = null;
  #ranking = null;
  #counterfactual = null;
  #state = null;
  #isStale = false;

  /**
   * `hooks`: those of Counterfactual, and `go(rank)`, `pick(rank)`, `compare(item, other)`, `explain(item)`,
   * `copy(item)`, `close()`, `writesReasons()`.
   */
  constructor(root, hooks) {
    this.#root = root;
    // What came while something was taken out or measured is shown afterwards.
    this.#hooks = { ...hooks, rested: () => this.#isStale && this.#draw(this.#counterfactual.weights) };
  }

  get item() {
    return this.#item;
  }

  /** Shows a document of a ranking. */
  show(item, ranking) {
    if (item === this.#item) return;
    this.#item = item;
    this.#ranking = ranking;
    this.#draw();
    this.#root.scrollTop = 0;
  }

  /** Shows reasons that came since, or that none will come; what the reader has taken out or measured stays. */
  refresh() {
    if (!this.#item || this.#item.state === this.#state) return;
    const hasQuote = this.#item.state === 'written';
    if (hasQuote && !this.#counterfactual.isInUse) {
      this.#draw(this.#counterfactual.weights);
      return;
    }
    this.#state = this.#item.state;
    this.#root.querySelector('.written').replaceWith(this.#written());
    this.#isStale ||= hasQuote;
  }

  /** Takes back the reader's last change. */
  undo() {
    this.#counterfactual?.undo();
  }

  /** Stops measuring; false where nothing is being measured. */
  stop() {
    return this.#counterfactual?.stop() ?? false;
  }

  /** Empties the panel. */
  clear() {
    this.#counterfactual?.leave();
    this.#item = null;
    this.#counterfactual = null;
    this.#root.replaceChildren();
  }

  #draw(weights) {
    this.#state = this.#item.state;
    this.#isStale = false;
    const focused = this.#root.contains(document.activeElement)
      ? (document.activeElement.dataset.at ?? document.activeElement.dataset.part)
      : null;
    this.#counterfactual?.leave();
    this.#counterfactual = new Counterfactual(this.#item, this.#ranking, this.#hooks, weights);
    this.#root.replaceChildren(
      this.#head(),
      this.#written(),
      section('Receipt', this.#counterfactual.receipt),
      section('Text', this.#counterfactual.text),
      this.#foot(),
    );
    if (focused)
      this.#root.querySelector(`[data-at="${focused}"], [data-part="${focused}"]`)?.focus({ preventScroll: true });
  }

  #head() {
    const { rank, from, document, score: value, logit: raw, retrievedScore, isCut } = this.#item;
    const n = this.#ranking.items.length;
    const step = (to, label, sign) =>
      el(
        'button',
        {
          type: 'button',
          class: 'quiet step',
          disabled: to < 1 || to > n,
          dataset: { part: label },
          on: { click: () => this.#hooks.go(to) },
        },
        el('span', { 'aria-hidden': 'true' }, sign),
        spoken(label),
      );
    const moved = from - rank;
    const movement = moved > 0 ? `▲ ${moved} from ${from}` : moved < 0 ? `▼ ${-moved} from ${from}` : 'where it was';
    return el(
      'header',
      { class: 'detail-head' },
      el(
        'div',
        { class: 'detail-nav' },
        el('button', { type: 'button', class: 'quiet back', on: { click: () => this.#hooks.close() } }, '‹ Ranking'),
        el('span', { class: 'muted tabular' }, `${count(rank)} of ${count(n)}`),
        el('span', { class: 'muted tabular movement' }, movement),
        el('span', { class: 'spring' }),
        step(rank - 1, 'Previous document', '↑'),
        step(rank + 1, 'Next document', '↓'),
      ),
      el(
        'div',
        { class: 'detail-title' },
        el(
          'div',
          {},
          el('h3', {}, nameOf(document, 90)),
          el('p', { class: 'muted small id-line' }, document.id),
          isCut
            ? el('p', { class: 'small cut' }, 'Longer than the student reads: only the beginning was scored.')
            : null,
        ),
        el(
          'p',
          { class: 'big-score' },
          spoken('Score '),
          el('span', { class: 'number' }, score(value)),
          el(
            'span',
            { class: 'muted small' },
            `logit ${logit(raw)}`,
            retrievedScore === null ? null : el('br'),
            retrievedScore === null ? null : `found with ${retrievedScore.toFixed(2)}`,
          ),
        ),
      ),
    );
  }

  /** What the student wrote. */
  #written() {
    const { reasoning, state } = this.#item;
    const box = el('div', { class: 'written' });
    if (!reasoning) {
      if (state === 'waiting') {
        box.append(
          section(
            'Reason',
            el(
              'p',
              { class: 'muted waiting-words' },
              'The student is writing ',
              el('span', { class: 'dots', 'aria-hidden': 'true' }),
            ),
          ),
        );
      } else if (this.#hooks.writesReasons()) {
        const ask = el('button', { type: 'button', class: 'quiet', dataset: { part: 'explain' } }, 'Write the reasons');
        ask.addEventListener('click', async () => {
          ask.disabled = true;
          ask.textContent = 'Writing…';
          await this.#hooks.explain(this.#item);
          ask.disabled = false;
          ask.textContent = 'Write the reasons';
        });
        box.append(section('Reason', el('p', { class: 'muted' }, 'No reasons were asked for at this rank.'), ask));
      }
      return box;
    }
    box.append(section('Reason', el('p', { class: 'reason' }, reasoning.direct || 'The student wrote none.')));
    const { comparison } = reasoning;
    if (comparison?.text) box.append(section('Comparison', this.#comparison(comparison)));
    box.append(section('Query words', queryWords(reasoning)));
    box.append(
      el(
        'p',
        { class: 'muted small authored' },
        'The student worded reason and comparison itself. Direction, quote, words and scores are computed.',
      ),
    );
    return box;
  }

  #comparison({ text, against }) {
    const others = (against ?? [])
      .map((each) => ({ ...each, item: this.#ranking.byId(each.id) }))
      .filter((each) => each.item);
    return el(
      'div',
      {},
      el(
        'p',
        { class: 'reason' },
        linked(text, others, (item) => this.#hooks.go(item.rank)),
      ),
      others.map(({ item, stands }) =>
        el(
          'button',
          {
            type: 'button',
            class: 'quiet',
            dataset: { part: 'neighbor' },
            on: { click: () => this.#hooks.compare(this.#item, item) },
          },
          `Why ${stands} ${nameOf(item.document, 40)}?`,
        ),
      ),
    );
  }

  #foot() {
    return el(
      'div',
      { class: 'buttons detail-foot' },
      el(
        'button',
        { type: 'button', class: 'quiet', on: { click: () => this.#hooks.pick(this.#item.rank) } },
        'Compare with …',
      ),
      el(
        'button',
        { type: 'button', class: 'quiet', on: { click: () => this.#hooks.copy(this.#item) } },
        'Copy as JSON',
      ),
    );
  }
}

/** A titled part of the panel. */
export function section(title, ...children) {
  return el('section', {}, el('h4', {}, title), ...children);
}

/** Which of the query's words a document has and lacks. */
export function queryWords({ matched = [], missing = [] }) {
  const words = (list, kind, label) => list.map((word) => el('li', { class: kind }, spoken(`${label}: `), word));
  if (matched.length + missing.length === 0) return el('p', { class: 'muted' }, 'The query has no content words.');
  return el('ul', { class: 'chips' }, words(matched, 'has', 'has'), words(missing, 'lacks', 'lacks'));
}

/** A text in which the names of other documents are buttons that lead there. */
function linked(text, others, go) {
  const parts = [];
  let rest = text;
  while (rest) {
    const found = others
      .map(({ item }) => ({ item, at: rest.indexOf(item.document.id) }))
      .filter(({ item, at }) => at >= 0 && isWhole(rest, at, item.document.id.length))
      .sort((a, b) => a.at - b.at)[0];
    if (!found) break;
    const { item, at } = found;
    parts.push(
      rest.slice(0, at),
      el('button', { type: 'button', class: 'link', on: { click: () => go(item) } }, item.document.id),
    );
    rest = rest.slice(at + item.document.id.length);
  }
  return [...parts, rest].filter((part) => part !== '');
}

/** Whether a name stands by itself, not within another word. */
function isWhole(text, at, length) {
  const touches = (character) => character !== undefined && /[\p{L}\p{N}]/u.test(character);
  return !touches(text[at - 1]) && !touches(text[at + length]);
}
