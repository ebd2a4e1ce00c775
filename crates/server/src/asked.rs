//! What a request asks for, and what it is answered, whatever its dialect.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use reason_to_rank::inference::Scored;
use reason_to_rank::types::document::Document;
use reason_to_rank::types::reasoning::Reasoning;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::compute::task::{List, Span};
use crate::config::Limits;
use crate::fields::{Count, Flag, Passage, Passages, Text};
use crate::problem::Problem;
use crate::truncation::Truncation;

/// Documents that are explained where nobody says how many.
const EXPLAINED: usize = 10;

/// What a request asks for.
#[derive(Debug)]
pub(crate) struct Asked {
    /// Query and documents as they are read; a document's id is the client's, or its index.
    pub(crate) list: Arc<List>,
    /// How many of the best are wanted; all where `None`.
    pub(crate) top_n: Option<usize>,
    /// Which number is told as the score.
    pub(crate) scale: Scale,
    /// What is done with documents that are longer than the student reads.
    pub(crate) overlong: Overlong,
    /// How much is read.
    pub(crate) truncation: Truncation,
    /// Whether texts are sent back.
    pub(crate) echo: Echo,
    /// Documents, by their index, that are sent back otherwise than they are read.
    pub(crate) sent: HashMap<usize, Sent>,
    /// Whether the sentences that matter are told.
    pub(crate) spans: Option<SpanWish>,
    /// Whether reasons are written.
    pub(crate) explain: Option<ExplainWish>,
    /// Whether the answer comes as server-sent events.
    pub(crate) delivery: Delivery,
    /// The model that the client named.
    pub(crate) model: Option<String>,
    /// What is not done as it was asked for.
    pub(crate) warnings: Vec<String>,
}

/// Which number is told as the score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scale {
    /// The calibrated probability.
    Probability,
    /// The raw score.
    Logit,
}

/// What is done with documents that are longer than the student reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overlong {
    /// Their beginnings count, and a warning says so.
    Cut,
    /// The request is refused.
    Refuse,
}

/// Whether texts are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// They are not.
    No,
    /// They are.
    Texts,
}

/// A document as it was sent.
#[derive(Clone, Debug)]
pub(crate) enum Sent {
    /// Longer than it is read.
    Longer(Document),
    /// With fields that are not read.
    Json(Box<RawValue>),
}

/// How an answer is delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// As one JSON body.
    Whole,
    /// The ranking at once, then each reason as it is written.
    Events,
}

/// Which sentences are told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SpanWish {
    /// The least score.
    pub(crate) threshold: f32,
    /// The most sentences of a document.
    pub(crate) max_spans: usize,
}

/// Which documents are explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExplainWish {
    /// How many of the best.
    pub(crate) top: usize,
    /// Whether each is compared with its neighbor.
    pub(crate) comparison: bool,
}

/// The field `explain` as clients send it: true, false, or how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExplainField(pub(crate) Option<ExplainWish>);

/// One document of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answered {
    /// Its index in the request.
    pub(crate) index: usize,
    /// What the student says.
    pub(crate) scored: Scored,
    /// The sentences that matter, where they were asked for.
    pub(crate) spans: Option<Vec<Span>>,
    /// Why it stands there, where that was asked for.
    pub(crate) reasoning: Option<Reasoning>,
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The request's id.
    pub(crate) id: String,
    /// When it was answered, in seconds since 1970.
    pub(crate) created: u64,
    /// The student's name.
    pub(crate) model: String,
    /// The best documents, best first.
    pub(crate) results: Vec<Answered>,
    /// Word pieces that were read.
    pub(crate) tokens: usize,
    /// What is not as it was asked for.
    pub(crate) warnings: Vec<String>,
}

impl Asked {
    /// Query and documents with the defaults that most dialects have.
    pub(crate) fn of(query: Option<Text>, documents: Option<Passages>) -> Result<Self, Problem> {
        let Text(query) = query.ok_or_else(|| Problem::invalid("query", "`query` is missing"))?;
        let Passages(passages) =
            documents.ok_or_else(|| Problem::invalid("documents", "`documents` is missing: give a list of texts"))?;
        let documents = documents_of("documents", passages)?;
        Ok(Self::of_list(Arc::new(List { query, documents })))
    }

    /// A list with the defaults that most dialects have.
    pub(crate) fn of_list(list: Arc<List>) -> Self {
        Self {
            list,
            top_n: None,
            scale: Scale::Probability,
            overlong: Overlong::Cut,
            truncation: Truncation::default(),
            echo: Echo::No,
            sent: HashMap::new(),
            spans: None,
            explain: None,
            delivery: Delivery::Whole,
            model: None,
            warnings: Vec::new(),
        }
    }

    /// Sets how many of the best are wanted, where a dialect takes no 0.
    pub(crate) fn with_top_n(mut self, top_n: Option<Count>) -> Result<Self, Problem> {
        if top_n == Some(Count(0)) {
            return Err(Problem::invalid("top_n", "`top_n` is 0: ask for at least one result, or leave it out"));
        }
        self.top_n = top_n.map(|Count(n)| n);
        Ok(self)
    }

    /// Sets what only this server offers.
    pub(crate) fn with_reasons(mut self, explain: Option<ExplainField>, stream: Option<Flag>) -> Self {
        self.explain = explain.and_then(|ExplainField(wish)| wish);
        self.delivery = if stream == Some(Flag(true)) { Delivery::Events } else { Delivery::Whole };
        self
    }

    /// Has shorter texts read than were sent, which are kept only to be sent back.
    pub(crate) fn read_instead(&mut self, list: List) {
        if self.echo == Echo::Texts {
            let documents = self.list.documents.iter().zip(&list.documents).enumerate();
            let longer = documents.filter(|(_, (sent, read))| sent != read);
            self.sent.extend(longer.map(|(index, (sent, _))| (index, Sent::Longer(sent.clone()))));
        }
        self.list = Arc::new(list);
    }

    /// Checks what every dialect requires; `field` is how the dialect calls documents.
    pub(crate) fn check(&self, limits: &Limits, field: &'static str) -> Result<(), Problem> {
        let (query, n) = (&self.list.query, self.list.documents.len());
        if query.trim().is_empty() {
            return Err(Problem::invalid("query", "`query` cannot be empty"));
        }
        if n == 0 {
            return Err(Problem::Empty { field });
        }
        if n > limits.max_documents {
            return Err(Problem::TooMany { given: n, max: limits.max_documents });
        }
        let max = limits.max_document_chars;
        // Bytes are counted first, since most texts are far below the limit.
        let is_long = |text: &str| text.len() > max && text.chars().count() > max;
        if is_long(query) {
            return Err(Problem::TooLong { message: format!("the query is longer than {max} characters") });
        }
        let long = |document: &Document| is_long(&document.text) || is_long(&document.title);
        if let Some(index) = self.list.documents.iter().position(long) {
            return Err(Problem::TooLong {
                message: format!("document {index} is longer than {max} characters; raise --max-document-chars"),
            });
        }
        Ok(())
    }

    /// How many results the answer has.
    pub(crate) fn shown(&self) -> usize {
        self.top_n.unwrap_or(usize::MAX).min(self.list.documents.len())
    }

    /// How many of the results are explained.
    pub(crate) fn explained(&self) -> usize {
        self.explain.map_or(0, |wish| wish.top.min(self.shown()))
    }
}

/// The documents that the passages of a field are.
pub(crate) fn documents_of(field: &'static str, passages: Vec<Passage>) -> Result<Vec<Document>, Problem> {
    let document = |(index, passage): (usize, Passage)| -> Result<Document, Problem> {
        let text = passage
            .text
            .ok_or_else(|| Problem::invalid(field, format!("{field}[{index}] has no `text`; only texts are ranked")))?;
        let id = passage.id.unwrap_or_else(|| index.to_string());
        Ok(Document { id: id.into(), title: passage.title.unwrap_or_default(), text })
    };
    passages.into_iter().enumerate().map(document).collect()
}

impl Scale {
    /// The score of a document.
    pub(crate) fn score(self, scored: &Scored) -> f32 {
        match self {
            Self::Probability => scored.probability,
            Self::Logit => scored.logit,
        }
    }

    /// Raw scores where they are asked for.
    pub(crate) fn raw_if(flag: Option<Flag>) -> Self {
        if flag == Some(Flag(true)) { Self::Logit } else { Self::Probability }
    }
}

impl Overlong {
    /// Cut unless the client refuses that.
    pub(crate) fn cut_unless_refused(truncate: Option<Flag>) -> Self {
        if truncate == Some(Flag(false)) { Self::Refuse } else { Self::Cut }
    }
}

impl Echo {
    /// What the client says, or the dialect's default.
    pub(crate) fn of(flag: Option<Flag>, default: Self) -> Self {
        match flag {
            Some(Flag(true)) => Self::Texts,
            Some(Flag(false)) => Self::No,
            None => default,
        }
    }
}

impl Default for ExplainWish {
    fn default() -> Self {
        Self { top: EXPLAINED, comparison: true }
    }
}

impl<'de> Deserialize<'de> for ExplainField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = ExplainField;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false, or {\"top\": 5, \"comparison\": true}")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<ExplainField, E> {
                Ok(ExplainField(value.then(ExplainWish::default)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<ExplainField, E> {
                let Flag(flag) = Flag::deserialize(serde::de::value::StrDeserializer::new(value))?;
                self.visit_bool(flag)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ExplainField, A::Error> {
                let mut wish = ExplainWish::default();
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "top" => wish.top = map.next_value::<Option<Count>>()?.map_or(wish.top, |Count(n)| n),
                        "comparison" => {
                            wish.comparison = map.next_value::<Option<Flag>>()?.is_none_or(|Flag(flag)| flag);
                        }
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Ok(ExplainField((wish.top > 0).then_some(wish)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for ExplainField {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Explain".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (flag, count) = (generator.subschema_for::<Flag>(), generator.subschema_for::<Count>());
        json_schema!({
            "description": "Explains the best documents: true is the best ten, or so many.",
            "anyOf": [
                {"type": "boolean"},
                {"type": "object", "properties": {"top": count, "comparison": flag}},
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, from_value, json};

    use super::*;

    fn asked(documents: serde_json::Value) -> Result<Asked, Problem> {
        Asked::of(Some(Text("why".into())), Some(from_value(documents).unwrap()))
    }

    #[test]
    fn documents_keep_their_names_or_get_their_places() {
        let asked = asked(json!(["a", {"id": "x", "text": "b", "title": "B"}])).unwrap();
        let names: Vec<&str> = asked.list.documents.iter().map(|document| document.id.as_str()).collect();
        assert_eq!(names, ["0", "x"]);
        assert_eq!(asked.list.documents[1].title, "B");
    }

    #[test]
    fn a_document_without_text_is_named() {
        let problem = asked(json!(["a", {"image": "x"}])).unwrap_err();
        assert!(problem.to_string().contains("documents[1]"), "{problem}");
    }

    #[test]
    fn limits_are_checked() {
        let limits = Limits { max_documents: 2, max_document_chars: 5, ..Limits::default() };
        let check = |documents| asked(documents).unwrap().check(&limits, "documents");
        assert_eq!(check(json!(["ééééé", "b"])), Ok(()));
        assert_eq!(check(json!([])), Err(Problem::Empty { field: "documents" }));
        assert_eq!(check(json!(["a", "b", "c"])), Err(Problem::TooMany { given: 3, max: 2 }));
        assert!(matches!(check(json!(["a", "123456"])), Err(Problem::TooLong { .. })));
        let empty = Asked::of(Some(Text(" ".into())), Some(Passages::default())).unwrap();
        assert!(matches!(empty.check(&limits, "documents"), Err(Problem::Invalid { param: Some("query"), .. })));
    }

    #[test]
    fn explain_is_a_word_or_an_object() {
        let read = |text: &str| from_str::<ExplainField>(text).unwrap().0;
        assert_eq!(read("true"), Some(ExplainWish { top: 10, comparison: true }));
        assert_eq!(read("\"true\""), Some(ExplainWish { top: 10, comparison: true }));
        assert_eq!(read("false"), None);
        assert_eq!(read("{\"top\": 5, \"comparison\": false}"), Some(ExplainWish { top: 5, comparison: false }));
        assert_eq!(read("{\"top\": 0}"), None);
        assert!(from_str::<ExplainField>("3").is_err());
    }
}
