//! Cohere, `POST /v1/rerank`: documents as strings or objects, of which `rank_fields` may be read.

use std::collections::HashMap;

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::from_str;
use serde_json::value::RawValue;

use crate::asked::{Answer, Asked, Echo, ExplainField, Sent};
use crate::fields::{Count, Flag, Passage, Passages, RawPassages, Text, Words};
use crate::problem::Problem;
use crate::shapes::{Echoed, Reply};

/// `POST /v1/rerank` of Cohere's clients.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "CohereV1Request")]
pub(crate) struct Request {
    /// The model; any name is taken.
    model: Option<String>,
    /// The query.
    #[schemars(required)]
    query: Option<Text>,
    /// The documents to rank.
    #[schemars(required, with = "Passages")]
    documents: Option<RawPassages>,
    /// How many of the best are wanted; all where it is absent.
    top_n: Option<Count>,
    /// Fields of the documents that are read, in this order, instead of `text`.
    rank_fields: Option<Vec<String>>,
    /// Whether documents are sent back.
    return_documents: Option<Flag>,
    /// Whether the best are explained (an addition of this server).
    explain: Option<ExplainField>,
    /// Whether the answer comes as server-sent events (an addition of this server).
    stream: Option<Flag>,
}

/// What is said when a request is not answered.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CohereError")]
pub(crate) struct ErrorBody {
    /// What is wrong.
    pub(crate) message: String,
}

impl Request {
    /// What is asked for.
    pub(crate) fn asked(self) -> Result<Asked, Problem> {
        let echo = Echo::of(self.return_documents, Echo::No);
        let fields = self.rank_fields.unwrap_or_default();
        let (mut documents, mut sent) = (None, HashMap::new());
        if let Some(RawPassages(given)) = self.documents {
            let mut passages = Vec::with_capacity(given.len());
            for (index, json) in given.into_iter().enumerate() {
                passages.push(passage(index, &json, &fields)?);
                if echo == Echo::Texts && is_object(&json) {
                    sent.insert(index, Sent::Json(json));
                }
            }
            documents = Some(Passages(passages));
        }
        let asked = Asked::of(self.query, documents)?.with_top_n(self.top_n)?.with_reasons(self.explain, self.stream);
        Ok(Asked { echo, sent, model: self.model, ..asked })
    }
}

/// The document that is read: of an object these fields, where any are named; a plain string has none.
fn passage(index: usize, json: &RawValue, fields: &[String]) -> Result<Passage, Problem> {
    let invalid = |error: serde_json::Error| Problem::invalid("documents", format!("documents[{index}]: {error}"));
    let passage: Passage = from_str(json.get()).map_err(invalid)?;
    if fields.is_empty() || !is_object(json) {
        return Ok(passage);
    }
    let mut values: HashMap<String, Words> = from_str(json.get()).map_err(invalid)?;
    let read: Vec<String> = fields.iter().filter_map(|field| values.remove(field)?.0).collect();
    if read.is_empty() {
        return Err(Problem::invalid("rank_fields", format!("documents[{index}] has none of the `rank_fields`")));
    }
    Ok(Passage { title: None, text: Some(read.join("\n")), ..passage })
}

fn is_object(json: &RawValue) -> bool {
    json.get().starts_with('{')
}

/// The answer.
pub(crate) fn reply(asked: &Asked, answer: Answer) -> Reply {
    Reply::of(asked, answer, "rerank", Echoed::object)
}

/// How a problem is told.
pub(crate) fn refuse(problem: &Problem) -> (StatusCode, ErrorBody) {
    let status = problem.status(StatusCode::BAD_REQUEST, StatusCode::TOO_MANY_REQUESTS);
    (status, ErrorBody { message: problem.to_string() })
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    #[test]
    fn rank_fields_are_read_in_their_order() {
        let request: Request = from_value(json!({
            "query": "q",
            "documents": [{"title": "T", "text": "body", "year": 1999}, {"other": "x"}, "plain"],
            "rank_fields": ["year", "title"],
        }))
        .unwrap();
        let problem = request.asked().unwrap_err();
        assert!(problem.to_string().contains("documents[1]"), "{problem}");
        let request: Request = from_value(json!({
            "query": "q",
            "documents": [{"title": "T", "text": "body", "year": 1999}, "plain"],
            "rank_fields": ["year", "title"],
        }))
        .unwrap();
        assert_eq!(texts(request), ["1999\nT", "plain"]);
    }

    #[test]
    fn any_field_can_be_read_also_one_that_names_or_is_the_text() {
        let documents = json!([{"id": 7, "content": "body"}, {"content": "not this", "text": "this", "id": "x"}]);
        for (field, expected) in [("content", ["body", "not this"]), ("id", ["7", "x"])] {
            let request = json!({"query": "q", "documents": documents, "rank_fields": [field]});
            assert_eq!(texts(from_value(request).unwrap()), expected, "{field}");
        }
        assert_eq!(texts(from_value(json!({"query": "q", "documents": documents})).unwrap()), ["body", "this"]);
    }

    #[test]
    fn a_single_document_is_a_list_of_one() {
        for document in [json!("body"), json!({"text": "body", "year": 1999})] {
            let request = json!({"query": "q", "documents": document, "return_documents": true});
            assert_eq!(texts(from_value(request).unwrap()), ["body"]);
        }
    }

    fn texts(request: Request) -> Vec<String> {
        request.asked().unwrap().list.documents.iter().map(|document| document.text.clone()).collect()
    }
}
