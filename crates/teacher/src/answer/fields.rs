//! The fields of an answer under the names that models give them, and what they may hold.

use serde_json::{Map, Number, Value};

pub(super) const ORDER: [&str; 4] = ["order", "ranking", "ranked", "permutation"];
pub(super) const PASSAGES: [&str; 5] = ["passages", "ranked_passages", "reasons", "results", "judgments"];
pub(super) const NUMBER: [&str; 7] = ["passage", "number", "id", "identifier", "index", "passage_id", "passage_number"];
pub(super) const GRADE: [&str; 3] = ["grade", "relevance_grade", "relevance"];
pub(super) const DIRECT: [&str; 4] = ["direct", "direct_reason", "direct_reasoning", "direct_relevance"];
pub(super) const COMPARISON: [&str; 6] =
    ["comparison", "comparison_reason", "comparison_reasoning", "comparative", "listwise", "listwise_reason"];
pub(super) const SENTENCE: [&str; 5] = ["answer_sentence", "direct_answer_sentence", "sentence", "quote", "evidence"];

/// What a field holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Held<T> {
    /// What was asked for.
    Value(T),
    /// Nothing: the field is missing, null or blank.
    Nothing,
    /// Something of another type.
    WrongType,
}

/// The first of the fields that is there, names compared without regard to case.
pub(super) fn field<'v>(fields: &'v Map<String, Value>, names: &[&str]) -> Option<&'v Value> {
    names.iter().find_map(|name| fields.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
}

/// `3`, `3.0`, `"3"`, `"[3]"`, `"passage 3"`, `{"passage": 3}`.
pub(super) fn number_of_value(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => whole_number(number).and_then(|number| usize::try_from(number).ok()),
        Value::String(text) => number_of_text(text),
        Value::Object(fields) => field(fields, &NUMBER).filter(|value| !value.is_object()).and_then(number_of_value),
        Value::Null | Value::Bool(_) | Value::Array(_) => None,
    }
}

/// The number of `"2"`, `"[2]"`, `"Passage 2"`; `None` where the text holds more than a name and one number.
pub(super) fn number_of_text(text: &str) -> Option<usize> {
    const NAME: &str = "passage";
    let text = text.trim();
    let named = text.get(..NAME.len()).is_some_and(|start| start.eq_ignore_ascii_case(NAME));
    let bare = if named { &text[NAME.len()..] } else { text };
    bare.trim_matches(|c: char| c.is_whitespace() || "[]()#:._".contains(c)).parse().ok()
}

/// The grade of an entry: `3`, `3.0`, `"3"`, `"3/4"`, `"3 (answers in part)"`.
pub(super) fn grade(fields: &Map<String, Value>) -> Held<i32> {
    let grade = match field(fields, &GRADE) {
        None | Some(Value::Null) => return Held::Nothing,
        Some(Value::String(text)) if text.trim().is_empty() => return Held::Nothing,
        Some(Value::Number(number)) => whole_number(number).and_then(|number| i32::try_from(number).ok()),
        Some(Value::String(text)) => leading_number(text),
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
    };
    grade.map_or(Held::WrongType, Held::Value)
}

/// A text of an entry, trimmed; several in a list become one.
pub(super) fn words(fields: &Map<String, Value>, names: &[&str]) -> Held<String> {
    let text = match field(fields, names) {
        None | Some(Value::Null) => return Held::Nothing,
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).map(str::trim).collect();
            texts.join(" ").trim().to_owned()
        }
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => return Held::WrongType,
    };
    let says_nothing = ["", "null", "none", "n/a"].iter().any(|nothing| text.eq_ignore_ascii_case(nothing));
    if says_nothing { Held::Nothing } else { Held::Value(text) }
}

fn whole_number(number: &Number) -> Option<i64> {
    let whole = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 1e15);
    number.as_i64().or(whole.map(|value| value as i64))
}

/// The whole number with which a text begins; `None` where it goes on as another number does.
fn leading_number(text: &str) -> Option<i32> {
    let text = text.trim();
    let length = text.bytes().enumerate().take_while(|&(at, byte)| byte.is_ascii_digit() || (at == 0 && byte == b'-'));
    let (digits, rest) = text.split_at(length.count());
    let goes_on =
        rest.strip_prefix('.').unwrap_or_default().trim_start_matches('0').starts_with(|c: char| c.is_ascii_digit());
    let is_word = rest.starts_with(char::is_alphanumeric);
    digits.parse().ok().filter(|_| !goes_on && !is_word)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_grade_is_a_whole_number_however_it_is_written() {
        let check = |value: Value, expected: Held<i32>| {
            let fields = Map::from_iter([("grade".to_owned(), value)]);
            assert_eq!(grade(&fields), expected, "{fields:?}");
        };
        for three in [json!(3), json!(3.0), json!("3"), json!(" 3/4"), json!("3.0"), json!("3 (in part)"), json!("3.")]
        {
            check(three, Held::Value(3));
        }
        check(json!("-1"), Held::Value(-1));
        check(json!(null), Held::Nothing);
        check(json!(" "), Held::Nothing);
        for wrong in [json!(2.5), json!("2.5"), json!("high"), json!("3rd"), json!([3]), json!(true), json!(1e12)] {
            check(wrong, Held::WrongType);
        }
    }
}
