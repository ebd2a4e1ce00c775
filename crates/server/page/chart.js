// The slope chart between the input order (left) and the ranked list (right), whose rows its lines end at.

import { svg } from './dom.js';
import { counted } from './format.js';

/** Labels on the left keep this distance, in pixels. */
const LABEL_GAP = 17;

/** Where lines begin, right of the labels. */
const LEFT = 34;

export class SlopeChart {
  #root;
  #lines = new Map();
  #labels = null;
  #ghost = null;
  #scale = null;

  /** `hooks`: `point(rank | null)` when a line is pointed at, `choose(rank)` when it is clicked. */
  constructor(root, hooks) {
    this.#root = root;
    const rankOf = (event) => Number(event.target.dataset?.rank) || null;
    root.addEventListener('pointerover', (event) => hooks.point(rankOf(event)));
    root.addEventListener('pointerleave', () => hooks.point(null));
    root.addEventListener('click', (event) => {
      if (rankOf(event)) hooks.choose(rankOf(event));
    });
  }

  /** Draws the shown items; `rowHeight` and `width` in pixels, `n_input` places on the left. */
  draw(items, { rowHeight, width, n_input }) {
    const height = items.length * rowHeight;
    this.#scale = {
      width,
      height,
      // The whole input order takes the height of the shown rows, however few these are.
      left: (place) => ((place - 0.5) / n_input) * height,
      right: (rank) => (rank - 0.5) * rowHeight,
      gap: height / n_input,
      n_input,
    };
    const risen = items.filter((each) => each.from > each.rank).length;
    const fallen = items.filter((each) => each.from < each.rank).length;
    this.#root.setAttribute('width', width);
    this.#root.setAttribute('height', height);
    this.#root.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#root.setAttribute(
      'aria-label',
      `Slope chart from the input order to the new order: ${counted(risen, 'document')} rose, ${fallen} fell, ${items.length - risen - fallen} stayed. Each row of the list says its own movement.`,
    );
    this.#lines.clear();
    this.#ghost = svg('path', { class: 'ghost' });
    this.#labels = svg('g', { class: 'labels' });
    const hits = svg('g', { class: 'hits' });
    const drawn = svg('g', { class: 'lines' });
    for (const each of items) {
      const path = this.#path(each.from, this.#scale.right(each.rank));
      const way = each.from > each.rank ? 'up' : each.from < each.rank ? 'down' : 'same';
      const line = svg(
        'g',
        { class: `line ${way}` },
        svg('path', { d: path }),
        svg('circle', { cx: LEFT, cy: this.#scale.left(each.from), r: 2.2 }),
        svg('circle', { cx: width - 4, cy: this.#scale.right(each.rank), r: 2.2 }),
      );
      this.#lines.set(each.rank, { line, item: each });
      drawn.append(line);
      hits.append(svg('path', { d: path, 'data-rank': each.rank }));
    }
    this.#root.replaceChildren(this.#labels, drawn, this.#ghost, hits);
    this.#label([]);
  }

  /** Marks lines: `chosen`, `pointed` and `picked` are ranks or null. */
  mark({ chosen, pointed, picked }) {
    for (const [rank, { line }] of this.#lines) {
      line.classList.toggle('chosen', rank === chosen);
      line.classList.toggle('pointed', rank === pointed);
      line.classList.toggle('picked', rank === picked);
    }
    this.#root.classList.toggle('pointing', pointed !== null);
    const front = [picked, chosen, pointed].map((rank) => this.#lines.get(rank)).filter(Boolean);
    // What is marked is drawn over the rest.
    for (const { line } of front) line.parentNode.append(line);
    this.#label(front.map(({ item }) => item.from));
  }

  /** A dashed line to where an edited document would stand; `place` is a height in pixels, null takes it away. */
  ghost(from, place) {
    if (!this.#ghost) return;
    if (place === null) this.#ghost.removeAttribute('d');
    else this.#ghost.setAttribute('d', this.#path(from, place));
  }

  #path(from, y1) {
    const { width, left } = this.#scale;
    const [x0, x1, y0] = [LEFT, width - 4, left(from)];
    const bend = (x1 - x0) * 0.5;
    return `M${x0} ${y0.toFixed(1)}C${x0 + bend} ${y0.toFixed(1)} ${x1 - bend} ${y1.toFixed(1)} ${x1} ${y1.toFixed(1)}`;
  }

  /** Writes places beside the left ends: as many as have room, and those of marked lines first. */
  #label(marked) {
    const { gap, left, n_input } = this.#scale;
    const step = niceStep(LABEL_GAP / gap);
    const places = new Set(marked);
    const clear = (place) => marked.every((other) => other === place || Math.abs(left(other) - left(place)) >= LABEL_GAP - 2);
    for (let place = 1; place <= n_input; place += step === 1 ? 1 : place === 1 ? step - 1 : step) {
      if (clear(place)) places.add(place);
    }
    const labels = [...places].map((place) =>
      svg('text', { x: LEFT - 9, y: left(place), dy: '.35em', class: marked.includes(place) ? 'marked' : null }, String(place)),
    );
    this.#labels.replaceChildren(...labels);
  }
}

/** The smallest of 1, 2, 5, 10, 20, 50, … that is not less than `least`. */
function niceStep(least) {
  for (let power = 1; ; power *= 10) {
    for (const digit of [1, 2, 5]) if (digit * power >= least) return digit * power;
  }
}
