//! A trained student says the same in the CPU engine: logits, reasons, evidence.

use std::path::{Path, PathBuf};

use reason_to_rank::inference::{EncodedPair, ReasonRequest};
use reason_to_rank::model::config::{Grade, ReasonsConfig, WeightFormat};
use reason_to_rank::model::plan::Plan;
use reason_to_rank::model::reasons::{ReasonVocabulary, split_reason};
use reason_to_rank::stages::base::base_folder;
use reason_to_rank::student::{LoadedStudent, StudentOptions};
use reason_to_rank::training::{Silent, TrainingConfig, TrainingInputs, Validation, train};
use reason_to_rank::types::document::{Document, Query};
use reason_to_rank::types::example::{DistillationExample, ExampleComparison, ExamplePassage};
use reason_to_rank::types::reasoning::Stands;

/// Lists about rocks: the first passage answers, the second does not.
fn examples() -> Vec<DistillationExample> {
    let rocks = ["basalt", "granite", "marble", "slate", "chalk", "pumice"];
    let passage = |i: usize, text: String, target: f32, direct: String, stands: Stands| ExamplePassage {
        doc: format!("d{i}").into(),
        title: String::new(),
        evidence: Some((0, text.find('.').unwrap() + 1)),
        text,
        target,
        direct: Some(direct),
        comparison: Some(ExampleComparison {
            text: "It says more about the rock than <other>.".into(),
            against: 1 - i,
            stands,
        }),
    };
    let example = |rock: &&str| DistillationExample {
        query: Query { id: (*rock).into(), text: format!("what is {rock} made of") },
        teacher: "a test".into(),
        passages: vec![
            passage(
                0,
                format!("What is {rock} made of? What is {rock} made of. It is old."),
                1.0,
                format!("This passage says what {rock} is made of."),
                Stands::Above,
            ),
            passage(
                1,
                "A house may be built of many things. Some are dear.".to_owned(),
                0.0,
                format!("This passage does not speak of {rock}."),
                Stands::Below,
            ),
        ],
    };
    rocks.iter().map(example).collect()
}

/// The small random student of the engine's goldens, whose base is trained.
fn golden_student() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/golden/student")
}

/// Trains for some steps and opens the student in the engine; the validation is of the exported weights.
fn trained(folder: &Path, examples: &[DistillationExample]) -> (LoadedStudent, Validation) {
    let base = base_folder(&golden_student(), &folder.join("base")).unwrap();
    let inputs = TrainingInputs {
        base: &base,
        name: "tiny",
        train: examples,
        dev: examples,
        reasons: Some(ReasonsConfig { heads: 4, feed_forward: 32, ..ReasonsConfig::beside(32) }),
        weights: WeightFormat::F32,
        student_max_length: 96,
        seed: 5,
        provenance: serde_json::Value::Null,
    };
    let config = TrainingConfig {
        steps: 6,
        batch: 2,
        accumulation: 1,
        warmup: 1,
        max_length: 96,
        validate_every: 6,
        checkpoint_every: 6,
        learning_rate: 5e-3,
        head_learning_rate: 5e-3,
        ..TrainingConfig::default()
    };
    let report = train(&inputs, &config, &folder.join("training"), false, &mut Silent).unwrap();
    let student = LoadedStudent::open(&report.student.unwrap(), &StudentOptions::default()).unwrap();
    (student, report.best.unwrap())
}

fn documents(example: &DistillationExample) -> Vec<Document> {
    let document = |passage: &ExamplePassage| Document {
        id: passage.doc.clone(),
        title: passage.title.clone(),
        text: passage.text.clone(),
    };
    example.passages.iter().map(document).collect()
}

#[test]
fn training_and_engine_agree_on_order_reasons_and_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let examples = examples();
    let (student, validation) = trained(folder.path(), &examples);
    let engine = student.engine();
    let vocabulary = engine.vocabulary().unwrap();

    let (mut right_orders, mut right_sentences, mut nats, mut words) = (0, 0, 0.0, 0.0);
    for example in &examples {
        let documents = documents(example);
        let documents: Vec<&Document> = documents.iter().collect();
        let scored = student.signals(&example.query.text, &documents).unwrap();
        assert!(scored[0].similarity.is_some(), "the base's similarity is part of the score");
        right_orders += usize::from(scored[0].logit > scored[1].logit);

        let pairs: Vec<EncodedPair> = engine.encode(&example.query.text, &documents).unwrap();
        for (i, passage) in example.passages.iter().enumerate() {
            let gold = &pairs[i].sentences[0];
            let chosen = engine.evidence(&pairs[i]).unwrap().unwrap();
            right_sentences += usize::from(chosen.sentence.text.start == gold.text.start);

            let grade = Grade::new(if i == 0 { 4 } else { 0 }).unwrap();
            let side = pairs[i].side(Some(gold));
            let comparison = passage.comparison.as_ref().unwrap();
            let against = &pairs[comparison.against];
            let neighbor = against.side(Some(&against.sentences[0]));
            let plans = [
                (Plan::direct(&side, grade), passage.direct.as_ref().unwrap(), None),
                (
                    Plan::comparison(&side, &neighbor, comparison.stands, grade),
                    &comparison.text,
                    Some(&pairs[comparison.against]),
                ),
            ];
            for (plan, text, neighbor) in plans {
                let reason = split_reason(text);
                let given: Vec<&str> = reason.iter().map(String::as_str).collect();
                let request = ReasonRequest { plan: &plan, document: &pairs[i], neighbor };
                let logits = engine.reason_logits(&request, &given).unwrap();
                for (step, logits) in logits.iter().enumerate() {
                    let acceptable: Vec<usize> = match given.get(step) {
                        None => vec![1],
                        Some(word) => {
                            let entries = plan.entries(word, vocabulary);
                            let sources = entries.sources.iter().map(|source| vocabulary.len() + source);
                            entries.vocabulary.iter().map(|id| *id as usize).chain(sources).collect()
                        }
                    };
                    if acceptable.is_empty() {
                        continue;
                    }
                    // Controls are never produced, and training leaves them out of the sum.
                    let possible = logits
                        .iter()
                        .enumerate()
                        .filter(|(id, _)| *id >= vocabulary.len() || ReasonVocabulary::is_producible(*id as u32));
                    let all = log_sum_exp(possible.map(|(_, logit)| *logit));
                    nats += f64::from(all - log_sum_exp(acceptable.iter().map(|&i| logits[i])));
                    words += 1.0;
                }
            }
        }
    }
    let n = examples.len() as f64;
    assert!((right_orders as f64 / n - validation.agreement).abs() < 1e-9, "{right_orders} {validation:?}");
    assert!(
        (right_sentences as f64 / (2.0 * n) - validation.evidence.unwrap()).abs() < 1e-9,
        "{right_sentences} {validation:?}"
    );
    let generation = validation.generation.unwrap();
    assert!((nats / words - generation).abs() < 1e-4, "{} against {generation}", nats / words);
}

fn log_sum_exp(values: impl Iterator<Item = f32> + Clone) -> f32 {
    let most = values.clone().fold(f32::NEG_INFINITY, f32::max);
    most + values.map(|value| (value - most).exp()).sum::<f32>().ln()
}
