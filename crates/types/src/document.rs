//! What is asked, and what may answer it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::id::{DocId, QueryId};

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// The query's name in its collection.
    pub id: QueryId,
    /// The question or keywords.
    pub text: String,
}

/// A passage or document that may answer a query.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The document's name in its collection.
    pub id: DocId,
    /// The title; empty where the collection has none.
    #[serde(default)]
    pub title: String,
    /// The body. Evidence spans count code points of this field.
    pub text: String,
}

impl Document {
    /// Title and text in one string, the way BEIR feeds rerankers: `title + " " + text`, trimmed.
    pub fn title_and_text(&self) -> Cow<'_, str> {
        let (title, text) = (self.title.trim(), self.text.trim());
        match (title.is_empty(), text.is_empty()) {
            (true, _) => Cow::Borrowed(text),
            (false, true) => Cow::Borrowed(title),
            (false, false) => Cow::Owned(format!("{title} {text}")),
        }
    }
}
