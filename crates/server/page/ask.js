// The form: query, documents in whatever form they are pasted or dropped, and what to ask for.

import { InputError, readDocuments, readFile } from './documents.js';
import { byId, el } from './dom.js';
import { counted, size } from './format.js';

/** Longer texts are kept beside the text field, which would slow down. */
const TYPED_UP_TO = 200_000;

/** Typing rests this long, in milliseconds, before the documents are counted. */
const PAUSE = 180;

export class AskForm {
  #attached = null;
  #plain = false;
  #timer = null;
  #hooks;
  #limits = { documents: Infinity, reasons: true, search: false };

  /** `hooks`: `run()`, `runOrStop()` for the button that is both, `failed(error)`, `changed()`. */
  constructor(hooks) {
    this.#hooks = hooks;
    byId('ask').addEventListener('submit', (event) => {
      event.preventDefault();
      hooks.runOrStop();
    });
    byId('query').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        hooks.run();
      }
    });
    byId('query').addEventListener('input', () => this.#fit());
    byId('documents').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) hooks.run();
    });
    byId('documents').addEventListener('input', () => {
      this.#plain = false;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#count(), PAUSE);
    });
    byId('documents').addEventListener('paste', (event) => {
      const text = event.clipboardData?.getData('text/plain') ?? '';
      if (text.length <= TYPED_UP_TO) return;
      event.preventDefault();
      this.#take(text, 'pasted text');
    });
    byId('browse').addEventListener('click', () => byId('file').click());
    byId('file').addEventListener('change', () => this.#open(byId('file').files));
    byId('edit').addEventListener('click', () => this.toggle());
    for (const radio of document.querySelectorAll('input[name=source]'))
      radio.addEventListener('change', () => this.#source());
    this.#drops();
    this.#count();
  }

  /** What the server can do: `{max_documents, reasons, search}` of /info. */
  allow(info) {
    this.#limits = {
      documents: info.max_documents ?? Infinity,
      reasons: info.reasons !== false,
      search: info.search === true,
    };
    byId('reasons-label').hidden = !this.#limits.reasons;
    byId('source').hidden = !this.#limits.search;
    this.#source();
    this.#count();
  }

  get source() {
    return this.#limits.search ? document.querySelector('input[name=source]:checked').value : 'documents';
  }

  /** What is asked, checked. Throws an InputError. */
  read() {
    const query = byId('query').value.trim();
    if (!query) throw new InputError('write a query first');
    const n_reasons = this.#limits.reasons ? Number(byId('reasons').value) : 0;
    if (this.source === 'search')
      return { source: 'search', query, n_reasons, depth: Number(byId('depth').value), notes: [] };
    const { documents, notes } = readDocuments(this.raw, { plain: this.#plain });
    if (documents.length === 0)
      throw new InputError('add documents first: paste them, drop a file, or start with an example');
    if (documents.length > this.#limits.documents) {
      throw new InputError(
        `${counted(documents.length, 'document')} are more than the ${this.#limits.documents} this server takes at once; take some out`,
      );
    }
    return { source: 'documents', query, documents, n_reasons, notes };
  }

  /** The documents as they were given. */
  get raw() {
    return this.#attached?.text ?? byId('documents').value;
  }

  /** The form's state, for a link. */
  state() {
    const state = { q: byId('query').value, r: Number(byId('reasons').value) };
    if (this.source === 'search') return { ...state, s: 'search', k: Number(byId('depth').value) };
    return { ...state, d: this.raw, ...(this.#plain ? { plain: true } : {}) };
  }

  /** Fills the form from such a state. */
  fill({ q, r, s, k, d, plain }) {
    byId('query').value = typeof q === 'string' ? q : '';
    choose(byId('reasons'), r);
    choose(byId('depth'), k);
    for (const radio of document.querySelectorAll('input[name=source]'))
      radio.checked = radio.value === (s === 'search' ? 'search' : 'documents');
    if (s !== 'search') this.#take(typeof d === 'string' ? d : '', 'documents');
    this.#plain = plain === true;
    this.#source();
    this.#fit();
    this.#count();
  }

  /** Reads the documents as plain text, one a line, although they begin like JSON. */
  readPlain() {
    this.#plain = true;
    this.#count();
  }

  /** Shows a line of the documents. */
  showLine(line) {
    this.toggle(true);
    if (this.#attached) return;
    const field = byId('documents');
    const lines = field.value.split('\n');
    const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
    field.focus();
    field.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
    field.scrollTop = (field.scrollHeight / lines.length) * Math.max(0, line - 3);
    field.scrollLeft = 0;
  }

  /** Opens or closes the field of documents. */
  toggle(open = byId('documents-body').hidden) {
    byId('documents-body').hidden = !open;
    byId('ask').classList.toggle('folded', !open);
    byId('edit').setAttribute('aria-expanded', String(open));
    byId('edit').textContent = open ? 'Hide' : 'Edit';
    byId('edit').hidden = false;
  }

  /** Begins anew. */
  clear() {
    this.fill({
      q: '',
      r: Number(byId('reasons').value),
      d: '',
      s: this.source === 'search' ? 'search' : undefined,
      k: Number(byId('depth').value),
    });
    this.toggle(true);
    byId('edit').hidden = true;
    byId('query').focus();
  }

  async #open(files) {
    if (!files || files.length === 0) return;
    try {
      const file = files[0];
      const text = await readFile(file);
      this.#take(text, file.name, file.name.replace(/\.gz$/, '').endsWith('.txt'));
      const { query } = readDocuments(text, { plain: this.#plain });
      if (query) byId('query').value = query;
      for (const radio of document.querySelectorAll('input[name=source]')) radio.checked = radio.value === 'documents';
      this.#source();
      this.#fit();
      this.toggle(true);
      this.#hooks.changed();
    } catch (error) {
      this.#hooks.failed(error);
    }
    byId('file').value = '';
  }

  #take(text, name, plain = false) {
    this.#plain = plain;
    const field = byId('documents');
    const box = byId('attached');
    this.#attached = text.length > TYPED_UP_TO ? { text, name } : null;
    field.value = this.#attached ? '' : text;
    field.hidden = this.#attached !== null;
    box.hidden = this.#attached === null;
    if (this.#attached) {
      box.replaceChildren(
        el('span', {}, el('strong', {}, name), ` ${size(new Blob([text]).size)}, too long to show here`),
        el(
          'button',
          {
            type: 'button',
            class: 'quiet',
            on: {
              click: () => {
                this.#take('', '');
                byId('documents').focus();
              },
            },
          },
          'Remove',
        ),
      );
    }
    this.#count();
  }

  #count() {
    const place = byId('documents-state');
    place.classList.remove('wrong');
    if (this.raw === '') {
      place.textContent = '';
      return;
    }
    try {
      const { documents, form } = readDocuments(this.raw, { plain: this.#plain });
      place.textContent = documents.length === 0 ? '' : `${counted(documents.length, 'document')}, ${form}`;
    } catch (error) {
      place.textContent = error.line ? `line ${error.line}: ${error.message}` : error.message;
      place.classList.add('wrong');
    }
  }

  #source() {
    const searches = this.source === 'search';
    byId('documents-box').hidden = searches;
    byId('depth-label').hidden = !searches;
    byId('query').placeholder = searches ? 'What is searched for in the index?' : 'What is searched for?';
  }

  /** Lets the query's field grow with its text, where the style sheet cannot. */
  #fit() {
    if (CSS.supports('field-sizing', 'content')) return;
    const field = byId('query');
    field.style.setProperty('height', 'auto');
    field.style.setProperty('height', `${field.scrollHeight}px`);
  }

  #drops() {
    const box = byId('documents-box');
    let depth = 0;
    const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');
    addEventListener('dragenter', (event) => {
      if (!hasFile(event)) return;
      depth += 1;
      document.body.classList.add('dropping');
    });
    addEventListener('dragleave', (event) => {
      if (!hasFile(event)) return;
      depth = Math.max(0, depth - 1);
      if (depth === 0) document.body.classList.remove('dropping');
    });
    addEventListener('dragover', (event) => {
      if (hasFile(event)) event.preventDefault();
    });
    addEventListener('drop', (event) => {
      if (!hasFile(event)) return;
      event.preventDefault();
      depth = 0;
      document.body.classList.remove('dropping');
      if (box.hidden) byId('source').querySelector('[value=documents]').click();
      this.#open(event.dataTransfer.files);
    });
  }
}

/** Chooses a number in a select; one that it does not offer leaves it as it was. */
function choose(select, value) {
  if ([...select.options].some((option) => option.value === String(value))) select.value = String(value);
}
