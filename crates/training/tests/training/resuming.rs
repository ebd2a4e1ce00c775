use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use r2r_training::log::LogLine;
use r2r_training::{Adaptation, End, Silent, TrainingConfig, TrainingError, train};

use crate::tiny::{self, Ending};

/// The best weights, the last state, and the log without clock readings.
fn outcome(output: &Path) -> ([Vec<u8>; 2], Vec<String>) {
    let checkpoints = std::fs::read_dir(output.join("checkpoints")).unwrap();
    let last = checkpoints.map(|entry| entry.unwrap().path()).max().unwrap();
    let weights = [output.join("student/model.safetensors"), last.join("state.safetensors")]
        .map(|path| std::fs::read(path).unwrap());
    let log = std::fs::read_to_string(output.join("training.jsonl")).unwrap();
    let lines = log.lines().map(|line| match serde_json::from_str(line).unwrap() {
        LogLine::Step { report, .. } => format!("{report:?}"),
        LogLine::Validation(validation) => format!("{validation:?}"),
    });
    (weights, lines.collect())
}

/// `config` is of eight steps.
fn check_resume(config: &TrainingConfig, ending: Ending, at_checkpoint: usize) {
    let base = tiny::TinyBase::new();
    // Ten lists of which four make a step: the eight steps end in the fourth epoch.
    let (lists, dev) = (tiny::examples(10, 1), tiny::examples(3, 2));
    let inputs = tiny::inputs(&base, &lists, &dev);
    let (_keep_whole, whole) = tiny::output();
    train(&inputs, config, &whole, false, &mut Silent).unwrap();

    let (_keep_broken, broken) = tiny::output();
    let mut ending = ending;
    let dies = ending.dies;
    let first = catch_unwind(AssertUnwindSafe(|| train(&inputs, config, &broken, false, &mut ending)));
    match first {
        Ok(report) => {
            assert!(!dies);
            assert_eq!(report.unwrap().end, End::Stopped);
        }
        Err(_) => assert!(dies),
    }
    assert!(!broken.join("student").exists());
    assert!(broken.join(format!("checkpoints/step-{at_checkpoint:08}")).is_dir());
    let report = train(&inputs, config, &broken, true, &mut Silent).unwrap();
    assert_eq!((report.steps, report.end), (8, End::Done));
    let (whole, broken) = (outcome(&whole), outcome(&broken));
    assert_eq!(whole.1, broken.1);
    assert!(whole.0 == broken.0, "the weights differ");
}

#[test]
fn a_killed_run_ends_like_an_uninterrupted_one() {
    check_resume(&tiny::config(8, tiny::LOW_RANK), Ending { step: 5, dies: true }, 4);
}

#[test]
fn a_stopped_run_ends_like_an_uninterrupted_one() {
    check_resume(&tiny::config(8, tiny::LOW_RANK), Ending { step: 3, dies: false }, 3);
}

#[test]
fn a_killed_run_of_full_training_ends_like_an_uninterrupted_one() {
    check_resume(&tiny::config(8, Adaptation::Full), Ending { step: 7, dies: true }, 6);
}

#[test]
fn a_run_killed_in_its_second_phase_ends_like_an_uninterrupted_one() {
    let config = TrainingConfig { reason_steps: 5, ..tiny::config(3, tiny::LOW_RANK) };
    check_resume(&config, Ending { step: 7, dies: true }, 6);
    check_resume(&config, Ending { step: 3, dies: false }, 3);
}

#[test]
fn only_the_last_two_checkpoints_are_kept_and_other_settings_are_refused() {
    let base = tiny::TinyBase::new();
    let lists = tiny::examples(6, 1);
    let mut inputs = tiny::inputs(&base, &lists, &[]);
    inputs.reasons = None;
    let config = tiny::config(7, tiny::LOW_RANK);
    let (_keep, output) = tiny::output();
    train(&inputs, &config, &output, false, &mut Ending { step: 7, dies: false }).unwrap();
    let mut kept: Vec<String> = std::fs::read_dir(output.join("checkpoints"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["step-00000006", "step-00000007"]);

    let again = train(&inputs, &config, &output, false, &mut Silent).unwrap_err();
    assert!(matches!(again, TrainingError::Exists(_)), "{again}");
    let other = r2r_training::TrainingConfig { batch: 1, ..config.clone() };
    let error = train(&inputs, &other, &output, true, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("other training settings"), "{error}");
    inputs.seed += 1;
    let error = train(&inputs, &config, &output, true, &mut Silent).unwrap_err();
    assert!(error.to_string().contains("seed 7, not 8"), "{error}");
}

#[test]
fn a_finished_run_is_exported_again_and_not_continued() {
    let base = tiny::TinyBase::new();
    let (lists, dev) = (tiny::examples(6, 1), tiny::examples(3, 2));
    let inputs = tiny::inputs(&base, &lists, &dev);
    let mut config = tiny::config(40, tiny::LOW_RANK);
    (config.validate_every, config.patience) = (1, 1);
    let (_keep, output) = tiny::output();
    let first = train(&inputs, &config, &output, false, &mut Silent).unwrap();
    let before = outcome(&output);
    let again = train(&inputs, &config, &output, true, &mut Silent).unwrap();
    assert_eq!((first.end, again.end, again.steps), (End::Patience, End::Patience, first.steps));
    assert!(before == outcome(&output));
}

#[test]
fn a_checkpoint_that_cannot_be_written_leaves_the_one_before() {
    let base = tiny::TinyBase::new();
    let lists = tiny::examples(6, 1);
    let inputs = tiny::inputs(&base, &lists, &[]);
    let config = tiny::config(6, tiny::LOW_RANK);
    let (_keep, output) = tiny::output();
    std::fs::create_dir_all(output.join("checkpoints")).unwrap();
    // A file where the folder of step 4 would be filled: what a full disk does, without one.
    std::fs::write(output.join("checkpoints/step-00000004.partial"), "").unwrap();
    let error = train(&inputs, &config, &output, false, &mut Silent).unwrap_err();
    assert!(matches!(error, TrainingError::Checkpoint { .. }), "{error}");
    assert!(error.to_string().contains("--resume") && error.to_string().ends_with("step-00000002"), "{error}");
    assert!(output.join("checkpoints/step-00000002/state.safetensors").is_file());
    std::fs::remove_file(output.join("checkpoints/step-00000004.partial")).unwrap();
    assert_eq!(train(&inputs, &config, &output, true, &mut Silent).unwrap().steps, 6);
}
