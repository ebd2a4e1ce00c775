//! A trained student and held-out queries -> how much the base's similarity and the query's words count.
//!
//! Training weighs the similarity on short lists, a handful of passages beside the best one. A first stage hands over a
//! hundred, most of them off the topic, and there it deserves more; and the head, which was trained without a count of
//! the query's words, forgives a missing one too easily. So both weights are chosen on held-out queries as the student
//! is used: on what BM25 finds for them.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use r2r_evaluation::evaluate::{EvaluationOptions, evaluate};
use r2r_evaluation::measures::Measure;
use r2r_model::encoding::{Limits, PairEncoding};
use r2r_model::folder::StudentFolder;
use r2r_model::lexical::LexicalMatch;
use r2r_model::passage::PassageText;
use r2r_training::calibration::{fit_calibration, fit_grades};
use r2r_types::document::Document;
use r2r_types::example::DistillationExample;
use r2r_types::id::{DocId, QueryId};
use r2r_types::qrels::Qrels;
use r2r_types::run::Run;
use serde::Serialize;

use crate::error::PipelineError;
use crate::progress::Progress;
use crate::provenance::Provenance;
use crate::recipe::{Recipe, ValidationSection};
use crate::stages::distill::{DEV, TRAIN, read_examples};
use crate::stages::held_out::{HeldOut, HeldOutList, KnownQueries, held_out};
use crate::student::{LoadedStudent, StudentOptions};

/// The similarity's weights that are tried: from none on, each √2 times the one before.
pub const SIMILARITY: [f32; 14] = [0.0, 1.0, 1.41, 2.0, 2.83, 4.0, 5.66, 8.0, 11.3, 16.0, 22.6, 32.0, 45.3, 64.0];
/// The weights of the query's words that are tried.
pub const LEXICAL: [f32; 10] = [0.0, 0.5, 0.71, 1.0, 1.41, 2.0, 2.83, 4.0, 5.66, 8.0];

/// How much two of a student's three signals count; the rank head's logit counts 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SignalWeights {
    /// Of the cosine of the base's vectors.
    pub similarity: f32,
    /// Of the query's words that the document has.
    pub lexical: f32,
}

/// What the held-out queries said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weighed {
    /// The weights that the student has now.
    pub weights: SignalWeights,
    /// The weights that it had.
    pub before: SignalWeights,
    /// Held-out queries.
    pub queries: usize,
    /// nDCG@10 by weight, the mean over the collections of the means over their queries: a row for each of
    /// [`SIMILARITY`], a column for each of [`LEXICAL`].
    pub ndcg: Vec<Vec<f64>>,
}

/// Chooses both weights on the recipe's `[[validation]]` collections and writes them, with the curves that hang on them,
/// into the student's folder. `None` where the recipe has none or the student no similarity.
pub fn weigh(recipe: &Recipe, student: &Path, progress: &mut dyn Progress) -> Result<Option<Weighed>, PipelineError> {
    let folder = StudentFolder::open(student).map_err(PipelineError::input)?;
    let mut config = folder.config().map_err(PipelineError::input)?;
    let before = SignalWeights { similarity: config.similarity_weight, lexical: config.lexical_weight };
    if recipe.validation.is_empty() || before.similarity == 0.0 {
        return Ok(None);
    }
    let engine = LoadedStudent::open(student, &StudentOptions::default())?;
    let distilled = recipe.artifact("distill");
    let (train, dev) = (read_examples(&distilled.join(TRAIN))?, read_examples(&distilled.join(DEV))?);
    let known = KnownQueries::of(recipe)?;

    let lexical = piece_weights(&engine, train.iter().chain(&dev))?;
    let judge = Judge { student: &engine, lexical: &lexical };
    let mut lists = Vec::new();
    for section in &recipe.validation {
        lists.push(judged_lists(recipe, section, &judge, &known, progress)?);
    }
    lists.retain(|list| !list.judged.is_empty());
    if lists.is_empty() {
        progress.say("every query of the [[validation]] collections was learned from: the weights stay as trained");
        return Ok(None);
    }
    let mut ndcg = Vec::with_capacity(SIMILARITY.len());
    for similarity in SIMILARITY {
        let mut row = Vec::with_capacity(LEXICAL.len());
        for lexical in LEXICAL {
            let means: Result<Vec<f64>, PipelineError> =
                lists.iter().map(|list| list.ndcg(SignalWeights { similarity, lexical })).collect();
            row.push(means?.iter().sum::<f64>() / lists.len() as f64);
        }
        ndcg.push(row);
    }

    let (row, column) = steadiest(&ndcg);
    let weights = SignalWeights { similarity: SIMILARITY[row], lexical: LEXICAL[column] };
    config.similarity_weight = weights.similarity;
    config.lexical_weight = weights.lexical;
    let logits = dev_logits(&judge, &dev, weights)?;
    config.calibration = fit_calibration(&dev, &logits).unwrap_or(config.calibration);
    config.grades = fit_grades(&dev, &logits).unwrap_or(config.grades);
    // What faster number formats lose was measured with the other weights, and the exits foresee the other logits.
    (config.precision, config.early) = (None, None);
    folder.put_lexical(&lexical).map_err(PipelineError::failed)?;
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    let queries = lists.iter().map(|list| list.judged.len()).sum();
    progress.say(&format!(
        "the similarity counts {} instead of {:.2}, the query's words {} instead of {:.2}, by {queries} held-out queries",
        weights.similarity, before.similarity, weights.lexical, before.lexical
    ));
    Ok(Some(Weighed { weights, before, queries, ndcg }))
}

/// As [`weigh`], and writes the choice into the provenance of a student that is there already.
pub fn weigh_whole_folder(
    recipe: &Recipe,
    student: &Path,
    progress: &mut dyn Progress,
) -> Result<Option<Weighed>, PipelineError> {
    let weighed = weigh(recipe, student, progress)?;
    if let Some((weighed, mut provenance)) = weighed.as_ref().zip(Provenance::read(student)?) {
        // As in config.json: they were measured with the other weights.
        for outdated in ["precision", "early"] {
            provenance.counts.remove(outdated);
        }
        provenance.count("similarity", serde_json::to_value(weighed).map_err(PipelineError::failed)?);
        provenance.write(student)?;
    }
    Ok(weighed)
}

/// The place whose neighborhood is best: the mean of its own nDCG and its neighbors', so that no chance peak decides.
fn steadiest(ndcg: &[Vec<f64>]) -> (usize, usize) {
    let near = |place: usize, end: usize| place.saturating_sub(1)..(place + 2).min(end);
    let around = |row: usize, column: usize| {
        let values: Vec<f64> =
            ndcg[near(row, ndcg.len())].iter().flat_map(|row| &row[near(column, row.len())]).copied().collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let places = (0..ndcg.len()).flat_map(|row| (0..ndcg[row].len()).map(move |column| (row, column)));
    places.max_by(|left, right| around(left.0, left.1).total_cmp(&around(right.0, right.1))).unwrap_or_default()
}

/// How rare each word piece is in the passages that were learned from.
fn piece_weights<'a>(
    student: &LoadedStudent,
    examples: impl Iterator<Item = &'a DistillationExample>,
) -> Result<LexicalMatch, PipelineError> {
    let passages = examples.flat_map(|example| &example.passages);
    let texts: BTreeSet<(&str, &str)> = passages.map(|passage| (&*passage.title, &*passage.text)).collect();
    let engine = student.engine();
    let limits = Limits::of(engine.config());
    let mut pieces = Vec::with_capacity(texts.len());
    for (title, text) in texts {
        let document = Document { id: "passage".into(), title: title.to_owned(), text: text.to_owned() };
        let whole = PassageText::of(&document).whole;
        pieces.push(engine.tokenizer().pieces(&whole, limits.text_pieces()).map_err(PipelineError::failed)?.ids);
    }
    Ok(LexicalMatch::of_texts(pieces.iter().map(Vec::as_slice), engine.config().encoder.vocab_size))
}

/// What a student and the query's words say about one document.
#[derive(Clone, Copy, Debug)]
struct Signals {
    head: f32,
    similarity: f32,
    lexical: f32,
}

impl Signals {
    fn logit(self, weights: SignalWeights) -> f32 {
        self.head + weights.similarity * self.similarity + weights.lexical * self.lexical
    }
}

/// A student beside weights of word pieces that it may not have yet.
struct Judge<'a> {
    student: &'a LoadedStudent,
    lexical: &'a LexicalMatch,
}

impl Judge<'_> {
    fn signals(&self, query: &str, documents: &[&Document]) -> Result<Vec<Signals>, PipelineError> {
        let engine = self.student.engine();
        let limits = Limits::of(engine.config());
        let pieces = |text: &str| engine.tokenizer().pieces(text, limits.text_pieces()).map_err(PipelineError::failed);
        let query_pieces = pieces(query)?;
        let scored = self.student.signals(query, documents)?;
        let mut signals = Vec::with_capacity(documents.len());
        for (document, scored) in documents.iter().zip(scored) {
            let text = pieces(&PassageText::of(document).whole)?;
            let pair = PairEncoding::of(&query_pieces, &text, engine.tokenizer().special(), limits);
            signals.push(Signals {
                head: scored.head,
                similarity: scored.similarity.unwrap_or(0.0),
                lexical: self.lexical.score(&pair.ids[pair.query], &pair.ids[pair.document]),
            });
        }
        Ok(signals)
    }
}

/// The candidates of one collection's held-out queries with their signals.
struct JudgedLists {
    qrels: Qrels,
    judged: Vec<(QueryId, Vec<(DocId, Signals)>)>,
}

impl JudgedLists {
    /// The mean nDCG@10 under weights.
    fn ndcg(&self, weights: SignalWeights) -> Result<f64, PipelineError> {
        let measure: Measure = "nDCG@10".parse().map_err(PipelineError::failed)?;
        let mut run = Run::new("student");
        for (query, documents) in &self.judged {
            let logits = documents.iter().map(|(doc, signals)| (doc.clone(), f64::from(signals.logit(weights))));
            run.insert(query.clone(), logits.collect()).map_err(PipelineError::input)?;
        }
        let found = evaluate(&run, &self.qrels, &[measure], &EvaluationOptions::default());
        let values = self.judged.iter().filter_map(|(query, _)| found.value(query, measure));
        Ok(values.sum::<f64>() / self.judged.len() as f64)
    }
}

/// The held-out queries of a collection, with the signals of their candidates.
fn judged_lists(
    recipe: &Recipe,
    section: &ValidationSection,
    judge: &Judge<'_>,
    known: &KnownQueries,
    progress: &mut dyn Progress,
) -> Result<JudgedLists, PipelineError> {
    let HeldOut { qrels, lists } = held_out(recipe, section, known, progress)?;
    let mut judged = Vec::with_capacity(lists.len());
    progress.begin("weigh", Some(lists.len() as u64));
    for (done, HeldOutList { query, documents }) in lists.into_iter().enumerate() {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        progress.at(done as u64 + 1);
        let documents: Vec<&Document> = documents.iter().map(Arc::as_ref).collect();
        let signals = judge.signals(&query.text, &documents)?;
        judged.push((query.id.clone(), documents.iter().map(|document| document.id.clone()).zip(signals).collect()));
    }
    progress.end(&format!("{}: {} held-out queries", section.path.display(), judged.len()));
    Ok(JudgedLists { qrels, judged })
}

/// The logits of the held-out lists, for the curves to probabilities and grades.
fn dev_logits(
    judge: &Judge<'_>,
    dev: &[DistillationExample],
    weights: SignalWeights,
) -> Result<Vec<Vec<f32>>, PipelineError> {
    let mut logits = Vec::with_capacity(dev.len());
    for example in dev {
        let passages = example.passages.iter().map(|passage| Document {
            id: passage.doc.clone(),
            title: passage.title.clone(),
            text: passage.text.clone(),
        });
        let documents: Vec<Document> = passages.collect();
        let documents: Vec<&Document> = documents.iter().collect();
        let signals = judge.signals(&example.query.text, &documents)?;
        logits.push(signals.into_iter().map(|signals| signals.logit(weights)).collect());
    }
    Ok(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_peak_does_not_decide() {
        let plateau = vec![
            vec![0.5, 0.5, 0.5, 0.5],
            vec![0.5, 0.62, 0.5, 0.5],
            vec![0.5, 0.5, 0.5, 0.5],
            vec![0.6, 0.6, 0.5, 0.5],
            vec![0.61, 0.6, 0.5, 0.5],
            vec![0.6, 0.6, 0.5, 0.5],
            vec![0.5, 0.5, 0.5, 0.5],
        ];
        assert_eq!(steadiest(&plateau), (4, 0));
        assert_eq!(steadiest(&[vec![0.1]]), (0, 0));
    }

    #[test]
    fn the_weights_decide_between_the_signals() {
        let mut qrels = Qrels::default();
        qrels.insert("q".into(), "similar".into(), 1);
        let documents = vec![
            ("liked".into(), Signals { head: 1.0, similarity: 0.1, lexical: 0.5 }),
            ("similar".into(), Signals { head: 0.0, similarity: 0.9, lexical: 0.0 }),
        ];
        let lists = JudgedLists { qrels, judged: vec![("q".into(), documents)] };
        let ndcg = |similarity, lexical| lists.ndcg(SignalWeights { similarity, lexical }).unwrap();
        assert!((ndcg(2.0, 0.0) - 1.0).abs() < 1e-9);
        assert!((ndcg(0.0, 0.0) - 1.0 / 3f64.log2()).abs() < 1e-9);
        assert!((ndcg(2.0, 8.0) - 1.0 / 3f64.log2()).abs() < 1e-9);
    }
}
