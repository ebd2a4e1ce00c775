//! A training that is killed, with the small recipe cut to a few steps.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::command::{printed, root, word};

/// Six steps with a checkpoint behind every second one; the second phase begins behind the fourth.
fn words(output: &Path) -> Vec<String> {
    let settings = [
        format!("output={}", word(output)),
        "training.steps=4".to_owned(),
        "training.reason_steps=2".to_owned(),
        "training.batch=2".to_owned(),
        "training.accumulation=1".to_owned(),
        "training.checkpoint_every=2".to_owned(),
        "training.validate_every=3".to_owned(),
    ];
    let settings = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]);
    ["train", "recipes/tiny.toml"].map(str::to_owned).into_iter().chain(settings).collect()
}

/// Starts a training and sends SIGKILL as soon as its first checkpoint stands.
fn kill_behind_the_first_checkpoint(output: &Path) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_r2r"))
        .current_dir(root())
        .args(words(output))
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let has_checkpoint = || {
        let folders = std::fs::read_dir(output.join("training")).into_iter().flatten().flatten();
        folders.into_iter().any(|folder| folder.path().join("checkpoints/step-00000002").is_dir())
    };
    while !has_checkpoint() {
        assert!(begun.elapsed() < Duration::from_mins(4), "no checkpoint after four minutes");
        assert!(child.try_wait().unwrap().is_none(), "the training ended before it could be killed");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_training_that_was_killed_ends_in_the_weights_of_one_that_was_not() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    let run = |output: &Path, more: &[&str]| {
        let words = words(output);
        printed(&words.iter().map(String::as_str).chain(more.iter().copied()).collect::<Vec<_>>());
    };
    run(&whole, &[]);
    kill_behind_the_first_checkpoint(&killed);
    assert!(!killed.join("student").exists());
    run(&killed, &["--resume"]);
    for file in ["model.safetensors", "config.json", "reason_words.txt"] {
        let [whole, killed] = [&whole, &killed].map(|output| std::fs::read(output.join("student").join(file)).unwrap());
        assert!(whole == killed, "{file} differs");
    }
}
