use std::fs;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use proptest::prelude::*;
use r2r_inference::{Decided, Options, Scored, Student};
use r2r_model::early::{
    EXIT_PLACES, EarlyConfig, EarlyMeasure, GUESS_BIAS, GUESS_DOWN, GUESS_UP, exit_bias, exit_deviation, exit_weight,
    last_exit,
};
use r2r_model::folder::StudentFolder;
use r2r_model::weights::{NamedTensor, Weights};
use r2r_types::document::Document;
use tempfile::TempDir;

use crate::{copied_student, document, student};

const QUERY: &str = "which volcanic rock is dark?";
/// Entries of the golden student's states.
const D: usize = 32;
const RANK: usize = 3;
const BIAS: f32 = 0.25;
const DEVIATION: f32 = 0.5;

/// Weights that differ from exit to exit.
fn weights(layers: usize, n: usize) -> Vec<f32> {
    (0..n).map(|i| ((i * 7919 % 211 + 50 * layers) as f32 - 155.0) / 300.0).collect()
}

/// Exits behind the golden student's first layer and, where it adds its base's similarity, behind both.
fn exits(with_similarity: bool) -> Vec<(String, NamedTensor)> {
    let n = EXIT_PLACES * D + usize::from(with_similarity);
    let mut tensors = Vec::new();
    let mut tensor = |name: String, shape: Vec<usize>, values: Vec<f32>| {
        tensors.push((name, NamedTensor::new(shape, values)));
    };
    for layers in 1..=last_exit(2, with_similarity) {
        tensor(exit_weight(layers), vec![n], weights(layers, n));
        tensor(exit_bias(layers), vec![1], vec![BIAS]);
        tensor(exit_deviation(layers), vec![1], vec![DEVIATION]);
    }
    if with_similarity {
        tensor(GUESS_DOWN.to_owned(), vec![RANK, D], weights(3, RANK * D));
        tensor(GUESS_UP.to_owned(), vec![D, RANK], weights(4, D * RANK));
        tensor(GUESS_BIAS.to_owned(), vec![D], weights(5, D));
    }
    tensors
}

/// The golden student with exits.
fn student_folder(margin: f32, similarity_weight: f32) -> (TempDir, PathBuf) {
    let (temporary, root) = copied_student();
    let folder = StudentFolder::open(&root).unwrap();
    let mut config = folder.config().unwrap();
    config.similarity_weight = similarity_weight;
    let measured = EarlyMeasure { lists: 1, ndcg_at_10_difference: 0.0, finished: 0.5, work: 0.5 };
    config.early = Some(EarlyConfig { first_exit: 1, margin, measured });
    folder.replace_config(&config).unwrap();
    folder.replace_exit_head(&Weights::from_iter(exits(similarity_weight != 0.0))).unwrap();
    (temporary, root)
}

fn opened(margin: f32, similarity_weight: f32, threads: usize) -> Student {
    let (_temporary, root) = student_folder(margin, similarity_weight);
    Student::open(&root, &Options { threads: NonZeroUsize::new(threads), ..Options::default() }).unwrap()
}

fn best(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

fn dot(left: &[f32], right: &[f32]) -> f32 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

/// What each exit foresees of each document, by the definition.
fn foreseen(student: &Student, documents: &[&Document], scored: &[Scored]) -> Vec<Vec<f32>> {
    let list = student.exit_features(QUERY, documents).unwrap();
    let similarity_weight = student.config().similarity_weight;
    let with_similarity = similarity_weight != 0.0;
    let of_exit = |layers: usize| {
        let of_pair = |(pair, scored): (&r2r_inference::PairFeatures, &Scored)| {
            let mut features = pair.behind[0].clone();
            if with_similarity {
                let (down, up) = (weights(3, RANK * D), weights(4, D * RANK));
                let narrow: Vec<f32> = down.chunks(D).map(|row| dot(row, &pair.embedding)).collect();
                let guessed = up.chunks(RANK).zip(weights(5, D)).map(|(row, bias)| dot(row, &narrow) + bias);
                features.push(similarity_weight * dot(&guessed.collect::<Vec<f32>>(), &list.query));
            }
            let head = if layers == 2 { scored.head } else { 0.0 };
            pair.known + head + dot(&features, &weights(layers, features.len())) + BIAS
        };
        list.pairs.iter().zip(scored).map(of_pair).collect()
    };
    (1..=last_exit(2, with_similarity)).map(of_exit).collect()
}

/// What each document was foreseen to have where it is stopped; `None` for what is finished. No answer where one is so
/// close to the bar that rounding decides.
fn raced(foreseen: &[Vec<f32>], n: usize, margin: f32) -> Option<Vec<Option<f32>>> {
    let mut stops = vec![None; foreseen[0].len()];
    for of_exit in foreseen.iter().filter(|of_exit| of_exit.len() > n) {
        let mut open: Vec<f32> =
            of_exit.iter().zip(&stops).filter(|(_, stop)| stop.is_none()).map(|(value, _)| *value).collect();
        open.sort_by(|a, b| b.total_cmp(a));
        let bar = open[n - 1] - margin * DEVIATION;
        if open.iter().any(|value| (value - bar).abs() < 1e-3 && margin > 0.0) {
            return None;
        }
        for (stop, value) in stops.iter_mut().zip(of_exit) {
            if stop.is_none() && *value < bar {
                *stop = Some(*value);
            }
        }
    }
    Some(stops)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn exit_by_exit_those_foreseen_below_the_bar_are_stopped_and_the_others_have_their_scores(
        texts in prop::collection::vec("([a-z]{0,8}[ .,]){0,30}", 1..20),
        n in 1usize..16,
        margin in 0.1f32..3.0,
        with_similarity: bool,
    ) {
        let similarity_weight = if with_similarity { 3.5 } else { 0.0 };
        let (one, three) = (opened(margin, similarity_weight, 1), opened(margin, similarity_weight, 3));
        let documents: Vec<Document> = texts.iter().map(|text| document(text)).collect();
        let documents: Vec<&Document> = documents.iter().collect();
        let decided = one.score_early(QUERY, &documents, best(n)).unwrap();
        prop_assert_eq!(&three.score_early(QUERY, &documents, best(n)).unwrap(), &decided);
        let scored = one.score(QUERY, &documents).unwrap();
        let finished = decided.iter().filter(|decided| matches!(decided, Decided::Finished(_))).count();
        prop_assert!(finished >= n.min(texts.len()));
        let Some(stops) = raced(&foreseen(&one, &documents, &scored), n, margin) else { return Ok(()) };
        for ((decided, scored), stop) in decided.iter().zip(&scored).zip(stops) {
            match (decided, stop) {
                (Decided::Finished(found), None) => prop_assert_eq!(found, scored),
                (Decided::Stopped(found), Some(stop)) => prop_assert!((found - stop).abs() < 1e-3),
                _ => prop_assert!(false, "{decided:?} where {stop:?} is right"),
            }
        }
    }
}

#[test]
fn who_is_stopped_does_not_depend_on_the_order_of_a_long_list() {
    let student = opened(0.1, 3.5, 2);
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
    let (_temporary, root) = student_folder(1.0, 3.5);
    fs::remove_file(root.join("exit_head.safetensors")).unwrap();
    let message = Student::open(&root, &Options::default()).err().unwrap().to_string();
    assert!(message.contains("has no exit_head.safetensors"), "{message}");
}

#[test]
fn a_damaged_exit_head_is_refused() {
    let (_temporary, root) = student_folder(1.0, 3.5);
    let message_with = |damaged: &[(String, NamedTensor)]| {
        let kept = exits(true).into_iter().filter(|(name, _)| damaged.iter().all(|(other, _)| other != name));
        let tensors = kept.chain(damaged.iter().cloned()).collect::<Weights>();
        StudentFolder::open(&root).unwrap().replace_exit_head(&tensors).unwrap();
        Student::open(&root, &Options::default()).err().unwrap().to_string()
    };
    let tensor = |name: &str, shape: &[usize], values: Vec<f32>| {
        vec![(name.to_owned(), NamedTensor::new(shape.to_vec(), values))]
    };
    for deviation in [f32::NAN, -1.0] {
        let message = message_with(&tensor(&exit_deviation(2), &[1], vec![deviation]));
        assert!(message.contains(&format!("exit.2.deviation is {deviation}")), "{message}");
    }
    let message = message_with(&tensor(&exit_bias(1), &[1], vec![f32::NAN]));
    assert!(message.contains("exit.1.weight or exit.1.bias has no number"), "{message}");
    let message = message_with(&tensor(GUESS_DOWN, &[], vec![1.0]));
    assert!(message.contains("guess.down has shape []"), "{message}");
    let empty = [tensor(GUESS_DOWN, &[0, D], Vec::new()), tensor(GUESS_UP, &[D, 0], Vec::new())].concat();
    let message = message_with(&empty);
    assert!(message.contains("guess.down has shape [0, 32]"), "{message}");
}
