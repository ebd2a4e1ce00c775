//! Requests and results of `rank_llm`: `{"query":{"text","qid"},"candidates":[{"docid","score","doc"}]}`,
//! as JSONL or one JSON array.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::candidates::{Candidate, Candidates};
use crate::document::{Document, Query};
use crate::formats::error::FormatError;
use crate::formats::hit_list::{Hit, candidates};
use crate::formats::id_field::IdField;
use crate::formats::input::{Input, Line};
use crate::formats::jsonl::{read_array_or_lines, write_record};
use crate::formats::judged_order::places_best_first;
use crate::judgment::TeacherJudgment;

/// Where a document's text may stand, in the order in which the fields are tried.
const TEXT_FIELDS: [&str; 6] = ["text", "segment", "contents", "content", "body", "passage"];

/// One request or result: the candidates in the order of the file.
#[derive(Clone, Debug)]
pub struct Record {
    /// The query and its candidates.
    pub candidates: Candidates,
    /// What was asked of a model and what it said, in `rank_llm`'s own shape; results may have it.
    pub invocations_history: Option<Value>,
}

/// What was asked of a model once, and what it said, as `rank_llm` keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invocation {
    /// What was sent, as text.
    pub prompt: String,
    /// What came back.
    pub response: String,
    /// Tokens sent.
    pub input_token_count: u64,
    /// Tokens received.
    pub output_token_count: u64,
}

impl Record {
    /// A judgment as a result: passages best first, with the number of passages from there to the end as scores,
    /// which say the order and no more. Reasons have no place in the format.
    ///
    /// # Errors
    /// `Unwritable` for a judgment whose ranking is no permutation of its passages.
    pub fn of_judgment(judgment: &TeacherJudgment, invocations: &[Invocation]) -> Result<Self, FormatError> {
        let places = places_best_first(judgment)?;
        let n = places.len();
        let candidate = |(rank, place): (usize, usize)| Candidate {
            document: Arc::new(judgment.passages[place].clone()),
            score: (n - rank) as f32,
        };
        let list = places.into_iter().enumerate().map(candidate).collect();
        let candidates = Candidates { query: Arc::new(judgment.query.clone()), list };
        let history = invocations.iter().map(|invocation| {
            let Invocation { prompt, response, input_token_count, output_token_count } = invocation;
            json!({
                "prompt": prompt,
                "response": response,
                "input_token_count": input_token_count,
                "output_token_count": output_token_count,
            })
        });
        Ok(Self { candidates, invocations_history: Some(history.collect()) })
    }
}

#[derive(Deserialize)]
struct Row {
    query: QueryRow,
    candidates: Vec<CandidateRow>,
    #[serde(default)]
    invocations_history: Option<Value>,
}

#[derive(Deserialize)]
struct QueryRow {
    text: String,
    qid: IdField,
}

#[derive(Deserialize)]
struct CandidateRow {
    docid: IdField,
    score: f64,
    doc: Body,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Fields(Map<String, Value>),
}

/// Reads requests or results.
pub fn read_records(path: &Path) -> Result<Vec<Record>, FormatError> {
    records_of_input(Input::open(path)?)
}

/// Reads requests or results from an input.
pub fn records_of_input(input: Input) -> Result<Vec<Record>, FormatError> {
    let file = input.file().to_owned();
    let mut records = Vec::new();
    for (number, row) in read_array_or_lines::<Row>(input)? {
        let record = row.record().map_err(|problem| {
            let advice = "give each query distinct docids with finite scores and a doc with a text";
            Line { file: &file, number, text: "" }.malformed(problem, advice)
        })?;
        records.push(record);
    }
    Ok(records)
}

/// The record of one JSON value; otherwise what is wrong with it.
pub(crate) fn result_of_value(value: Value) -> Result<Record, String> {
    serde_json::from_value::<Row>(value).map_err(|error| error.to_string())?.record()
}

impl Row {
    fn record(self) -> Result<Record, String> {
        let query = Query { id: self.query.qid.into(), text: self.query.text };
        let mut hits = Vec::with_capacity(self.candidates.len());
        for CandidateRow { docid, score, doc } in self.candidates {
            let (title, text) = match doc {
                Body::Text(text) => (String::new(), text),
                Body::Fields(mut fields) => {
                    let text = TEXT_FIELDS.iter().find_map(|&name| text_field(&mut fields, name));
                    let text = text.ok_or_else(|| {
                        format!("the doc of candidate {} has none of {}", docid.0, TEXT_FIELDS.join(", "))
                    })?;
                    (text_field(&mut fields, "title").unwrap_or_default(), text)
                }
            };
            hits.push(Hit { document: Document { id: docid.into(), title, text }, score });
        }
        let candidates = candidates(query, hits)?;
        Ok(Record { candidates, invocations_history: self.invocations_history })
    }
}

fn text_field(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    match fields.get_mut(name).map(Value::take) {
        Some(Value::String(text)) => Some(text),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) | None => None,
    }
}

/// Writes requests or results as JSONL.
pub fn write_records(out: &mut impl Write, records: &[Record]) -> Result<(), FormatError> {
    #[derive(Serialize)]
    struct RowOut<'a> {
        query: QueryOut<'a>,
        candidates: Vec<CandidateOut<'a>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        invocations_history: &'a Option<Value>,
    }
    #[derive(Serialize)]
    struct QueryOut<'a> {
        text: &'a str,
        qid: &'a str,
    }
    #[derive(Serialize)]
    struct CandidateOut<'a> {
        docid: &'a str,
        score: f32,
        doc: BodyOut<'a>,
    }
    #[derive(Serialize)]
    struct BodyOut<'a> {
        #[serde(skip_serializing_if = "str::is_empty")]
        title: &'a str,
        text: &'a str,
    }
    for Record { candidates: Candidates { query, list }, invocations_history } in records {
        let candidates = list.iter().map(|candidate| {
            let Document { id, title, text } = candidate.document.as_ref();
            CandidateOut { docid: id.as_str(), score: candidate.score, doc: BodyOut { title, text } }
        });
        let query = QueryOut { text: &query.text, qid: query.id.as_str() };
        write_record(out, &RowOut { query, candidates: candidates.collect(), invocations_history })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Record>, String> {
        records_of_input(Input::of_text("f", text).unwrap()).map_err(|error| error.to_string())
    }

    fn record(doc: &str) -> String {
        format!(
            "{{\"query\":{{\"text\":\"q\",\"qid\":7}},\"candidates\":[{{\"docid\":3,\"score\":0.5,\"doc\":{doc}}}]}}"
        )
    }

    #[test]
    fn the_text_is_found_under_any_of_its_names() {
        let check = |doc: &str, title: &str, text: &str| {
            for file in [record(doc), format!("[{},\n{}]", record(doc), record(doc))] {
                let records = read(&file).unwrap();
                let candidates = &records[0].candidates;
                let document = &candidates.list[0].document;
                assert_eq!(candidates.query.id.as_str(), "7");
                assert_eq!((document.id.as_str(), &*document.title, &*document.text), ("3", title, text));
            }
        };
        check("\"plain\"", "", "plain");
        check("{\"contents\":\"c\",\"title\":\"t\",\"passage\":\"p\"}", "t", "c");
        check("{\"passage\":\"p\",\"text\":null,\"title\":null}", "", "p");
    }

    #[test]
    fn a_document_without_text_is_an_error() {
        let error = read(&record("{\"title\":\"t\"}")).unwrap_err();
        assert!(error.starts_with("f:1: the doc of candidate 3 has none of text, segment"), "{error}");
    }
}
