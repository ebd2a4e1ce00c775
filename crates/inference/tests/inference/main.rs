//! The engine against golden numbers, against itself, and against damaged folders.
#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "a skipped test says so, a broken one stops")]

/// Stopped documents, and the scores of those that go on.
mod early;
/// Batch equals single, second run equals first, any threads equal one.
mod equalities;
/// What is wrong with a folder is said.
mod faults;
/// The same weights in full size, where a base model is at hand.
mod full_size;
/// Agreement with transformers and with the written-out reason decoder; `../golden/students.py` made the numbers.
mod golden;
/// Counted words.
mod lexical;
/// Number formats, instruction sets and requests at the same time.
mod precisions;

use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use r2r_inference::{Options, Student};
use r2r_types::document::Document;
use r2r_types::id::DocId;
use tempfile::TempDir;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn student(threads: usize) -> Student {
    let options = Options { threads: NonZeroUsize::new(threads), ..Options::default() };
    Student::open(&folder("student"), &options).unwrap()
}

/// A copy of the golden student that a test may change.
fn copied_student() -> (TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let root = temporary.path().join("student");
    fs::create_dir(&root).unwrap();
    for entry in fs::read_dir(folder("student")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, root.join(path.file_name().unwrap())).unwrap();
    }
    (temporary, root)
}

fn document(text: &str) -> Document {
    Document { id: DocId::from("d"), title: String::new(), text: text.to_owned() }
}

/// A number of a golden file: equal within 1e-4.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Close(f32);

impl PartialEq for Close {
    fn eq(&self, other: &Self) -> bool {
        (self.0 - other.0).abs() <= 1e-4
    }
}
