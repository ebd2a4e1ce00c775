// A ranking as the page holds it: the server's reply, joined with the documents that were sent.

/**
 * One ranked document: `rank` and `from` count from 1, `from` is the place in the input order (or in what was retrieved),
 * `state` says whether reasons were asked for: none, waiting, written.
 */
function item(result, rank, document, from, n_explained) {
  return {
    rank,
    from,
    index: result.index,
    document,
    score: result.relevance_score,
    logit: result.logit ?? result.relevance_score,
    retrievedScore: result.retrieved_score ?? null,
    isCut: result.truncated === true,
    reasoning: result.reasoning ?? null,
    state: result.reasoning ? 'written' : rank <= n_explained ? 'waiting' : 'none',
  };
}

export class Ranking {
  /**
   * `asked` is the request without its stream flag, `path` where it went; `documents` what was sent, null in a search;
   * `n_explained` how many reasons are on their way.
   */
  constructor({ path, asked, documents, reply, n_explained, milliseconds }) {
    Object.assign(this, { path, asked, documents, reply, milliseconds });
    this.query = asked.query;
    this.model = reply.model ?? '';
    this.isSearch = documents === null;
    this.warnings = [...(reply.warnings ?? [])];
    this.items = reply.results.map((result, at) => {
      const document = this.isSearch
        ? {
            id: String(result.id ?? result.document?.id ?? result.index),
            title: result.document?.title ?? '',
            text: result.document?.text ?? '',
          }
        : documents[result.index];
      return item(result, at + 1, document, result.retrieved_rank ?? result.index + 1, n_explained);
    });
    /** How many places the input order has. */
    this.n_input = this.isSearch
      ? Math.max(reply.candidates ?? 0, ...this.items.map((each) => each.from))
      : documents.length;
  }

  /** Takes reasons that were written; the item they belong to, or null where there is none. */
  write({ index, rank, reasoning }) {
    const found = this.items.find((each) => each.index === index) ?? this.items[rank - 1] ?? null;
    if (found) Object.assign(found, { reasoning, state: 'written' });
    const inReply = this.reply.results.find((result) => result.index === index);
    if (inReply) inReply.reasoning = reasoning;
    return found;
  }

  /** No further reasons will come. */
  close() {
    for (const each of this.items) if (each.state === 'waiting') each.state = 'none';
  }

  get n_waiting() {
    return this.items.filter((each) => each.state === 'waiting').length;
  }

  get n_written() {
    return this.items.filter((each) => each.reasoning !== null).length;
  }

  byId(id) {
    return this.items.find((each) => each.document.id === id) ?? null;
  }

  /** The rank that a document would have with another raw score; equal scores keep the input order. */
  rankWith(changed, logit) {
    const before = (each) => each.logit > logit || (each.logit === logit && each.from < changed.from);
    return 1 + this.items.filter((each) => each !== changed && before(each)).length;
  }
}

/** The document in a request: without a title where it has none. */
export function sent({ id, title, text }) {
  return title ? { id, title, text } : { id, text };
}

/** What a document is called: its title, or the beginning of its text; cut at a word where it is longer than `most`. */
export function nameOf({ title, text, id }, most = 160) {
  const name = title || text.slice(0, most + 1).trim() || id;
  if (name.length <= most) return name;
  const cut = name.slice(0, most);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), most / 2)).trimEnd()}…`;
}
