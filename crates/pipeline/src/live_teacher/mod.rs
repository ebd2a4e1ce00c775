//! A large model that is asked: as a judge of many queries at once, and as a reranker. Each answer is in the journal
//! before it is used.

mod listening;
pub mod settings;
mod work;

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use r2r_teacher::asking::outcome::{Answered, AskError, Tally};
use r2r_teacher::asking::{Asker, Estimate, Watching};
use r2r_teacher::batches::BatchConfig;
use r2r_teacher::clients::endpoint::{ApiKey, Endpoint, Provider};
use r2r_teacher::clock::Clock;
use r2r_teacher::cost::prices::Route;
use r2r_teacher::journal::{Journal, JournalConfig};
use r2r_teacher::judged_ranking::ranking_of;
use r2r_teacher::prompt::Asked;
use r2r_teacher::{JudgeOptions, Judging, JudgmentRecord, Prompt, Refusal};
use r2r_types::candidates::Candidates;
use r2r_types::document::Query;
use r2r_types::ranking::Ranking;
use r2r_types::stage::{Reasons, Reranker, StageError};
use serde_json::json;

use crate::error::PipelineError;
use crate::live_teacher::listening::Listening;
use crate::live_teacher::settings::{TeacherModel, prompt};
use crate::live_teacher::work::{Work, answer_of, question};
use crate::progress::{Progress, Silent};

/// What a teacher needs of the world, which no stage looks at by itself.
#[derive(Clone)]
pub struct World {
    /// The value of a variable of the environment: a provider's key.
    pub variable: fn(&str) -> Option<String>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Once true, nothing new is asked; what is under way is waited for and kept.
    pub cancel: Arc<AtomicBool>,
}

impl World {
    /// Where a provider is reached, with the key of its variable.
    ///
    /// # Errors
    /// What is missing and how to give it.
    pub fn endpoint(&self, model: &TeacherModel) -> Result<Endpoint, PipelineError> {
        let provider: Provider = model.provider.parse().map_err(PipelineError::input)?;
        let variable = |name: &str| (self.variable)(name).filter(|value| !value.is_empty());
        let key = variable(provider.key_variable());
        let endpoint = Endpoint::new(provider, model.base_url.as_deref(), key.as_deref().map(ApiKey::new));
        let mut endpoint = endpoint.map_err(PipelineError::input)?;
        if let Some(version) = &model.anthropic_version {
            endpoint.anthropic_version.clone_from(version);
        }
        if provider == Provider::OpenAi {
            // As OpenAI's own library reads them, for accounts that have several.
            endpoint.organization = variable("OPENAI_ORG_ID");
            endpoint.project = variable("OPENAI_PROJECT_ID");
        }
        Ok(endpoint)
    }
}

/// A large model, ready to be asked.
pub struct LiveTeacher {
    asker: Asker,
    journal: Arc<Journal>,
    prompt: Prompt,
    /// What is asked of single passages, where they are graded too.
    grading: Option<Prompt>,
    options: JudgeOptions,
    route: Route,
    batches: BatchConfig,
    seed: u64,
    max_malformed: f64,
    world: World,
}

/// Where the answers for an output are kept: beside it, since an output appears only when it is whole.
pub fn journal_path(output: &Path) -> PathBuf {
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".answers.db");
    output.with_file_name(name)
}

impl LiveTeacher {
    /// Makes ready to ask: `journal` is the file where answers are kept and looked for first, `seed` that of the orders
    /// in which passages are shown.
    ///
    /// # Errors
    /// A setting that cannot work, a key that is missing, a journal that cannot be used.
    pub fn open(model: &TeacherModel, seed: u64, journal: &Path, world: &World) -> Result<Self, PipelineError> {
        model.check().map_err(PipelineError::Input)?;
        let endpoint = world.endpoint(model)?;
        let config = model.asker_config(endpoint.provider, seed)?;
        let list_prompt = prompt(&model.prompt)?;
        let grading = (model.grades > 0).then(|| prompt("pointwise")).transpose()?;
        let options = model.judge_options().map_err(PipelineError::Input)?;
        // The kind of prompt is looked at here, and not only with the first query.
        let nobody = Candidates { query: Arc::new(Query { id: "".into(), text: String::new() }), list: Vec::new() };
        Judging::new(&nobody, &options, &list_prompt, seed).map_err(PipelineError::input)?;
        if let Some(folder) = journal.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| PipelineError::io(folder, error))?;
        }
        let journal = Journal::open(journal, &JournalConfig::default(), world.clock.now_ms());
        let journal = Arc::new(journal.map_err(PipelineError::input)?);
        let asker = Asker::new(endpoint, Arc::clone(&journal), Arc::clone(&world.clock), config);
        Ok(Self {
            asker: asker.map_err(pipeline_error)?,
            journal,
            prompt: list_prompt,
            grading,
            options,
            route: model.route(),
            batches: model.batches(),
            seed,
            max_malformed: model.max_malformed,
            world: world.clone(),
        })
    }

    /// The model's name.
    pub fn name(&self) -> &str {
        &self.options.model
    }

    /// The seed of the orders in which passages are shown.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// The file in which answers are kept.
    pub fn journal(&self) -> &Path {
        self.journal.path()
    }

    /// Whether the prompt asks for reasons.
    pub fn writes_reasons(&self) -> bool {
        self.prompt.asks_of_passage().iter().any(|asked| matches!(asked, Asked::Direct | Asked::Comparison))
    }

    /// What decides the judgments, and so whether they are fresh. Pace, budget and route do not.
    pub fn config(&self, candidates: &[Candidates]) -> serde_json::Value {
        let depth = candidates.iter().map(|candidates| candidates.list.len()).max();
        json!({
            "provider": self.asker.endpoint().provider.name(),
            "base_url": self.asker.endpoint().base_url(),
            "prompt": self.prompt.name(),
            "prompt_hash": self.prompt.hash(),
            "grades_prompt_hash": self.grading.as_ref().map(Prompt::hash),
            "judge": self.options,
            "max_malformed": self.max_malformed,
            "deepest_list": depth,
            "journal": self.journal(),
        })
    }

    /// Judges the candidates of each query; the records are in their order.
    pub fn judge(
        &self,
        candidates: &[Candidates],
        progress: &mut dyn Progress,
    ) -> Result<(Vec<JudgmentRecord>, Tally), PipelineError> {
        progress.begin("judge", Some(candidates.len() as u64));
        let progress = RefCell::new(progress);
        let work = RefCell::new(Work::of(candidates, self));
        let ears = Listening::new(&progress, self, &work);
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
            ears.tell(false);
            further
        };
        let watching = Watching { events: &ears, cancel: &self.world.cancel };
        let tally = match self.route {
            Route::Live => self.asker.ask_all(&mut asks, &mut on_answer, watching),
            Route::Batch => self.asker.ask_all_in_batches(&mut asks, &mut on_answer, &self.batches, watching),
        };
        ears.tell(true);
        let mut work = work.into_inner();
        if let Some(error) = work.error.take() {
            // It was the work that stopped, not the user: whoever asks next is not stopped.
            self.world.cancel.store(false, Ordering::Relaxed);
            return Err(error);
        }
        let tally = tally.map_err(pipeline_error)?;
        work.check_share()?;
        let records: Vec<JudgmentRecord> = work.records.into_iter().flatten().collect();
        progress.into_inner().end(&in_words(records.len(), &tally));
        Ok((records, tally))
    }

    /// What judging would take; nothing is sent. Answers that are in the journal are used; windows that depend on others
    /// are taken as if those kept the order: for a sliding window that is the exact number of requests, for a tournament
    /// the least. Requests to repair answers that are still to come are not known.
    pub fn estimate(&self, candidates: &[Candidates]) -> Result<Estimate, PipelineError> {
        let mut asks = Vec::new();
        for (i, candidates) in candidates.iter().enumerate() {
            let mut judging = self.start(candidates)?;
            loop {
                let ready = judging.next();
                if ready.is_empty() {
                    break;
                }
                for ask in ready {
                    let key = ask.key.clone();
                    let question = question(i, ask, self);
                    let kept = self.asker.find(&question).map_err(PipelineError::input)?;
                    let answer = kept.as_ref().map_or_else(|| Err(Refusal::Failed(String::new())), answer_of);
                    judging.answer(&key, answer).map_err(PipelineError::failed)?;
                    asks.push(question);
                }
            }
        }
        self.asker.estimate(&mut asks.into_iter(), self.route).map_err(PipelineError::input)
    }

    fn start(&self, candidates: &Candidates) -> Result<Judging, PipelineError> {
        let judging = Judging::new(candidates, &self.options, &self.prompt, self.seed);
        let judging = judging.map_err(PipelineError::input)?;
        match &self.grading {
            None => Ok(judging),
            Some(prompt) => judging.with_grades(prompt).map_err(PipelineError::input),
        }
    }
}

impl Reranker for LiveTeacher {
    /// Asks about one list. Many lists are judged faster together, by [`LiveTeacher::judge`].
    fn rerank(&self, candidates: &Candidates, reasons: Reasons) -> Result<Ranking, StageError> {
        let judged = self.judge(std::slice::from_ref(candidates), &mut Silent);
        let (records, _) = judged.map_err(|error| match error {
            PipelineError::Stage(error) => error,
            error => StageError::Unavailable(Box::new(error)),
        })?;
        let judgment = &records.first().ok_or_else(|| StageError::Malformed("nothing was judged".into()))?.judgment;
        ranking_of(judgment, candidates, reasons).map_err(|error| StageError::Failed(Box::new(error)))
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

fn in_words(queries: usize, tally: &Tally) -> String {
    let Tally { from_journal, paid, failed, spent_usd, unpriced, .. } = *tally;
    let cost = if unpriced > 0 { "cost unknown".to_owned() } else { format!("{spent_usd:.4} USD in all") };
    format!(
        "{queries} queries judged: {paid} answers asked for, {from_journal} from the journal, {failed} failed; {cost}"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use r2r_teacher::WindowPlan;

    use super::*;

    /// Stands still.
    struct OneMoment;

    impl Clock for OneMoment {
        fn now_ms(&self) -> u64 {
            1_795_575_845_000
        }
    }

    /// A teacher that nobody asks; its answers would be kept in this folder.
    pub(super) fn teacher(folder: &Path) -> LiveTeacher {
        let text = r#"{"provider": "compatible", "base_url": "http://127.0.0.1:9/v1", "model": "m", "prompt": "none"}"#;
        let world = World { variable: |_| None, clock: Arc::new(OneMoment), cancel: Arc::default() };
        LiveTeacher::open(&serde_json::from_str(text).unwrap(), 1, &folder.join("answers.db"), &world).unwrap()
    }

    #[test]
    fn every_setting_of_a_teacher_reaches_who_asks() {
        let text = r#"{"provider": "anthropic", "model": "m", "anthropic_version": "2026-10-21", "passes": 2,
                       "window": 10, "timeout_s": 30, "batch": true, "batch_size": 7, "ask_lost_again": true}"#;
        let mut model: TeacherModel = serde_json::from_str(text).unwrap();
        model.check().unwrap();
        let variable = |name: &str| Some(format!("the value of {name}"));
        let world = World { variable, clock: Arc::new(OneMoment), cancel: Arc::default() };
        let endpoint = world.endpoint(&model).unwrap();
        assert_eq!((endpoint.anthropic_version.as_str(), endpoint.organization), ("2026-10-21", None));
        let windows = model.judge_options().unwrap().windows;
        assert_eq!(windows, WindowPlan::Sliding { size: 10, stride: 5, passes: 2 });
        assert_eq!(model.asker_config(Provider::Anthropic, 1).unwrap().transport.timeout, Duration::from_secs(30));
        assert_eq!((model.batches().items, model.batches().ask_lost_again), (7, true));
        "openai".clone_into(&mut model.provider);
        let endpoint = world.endpoint(&model).unwrap();
        assert_eq!(endpoint.organization.as_deref(), Some("the value of OPENAI_ORG_ID"));
        assert_eq!(endpoint.project.as_deref(), Some("the value of OPENAI_PROJECT_ID"));
    }
}
