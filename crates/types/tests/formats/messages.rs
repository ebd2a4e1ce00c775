use std::fs;
use std::path::Path;

use r2r_types::formats::beir::{self, Collection};
use r2r_types::formats::{msmarco, trec};

fn check(outcome: Result<impl Sized, impl ToString>, folder: &Path, expected: &str) {
    let message = outcome.err().expect("the reading fails").to_string();
    assert_eq!(message.replace(&folder.display().to_string(), "F"), expected);
}

#[test]
fn a_folder_that_is_no_collection_is_told_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let advice = "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each plain, .gz or .zst";
    check(
        Collection::read(folder),
        folder,
        &format!("F holds no corpus.jsonl or corpus.jsonl.gz or corpus.jsonl.zst; {advice}"),
    );
    fs::write(folder.join("corpus.jsonl"), "{\"_id\":\"a\",\"text\":\"x\"}\n{\"_id\":\"a\",\"text\":\"y\"}\n").unwrap();
    check(
        Collection::read(folder),
        folder,
        "F/corpus.jsonl:2: document a is there already, at line 1; remove one of the two",
    );
    fs::write(folder.join("queries.jsonl"), "{\"_id\":1,\"text\":\"x\"}\n\n{\"_id\":\"1\",\"text\":\"y\"}\n").unwrap();
    check(
        beir::read_queries(folder),
        folder,
        "F/queries.jsonl:3: query 1 is there already, at line 1; remove one of the two",
    );
    check(
        beir::read_qrels(folder, "test"),
        folder,
        &format!("F holds no qrels/test.tsv or qrels/test.tsv.gz or qrels/test.tsv.zst; {advice}"),
    );
}

#[test]
fn tables_name_line_and_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.tsv");
    fs::write(&path, "1\tone\n2\ttwo\tmore\n").unwrap();
    check(
        msmarco::read_queries(&path),
        folder.path(),
        "F/f.tsv:2: the line has 3 columns between tabs instead of 2; a line of queries is: qid, tab, text",
    );
    fs::write(&path, "1\t7\tq\tp\n2\t7\tr\tother\n").unwrap();
    check(
        msmarco::read_top1000(&path),
        folder.path(),
        "F/f.tsv:2: passage 7 had another text above; give each passage its own pid",
    );
}

#[test]
fn a_truncated_run_is_not_read_as_a_short_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.trec.gz");
    let text = (0..5000).map(|i| format!("q{} Q0 d{i} 1 {i}.5 t\n", i % 7)).collect::<Vec<String>>().concat();
    let mut output = r2r_types::formats::output::Output::create(&path).unwrap();
    std::io::Write::write_all(&mut output, text.as_bytes()).unwrap();
    output.finish().unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let message = trec::read_run(&path).unwrap_err().to_string();
    assert!(message.contains("the compressed file is truncated; copy or download it again"), "{message}");
}
