//! What a prompt asks for, and the JSON in which the answer is to come.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One thing that is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// All passages, best first.
    Order,
    /// A grade for each passage, from 0.
    Grade,
    /// How each passage answers the query.
    Direct,
    /// Why each passage stands above or below another.
    Comparison,
    /// The sentence of each passage that answers the query, verbatim.
    AnswerSentence,
}

impl Asked {
    /// The field of the answer that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Order => "order",
            Self::Grade => "grade",
            Self::Direct => "direct",
            Self::Comparison => "comparison",
            Self::AnswerSentence => "answer_sentence",
        }
    }

    fn schema(self) -> Value {
        match self {
            Self::Order => json!({"type": "array", "items": {"type": "integer"}}),
            Self::Grade => json!({"type": "integer"}),
            Self::Direct | Self::Comparison => json!({"type": "string"}),
            Self::AnswerSentence => json!({"type": ["string", "null"]}),
        }
    }

    fn example(self, top_grade: i32) -> String {
        match self {
            Self::Order => "[number, number, ...]".to_owned(),
            Self::Grade => format!("whole number from 0 to {top_grade}"),
            Self::Direct | Self::Comparison => "\"text\"".to_owned(),
            Self::AnswerSentence => "\"text\" or null".to_owned(),
        }
    }
}

/// The JSON schema of an answer about a list: the order first, so that an answer that breaks off still has it, then
/// one entry a passage. It stays in the subset that `OpenAI`'s strict mode, Anthropic and Gemini all accept: every
/// property required, unions with null, no further properties, no limits on numbers or lengths.
pub(crate) fn list_schema(asked: &[Asked]) -> Value {
    let mut fields = vec![("order", Asked::Order.schema())];
    let of_passage = of_passage(asked);
    if !of_passage.is_empty() {
        let mut entry = vec![("passage", json!({"type": "integer"}))];
        entry.extend(of_passage.iter().map(|asked| (asked.field(), asked.schema())));
        fields.push(("passages", json!({"type": "array", "items": object(entry)})));
    }
    object(fields)
}

/// The JSON schema of an answer about one passage.
pub(crate) fn passage_schema(asked: &[Asked]) -> Value {
    object(asked.iter().map(|asked| (asked.field(), asked.schema())).collect())
}

/// The same in words, for models that are given no schema.
pub(crate) fn list_example(asked: &[Asked], top_grade: i32) -> String {
    let order = Asked::Order.example(top_grade);
    let of_passage = of_passage(asked);
    if of_passage.is_empty() {
        return format!("{{\"order\": {order}}}");
    }
    format!(
        "{{\"order\": {order},\n \"passages\": [{{\"passage\": number, {}}}, ...]}}",
        examples(&of_passage, top_grade)
    )
}

/// The same for one passage.
pub(crate) fn passage_example(asked: &[Asked], top_grade: i32) -> String {
    format!("{{{}}}", examples(asked, top_grade))
}

/// What is asked of single passages.
pub(crate) fn of_passage(asked: &[Asked]) -> Vec<Asked> {
    asked.iter().copied().filter(|&asked| asked != Asked::Order).collect()
}

fn examples(asked: &[Asked], top_grade: i32) -> String {
    let fields = asked.iter().map(|asked| format!("\"{}\": {}", asked.field(), asked.example(top_grade)));
    fields.collect::<Vec<_>>().join(", ")
}

fn object(fields: Vec<(&str, Value)>) -> Value {
    let required: Vec<&str> = fields.iter().map(|&(name, _)| name).collect();
    let required = json!(required);
    let properties: Map<String, Value> = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    json!({"type": "object", "additionalProperties": false, "required": required, "properties": properties})
}
