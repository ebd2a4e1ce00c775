// The ranking on the page: list, slope chart and chosen document, which move together.

import { SlopeChart } from './chart.js';
import { Detail } from './detail.js';
import { byId, el } from './dom.js';
import { count, counted, seconds, sentence } from './format.js';
import { RankedList, STEP } from './list.js';

/** Below this width the chosen document lies over the page instead of standing beside the list (see results.css). */
const NARROW = matchMedia('(max-width: 67.99rem)');

/** Below this one the slope chart is narrow as well. */
const SMALL = matchMedia('(max-width: 40rem)');

export class Results {
  #hooks;
  #list;
  #chart;
  #detail;
  #marks = { chosen: null, pointed: null, picked: null };
  #frame = null;
  ranking = null;

  /** `hooks`: those of Detail, and `compare(item, other)`. */
  constructor(hooks) {
    this.#hooks = hooks;
    const point = (rank) => this.#mark({ pointed: rank });
    this.#list = new RankedList(byId('list'), {
      choose: (rank, how) => this.choose(rank, { open: !how?.focus, ...how }),
      point,
      pick: (rank) => this.pick(rank),
    });
    this.#chart = new SlopeChart(byId('chart'), { point, choose: (rank) => this.choose(rank, { open: true }) });
    this.#detail = new Detail(byId('detail'), {
      ...hooks,
      go: (rank) => this.choose(rank, { show: true }),
      pick: (rank) => {
        this.#open(false);
        this.pick(rank);
      },
      landing: (item, place) => this.#landing(item, place),
      close: () => this.#open(false),
    });
    new ResizeObserver(() => this.#redraw()).observe(byId('slopes'));
    NARROW.addEventListener('change', () => this.#open(false));
    addEventListener('click', (event) => {
      // The path, because a click may have redrawn what it fell on; the one that opened the document came from the list.
      const isInside = event
        .composedPath()
        .some((node) => node.nodeName === 'DIALOG' || ['detail', 'ranking'].includes(node.id));
      if (!isInside && document.body.classList.contains('detail-open')) this.#open(false);
    });
  }

  /** Shows a new ranking. */
  show(ranking) {
    this.ranking = ranking;
    this.#marks = { chosen: null, pointed: null, picked: null };
    const { items } = ranking;
    byId('results').hidden = false;
    byId('results-title').textContent =
      items.length === 0
        ? 'Nothing was found'
        : ranking.isSearch
          ? `The best ${count(items.length)} of the index`
          : `${counted(items.length, 'document')} ranked`;
    byId('facts').textContent = [
      seconds(ranking.milliseconds),
      ranking.model,
      ranking.isSearch ? `${count(ranking.n_input)} found by words, then ranked` : '',
    ]
      .filter(Boolean)
      .join(' · ');
    byId('head-in').textContent = ranking.isSearch ? 'Found' : 'Before';
    byId('ranking').hidden = items.length === 0;
    this.#list.draw(items.slice(0, STEP));
    this.#detail.clear();
    this.#redraw();
    this.#more();
    this.warn();
    this.picking();
    this.#open(false);
    // Where the focus stood on something that is gone, it goes to the ranking.
    if (document.activeElement === document.body || document.activeElement?.closest('[hidden]'))
      byId('results').focus({ preventScroll: true });
    if (NARROW.matches) byId('results').scrollIntoView();
    if (items.length > 0) {
      this.choose(1);
      this.#list.glide(ranking.n_input);
      byId('chart').classList.remove('fresh');
      requestAnimationFrame(() => byId('chart').classList.add('fresh'));
    }
  }

  /** Takes the ranking away. */
  clear() {
    this.ranking = null;
    this.#detail.clear();
    this.#open(false);
    byId('results').hidden = true;
    byId('picked').hidden = true;
  }

  /** Shows the reasons that an item got. */
  update(item) {
    this.#list.update(item);
    if (item === this.#detail.item) this.#detail.refresh();
  }

  /** Shows again what waits for reasons, after these stopped coming. */
  updateAll() {
    for (const item of this.ranking.items.slice(0, this.#list.length)) this.#list.update(item);
    this.#detail.refresh();
  }

  get chosen() {
    return this.#detail.item;
  }

  /** Chooses a document by its rank. `open`: on narrow screens show it; `focus`: move the focus to its row; `show`: scroll. */
  choose(rank, { open = false, focus = false, show = false } = {}) {
    const item = this.ranking?.items[rank - 1];
    if (!item) return;
    if (rank > this.#list.length) this.#extend(Math.ceil(rank / STEP) * STEP);
    this.#mark({ chosen: rank });
    this.#detail.show(item, this.ranking);
    if (focus) this.#list.focus(rank);
    if (show && !NARROW.matches) byId('list').children[rank - 1]?.scrollIntoView({ block: 'nearest' });
    if (open && NARROW.matches) this.#open(true);
  }

  /** The next or previous document, with the focus. */
  step(by) {
    if (!this.ranking) return;
    const isOpen = document.body.classList.contains('detail-open');
    this.choose((this.#marks.chosen ?? 0) + by, { focus: !isOpen });
  }

  /** Moves the focus into the chosen document's text. */
  enterText() {
    byId('detail').querySelector('.piece[tabindex="0"]')?.focus();
  }

  undo() {
    this.#detail.undo();
  }

  /** Picks a document for a comparison; the second one starts it, the same one drops it. */
  pick(rank = this.#marks.chosen) {
    if (!this.ranking || rank === null) return;
    const first = this.#marks.picked;
    if (first === null || first === rank) {
      this.#mark({ picked: first === rank ? null : rank });
      this.picking();
      return;
    }
    this.#mark({ picked: null });
    this.picking();
    this.#hooks.compare(this.ranking.items[first - 1], this.ranking.items[rank - 1]);
  }

  /** Stops measuring, closes the document on a narrow screen, or drops the pick; false where there was none of these. */
  escape() {
    if (this.#detail.stop()) return true;
    if (document.body.classList.contains('detail-open')) {
      this.#open(false);
      return true;
    }
    if (this.#marks.picked === null) return false;
    this.#mark({ picked: null });
    this.picking();
    return true;
  }

  /** Says what is picked. */
  picking() {
    const rank = this.#marks.picked;
    const bar = byId('picked');
    bar.hidden = rank === null;
    if (rank === null) return;
    const drop = el('button', { type: 'button', class: 'quiet', on: { click: () => this.pick(rank) } }, 'Cancel');
    bar.replaceChildren(
      el(
        'span',
        {},
        'Compare ',
        el('strong', {}, `rank ${rank}`),
        ' with which document? Press ',
        el('span', { class: 'pick-sign', 'aria-hidden': 'true' }, '⇅'),
        ' or ',
        el('kbd', {}, 'c'),
        ' on it.',
      ),
      drop,
    );
  }

  /** Shows the ranking's warnings. */
  warn() {
    byId('warnings').replaceChildren(
      ...this.ranking.warnings.map((words) =>
        el('p', { class: 'warning' }, el('strong', {}, 'Note. '), sentence(words)),
      ),
    );
  }

  #landing(item, place) {
    const y = this.#list.landing(place, item);
    this.#chart.ghost(item.from, y);
  }

  #mark(marks) {
    Object.assign(this.#marks, marks);
    // Pointing moves fast: what it marks is drawn once a frame.
    if ('pointed' in marks) {
      this.#frame ??= requestAnimationFrame(() => this.#drawMarks());
    } else {
      this.#drawMarks();
    }
  }

  #drawMarks() {
    if (this.#frame !== null) cancelAnimationFrame(this.#frame);
    this.#frame = null;
    this.#list.mark(this.#marks);
    this.#chart.mark(this.#marks);
  }

  #redraw() {
    if (!this.ranking || this.ranking.items.length === 0) return;
    const width = SMALL.matches ? 60 : 116;
    this.#chart.draw(this.ranking.items.slice(0, this.#list.length), {
      rowHeight: this.#list.rowHeight,
      width,
      n_input: this.ranking.n_input,
    });
    this.#chart.mark(this.#marks);
  }

  #extend(upTo) {
    this.#list.extend(this.ranking.items.slice(this.#list.length, upTo));
    this.#list.mark(this.#marks);
    this.#redraw();
    this.#more();
  }

  #more() {
    const left = this.ranking.items.length - this.#list.length;
    const button = (words, upTo) =>
      el('button', { type: 'button', class: 'quiet', on: { click: () => this.#extend(upTo) } }, words);
    byId('more').replaceChildren(
      ...(left <= 0
        ? []
        : [
            el(
              'span',
              { class: 'muted tabular' },
              `${count(this.#list.length)} of ${count(this.ranking.items.length)}`,
            ),
            left > STEP ? button(`Show ${STEP} more`, this.#list.length + STEP) : null,
            button(`Show all`, Infinity),
          ].filter(Boolean)),
    );
  }

  /** On narrow screens: shows or hides the chosen document over the list. */
  #open(open) {
    const wasOpen = document.body.classList.contains('detail-open');
    document.body.classList.toggle('detail-open', open);
    // What lies behind can be neither clicked nor reached by the tab key.
    for (const behind of document.querySelectorAll('.skip, .top, #ask, #notices, .results-head, #ranking'))
      behind.inert = open;
    if (open) byId('detail').focus({ preventScroll: true });
    else if (wasOpen) {
      this.#detail.stop();
      if (this.#marks.chosen) this.#list.focus(this.#marks.chosen);
    }
  }
}
