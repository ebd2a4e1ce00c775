// A document's text whose sentences can be taken out, and what that does to its score: a receipt of the reader's own.

import { announce, el, spoken } from './dom.js';
import { change, score } from './format.js';
import { piecesOf, textWithout } from './pieces.js';
import { sent } from './ranking.js';
import { receiptOf, receiptTable, receiptWords } from './receipt.js';

/** Clicks that come faster than this, in milliseconds, are scored together. */
const PAUSE = 120;

/** A request to measure a document holds it as often as it has pieces, up to this many times and bytes. */
const MOST_MEASURED = 100;
const MOST_BYTES = 4_000_000;

/** How many pieces of a document one request measures; `room` is what the server takes: `{documents, bytes}`. */
export function measurable(n_pieces, document, query, room) {
  const bytes = (value) => new Blob([JSON.stringify(value)]).size;
  // One more for the comma behind each.
  const left = Math.min(room.bytes, MOST_BYTES) - bytes({ query, documents: [] });
  const n_fitting = Math.floor(left / (bytes(sent(document)) + 1));
  return Math.min(n_pieces, MOST_MEASURED, room.documents, Math.max(1, n_fitting));
}

export class Counterfactual {
  #item;
  #ranking;
  #hooks;
  #pieces;
  #nodes = [];
  #removed = [];
  #edited = null;
  #timer = null;
  #abort = null;
  #measuring = null;
  #weights;
  #undo;
  #undoAll;
  #measure;
  #status = el('p', { class: 'muted small edit-state', role: 'status' });
  #body = el('div', { class: 'text', role: 'group', 'aria-label': 'Text of the document, sentence by sentence' });

  /** The drawn receipt. */
  receipt = el('div', { class: 'receipt-box' });
  /** The text with its buttons. */
  text;

  /**
   * `hooks`: `score(documents, signal)` gives `{score, logit}` for each document, `room()` tells what one request may hold,
   * `landing(item, place | null)` shows where the edited document would stand, `rested()` says that nothing is taken out or
   * under way any more, `failed(error)` reports. `weights` are those that were measured before.
   */
  constructor(item, ranking, hooks, weights = new Map()) {
    this.#item = item;
    this.#ranking = ranking;
    this.#hooks = hooks;
    this.#weights = weights;
    const { document } = item;
    // The title is scored as well, so that it can be taken out as well.
    this.#pieces = [
      ...(document.title ? [{ isTitle: true, evidence: null }] : []),
      ...piecesOf(document.text, item.reasoning?.evidence ?? []),
    ];
    this.#undo = el(
      'button',
      { type: 'button', class: 'quiet', disabled: true, on: { click: () => this.#restore(1) } },
      'Undo',
    );
    this.#undoAll = el(
      'button',
      { type: 'button', class: 'quiet', disabled: true, on: { click: () => this.#restore(Infinity) } },
      'Put all back',
    );
    this.#measure = el('button', {
      type: 'button',
      class: 'quiet',
      dataset: { part: 'measure' },
      on: { click: () => this.stop() || this.#measureAll() },
    });
    this.text = el(
      'div',
      {},
      el('p', { class: 'muted small' }, 'Choose a sentence to take it out and measure again.'),
      this.#body,
      this.#status,
      el('div', { class: 'buttons' }, this.#undo, this.#undoAll, this.#measure),
    );
    this.#drawText();
    this.#drawReceipt();
    this.#drawWeights();
  }

  /** Whether the reader has taken something out, or waits for what is measured. */
  get isInUse() {
    return this.#removed.length > 0 || this.#measuring !== null;
  }

  /** What the score loses without each piece that was measured, by the name of the piece. */
  get weights() {
    return this.#weights;
  }

  /** Takes back the last change. */
  undo() {
    this.#restore(1);
  }

  /** Stops measuring every sentence; false where that is not under way. */
  stop() {
    if (!this.#measuring) return false;
    this.#measuring.abort();
    announce('Measuring was stopped.');
    this.#rest();
    return true;
  }

  /** Stops what is under way, and takes the landing line away. */
  leave() {
    clearTimeout(this.#timer);
    this.#abort?.abort();
    this.#measuring?.abort();
    this.#measuring = null;
    this.#hooks.landing(this.#item, null);
  }

  #drawText() {
    const { document } = this.#item;
    const children = [];
    let [at, from] = [0, 0];
    for (const piece of this.#pieces) {
      const words = piece.isTitle ? document.title : document.text.slice(piece.start, piece.end);
      if (!piece.isTitle) {
        if (piece.start > from) children.push(document.text.slice(from, piece.start));
        from = piece.end;
      }
      const node = el(
        'span',
        {
          class: `piece${piece.isTitle ? ' text-title' : ''}${piece.evidence ? ' evidence' : ''}`,
          role: 'button',
          tabindex: at === 0 ? 0 : -1,
          'aria-pressed': 'false',
          'aria-describedby': piece.evidence ? 'is-quoted' : null,
          dataset: { at },
        },
        words,
      );
      this.#nodes.push(node);
      children.push(piece.isTitle ? el('div', { class: 'text-title-line' }, node) : node);
      at += 1;
    }
    children.push(document.text.slice(from));
    this.#body.replaceChildren(...children.filter((child) => child !== ''));
    if (this.#pieces.length === 0) this.#body.textContent = 'This document is empty.';
    this.#body.addEventListener('click', (event) => {
      const node = event.target.closest('.piece');
      // A click that ends a selection wants the words, not the scissors.
      if (node && (getSelection()?.isCollapsed ?? true)) this.#toggle(Number(node.dataset.at));
    });
    this.#body.addEventListener('keydown', (event) => this.#keys(event));
  }

  #keys(event) {
    const node = event.target.closest('.piece');
    if (!node || event.altKey) return;
    const at = Number(node.dataset.at);
    if ((event.ctrlKey || event.metaKey) && event.key === 'z') {
      event.preventDefault();
      this.undo();
      return;
    }
    if (event.ctrlKey || event.metaKey) return;
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault();
      this.#toggle(at);
      return;
    }
    const next = {
      ArrowRight: at + 1,
      ArrowDown: at + 1,
      ArrowLeft: at - 1,
      ArrowUp: at - 1,
      Home: 0,
      End: this.#nodes.length - 1,
    }[event.key];
    if (next === undefined || !this.#nodes[next]) return;
    event.preventDefault();
    event.stopPropagation();
    node.tabIndex = -1;
    this.#nodes[next].tabIndex = 0;
    this.#nodes[next].focus();
  }

  #toggle(at) {
    if (this.#removed.includes(at)) this.#removed = this.#removed.filter((other) => other !== at);
    else this.#removed.push(at);
    for (const node of this.#nodes) node.tabIndex = Number(node.dataset.at) === at ? 0 : -1;
    this.#changed();
  }

  #restore(n) {
    if (this.#removed.length === 0) return;
    this.#removed = Number.isFinite(n) ? this.#removed.slice(0, -n) : [];
    this.#changed();
  }

  #changed() {
    for (const node of this.#nodes) {
      const isGone = this.#removed.includes(Number(node.dataset.at));
      node.classList.toggle('gone', isGone);
      node.setAttribute('aria-pressed', String(isGone));
    }
    this.#undo.disabled = this.#undoAll.disabled = this.#removed.length === 0;
    clearTimeout(this.#timer);
    this.#abort?.abort();
    if (this.#removed.length === 0) {
      this.#edited = null;
      this.#status.textContent = '';
      this.#hooks.landing(this.#item, null);
      this.#drawReceipt();
      announce(`Everything is back, score ${score(this.#item.score)}`);
      if (!this.isInUse) this.#hooks.rested();
      return;
    }
    this.#timer = setTimeout(() => this.#scoreEdited(), PAUSE);
  }

  /** The document without these pieces. */
  #without(removed) {
    const { document } = this.#item;
    const texts = removed.filter((at) => !this.#pieces[at].isTitle);
    const title = removed.some((at) => this.#pieces[at].isTitle) ? '' : document.title;
    return { id: document.id, title, text: textWithout(document.text, this.#pieces, texts) };
  }

  async #scoreEdited() {
    this.#abort = new AbortController();
    this.receipt.classList.add('measuring');
    try {
      const [now] = await this.#hooks.score([this.#without(this.#removed)], this.#abort.signal);
      this.#edited = now;
      const rank = this.#ranking.rankWith(this.#item, now.logit);
      const place = rank === this.#item.rank ? 'it keeps its place' : `it would stand at ${rank}`;
      const words = `Without ${this.#removed.length === 1 ? 'this' : `these ${this.#removed.length}`}: ${score(now.score)} (${change(this.#item.score, now.score)}), ${place}.`;
      this.#status.textContent = words;
      this.#drawReceipt();
      this.#hooks.landing(
        this.#item,
        rank === this.#item.rank ? null : { rank, words: `as edited, ${score(now.score)}` },
      );
    } catch (error) {
      if (error.name !== 'AbortError') this.#hooks.failed(error);
    } finally {
      this.receipt.classList.remove('measuring');
    }
  }

  /** Scores the document without each piece in turn, in one request, and writes the difference behind each. */
  async #measureAll() {
    const controller = new AbortController();
    this.#measuring = controller;
    this.#label();
    try {
      const n = this.#measurable();
      const variants = Array.from({ length: n }, (_, at) => this.#without([at]));
      const scores = await this.#hooks.score(variants, controller.signal);
      if (controller.signal.aborted) return;
      const lost = scores.map((each) => each.score - this.#item.score);
      this.#weights = new Map(lost.map((value, at) => [nameOfPiece(this.#pieces[at]), value]));
      this.#drawWeights();
      const least = Math.min(...lost);
      announce(
        `Measured. The heaviest is number ${lost.indexOf(least) + 1}, ${change(this.#item.score, this.#item.score + least)} without it.`,
      );
    } catch (error) {
      if (error.name !== 'AbortError') this.#hooks.failed(error);
    } finally {
      if (this.#measuring === controller) this.#rest();
    }
  }

  /** Nothing is being measured any more. */
  #rest() {
    this.#measuring = null;
    this.#label();
    if (!this.isInUse) this.#hooks.rested();
  }

  #measurable() {
    return measurable(this.#pieces.length, this.#item.document, this.#ranking.query, this.#hooks.room());
  }

  /** Says what the button does now. */
  #label() {
    const isMeasured =
      this.#weights.size > 0 &&
      this.#pieces.slice(0, this.#measurable()).every((piece) => this.#weights.has(nameOfPiece(piece)));
    this.#measure.disabled = isMeasured || this.#pieces.length === 0;
    const words = isMeasured ? 'Measured' : 'Measure every sentence';
    this.#measure.textContent = this.#measuring ? 'Stop measuring' : words;
  }

  #drawWeights() {
    const lost = this.#pieces.map((piece) => this.#weights.get(nameOfPiece(piece)) ?? null);
    const n_unmeasured = lost.filter((value) => value === null).length;
    this.#label();
    if (n_unmeasured === lost.length) return;
    const strongest = Math.max(0.001, ...lost.map(Math.abs));
    lost.forEach((value, at) => {
      if (value === null) return;
      const node = this.#nodes[at];
      node.querySelector('.weight')?.remove();
      node.append(
        el(
          'span',
          { class: 'weight', title: 'Change of the score without this sentence' },
          spoken(', without it '),
          change(this.#item.score, this.#item.score + value),
        ),
      );
      node.classList.add('weighed');
      // What lowers the score when it goes carries it: the underline says how much.
      node.style.setProperty('--weight', (Math.max(0, -value) / strongest).toFixed(3));
    });
    this.#status.textContent = `Behind each sentence: the change of the score without it.${n_unmeasured > 0 ? ` Not measured: ${n_unmeasured}.` : ''}`;
  }

  #drawReceipt() {
    const values = receiptOf(this.#item);
    this.receipt.replaceChildren(receiptTable({ ...values, edited: this.#edited?.score ?? null }));
    const words = receiptWords(values);
    if (words) this.receipt.append(el('p', { class: 'receipt-words' }, words));
  }
}

/** What a piece is called, whatever stands before it. */
function nameOfPiece({ isTitle, start, end }) {
  return isTitle ? 'title' : `${start}-${end}`;
}
