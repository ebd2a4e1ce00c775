//! Agreement with PyTorch; `tests/golden/reference.py` made the numbers.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use r2r_model::config::{EncoderConfig, ReasonsConfig};
use r2r_model::plan::Entries;
use r2r_model::weights::{NamedTensor, Weights};
use r2r_training::batch::{Batch, ReasonTargets};
use r2r_training::compute::Place;
use r2r_training::encoder::PackedPieces;
use r2r_training::loss::evidence::GoldSentence;
use r2r_training::loss::generation::StepTargets;
use r2r_training::optimizer::{LearningRates, Optimizer, clip};
use r2r_training::parameters::{NamedTensors, gradients, numbers, tensor_like, to_numbers, trained, with_values};
use r2r_training::reason_decoder::ReasonBatch;
use r2r_training::student::{Student, StudentShape};
use r2r_training::{Adaptation, LossConfig, LowRank, Packing};
use safetensors::SafeTensors;
use serde_json::Value;

/// Largest accepted difference, relative to the larger of 1 and the tensor's largest number.
const TOLERANCE: f32 = 1e-4;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn tensors() -> BTreeMap<String, NamedTensor> {
    let bytes = std::fs::read(file("reference.safetensors")).unwrap();
    let read = SafeTensors::deserialize(&bytes).unwrap();
    let tensors = read.tensors().into_iter().map(|(name, view)| {
        let (chunks, _) = view.data().as_chunks::<4>();
        let values = chunks.iter().map(|chunk| f32::from_le_bytes(*chunk)).collect();
        (name, NamedTensor::new(view.shape().to_vec(), values))
    });
    tensors.collect()
}

fn list<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

fn ranges(value: &Value, by: usize) -> Vec<Range<usize>> {
    list::<Vec<[usize; 2]>>(value).into_iter().map(|[start, end]| start + by..end + by).collect()
}

fn batch(golden: &Value, n_words: usize) -> Batch {
    let (ids, types): (Vec<u32>, Vec<u32>) = (list(&golden["ids"]), list(&golden["types"]));
    let lengths: Vec<usize> = list(&golden["lengths"]);
    let gold: Vec<[usize; 3]> = list(&golden["gold_sentences"]);
    let (mut spans, mut segments, mut marks, mut inputs, mut acceptable) = (vec![], vec![], vec![], vec![], vec![]);
    let (mut n_sources, mut n_steps, mut continuations) = (vec![], vec![], vec![]);
    for reason in golden["reasons"].as_array().unwrap() {
        let first = spans.len();
        spans.extend(ranges(&reason["spans"], 0));
        segments.extend(list::<Vec<usize>>(&reason["segments"]));
        marks.extend(list::<Vec<Vec<f32>>>(&reason["marks"]).concat());
        continuations.extend(list::<Vec<Option<usize>>>(&reason["continuations"]));
        let of_reason: Vec<usize> = list(&reason["inputs"]);
        n_steps.push(of_reason.len());
        n_sources.push(spans.len() - first);
        inputs.extend(of_reason.into_iter().map(|input| if input < n_words { input } else { input + first }));
        acceptable.extend(list::<Vec<Vec<usize>>>(&reason["acceptable"]).into_iter().map(|columns| Entries {
            vocabulary: columns.iter().find(|column| **column < n_words).map(|column| *column as u32),
            sources: columns.iter().filter(|column| **column >= n_words).map(|column| column - n_words).collect(),
        }));
    }
    let (sources, steps) = (Packing::of(n_sources), Packing::of(n_steps));
    Batch {
        pieces: PackedPieces { ids, types, packing: Packing::of(lengths) },
        lists: ranges(&golden["lists"], 0),
        targets: list(&golden["targets"]),
        similarities: list(&golden["similarities"]),
        sentences: ranges(&golden["sentences"], 0),
        gold_sentences: gold.iter().map(|[a, b, gold]| GoldSentence { sentences: *a..*b, gold: *gold }).collect(),
        reasons: Some(ReasonTargets {
            inputs: ReasonBatch {
                spans,
                segments,
                marks,
                sources: sources.clone(),
                inputs,
                continuations,
                steps: steps.clone(),
            },
            targets: StepTargets { acceptable, steps, sources },
        }),
    }
}

fn check(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let known = || expected.iter().filter(|number| !number.is_nan());
    let size = known().fold(1.0_f32, |most, number| most.max(number.abs()));
    for (found, expected) in found.iter().zip(expected).filter(|(_, expected)| !expected.is_nan()) {
        assert!((found - expected).abs() <= TOLERANCE * size, "{what}: {found}, expected {expected}");
    }
}

fn check_case(case: &str) {
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(file("reference.json")).unwrap()).unwrap();
    let (settings, expected) = (&golden["settings"], &golden["expected"][case]);
    let tensors = tensors();
    let part = |prefix: &str| -> BTreeMap<String, Vec<f32>> {
        let of_part = tensors.iter().filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?, tensor)));
        of_part.map(|(name, tensor)| (name.to_owned(), tensor.values.clone())).collect()
    };
    let number = |name: &str| settings[name].as_f64().unwrap();
    let count = |name: &str| number(name) as usize;

    let mut weights = Weights::default();
    for (name, tensor) in &tensors {
        if let Some(name) = name.strip_prefix("base/") {
            weights.insert(name, tensor.clone());
        }
    }
    let encoder = EncoderConfig::from_json(&settings["encoder"].to_string()).unwrap();
    let low_rank = case == "low_rank";
    let adaptation = if low_rank {
        Adaptation::LowRank(LowRank { rank: count("rank"), alpha: number("alpha") as f32 })
    } else {
        Adaptation::Full
    };
    let reasons = ReasonsConfig {
        layers: 1,
        heads: count("decoder_heads"),
        feed_forward: count("feed_forward"),
        vocabulary: count("words"),
        max_words: 20,
    };
    let shape =
        StudentShape { encoder: &encoder, adaptation, with_similarity: low_rank, reasons: Some(reasons), seed: 1 };
    let place = Place::cpu();
    let mut student = Student::load(&mut weights, &shape, &place).unwrap();
    let fresh = trained(&student);
    let initial: NamedTensors = part("initial/")
        .into_iter()
        .filter_map(|(name, values)| Some((name.clone(), tensor_like(values, fresh.get(&name)?))))
        .collect();
    student = with_values(student, initial);

    let batch = batch(&golden["batch"], count("words"));
    let loss_config = LossConfig { temperature: number("temperature") as f32, ..LossConfig::default() };
    let outputs = student.forward(&batch.pieces, &batch.similarities, place.compute);
    check("logits", &numbers(outputs.logits), &list::<Vec<f32>>(&expected["logits"]));

    let rates = |name: &str| settings["rates"][name].as_f64().unwrap();
    let rates = LearningRates { encoder: rates("encoder"), head: rates("head"), similarity: rates("similarity") };
    let mut optimizer = Optimizer::new(number("decay"));
    let steps: Vec<[f32; 2]> = list(&expected["steps"]);
    for (step, [loss, norm]) in steps.iter().enumerate() {
        let losses = student.losses(&batch, &loss_config, place.compute);
        let total = losses.total(&loss_config).unwrap();
        if step == 0 {
            let parts = [
                ("pairwise", &losses.pairwise),
                ("listwise", &losses.listwise),
                ("generation", &losses.generation),
                ("evidence", &losses.evidence),
            ];
            for (name, loss) in parts {
                check(name, &numbers(loss.clone().unwrap()), &[expected[name].as_f64().unwrap() as f32]);
            }
        }
        check(&format!("loss of step {step}"), &numbers(total.clone()), &[*loss]);
        let mut backward = total.backward();
        let mut found = gradients(&student, &mut backward);
        if step == 0 {
            let found = to_numbers(&found);
            for (name, expected) in part(&format!("{case}/gradient/")) {
                check(&format!("gradient of {name}"), &found[&name], &expected);
            }
        }
        let found_norm = clip(&mut found, number("clip"));
        check(&format!("gradient norm of step {step}"), &[found_norm as f32], &[*norm]);
        let values = optimizer.step(trained(&student), found, rates);
        student = with_values(student, values);
    }
    let found = to_numbers(&trained(&student));
    let finals = part(&format!("{case}/final/"));
    assert!(finals.len() > 20);
    for (name, expected) in finals {
        check(&format!("{name} after {} steps", steps.len()), &found[&name], &expected);
    }
}

#[test]
fn low_rank_training_is_that_of_pytorch() {
    check_case("low_rank");
}

#[test]
fn full_training_is_that_of_pytorch() {
    check_case("full");
}
