use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use r2r_types::formats::beir::{self, Collection};
use r2r_types::formats::error::FormatError;
use r2r_types::formats::input::Input;
use r2r_types::formats::join::{candidates_of_run, unknown_ids};
use r2r_types::formats::jsonl::JsonLines;
use r2r_types::formats::published::{PublishedScores, write_published};
use r2r_types::formats::teacher_records::{read_teacher_records, teacher_records_of_input};
use r2r_types::formats::trec::{read_qrels, read_run, run_of_text, write_run};
use r2r_types::{JudgedPassage, Qrels};
use serde::Deserialize;

/// The folder of real collections; `None`, said aloud, where there is none.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("R2R_DATA").map(PathBuf::from);
    if folder.is_none() {
        println!("skipped: R2R_DATA is not set");
    }
    folder
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).map(|entries| entries.map(|entry| entry.unwrap().path()).collect()).unwrap_or_default();
    entries.sort();
    entries
}

/// The line of a collection's `SOURCE.md` that says how much it holds.
#[derive(Deserialize)]
struct Counts {
    docs: usize,
    queries: usize,
    qrels: BTreeMap<String, SplitCounts>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct SplitCounts {
    queries: usize,
    pairs: usize,
    positive: usize,
    missing_docs: usize,
    missing_queries: usize,
}

fn counts(folder: &Path) -> Option<Counts> {
    let source = fs::read_to_string(folder.join("SOURCE.md")).ok()?;
    let line = source.lines().find_map(|line| line.strip_prefix("Counts: `"))?;
    Some(serde_json::from_str(line.trim_end().strip_suffix('`')?).unwrap())
}

fn split_counts(qrels: &Qrels, collection: &Collection) -> SplitCounts {
    let missing = |(_, judged): (_, &BTreeMap<_, i32>)| {
        judged.keys().filter(|&doc| !collection.documents.contains_key(doc)).count()
    };
    SplitCounts {
        queries: qrels.len(),
        pairs: qrels.n_pairs(),
        positive: qrels.iter().flat_map(|(_, judged)| judged.values()).filter(|&&grade| grade > 0).count(),
        missing_docs: qrels.iter().map(missing).sum(),
        missing_queries: qrels.iter().filter(|(query, _)| !collection.queries.contains_key(*query)).count(),
    }
}

/// Collections whose `SOURCE.md` counts some judgments that their files do not hold.
const STALE_COUNTS: [&str; 3] = ["climate_fever_sent", "medquad", "product_qa"];

#[test]
fn every_collection_holds_what_its_source_says() {
    let Some(data) = data() else { return };
    let mut n_collections = 0;
    for folder in entries(&data) {
        let Some(counts) = counts(&folder) else { continue };
        let name = folder.display();
        let collection = Collection::read(&folder).unwrap();
        assert_eq!((collection.documents.len(), collection.queries.len()), (counts.docs, counts.queries), "{name}");
        assert!(beir::splits(&folder).unwrap().iter().eq(counts.qrels.keys()), "{name}");
        for (split, expected) in &counts.qrels {
            let qrels = beir::read_qrels(&folder, split).unwrap();
            if !STALE_COUNTS.iter().any(|stale| folder.ends_with(stale)) {
                assert_eq!(&split_counts(&qrels, &collection), expected, "{name} {split}");
            }
        }
        for path in entries(&folder.join("runs")) {
            let run = read_run(&path).unwrap();
            let unknown = unknown_ids(&run, &collection);
            assert!(unknown.is_empty(), "{}: {unknown}", path.display());
            assert_eq!(candidates_of_run(&run, &collection, 10).len(), run.queries().len());
        }
        n_collections += 1;
    }
    assert!(n_collections >= 28, "{n_collections} collections");
}

/// Its document names were cut at a space, so that some occur twice.
const BROKEN_RUN: &str = "stackoverflow.reasonir_gpt4cot_top100.trec.gz";

#[test]
fn every_run_is_read_back_in_its_order() {
    let Some(data) = data() else { return };
    let mut n_runs = 0;
    for path in entries(&data.join("reference_runs")).into_iter().chain(entries(&data.join("bright_metrics/runs"))) {
        if path.extension().is_none_or(|extension| extension != "gz") {
            continue;
        }
        if path.file_name().is_some_and(|name| name == BROKEN_RUN) {
            assert!(matches!(read_run(&path), Err(FormatError::Duplicate { line: 402, first_line: 401, .. })));
            continue;
        }
        let run = read_run(&path).unwrap();
        let mut written = Vec::new();
        write_run(&mut written, &run).unwrap();
        let read = run_of_text("written", std::str::from_utf8(&written).unwrap()).unwrap();
        for query in run.queries() {
            let docs = run.ranked(query).into_iter().map(|(doc, _)| doc);
            let mut as_f32 = read.documents(query).unwrap().to_vec();
            as_f32.sort_by(|a, b| (b.1 as f32).total_cmp(&(a.1 as f32)).then_with(|| b.0.cmp(&a.0)));
            assert!(docs.eq(as_f32.iter().map(|(doc, _)| doc)), "{} {query}", path.display());
        }
        n_runs += 1;
    }
    assert_eq!(n_runs, 26 + 11);
}

#[test]
fn bright_queries_and_judgments_fit() {
    #[derive(Deserialize)]
    struct Row {
        #[serde(rename = "_id")]
        id: String,
        domain: String,
    }
    let Some(data) = data() else { return };
    let folder = data.join("bright_metrics");
    let mut queries: HashMap<String, Vec<String>> = HashMap::new();
    for row in JsonLines::<Row>::open(&folder.join("queries.jsonl.gz")).unwrap() {
        let (_, Row { id, domain }) = row.unwrap();
        queries.entry(domain.replace('_', "-")).or_default().push(id);
    }
    // The queries and judged pairs of SOURCE.md.
    let expected =
        [("biology", 103, 372), ("leetcode", 142, 262), ("pony", 112, 2219), ("theoremqa-theorems", 76, 151)];
    for (task, n_queries, n_pairs) in expected {
        let qrels = beir::read_qrels(&folder, task).unwrap();
        assert_eq!((queries[task].len(), qrels.len(), qrels.n_pairs()), (n_queries, n_queries, n_pairs), "{task}");
    }
    for task in beir::splits(&folder).unwrap() {
        let qrels = beir::read_qrels(&folder, &task).unwrap();
        assert!(qrels.iter().all(|(query, _)| queries[&task].iter().any(|known| known == query.as_str())), "{task}");
    }
}

#[test]
fn every_teacher_record_is_read() {
    let Some(data) = data() else { return };
    // File, records and queries of SOURCE.md, and the rows that show a passage twice.
    let expected = [
        ("eval_dl19", 129, 43, 0),
        ("eval_nfcorpus", 100, 100, 0),
        ("eval_touche2020", 98, 49, 1),
        ("eval_trec-covid", 100, 50, 12),
        ("train_msmarco", 1900, 1100, 0),
        ("train_nfcorpus", 100, 100, 4),
    ];
    for (name, n_records, n_queries, n_merged) in expected {
        let read = read_teacher_records(&data.join(format!("r2r_teacher/{name}.jsonl.gz"))).unwrap();
        assert_eq!((read.records.len(), read.report.malformed.len()), (n_records, 0), "{name}: {}", read.report);
        assert_eq!(read.report.merged_passages, n_merged, "{name}");
        let mut queries: Vec<&str> = read.records.iter().map(|record| &*record.judgment.query.text).collect();
        queries.sort_unstable();
        queries.dedup();
        assert_eq!(queries.len(), n_queries, "{name}");
        let ids: HashMap<_, _> = read.records.iter().map(|r| (&r.judgment.query.id, &r.judgment.query.text)).collect();
        assert_eq!(ids.len(), n_queries, "{name}: as many ids as queries");
    }
}

#[test]
fn real_judgments_survive_the_published_form() {
    let Some(data) = data() else { return };
    for name in ["eval_dl19", "eval_nfcorpus", "eval_touche2020", "eval_trec-covid", "train_msmarco", "train_nfcorpus"]
    {
        let read = read_teacher_records(&data.join(format!("r2r_teacher/{name}.jsonl.gz"))).unwrap();
        let mut written = Vec::new();
        let rows = read.records.iter().map(|record| (&record.judgment, PublishedScores::Labels(&record.labels)));
        write_published(&mut written, rows).unwrap();
        let text = String::from_utf8(written).unwrap();
        let again = teacher_records_of_input(Input::of_text("published", &text).unwrap()).unwrap();
        assert_eq!((again.records.len(), again.report.malformed.len()), (read.records.len(), 0), "{name}");
        for (again, record) in again.records.iter().zip(&read.records) {
            let mut judgment = record.judgment.clone();
            for passage in judgment.passages.iter_mut().filter(|passage| !passage.title.is_empty()) {
                passage.text = passage.title_and_text().into_owned();
                passage.title.clear();
            }
            // Reasons stand in ranked order.
            let rank = |judged: &JudgedPassage| record.judgment.ranking.iter().position(|doc| *doc == judged.doc);
            judgment.judged.sort_by_key(rank);
            assert_eq!(again.judgment, judgment, "{name}, line {}", record.line);
        }
    }
}

#[test]
fn teacher_labels_agree_with_the_official_judgments() {
    let Some(data) = data() else { return };
    let qrels = beir::read_qrels(&data.join("dl19"), "test").unwrap();
    let corpus = Collection::read(&data.join("dl19")).unwrap();
    let read = read_teacher_records(&data.join("r2r_teacher/eval_dl19.jsonl.gz")).unwrap();
    let mut n_compared = 0;
    for record in &read.records {
        for passage in &record.judgment.passages {
            let Some(document) = corpus.documents.get(&passage.id) else { continue };
            assert_eq!(document.text.trim(), passage.text.trim(), "line {}", record.line);
            let official = qrels.grade(&record.judgment.query.id, &passage.id);
            if let (Some(label), Some(official)) = (record.labels.get(&passage.id), official) {
                assert_eq!(*label, official, "line {} passage {}", record.line, passage.id);
                n_compared += 1;
            }
        }
    }
    assert_eq!(n_compared, 215, "43 lists of 5 passages");
}

#[test]
fn the_files_of_trec_evals_own_tests_are_read() {
    let Some(data) = data() else { return };
    let folder = data.join("goldens/trec_eval");
    let qrels = |name: &str| read_qrels(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"));
    // Lines of the file less its comments.
    for (name, n_pairs) in [
        ("qrels.test", 3681),
        ("qrels.test.with-comments", 3681),
        ("qrels.rel_level", 3681),
        ("qrels-302.test", 1061),
        ("qrels.comment.test", 5890),
    ] {
        assert_eq!(qrels(name).n_pairs(), n_pairs, "{name}");
    }
    // Three assessors in one file, for measures that compare them: a pair is judged more than once.
    let error = read_qrels(&folder.join("qrels.123")).unwrap_err();
    assert!(matches!(error, FormatError::Duplicate { line: 3682, first_line: 1, .. }), "{error}");
    for (name, n_lines) in
        [("results.test", 1500), ("results-302.test", 500), ("results.comment.test", 30100), ("results.trunc", 584)]
    {
        let run = read_run(&folder.join(name)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(run.iter().map(|(_, documents)| documents.len()).sum::<usize>(), n_lines, "{name}");
    }
}
