//! The judgings under way: what they ask next, and what came of the others.

use std::sync::atomic::Ordering;

use r2r_teacher::answer::Repairs;
use r2r_teacher::asking::outcome::{Answered, AskFailure};
use r2r_teacher::clients::Finish;
use r2r_teacher::journal::answers::Paid;
use r2r_teacher::journal::key::Ask as Question;
use r2r_teacher::journal::runs::RunProgress;
use r2r_teacher::judging::{AnswerCounts, Purpose};
use r2r_teacher::{Ask, AskKey, Judging, JudgmentRecord, Refusal};
use r2r_types::candidates::Candidates;

use crate::error::PipelineError;
use crate::live_teacher::LiveTeacher;

/// Answers after which their share of malformed ones says something.
const ENOUGH_ANSWERS: usize = 20;

pub(super) struct Work<'a> {
    candidates: &'a [Candidates],
    teacher: &'a LiveTeacher,
    judgings: Vec<Option<Judging>>,
    pub(super) records: Vec<Option<JudgmentRecord>>,
    pub(super) n_done: usize,
    /// Of the queries that are done.
    windows_done: usize,
    windows: usize,
    repairs: Repairs,
    /// Of all queries: those used and those malformed.
    counts: AnswerCounts,
    last_problem: String,
    pub(super) error: Option<PipelineError>,
}

/// A request as the journal knows it; its tag says whose it is.
pub(super) fn question(query: usize, ask: Ask, teacher: &LiveTeacher) -> Question {
    let grading = teacher.grading.as_ref().filter(|_| ask.purpose == Purpose::Grade);
    Question {
        tag: format!("{query} {}", ask.key),
        prompt_hash: grading.unwrap_or(&teacher.prompt).hash().to_owned(),
        sample: ask.sample as u32,
        request: ask.request,
    }
}

/// What a judging is told of an answer.
pub(super) fn answer_of(paid: &Paid) -> Result<&str, Refusal> {
    match paid.answer.finish {
        Finish::Refused => Err(Refusal::Declined(paid.answer.text.clone())),
        Finish::Stop | Finish::Length | Finish::Other(_) => Ok(&paid.answer.text),
    }
}

impl<'a> Work<'a> {
    pub(super) fn of(candidates: &'a [Candidates], teacher: &'a LiveTeacher) -> Self {
        let n = candidates.len();
        let plan = teacher.options.windows;
        Self {
            candidates,
            teacher,
            judgings: vec![None; n],
            records: vec![None; n],
            n_done: 0,
            windows_done: 0,
            windows: candidates.iter().map(|candidates| plan.fewest_windows(candidates.list.len())).sum(),
            repairs: Repairs::default(),
            counts: AnswerCounts::default(),
            last_problem: String::new(),
            error: None,
        }
    }

    /// How far it has come.
    pub(super) fn progress(&self) -> RunProgress {
        let mut repairs = self.repairs;
        let mut windows_done = self.windows_done;
        for judging in self.judgings.iter().flatten() {
            repairs += judging.repairs();
            windows_done += judging.windows_done();
        }
        let by_kind = repairs.by_kind().into_iter().filter(|(_, n)| *n > 0);
        RunProgress {
            queries: self.candidates.len() as u64,
            queries_done: self.n_done as u64,
            windows: self.windows.max(windows_done) as u64,
            windows_done: windows_done as u64,
            used: self.counts.used as u64,
            malformed: self.counts.malformed as u64,
            repairs: by_kind.map(|(kind, n)| (kind.to_owned(), n as u64)).collect(),
        }
    }

    /// The first questions about a query.
    pub(super) fn begin(&mut self, query: usize) -> Vec<Question> {
        match self.teacher.start(&self.candidates[query]) {
            Ok(judging) => {
                self.judgings[query] = Some(judging);
                self.go_on(query)
            }
            Err(error) => self.stop(error),
        }
    }

    /// Gives an answer to the judging that asked for it; the questions that it brings.
    pub(super) fn take(&mut self, answered: &Answered) -> Vec<Question> {
        let (query, key) = answered.ask.tag.split_once(' ').expect("every tag is made by `question`");
        let query: usize = query.parse().expect("every tag is made by `question`");
        let Some(judging) = &mut self.judgings[query] else { return Vec::new() };
        let before = judging.counts();
        let answer = match &answered.result {
            Ok(paid) => answer_of(paid),
            Err(AskFailure::Refused(what)) => Err(Refusal::Declined(what.clone())),
            Err(failure @ AskFailure::InBatch(_)) => {
                let advice = format!("{failure}: run again with --batch");
                return self.stop(PipelineError::Input(advice));
            }
            Err(failure) => Err(Refusal::Failed(failure.to_string())),
        };
        if let Err(Refusal::Declined(what) | Refusal::Failed(what)) = &answer {
            self.last_problem.clone_from(what);
        }
        if let Err(error) = judging.answer(&AskKey::from(key.to_owned()), answer) {
            return self.stop(PipelineError::failed(error));
        }
        let after = judging.counts();
        self.counts.used += after.used - before.used;
        self.counts.malformed += after.malformed - before.malformed;
        let n = self.counts.used + self.counts.malformed;
        // A share is looked at after every answer, so that a healthy run must not be stopped by a few bad ones in a row.
        if n >= ENOUGH_ANSWERS && self.counts.is_surely_above(self.teacher.max_malformed) {
            return self.stop(self.too_many_malformed());
        }
        self.go_on(query)
    }

    /// Whether few enough answers were malformed, once all are there.
    pub(super) fn check_share(&self) -> Result<(), PipelineError> {
        if self.counts.malformed_share() > self.teacher.max_malformed { Err(self.too_many_malformed()) } else { Ok(()) }
    }

    fn too_many_malformed(&self) -> PipelineError {
        let n = self.counts.used + self.counts.malformed;
        let last =
            if self.last_problem.is_empty() { String::new() } else { format!(" (the last: {})", self.last_problem) };
        PipelineError::Input(format!(
            "{} of {n} answers cannot be used{last}, more than the allowed share of {}: try another model or prompt, more \
             --max-tokens, or allow more with --max-malformed; paid answers are kept in {}",
            self.counts.malformed,
            self.teacher.max_malformed,
            self.teacher.journal().display()
        ))
    }

    /// Further questions about a query; its record where nothing is left to ask.
    fn go_on(&mut self, query: usize) -> Vec<Question> {
        let Some(judging) = &mut self.judgings[query] else { return Vec::new() };
        let asks = judging.next();
        if judging.is_done() {
            self.repairs += judging.repairs();
            self.windows_done += judging.windows_done();
            self.records[query] = self.judgings[query].take().map(Judging::finish);
            self.n_done += 1;
        }
        asks.into_iter().map(|ask| question(query, ask, self.teacher)).collect()
    }

    /// Ends the run for this reason; what is under way still comes back and is kept.
    fn stop(&mut self, error: PipelineError) -> Vec<Question> {
        self.teacher.world.cancel.store(true, Ordering::Relaxed);
        self.error.get_or_insert(error);
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use r2r_teacher::asking::outcome::Source;
    use r2r_teacher::clients::{ChatAnswer, Usage};
    use r2r_teacher::cost::prices::Route;
    use r2r_teacher::ladder::Rung;
    use r2r_types::candidates::Candidate;
    use r2r_types::document::{Document, Query};
    use serde_json::Value;

    use super::*;
    use crate::live_teacher::tests::teacher;

    fn candidates(query: usize) -> Candidates {
        let document = |id: &str| Document { id: id.into(), title: String::new(), text: "Oaks drop acorns.".into() };
        Candidates {
            query: Arc::new(Query { id: format!("q{query}").into(), text: "oaks".into() }),
            list: ["a", "b"].map(|id| Candidate { document: Arc::new(document(id)), score: 1.0 }).into(),
        }
    }

    fn order() -> Paid {
        let (text, finish) = ("[1] > [2]".to_owned(), Finish::Stop);
        let (thoughts, model, usage, raw) = (String::new(), String::new(), Usage::default(), Value::Null);
        let answer = ChatAnswer { text, thoughts, usage, finish, model, raw };
        Paid { answer, rung: Rung::Text, route: Route::Live, cost_usd: None }
    }

    /// How many of 100 questions, each about a query, are answered before the share of malformed ones ends it, and how
    /// it ends.
    fn answered(is_malformed: impl Fn(usize) -> bool) -> (usize, Result<(), PipelineError>) {
        let folder = tempfile::tempdir().unwrap();
        let teacher = teacher(folder.path());
        let candidates: Vec<Candidates> = (0..100).map(candidates).collect();
        let mut work = Work::of(&candidates, &teacher);
        for query in 0..100 {
            for ask in work.begin(query) {
                let result = if is_malformed(query) { Err(AskFailure::Refused("no".into())) } else { Ok(order()) };
                let key = teacher.asker.key(&ask);
                assert!(work.take(&Answered { ask, key, source: Source::Provider, result }).is_empty());
            }
            if let Some(error) = work.error.take() {
                return (query + 1, Err(error));
            }
        }
        assert_eq!(work.n_done, 100);
        (100, work.check_share())
    }

    #[test]
    fn two_bad_answers_among_the_first_twenty_do_not_end_a_run() {
        assert!(matches!(answered(|query| query == 3 || query == 10), (100, Ok(()))));
    }

    #[test]
    fn a_share_that_is_too_large_ends_a_run_early_where_it_is_sure_and_else_at_the_end() {
        let (n, ended) = answered(|_| true);
        assert_eq!(n, 20);
        assert!(ended.unwrap_err().to_string().contains("20 of 20 answers cannot be used (the last: no)"));
        let (n, ended) = answered(|query| query % 10 == 0);
        assert_eq!(n, 100);
        assert!(ended.unwrap_err().to_string().contains("10 of 100 answers cannot be used"));
    }
}
