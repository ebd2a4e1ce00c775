//! A small reader of runs and qrels.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use r2r_types::{Qrels, Run};

/// The folder of real data; says that the test is skipped where there is none.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub(crate) fn data() -> Option<PathBuf> {
    let data = std::env::var_os("R2R_DATA").map(PathBuf::from);
    if data.is_none() {
        eprintln!("skipped: R2R_DATA is not set");
    }
    data
}

/// The text of a file, unpacked where its name ends in ".gz".
pub(crate) fn read_text(path: &Path) -> String {
    let mut text = String::new();
    let mut file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|extension| extension == "gz") {
        GzDecoder::new(file).read_to_string(&mut text).unwrap();
    } else {
        file.read_to_string(&mut text).unwrap();
    }
    text
}

/// A TREC run; what follows the fifth column is passed over.
pub(crate) fn read_run(path: &Path) -> Run {
    let mut run = Run::new(&path.file_name().unwrap().to_string_lossy());
    let text = read_text(path);
    let mut topics = std::collections::BTreeMap::<&str, Vec<_>>::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        topics.entry(fields[0]).or_default().push((fields[2].into(), fields[4].parse().unwrap()));
    }
    for (query, documents) in topics {
        run.insert(query.into(), documents).unwrap();
    }
    run
}

/// TREC qrels, or the three columns of BEIR below their heading; lines from "# " are comments.
pub(crate) fn read_qrels(path: &Path) -> Qrels {
    let mut qrels = Qrels::default();
    let is_beir = path.extension().is_some_and(|extension| extension == "tsv");
    for line in read_text(path).lines().skip(usize::from(is_beir)).filter(|line| !line.starts_with("# ")) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (doc, grade) = if is_beir { (fields[1], fields[2]) } else { (fields[2], fields[3]) };
        assert!(qrels.insert(fields[0].into(), doc.into(), grade.parse().unwrap()), "judged twice: {line}");
    }
    qrels
}
