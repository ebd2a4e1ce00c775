use r2r_model::StudentFolder;
use r2r_model::config::ReasonsConfig;
use r2r_training::log::LogLine;
use r2r_training::{Adaptation, End, Silent, TrainingConfig, TrainingInputs, train};

use crate::tiny;

#[test]
fn the_losses_fall_and_the_student_folder_is_whole() {
    let base = tiny::TinyBase::new();
    let (train_lists, dev) = (tiny::examples(18, 1), tiny::examples(6, 2));
    let (_keep, output) = tiny::output();
    // The losses of lists with and without the similarity do not compare.
    let config = TrainingConfig { similarity_dropout: 0.0, ..tiny::config(24, tiny::LOW_RANK) };
    let report = train(&tiny::inputs(&base, &train_lists, &dev), &config, &output, false, &mut Silent).unwrap();

    assert_eq!((report.steps, report.end), (24, End::Done));
    let log = std::fs::read_to_string(output.join("training.jsonl")).unwrap();
    let lines: Vec<LogLine> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let losses: Vec<f64> = lines
        .iter()
        .filter_map(|line| match line {
            LogLine::Step { report, .. } => Some(report.loss),
            LogLine::Validation(_) => None,
        })
        .collect();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    assert!(mean(&losses[18..]) < 0.8 * mean(&losses[..6]), "{losses:?}");
    assert_eq!(lines.len() - losses.len(), 8);
    let best = report.best.unwrap();
    assert!(best.ndcg > 0.8 && best.evidence.is_some() && best.generation.is_some(), "{best:?}");
    assert!(std::fs::read_to_string(output.join("curves.svg")).unwrap().contains("generation"));

    let folder = StudentFolder::open(&report.student.unwrap()).unwrap();
    let student = folder.config().unwrap();
    let words = folder.reason_words(&student).unwrap().unwrap();
    assert!(words.id("names").is_some() && words.id("<other>").is_some());
    assert!((student.similarity_weight - 12.0).abs() > 1e-3 && student.similarity_weight > 1.0);
    assert!(student.calibration.scale > 0.0);
    let weights = folder.weights().unwrap();
    assert!(weights.get("similarity.encoder.layer.1.attention.self.key.up").is_some());
    assert!(weights.get("reason.layers.1.cross.value.weight").is_some());
    folder.export_cross_encoder(&output.join("plain")).unwrap();
}

#[test]
fn the_base_can_be_had_back_from_the_merged_weights() {
    let base = tiny::TinyBase::new();
    let lists = tiny::examples(6, 1);
    let (_keep, output) = tiny::output();
    let config = tiny::config(4, tiny::LOW_RANK);
    let report = train(&tiny::inputs(&base, &lists, &[]), &config, &output, false, &mut Silent).unwrap();
    let merged = StudentFolder::open(&report.student.unwrap()).unwrap().weights().unwrap();
    let original = StudentFolder::open(base.path()).unwrap().weights().unwrap();
    let map = "encoder.layer.0.intermediate.dense";
    let merged_map = merged.get(&format!("bert.{map}.weight")).unwrap();
    let original_map = original.get(&format!("bert.{map}.weight")).unwrap();
    let down = merged.get(&format!("similarity.{map}.down")).unwrap();
    let up = merged.get(&format!("similarity.{map}.up")).unwrap();
    let [outputs, inputs] = merged_map.shape[..] else { panic!("a matrix") };
    let rank = down.shape[0];
    let mut moved = 0.0_f32;
    for output in 0..outputs {
        for input in 0..inputs {
            let term: f32 = (0..rank).map(|r| up.values[output * rank + r] * down.values[r * inputs + input]).sum();
            let place = output * inputs + input;
            assert!((merged_map.values[place] - term - original_map.values[place]).abs() < 1e-6);
            moved = moved.max(term.abs());
        }
    }
    assert!(moved > 1e-3);
}

#[test]
fn the_second_phase_moves_nothing_but_reasons_and_writes_better_ones() {
    let base = tiny::TinyBase::new();
    let (lists, dev) = (tiny::examples(12, 1), tiny::examples(4, 2));
    let inputs = tiny::inputs(&base, &lists, &dev);
    let of_run = |reason_steps: usize| {
        let config = TrainingConfig { reason_steps, ..tiny::config(6, tiny::LOW_RANK) };
        let (_keep, output) = tiny::output();
        let report = train(&inputs, &config, &output, false, &mut Silent).unwrap();
        assert_eq!((report.steps, report.end), (6 + reason_steps, End::Done));
        (report.best.unwrap(), StudentFolder::open(&report.student.unwrap()).unwrap().weights().unwrap())
    };
    let ((before, short), (after, long)) = (of_run(0), of_run(12));
    assert!((before.ndcg - after.ndcg).abs() < f64::EPSILON);
    assert!(after.generation.unwrap() < 0.9 * before.generation.unwrap(), "{before:?} {after:?}");
    for (name, tensor) in short.iter() {
        let is_same = tensor.values == long.get(name).unwrap().values;
        // The other tensors of the reasons may have no gradient in so small a run; the words have one.
        assert!(is_same || name.starts_with("reason."), "{name} moved");
        assert!(!is_same || name != "reason.words.weight", "{name} stood still");
    }
}

#[test]
fn a_fully_trained_student_has_no_similarity() {
    let base = tiny::TinyBase::new();
    let lists = tiny::examples(6, 1);
    let (_keep, output) = tiny::output();
    let config = tiny::config(3, Adaptation::Full);
    let report = train(&tiny::inputs(&base, &lists, &lists), &config, &output, false, &mut Silent).unwrap();
    let folder = report.student.unwrap();
    assert!(tiny::student_config(&folder).similarity_weight.abs() < f32::EPSILON);
    assert!(!StudentFolder::open(&folder).unwrap().weights().unwrap().has_prefix("similarity."));
}

#[test]
fn patience_ends_a_run_that_no_longer_improves() {
    let base = tiny::TinyBase::new();
    let (lists, dev) = (tiny::examples(6, 1), tiny::examples(3, 2));
    let (_keep, output) = tiny::output();
    let mut config = tiny::config(60, tiny::LOW_RANK);
    (config.validate_every, config.patience, config.learning_rate, config.head_learning_rate) = (1, 2, 0.0, 0.0);
    config.similarity_learning_rate = 0.0;
    let report = train(&tiny::inputs(&base, &lists, &dev), &config, &output, false, &mut Silent).unwrap();
    assert_eq!((report.steps, report.end), (3, End::Patience));
}

#[test]
fn what_cannot_be_learned_from_is_named() {
    let base = tiny::TinyBase::new();
    let mut lists = tiny::examples(2, 1);
    lists[1].passages[0].evidence = Some((3, 9999));
    let (_keep, output) = tiny::output();
    let config = tiny::config(3, tiny::LOW_RANK);
    let error = train(&tiny::inputs(&base, &lists, &[]), &config, &output, false, &mut Silent).unwrap_err();
    let expected = "example 1 (query q1): the evidence 3..9999 of passage 0 is not a range of its text";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_student_that_could_not_be_opened_is_refused_before_the_first_step() {
    let base = tiny::TinyBase::new();
    let lists = tiny::examples(6, 1);
    let check = |change: fn(&mut TrainingInputs<'_>), expected: &str| {
        let mut inputs = tiny::inputs(&base, &lists, &[]);
        change(&mut inputs);
        let (_keep, output) = tiny::output();
        let error = train(&inputs, &tiny::config(3, tiny::LOW_RANK), &output, false, &mut Silent).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!output.join("training.jsonl").exists());
    };
    check(|inputs| inputs.student_max_length = 20, "max_length = 20");
    check(|inputs| inputs.reasons = Some(ReasonsConfig { heads: 7, ..tiny::reasons() }), "heads = 7");
}
