//! Parts of answers that several dialects share.

use reason_to_rank::types::document::Document;
use reason_to_rank::types::reasoning::{Reasoning as Written, Stands as Order};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::asked::{Answer, Answered, Asked, Echo, Sent};
use crate::compute::task::Span;

/// The answer that clients of Jina, Cohere, vLLM, Infinity and llama.cpp all read.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Reply {
    /// The answer's id: `rerank-` and the request's id.
    pub(crate) id: String,
    /// `rerank` or `list`.
    pub(crate) object: &'static str,
    /// Seconds since 1970-01-01 UTC.
    pub(crate) created: u64,
    /// The student's name.
    pub(crate) model: String,
    /// The documents, best first.
    pub(crate) results: Vec<ResultItem>,
    /// What was read.
    pub(crate) usage: Usage,
    /// What was read, as Cohere says it.
    pub(crate) meta: Meta,
    /// What is not as it was asked for; empty where everything is.
    pub(crate) warnings: Vec<String>,
}

/// One document of an answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct ResultItem {
    /// Its index in the request.
    pub(crate) index: usize,
    /// The score: a calibrated probability of relevance, unless raw scores were asked for.
    pub(crate) relevance_score: f32,
    /// The raw score, by which documents are ordered.
    pub(crate) logit: f32,
    /// The document, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) document: Option<Echoed>,
    /// The sentences that matter, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) relevant_spans: Option<Vec<SpanItem>>,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) truncated: bool,
    /// Why it stands there; null where that was not asked for.
    pub(crate) reasoning: Option<Reasoning>,
}

/// A document that is sent back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum Echoed {
    /// As Infinity does.
    Text(String),
    /// As all others do.
    Object(EchoedObject),
    /// As Cohere does: the object that was sent.
    Sent(#[schemars(with = "Map<String, Value>")] Box<RawValue>),
}

/// A document that is sent back as an object.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct EchoedObject {
    /// Its title, where it has one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) title: String,
    /// Its text.
    pub(crate) text: String,
}

/// A sentence that matters.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct SpanItem {
    /// First code point in the document's text.
    pub(crate) start: usize,
    /// One past the last code point.
    pub(crate) end: usize,
    /// Its share among the document's sentences, which together have 1.
    pub(crate) score: f32,
}

/// What was read.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Usage {
    /// Word pieces of queries and documents together.
    pub(crate) prompt_tokens: usize,
    /// The same: nothing is generated that is counted.
    pub(crate) total_tokens: usize,
}

/// What was read, as Cohere says it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Meta {
    /// The version of the API.
    pub(crate) api_version: ApiVersion,
    /// What Cohere would bill.
    pub(crate) billed_units: BilledUnits,
    /// What was read.
    pub(crate) tokens: Tokens,
    /// The warnings once more, where Cohere's clients look for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) warnings: Vec<String>,
}

/// The version of an API.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct ApiVersion {
    /// Its number.
    pub(crate) version: &'static str,
}

/// Searches as Cohere counts them.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct BilledUnits {
    /// One for each hundred documents, begun ones counted.
    pub(crate) search_units: usize,
}

/// Word pieces in and out.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
pub(crate) struct Tokens {
    /// Word pieces that were read.
    pub(crate) input_tokens: usize,
    /// Always 0.
    pub(crate) output_tokens: usize,
}

/// Why a document stands where it stands.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Reasoning {
    /// How it answers the query.
    pub(crate) direct: String,
    /// Why it stands above or below another one.
    pub(crate) comparison: Comparison,
    /// The words that carry the answer.
    pub(crate) evidence: Vec<Evidence>,
    /// Content words of the query that the document has.
    pub(crate) matched: Vec<String>,
    /// Content words of the query that it lacks.
    pub(crate) missing: Vec<String>,
}

/// A comparison with named documents.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    /// In words; empty where the document stands alone or no comparison was asked for.
    pub(crate) text: String,
    /// Which documents it names, and which way.
    pub(crate) against: Vec<Against>,
}

/// A document that a comparison names.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Against {
    /// Its id: the client's, or its index in the request.
    pub(crate) id: String,
    /// Where the explained document stands relative to it.
    pub(crate) stands: Stands,
}

/// Above or below.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stands {
    /// Higher in the ranking.
    Above,
    /// Lower.
    Below,
}

/// A sentence of the document, with what it does to the score.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Evidence {
    /// The words, as the document has them.
    pub(crate) quote: String,
    /// First code point in the document's text.
    pub(crate) start: usize,
    /// One past the last code point.
    pub(crate) end: usize,
    /// The score of the document without these words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score_without: Option<f32>,
    /// The score of these words alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score_alone: Option<f32>,
}

impl Reply {
    /// The answer to a request; `documents` tells in which form texts are sent back.
    pub(crate) fn of(asked: &Asked, answer: Answer, object: &'static str, documents: fn(&Document) -> Echoed) -> Self {
        let n = asked.list.documents.len();
        let item = |answered: Answered| {
            let echo = || match asked.sent.get(&answered.index) {
                None => documents(&asked.list.documents[answered.index]),
                Some(Sent::Longer(document)) => documents(document),
                Some(Sent::Json(object)) => Echoed::Sent(object.clone()),
            };
            ResultItem {
                index: answered.index,
                relevance_score: asked.scale.score(&answered.scored),
                logit: answered.scored.logit,
                document: (asked.echo == Echo::Texts).then(echo),
                relevant_spans: answered.spans.map(|spans| spans.into_iter().map(SpanItem::from).collect()),
                truncated: answered.scored.truncated,
                reasoning: answered.reasoning.map(Reasoning::from),
            }
        };
        Self {
            id: format!("rerank-{}", answer.id),
            object,
            created: answer.created,
            model: answer.model,
            results: answer.results.into_iter().map(item).collect(),
            usage: Usage::of(answer.tokens),
            meta: Meta::of(answer.tokens, n, "1", answer.warnings.clone()),
            warnings: answer.warnings,
        }
    }
}

impl Echoed {
    /// `{"text": ...}`.
    pub(crate) fn object(document: &Document) -> Self {
        Self::Object(EchoedObject { title: document.title.clone(), text: document.text.clone() })
    }

    /// The text itself.
    pub(crate) fn text(document: &Document) -> Self {
        Self::Text(document.text.clone())
    }
}

impl Usage {
    /// So many word pieces.
    pub(crate) fn of(tokens: usize) -> Self {
        Self { prompt_tokens: tokens, total_tokens: tokens }
    }
}

impl Meta {
    /// Of one query with `n_documents`.
    pub(crate) fn of(tokens: usize, n_documents: usize, version: &'static str, warnings: Vec<String>) -> Self {
        Self {
            api_version: ApiVersion { version },
            billed_units: BilledUnits { search_units: n_documents.div_ceil(100) },
            tokens: Tokens { input_tokens: tokens, output_tokens: 0 },
            warnings,
        }
    }
}

impl From<Span> for SpanItem {
    fn from(span: Span) -> Self {
        Self { start: span.start, end: span.end, score: span.score }
    }
}

impl From<Written> for Reasoning {
    fn from(written: Written) -> Self {
        let against = written.comparison.against.into_iter().map(|against| Against {
            id: against.id.to_string(),
            stands: match against.stands {
                Order::Above => Stands::Above,
                Order::Below => Stands::Below,
            },
        });
        let evidence = written.evidence.into_iter().map(|evidence| Evidence {
            quote: evidence.quote().to_owned(),
            start: evidence.start(),
            end: evidence.end(),
            score_without: evidence.receipt.map(|receipt| receipt.score_without),
            score_alone: evidence.receipt.map(|receipt| receipt.score_alone),
        });
        Self {
            direct: written.direct,
            comparison: Comparison { text: written.comparison.text, against: against.collect() },
            evidence: evidence.collect(),
            matched: written.coverage.matched,
            missing: written.coverage.missing,
        }
    }
}
