//! The tool `explain`: why one document does or does not answer a query.

use reason_to_rank::reranking::explained::Placed;
use reason_to_rank::reranking::student::Student;
use reason_to_rank::student::LoadedStudent;
use reason_to_rank::types::stage::StageError;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::json;

use crate::mcp::arguments::Arguments;
use crate::mcp::shapes::{ExplanationShape, to_value};
use crate::mcp::{Answer, Refusal, readable};

const NAME: &str = "explain";
const ARGUMENTS: [&str; 2] = ["query", "document"];

const DESCRIPTION: &str = "\
Say why a document does or does not answer a query: its score from 0 to 1, the reason in words, the sentence that is the \
evidence (a verbatim quote with its place in the text), the score the document would have without that sentence and the \
sentence alone, and which words of the query the document has and lacks.";

/// What a client is told of the tool.
pub(super) fn tool() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "The question or keywords."},
            "document": {"anyOf": [
                {"type": "string", "description": "The document's text."},
                {
                    "type": "object",
                    "properties": {
                        "id": {"type": "string", "description": "Its name."},
                        "title": {"type": "string", "description": "Its title, which is read before the text."},
                        "text": {"type": "string", "description": "Its text."},
                    },
                    "required": ["text"],
                },
            ]},
        },
        "required": ["query", "document"],
        "additionalProperties": false,
    });
    let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
    Tool::new(NAME, DESCRIPTION, schema)
        .with_title("Explain a document")
        .with_output_schema::<ExplanationShape>()
        .with_annotations(
            ToolAnnotations::with_title("Explain a document").read_only(true).idempotent(true).open_world(false),
        )
}

/// Explains the document of a call.
pub(super) fn call(student: &LoadedStudent, arguments: &JsonObject) -> Result<Answer, Refusal> {
    let arguments = Arguments::of(NAME, &ARGUMENTS, arguments)?;
    let query = arguments.query()?;
    let document = arguments.document()?;
    if !student.writes_reasons() {
        let message = format!(
            "{} has not learned to write reasons: use rerank for scores, or start r2r mcp with --student of one that has",
            student.name()
        );
        return Err(Refusal::Arguments(message));
    }
    let reranker = student.reranker();
    let scores = reranker.student().score(query, &[&document])?;
    let Some(score) = scores.first() else {
        return Err(StageError::Malformed("the document got no score".to_owned()).into());
    };
    let placed = [Placed { document: &document, logit: score.logit, neighbor: None }];
    let Some(reasoning) = reranker.explain(query, &placed)?.into_iter().next() else {
        return Err(StageError::Malformed("the document got no reason".to_owned()).into());
    };
    let truncated = student.is_truncated(query, &document)?;
    let shape = ExplanationShape::of(query, student.name(), &document, *score, truncated, reasoning);
    Ok(Answer { text: readable::explanation(&shape, &document), structured: to_value(&shape)? })
}
