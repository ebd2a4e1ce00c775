//! What is asked of a large model, whoever serves it.

use serde::{Deserialize, Serialize};

/// What is asked of a large model, whoever serves it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatRequest {
    /// The provider's name of the model.
    pub model: String,
    /// What the model is told before the first turn; may be empty.
    pub system: String,
    /// The turns, oldest first; the last one is the user's.
    pub turns: Vec<Turn>,
    /// The shape asked of the answer.
    pub shape: AnswerShape,
    /// The most tokens the answer may have, thoughts included.
    pub max_tokens: u32,
    /// The sampling temperature; not sent where it is `None`.
    pub temperature: Option<f32>,
    /// How much the model may think; not sent where it is `None`.
    pub effort: Option<Effort>,
    /// The sampling seed; not sent where it is `None`, or where the provider has none.
    pub seed: Option<u64>,
}

/// One turn of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// Whose turn it is.
    pub role: Role,
    /// What was said.
    pub text: String,
}

/// Whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// The one who asks.
    User,
    /// The model.
    Assistant,
}

/// The shape asked of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AnswerShape {
    /// JSON of this schema.
    Schema {
        /// The name of the schema: letters, digits, `_` and `-`, at most 64.
        name: String,
        /// The JSON Schema, in the subset that all providers accept.
        schema: serde_json::Value,
    },
    /// Any JSON object.
    Json,
    /// Any text.
    Text,
}

/// How much a model may think before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as the provider allows.
    Minimal,
    /// A little.
    Low,
    /// The middle.
    Medium,
    /// Much.
    High,
    /// As much as the provider allows.
    Max,
}
