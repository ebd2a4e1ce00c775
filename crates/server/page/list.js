// The ranked list: one row a document, with its movement, a snippet and its score.

import { el, fill as refill, lessMotion, spoken } from './dom.js';
import { score } from './format.js';
import { nameOf } from './ranking.js';

/** Rows longer lists show at first, and with each further step. */
export const STEP = 25;

/** Lists longer than this change place without a movement. */
const MOVES_UP_TO = 40;

export class RankedList {
  #root;
  #hooks;
  #rows = [];
  #marks = {};
  #landing = el('div', { class: 'landing', hidden: true }, el('span'));

  /** `hooks`: `choose(rank)`, `point(rank | null)`, `pick(rank)`. */
  constructor(root, hooks) {
    this.#root = root;
    this.#hooks = hooks;
    root.after(this.#landing);
    const rankOf = (event) => Number(event.target.closest?.('li')?.dataset.rank) || null;
    root.addEventListener('click', (event) => {
      const rank = rankOf(event);
      if (rank === null) return;
      if (event.target.closest('.pick')) hooks.pick(rank);
      else hooks.choose(rank);
    });
    root.addEventListener('pointerover', (event) => hooks.point(rankOf(event)));
    root.addEventListener('pointerleave', () => hooks.point(null));
    root.addEventListener('focusin', (event) => hooks.point(rankOf(event)));
    root.addEventListener('focusout', () => hooks.point(null));
    root.addEventListener('keydown', (event) => this.#move(event));
  }

  /** Shows these items, best first. */
  draw(items) {
    this.#rows = items.map(row);
    this.#marks = {};
    this.#root.replaceChildren(...this.#rows.map(({ node }) => node));
    this.landing(null);
  }

  /** Adds rows below. */
  extend(items) {
    const more = items.map(row);
    this.#rows.push(...more);
    this.#root.append(...more.map(({ node }) => node));
  }

  get length() {
    return this.#rows.length;
  }

  /** The height of a row in pixels. */
  get rowHeight() {
    return this.#rows[0]?.node.getBoundingClientRect().height || 64;
  }

  /** Lets the rows glide from their input places to their new ones. */
  glide(n_input) {
    if (this.#rows.length > MOVES_UP_TO || lessMotion()) return;
    const height = this.rowHeight;
    const span = height * this.#rows.length;
    for (const { node, item } of this.#rows) {
      const before = ((item.from - 0.5) / n_input) * span - height / 2;
      const shift = before - (item.rank - 1) * height;
      node.animate(
        [
          { transform: `translateY(${shift}px)`, opacity: 0.35 },
          { transform: 'none', opacity: 1 },
        ],
        {
          duration: 520,
          easing: 'cubic-bezier(.2,.7,.2,1)',
        },
      );
    }
  }

  /** Shows the reasons that an item got since. */
  update(item) {
    this.#rows[item.rank - 1]?.fill();
  }

  /** Marks rows; arguments are ranks or null. */
  mark(marks) {
    // Only rows whose marks may have changed are touched: there can be a thousand.
    const touched = new Set([...Object.values(this.#marks), ...Object.values(marks)]);
    this.#marks = { ...marks };
    for (const rank of touched) {
      if (rank === null || rank > this.#rows.length) continue;
      const { node, main, pick } = this.#rows[rank - 1];
      const isChosen = rank === marks.chosen;
      node.classList.toggle('chosen', isChosen);
      node.classList.toggle('pointed', rank === marks.pointed);
      node.classList.toggle('picked', rank === marks.picked);
      if (isChosen) main.setAttribute('aria-current', 'true');
      else main.removeAttribute('aria-current');
      // One stop for the tab key; arrows move within the list.
      main.tabIndex = pick.tabIndex = isChosen ? 0 : -1;
      pick.setAttribute('aria-pressed', String(rank === marks.picked));
    }
    this.#root.classList.toggle('picking', marks.picked !== null);
  }

  /** Moves the focus to a row, and shows it. */
  focus(rank) {
    const found = this.#rows[rank - 1];
    if (!found) return;
    found.main.focus({ preventScroll: true });
    found.node.scrollIntoView({ block: 'nearest' });
  }

  /** A line at the place where an edited document would stand: `{rank, words}`, or null. Returns its height in pixels. */
  landing(place, item = null) {
    this.#landing.hidden = place === null;
    if (place === null) return null;
    const height = this.rowHeight;
    const edge = place.rank > item.rank ? place.rank : place.rank - 1;
    const y = Math.min(edge, this.#rows.length) * height;
    this.#landing.style.setProperty('transform', `translateY(${y}px)`);
    this.#landing.firstChild.textContent = place.words;
    return y;
  }

  #move(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const rank = Number(event.target.closest?.('li')?.dataset.rank);
    if (event.altKey || event.ctrlKey || event.metaKey || !rank) return;
    const next = event.key === 'Home' ? 1 : event.key === 'End' ? this.#rows.length : step ? rank + step : null;
    if (next === null || next < 1 || next > this.#rows.length) return;
    event.preventDefault();
    this.#hooks.choose(next, { focus: true });
  }
}

function row(item) {
  const { document } = item;
  const moved = item.from - item.rank;
  const way = moved > 0 ? 'up' : moved < 0 ? 'down' : 'same';
  const snippet = el('span', { class: 'snippet' });
  const bar = el('span', { class: 'bar', 'aria-hidden': 'true' }, el('span'));
  bar.firstChild.style.setProperty('--part', item.score.toFixed(4));
  const main = el(
    'button',
    { type: 'button', class: 'row-main', tabindex: -1 },
    el('span', { class: 'rank' }, spoken('rank '), String(item.rank)),
    el(
      'span',
      { class: `move ${way}` },
      el('span', { 'aria-hidden': 'true' }, moved > 0 ? `▲ ${moved}` : moved < 0 ? `▼ ${-moved}` : '='),
      spoken(
        moved > 0
          ? `, up ${moved} from ${item.from}. `
          : moved < 0
            ? `, down ${-moved} from ${item.from}. `
            : ', where it was. ',
      ),
    ),
    el('span', { class: 'words' }, el('span', { class: 'title' }, nameOf(document)), snippet),
    el('span', { class: 'score' }, spoken(' Score '), el('span', { class: 'number' }, score(item.score)), bar),
  );
  const pick = el(
    'button',
    { type: 'button', class: 'pick', tabindex: -1, 'aria-pressed': 'false', title: 'Compare with another document' },
    el('span', { 'aria-hidden': 'true' }, '⇅'),
    spoken(`Compare ${nameOf(document, 60)}`),
  );
  const node = el('li', { dataset: { rank: item.rank } }, main, pick);

  const fill = () => {
    const quote = item.reasoning?.evidence?.[0]?.quote ?? null;
    const rest = quote ?? (document.title ? document.text.slice(0, 200) : '');
    refill(
      snippet,
      el('span', { class: 'id' }, document.id),
      item.state === 'waiting' ? el('span', { class: 'dots' }, spoken('reasons are being written')) : null,
      quote === null ? ` ${rest}` : el('mark', {}, quote.slice(0, 240)),
    );
    node.classList.toggle('waiting', item.state === 'waiting');
  };
  fill();
  return { node, item, main, pick, fill };
}
