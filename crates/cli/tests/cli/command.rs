//! A throw-away folder and the binary, run from the project's root.

use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Runs `r2r` with these words.
pub(crate) fn r2r(words: &[&str]) -> Output {
    let mut command = Command::cargo_bin("r2r").unwrap();
    command.current_dir(root()).env_remove("R2R_STUDENT").args(words).output().unwrap()
}

/// What a command that must succeed printed to standard output.
pub(crate) fn printed(words: &[&str]) -> String {
    let output = r2r(words);
    assert!(output.status.success(), "{words:?} failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What a command that must fail as the user's mistake said to standard error.
pub(crate) fn refused(words: &[&str]) -> String {
    let output = r2r(words);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{words:?} said {said}");
    said
}

/// A path as a word.
pub(crate) fn word(path: &Path) -> &str {
    path.to_str().unwrap()
}
