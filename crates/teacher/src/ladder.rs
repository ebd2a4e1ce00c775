//! The ladder of answer shapes: a schema, any JSON object, plain text. Each endpoint and model starts as high as it can
//! be trusted to, goes down when it refuses, and is remembered where it stands.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::chat::{AnswerShape, ChatRequest};
use crate::clients::endpoint::Provider;

/// How strictly the shape of an answer is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// The provider enforces a schema.
    Schema,
    /// The provider enforces that the answer is a JSON object.
    Json,
    /// Nothing is enforced: the reader of answers takes what it finds.
    Text,
}

impl Rung {
    /// The name, as kept in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Json => "json",
            Self::Text => "text",
        }
    }

    /// The rung of a name.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Schema, Self::Json, Self::Text].into_iter().find(|rung| rung.name() == name)
    }

    /// The highest rung that a provider has for a shape.
    pub fn start(provider: Provider, shape: &AnswerShape) -> Self {
        match (shape, provider) {
            (AnswerShape::Text, _) | (AnswerShape::Json, Provider::Anthropic) => Self::Text,
            (AnswerShape::Json, Provider::OpenAi | Provider::Compatible | Provider::Gemini) => Self::Json,
            (AnswerShape::Schema { .. }, _) => Self::Schema,
        }
    }

    /// The next rung down; `None` at the bottom. Anthropic has no middle.
    pub fn below(self, provider: Provider) -> Option<Self> {
        match self {
            Self::Schema if provider == Provider::Anthropic => Some(Self::Text),
            Self::Schema => Some(Self::Json),
            Self::Json => Some(Self::Text),
            Self::Text => None,
        }
    }
}

/// The request as it is sent from this rung: below the schema, the words of the request carry it.
pub fn at_rung(request: &ChatRequest, rung: Rung) -> ChatRequest {
    let mut request = request.clone();
    let AnswerShape::Schema { schema, .. } = &request.shape else { return request };
    if rung > Rung::Schema {
        let gap = if request.system.is_empty() { "" } else { "\n\n" };
        let words = "Answer with one JSON object and nothing else. It follows this JSON Schema:";
        request.system = format!("{}{gap}{words}\n{schema}", request.system);
    }
    request
}

/// Where each model of one endpoint stands.
#[derive(Debug, Default)]
pub struct Ladder {
    learned: Mutex<HashMap<String, Rung>>,
}

impl Ladder {
    /// What was learned before, as (model, rung).
    pub fn remembering(learned: impl IntoIterator<Item = (String, Rung)>) -> Self {
        Self { learned: Mutex::new(learned.into_iter().collect()) }
    }

    /// The rung from which a request is to be sent.
    pub fn rung(&self, provider: Provider, request: &ChatRequest) -> Rung {
        let learned = self.learned.lock().expect("no panic happens under this lock");
        let start = Rung::start(provider, &request.shape);
        learned.get(&request.model).map_or(start, |&rung| rung.max(start))
    }

    /// Whether a model has refused a rung.
    pub fn has_learned(&self, model: &str) -> bool {
        self.learned.lock().expect("no panic happens under this lock").contains_key(model)
    }

    /// Learns that a model refuses a rung; the next rung down, `None` where there is none.
    pub fn refused(&self, provider: Provider, model: &str, rung: Rung) -> Option<Rung> {
        let below = rung.below(provider)?;
        let mut learned = self.learned.lock().expect("no panic happens under this lock");
        let known = learned.entry(model.to_owned()).or_insert(below);
        *known = (*known).max(below);
        Some(*known)
    }
}
