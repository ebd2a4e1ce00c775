//! JSON as models write it: everything that is JSON, read as what it is, and the usual slips beside it.
//!
//! Read as well are values that break off (what is not finished is left out), line breaks and plain quotes inside
//! text, single quotes, bare keys, comments, missing and trailing commas, a bracket that was not closed, `True` and
//! `None`. One pass over the text with a stack of its own: the time is linear and depth is bounded, whatever comes.

mod words;

use serde_json::{Map, Number, Value};

use crate::lenient_json::words::{ends_text, escape, word};

/// Deeper nesting is no answer of anybody.
const MOST_DEPTH: usize = 16;

/// A value with the place where it ends.
#[derive(Debug, PartialEq)]
pub(crate) struct Read {
    pub(crate) value: Value,
    /// One past its last byte.
    pub(crate) end: usize,
    /// Whether the text ended first, or a bracket was not closed: what was unfinished is left out.
    pub(crate) is_cut: bool,
}

/// Reads the object or array that begins at `start`, or says up to which byte it read before it found that there is
/// none.
pub(crate) fn read(text: &str, start: usize) -> Result<Read, usize> {
    let mut reader = Reader { text, at: start, stack: Vec::new(), is_cut: false };
    match reader.value() {
        Some(value) => Ok(Read { value, end: reader.at, is_cut: reader.is_cut }),
        None => Err(reader.at),
    }
}

enum Open {
    Array(Vec<Value>),
    Object { fields: Map<String, Value>, key: Option<String> },
}

impl Open {
    fn take(&mut self, value: Value) {
        match self {
            Self::Array(items) => items.push(value),
            Self::Object { fields, key } => {
                if let Some(key) = key.take() {
                    fields.insert(key, value);
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Array(items) => items.is_empty(),
            Self::Object { fields, .. } => fields.is_empty(),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Array(items) => Value::Array(items),
            Self::Object { fields, key: _ } => Value::Object(fields),
        }
    }
}

/// What stands where a value may begin.
enum Scalar {
    Whole(Value),
    /// The text ends inside it.
    Cut,
    None,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    stack: Vec<Open>,
    is_cut: bool,
}

impl Reader<'_> {
    fn value(&mut self) -> Option<Value> {
        loop {
            self.space();
            let Some(byte) = self.byte() else { return self.cut() };
            match byte {
                b'{' | b'[' => {
                    let is_key = matches!(self.stack.last(), Some(Open::Object { key: None, .. }));
                    if is_key || self.stack.len() == MOST_DEPTH {
                        return None;
                    }
                    self.at += 1;
                    self.stack.push(match byte {
                        b'{' => Open::Object { fields: Map::new(), key: None },
                        _ => Open::Array(Vec::new()),
                    });
                }
                b'}' | b']' => {
                    self.close(byte)?;
                    self.at += 1;
                    let closed = self.stack.pop()?.into_value();
                    match self.stack.last_mut() {
                        Some(open) => open.take(closed),
                        None => return Some(closed),
                    }
                }
                b',' => self.at += 1,
                _ => {
                    let needs_key = matches!(self.stack.last(), Some(Open::Object { key: None, .. }));
                    let scalar = if needs_key { self.key() } else { self.scalar(byte) };
                    match (scalar, self.stack.last_mut()?) {
                        (Scalar::Whole(Value::String(name)), Open::Object { key: key @ None, .. }) => *key = Some(name),
                        (Scalar::Whole(value), open) => open.take(value),
                        (Scalar::Cut, _) => return self.cut(),
                        (Scalar::None, _) => return None,
                    }
                }
            }
        }
    }

    /// Closes what was left open inside the bracket that closes here.
    fn close(&mut self, byte: u8) -> Option<()> {
        let fits = |open: &Open| matches!((open, byte), (Open::Object { .. }, b'}') | (Open::Array(_), b']'));
        let n_inside = self.stack.iter().rev().position(fits)?;
        self.is_cut |= n_inside > 0;
        self.fold(n_inside);
        Some(())
    }

    /// The text has ended: closes everything.
    fn cut(&mut self) -> Option<Value> {
        self.is_cut = true;
        self.at = self.text.len();
        // An entry that had only begun says nothing.
        if self.stack.len() > 1 && self.stack.last().is_some_and(Open::is_empty) {
            self.stack.pop();
        }
        self.fold(self.stack.len().saturating_sub(1));
        self.stack.pop().map(Open::into_value)
    }

    fn fold(&mut self, n: usize) {
        for _ in 0..n {
            let Some(inner) = self.stack.pop() else { return };
            if let Some(outer) = self.stack.last_mut() {
                outer.take(inner.into_value());
            }
        }
    }

    /// A key and its colon.
    fn key(&mut self) -> Scalar {
        let key = if let Some(quote @ (b'"' | b'\'')) = self.byte() {
            let Some(key) = self.string(quote, |_, _| true) else { return Scalar::Cut };
            key
        } else {
            let name = word(&self.text[self.at..]);
            self.at += name.len();
            if name.is_empty() {
                return Scalar::None;
            }
            name.to_owned()
        };
        self.space();
        match self.byte() {
            Some(b':') => {
                self.at += 1;
                Scalar::Whole(Value::String(key))
            }
            Some(_) => Scalar::None,
            None => Scalar::Cut,
        }
    }

    fn scalar(&mut self, byte: u8) -> Scalar {
        match byte {
            b'"' | b'\'' => match self.string(byte, ends_text) {
                Some(text) => Scalar::Whole(Value::String(text)),
                None => Scalar::Cut,
            },
            b'-' | b'+' | b'.' | b'0'..=b'9' => self.number(),
            _ => self.literal(),
        }
    }

    fn number(&mut self) -> Scalar {
        let rest = &self.text[self.at..];
        let is_digit = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
        let length = rest.find(|c| !is_digit(c)).unwrap_or(rest.len());
        let digits = &rest[..length];
        self.at += length;
        if length == rest.len() {
            // More digits may have been meant.
            return Scalar::Cut;
        }
        let whole = digits.parse::<u64>().ok().map(Number::from);
        let negative = || digits.parse::<i64>().ok().filter(|number| *number != 0).map(Number::from);
        let real = || digits.parse::<f64>().ok().and_then(Number::from_f64);
        match whole.or_else(negative).or_else(real) {
            Some(number) => Scalar::Whole(Value::Number(number)),
            None => Scalar::None,
        }
    }

    fn literal(&mut self) -> Scalar {
        let rest = &self.text[self.at..];
        let name = word(rest);
        self.at += name.len();
        if name.len() == rest.len() && !name.is_empty() {
            return Scalar::Cut;
        }
        match name {
            "null" | "None" | "NaN" | "undefined" => Scalar::Whole(Value::Null),
            "true" | "True" => Scalar::Whole(Value::Bool(true)),
            "false" | "False" => Scalar::Whole(Value::Bool(false)),
            _ => Scalar::None,
        }
    }

    /// Reads a text whose opening quote stands here; `None` where the text ends first. A quote ends it where `ends`
    /// says so of what follows the quote.
    fn string(&mut self, quote: u8, ends: impl Fn(&str, u8) -> bool) -> Option<String> {
        let bytes = self.text.as_bytes();
        let mut found = String::new();
        self.at += 1;
        let mut from = self.at;
        while let Some(&byte) = bytes.get(self.at) {
            if byte == quote && ends(&self.text[self.at + 1..], quote) {
                found.push_str(&self.text[from..self.at]);
                self.at += 1;
                return Some(found);
            }
            if byte == b'\\' {
                found.push_str(&self.text[from..self.at]);
                let (escaped, length) = escape(&self.text[self.at + 1..])?;
                found.push(escaped);
                self.at += 1 + length;
                from = self.at;
            } else {
                self.at += 1;
            }
        }
        None
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space and comments.
    fn space(&mut self) {
        loop {
            let rest = &self.text[self.at..];
            let rest = rest.trim_start();
            self.at = self.text.len() - rest.len();
            let length = match rest.as_bytes() {
                [b'/', b'/', ..] => rest.find('\n').unwrap_or(rest.len()),
                [b'/', b'*', ..] => rest.find("*/").map_or(rest.len(), |end| end + 2),
                _ => return,
            };
            self.at += length;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(text: &str, expected: &Value, is_cut: bool) {
        let read = read(text, 0).unwrap_or_else(|at| panic!("{text} is not read from byte {at}"));
        assert_eq!((&read.value, read.is_cut), (expected, is_cut), "{text}");
    }

    #[test]
    fn the_slips_of_models_are_read() {
        check("{'order': [2, 1,], ok: True}", &json!({"order": [2, 1], "ok": true}), false);
        check("{\"a\": \"one\ntwo\" // why\n \"b\": None}", &json!({"a": "one\ntwo", "b": null}), false);
        check(r#"{"a": "the "best" of, say, two", "b": 1}"#, &json!({"a": "the \"best\" of, say, two", "b": 1}), false);
        check(r#"{"a": [{"b": 1}, "c": 2}"#.replace(", \"c\": 2", "").as_str(), &json!({"a": [{"b": 1}]}), true);
        check(r#"["it's", 'it's']"#, &json!(["it's", "it's"]), false);
        check(r#"["\ud83d\ude00\u00e9\ud800x\_"]"#, &json!(["\u{1f600}\u{e9}\u{fffd}x_"]), false);
    }

    #[test]
    fn what_is_unfinished_is_left_out() {
        check(r#"{"order": [2, 1"#, &json!({"order": [2]}), true);
        check(
            r#"{"order": [2, 1], "passages": [{"passage": 2, "direct": "Na"#,
            &json!({"order": [2, 1], "passages": [{"passage": 2}]}),
            true,
        );
        check(r#"{"order": [2, 1], "passages": [{"pass"#, &json!({"order": [2, 1], "passages": []}), true);
        check(r#"{"a": tr"#, &json!({}), true);
        check(r#"{"a": "\"#, &json!({}), true);
    }

    #[test]
    fn brackets_of_prose_are_no_json() {
        for text in ["[see below]", "{this}", "[1, see]", "{\"order\": ...}", "{1}", "{[1]}", &"[".repeat(17)] {
            assert!(read(text, 0).is_err(), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
            "[\"',:{}\\[\\]/\\\\ \n a-z0-9]{0,12}|.{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let key = "[a-z\"'\\\\:, ]{0,4}";
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((key, inner), 0..4).prop_map(|fields| fields.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn what_is_json_is_read_as_what_it_is(items in prop::collection::vec(value(), 0..4), is_pretty: bool) {
            let value = Value::from(items);
            let text = if is_pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) };
            let text = text.unwrap();
            let read = read(&text, 0);
            prop_assert_eq!(read, Ok(Read { value, end: text.len(), is_cut: false }));
        }

        #[test]
        fn an_answer_that_breaks_off_is_a_part_of_the_whole(items in prop::collection::vec(value(), 0..4), cut: prop::sample::Index) {
            let text = serde_json::to_string(&items).unwrap();
            let cut = (1..=text.len()).filter(|&at| text.is_char_boundary(at)).collect::<Vec<_>>()[cut.index(text.chars().count())];
            let read = read(&text[..cut], 0).unwrap();
            prop_assert_eq!(read.is_cut, cut < text.len());
            let kept = read.value.as_array().unwrap().len();
            prop_assert!(kept <= items.len());
            // All but the last are whole.
            prop_assert_eq!(&read.value.as_array().unwrap()[..kept.saturating_sub(1)], &items[..kept.saturating_sub(1)]);
        }
    }
}
