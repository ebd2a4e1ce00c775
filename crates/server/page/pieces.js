// A document's text in pieces that can be taken out: its sentences, with the evidence as a piece of its own.

/** A function from Unicode code points, in which the server counts, to positions of a JavaScript string (UTF-16). */
export function codePoints(text) {
  const astral = [];
  let point = 0;
  for (const character of text) {
    if (character.length === 2) astral.push(point);
    point += 1;
  }
  // Each character outside of the basic plane before an offset takes one unit more.
  return (offset) => {
    let [low, high] = [0, astral.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (astral[middle] < offset) low = middle + 1;
      else high = middle;
    }
    return offset + low;
  };
}

/** The evidence of a document as ranges of its string: `[{start, end, evidence}]`, in text order, none over another. */
export function evidenceRanges(text, evidence) {
  const at = codePoints(text);
  const ranges = evidence
    .map((each) => ({ start: at(each.start), end: at(each.end), evidence: each }))
    .filter((range) => range.end > range.start && range.end <= text.length)
    .sort((a, b) => a.start - b.start);
  return ranges.filter((range, i) => i === 0 || range.start >= ranges[i - 1].end);
}

/**
 * The pieces of a text: `[{start, end, evidence}]`, in order, trimmed, none empty; `evidence` is null for a sentence
 * that is none. What lies between two pieces is white space.
 */
export function piecesOf(text, evidence) {
  const marked = evidenceRanges(text, evidence);
  const pieces = [];
  const push = (start, end, mark) => {
    const piece = text.slice(start, end);
    const from = start + (piece.length - piece.trimStart().length);
    const to = start + piece.trimEnd().length;
    if (to > from) pieces.push({ start: from, end: to, evidence: mark });
  };
  let next = 0;
  for (const sentence of sentences(text)) {
    let start = sentence.start;
    // Sentences are cut where evidence begins or ends, and dissolve where it covers them.
    while (next < marked.length && marked[next].start < sentence.end) {
      if (marked[next].start > start) push(start, marked[next].start, null);
      if (marked[next].start >= sentence.start) push(marked[next].start, marked[next].end, marked[next].evidence);
      start = Math.max(start, marked[next].end);
      if (marked[next].end > sentence.end) break;
      next += 1;
    }
    if (start < sentence.end) push(start, sentence.end, null);
  }
  return pieces;
}

/** Sentences by UAX #29; one of fewer than three words joins the one before it, so that each can be judged. */
function sentences(text) {
  const found = [];
  let lastIsShort = false;
  for (const { start, end } of bounds(text)) {
    const isShort = (text.slice(start, end).match(/[\p{L}\p{N}]+/gu) ?? []).length < 3;
    if (found.length > 0 && (isShort || lastIsShort)) found[found.length - 1].end = end;
    else found.push({ start, end });
    const last = found[found.length - 1];
    lastIsShort = (text.slice(last.start, last.end).match(/[\p{L}\p{N}]+/gu) ?? []).length < 3;
  }
  return found;
}

function bounds(text) {
  if (typeof Intl.Segmenter === 'function') {
    return [...new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)].map(({ index, segment }) => ({
      start: index,
      end: index + segment.length,
    }));
  }
  return [...text.matchAll(/[^.!?\n]*[.!?]*\s*/gu)]
    .filter((match) => match[0])
    .map((match) => ({ start: match.index, end: match.index + match[0].length }));
}

/** The text without some of its pieces, joined by one space where one is gone, as the server's receipts are. */
export function textWithout(text, pieces, removed) {
  let [kept, from] = ['', 0];
  const join = (part) => {
    const [before, after] = [kept.trimEnd(), part.trimStart()];
    kept = before && after ? `${before} ${after}` : before || after;
  };
  let isFirst = true;
  for (const piece of removed.map((at) => pieces[at]).sort((a, b) => a.start - b.start)) {
    const part = text.slice(from, piece.start);
    if (isFirst) kept = part;
    else join(part);
    isFirst = false;
    from = piece.end;
  }
  if (isFirst) return text;
  join(text.slice(from));
  return kept;
}
