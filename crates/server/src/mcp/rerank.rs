//! The tool `rerank`: a list in the order of its relevance, with reasons where asked.

use std::sync::Arc;

use reason_to_rank::results::QueryResults;
use reason_to_rank::student::LoadedStudent;
use reason_to_rank::types::candidates::{Candidate, Candidates};
use reason_to_rank::types::document::Query;
use reason_to_rank::types::stage::Reasons;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::json;

use crate::mcp::arguments::{Arguments, MAX_DOCUMENTS};
use crate::mcp::shapes::{RankingShape, to_value};
use crate::mcp::{Answer, Refusal, readable};

const NAME: &str = "rerank";
const ARGUMENTS: [&str; 4] = ["query", "documents", "top_n", "explain"];

/// Documents that are returned where nobody says how many.
const DEFAULT_TOP_N: usize = 10;

/// Documents that are explained at most: reasons take longer than scores, and nobody reads fifty.
const MAX_EXPLAINED: usize = 10;

const DESCRIPTION: &str = "\
Order documents by how well they answer a query; the best come first, each with a score from 0 to 1 (the calibrated \
probability that it is relevant). Give it the candidates of any search. Each result names the document by its id and by \
its index in your list; texts are not repeated in the structured result. With explain, the best documents also carry \
the reason, a comparison with a neighbor, and the sentence that is the evidence with the score the document would have \
without it.";

/// What a client is told of the tool.
pub(super) fn tool() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {
            "query": {"type": "string", "description": "The question or keywords to rank by."},
            "documents": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_DOCUMENTS,
                "description": "The candidates, in any order; equal scores keep it.",
                "items": {"anyOf": [
                    {"type": "string", "description": "The document's text."},
                    {
                        "type": "object",
                        "properties": {
                            "id": {"type": "string", "description": "Its name in the result; its index where it has none."},
                            "title": {"type": "string", "description": "Its title, which is read before the text."},
                            "text": {"type": "string", "description": "Its text."},
                        },
                        "required": ["text"],
                    },
                ]},
            },
            "top_n": {
                "type": "integer",
                "minimum": 1,
                "default": DEFAULT_TOP_N,
                "description": "How many of the best documents to return.",
            },
            "explain": {
                "type": "boolean",
                "default": false,
                "description": format!("Say why, for the best {MAX_EXPLAINED} of those returned; takes about a tenth of a second each."),
            },
        },
        "required": ["query", "documents"],
        "additionalProperties": false,
    });
    let schema: JsonObject = schema.as_object().cloned().unwrap_or_default();
    Tool::new(NAME, DESCRIPTION, schema)
        .with_title("Rerank documents")
        .with_output_schema::<RankingShape>()
        .with_annotations(
            ToolAnnotations::with_title("Rerank documents").read_only(true).idempotent(true).open_world(false),
        )
}

/// Ranks the documents of a call.
pub(super) fn call(student: &LoadedStudent, arguments: &JsonObject) -> Result<Answer, Refusal> {
    let arguments = Arguments::of(NAME, &ARGUMENTS, arguments)?;
    let query = arguments.query()?;
    let documents = arguments.documents()?;
    let top_n = arguments.count("top_n")?.unwrap_or(DEFAULT_TOP_N).min(documents.len());
    let explain = arguments.flag("explain")?;

    let documents: Vec<Arc<_>> = documents.into_iter().map(Arc::new).collect();
    let list = documents.iter().enumerate();
    let candidates = Candidates {
        query: Arc::new(Query { id: "query".into(), text: query.to_owned() }),
        list: list.map(|(i, document)| Candidate { document: Arc::clone(document), score: -(i as f32) }).collect(),
    };
    let reasons = if explain && student.writes_reasons() { Reasons::Top(MAX_EXPLAINED) } else { Reasons::None };
    let ranking = student.reranker().rerank_shown(&candidates, reasons, top_n)?;
    let results = QueryResults::of(student, &candidates, &ranking, top_n)?;

    let mut warnings = Vec::new();
    if explain && !student.writes_reasons() {
        warnings.push(format!("{} has not learned to write reasons: the order comes without them", student.name()));
    } else if explain && top_n > MAX_EXPLAINED {
        warnings.push(format!("only the best {MAX_EXPLAINED} are explained; call explain for others"));
    }
    let truncated = results.results.iter().filter(|result| result.truncated).count();
    if truncated > 0 {
        warnings.push(format!(
            "{truncated} of the returned documents are longer than is read: their beginnings were scored"
        ));
    }
    let shape = RankingShape::of(results, warnings);
    Ok(Answer { text: readable::ranking(&shape, &documents), structured: to_value(&shape)? })
}
