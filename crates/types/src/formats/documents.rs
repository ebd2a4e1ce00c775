//! Documents in whatever form is at hand: JSONL, a JSON array, or plain text with one a line.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use crate::document::Document;
use crate::formats::error::FormatError;
use crate::formats::id_field::IdField;
use crate::formats::input::{Input, Line, ends_with};
use crate::formats::jsonl::read_array_or_lines;
use crate::id::DocId;

const EXPECTED: &str =
    "documents: JSONL of {\"id\", \"title\"?, \"text\"}, a JSON array of them or of texts, or one text a line";

/// A document of JSONL or a JSON array; BEIR and `rank_llm` name its id otherwise.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a document is a text, or {\"id\", \"title\"?, \"text\"}")]
enum Row {
    Text(String),
    Fields {
        #[serde(alias = "_id", alias = "docid")]
        id: IdField,
        #[serde(default)]
        title: Option<String>,
        text: String,
    },
}

/// Reads documents, in file order, at least one.
///
/// A file that begins with `[` is a JSON array of texts or documents, one that begins with `{` is JSONL,
/// all else (and all in `.txt`) is plain text: each line that is not blank is a document, named by its
/// line number. The texts of an array are named by their place, from 1.
pub fn read_documents(path: &Path) -> Result<Vec<Document>, FormatError> {
    documents_of_input(Input::open(path)?)
}

/// Reads documents from an input.
pub fn documents_of_input(mut input: Input) -> Result<Vec<Document>, FormatError> {
    let file = input.file().to_owned();
    let unpacked = file.strip_suffix(".gz").or_else(|| file.strip_suffix(".zst")).unwrap_or(&file);
    let is_json = !ends_with(unpacked, "txt") && matches!(input.first_character()?, Some(b'[' | b'{'));
    let documents = if is_json { json_documents(&file, input)? } else { plain_documents(input)? };
    if documents.is_empty() {
        return Err(FormatError::Empty { file, expected: EXPECTED });
    }
    Ok(documents)
}

fn plain_documents(mut input: Input) -> Result<Vec<Document>, FormatError> {
    let mut documents = Vec::new();
    while let Some(line) = input.next_line()? {
        let text = line.text.trim();
        if !text.is_empty() {
            documents.push(Document { id: line.number.to_string().into(), title: String::new(), text: text.into() });
        }
    }
    Ok(documents)
}

fn json_documents(file: &str, input: Input) -> Result<Vec<Document>, FormatError> {
    let rows: Vec<(usize, Row)> = read_array_or_lines(input).map_err(|error| match error {
        FormatError::Malformed { file, line, problem, .. } => {
            let advice = format!("expected {EXPECTED} (name the file .txt where a text begins like JSON)");
            FormatError::Malformed { file, line, problem, advice }
        }
        other => other,
    })?;
    let mut lines: HashMap<DocId, usize> = HashMap::new();
    let mut documents = Vec::with_capacity(rows.len());
    for (place, (number, row)) in rows.into_iter().enumerate() {
        let document = match row {
            Row::Text(text) => Document { id: (place + 1).to_string().into(), title: String::new(), text },
            Row::Fields { id, title, text } => Document { id: id.into(), title: title.unwrap_or_default(), text },
        };
        if let Some(first_line) = lines.insert(document.id.clone(), number) {
            let line = Line { file, number, text: "" };
            return Err(line.duplicate(first_line, format!("document {}", document.id)));
        }
        documents.push(document);
    }
    Ok(documents)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &str, text: &str, expected: &[(&str, &str, &str)]) {
        let documents = documents_of_input(Input::of_text(file, text).unwrap()).unwrap();
        let found: Vec<(&str, &str, &str)> =
            documents.iter().map(|document| (document.id.as_str(), &*document.title, &*document.text)).collect();
        assert_eq!(found, expected, "{text}");
    }

    fn error(text: &str) -> String {
        documents_of_input(Input::of_text("docs", text).unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn every_form_is_recognized() {
        check("-", "first text\n\n  third line \n", &[("1", "", "first text"), ("3", "", "third line")]);
        check(
            "-",
            "{\"id\":\"a\",\"text\":\"x\"}\n\n{\"_id\":7,\"title\":\"t\",\"text\":\"y\"}",
            &[("a", "", "x"), ("7", "t", "y")],
        );
        check("-", "\u{feff}\n [\"x\", \"y\"]", &[("1", "", "x"), ("2", "", "y")]);
        check("-", "[{\"docid\":\"a\",\"title\":null,\"text\":\"x\"}]", &[("a", "", "x")]);
        check("texts.txt", "[1] a text\n{2} another", &[("1", "", "[1] a text"), ("2", "", "{2} another")]);
    }

    #[test]
    fn mistakes_name_their_lines() {
        assert!(error("").starts_with("docs is empty; expected documents: JSONL"));
        assert!(error("\n \n").starts_with("docs is empty"));
        assert!(error("[]").starts_with("docs is empty"));
        assert!(error("[1] a text\n").starts_with("docs:1: not valid JSON"));
        assert!(
            error("{\"text\":\"x\"}").starts_with("docs:1: a document is a text, or {\"id\""),
            "{}",
            error("{\"text\":\"x\"}")
        );
        assert_eq!(
            error("{\"id\":1,\"text\":\"x\"}\n{\"id\":\"1\",\"text\":\"y\"}"),
            "docs:2: document 1 is there already, at line 1; remove one of the two"
        );
    }
}
