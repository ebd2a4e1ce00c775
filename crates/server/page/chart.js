// The slope chart between the input order (left) and the ranked list (right), whose rows its lines end at.

import { svg } from './dom.js';
import { counted } from './format.js';

/** Labels on the left keep this distance, in pixels; those of a compressed order keep more, as on a scale. */
const LABEL_GAP = 17;
const SCALE_GAP = 56;

/** Of more rows than this, only the lines near the shown part of the page are drawn. */
const ALL_UP_TO = 120;

/** How far beyond the shown part lines are drawn, and in which steps that changes, in pixels. */
const MARGIN = 1200;

export class SlopeChart {
  #root;
  #items = [];
  #lines = new Map();
  #labels = null;
  #places = new Map();
  #ghost = null;
  #scale = null;
  #span = [0, Infinity];
  #marks = { chosen: null, pointed: null, picked: null };

  /** `hooks`: `point(rank | null)` when a line is pointed at, `choose(rank)` when it is clicked. */
  constructor(root, hooks) {
    this.#root = root;
    const rankOf = (event) => Number(event.target.dataset?.rank) || null;
    root.addEventListener('pointerover', (event) => hooks.point(rankOf(event)));
    root.addEventListener('pointerleave', () => hooks.point(null));
    root.addEventListener('click', (event) => {
      if (rankOf(event)) hooks.choose(rankOf(event));
    });
    addEventListener('scroll', () => this.#follow(), { passive: true });
  }

  /** Draws the shown items; `rowHeight` and `width` in pixels, `n_input` places on the left. */
  draw(items, { rowHeight, width, n_input }) {
    const height = items.length * rowHeight;
    this.#items = items;
    this.#scale = {
      width,
      height,
      // Where lines begin, right of the labels.
      x: width < 100 ? 25 : 34,
      // The whole input order takes the height of the shown rows, however few these are.
      left: (place) => ((place - 0.5) / n_input) * height,
      right: (rank) => (rank - 0.5) * rowHeight,
      gap: height / n_input,
      n_input,
    };
    const risen = items.filter((each) => each.from > each.rank).length;
    const fallen = items.filter((each) => each.from < each.rank).length;
    this.#root.setAttribute(
      'aria-label',
      `Slope chart from the input order to the new order: ${counted(risen, 'document')} rose, ${fallen} fell, ${items.length - risen - fallen} stayed. Each row of the list says its own movement.`,
    );
    this.#span = this.#near();
    this.#render();
  }

  /** Marks lines: `chosen`, `pointed` and `picked` are ranks or null. */
  mark(marks) {
    this.#marks = marks;
    const { chosen, pointed, picked } = marks;
    for (const [rank, { line }] of this.#lines) {
      line.classList.toggle('chosen', rank === chosen);
      line.classList.toggle('pointed', rank === pointed);
      line.classList.toggle('picked', rank === picked);
    }
    this.#root.classList.toggle('pointing', pointed !== null);
    const front = [picked, chosen, pointed].map((rank) => this.#lines.get(rank)).filter(Boolean);
    // What is marked is drawn over the rest.
    for (const { line } of front) line.parentNode.append(line);
    this.#markLabels(front.map(({ item }) => item.from));
  }

  /** The heights between which lines are drawn. */
  #near() {
    if (this.#items.length <= ALL_UP_TO) return [0, Infinity];
    const step = Math.round(-this.#root.parentElement.getBoundingClientRect().top / MARGIN) * MARGIN;
    return [step - MARGIN, step + innerHeight + MARGIN];
  }

  /** Draws other lines when the page has moved on. */
  #follow() {
    if (this.#items.length <= ALL_UP_TO || this.#near()[0] === this.#span[0]) return;
    this.#span = this.#near();
    this.#render();
    this.mark(this.#marks);
  }

  #render() {
    const { width, height, x, left, right } = this.#scale;
    const [from, to] = this.#span;
    // The drawing is no higher than what is drawn: browsers are slow with one of many screens.
    const [top, bottom] = [Math.max(0, from), Math.min(height, to)];
    this.#root.setAttribute('width', width);
    this.#root.setAttribute('height', Math.max(0, bottom - top));
    this.#root.setAttribute('viewBox', `0 ${top} ${width} ${Math.max(1, bottom - top)}`);
    this.#root.style.setProperty('transform', `translateY(${top}px)`);
    this.#root.classList.toggle('part', to < Infinity);
    this.#lines.clear();
    this.#ghost ??= svg('path', { class: 'ghost' });
    this.#labels = svg('g', { class: 'labels' });
    const hits = svg('g', { class: 'hits' });
    const drawn = svg('g', { class: 'lines' });
    for (const each of this.#items) {
      const isNear = right(each.rank) >= from && right(each.rank) <= to;
      if (!isNear && each.rank !== this.#marks.chosen) continue;
      const path = this.#path(each.from, right(each.rank));
      const way = each.from > each.rank ? 'up' : each.from < each.rank ? 'down' : 'same';
      const line = svg(
        'g',
        { class: `line ${way}` },
        svg('path', { d: path }),
        svg('circle', { cx: x, cy: left(each.from), r: 2.2 }),
        svg('circle', { cx: width - 4, cy: right(each.rank), r: 2.2 }),
      );
      this.#lines.set(each.rank, { line, item: each });
      drawn.append(line);
      hits.append(svg('path', { d: path, 'data-rank': each.rank }));
    }
    this.#label();
    this.#root.replaceChildren(this.#labels, drawn, this.#ghost, hits);
  }

  /** A dashed line to where an edited document would stand; `place` is a height in pixels, null takes it away. */
  ghost(from, place) {
    if (!this.#ghost) return;
    if (place === null) this.#ghost.removeAttribute('d');
    else this.#ghost.setAttribute('d', this.#path(from, place));
  }

  #path(from, y1) {
    const { width, x, left } = this.#scale;
    const [x0, x1, y0] = [x, width - 4, left(from)];
    const bend = (x1 - x0) * 0.5;
    return `M${x0} ${y0.toFixed(1)}C${x0 + bend} ${y0.toFixed(1)} ${x1 - bend} ${y1.toFixed(1)} ${x1} ${y1.toFixed(1)}`;
  }

  /** Writes places beside the left ends: as many as have room. */
  #label() {
    const { gap, left, n_input } = this.#scale;
    const [from, to] = this.#span;
    const step = gap >= LABEL_GAP ? 1 : niceStep(SCALE_GAP / gap);
    this.#places.clear();
    for (let place = 1; place <= n_input; place += step === 1 ? 1 : place === 1 ? step - 1 : step) {
      if (left(place) >= from && left(place) <= to) this.#places.set(place, this.#text(place));
    }
    this.#labels.replaceChildren(...this.#places.values());
  }

  #text(place) {
    return svg(
      'text',
      { x: this.#scale.x - 8, y: Math.max(9, this.#scale.left(place)).toFixed(1), dy: '.35em' },
      String(place),
    );
  }

  /** Writes the places of marked lines; what stood too near to them makes room. */
  #markLabels(marked) {
    const { left } = this.#scale;
    for (const extra of this.#labels.querySelectorAll('.extra')) extra.remove();
    for (const [place, label] of this.#places) {
      const isMarked = marked.includes(place);
      label.classList.toggle('marked', isMarked);
      label.classList.toggle(
        'near',
        !isMarked && marked.some((other) => Math.abs(left(other) - left(place)) < LABEL_GAP - 2),
      );
    }
    for (const place of new Set(marked)) {
      if (this.#places.has(place)) continue;
      const label = this.#text(place);
      label.setAttribute('class', 'extra marked');
      this.#labels.append(label);
    }
  }
}

/** The smallest of 1, 2, 5, 10, 20, 50, … that is not less than `least`. */
function niceStep(least) {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 5]) if (digit * power >= least) return digit * power;
  }
}
