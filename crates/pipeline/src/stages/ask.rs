//! Candidates -> a large model's judgments: many queries at once, each answer in the journal before it is used.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use r2r_teacher::asking::events::{AskEvent, AskEvents};
use r2r_teacher::asking::outcome::{Answered, AskError, AskFailure, Tally};
use r2r_teacher::asking::{Asker, AskerConfig, Estimate, Watching};
use r2r_teacher::batches::BatchConfig;
use r2r_teacher::clients::Finish;
use r2r_teacher::clients::endpoint::Endpoint;
use r2r_teacher::clock::Clock;
use r2r_teacher::cost::prices::Route;
use r2r_teacher::journal::key::Ask as Question;
use r2r_teacher::journal::{Journal, JournalConfig};
use r2r_teacher::{Ask, AskKey, JudgeOptions, Judging, JudgmentRecord, Prompt, Refusal};
use r2r_types::candidates::Candidates;
use serde_json::json;

use crate::artifact::{Artifact, Building};
use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::{Input, Provenance};
use crate::stages::judged::{summarize, write_records};

/// Answers after which their share of malformed ones says something.
const ENOUGH_ANSWERS: usize = 20;

/// Who is asked, what, and how.
pub struct AskSettings<'a> {
    /// Who is asked.
    pub endpoint: &'a Endpoint,
    /// How fast, and at what cost. What the journal says was spent before counts against the budget.
    pub asker: &'a AskerConfig,
    /// By itself or in batches.
    pub route: Route,
    /// What is asked of a list.
    pub prompt: &'a Prompt,
    /// What is asked of single passages, where they are graded too.
    pub grades: Option<&'a Prompt>,
    /// The model, its windows and samples.
    pub judge: &'a JudgeOptions,
    /// The seed of the orders in which passages are shown.
    pub seed: u64,
    /// The share of malformed answers past which the stage stops, from 0 to 1.
    pub max_malformed: f64,
    /// The folder of the artifact; the journal lies beside it.
    pub output: &'a Path,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Once true, nothing new is asked; what is under way is waited for and kept.
    pub cancel: &'a AtomicBool,
}

/// Where the answers for an output folder are kept: beside it, since the folder itself appears only when it is whole.
pub fn journal_path(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".answers.db");
    output.with_file_name(name)
}

/// Judges the candidates of each query, unless the artifact is fresh; the provenance of the artifact. `inputs` are what
/// the candidates were read from.
pub fn judge_candidates(
    candidates: &[Candidates],
    inputs: Vec<Input>,
    settings: &AskSettings<'_>,
    progress: &mut dyn Progress,
) -> Result<Provenance, PipelineError> {
    let provenance = Provenance::of("judge", &config(candidates, settings), settings.seed, inputs)?;
    if let Artifact::Stale(building) = Artifact::open(settings.output, provenance)? {
        build(candidates, settings, building, progress)?;
    }
    let made = Provenance::read(settings.output)?;
    made.ok_or_else(|| PipelineError::Input(format!("{} was removed meanwhile", settings.output.display())))
}

/// What judging would take; nothing is sent. Windows that depend on answers not yet given are taken as if every answer
/// kept the order: for a sliding window that is the exact number of requests, for a tournament the least.
pub fn estimate(candidates: &[Candidates], settings: &AskSettings<'_>) -> Result<Estimate, PipelineError> {
    let asker = asker(settings)?;
    let mut asks = Vec::new();
    for (i, candidates) in candidates.iter().enumerate() {
        let mut judging = start(candidates, settings)?;
        loop {
            let ready = judging.next();
            if ready.is_empty() {
                break;
            }
            for ask in ready {
                judging.answer(&ask.key, Err(Refusal::Failed(String::new()))).map_err(PipelineError::failed)?;
                asks.push(question(i, ask, settings));
            }
        }
    }
    asker.estimate(&mut asks.into_iter(), settings.route).map_err(PipelineError::input)
}

/// What decides the judgments, and so whether they are fresh. Pace, budget and route do not.
fn config(candidates: &[Candidates], settings: &AskSettings<'_>) -> serde_json::Value {
    let depth = candidates.iter().map(|candidates| candidates.list.len()).max();
    json!({
        "provider": settings.endpoint.provider.name(),
        "base_url": settings.endpoint.base_url(),
        "prompt": settings.prompt.name(),
        "prompt_hash": settings.prompt.hash(),
        "grades_prompt_hash": settings.grades.map(Prompt::hash),
        "judge": settings.judge,
        "max_malformed": settings.max_malformed,
        "deepest_list": depth,
        "journal": journal_path(settings.output),
    })
}

fn start(candidates: &Candidates, settings: &AskSettings<'_>) -> Result<Judging, PipelineError> {
    let judging = Judging::new(candidates, settings.judge, settings.prompt, settings.seed);
    let judging = judging.map_err(PipelineError::input)?;
    settings.grades.map_or(Ok(judging.clone()), |prompt| judging.with_grades(prompt)).map_err(PipelineError::input)
}

fn asker(settings: &AskSettings<'_>) -> Result<Asker, PipelineError> {
    let path = journal_path(settings.output);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| PipelineError::io(folder, error))?;
    }
    let journal = Journal::open(&path, &JournalConfig::default(), settings.clock.now_ms());
    let journal = journal.map_err(PipelineError::input)?;
    let mut config = settings.asker.clone();
    config.budget.spent_before_usd += journal.summary().map_err(PipelineError::input)?.cost_usd();
    Asker::new(settings.endpoint.clone(), Arc::new(journal), Arc::clone(&settings.clock), config)
        .map_err(pipeline_error)
}

/// A request as the journal knows it; its tag says whose it is.
fn question(query: usize, ask: Ask, settings: &AskSettings<'_>) -> Question {
    let grades = settings.grades.filter(|_| ask.purpose == r2r_teacher::judging::Purpose::Grade);
    Question {
        tag: format!("{query} {}", ask.key),
        prompt_hash: grades.unwrap_or(settings.prompt).hash().to_owned(),
        sample: ask.sample as u32,
        request: ask.request,
    }
}

fn pipeline_error(error: AskError) -> PipelineError {
    match error {
        AskError::Cancelled => PipelineError::Stopped,
        AskError::Runtime(_) => PipelineError::failed(error),
        AskError::Stopped { .. } | AskError::Budget(_) | AskError::Journal(_) | AskError::Unkept { .. } => {
            PipelineError::input(error)
        }
    }
}

fn build(
    candidates: &[Candidates],
    settings: &AskSettings<'_>,
    mut building: Box<Building>,
    progress: &mut dyn Progress,
) -> Result<(), PipelineError> {
    let asker = asker(settings)?;
    progress.begin("judge", Some(candidates.len() as u64));
    let progress = RefCell::new(progress);
    let ears = Ears { progress: &progress, begun_ms: settings.clock.now_ms(), paid: Cell::new(0), settings };
    let work = RefCell::new(Work::of(candidates, settings));
    let mut waiting = Vec::new().into_iter();
    let mut not_begun = 0..candidates.len();
    // Queries are begun as places get free, so that few are in memory at once.
    let mut asks = std::iter::from_fn(|| {
        loop {
            if let Some(ask) = waiting.next() {
                return Some(ask);
            }
            waiting = work.borrow_mut().begin(not_begun.next()?).into_iter();
        }
    });
    let mut on_answer = |answered: Answered| {
        let further = work.borrow_mut().take(&answered);
        ears.progress.borrow_mut().at(work.borrow().n_done as u64);
        further
    };
    let watching = Watching { events: &ears, cancel: settings.cancel };
    let tally = match settings.route {
        Route::Live => asker.ask_all(&mut asks, &mut on_answer, watching),
        Route::Batch => asker.ask_all_in_batches(&mut asks, &mut on_answer, &BatchConfig::default(), watching),
    };
    let work = work.into_inner();
    if let Some(error) = work.error {
        return Err(error);
    }
    let tally = tally.map_err(pipeline_error)?;
    let records: Vec<JudgmentRecord> = work.records.into_iter().flatten().collect();
    let progress = progress.into_inner();
    write_records(&records, candidates, building.path())?;
    summarize(&records, &mut building.provenance);
    building.provenance.count("answers", json!(tally));
    progress.end(&in_words(&records, &tally));
    building.finish()
}

fn in_words(records: &[JudgmentRecord], tally: &Tally) -> String {
    let Tally { from_journal, paid, failed, spent_usd, unpriced, .. } = *tally;
    let cost = if unpriced > 0 { "cost unknown".to_owned() } else { format!("{spent_usd:.4} USD in all") };
    format!(
        "{} queries judged: {paid} answers asked for, {from_journal} from the journal, {failed} failed; {cost}",
        records.len()
    )
}

/// The judgings under way, and what came of the others.
struct Work<'a> {
    candidates: &'a [Candidates],
    settings: &'a AskSettings<'a>,
    judgings: Vec<Option<Judging>>,
    records: Vec<Option<JudgmentRecord>>,
    n_done: usize,
    used: usize,
    malformed: usize,
    last_problem: String,
    error: Option<PipelineError>,
}

impl<'a> Work<'a> {
    fn of(candidates: &'a [Candidates], settings: &'a AskSettings<'a>) -> Self {
        let n = candidates.len();
        Self {
            candidates,
            settings,
            judgings: vec![None; n],
            records: vec![None; n],
            n_done: 0,
            used: 0,
            malformed: 0,
            last_problem: String::new(),
            error: None,
        }
    }

    /// The first questions about a query.
    fn begin(&mut self, query: usize) -> Vec<Question> {
        match start(&self.candidates[query], self.settings) {
            Ok(judging) => {
                self.judgings[query] = Some(judging);
                self.go_on(query)
            }
            Err(error) => self.stop(error),
        }
    }

    /// Gives an answer to the judging that asked for it; the questions that it brings.
    fn take(&mut self, answered: &Answered) -> Vec<Question> {
        let (query, key) = answered.ask.tag.split_once(' ').expect("every tag is made by `question`");
        let query: usize = query.parse().expect("every tag is made by `question`");
        let Some(judging) = &mut self.judgings[query] else { return Vec::new() };
        let before = judging.counts();
        let answer = match &answered.result {
            Ok(paid) if paid.answer.finish == Finish::Refused => Err(Refusal::Declined(paid.answer.text.clone())),
            Ok(paid) => Ok(paid.answer.text.as_str()),
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
        self.used += after.used - before.used;
        self.malformed += after.malformed - before.malformed;
        let further = self.go_on(query);
        let n = self.used + self.malformed;
        let is_last = self.n_done == self.candidates.len();
        let too_many = self.malformed as f64 > self.settings.max_malformed * n as f64;
        if too_many && (n >= ENOUGH_ANSWERS || is_last) {
            return self.stop(self.too_many_malformed(n));
        }
        further
    }

    fn too_many_malformed(&self, n: usize) -> PipelineError {
        let last =
            if self.last_problem.is_empty() { String::new() } else { format!(" (the last: {})", self.last_problem) };
        PipelineError::Input(format!(
            "{} of {n} answers cannot be used{last}, more than the allowed share of {}: try another model or prompt, more \
             --max-tokens, or allow more with --max-malformed; paid answers are kept in {}",
            self.malformed,
            self.settings.max_malformed,
            journal_path(self.settings.output).display()
        ))
    }

    /// Further questions about a query; its record where nothing is left to ask.
    fn go_on(&mut self, query: usize) -> Vec<Question> {
        let Some(judging) = &mut self.judgings[query] else { return Vec::new() };
        let asks = judging.next();
        if judging.is_done() {
            self.records[query] = self.judgings[query].take().map(Judging::finish);
            self.n_done += 1;
        }
        asks.into_iter().map(|ask| question(query, ask, self.settings)).collect()
    }

    /// Ends the run for this reason; what is under way still comes back and is kept.
    fn stop(&mut self, error: PipelineError) -> Vec<Question> {
        self.settings.cancel.store(true, Ordering::Relaxed);
        self.error.get_or_insert(error);
        Vec::new()
    }
}

/// Tells the progress what the asking is about.
struct Ears<'a, 'p> {
    progress: &'a RefCell<&'p mut dyn Progress>,
    settings: &'a AskSettings<'a>,
    begun_ms: u64,
    paid: Cell<u64>,
}

impl AskEvents for Ears<'_, '_> {
    fn heard(&self, event: &AskEvent<'_>) {
        let mut progress = self.progress.borrow_mut();
        if progress.stop_requested() {
            self.settings.cancel.store(true, Ordering::Relaxed);
        }
        match event {
            AskEvent::Paid { cost_usd, spent_usd, .. } => {
                let paid = self.paid.get() + 1;
                self.paid.set(paid);
                // Where lines are printed and not a bar, a line for each answer would be noise.
                if paid.is_power_of_two() || paid.is_multiple_of(100) {
                    let minutes = (self.settings.clock.now_ms().saturating_sub(self.begun_ms) as f64 / 6e4).max(1e-3);
                    let cost = cost_usd.map_or("cost unknown".to_owned(), |_| format!("{spent_usd:.4} USD"));
                    progress.say(&format!("{paid} answers, {:.0} a minute, {cost}", paid as f64 / minutes));
                }
            }
            AskEvent::Retrying { kind, what, wait } => {
                progress.say(&format!("{kind}: {what}; asked again in {:.1} s", wait.as_secs_f64()));
            }
            AskEvent::ShapeLowered { model, to } => {
                progress.say(&format!("{model} does not take the shape asked for: now {}", to.name()));
            }
            AskEvent::Failed { what, .. } => progress.say(&format!("no answer: {what}")),
            AskEvent::WaitingForOthers { asks } => {
                progress.say(&format!("{asks} answers are awaited from another run on the same journal"));
            }
            AskEvent::Batch { id, step, done, total } => {
                progress.say(&format!("batch {id}: {step}, {done} of {total}"));
            }
            AskEvent::FromJournal { .. } => {}
        }
    }
}
