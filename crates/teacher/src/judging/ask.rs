//! One request of a judging, and what may come back in place of an answer.

use std::fmt;

use r2r_types::id::DocId;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chat::ChatRequest;
use crate::digest::hexadecimal;
use crate::prompt::Prompt;

/// The name of a request by what is in it: SHA-256 of prompt, messages, parameters, shown documents and sample, as 64
/// hexadecimal digits. The same request has the same key in every run, whatever was asked or answered before it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AskKey(String);

impl AskKey {
    pub(super) fn of(prompt: &Prompt, request: &ChatRequest, shown: &[DocId], sample: usize) -> Self {
        let content = serde_json::to_vec(&(prompt.hash(), request, shown, sample));
        Self(hexadecimal(&Sha256::digest(content.expect("text, numbers and a schema are always JSON"))))
    }

    /// The key as text: also a `custom_id` that every batch API takes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for AskKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Display for AskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for AskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// What is to be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Its key; the answer comes back under it.
    pub key: AskKey,
    /// What is sent.
    pub request: ChatRequest,
    /// The documents that it shows, in the order in which they are numbered, from 1.
    pub shown: Vec<DocId>,
    /// What it is for.
    pub purpose: Purpose,
    /// Which sample it is of those that ask about the same documents, from 0. Samples differ by their key even where
    /// they ask the same, so that a store of answers keeps them apart.
    pub sample: usize,
    /// Whether it asks to repair an answer that came before.
    pub is_repair: bool,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An order of a window's passages, by the number of the window.
    List(usize),
    /// A grade of one passage.
    Grade,
}

/// What comes back in place of an answer. Neither costs a document or a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// The model or its provider declines to answer this: a content filter, a refusal of its own.
    Declined(String),
    /// No answer could be had: attempts used up, an item of a batch expired.
    Failed(String),
}

/// What became of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is used.
    Used,
    /// It cannot be used as it is: a request to repair it is ready.
    AskedAgain,
    /// It cannot be used and is not asked for again: the window keeps the order that it had.
    Malformed,
}
