//! Bodies as JSON objects: what is refused before any field is looked at, and which fields there are.

use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;

use crate::config::Limits;
use crate::problem::Problem;

/// Objects and lists within one another that a body may have.
const MAX_NESTING: usize = 64;
/// Values that a body may have for each document that is allowed, and for the request itself: what is read takes tens
/// of bytes a value, and the smallest value is two bytes of the body.
const MAX_VALUES: usize = 64;

/// The text of a body that may be a JSON object, and whose values are not too many to be read.
pub(crate) fn text_of<'a>(body: &'a [u8], limits: &Limits) -> Result<&'a str, Problem> {
    let text = std::str::from_utf8(body).map_err(|error| {
        Problem::NotJson(format!("the body is no UTF-8: the byte at {} belongs to no character", error.valid_up_to()))
    })?;
    if !text.trim_start().starts_with('{') {
        return Err(Problem::NotJson("the body is no JSON object: it should begin with {".to_owned()));
    }
    check_values(text, limits.max_documents.saturating_add(1).saturating_mul(MAX_VALUES))?;
    Ok(text)
}

/// Reads a body.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Io | Category::Syntax | Category::Eof => Problem::NotJson(format!("the body is no JSON: {error}")),
        Category::Data => Problem::Invalid { message: error.to_string(), param: None },
    })
}

/// The names of a body's fields, by which dialects are told apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Keys(Vec<String>);

impl Keys {
    /// Reads only the names.
    pub(crate) fn of(text: &str) -> Result<Self, Problem> {
        read(text)
    }

    /// Whether there is a field of one of these names.
    pub(crate) fn has_any(&self, names: &[&str]) -> bool {
        self.0.iter().any(|key| names.contains(&key.as_str()))
    }
}

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some(key) = map.next_key()? {
                    keys.push(key);
                    map.next_value::<IgnoredAny>()?;
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// Checks how deep brackets outside of strings are open, and how many values they and commas begin; what is wrong
/// otherwise the reader finds.
fn check_values(text: &str, most: usize) -> Result<(), Problem> {
    let (mut depth, mut values, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        if in_string {
            if escaped {
                escaped = false;
            } else if byte == b'\\' {
                escaped = true;
            } else if byte == b'"' {
                in_string = false;
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => (depth, values) = (depth + 1, values + 1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => values += 1,
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(Problem::NotJson(format!("the body is nested deeper than {MAX_NESTING} objects and lists")));
        }
        if values > most {
            let message =
                format!("the body has more than {most} values: send fewer documents, or raise --max-documents");
            return Err(Problem::Invalid { message, param: None });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(body: &[u8]) -> Result<&str, Problem> {
        super::text_of(body, &Limits { max_documents: 2, ..Limits::default() })
    }

    #[test]
    fn what_is_no_object_is_refused() {
        for body in [&b""[..], b"[1]", b"\"{\"", b"{\"a\": \"\xff\"}", b"null"] {
            assert!(matches!(text_of(body), Err(Problem::NotJson(_))), "{body:?}");
        }
        assert_eq!(text_of(b" \n{}"), Ok(" \n{}"));
        assert!(matches!(Keys::of("{\"a\": }"), Err(Problem::NotJson(_))));
        assert!(matches!(Keys::of("{} {}"), Err(Problem::NotJson(_))));
    }

    #[test]
    fn deep_nesting_is_refused_and_brackets_in_texts_are_none() {
        let nested = |n: usize| format!("{{\"a\": {}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(text_of(nested(MAX_NESTING - 1).as_bytes()).is_ok());
        assert!(text_of(nested(MAX_NESTING).as_bytes()).is_err());
        assert!(text_of(nested(1_000_000).as_bytes()).is_err());
        let quoted = format!("{{\"a\": \"\\\"{}\"}}", "[".repeat(1000));
        assert!(text_of(quoted.as_bytes()).is_ok());
    }

    #[test]
    fn values_are_counted_before_any_is_read() {
        let most = 3 * MAX_VALUES;
        for value in ["\"\"", "{}", "[]", "0"] {
            let list = |n: usize| format!("{{\"a\": [{}]}}", vec![value; n].join(","));
            assert!(text_of(list(most / 2 - 2).as_bytes()).is_ok(), "{value}");
            assert!(matches!(text_of(list(most + 1).as_bytes()), Err(Problem::Invalid { .. })), "{value}");
        }
        let fields = vec!["\"a\":0"; most + 1].join(",");
        assert!(matches!(text_of(format!("{{{fields}}}").as_bytes()), Err(Problem::Invalid { .. })));
        assert!(text_of(format!("{{\"a\": \"{}\"}}", ",".repeat(1000)).as_bytes()).is_ok());
    }

    #[test]
    fn fields_are_found_by_name() {
        let keys = Keys::of("{\"query\": \"q\", \"texts\": [\"documents\"]}").unwrap();
        assert!(keys.has_any(&["texts"]) && !keys.has_any(&["documents"]));
    }
}
