//! One student, shared by all requests: admission, turns, and the loop that computes.
//!
//! A request is let in as a whole or refused at once ([`admission`]). Its documents then wait with those of the others,
//! which take turns of a few documents each ([`turns`]), and one thread hands the student batches that are mixed from
//! several requests ([`worker`]). Whoever drops the future or the channel of an answer ends the work for it.

pub(crate) mod admission;
pub(crate) mod cost;
pub(crate) mod task;
pub(crate) mod turns;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use reason_to_rank::model::encoding::Limits as PieceLimits;
use reason_to_rank::student::LoadedStudent;
use tokio::sync::{mpsc, oneshot};

use crate::compute::admission::{Admission, Capacity, Full, Load, Ticket};
use crate::compute::cost::{Costs, REASONS_TOKENS};
use crate::compute::task::{Explaining, Failed, List, Place, Pointing, Reasons, Scores, Scoring, Span, Task};
use crate::compute::worker::{BatchSize, Queue, Worker};
use crate::config::Limits;
use crate::metrics::Metrics;
use crate::truncation::Truncation;

/// Turns that fit into a batch: small requests come in beside so many large ones.
const TURNS_A_BATCH: usize = 4;
/// Tokens of a batch for each thread, unless the configuration says otherwise.
const BATCH_TOKENS_A_THREAD: usize = 1024;

/// The student and the thread that computes with it.
pub(crate) struct Compute {
    student: Arc<LoadedStudent>,
    admission: Arc<Admission>,
    costs: Costs,
    queue: Arc<Queue>,
    /// Reasons that are written in one step: as many as the threads write at the same time, two for each document.
    together: usize,
    max_batch_tokens: usize,
    thread: Option<JoinHandle<()>>,
}

/// What a request is going to ask, for its admission.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// Documents whose reasons are written.
    pub(crate) explained: usize,
    /// Documents whose sentences are looked at.
    pub(crate) pointed: usize,
    /// Word pieces that are read at most.
    pub(crate) truncation: Truncation,
}

impl Compute {
    /// Starts the loop; `speed` is in estimated tokens a second.
    pub(crate) fn start(
        student: Arc<LoadedStudent>,
        limits: &Limits,
        speed: f64,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let threads = student.engine().threads().get();
        let max_batch_tokens = limits.max_batch_tokens.unwrap_or(BATCH_TOKENS_A_THREAD * threads).max(1);
        let capacity = Capacity {
            requests: limits.max_queue_requests,
            tokens: limits.max_queue_tokens,
            deadline: limits.deadline,
        };
        let admission = Admission::new(capacity, speed);
        let queue = Queue::new();
        let worker = Worker {
            student: Arc::clone(&student),
            admission: Arc::clone(&admission),
            metrics,
            batch: BatchSize { max_tokens: max_batch_tokens, turn_tokens: max_batch_tokens.div_ceil(TURNS_A_BATCH) },
        };
        let of_worker = Arc::clone(&queue);
        let thread = thread::Builder::new().name("r2r-compute".to_owned()).spawn(move || {
            // However it ends, nobody is left to wait for it.
            let _ = catch_unwind(AssertUnwindSafe(|| worker.run(&of_worker)));
            of_worker.close();
        })?;
        let costs = Costs::new(PieceLimits::of(student.engine().config()));
        let together = (threads / 2).max(1);
        Ok(Self { student, admission, costs, queue, together, max_batch_tokens, thread: Some(thread) })
    }

    /// The student.
    pub(crate) fn student(&self) -> &Arc<LoadedStudent> {
        &self.student
    }

    /// Whether the loop goes on.
    pub(crate) fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Lets the loop end after its batch.
    pub(crate) fn close(&self) {
        self.queue.close();
    }

    /// Tokens that are computed together.
    pub(crate) fn max_batch_tokens(&self) -> usize {
        self.max_batch_tokens
    }

    /// What is in work or waiting.
    pub(crate) fn load(&self) -> Load {
        self.admission.load()
    }

    /// Lets a request in, or refuses it at once.
    pub(crate) fn admit(self: &Arc<Self>, lists: &[Arc<List>], wishes: Wishes) -> Result<Admitted, Full> {
        let costs_of = |list: &Arc<List>| {
            let bare = self.costs.of_document(&list.query, "", "");
            let most = wishes.truncation.longest_pair(bare);
            self.costs_of(list).into_iter().map(move |cost| cost.min(most))
        };
        let costs: Vec<usize> = lists.iter().flat_map(costs_of).collect();
        let scoring: usize = costs.iter().sum();
        let longest = costs.iter().max().copied().unwrap_or_default();
        let tokens = scoring + wishes.explained * REASONS_TOKENS + wishes.pointed * longest;
        Ok(Admitted { compute: Arc::clone(self), ticket: self.admission.admit(tokens, Instant::now())? })
    }

    fn costs_of(&self, list: &List) -> Vec<usize> {
        let of = |query: &str, title: &str, text: &str| self.costs.of_document(query, title, text);
        list.documents.iter().map(|document| of(&list.query, &document.title, &document.text)).collect()
    }
}

impl Drop for Compute {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            // The loop catches what its work does; nothing is left to report.
            let _ = thread.join();
        }
    }
}

/// A request that was let in, and what it may ask.
pub(crate) struct Admitted {
    compute: Arc<Compute>,
    ticket: Arc<Ticket>,
}

impl Admitted {
    /// The student and its loop.
    pub(crate) fn compute(&self) -> &Compute {
        &self.compute
    }

    /// Scores of the documents of lists, list after list, in their order.
    pub(crate) async fn score(&self, lists: &[Arc<List>]) -> Result<Scores, Failed> {
        let (reply, answer) = oneshot::channel();
        let costs: Vec<usize> = lists.iter().flat_map(|list| self.compute.costs_of(list)).collect();
        let of_list = |(place, list): (usize, &Arc<List>)| (0..list.documents.len()).map(move |index| (place, index));
        self.compute.queue.push(Task::Score(Scoring {
            lists: lists.to_vec(),
            pairs: lists.iter().enumerate().flat_map(of_list).collect(),
            scores: Scores { scored: Vec::with_capacity(costs.len()), ..Scores::default() },
            costs,
            since: Instant::now(),
            ticket: Arc::clone(&self.ticket),
            reply,
        }));
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Reasons for documents at their places, in the order given, each as soon as it is written.
    pub(crate) fn explain(&self, list: &Arc<List>, places: Vec<Place>) -> Reasons {
        let (reply, reasons) = mpsc::unbounded_channel();
        if !places.is_empty() {
            self.compute.queue.push(Task::Explain(Explaining {
                list: Arc::clone(list),
                places,
                done: 0,
                together: self.compute.together,
                ticket: Arc::clone(&self.ticket),
                reply,
            }));
        }
        reasons
    }

    /// The sentences of documents of a list, given by index, with their scores.
    pub(crate) async fn point(&self, list: &Arc<List>, documents: &[usize]) -> Result<Vec<Vec<Span>>, Failed> {
        if documents.is_empty() {
            return Ok(Vec::new());
        }
        let (reply, answer) = oneshot::channel();
        let costs = self.compute.costs_of(list);
        self.compute.queue.push(Task::Point(Pointing {
            list: Arc::clone(list),
            documents: documents.iter().map(|&document| (document, costs[document])).collect(),
            together: self.compute.together * 4,
            found: Vec::with_capacity(documents.len()),
            ticket: Arc::clone(&self.ticket),
            reply,
        }));
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn closed() -> Failed {
    Failed("the work was given up: the server is stopping, or the log says why".to_owned())
}

#[cfg(test)]
pub(crate) mod tests {
    use std::path::Path;

    use reason_to_rank::student::StudentOptions;
    use reason_to_rank::types::document::Document;

    use super::*;

    /// A student of two small layers with fixed weights.
    pub(crate) fn compute() -> Arc<Compute> {
        counted_by(Arc::new(Metrics::new()))
    }

    fn counted_by(metrics: Arc<Metrics>) -> Arc<Compute> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/golden/student");
        let student = Arc::new(LoadedStudent::open(&folder, &StudentOptions::default()).unwrap());
        Arc::new(Compute::start(student, &Limits::default(), 1000.0, metrics).unwrap())
    }

    fn list() -> Arc<List> {
        let document = Document { id: "0".into(), title: String::new(), text: "Lava cools. Rocks form.".to_owned() };
        Arc::new(List { query: "how do rocks form".to_owned(), documents: vec![document] })
    }

    #[test]
    fn a_document_costs_what_is_wanted_of_it() {
        let (compute, list) = (compute(), [list()]);
        let cost = |pieces: Option<usize>| {
            let truncation = Truncation { document: pieces, ..Truncation::default() };
            let _admitted = compute.admit(&list, Wishes { truncation, ..Wishes::default() }).unwrap();
            compute.load().tokens
        };
        assert!(cost(Some(2)) < cost(None));
        assert_eq!(cost(Some(1000)), cost(None));
    }

    #[tokio::test]
    async fn a_panic_ends_the_requests_of_its_batch_and_no_other() {
        let (compute, list) = (compute(), list());
        let admitted = compute.admit(&[Arc::clone(&list)], Wishes::default()).unwrap();
        let expected = admitted.score(&[Arc::clone(&list)]).await.unwrap().scored;
        let (reply, answer) = oneshot::channel();
        compute.queue.push(Task::Point(Pointing {
            list: Arc::clone(&list),
            // There is no such document.
            documents: vec![(7, 10)],
            together: 1,
            found: Vec::new(),
            ticket: Arc::clone(&admitted.ticket),
            reply,
        }));
        assert!(answer.await.is_err(), "its channel closes");
        assert_eq!(admitted.score(&[list]).await.unwrap().scored, expected);
        assert!(compute.is_running());
    }

    #[tokio::test]
    async fn reasons_that_fail_are_counted() {
        let metrics = Arc::new(Metrics::new());
        let (compute, list) = (counted_by(Arc::clone(&metrics)), list());
        let admitted = compute.admit(&[Arc::clone(&list)], Wishes::default()).unwrap();
        let nowhere = Place { document: 7, logit: 0.0, neighbor: None };
        assert!(admitted.explain(&list, vec![nowhere; 3]).recv().await.unwrap().is_err());
        assert!(metrics.text(None).unwrap().contains("r2r_reasons_failed_total 3"));
    }

    #[tokio::test]
    async fn nobody_waits_for_a_loop_that_has_ended() {
        let compute = compute();
        compute.close();
        while compute.is_running() {
            tokio::task::yield_now().await;
        }
        let (list, wishes) = ([list()], Wishes::default());
        assert!(compute.admit(&list, wishes).unwrap().score(&list).await.is_err());
    }
}
