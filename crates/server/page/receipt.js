// Receipts: measured scores of a document, without its quote, and of the quote alone, on one scale from 0 to 1.

import { el, spoken } from './dom.js';
import { change, score } from './format.js';

/** One bar: `value` and, where it is less than `of`, the part that is gone. */
function bar(value, of = null, kind = '') {
  const node = el(
    'span',
    { class: `meter ${kind}`, 'aria-hidden': 'true' },
    el('span', { class: 'gone' }),
    el('span', { class: 'has' }),
  );
  const [gone, has] = node.children;
  has.style.setProperty('--part', value.toFixed(4));
  gone.style.setProperty('--part', Math.max(of ?? 0, value).toFixed(4));
  return node;
}

function line(label, value, whole, kind) {
  const differs = whole !== null;
  return el(
    'tr',
    { class: kind },
    el('th', { scope: 'row' }, label),
    el('td', { class: 'drawn' }, bar(value, differs ? whole : null, kind)),
    el('td', { class: 'value' }, score(value)),
    el(
      'td',
      { class: 'change' },
      differs ? change(whole, value) : '',
      differs ? spoken(' against the whole document') : null,
    ),
  );
}

/** The bars of a receipt. `without` and `alone` are null where there is no evidence, `edited` where nothing is taken out. */
export function receiptTable({ whole, without, alone, edited = null }) {
  return el(
    'table',
    { class: 'receipt' },
    el('caption', { class: 'sr' }, 'Scores, measured'),
    el(
      'tbody',
      {},
      line('whole document', whole, null, 'whole'),
      without === null ? null : line('without quote', without, whole, 'without'),
      alone === null ? null : line('quote alone', alone, whole, 'alone'),
      edited === null ? null : line('as edited', edited, whole, 'edited'),
    ),
  );
}

/** What a receipt says, by rule. */
export function receiptWords({ whole, without, alone }) {
  if (without === null) return '';
  const lost = whole - without;
  const share = whole > 0 ? lost / whole : 0;
  const hangs =
    lost < -0.005
      ? 'Without these words the score would even be higher: they do not carry it.'
      : share < 0.1
        ? 'The score hardly depends on these words; the rest of the document carries it.'
        : share < 0.4
          ? `Some of the score (${percent(share)}) goes with these words.`
          : share < 0.75
            ? `Much of the score (${percent(share)}) goes with these words.`
            : `Nearly all of the score (${percent(share)}) hangs on these words.`;
  if (alone === null) return hangs;
  const kept =
    alone > whole + 0.005
      ? ' Alone they score even higher than the whole document.'
      : alone >= whole * 0.8
        ? ' Alone they do as well as the whole document.'
        : alone >= whole * 0.4
          ? ' Alone they are worth less: they need the words around them.'
          : ' Alone they are worth little.';
  return hangs + kept;
}

function percent(share) {
  return `${Math.round(Math.min(share, 1) * 100)} %`;
}

/** The receipt of an item's first evidence. */
export function receiptOf(item) {
  const evidence = item.reasoning?.evidence?.[0];
  return {
    whole: item.score,
    without: evidence?.score_without ?? null,
    alone: evidence?.score_alone ?? null,
  };
}
