//! Queries with documents of different grades, one list a line, as the rationale collections of reasoning rerankers
//! (`TFRank`, 2508.09539) keep them: `{"query", "docs": [{"id", "text", "grade"}]}`.

use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;

use crate::document::{Document, Query};
use crate::formats::error::FormatError;
use crate::formats::id_field::IdField;
use crate::formats::input::Line;
use crate::formats::jsonl::JsonLines;

/// A query and its graded documents, in file order.
#[derive(Clone, Debug, PartialEq)]
pub struct GradedList {
    /// The query; its id is `file:line`, as these files name none.
    pub query: Query,
    /// Each document with its grade; those without a grade are left out.
    pub documents: Vec<(Document, f32)>,
}

#[derive(Deserialize)]
struct Row {
    query: String,
    docs: Vec<RowDocument>,
}

#[derive(Deserialize)]
struct RowDocument {
    id: IdField,
    #[serde(default)]
    title: Option<String>,
    text: String,
    #[serde(default)]
    grade: Option<f32>,
}

/// Reads graded lists, in file order, at least one.
///
/// # Errors
/// The line that is no such list, has an empty query, a document twice, or a grade below 0.
pub fn read_graded_lists(path: &Path) -> Result<Vec<GradedList>, FormatError> {
    let rows: JsonLines<Row> = JsonLines::open(path)?;
    let file = rows.file().to_owned();
    let name = path.file_name().map_or_else(|| file.clone(), |name| name.to_string_lossy().into_owned());
    let mut lists = Vec::new();
    for row in rows {
        let (number, row) = row?;
        lists.push(graded_list(row, &name, Line { file: &file, number, text: "" })?);
    }
    if lists.is_empty() {
        return Err(FormatError::Empty {
            file,
            expected: "lists of {\"query\", \"docs\": [{\"id\", \"text\", \"grade\"}]}",
        });
    }
    Ok(lists)
}

fn graded_list(row: Row, name: &str, line: Line<'_>) -> Result<GradedList, FormatError> {
    if row.query.trim().is_empty() {
        return Err(line.malformed("the query is empty", "give every list a query"));
    }
    let id = format!("{name}:{}", line.number);
    let mut known = HashSet::new();
    let mut documents = Vec::with_capacity(row.docs.len());
    for RowDocument { id, title, text, grade } in row.docs {
        let document = Document { id: id.into(), title: title.unwrap_or_default(), text };
        if !known.insert(document.id.clone()) {
            return Err(line.malformed(format!("document {} is there twice", document.id), "keep one of the two"));
        }
        let Some(grade) = grade else { continue };
        if !grade.is_finite() || grade < 0.0 {
            let problem = format!("document {} has grade {grade}", document.id);
            return Err(line.malformed(problem, "a grade is a number from 0 on"));
        }
        documents.push((document, grade));
    }
    Ok(GradedList { query: Query { id: id.as_str().into(), text: row.query }, documents })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<GradedList>, FormatError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lists.jsonl");
        std::fs::write(&path, text).unwrap();
        read_graded_lists(&path)
    }

    #[test]
    fn a_list_is_a_query_with_graded_documents() {
        let text = r#"{"query": "why", "task": "listwise", "docs": [{"id": "1", "text": "a", "grade": 4}, {"id": 2, "text": "b"}]}"#;
        let lists = read(text).unwrap();
        let [list] = &lists[..] else { panic!("one list") };
        assert_eq!((list.query.id.as_str(), list.query.text.as_str()), ("lists.jsonl:1", "why"));
        let [(document, grade)] = &list.documents[..] else { panic!("one graded document") };
        assert_eq!((document.id.as_str(), document.text.as_str(), *grade), ("1", "a", 4.0));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let problem = |text: &str| read(text).unwrap_err().to_string();
        assert!(problem("").contains("is empty"));
        assert!(problem(r#"{"query": " ", "docs": []}"#).contains("lists.jsonl:1: the query is empty"));
        let twice = r#"{"query": "q", "docs": [{"id": "1", "text": "a"}, {"id": "1", "text": "b"}]}"#;
        assert!(problem(twice).contains("document 1 is there twice"));
        let negative = r#"{"query": "q", "docs": [{"id": "1", "text": "a", "grade": -1}]}"#;
        assert!(problem(negative).contains("grade -1"));
        assert!(problem(r#"{"docs": []}"#).contains("missing field `query`"));
    }
}
