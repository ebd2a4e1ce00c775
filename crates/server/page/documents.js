// Documents as people paste them: JSONL, a JSON array, a whole request, or plain text with one a line.

/** Input that cannot be read: what is wrong, in which line (from 1) if one is known. */
export class InputError extends Error {
  constructor(message, line = null, canBePlain = false) {
    super(message);
    this.line = line;
    this.canBePlain = canBePlain;
  }
}

/**
 * Reads documents: `{documents: [{id, title, text}], form, query, notes}`.
 *
 * A text that begins with `[` is a JSON array, one that begins with `{` is JSONL or one whole request
 * (`{"query", "documents"}`), all else is plain text. Plain lines are named by their line number, others without an id by
 * their place. `query` is null where the input brings none.
 */
export function readDocuments(raw, { plain = false } = {}) {
  const text = raw.replace(/^\ufeff/, '');
  const first = text.trimStart()[0];
  if (first === undefined) return { documents: [], form: 'empty', query: null, notes: [] };
  if (plain || (first !== '[' && first !== '{')) return named(plainRows(text), 'one a line', null);
  if (first === '[') return named(arrayRows(text), 'JSON array', null);

  const whole = wholeRequest(text);
  if (whole) return named(whole.rows, 'whole request', whole.query);
  return named(lineRows(text), 'JSONL', null);
}

function plainRows(text) {
  const rows = [];
  text.split(/\r\n|\n|\r/).forEach((line, at) => {
    const trimmed = line.trim();
    if (trimmed) rows.push({ id: String(at + 1), title: '', text: trimmed, line: at + 1 });
  });
  return rows;
}

function lineRows(text) {
  const rows = [];
  text.split(/\r\n|\n|\r/).forEach((line, at) => {
    if (!line.trim()) return;
    let value;
    try {
      value = JSON.parse(line);
    } catch (error) {
      throw new InputError(`not JSON: ${said(error)}`, at + 1, true);
    }
    rows.push(row(value, rows.length, at + 1));
  });
  return rows;
}

function arrayRows(text) {
  let values;
  try {
    values = JSON.parse(text);
  } catch (error) {
    throw new InputError(`the JSON array cannot be read: ${said(error)}`, lineOf(error.message, text), true);
  }
  return values.map((value, at) => row(value, at, null));
}

/** One JSON object over the whole text that holds documents, as a request does; null where it is none. */
function wholeRequest(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const list = value.documents ?? value.texts;
  if (!Array.isArray(list)) return null;
  return {
    rows: list.map((entry, at) => row(entry, at, null)),
    query: typeof value.query === 'string' ? value.query : null,
  };
}

function row(value, at, line) {
  const where = line === null ? `document ${at + 1} ` : '';
  if (typeof value === 'string') return { id: String(at + 1), title: '', text: value, line };
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new InputError(`${where}is no document: expected a text or {"id", "title", "text"}`, line);
  }
  const text = value.text ?? value.contents ?? value.content;
  if (typeof text !== 'string') throw new InputError(`${where}has no "text"`, line);
  const id = value.id ?? value._id ?? value.docid;
  return {
    id: id === undefined || id === null ? String(at + 1) : String(id),
    title: String(value.title ?? ''),
    text,
    line,
  };
}

/** Gives every document an id of its own, and says where an id had to be changed. */
function named(rows, form, query) {
  const notes = [];
  const taken = new Set(rows.map((each) => each.id));
  const seen = new Set();
  let n_twice = 0;
  const documents = rows.map(({ id, title, text }) => {
    let own = id;
    if (seen.has(id)) {
      n_twice += 1;
      for (let n = 2; taken.has(own); n += 1) own = `${id} (${n})`;
      taken.add(own);
    }
    seen.add(own);
    return { id: own, title, text };
  });
  if (n_twice > 0)
    notes.push(
      `${n_twice === 1 ? 'One id occurs' : `${n_twice} ids occur`} more than once; the later ones got a number.`,
    );
  return { documents, form, query, notes };
}

/** Where a JSON error lies; engines say it in different words, or not at all. */
function lineOf(message, text) {
  const line = /line (\d+)/.exec(message);
  if (line) return Number(line[1]);
  const position = /position (\d+)/.exec(message);
  return position ? text.slice(0, Number(position[1])).split('\n').length : null;
}

/** A JSON error in words: the place, which engines count within the line, as a column. */
function said(error) {
  const words = error.message
    .replace(/^JSON\.parse: /, '')
    .replace(/ in JSON at position \d+(?: \(line \d+ column (\d+)\))?/, (_, column) =>
      column ? `, column ${column}` : '',
    );
  return words.charAt(0).toLowerCase() + words.slice(1);
}

/**
 * The text of a file, unpacked where its name ends in .gz.
 * Throws an InputError where it is not UTF-8.
 */
export async function readFile(file) {
  let stream = file.stream();
  if (file.name.endsWith('.gz')) {
    if (typeof DecompressionStream === 'undefined')
      throw new InputError('this browser cannot unpack .gz; unpack the file first');
    stream = stream.pipeThrough(new DecompressionStream('gzip'));
  }
  let bytes;
  try {
    bytes = await new Response(stream).arrayBuffer();
  } catch {
    throw new InputError(`${file.name} cannot be read${file.name.endsWith('.gz') ? ': it is no gzip file' : ''}`);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new InputError(`${file.name} is not UTF-8; save it as UTF-8 and open it again`);
  }
}
