//! The CPU engine's student as a reranker that explains itself.

use std::num::NonZeroUsize;
use std::path::Path;

use r2r_inference::{
    Decided, EncodedPair, InferenceError, Instructions, ListFeatures, Options, Precision, ReasonRequest, Scored,
    Student as Engine,
};
use r2r_model::encoding::Limits;
use r2r_model::function_words::is_content;
use r2r_model::plan::Plan;
use r2r_model::sentence_pieces::SentencePieces;
use r2r_reranking::explained::ExplainedReranker;
use r2r_reranking::student::{EarlyScore, ExplanationRequest, Score, Student, WrittenReasons};
use r2r_types::document::Document;
use r2r_types::reasoning::Stands;
use r2r_types::stage::StageError;

use crate::error::PipelineError;

/// How a student is run.
#[derive(Clone, Copy, Debug, Default)]
pub struct StudentOptions {
    /// Threads of one call; all of the processor's where `None`.
    pub threads: Option<NonZeroUsize>,
    /// Number format of the products; the fastest whose loss was measured to be harmless where `None`.
    pub precision: Option<Precision>,
    /// Instructions of the kernels; the best that the processor has where `None`.
    pub instructions: Option<Instructions>,
    /// How far below the best a document is stopped early, in standard deviations; what was chosen for the student
    /// where `None`.
    pub early_margin: Option<f32>,
}

/// A student in memory.
pub struct LoadedStudent {
    reranker: ExplainedReranker<EngineStudent>,
}

impl LoadedStudent {
    /// Opens a student folder, or a cross-encoder folder of Hugging Face transformers.
    pub fn open(folder: &Path, options: &StudentOptions) -> Result<Self, PipelineError> {
        let options = Options {
            threads: options.threads,
            precision: options.precision,
            instructions: options.instructions,
            early_margin: options.early_margin,
            ..Options::default()
        };
        let engine = Engine::open(folder, &options).map_err(PipelineError::input)?;
        Ok(Self { reranker: ExplainedReranker::new(EngineStudent { engine }) })
    }

    /// The student as a reranker.
    pub fn reranker(&self) -> &ExplainedReranker<EngineStudent> {
        &self.reranker
    }

    /// The engine within, for its configuration and its single signals.
    pub fn engine(&self) -> &Engine {
        &self.reranker.student().engine
    }

    /// The student's name.
    pub fn name(&self) -> &str {
        &self.engine().config().name
    }

    /// The calibrated probability of a logit.
    pub fn probability(&self, logit: f32) -> f32 {
        self.engine().config().calibration.probability(logit)
    }

    /// Whether it has learned to write reasons.
    pub fn writes_reasons(&self) -> bool {
        self.reranker.student().writes_reasons()
    }

    /// Whether a document is longer than the student reads beside the query.
    pub fn is_truncated(&self, query: &str, document: &Document) -> Result<bool, StageError> {
        let limits = Limits::of(self.engine().config());
        let pair = self.engine().tokenizer().encode_pair(query, &document.title_and_text(), limits);
        Ok(pair.map_err(|error| stage_error(error.into()))?.document_truncated)
    }

    /// What exits read of each document.
    pub fn exit_features(&self, query: &str, documents: &[&Document]) -> Result<ListFeatures, StageError> {
        self.engine().exit_features(query, documents).map_err(stage_error)
    }

    /// Scores with their parts: the rank head's logit and the base's similarity.
    pub fn signals(&self, query: &str, documents: &[&Document]) -> Result<Vec<Scored>, StageError> {
        self.engine().score(query, documents).map_err(stage_error)
    }
}

/// The engine with the reranker's trait.
pub struct EngineStudent {
    engine: Engine,
}

impl Student for EngineStudent {
    fn score(&self, query: &str, documents: &[&Document]) -> Result<Vec<Score>, StageError> {
        let scored = self.engine.score(query, documents).map_err(stage_error)?;
        Ok(scored.into_iter().map(score_of).collect())
    }

    fn score_early(
        &self,
        query: &str,
        documents: &[&Document],
        n: NonZeroUsize,
    ) -> Result<Vec<EarlyScore>, StageError> {
        let decided = self.engine.score_early(query, documents, n).map_err(stage_error)?;
        Ok(decided
            .into_iter()
            .map(|decided| match decided {
                Decided::Finished(scored) => EarlyScore::Finished(score_of(scored)),
                Decided::Stopped(foreseen) => EarlyScore::Stopped(foreseen),
            })
            .collect())
    }

    fn writes_reasons(&self) -> bool {
        self.engine.vocabulary().is_some()
    }

    fn explain(&self, query: &str, requests: &[ExplanationRequest<'_>]) -> Result<Vec<WrittenReasons>, StageError> {
        // A neighbor is most often explained itself: every document is encoded once, whatever its roles.
        let mut documents: Vec<&Document> = Vec::new();
        let mut place = |document| place_of(document, &mut documents);
        let places: Vec<(usize, Option<usize>)> = requests
            .iter()
            .map(|request| (place(request.document), request.neighbor.map(|(neighbor, _)| place(neighbor))))
            .collect();
        let pairs = self.engine.encode(query, &documents).map_err(stage_error)?;
        // A neighbor's evidence is part of the plan too: training marks both.
        let mut evidence: Vec<Option<SentencePieces>> = Vec::with_capacity(pairs.len());
        for pair in &pairs {
            evidence.push(self.engine.evidence(pair).map_err(stage_error)?.map(|chosen| chosen.sentence));
        }
        let side = |place: usize| pairs[place].side(evidence[place].as_ref());
        let mut plans: Vec<(Plan, &EncodedPair, Option<&EncodedPair>)> = Vec::new();
        for (request, (own, other)) in requests.iter().zip(&places) {
            let grade = self.engine.config().grade(request.logit);
            plans.push((Plan::direct(&side(*own), grade), &pairs[*own], None));
            if let (Some((_, stands)), Some(other)) = (request.neighbor, other) {
                let plan = Plan::comparison(&side(*own), &side(*other), stands, grade);
                plans.push((plan, &pairs[*own], Some(&pairs[*other])));
            }
        }
        let to_write: Vec<ReasonRequest<'_>> = plans
            .iter()
            .map(|(plan, document, neighbor)| ReasonRequest { plan, document, neighbor: *neighbor })
            .collect();
        let mut written = self.engine.write_reasons(&to_write).map_err(stage_error)?.into_iter();

        let mut explained = Vec::with_capacity(requests.len());
        for (request, (own, other)) in requests.iter().zip(&places) {
            let (matched, missing) = coverage(&pairs[*own]);
            let direct = written.next().expect("one direct reason was asked for each request");
            let comparison = match (request.neighbor, other) {
                (None, _) | (_, None) => String::new(),
                (Some((neighbor, stands)), Some(other)) => {
                    let reason = written.next().expect("one comparison was asked for each request with a neighbor");
                    // Order and words are stated by us, not by the model: what is said of them is always true.
                    let id = neighbor.id.as_str();
                    let words = difference_in_words(&matched, &coverage(&pairs[*other]).0, id);
                    let stands = match stands {
                        Stands::Above => "Ranks above",
                        Stands::Below => "Ranks below",
                    };
                    format!("{stands} {id}{words}. {}", reason.text(id))
                }
            };
            explained.push(WrittenReasons {
                direct: direct.text("the other passage"),
                comparison,
                evidence: evidence[*own].as_ref().map(|sentence| sentence.text.clone()),
                matched,
                missing,
            });
        }
        Ok(explained)
    }
}

fn score_of(scored: Scored) -> Score {
    Score { logit: scored.logit, probability: scored.probability }
}

/// The place of a document among those to be encoded, where it is put if it is not there.
fn place_of<'a>(document: &'a Document, documents: &mut Vec<&'a Document>) -> usize {
    documents.iter().position(|other| std::ptr::eq(*other, document)).unwrap_or_else(|| {
        documents.push(document);
        documents.len() - 1
    })
}

/// The query's content words, each once: those whose stem the document has, and those it lacks.
fn coverage(pair: &EncodedPair) -> (Vec<String>, Vec<String>) {
    let (mut matched, mut missing) = (Vec::new(), Vec::new());
    for placed in pair.words.query.iter().filter(|placed| is_content(&placed.word)) {
        let side = if pair.words.document_stems.contains(&placed.word.stem) { &mut matched } else { &mut missing };
        if !side.contains(&placed.written) {
            side.push(placed.written.clone());
        }
    }
    (matched, missing)
}

/// Which of the query's words only one of two documents has, as the end of a sentence; empty where there is no such word.
fn difference_in_words(own: &[String], other: &[String], other_id: &str) -> String {
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|word| !those.contains(word)).map(|word| format!("\u{201c}{word}\u{201d}")).collect()
    };
    let mut parts = Vec::new();
    for (who, words) in [("this one", only(own, other)), (other_id, only(other, own))] {
        if let Some((last, before)) = words.split_last() {
            let listed = if before.is_empty() { last.clone() } else { format!("{} and {last}", before.join(", ")) };
            parts.push(format!("only {who} has {listed}"));
        }
    }
    if parts.is_empty() { String::new() } else { format!("; of the query's words, {}", parts.join(", ")) }
}

fn stage_error(error: InferenceError) -> StageError {
    StageError::Failed(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_the_words_that_one_of_the_two_has() {
        let check = |own: &[&str], other: &[&str], expected: &str| {
            let [own, other] = [own, other].map(|words| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
            assert_eq!(difference_in_words(&own, &other, "d2"), expected);
        };
        check(&["heat"], &["heat"], "");
        check(&["heat", "cold"], &["heat"], "; of the query's words, only this one has “cold”");
        check(
            &["heat", "cold", "pump"],
            &["weather"],
            "; of the query's words, only this one has “heat”, “cold” and “pump”, only d2 has “weather”",
        );
    }
}
