// The page: asks the server, and shows what comes back as it comes.

import { ServerError, base, events, get, post } from './api.js';
import { AskForm } from './ask.js';
import { curl, give } from './clipboard.js';
import { drawComparison } from './compare.js';
import { announce, byId, el } from './dom.js';
import { EXAMPLES } from './examples.js';
import { Failures } from './failures.js';
import { count, counted, sentence } from './format.js';
import { wireKeys } from './keys.js';
import { clearNotices, notice } from './notices.js';
import { Ranking, sent } from './ranking.js';
import { Results } from './results.js';
import { TooLong, fromFragment, toFragment } from './share.js';
import { toggleTheme, wireTheme } from './themes.js';

/** Links up to this long are kept in the address line, so that a reload shows the same ranking. */
const KEPT_LINK = 8000;

/** Results that a search shows. */
const SEARCH_TOP = 50;

let info = { reasons: true, search: false };
let isLocked = false;
let running = null;
let comparing = null;
/** The form as it was when the shown ranking was asked for: what a link holds. */
let shared = {};

const failed = (error, how) => failures.show(error, how);
const ask = new AskForm({ run: () => run(), runOrStop: () => stop() || run(), failed, changed: clearNotices });
const failures = new Failures({
  showLine: (line) => ask.showLine(line),
  readPlain: () => {
    ask.readPlain();
    run();
  },
  learn,
});
const results = new Results({
  score,
  room: () => ({ documents: info.max_documents ?? Infinity, bytes: info.max_body_bytes ?? Infinity }),
  failed,
  explain,
  compare,
  copy: (item) => give(JSON.stringify(asJson(item), null, 2), 'The document and its reasons are copied.'),
  writesReasons: () => info.reasons !== false,
});

/** Asks for a ranking, with reasons as they are written; `wanted` is the id of the document to choose. */
async function run(wanted = null) {
  stop();
  failures.stopWaiting();
  clearNotices();
  let asked;
  try {
    asked = ask.read();
  } catch (error) {
    failed(error);
    return;
  }
  const isSearch = asked.source === 'search';
  const path = isSearch ? 'v1/search' : 'v1/rerank';
  const request = isSearch
    ? { query: asked.query, depth: asked.depth, top_n: Math.min(SEARCH_TOP, asked.depth) }
    : { query: asked.query, documents: asked.documents.map(sent) };
  if (asked.n_reasons > 0) request.explain = { top: asked.n_reasons, comparison: true };

  const controller = new AbortController();
  running = controller;
  busy(isSearch ? 'Searching…' : `Scoring ${counted(asked.documents.length, 'document')}…`);
  const started = performance.now();
  const form = ask.state();
  let [ranking, isDone] = [null, false];
  const begin = (reply) => {
    ranking = new Ranking({
      path,
      asked: request,
      documents: isSearch ? null : asked.documents,
      reply,
      n_explained: asked.n_reasons,
      milliseconds: performance.now() - started,
    });
    ranking.warnings.push(...asked.notes);
    shared = form;
    ranked(ranking, wanted);
  };
  try {
    if (asked.n_reasons === 0) {
      begin(await post(path, request, { signal: controller.signal }));
      isDone = true;
    } else {
      for await (const { event, data } of events(path, { ...request, stream: true }, { signal: controller.signal })) {
        if (event === 'ranking') begin(data);
        else if (event === 'reasoning' && ranking) written(ranking, data);
        else if (event === 'error') throw new ServerError(data.message, 200);
        else if (event === 'done' && ranking) {
          done(ranking, data);
          isDone = true;
        }
      }
    }
    if (!isDone) throw new ServerError('the answer broke off', 0);
    failures.succeeded();
  } catch (error) {
    if (error.name !== 'AbortError') failed(error, { again: () => run(wanted), ranking });
  } finally {
    if (running === controller) {
      running = null;
      if (ranking) {
        ranking.close();
        results.updateAll();
      }
      idle();
    }
  }
}

/** Shows a ranking that has just come. */
function ranked(ranking, wanted) {
  byId('start').hidden = true;
  ask.toggle(false);
  results.show(ranking);
  const item = wanted === null ? null : ranking.byId(wanted);
  if (item) results.choose(item.rank, { show: true });
  drawActions();
  progress(ranking);
  const best = ranking.items[0];
  announce(
    best
      ? `Ranked ${counted(ranking.items.length, 'document')}. Best: ${best.document.title || best.document.id}, score ${best.score.toFixed(3)}.`
      : 'Nothing was found.',
  );
  keepLink();
}

function written(ranking, event) {
  const item = ranking.write(event);
  if (item) results.update(item);
  progress(ranking);
}

function done(ranking, { warnings = [], usage }) {
  for (const words of warnings) if (!ranking.warnings.includes(words)) ranking.warnings.push(words);
  if (usage) ranking.reply.usage = usage;
  results.warn();
  if (ranking.n_written > 0) announce(`${counted(ranking.n_written, 'reason')} written.`);
}

/** Stops what is under way; the server sees the connection close and stops as well. */
function stop() {
  if (!running) return false;
  const stopped = running;
  running = null;
  stopped.abort();
  if (results.ranking) {
    results.ranking.close();
    results.updateAll();
  }
  idle();
  return true;
}

function busy(words) {
  byId('run').textContent = 'Stop';
  byId('run').classList.add('stops');
  byId('run-hint').textContent = words;
  document.body.classList.add('busy');
  announce(words);
}

function idle() {
  byId('run').textContent = 'Rank';
  byId('run').classList.remove('stops');
  byId('run-hint').textContent = '';
  byId('writing').textContent = '';
  byId('progress').classList.add('resting');
  document.body.classList.remove('busy');
}

/** Shows how many reasons are written. */
function progress(ranking) {
  const bar = byId('progress');
  const total = ranking.n_waiting + ranking.n_written;
  bar.classList.toggle('resting', ranking.n_waiting === 0);
  if (ranking.n_waiting === 0) return;
  bar.setAttribute('aria-valuemax', total);
  bar.setAttribute('aria-valuenow', ranking.n_written);
  bar.firstElementChild.style.setProperty('--part', (ranking.n_written / total).toFixed(3));
  const words = `Writing reasons, ${ranking.n_written} of ${total}`;
  bar.setAttribute('aria-valuetext', words);
  byId('run-hint').textContent = words;
  byId('writing').textContent = words;
}

/** Scores of documents for the query of the ranking, in the given order. */
async function score(documents, signal) {
  const reply = await post('v1/rerank', { query: results.ranking.query, documents: documents.map(sent) }, { signal });
  const scores = [];
  for (const { index, relevance_score, logit } of reply.results)
    scores[index] = { score: relevance_score, logit: logit ?? relevance_score };
  return scores;
}

/** Why one of two documents stands above the other; a score needs no other documents, so that none is sent. */
async function reasonsOf(above, below, signal) {
  const { query } = results.ranking;
  // In their input order, by which equal scores are ordered.
  const both = [above, below].sort((a, b) => a.from - b.from);
  const asked = {
    query,
    documents: both.map((each) => sent(each.document)),
    above: both.indexOf(above),
    below: both.indexOf(below),
  };
  const reply = await post('v1/explain', asked, { signal });
  // Where the server does not agree with the order, it says so and turns the two round.
  const [first, second] = reply.agrees === false ? [reply.below, reply.above] : [reply.above, reply.below];
  return { reply, above: first.reasoning, below: second.reasoning };
}

/** Has the reasons of one document written, against its neighbor. */
async function explain(item) {
  const { ranking } = results;
  const neighbor = ranking.items[item.rank] ?? ranking.items[item.rank - 2];
  try {
    let reasoning;
    if (neighbor) {
      reasoning =
        item.rank < neighbor.rank ? (await reasonsOf(item, neighbor)).above : (await reasonsOf(neighbor, item)).below;
    } else {
      reasoning = (await post('v1/explain', { query: ranking.query, document: sent(item.document) })).document
        .reasoning;
    }
    if (results.ranking !== ranking) return;
    ranking.write({ index: item.index, rank: item.rank, reasoning });
    results.update(item);
    announce(`Reasons for rank ${item.rank} are written.`);
  } catch (error) {
    failed(error);
  }
}

/** Opens the comparison of two documents, the higher one first whichever was picked first. */
async function compare(one, other) {
  const [above, below] = one.rank < other.rank ? [one, other] : [other, one];
  const dialog = byId('compare');
  const { ranking } = results;
  comparing?.abort();
  const controller = new AbortController();
  comparing = controller;
  const draw = (said) => {
    const onCopy = () => give(JSON.stringify(said.reply, null, 2), 'The comparison is copied.');
    drawComparison(dialog, { above, below, said, model: ranking.model, onCopy });
  };
  draw(null);
  if (!dialog.open) dialog.showModal();
  try {
    const said = await reasonsOf(above, below, controller.signal);
    draw(said);
    announce(said.reply.text);
  } catch (error) {
    if (error.name === 'AbortError') return;
    dialog.close();
    failed(error, { again: () => compare(one, other) });
  }
}

/** Learns what the server is. */
async function learn() {
  try {
    info = await get('info');
    isLocked = false;
    ask.allow(info);
    byId('student').textContent = [info.student ?? info.model_id, info.precision].filter(Boolean).join(' · ');
    if (info.reasons === false) byId('student').append(' · ranks without reasons');
  } catch (error) {
    isLocked = error.status === 401;
    if (isLocked) byId('student').textContent = 'asks for a key';
    else
      failed(error, {
        again: () => {
          clearNotices();
          learn();
        },
      });
  }
}

/** Buttons that give the ranking away. */
function drawActions() {
  const button = (label, run) =>
    el('button', { type: 'button', class: 'quiet', 'aria-label': `Copy ${label}`, on: { click: run } }, label);
  byId('actions').replaceChildren(
    el('span', { class: 'muted small', 'aria-hidden': 'true' }, 'Copy'),
    button('Link', copyLink),
    button('JSON', () => give(JSON.stringify(results.ranking.reply, null, 2), 'The reply is copied.')),
    button('curl', () => give(curl(results.ranking.path, results.ranking.asked), 'The command is copied.')),
    el('button', { type: 'button', class: 'quiet apart', on: { click: begin } }, 'New'),
  );
}

/** One document as JSON. */
function asJson({ rank, document, score: value, logit, from, reasoning }) {
  return { query: results.ranking.query, rank, from, ...document, score: value, logit, reasoning };
}

async function fragment() {
  const chosen = results.chosen;
  return toFragment({ ...shared, ...(chosen && chosen.rank > 1 ? { c: chosen.document.id } : {}) });
}

/** Keeps a short link in the address line; a long one only takes the former away. */
async function keepLink() {
  try {
    const link = await fragment();
    history.replaceState(null, '', link.length <= KEPT_LINK ? link : location.pathname + location.search);
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    history.replaceState(null, '', location.pathname + location.search);
  }
}

async function copyLink() {
  try {
    const link = new URL(await fragment(), base).href;
    await give(
      link,
      link.length > 30000
        ? `The link is copied. It has ${count(link.length)} characters; some programs cut such links.`
        : 'The link is copied. It holds query and documents.',
    );
  } catch (error) {
    if (!(error instanceof TooLong)) throw error;
    notice('error', 'Too much for a link', `${sentence(error.message)} Copy it as JSON or curl instead.`);
  }
}

/** Opens the state of the address's fragment, if it holds one. */
async function openLink() {
  let state;
  try {
    state = await fromFragment(location.hash);
  } catch {
    notice('error', 'This link is damaged', 'It may have been cut on its way. Ask for it again, or begin anew.');
    return;
  }
  if (!state) return;
  if (isLocked) {
    failures.askForKey(openLink);
    return;
  }
  if (state.s === 'search' && info.search !== true) {
    notice('error', 'This link searches an index', 'This server was started without one: r2r serve --index DIR.');
    return;
  }
  ask.fill(state);
  await run(typeof state.c === 'string' ? state.c : null);
}

/** Begins anew, with the examples. */
function begin() {
  stop();
  failures.stopWaiting();
  clearNotices();
  results.clear();
  ask.clear();
  byId('start').hidden = false;
  history.replaceState(null, '', location.pathname + location.search);
}

function drawExamples() {
  const open = (example) => {
    ask.fill({ q: example.query, d: example.documents.map((each) => JSON.stringify(each)).join('\n'), r: 5 });
    run();
  };
  byId('examples').replaceChildren(
    ...EXAMPLES.map((example) =>
      el(
        'button',
        { type: 'button', class: 'example', on: { click: () => open(example) } },
        el('span', { class: 'over' }, example.kind),
        el('strong', {}, example.query),
        el('span', { class: 'muted' }, example.point),
      ),
    ),
  );
}

function openHelp() {
  if (!byId('help').open) byId('help').showModal();
}

wireTheme();
wireKeys({
  '/': () => {
    byId('query').focus();
    byId('query').select();
  },
  j: () => results.step(1),
  k: () => results.step(-1),
  c: () => results.pick(),
  u: () => results.undo(),
  e: () => {
    ask.toggle(true);
    byId('documents').focus();
  },
  l: () => results.ranking && copyLink(),
  t: toggleTheme,
  '?': openHelp,
  Escape: () => stop() || results.escape(),
});
byId('help-open').addEventListener('click', openHelp);
byId('compare').addEventListener('close', () => comparing?.abort());
for (const dialog of document.querySelectorAll('dialog')) {
  // A click beside a dialog closes it; its own padding is not beside it.
  dialog.addEventListener('click', (event) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    const isInside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
    // Keys click as well, without a place.
    if (event.target === dialog && !isInside) dialog.close();
  });
}
for (const button of document.querySelectorAll('[data-close]'))
  button.addEventListener('click', () => button.closest('dialog').close());
byId('list').addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || !event.target.closest('.row-main') || event.isComposing) return;
  event.preventDefault();
  results.choose(Number(event.target.closest('li').dataset.rank), { open: true });
  results.enterText();
});
addEventListener('hashchange', openLink);

drawExamples();
await learn();
await openLink();
