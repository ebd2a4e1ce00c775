//! BEIR folders: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`, each plain, `.gz` or `.zst`.

use std::collections::HashMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::document::{Document, Query};
use crate::formats::error::FormatError;
use crate::formats::id_field::IdField;
use crate::formats::input::Line;
use crate::formats::jsonl::{JsonLines, write_record};
use crate::formats::trec::read_qrels as read_qrels_file;
use crate::id::{DocId, QueryId};
use crate::qrels::Qrels;
use crate::run::Run;

const ADVICE: &str = "a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv, each plain, .gz or .zst";

/// The documents and queries of a folder, each in file order.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    /// Every document by its name.
    pub documents: IndexMap<DocId, Arc<Document>>,
    /// Every query by its name.
    pub queries: IndexMap<QueryId, Arc<Query>>,
    /// What else the collection says about a query (gold answers), where it does.
    pub metadata: HashMap<QueryId, Value>,
}

impl Collection {
    /// Reads a folder whole. For corpora beyond the memory see [`read_documents`].
    pub fn read(folder: &Path) -> Result<Self, FormatError> {
        let documents = read_documents(folder)?
            .map(|document| document.map(|document| (document.id.clone(), Arc::new(document))))
            .collect::<Result<_, _>>()?;
        let mut collection = Self { documents, ..Self::default() };
        for QueryRecord { query, metadata } in read_queries(folder)? {
            if let Some(metadata) = metadata {
                collection.metadata.insert(query.id.clone(), metadata);
            }
            collection.queries.insert(query.id.clone(), Arc::new(query));
        }
        Ok(collection)
    }
}

/// A query with what else its collection says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct QueryRecord {
    /// The query.
    pub query: Query,
    /// The field `metadata`: gold answers, labels of evidence, sources; its shape is the collection's own.
    pub metadata: Option<Value>,
}

/// The documents of a corpus, one by one, in file order; see [`read_documents`].
pub struct Documents {
    rows: JsonLines<CorpusRow>,
    lines: HashMap<DocId, usize>,
}

impl Iterator for Documents {
    type Item = Result<Document, FormatError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (number, row) = match self.rows.next()? {
            Ok(row) => row,
            Err(error) => return Some(Err(error)),
        };
        let id = DocId::from(row.id);
        if let Some(first_line) = self.lines.insert(id.clone(), number) {
            let line = Line { file: self.rows.file(), number, text: "" };
            return Some(Err(line.duplicate(first_line, format!("document {id}"))));
        }
        Some(Ok(Document { id, title: row.title.unwrap_or_default(), text: row.text }))
    }
}

#[derive(Deserialize)]
struct CorpusRow {
    #[serde(rename = "_id")]
    id: IdField,
    #[serde(default)]
    title: Option<String>,
    text: String,
}

#[derive(Deserialize)]
struct QueryRow {
    #[serde(rename = "_id")]
    id: IdField,
    text: String,
    #[serde(default)]
    metadata: Option<Value>,
}

/// Opens the corpus of a folder to read it document by document. A name that occurs twice is an error.
pub fn read_documents(folder: &Path) -> Result<Documents, FormatError> {
    Ok(Documents { rows: JsonLines::open(&corpus_file(folder)?)?, lines: HashMap::new() })
}

/// Reads the queries of a folder. A name that occurs twice is an error.
pub fn read_queries(folder: &Path) -> Result<Vec<QueryRecord>, FormatError> {
    read_query_file(&queries_file(folder)?)
}

/// Reads one file of queries, `{"_id", "text", "metadata"?}` a line.
pub fn read_query_file(path: &Path) -> Result<Vec<QueryRecord>, FormatError> {
    let mut rows = JsonLines::<QueryRow>::open(path)?;
    let mut lines: HashMap<QueryId, usize> = HashMap::new();
    let mut queries = Vec::new();
    while let Some(row) = rows.next() {
        let (number, row) = row?;
        let id = QueryId::from(row.id);
        if let Some(first_line) = lines.insert(id.clone(), number) {
            let line = Line { file: rows.file(), number, text: "" };
            return Err(line.duplicate(first_line, format!("query {id}")));
        }
        queries.push(QueryRecord { query: Query { id, text: row.text }, metadata: row.metadata });
    }
    Ok(queries)
}

/// Reads the judgments of a split ("test").
pub fn read_qrels(folder: &Path, split: &str) -> Result<Qrels, FormatError> {
    read_qrels_file(&qrels_file(folder, split)?)
}

/// The splits that a folder has judgments for, ordered by name; none where it has no `qrels/`.
pub fn splits(folder: &Path) -> Result<Vec<String>, FormatError> {
    let qrels = folder.join("qrels");
    if !qrels.is_dir() {
        return Ok(Vec::new());
    }
    let failed = |source| FormatError::Open { file: qrels.display().to_string(), source };
    let mut splits = Vec::new();
    for entry in fs::read_dir(&qrels).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        splits.extend(plain.strip_suffix(".tsv").map(str::to_owned));
    }
    splits.sort();
    splits.dedup();
    Ok(splits)
}

/// Writes documents as `corpus.jsonl` holds them.
pub fn write_documents<'a>(
    out: &mut impl Write,
    documents: impl IntoIterator<Item = &'a Document>,
) -> Result<(), FormatError> {
    #[derive(Serialize)]
    struct Row<'a> {
        _id: &'a DocId,
        title: &'a str,
        text: &'a str,
    }
    for Document { id, title, text } in documents {
        write_record(out, &Row { _id: id, title, text })?;
    }
    Ok(())
}

/// Writes queries as `queries.jsonl` holds them. Judgments: [`write_beir_qrels`](crate::formats::trec::write_beir_qrels).
pub fn write_queries<'a>(
    out: &mut impl Write,
    queries: impl IntoIterator<Item = &'a QueryRecord>,
) -> Result<(), FormatError> {
    #[derive(Serialize)]
    struct Row<'a> {
        _id: &'a QueryId,
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: &'a Option<Value>,
    }
    for QueryRecord { query, metadata } in queries {
        write_record(out, &Row { _id: &query.id, text: &query.text, metadata })?;
    }
    Ok(())
}

/// The run without documents named like their query, and how many those were.
///
/// BEIR's evaluation removes them: in `ArguAna` and Quora the queries are documents of the corpus.
pub fn remove_identical_ids(run: &Run) -> (Run, usize) {
    run.without(|query, doc| query.as_str() == doc.as_str())
}

/// The file of a folder's documents.
pub fn corpus_file(folder: &Path) -> Result<PathBuf, FormatError> {
    find(folder, "corpus.jsonl")
}

/// The file of a folder's queries.
pub fn queries_file(folder: &Path) -> Result<PathBuf, FormatError> {
    find(folder, "queries.jsonl")
}

/// The file of a split's judgments.
pub fn qrels_file(folder: &Path, split: &str) -> Result<PathBuf, FormatError> {
    find(folder, &format!("qrels/{split}.tsv"))
}

fn find(folder: &Path, name: &str) -> Result<PathBuf, FormatError> {
    let names = [name.to_owned(), format!("{name}.gz"), format!("{name}.zst")];
    let found = names.iter().map(|name| folder.join(name)).find(|path| path.exists());
    found.ok_or_else(|| FormatError::Missing { folder: folder.to_owned(), wanted: names.join(" or "), advice: ADVICE })
}
