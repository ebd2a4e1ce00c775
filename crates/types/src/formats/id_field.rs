//! Names in JSON: some files write them as text, some as whole numbers.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use crate::id::{DocId, QueryId};

/// A query's or document's name, read from text or a whole number, never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdField(pub(crate) String);

impl From<IdField> for DocId {
    fn from(field: IdField) -> Self {
        field.0.into()
    }
}

impl From<IdField> for QueryId {
    fn from(field: IdField) -> Self {
        field.0.into()
    }
}

impl<'de> Deserialize<'de> for IdField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = IdField;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: text that is not empty, or a whole number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<IdField, E> {
        if text.is_empty() { Err(E::invalid_value(de::Unexpected::Str(text), &self)) } else { Ok(IdField(text.into())) }
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<IdField, E> {
        Ok(IdField(number.to_string()))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<IdField, E> {
        Ok(IdField(number.to_string()))
    }
}
