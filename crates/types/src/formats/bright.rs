//! BRIGHT (Su et al., 2024): its examples and documents, as JSONL or as the parquet files of Hugging Face.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::document::{Document, Query};
use crate::formats::bright_parquet::{is_parquet, parquet_documents, parquet_examples};
use crate::formats::error::FormatError;
use crate::formats::id_field::IdField;
use crate::formats::input::Line;
use crate::formats::jsonl::{JsonLines, write_record};
use crate::id::{DocId, QueryId};
use crate::qrels::Qrels;
use crate::run::Run;

/// The documents of each query that must not be ranked for it: they contain the question itself.
pub type Exclusions = BTreeMap<QueryId, BTreeSet<DocId>>;

/// One example: a query with its gold documents.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The query.
    pub query: Query,
    /// How a person reasoned from the query to the gold documents; empty where the file says nothing.
    pub reasoning: String,
    /// Documents to take out before scoring.
    pub excluded: BTreeSet<DocId>,
    /// Relevant passages (config `documents`).
    pub gold: BTreeSet<DocId>,
    /// Relevant whole pages (config `long_documents`).
    pub gold_long: BTreeSet<DocId>,
    /// The gold answer; empty where there is none.
    pub gold_answer: String,
}

/// Which documents are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granularity {
    /// Passages: the config `documents`.
    Passages,
    /// Whole pages: the config `long_documents`.
    Pages,
}

/// An example as the files hold it.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ExampleRow {
    pub(crate) query: String,
    pub(crate) reasoning: Option<String>,
    pub(crate) id: String,
    pub(crate) excluded_ids: Option<Vec<String>>,
    pub(crate) gold_ids_long: Option<Vec<String>>,
    pub(crate) gold_ids: Vec<String>,
    pub(crate) gold_answer: Option<String>,
}

#[derive(Deserialize)]
struct DocumentRow {
    id: IdField,
    #[serde(alias = "contents")]
    content: String,
}

/// Reads the examples of a task, parquet or JSONL. A name that occurs twice is an error.
pub fn read_examples(path: &Path) -> Result<Vec<Example>, FormatError> {
    let file = path.display().to_string();
    let rows =
        if is_parquet(path)? { parquet_examples(path)? } else { JsonLines::open(path)?.collect::<Result<_, _>>()? };
    let mut lines: HashMap<QueryId, usize> = HashMap::new();
    let mut examples = Vec::with_capacity(rows.len());
    for (number, row) in rows {
        let line = Line { file: &file, number, text: "" };
        let example = example(row).map_err(|problem| {
            line.malformed(problem, "an example has query, id, gold_ids, excluded_ids, gold_ids_long")
        })?;
        if let Some(first_line) = lines.insert(example.query.id.clone(), number) {
            return Err(line.duplicate(first_line, format!("query {}", example.query.id)));
        }
        examples.push(example);
    }
    Ok(examples)
}

fn example(row: ExampleRow) -> Result<Example, String> {
    if row.id.is_empty() {
        return Err("the example has no id".to_owned());
    }
    if row.query.is_empty() {
        return Err(format!("example {} has no query", row.id));
    }
    // BRIGHT writes ["N/A"] for "none".
    let named = |names: Vec<String>| {
        names.into_iter().filter(|name| !name.is_empty() && name != "N/A").map(DocId::from).collect::<BTreeSet<_>>()
    };
    Ok(Example {
        query: Query { id: row.id.into(), text: row.query },
        reasoning: row.reasoning.unwrap_or_default(),
        excluded: named(row.excluded_ids.unwrap_or_default()),
        gold: named(row.gold_ids),
        gold_long: named(row.gold_ids_long.unwrap_or_default()),
        gold_answer: row.gold_answer.unwrap_or_default(),
    })
}

/// Reads the documents of a task, parquet or JSONL. A name that occurs twice is an error.
pub fn read_documents(path: &Path) -> Result<Vec<Document>, FormatError> {
    let file = path.display().to_string();
    let rows: Vec<(usize, String, String)> = if is_parquet(path)? {
        parquet_documents(path)?
    } else {
        let rows: Vec<(usize, DocumentRow)> = JsonLines::open(path)?.collect::<Result<_, _>>()?;
        rows.into_iter().map(|(number, row)| (number, row.id.0, row.content)).collect()
    };
    let mut lines: HashMap<DocId, usize> = HashMap::new();
    let mut documents = Vec::with_capacity(rows.len());
    for (number, id, text) in rows {
        let line = Line { file: &file, number, text: "" };
        if id.is_empty() {
            return Err(line.malformed("the document has no id", "a document has id and content"));
        }
        let id = DocId::from(id);
        if let Some(first_line) = lines.insert(id.clone(), number) {
            return Err(line.duplicate(first_line, format!("document {id}")));
        }
        documents.push(Document { id, title: String::new(), text });
    }
    Ok(documents)
}

/// The judgments of the examples: gold documents have grade 1.
pub fn qrels(examples: &[Example], granularity: Granularity) -> Qrels {
    let mut qrels = Qrels::default();
    for example in examples {
        let gold = match granularity {
            Granularity::Passages => &example.gold,
            Granularity::Pages => &example.gold_long,
        };
        for doc in gold {
            qrels.insert(example.query.id.clone(), doc.clone(), 1);
        }
    }
    qrels
}

/// What must not be ranked; queries without exclusions are left out.
pub fn exclusions(examples: &[Example]) -> Exclusions {
    let excluding = examples.iter().filter(|example| !example.excluded.is_empty());
    excluding.map(|example| (example.query.id.clone(), example.excluded.clone())).collect()
}

/// The run without excluded documents, and how many those were. To be done before a depth is cut.
///
/// BRIGHT's own evaluation does so; MTEB's did not, and its numbers differ.
pub fn remove_excluded(run: &Run, exclusions: &Exclusions) -> (Run, usize) {
    run.without(|query, doc| exclusions.get(query).is_some_and(|excluded| excluded.contains(doc)))
}

/// Writes examples as JSONL, in BRIGHT's fields.
pub fn write_examples(out: &mut impl Write, examples: &[Example]) -> Result<(), FormatError> {
    let names = |set: &BTreeSet<DocId>| set.iter().map(|doc| doc.as_str().to_owned()).collect::<Vec<String>>();
    for example in examples {
        let excluded = if example.excluded.is_empty() { vec!["N/A".to_owned()] } else { names(&example.excluded) };
        let row = ExampleRow {
            query: example.query.text.clone(),
            reasoning: Some(example.reasoning.clone()),
            id: example.query.id.as_str().to_owned(),
            excluded_ids: Some(excluded),
            gold_ids_long: Some(names(&example.gold_long)),
            gold_ids: names(&example.gold),
            gold_answer: Some(example.gold_answer.clone()),
        };
        write_record(out, &row)?;
    }
    Ok(())
}

/// Writes documents as JSONL, in BRIGHT's fields.
pub fn write_documents<'a>(
    out: &mut impl Write,
    documents: impl IntoIterator<Item = &'a Document>,
) -> Result<(), FormatError> {
    #[derive(Serialize)]
    struct Row<'a> {
        id: &'a DocId,
        content: &'a str,
    }
    for document in documents {
        write_record(out, &Row { id: &document.id, content: &document.title_and_text() })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::trec::run_of_text;

    fn example(id: &str, excluded: &[&str], gold: &[&str]) -> Example {
        let names = |names: &[&str]| names.iter().map(|&name| DocId::from(name)).collect();
        Example {
            query: Query { id: id.into(), text: "why".into() },
            reasoning: String::new(),
            excluded: names(excluded),
            gold: names(gold),
            gold_long: names(&["page"]),
            gold_answer: String::new(),
        }
    }

    #[test]
    fn examples_become_judgments_and_exclusions() {
        let examples = [example("1", &["a"], &["b", "c"]), example("2", &[], &["a"])];
        assert_eq!(qrels(&examples, Granularity::Passages).n_pairs(), 3);
        assert_eq!(qrels(&examples, Granularity::Pages).grade(&"2".into(), &"page".into()), Some(1));
        let run = run_of_text("run", "1 Q0 a 1 3 t\n1 Q0 b 2 2 t\n2 Q0 a 1 1 t\n").unwrap();
        let (kept, n_removed) = remove_excluded(&run, &exclusions(&examples));
        assert_eq!(n_removed, 1);
        assert_eq!(kept.documents(&"1".into()).unwrap(), [("b".into(), 2.0)]);
        assert_eq!(kept.documents(&"2".into()).unwrap(), [("a".into(), 1.0)]);
    }
}
