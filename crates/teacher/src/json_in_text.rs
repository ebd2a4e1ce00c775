//! JSON values inside prose, fenced or not.

use serde_json::Value;

/// Opening brackets that are tried: an answer has few before its JSON, and each try may read to the end.
const MOST_TRIES: usize = 256;

/// The JSON objects and arrays of a text, outermost ones only, in order. Whatever stands around them is skipped.
pub(crate) fn json_values(text: &str) -> Vec<Value> {
    let mut values = Vec::new();
    let mut from = 0;
    for _ in 0..MOST_TRIES {
        let Some(opening) = text[from..].find(['{', '[']) else { break };
        let start = from + opening;
        let mut stream = serde_json::Deserializer::from_str(&text[start..]).into_iter::<Value>();
        match stream.next() {
            Some(Ok(value)) => {
                from = start + stream.byte_offset();
                values.push(value);
            }
            // Not JSON from here on: a bracket of the prose, or an answer that was cut off. Its parts may still be.
            Some(Err(_)) | None => from = start + 1,
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_between_words() {
        let text = "See [2] (not {this}).\n```json\n{\"a\": [1, {\"b\": 2}]}\n```\nDone.";
        assert_eq!(json_values(text), [json!([2]), json!({"a": [1, {"b": 2}]})]);
        assert_eq!(json_values("[{\"a\": 1}, {\"b\": 2}, {\"c\""), [json!({"a": 1}), json!({"b": 2})]);
        assert!(json_values("no JSON at all").is_empty());
    }
}
