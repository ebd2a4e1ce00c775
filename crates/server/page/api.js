// The server's HTTP interface: requests, its error shapes, and server-sent events read by hand, since EventSource cannot POST.

const KEY = 'r2r-key';

/** Addresses are relative to the page, so that it also works behind a path of a proxy. */
export const base = new URL('.', location.href);

/** The API key of this tab; empty where none was asked for. */
export const key = {
  read() {
    try {
      return sessionStorage.getItem(KEY) ?? '';
    } catch {
      return this.held ?? '';
    }
  },
  keep(value) {
    this.held = value;
    try {
      sessionStorage.setItem(KEY, value);
    } catch {
      // Storage can be forbidden; the key then lives as long as the page.
    }
  },
};

/** A request that did not succeed. `status` is 0 where no answer came; `retryAfter` is in seconds, or null. */
export class ServerError extends Error {
  constructor(message, status, retryAfter = null) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }

  get isBusy() {
    return this.status === 429 || this.status === 503;
  }
}

async function request(path, { body, signal, accept = 'application/json' } = {}) {
  const headers = { accept };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key.read()) headers.authorization = `Bearer ${key.read()}`;
  let response;
  try {
    response = await fetch(new URL(path, base), {
      method: body === undefined ? 'GET' : 'POST',
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      cache: 'no-store',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError(`no answer from ${base.host}`, 0);
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

/** What a refusal says, in whichever dialect it says it. */
async function refusal(response) {
  let said = '';
  try {
    const text = await response.text();
    said = text.slice(0, 300);
    const value = JSON.parse(text);
    const told = value.message ?? value.error?.message ?? value.error ?? value.detail;
    if (typeof told === 'string') said = told;
  } catch {
    // No JSON: the text itself is shown.
  }
  return new ServerError(
    said || `the server answered ${response.status}`,
    response.status,
    secondsUntil(response.headers.get('retry-after')),
  );
}

/** Retry-After as seconds; it may be a number or a date. */
function secondsUntil(header) {
  if (!header) return null;
  const value = /^\d+$/.test(header.trim()) ? Number(header) : (Date.parse(header) - Date.now()) / 1000;
  return Number.isFinite(value) ? Math.max(0, Math.ceil(value)) : null;
}

/** The JSON of a GET. */
export async function get(path, { signal } = {}) {
  return (await request(path, { signal })).json();
}

/** The JSON of a POST. */
export async function post(path, body, { signal } = {}) {
  const response = await request(path, { body, signal });
  try {
    return await response.json();
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new ServerError('the answer broke off', 0);
  }
}

/** The events of a streamed POST, as they come: `{event, data}` with `data` parsed. */
export async function* events(path, body, { signal } = {}) {
  const response = await request(path, { body, signal, accept: 'text/event-stream' });
  if (!response.headers.get('content-type')?.includes('text/event-stream')) {
    throw new ServerError('the server did not stream its answer', response.status);
  }
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  const parser = new EventParser();
  try {
    for (;;) {
      let part;
      try {
        part = await reader.read();
      } catch (error) {
        if (error.name === 'AbortError') throw error;
        throw new ServerError('the connection broke off', 0);
      }
      const text = part.done ? decoder.decode() : decoder.decode(part.value, { stream: true });
      for (const { event, data } of parser.push(text)) yield { event, data: JSON.parse(data) };
      if (part.done) return;
    }
  } finally {
    // A reader who left early no longer wants the rest: the server sees the connection close.
    reader.cancel().catch(() => {});
  }
}

/** Splits a text/event-stream into events (WHATWG HTML, "Server-sent events": fields, comments, all three line ends). */
export class EventParser {
  #rest = '';
  #event = '';
  #data = [];

  /** The events that this part of the stream completes. */
  push(text) {
    let buffer = this.#rest + text;
    // A carriage return at the end may be half of a line end.
    const held = buffer.endsWith('\r') ? '\r' : '';
    buffer = buffer.slice(0, buffer.length - held.length);
    const lines = buffer.split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + held;
    const complete = [];
    for (const line of lines) {
      if (line === '') {
        if (this.#data.length > 0) complete.push({ event: this.#event || 'message', data: this.#data.join('\n') });
        this.#event = '';
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(':');
      if (colon === 0) continue;
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') this.#event = value;
      else if (field === 'data') this.#data.push(value);
    }
    return complete;
  }
}
