//! A trained student and held-out queries -> the weight of the base's similarity.
//!
//! Training weighs it on short lists, a handful of passages beside the best one. A first stage hands over a hundred, most
//! of them off the topic, and there the similarity deserves more. So the weight is chosen on held-out queries as the
//! student is used: on what BM25 finds for them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use r2r_evaluation::evaluate::{EvaluationOptions, evaluate};
use r2r_evaluation::measures::Measure;
use r2r_inference::Scored;
use r2r_model::folder::StudentFolder;
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
use crate::stages::distill::{DEV, read_examples};
use crate::stages::held_out::{HeldOut, HeldOutList, held_out, known_queries};
use crate::student::{LoadedStudent, StudentOptions};

/// The weights that are tried: from none on, each √2 times the one before.
const WEIGHTS: [f32; 14] = [0.0, 1.0, 1.41, 2.0, 2.83, 4.0, 5.66, 8.0, 11.3, 16.0, 22.6, 32.0, 45.3, 64.0];

/// What the held-out queries said.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weighed {
    /// The similarity's weight that the student has now.
    pub weight: f32,
    /// The weight that training had given it.
    pub before: f32,
    /// Held-out queries.
    pub queries: usize,
    /// Each weight with its nDCG@10: the mean over the collections of the means over their queries.
    pub ndcg: Vec<(f32, f64)>,
}

/// Chooses the similarity's weight on the recipe's `[[validation]]` collections and writes it, with the curves that hang
/// on it, into the student's `config.json`. `None` where the recipe has none or the student no similarity.
pub fn weigh(recipe: &Recipe, student: &Path, progress: &mut dyn Progress) -> Result<Option<Weighed>, PipelineError> {
    let folder = StudentFolder::open(student).map_err(PipelineError::input)?;
    let mut config = folder.config().map_err(PipelineError::input)?;
    let before = config.similarity_weight;
    if recipe.validation.is_empty() || before == 0.0 {
        return Ok(None);
    }
    let engine = LoadedStudent::open(student, &StudentOptions::default())?;
    let dev = read_examples(&recipe.artifact("distill").join(DEV))?;
    let known = known_queries(recipe)?;

    let mut lists = Vec::new();
    for section in &recipe.validation {
        lists.push(scored_lists(recipe, section, &engine, &known, progress)?);
    }
    let mut ndcg = Vec::with_capacity(WEIGHTS.len());
    for weight in WEIGHTS {
        let mut means = Vec::new();
        for list in lists.iter().filter(|list| !list.scored.is_empty()) {
            means.push(list.ndcg(weight)?);
        }
        if means.is_empty() {
            progress.say("every query of the [[validation]] collections was learned from: the weight stays as trained");
            return Ok(None);
        }
        ndcg.push((weight, means.iter().sum::<f64>() / means.len() as f64));
    }

    let weight = steadiest(&ndcg);
    config.similarity_weight = weight;
    let logits = dev_logits(&engine, &dev, weight)?;
    config.calibration = fit_calibration(&dev, &logits).unwrap_or(config.calibration);
    config.grades = fit_grades(&dev, &logits).unwrap_or(config.grades);
    // What faster number formats lose was measured with the other weight, and the exit head foresees the other logits.
    (config.precision, config.early) = (None, None);
    folder.replace_config(&config).map_err(PipelineError::failed)?;
    let queries = lists.iter().map(|list| list.scored.len()).sum();
    progress.say(&format!("the similarity counts {weight} instead of {before:.2}, by {queries} held-out queries"));
    Ok(Some(Weighed { weight, before, queries, ndcg }))
}

/// As [`weigh`], and writes the choice into the provenance of a student that is there already.
pub fn weigh_whole_folder(
    recipe: &Recipe,
    student: &Path,
    progress: &mut dyn Progress,
) -> Result<Option<Weighed>, PipelineError> {
    let weighed = weigh(recipe, student, progress)?;
    if let Some((weighed, mut provenance)) = weighed.as_ref().zip(Provenance::read(student)?) {
        provenance.count("similarity", serde_json::to_value(weighed).map_err(PipelineError::failed)?);
        provenance.write(student)?;
    }
    Ok(weighed)
}

/// The weight whose neighborhood is best: the mean of its own nDCG and its neighbors', so that no chance peak decides.
fn steadiest(ndcg: &[(f32, f64)]) -> f32 {
    let around = |place: usize| {
        let near = &ndcg[place.saturating_sub(1)..(place + 2).min(ndcg.len())];
        near.iter().map(|(_, ndcg)| ndcg).sum::<f64>() / near.len() as f64
    };
    let best = (0..ndcg.len()).max_by(|left, right| around(*left).total_cmp(&around(*right)));
    best.map_or(0.0, |place| ndcg[place].0)
}

/// The candidates of one collection's held-out queries with the student's two signals.
struct ScoredLists {
    qrels: Qrels,
    scored: Vec<(QueryId, Vec<(DocId, Scored)>)>,
}

impl ScoredLists {
    /// The mean nDCG@10 under a weight of the similarity.
    fn ndcg(&self, weight: f32) -> Result<f64, PipelineError> {
        let measure: Measure = "nDCG@10".parse().map_err(PipelineError::failed)?;
        let mut run = Run::new("student");
        for (query, documents) in &self.scored {
            let logits = documents.iter().map(|(doc, scored)| (doc.clone(), f64::from(logit(*scored, weight))));
            run.insert(query.clone(), logits.collect()).map_err(PipelineError::input)?;
        }
        let found = evaluate(&run, &self.qrels, &[measure], &EvaluationOptions::default());
        let values = self.scored.iter().filter_map(|(query, _)| found.value(query, measure));
        Ok(values.sum::<f64>() / self.scored.len() as f64)
    }
}

fn logit(scored: Scored, weight: f32) -> f32 {
    scored.head + weight * scored.similarity.unwrap_or(0.0)
}

/// The held-out queries of a collection, scored.
fn scored_lists(
    recipe: &Recipe,
    section: &ValidationSection,
    student: &LoadedStudent,
    known: &HashSet<String>,
    progress: &mut dyn Progress,
) -> Result<ScoredLists, PipelineError> {
    let HeldOut { qrels, lists } = held_out(recipe, section, known, progress)?;
    let mut scored = Vec::with_capacity(lists.len());
    progress.begin("weigh", Some(lists.len() as u64));
    for (done, HeldOutList { query, documents }) in lists.into_iter().enumerate() {
        if progress.stop_requested() {
            return Err(PipelineError::Stopped);
        }
        progress.at(done as u64 + 1);
        let documents: Vec<&Document> = documents.iter().map(Arc::as_ref).collect();
        let signals = student.signals(&query.text, &documents)?;
        scored.push((query.id.clone(), documents.iter().map(|document| document.id.clone()).zip(signals).collect()));
    }
    progress.end(&format!("{}: {} held-out queries", section.path.display(), scored.len()));
    Ok(ScoredLists { qrels, scored })
}

/// The logits of the held-out lists, for the curves to probabilities and grades.
fn dev_logits(
    student: &LoadedStudent,
    dev: &[DistillationExample],
    weight: f32,
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
        let signals = student.signals(&example.query.text, &documents)?;
        logits.push(signals.into_iter().map(|scored| logit(scored, weight)).collect());
    }
    Ok(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chance_peak_does_not_decide() {
        let plateau = [(0.0, 0.5), (1.0, 0.62), (2.0, 0.5), (4.0, 0.6), (8.0, 0.61), (16.0, 0.6), (32.0, 0.2)];
        assert!((steadiest(&plateau) - 8.0).abs() < f32::EPSILON);
        assert!((steadiest(&[(3.0, 0.1)]) - 3.0).abs() < f32::EPSILON);
    }

    #[test]
    fn the_weight_decides_between_the_two_signals() {
        let scored = |head, similarity| Scored {
            head,
            similarity: Some(similarity),
            logit: 0.0,
            probability: 0.0,
            truncated: false,
        };
        let mut qrels = Qrels::default();
        qrels.insert("q".into(), "similar".into(), 1);
        let documents = vec![("liked".into(), scored(1.0, 0.1)), ("similar".into(), scored(0.0, 0.9))];
        let lists = ScoredLists { qrels, scored: vec![("q".into(), documents)] };
        assert!((lists.ndcg(2.0).unwrap() - 1.0).abs() < 1e-9);
        assert!((lists.ndcg(0.0).unwrap() - 1.0 / 3f64.log2()).abs() < 1e-9);
    }
}
