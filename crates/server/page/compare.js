// Why one document stands above another: both side by side.

import { el, fill, spoken } from './dom.js';
import { logit, score, sentence } from './format.js';
import { evidenceRanges } from './pieces.js';
import { nameOf } from './ranking.js';
import { receiptOf, receiptTable } from './receipt.js';

/** Shows the dialog for two items of a ranking, the higher first, with what was said of them, or while that comes (null). */
export function drawComparison(dialog, { above, below, said, model, onCopy }) {
  const close = el(
    'button',
    { type: 'button', class: 'quiet', on: { click: () => dialog.close() } },
    'Close ',
    el('kbd', {}, 'Esc'),
  );
  const both = [above, below].map((item, at) => ({ item, reasoning: (at === 0 ? said?.above : said?.below) ?? null }));
  const gap = above.logit - below.logit;
  fill(
    dialog,
    el(
      'div',
      { class: 'dialog-head' },
      el('h2', { id: 'compare-title' }, `Why ${above.rank} stands above ${below.rank}`),
      close,
    ),
    said
      ? el('p', { class: 'verdict' }, said.reply.text || 'The student wrote no comparison.')
      : el(
          'p',
          { class: 'verdict muted' },
          'The student is writing ',
          el('span', { class: 'dots', 'aria-hidden': 'true' }),
        ),
    said?.reply.agrees === false
      ? el('p', { class: 'warning' }, el('strong', {}, 'Note. '), sentence(said.reply.warnings.join('; ')))
      : null,
    el(
      'p',
      { class: 'muted small' },
      `${logit(gap)} apart in raw score. ${model || 'The student'} worded this itself; direction, scores, quotes and the table are computed.`,
    ),
    said ? wordTable(both) : null,
    el('div', { class: 'pair' }, both.map(side)),
    said
      ? el(
          'div',
          { class: 'buttons' },
          el('button', { type: 'button', class: 'quiet', on: { click: onCopy } }, 'Copy as JSON'),
        )
      : null,
  );
}

function side({ item, reasoning }) {
  const shown = { ...item, reasoning: reasoning ?? item.reasoning };
  return el(
    'article',
    { class: 'side' },
    el('p', { class: 'muted small tabular' }, `Rank ${item.rank}, from ${item.from}`),
    el('h3', {}, nameOf(item.document, 90)),
    el('p', { class: 'muted small id-line' }, item.document.id),
    receiptTable(receiptOf(shown)),
    shown.reasoning?.direct ? el('p', { class: 'reason' }, shown.reasoning.direct) : null,
    el('p', { class: 'text' }, markedText(item.document.text, shown.reasoning?.evidence ?? [])),
    el('p', { class: 'muted small' }, `score ${score(item.score)}, logit ${logit(item.logit)}`),
  );
}

/** A text with its evidence marked. */
function markedText(text, evidence) {
  const parts = [];
  let from = 0;
  for (const { start, end } of evidenceRanges(text, evidence)) {
    parts.push(text.slice(from, start), el('mark', {}, text.slice(start, end)));
    from = end;
  }
  return [...parts, text.slice(from)].filter((part) => part !== '');
}

/** The query's words against both documents. */
function wordTable(both) {
  const has = both.map(({ reasoning }) => new Set(reasoning?.matched ?? []));
  const words = [
    ...new Set(both.flatMap(({ reasoning }) => [...(reasoning?.matched ?? []), ...(reasoning?.missing ?? [])])),
  ];
  if (words.length === 0) return null;
  const cell = (does) =>
    el(
      'td',
      { class: does ? 'has' : 'lacks' },
      el('span', { 'aria-hidden': 'true' }, does ? '●' : '–'),
      spoken(does ? 'has it' : 'lacks it'),
    );
  return el(
    'div',
    { class: 'wide-table', tabindex: 0, role: 'region', 'aria-label': 'Words of the query' },
    el(
      'table',
      { class: 'word-table' },
      el('caption', { class: 'sr' }, 'Which document has which word of the query'),
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          el('th', { scope: 'col' }, 'Query words'),
          words.map((word) => el('th', { scope: 'col' }, word)),
        ),
      ),
      el(
        'tbody',
        {},
        both.map(({ item }, at) =>
          el(
            'tr',
            {},
            el('th', { scope: 'row' }, `Rank ${item.rank}`),
            words.map((word) => cell(has[at].has(word))),
          ),
        ),
      ),
    ),
  );
}
