//! What a calling model wrote, read with patience: where the meaning is plain it is taken, all else is refused with
//! the words that would be right.

use std::collections::HashMap;

use reason_to_rank::types::document::Document;
use reason_to_rank::types::id::DocId;
use rmcp::model::JsonObject;
use serde_json::Value;

use crate::mcp::Refusal;

/// Documents of one call. More than a first stage should hand over, and a few seconds of work.
pub(super) const MAX_DOCUMENTS: usize = 1000;

const DOCUMENT: &str = "a text, or an object with \"text\" and, if you like, \"id\" and \"title\"";

/// The arguments of one call, all of them known to its tool.
pub(super) struct Arguments<'a> {
    values: &'a JsonObject,
}

impl<'a> Arguments<'a> {
    /// Takes arguments whose names are among those of the tool's input schema.
    pub(super) fn of(tool: &str, known: &[&str], values: &'a JsonObject) -> Result<Self, Refusal> {
        match values.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => {
                refuse(format!("{tool} has no argument {unknown:?}; its arguments are {}", known.join(", ")))
            }
            None => Ok(Self { values }),
        }
    }

    /// The query: a text that is not blank.
    pub(super) fn query(&self) -> Result<&'a str, Refusal> {
        match self.given("query") {
            Some(Value::String(query)) if !query.trim().is_empty() => Ok(query),
            Some(Value::String(_)) => refuse("query is empty; give the question or keywords to rank by"),
            Some(other) => refuse(format!("query is {}; give it as a text", kind(other))),
            None => refuse("query is missing; give the question or keywords to rank by"),
        }
    }

    /// The documents of a list, in its order, each with a name of its own.
    pub(super) fn documents(&self) -> Result<Vec<Document>, Refusal> {
        let list = match self.given("documents") {
            Some(Value::Array(list)) if !list.is_empty() => list,
            Some(Value::Array(_)) => return refuse("documents is empty; give at least one document"),
            Some(other) => return refuse(format!("documents is {}; give an array, each item {DOCUMENT}", kind(other))),
            None => return refuse(format!("documents is missing; give an array, each item {DOCUMENT}")),
        };
        if list.len() > MAX_DOCUMENTS {
            return refuse(format!(
                "{} documents are too many for one call; give at most {MAX_DOCUMENTS}, the best of your search",
                list.len()
            ));
        }
        let mut places: HashMap<DocId, usize> = HashMap::with_capacity(list.len());
        let mut documents = Vec::with_capacity(list.len());
        for (place, value) in list.iter().enumerate() {
            let document = read_document(&format!("documents[{place}]"), value, || place.to_string())?;
            if let Some(earlier) = places.insert(document.id.clone(), place) {
                return refuse(format!(
                    "documents[{place}] is named {:?}, as documents[{earlier}] is; give each an id of its own, or none an id",
                    document.id.as_str()
                ));
            }
            documents.push(document);
        }
        Ok(documents)
    }

    /// The one document.
    pub(super) fn document(&self) -> Result<Document, Refusal> {
        match self.given("document") {
            Some(value) => read_document("document", value, || "document".to_owned()),
            None => refuse(format!("document is missing; give {DOCUMENT}")),
        }
    }

    /// A number of at least one, where it is given.
    pub(super) fn count(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let Some(value) = self.given(name) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse::<f64>().ok(),
            _ => None,
        };
        match number {
            Some(number) if number >= 1.0 && number.fract() == 0.0 => Ok(Some(number as usize)),
            Some(number) => refuse(format!("{name} is {number}; give a whole number from 1, or leave it out")),
            None => refuse(format!("{name} is {}; give a whole number from 1, or leave it out", kind(value))),
        }
    }

    /// A yes or no, no where it is not given.
    pub(super) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        match self.given(name) {
            None => Ok(false),
            Some(Value::Bool(yes)) => Ok(*yes),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(other) => refuse(format!("{name} is {}; give true or false", kind(other))),
        }
    }

    /// What stands under a name; a null is as good as nothing.
    fn given(&self, name: &str) -> Option<&'a Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }
}

fn read_document(place: &str, value: &Value, default_id: impl Fn() -> String) -> Result<Document, Refusal> {
    let fields = match value {
        Value::String(text) => {
            return Ok(Document { id: default_id().into(), title: String::new(), text: text.clone() });
        }
        Value::Object(fields) => fields,
        other => return refuse(format!("{place} is {}; give {DOCUMENT}", kind(other))),
    };
    let id = match fields.get("id") {
        None | Some(Value::Null) => default_id(),
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        Some(other) => return refuse(format!("the id of {place} is {}; give a text, or none", kind(other))),
    };
    let title = match fields.get("title") {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(title)) => title.clone(),
        Some(other) => return refuse(format!("the title of {place} is {}; give a text, or none", kind(other))),
    };
    match fields.get("text") {
        Some(Value::String(text)) => Ok(Document { id: id.into(), title, text: text.clone() }),
        Some(other) => refuse(format!("the text of {place} is {}; give {DOCUMENT}", kind(other))),
        None => refuse(format!("{place} has no text; give {DOCUMENT}")),
    }
}

fn refuse<T>(message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Arguments(message.into()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
