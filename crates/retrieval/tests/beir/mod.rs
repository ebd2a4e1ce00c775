//! Reads a BEIR folder, for the tests on real data and the throughput example.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use r2r_types::Document;
use serde_json::Value;

/// The documents of `corpus.jsonl` or `corpus.jsonl.gz`.
pub(crate) fn documents(folder: &Path) -> io::Result<impl Iterator<Item = io::Result<Document>>> {
    let plain = folder.join("corpus.jsonl");
    let reader: Box<dyn Read> = if plain.exists() {
        Box::new(File::open(plain)?)
    } else {
        Box::new(GzDecoder::new(File::open(folder.join("corpus.jsonl.gz"))?))
    };
    Ok(BufReader::with_capacity(1 << 16, reader).lines().map(|line| {
        let record: Value = serde_json::from_str(&line?)?;
        Ok(Document { id: field(&record, "_id").into(), title: field(&record, "title"), text: field(&record, "text") })
    }))
}

/// The grades of `qrels/test.tsv`: query, document, grade.
pub(crate) fn grades(folder: &Path) -> io::Result<BTreeMap<String, BTreeMap<String, i32>>> {
    let mut grades: BTreeMap<String, BTreeMap<String, i32>> = BTreeMap::new();
    for line in BufReader::new(File::open(folder.join("qrels/test.tsv"))?).lines().skip(1) {
        let line = line?;
        let mut fields = line.split('\t');
        if let (Some(query), Some(doc), Some(grade)) = (fields.next(), fields.next(), fields.next()) {
            let grade = grade.trim().parse().map_err(io::Error::other)?;
            grades.entry(query.to_owned()).or_default().insert(doc.to_owned(), grade);
        }
    }
    Ok(grades)
}

/// Name and text of the test queries, ordered by name.
pub(crate) fn test_queries(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let grades = grades(folder)?;
    let mut queries = BTreeMap::new();
    for line in BufReader::new(File::open(folder.join("queries.jsonl"))?).lines() {
        let record: Value = serde_json::from_str(&line?)?;
        let id = field(&record, "_id");
        if grades.contains_key(&id) {
            queries.insert(id, field(&record, "text"));
        }
    }
    Ok(queries)
}

fn field(record: &Value, name: &str) -> String {
    record[name].as_str().unwrap_or_default().to_owned()
}
