use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use proptest::prelude::*;
use r2r_inference::{Decided, Options, Student};
use r2r_model::early::{EXIT_BIAS, EXIT_PLACES, EXIT_WEIGHT, EarlyConfig, EarlyMeasure};
use r2r_model::folder::StudentFolder;
use r2r_model::weights::{NamedTensor, Weights};
use r2r_types::document::Document;
use tempfile::TempDir;

use crate::{copied_student, document, student};

const QUERY: &str = "which volcanic rock is dark?";
const BIAS: f32 = 0.25;

fn weight(i: usize) -> f32 {
    ((i * 7919 % 211) as f32 - 105.0) / 300.0
}

/// The golden student with an exit head behind its first layer.
fn student_folder(margin: f32) -> (TempDir, PathBuf) {
    let (temporary, root) = copied_student();
    let folder = StudentFolder::open(&root).unwrap();
    let mut config = folder.config().unwrap();
    let n = EXIT_PLACES * config.encoder.hidden_size;
    let measured = EarlyMeasure { lists: 1, ndcg_at_10_difference: 0.0, finished: 0.5, work: 0.5 };
    config.early = Some(EarlyConfig { layers: 1, margin, measured });
    folder.replace_config(&config).unwrap();
    let weights = [
        (EXIT_WEIGHT.to_owned(), NamedTensor::new(vec![1, n], (0..n).map(weight).collect())),
        (EXIT_BIAS.to_owned(), NamedTensor::new(vec![1], vec![BIAS])),
    ];
    folder.replace_exit_head(&Weights::from_iter(weights)).unwrap();
    (temporary, root)
}

fn opened(margin: f32, threads: usize) -> Student {
    let (_temporary, root) = student_folder(margin);
    Student::open(&root, &Options { threads: NonZeroUsize::new(threads), ..Options::default() }).unwrap()
}

fn best(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_finished_have_their_scores_and_the_stopped_are_those_foreseen_below_the_bar(
        texts in prop::collection::vec("([a-z]{0,8}[ .,]){0,30}", 1..20), n in 1usize..24, margin in 0f32..2.0,
    ) {
        let (one, three) = (opened(margin, 1), opened(margin, 3));
        let documents: Vec<Document> = texts.iter().map(|text| document(text)).collect();
        let documents: Vec<&Document> = documents.iter().collect();
        let decided = one.score_early(QUERY, &documents, best(n)).unwrap();
        prop_assert_eq!(&three.score_early(QUERY, &documents, best(n)).unwrap(), &decided);
        let scored = one.score(QUERY, &documents).unwrap();
        let pairs = one.exit_features(QUERY, &documents, 1).unwrap();
        let foreseen: Vec<f32> = pairs
            .iter()
            .map(|pair| pair.features.iter().enumerate().map(|(i, x)| x * weight(i)).sum::<f32>() + BIAS)
            .collect();
        let mut sorted = foreseen.clone();
        sorted.sort_by(|a, b| b.total_cmp(a));
        let bar = sorted.get(n - 1).map_or(f32::NEG_INFINITY, |nth| nth - margin);
        for ((decided, scored), foreseen) in decided.iter().zip(&scored).zip(&foreseen) {
            match decided {
                Decided::Finished(found) => {
                    prop_assert_eq!(found, scored);
                    prop_assert!(*foreseen > bar - 1e-3);
                }
                Decided::Stopped(found) => {
                    prop_assert!((found - foreseen).abs() < 1e-4);
                    prop_assert!(*foreseen < bar + 1e-3);
                }
            }
        }
        let finished = decided.iter().filter(|decided| matches!(decided, Decided::Finished(_))).count();
        prop_assert!(finished >= n.min(texts.len()));
    }
}

#[test]
fn who_is_stopped_does_not_depend_on_the_order_of_a_long_list() {
    let student = opened(0.1, 2);
    let texts: Vec<String> = (0..300).map(|i| "dark rock and bread ".repeat(i % 7 + 1) + &format!("{i}")).collect();
    let forward: Vec<&str> = texts.iter().map(String::as_str).collect();
    let backward: Vec<&str> = forward.iter().rev().copied().collect();
    let decided = student.score_texts_early(QUERY, &forward, best(5)).unwrap();
    let mut turned = student.score_texts_early(QUERY, &backward, best(5)).unwrap();
    turned.reverse();
    assert_eq!(turned, decided);
    let stopped = decided.iter().filter(|decided| matches!(decided, Decided::Stopped(_))).count();
    assert!(stopped > 0 && stopped <= 295, "{stopped}");
    assert!(student.score_texts_early(QUERY, &[], best(5)).unwrap().is_empty());
}

#[test]
fn a_student_that_was_not_fitted_says_so() {
    let message = student(1).score_texts_early(QUERY, &["d"], best(1)).unwrap_err().to_string();
    assert!(message.contains("does not know when to stop a document; fit it with r2r early"), "{message}");
}

#[test]
fn an_exit_head_that_is_not_there_is_named() {
    let (_temporary, root) = student_folder(1.0);
    fs::remove_file(root.join("exit_head.safetensors")).unwrap();
    let message = Student::open(&root, &Options::default()).err().unwrap().to_string();
    assert!(message.contains("has no exit_head.safetensors"), "{message}");
}
