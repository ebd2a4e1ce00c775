//! Cohere, `POST /v1/rerank`: documents as strings or objects, of which `rank_fields` may be read.

use axum::http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asked::{Answer, Asked, Echo, ExplainField};
use crate::fields::{Count, Flag, Passage, Passages, Text};
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
    #[schemars(required)]
    documents: Option<Passages>,
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
        let mut documents = self.documents;
        if let (Some(fields), Some(Passages(passages))) = (&self.rank_fields, &mut documents)
            && !fields.is_empty()
        {
            for passage in passages {
                keep_fields(passage, fields);
            }
        }
        let asked = Asked::of(self.query, documents)?.with_top_n(self.top_n)?.with_reasons(self.explain, self.stream);
        Ok(Asked { echo: Echo::of(self.return_documents, Echo::No), model: self.model, ..asked })
    }
}

/// Makes these fields of an object its text; a plain string has none and stays as it is.
fn keep_fields(passage: &mut Passage, fields: &[String]) {
    let is_plain = passage.id.is_none() && passage.title.is_none() && passage.others.is_empty();
    if is_plain && passage.text.is_some() && !fields.iter().any(|field| field == "text") {
        return;
    }
    let value = |field: &String| match field.as_str() {
        "text" => passage.text.clone(),
        "title" => passage.title.clone(),
        other => passage.others.iter().find(|(name, _)| name == other).map(|(_, value)| value.clone()),
    };
    let values: Vec<String> = fields.iter().filter_map(value).collect();
    passage.text = (!values.is_empty()).then(|| values.join("\n"));
    passage.title = None;
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
        let asked = request.asked().unwrap();
        let texts: Vec<&str> = asked.list.documents.iter().map(|document| document.text.as_str()).collect();
        assert_eq!(texts, ["1999\nT", "plain"]);
    }
}
