//! The ladder of answer shapes: a schema, any JSON object, plain text. Each endpoint and model starts as high as it can
//! be trusted to, goes down when it refuses, and is remembered where it stands.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

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
    learned: Mutex<HashMap<String, Learned>>,
}

/// What was learned of a model: it refused all rungs above this one.
#[derive(Clone, Copy, Debug)]
struct Learned {
    rung: Rung,
    /// It has answered from there, and that is kept.
    is_kept: bool,
}

impl Ladder {
    /// What was learned and kept before, as (model, rung).
    pub fn remembering(learned: impl IntoIterator<Item = (String, Rung)>) -> Self {
        let kept = learned.into_iter().map(|(model, rung)| (model, Learned { rung, is_kept: true }));
        Self { learned: Mutex::new(kept.collect()) }
    }

    /// The rung from which a request is to be sent.
    pub fn rung(&self, provider: Provider, request: &ChatRequest) -> Rung {
        let start = Rung::start(provider, &request.shape);
        self.learned().get(&request.model).map_or(start, |learned| learned.rung.max(start))
    }

    /// Whether an answer from a rung is the first since the model was found to stand there: that is to be kept, and counts
    /// as kept from now on. An answer to a request that was sent before, or that asked for less, says nothing.
    pub fn keep_once(&self, model: &str, rung: Rung) -> bool {
        match self.learned().get_mut(model) {
            Some(learned) if learned.rung == rung => !std::mem::replace(&mut learned.is_kept, true),
            Some(_) | None => false,
        }
    }

    /// Learns that a model refuses a rung; the next rung down, `None` where there is none.
    pub fn refused(&self, provider: Provider, model: &str, rung: Rung) -> Option<Rung> {
        let below = Learned { rung: rung.below(provider)?, is_kept: false };
        let mut learned = self.learned();
        let known = learned.entry(model.to_owned()).or_insert(below);
        if below.rung > known.rung {
            *known = below;
        }
        Some(known.rung)
    }

    fn learned(&self) -> MutexGuard<'_, HashMap<String, Learned>> {
        self.learned.lock().expect("no panic happens under this lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_takes_is_kept_once_and_only_from_where_it_stands() {
        let ladder = Ladder::default();
        let kept = |rung: Rung| ladder.keep_once("m", rung);
        assert!(!kept(Rung::Schema), "nothing was refused");
        ladder.refused(Provider::OpenAi, "m", Rung::Schema);
        assert_eq!([Rung::Schema, Rung::Text, Rung::Json, Rung::Json].map(kept), [false, false, true, false]);
        // A request that was under way meanwhile is refused as well.
        ladder.refused(Provider::OpenAi, "m", Rung::Schema);
        assert!(!kept(Rung::Json));
        ladder.refused(Provider::OpenAi, "m", Rung::Json);
        assert_eq!([Rung::Json, Rung::Text, Rung::Text].map(kept), [false, true, false]);
        let ladder = Ladder::remembering([("m".to_owned(), Rung::Json)]);
        assert!(!ladder.keep_once("m", Rung::Json), "the journal has it");
    }
}
