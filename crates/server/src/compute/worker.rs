//! The loop that computes: one batch after the other, each with all of the student's threads.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reason_to_rank::inference::{InferenceError, Scored, TokenizedList};
use reason_to_rank::reranking::explained::Placed;
use reason_to_rank::student::LoadedStudent;
use reason_to_rank::types::document::Document;

use crate::compute::admission::Admission;
use crate::compute::cost::REASONS_TOKENS;
use crate::compute::task::{Explaining, Failed, Place, Pointing, Scoring, Span, Task};
use crate::compute::turns::{Turn, Turns};
use crate::metrics::Metrics;

/// Tasks that wait for the loop.
pub(crate) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    turns: Turns<Task>,
    is_open: bool,
}

/// How batches are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchSize {
    /// Tokens computed together.
    pub(crate) max_tokens: usize,
    /// Tokens of a task before the next one has its turn.
    pub(crate) turn_tokens: usize,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { turns: Turns::new(), is_open: true }), changed: Condvar::new() })
    }

    /// Adds a task; a closed queue drops it, and with it the channel on which its answer is awaited.
    pub(crate) fn push(&self, task: Task) {
        let mut state = self.lock();
        if state.is_open {
            state.turns.push(task);
            self.changed.notify_one();
        }
    }

    /// Drops what waits, and lets the loop end after its batch.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_open = false;
        state.turns = Turns::new();
        self.changed.notify_one();
    }

    /// Waits for the next batch; `None` when the queue is closed. Comes with the tasks of the last batch that have steps
    /// left.
    fn next_batch(&self, unfinished: Vec<Task>, size: BatchSize) -> Option<Vec<Turn<Task>>> {
        let mut state = self.lock();
        for task in unfinished {
            state.turns.push(task);
        }
        loop {
            if !state.is_open {
                return None;
            }
            let batch = state.turns.next_batch(size.max_tokens, size.turn_tokens);
            if !batch.is_empty() {
                return Some(batch);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the loop computes with.
pub(crate) struct Worker {
    pub(crate) student: Arc<LoadedStudent>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) batch: BatchSize,
}

impl Worker {
    /// Computes until the queue is closed.
    pub(crate) fn run(&self, queue: &Queue) {
        let mut unfinished = Vec::new();
        while let Some(batch) = queue.next_batch(std::mem::take(&mut unfinished), self.batch) {
            // A bug of ours costs the requests of one batch, whose channels close, and not all that come after them.
            unfinished = catch_unwind(AssertUnwindSafe(|| self.compute(batch))).unwrap_or_default();
        }
    }

    /// Computes a batch, and says what has steps left.
    fn compute(&self, batch: Vec<Turn<Task>>) -> Vec<Task> {
        let (mut lists, mut unfinished) = (Vec::new(), Vec::new());
        for Turn { task, steps } in batch {
            match task {
                Task::Score(scoring) => lists.push((scoring, steps)),
                Task::Explain(explaining) => unfinished.extend(self.explain(explaining).map(Task::Explain)),
                Task::Point(pointing) => unfinished.extend(self.point(pointing).map(Task::Point)),
            }
        }
        if !lists.is_empty() {
            unfinished.extend(self.score(lists).into_iter().map(Task::Score));
        }
        unfinished
    }

    /// Scores the next documents of several requests together.
    fn score(&self, turns: Vec<(Scoring, usize)>) -> Vec<Scoring> {
        let began = Instant::now();
        let mut tokenized: Vec<(Scoring, Vec<TokenizedList>)> = Vec::with_capacity(turns.len());
        for (mut scoring, steps) in turns {
            if scoring.scores.scored.is_empty() {
                scoring.scores.timing.queued = began - scoring.since;
            }
            let since = Instant::now();
            let lists = guarded(|| self.tokenize(&scoring, steps));
            scoring.scores.timing.tokenized += since.elapsed();
            match lists {
                Ok(lists) => tokenized.push((scoring, lists)),
                Err(failed) => drop(scoring.reply.send(Err(failed))),
            }
        }
        let since = Instant::now();
        let lists: Vec<&TokenizedList> = tokenized.iter().flat_map(|(_, lists)| lists).collect();
        let scores = of_requests(self.score_lists(&lists), tokenized.iter().map(|(_, lists)| lists.len()));
        let inferred = since.elapsed();

        let mut unfinished = Vec::new();
        let (mut tokens, mut documents) = (0, 0);
        for ((mut scoring, lists), scored) in tokenized.into_iter().zip(scores) {
            let scored = match scored {
                Ok(scored) => scored,
                Err(failed) => {
                    drop(scoring.reply.send(Err(failed)));
                    continue;
                }
            };
            let first = scoring.scores.scored.len();
            let estimated: usize = scoring.costs[first..first + scored.len()].iter().sum();
            scoring.ticket.computed(estimated);
            tokens += estimated;
            documents += scored.len();
            let so_far = &mut scoring.scores;
            so_far.timing.inferred += inferred;
            so_far.query_truncated |= lists.iter().any(TokenizedList::is_query_truncated);
            so_far.tokens += lists.iter().flat_map(TokenizedList::lengths).sum::<usize>();
            so_far.scored.extend(scored);
            if so_far.scored.len() < scoring.costs.len() {
                unfinished.push(scoring);
            } else {
                drop(scoring.reply.send(Ok(scoring.scores)));
            }
        }
        self.admission.measured(tokens, began.elapsed());
        self.metrics.batch(tokens, documents);
        unfinished
    }

    /// The next documents of a request, those of one query together.
    fn tokenize(&self, scoring: &Scoring, steps: usize) -> Result<Vec<TokenizedList>, InferenceError> {
        let first = scoring.scores.scored.len();
        let next = &scoring.pairs[first..first + steps];
        let mut tokenized = Vec::new();
        for pairs in next.chunk_by(|one, other| one.0 == other.0) {
            let list = &scoring.lists[pairs[0].0];
            let texts: Vec<_> = pairs.iter().map(|&(_, index)| list.documents[index].title_and_text()).collect();
            let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
            tokenized.push(self.student.engine().tokenize_list(&list.query, &texts)?);
        }
        Ok(tokenized)
    }

    /// Scores lists together, and where that fails each alone, so that no request fails for another one's sake.
    fn score_lists(&self, lists: &[&TokenizedList]) -> Vec<Result<Vec<Scored>, Failed>> {
        let engine = self.student.engine();
        match guarded(|| engine.score_lists(lists)) {
            Ok(scores) => scores.into_iter().map(Ok).collect(),
            Err(failed) if lists.len() == 1 => vec![Err(failed)],
            Err(_) => lists
                .iter()
                .map(|list| guarded(|| Ok::<_, InferenceError>(engine.score_lists(&[list])?.pop().unwrap_or_default())))
                .collect(),
        }
    }

    /// Explains the next documents of a list; what is left comes back.
    fn explain(&self, mut explaining: Explaining) -> Option<Explaining> {
        let began = Instant::now();
        let rest = &explaining.places[explaining.done..];
        let now = &rest[..rest.len().min(explaining.together)];
        let documents = &explaining.list.documents;
        let placed = |place: &Place| Placed {
            document: &documents[place.document],
            logit: place.logit,
            neighbor: place.neighbor.map(|(other, stands)| (&documents[other], stands)),
        };
        let written = guarded(|| {
            let placed: Vec<Placed<'_>> = now.iter().map(placed).collect();
            self.student.reranker().explain(&explaining.list.query, &placed)
        });
        let (n, took) = (now.len(), began.elapsed());
        match written {
            Ok(reasonings) => {
                // Counted before anyone has them, so that who asks afterwards finds them counted.
                self.metrics.explained(n, took);
                for reasoning in reasonings {
                    // Where nobody listens any more, the queue drops the rest.
                    let _ = explaining.reply.send(Ok(reasoning));
                }
            }
            Err(failed) => {
                self.metrics.unexplained(explaining.places.len() - explaining.done);
                let _ = explaining.reply.send(Err(failed));
                return None;
            }
        }
        explaining.done += n;
        explaining.ticket.computed(n * REASONS_TOKENS);
        self.admission.measured(n * REASONS_TOKENS, took);
        (explaining.done < explaining.places.len()).then_some(explaining)
    }

    /// Finds the sentences that matter in the next documents of a list; what is left comes back.
    fn point(&self, mut pointing: Pointing) -> Option<Pointing> {
        let began = Instant::now();
        let rest = &pointing.documents[pointing.found.len()..];
        let now = &rest[..rest.len().min(pointing.together)];
        let tokens = now.iter().map(|&(_, tokens)| tokens).sum();
        let documents: Vec<&Document> = now.iter().map(|&(index, _)| &pointing.list.documents[index]).collect();
        match guarded(|| self.spans(&pointing.list.query, &documents)) {
            Ok(found) => pointing.found.extend(found),
            Err(failed) => {
                drop(pointing.reply.send(Err(failed)));
                return None;
            }
        }
        pointing.ticket.computed(tokens);
        self.admission.measured(tokens, began.elapsed());
        if pointing.found.len() < pointing.documents.len() {
            return Some(pointing);
        }
        drop(pointing.reply.send(Ok(pointing.found)));
        None
    }

    fn spans(&self, query: &str, documents: &[&Document]) -> Result<Vec<Vec<Span>>, InferenceError> {
        let engine = self.student.engine();
        let mut found = Vec::with_capacity(documents.len());
        for (pair, document) in engine.encode(query, documents)?.iter().zip(documents) {
            let mut spans = Vec::new();
            for sentence in engine.sentence_scores(pair)? {
                let bytes = sentence.sentence.text;
                let start = document.text[..bytes.start].chars().count();
                let end = start + document.text[bytes].chars().count();
                spans.push(Span { start, end, score: sentence.probability });
            }
            found.push(spans);
        }
        Ok(found)
    }
}

/// The scores of requests that have so many lists each; one whose list failed has none.
fn of_requests(
    lists: Vec<Result<Vec<Scored>, Failed>>,
    n_lists: impl Iterator<Item = usize>,
) -> Vec<Result<Vec<Scored>, Failed>> {
    let mut lists = lists.into_iter();
    let of_request = |n: usize| {
        // All of its lists are taken before one of them is looked at: what a failure left would be the next request's.
        let own: Vec<_> = lists.by_ref().take(n).collect();
        let own: Result<Vec<Vec<Scored>>, Failed> = own.into_iter().collect();
        own.map(|lists| lists.concat())
    };
    n_lists.map(of_request).collect()
}

/// The result of work that may fail or panic: whatever a text does, the loop goes on.
fn guarded<R, E: std::fmt::Display>(work: impl FnOnce() -> Result<R, E>) -> Result<R, Failed> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => Err(Failed(error.to_string())),
        // Its words may quote a document: they are told to nobody.
        Err(_) => Err(Failed("the student panicked; the log says where".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_fails_leaves_the_scores_of_other_requests_where_they_belong() {
        let scored = |logit: f32| {
            let (similarity, lexical) = (None, None);
            vec![Scored { logit, head: logit, similarity, lexical, probability: 0.5, truncated: false }]
        };
        let failed = Failed("no finite score".to_owned());
        let lists = vec![Err(failed.clone()), Ok(scored(1.0)), Ok(scored(2.0)), Ok(scored(3.0)), Ok(scored(4.0))];
        let expected = vec![Err(failed), Ok([scored(2.0), scored(3.0)].concat()), Ok(scored(4.0))];
        assert_eq!(of_requests(lists, [2, 2, 1].into_iter()), expected);
    }

    #[test]
    fn a_panic_is_a_failure_that_quotes_nothing() {
        let failed = guarded(|| -> Result<(), Failed> { panic!("{} is no text", "secret") }).unwrap_err();
        assert!(!failed.to_string().contains("secret"), "{failed}");
    }
}
