//! JSON values inside prose, fenced or not.

use serde_json::Value;

use crate::lenient_json::{Read, read};

/// How often the text may be read again after brackets that were no JSON: an answer has few of them before its JSON.
const MOST_READINGS: usize = 16;

/// A JSON object or array of a text.
#[derive(Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) value: Value,
    /// Whether it broke off, so that what was unfinished was left out.
    pub(crate) is_cut: bool,
}

/// The JSON objects and arrays of a text, outermost ones only, in order. Whatever stands around them is skipped.
/// The time is linear in the length of the text.
pub(crate) fn json_values(text: &str) -> Vec<Found> {
    let mut values = Vec::new();
    let mut from = 0;
    let mut budget = text.len().saturating_mul(MOST_READINGS);
    while let Some(opening) = text[from..].find(['{', '[']) {
        let start = from + opening;
        match read(text, start) {
            Ok(Read { value, end, is_cut }) => {
                from = end;
                let is_empty = value.as_array().is_some_and(Vec::is_empty)
                    || value.as_object().is_some_and(serde_json::Map::is_empty);
                if !is_empty {
                    values.push(Found { value, is_cut });
                }
            }
            // Not JSON from here on: a bracket of the prose, or an answer that lost its form. Its parts may still be.
            Err(at) => {
                from = start + 1;
                budget = budget.saturating_sub(at - start + 1);
                if budget == 0 {
                    break;
                }
            }
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: &[Value]) {
        let found: Vec<Value> = json_values(text).into_iter().map(|found| found.value).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values_are_found_between_words() {
        let text = "See [2] (not {this}).\n```json\n{\"a\": [1, {\"b\": 2}]}\n```\nDone.";
        check(text, &[json!([2]), json!({"a": [1, {"b": 2}]})]);
        check("[{\"a\": 1}, {\"b\": 2}, {\"c\"", &[json!([{"a": 1}, {"b": 2}])]);
        check("{\"x\": [{\"a\": 1}, {\"b\": 2}] and so on", &[json!([{"a": 1}, {"b": 2}])]);
        check("no JSON at all", &[]);
    }
}
