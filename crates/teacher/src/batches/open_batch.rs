//! One batch between its intention and its end.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::asking::Asker;
use crate::asking::outcome::AskError;
use crate::batches::results::{Extent, Results, fetch_results};
use crate::batches::steps::{StepTrouble, advance, find_file, list_since, send_for_json, submit};
use crate::batches::{BatchConfig, Ended, Item, ItemTrouble, Listed, Progress, poll, progress};
use crate::clients::endpoint::Provider;
use crate::clients::from_wire;
use crate::clients::trouble::is_about_shape;
use crate::cost::prices::Route;
use crate::journal::answers::Paid;
use crate::journal::batch_rows::{BatchItem, BatchRow, BatchState};
use crate::journal::key::{Ask, AskKey};

pub(super) struct OpenBatch {
    pub(super) row: BatchRow,
    pub(super) items: Vec<BatchItem>,
    pub(super) done: u64,
    /// Anthropic's batches that turned out to be others'.
    not_ours: HashSet<String>,
    /// How often its sending was interrupted in this run.
    interrupted: u32,
    /// When it was first not found in the provider's list.
    missed_ms: Option<u64>,
}

/// What looking for a batch of unknown fate came to.
pub(super) enum Found {
    /// The provider has it.
    Submitted,
    /// One that may be it is still being worked on, or it may not be listed yet: look again later.
    Doubtful,
    /// The provider did not have it, and refuses it now.
    Refused(String),
}

/// What looking at a batch came to.
pub(super) enum Looked {
    Working,
    Ended(Ended),
    Failed(String),
    NoRoom(String),
}

/// What a batch brought.
pub(super) struct Fetched {
    pub(super) answers: Vec<(AskKey, Ask, Paid)>,
    pub(super) unanswered: Vec<Unanswered>,
    pub(super) troubles: Vec<(&'static str, String)>,
}

/// A question that a batch did not answer.
pub(super) struct Unanswered {
    pub(super) key: AskKey,
    pub(super) ask: Ask,
    pub(super) what: String,
    /// It would be refused again.
    pub(super) refused: bool,
    /// The shape of the answer was refused; the next batch asks for a looser one.
    pub(super) shape: bool,
}

impl OpenBatch {
    pub(super) fn new(row: BatchRow, items: Vec<BatchItem>) -> Self {
        Self { row, items, done: 0, not_ours: HashSet::new(), interrupted: 0, missed_ms: None }
    }

    /// Finds out whether the provider has a batch whose sending was interrupted; where it has not, sends it.
    pub(super) async fn find_again(&mut self, asker: &Asker, config: &BatchConfig) -> Result<Found, AskError> {
        let found = self.look_up(asker, config.settle).await;
        match found {
            Ok(found) => Ok(found),
            Err(StepTrouble::Refused(what)) => Ok(Found::Refused(what)),
            Err(StepTrouble::Unknown) if self.interrupted < asker.config.pace.attempts => {
                self.interrupted += 1;
                Ok(Found::Doubtful)
            }
            Err(StepTrouble::Unknown) => {
                let what = "the provider does not say whether it has the batch".to_owned();
                Err(AskError::Stopped { what, advice: "run again later: it is looked up first".to_owned() })
            }
            Err(StepTrouble::Gone(what)) if config.ask_lost_again => {
                self.count_as_paid(asker);
                Ok(Found::Refused(what))
            }
            Err(StepTrouble::Gone(what)) => {
                let advice = "the provider does not list its batches, so nobody knows whether it has one of an earlier run: \
                              ask its questions again, and perhaps pay for them again, with --ask-lost-again";
                Err(AskError::Stopped { what, advice: advice.to_owned() })
            }
            Err(StepTrouble::Untold(what)) => {
                let advice = "nobody knows whether the provider has the batch: run again later, it is looked up first";
                Err(AskError::Stopped { what, advice: advice.to_owned() })
            }
            Err(StepTrouble::Stop(error)) => Err(error),
        }
    }

    async fn look_up(&mut self, asker: &Asker, settle: Duration) -> Result<Found, StepTrouble> {
        let listed = list_since(asker, self.row.at_ms).await?;
        let found = match asker.endpoint().provider {
            Provider::OpenAi | Provider::Compatible | Provider::Gemini => {
                listed.into_iter().find(|batch| batch.id.as_ref() == Some(&self.row.id)).map(|batch| batch.remote_id)
            }
            Provider::Anthropic => match self.among_unnamed(asker, listed).await? {
                Unnamed::Ours(remote_id) => Some(remote_id),
                Unnamed::None => None,
                Unnamed::Undecided => return Ok(Found::Doubtful),
            },
        };
        if let Some(remote_id) = found {
            self.row.remote_id = Some(remote_id);
            self.row.state = BatchState::Submitted;
            advance(asker, &self.row, "found again at the provider")?;
            return Ok(Found::Submitted);
        }
        let is_only_a_file =
            matches!(asker.endpoint().provider, Provider::OpenAi | Provider::Compatible) && self.row.file_id.is_none();
        if is_only_a_file {
            self.row.file_id = find_file(asker, &self.row).await?;
        } else if !self.has_settled(asker.shared.clock.now_ms(), settle) {
            return Ok(Found::Doubtful);
        }
        // Where its answer is lost as well, that batch too may be listed late.
        self.missed_ms = None;
        submit(asker, &mut self.row, &self.items).await?;
        Ok(Found::Submitted)
    }

    /// Whether it was missed for so long that it will not appear any more.
    fn has_settled(&mut self, now_ms: u64, settle: Duration) -> bool {
        let missed_ms = *self.missed_ms.get_or_insert(now_ms);
        u128::from(now_ms.saturating_sub(missed_ms)) >= settle.as_millis()
    }

    /// A batch without our name is ours where it has as many questions and answers one of them.
    async fn among_unnamed(&mut self, asker: &Asker, listed: Vec<Listed>) -> Result<Unnamed, StepTrouble> {
        let known = asker.journal.known_remote_batches().map_err(|error| StepTrouble::Stop(error.into()))?;
        let keys: HashSet<&str> = self.items.iter().map(|item| item.key.as_str()).collect();
        let mut undecided = false;
        for Listed { remote_id, total, .. } in listed {
            let other_size = total.is_some_and(|total| total != 0 && total != self.items.len() as u64);
            if other_size || known.contains(&remote_id) || self.not_ours.contains(&remote_id) {
                continue;
            }
            let body = send_for_json(&asker.shared, &poll(asker.endpoint(), &remote_id)).await?;
            let Ok(Progress::Ended(ended)) = progress(asker.endpoint(), &remote_id, &body) else {
                undecided = true;
                continue;
            };
            let results = fetch_results(asker, &ended, &|_| true).await?;
            if results.items.iter().any(|item| keys.contains(item.custom_id.as_str())) {
                return Ok(Unnamed::Ours(remote_id));
            }
            match (results.gone, results.extent) {
                (Some(what), _) => return Err(StepTrouble::Gone(what)),
                (None, Extent::Part(_)) => {
                    let what = format!("the results of batch {remote_id}, which may be ours, cannot be read");
                    return Err(StepTrouble::Untold(what));
                }
                (None, Extent::All | Extent::Uncounted) => self.not_ours.insert(remote_id),
            };
        }
        Ok(if undecided { Unnamed::Undecided } else { Unnamed::None })
    }

    /// Asks how far it is. A batch that the provider no longer has stops the run, unless it may be asked again.
    pub(super) async fn look(&mut self, asker: &Asker, config: &BatchConfig) -> Result<Looked, AskError> {
        let remote_id = self.row.remote_id.clone().unwrap_or_default();
        let body = match send_for_json(&asker.shared, &poll(asker.endpoint(), &remote_id)).await {
            Ok(body) => body,
            Err(StepTrouble::Gone(what)) if config.ask_lost_again => {
                self.count_as_paid(asker);
                return Ok(Looked::Failed(what));
            }
            Err(trouble) => return Err(self.stop(trouble)),
        };
        match progress(asker.endpoint(), &remote_id, &body) {
            Ok(Progress::Working { done, total: _ }) => {
                self.done = done;
                Ok(Looked::Working)
            }
            Ok(Progress::Ended(ended)) => Ok(Looked::Ended(ended)),
            Ok(Progress::Failed(what)) => Ok(Looked::Failed(what)),
            Ok(Progress::NoRoom(what)) => Ok(Looked::NoRoom(what)),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Its answers were perhaps paid, and are lost.
    fn count_as_paid(&self, asker: &Asker) {
        let mut budget = asker.shared.budget();
        for item in &self.items {
            let usd = budget.worst_case(&item.ask.request, Route::Batch).unwrap_or(0.0);
            budget.perhaps_paid(usd);
        }
    }

    /// Why the run cannot go on with it. It is never asked again just because nothing can be heard of it: it may have
    /// been paid.
    fn stop(&self, trouble: StepTrouble) -> AskError {
        let remote_id = self.row.remote_id.as_deref().unwrap_or_default();
        match trouble {
            StepTrouble::Stop(error) => error,
            StepTrouble::Gone(what) => AskError::Stopped {
                what,
                advice: format!(
                    "the provider no longer has batch {remote_id} or its results: check the base URL and the account, or \
                     ask its questions again, and pay for them again, with --ask-lost-again"
                ),
            },
            StepTrouble::Untold(what) => AskError::Stopped {
                what,
                advice: format!("batch {remote_id} cannot be read: look at it on the provider's page, then run again"),
            },
            StepTrouble::Refused(_) | StepTrouble::Unknown => {
                unreachable!("only a request that makes something is refused, or of unknown fate")
            }
        }
    }

    /// Fetches its results and matches them by their ids, in whatever order they come. Where answers that were paid
    /// cannot be read, that stops the run, unless they may be asked again.
    pub(super) async fn fetch(
        &self,
        asker: &Asker,
        config: &BatchConfig,
        ended: &Ended,
        set_aside_usd: &mut HashMap<AskKey, f64>,
    ) -> Result<Fetched, AskError> {
        let keys: HashSet<&str> = self.items.iter().map(|item| item.key.as_str()).collect();
        let results = fetch_results(asker, ended, &|id| keys.contains(id)).await;
        let results = results.map_err(|trouble| self.stop(trouble))?;
        match (&results.gone, results.extent) {
            (_, Extent::Part(_)) if config.ask_lost_again => {}
            (Some(what), _) => return Err(self.stop(StepTrouble::Gone(what.clone()))),
            (None, Extent::Part(n_read)) => return Err(self.stop_unread(n_read, ended)),
            (None, Extent::All | Extent::Uncounted) => {}
        }
        Ok(self.match_results(asker, results, set_aside_usd))
    }

    fn stop_unread(&self, n_read: usize, ended: &Ended) -> AskError {
        let remote_id = self.row.remote_id.as_deref().unwrap_or_default();
        let counted = ended.succeeded.map(|count| format!(" of {count} that the provider counts")).unwrap_or_default();
        let what = format!("{n_read} answers{counted} can be read in the results of batch {remote_id}");
        let advice = "run again later, its results are fetched once more; or keep what can be read, and ask for the others \
                      again, and perhaps pay for them again, with --ask-lost-again";
        AskError::Stopped { what, advice: advice.to_owned() }
    }

    fn match_results(&self, asker: &Asker, results: Results, set_aside_usd: &mut HashMap<AskKey, f64>) -> Fetched {
        let mut fetched = Fetched { answers: Vec::new(), unanswered: Vec::new(), troubles: Vec::new() };
        let mut asked: HashMap<&str, &BatchItem> = self.items.iter().map(|item| (item.key.as_str(), item)).collect();
        let provider = asker.endpoint().provider;
        let mut failed = Vec::new();
        let mut came = HashSet::new();
        for Item { custom_id, result } in results.items {
            let Some(&item) = asked.get(custom_id.as_str()) else {
                let kind = if came.contains(&custom_id) { "second answer in a batch" } else { "unknown id in a batch" };
                fetched.troubles.push((kind, custom_id));
                continue;
            };
            let answer = result.and_then(|body| {
                from_wire(provider, body).map_err(|trouble| {
                    // It was answered, and so paid, in a form that cannot be read.
                    let usd = set_aside_usd.get(&item.key).copied().unwrap_or(0.0);
                    asker.shared.budget().perhaps_paid(usd);
                    ItemTrouble { what: trouble.to_string(), refused: false }
                })
            });
            match answer {
                Ok(answer) => {
                    let usd = set_aside_usd.remove(&item.key).unwrap_or(0.0);
                    let model = &item.ask.request.model;
                    let cost_usd = asker.shared.budget().paid(usd, model, &answer, Route::Batch);
                    let paid = Paid { answer, rung: item.rung, route: Route::Batch, cost_usd };
                    fetched.answers.push((item.key.clone(), item.ask.clone(), paid));
                }
                Err(trouble) => failed.push((item, trouble)),
            }
            asked.remove(custom_id.as_str());
            came.insert(custom_id);
        }
        for item in asked.into_values() {
            if results.extent != Extent::All {
                // Nobody knows whether it was answered.
                let usd = set_aside_usd.get(&item.key).copied().unwrap_or(0.0);
                asker.shared.budget().perhaps_paid(usd);
            }
            failed.push((item, ItemTrouble { what: "the batch has no result for it".to_owned(), refused: false }));
        }
        for (item, ItemTrouble { what, refused }) in failed {
            let usd = set_aside_usd.remove(&item.key).unwrap_or(0.0);
            asker.shared.budget().give_back(usd);
            let (key, ask) = (item.key.clone(), item.ask.clone());
            let lower = || asker.shared.ladder.refused(provider, &ask.request.model, item.rung);
            let shape = refused && is_about_shape(&what) && lower().is_some();
            fetched.unanswered.push(Unanswered { key, ask, what, refused: refused && !shape, shape });
        }
        fetched
    }
}

enum Unnamed {
    Ours(String),
    Undecided,
    None,
}
