//! Values as clients really send them: booleans as words, numbers in quotes, texts as strings or objects.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

/// A boolean: also `"true"`, `"no"`, `1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flag(pub(crate) bool);

/// A number of things: also `"5"` and `5.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) usize);

/// A text: a string, an object with `text` or `content`, or a list of such parts, which are joined by line ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(pub(crate) String);

/// A document: a string, or an object with `text` or `content`, and `id` and `title` where it has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) text: Option<String>,
}

/// Documents: a list, or a single one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Passages(pub(crate) Vec<Passage>);

/// Documents as they were sent: a list, or a single one.
#[derive(Debug)]
pub(crate) struct RawPassages(pub(crate) Vec<Box<RawValue>>);

/// A document of a list: a number is its index, a string its id or its index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// By its place, from 0.
    Index(usize),
    /// By its name.
    Id(String),
}

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Flag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true or false")
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Flag, E> {
                Ok(Flag(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Flag, E> {
                match value {
                    0 => Ok(Flag(false)),
                    1 => Ok(Flag(true)),
                    _ => Err(E::custom(format!("{value} is neither true nor false"))),
                }
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Flag, E> {
                match value.trim().to_ascii_lowercase().as_str() {
                    "true" | "1" | "yes" | "on" => Ok(Flag(true)),
                    "false" | "0" | "no" | "off" | "" => Ok(Flag(false)),
                    _ => Err(E::custom(format!("{value:?} is neither true nor false"))),
                }
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Flag {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Flag".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [
            {"type": "boolean"},
            {"enum": ["true", "false", "1", "0", "yes", "no", "on", "off", "", 0, 1]},
        ]})
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, 0 or more")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Count, E> {
                Ok(Count(usize::try_from(value).unwrap_or(usize::MAX)))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Count, E> {
                usize::try_from(value).map(Count).map_err(|_| E::custom(format!("{value} is below 0")))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Count, E> {
                if value >= 0.0 && value.fract() == 0.0 {
                    Ok(Count(value as usize))
                } else {
                    Err(E::custom(format!("{value} is no whole number, 0 or more")))
                }
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Count, E> {
                value
                    .trim()
                    .parse()
                    .map(Count)
                    .map_err(|_| E::custom(format!("{value:?} is no whole number, 0 or more")))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Count {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Count".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]{1,18}$"}]})
    }
}

/// A value of which only the words count; `None` for null and for what has no words.
pub(crate) struct Words(pub(crate) Option<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Words, E> {
                Ok(Words(Some(value.to_owned())))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<Words, E> {
                Ok(Words(Some(value)))
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Words, E> {
                Ok(Words(Some(value.to_string())))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Words, E> {
                Ok(Words(Some(value.to_string())))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Words, E> {
                Ok(Words(Some(value.to_string())))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Words, E> {
                Ok(Words(Some(value.to_string())))
            }

            fn visit_unit<E: Error>(self) -> Result<Words, E> {
                Ok(Words(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Words, A::Error> {
                let mut lines = Vec::new();
                while let Some(Words(part)) = parts.next_element()? {
                    lines.extend(part);
                }
                Ok(Words((!lines.is_empty()).then(|| lines.join("\n"))))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words, A::Error> {
                let mut text = None;
                while let Some(key) = map.next_key::<String>()? {
                    if key == "text" || key == "content" {
                        let Words(value) = map.next_value()?;
                        text = text.or(value);
                    } else {
                        map.next_value::<IgnoredAny>()?;
                    }
                }
                Ok(Words(text))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, or an object with `text` or `content`")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text(value.to_owned()))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<Text, E> {
                Ok(Text(value))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Text, A::Error> {
                let passage = PassageReader.visit_map(map)?;
                passage.text.map(Text).ok_or_else(|| A::Error::custom("an object without `text` or `content`"))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A text: a string, or an object with it.",
            "anyOf": [{"type": "string", "minLength": 1}, object_with_text(1)],
        })
    }
}

struct PassageReader;

impl<'de> Visitor<'de> for PassageReader {
    type Value = Passage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, or an object with `text`")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Passage, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Passage, E> {
        Ok(Passage { text: Some(value), ..Passage::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Passage, A::Error> {
        let mut passage = Passage::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "text" => passage.text = words(&mut map)?.or(passage.text),
                "content" => passage.text = passage.text.or(words(&mut map)?),
                "id" | "_id" => passage.id = passage.id.or(words(&mut map)?),
                "title" => passage.title = words(&mut map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(passage)
    }
}

fn words<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<String>, A::Error> {
    let Words(words) = map.next_value()?;
    Ok(words)
}

impl<'de> Deserialize<'de> for Passage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PassageReader)
    }
}

impl JsonSchema for Passage {
    fn schema_name() -> Cow<'static, str> {
        "Passage".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A document: a string, or an object with its text.",
            "anyOf": [{"type": "string"}, object_with_text(0)],
        })
    }
}

impl<'de> Deserialize<'de> for Passages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Passages;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings or of objects with `text`")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Passages, E> {
                Ok(Passages(vec![PassageReader.visit_str(value)?]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Passages, A::Error> {
                Ok(Passages(vec![PassageReader.visit_map(map)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Passages, A::Error> {
                let mut passages = Vec::new();
                while let Some(passage) = list.next_element()? {
                    passages.push(passage);
                }
                Ok(Passages(passages))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Passages {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Passages".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let passage = generator.subschema_for::<Passage>();
        json_schema!({"anyOf": [{"type": "array", "items": passage, "minItems": 1}, passage]})
    }
}

impl<'de> Deserialize<'de> for RawPassages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RawPassages;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of strings or of objects with `text`")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<RawPassages, E> {
                Ok(RawPassages(vec![to_raw_value(value).map_err(E::custom)?]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawPassages, A::Error> {
                let value = Value::deserialize(MapAccessDeserializer::new(map))?;
                Ok(RawPassages(vec![to_raw_value(&value).map_err(A::Error::custom)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<RawPassages, A::Error> {
                let mut passages = Vec::new();
                while let Some(passage) = list.next_element()? {
                    passages.push(passage);
                }
                Ok(RawPassages(passages))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl<'de> Deserialize<'de> for Which {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Which;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the id or the index of a document")
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Which, E> {
                Ok(Which::Index(usize::try_from(value).unwrap_or(usize::MAX)))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Which, E> {
                Ok(Which::Id(value.to_owned()))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

impl JsonSchema for Which {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Which".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]})
    }
}

fn object_with_text(min_length: usize) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "id": {"type": ["string", "integer"]},
            "title": {"type": "string"},
            "text": {"type": "string", "minLength": min_length},
        },
        "required": ["text"],
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, from_value, json};

    use super::*;

    #[test]
    fn booleans_are_read_leniently() {
        for yes in ["true", "\"True\"", "\"1\"", "1", "\"yes\""] {
            assert_eq!(from_str::<Flag>(yes).unwrap(), Flag(true), "{yes}");
        }
        for no in ["false", "\"False\"", "\"\"", "0", "\"off\""] {
            assert_eq!(from_str::<Flag>(no).unwrap(), Flag(false), "{no}");
        }
        for neither in ["2", "\"perhaps\"", "[]", "null", "0.5"] {
            assert!(from_str::<Flag>(neither).is_err(), "{neither}");
        }
    }

    #[test]
    fn counts_are_whole_and_not_negative() {
        for five in ["5", "5.0", "\"5\""] {
            assert_eq!(from_str::<Count>(five).unwrap(), Count(5), "{five}");
        }
        for none in ["-1", "5.5", "\"five\"", "true", "{}"] {
            assert!(from_str::<Count>(none).is_err(), "{none}");
        }
    }

    #[test]
    fn documents_are_strings_or_objects() {
        let Passages(read) = from_value(json!([
            "plain",
            {"text": "in an object", "id": 7, "title": "T", "year": 1999, "tags": ["a", "b"], "none": null},
            {"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
            {"image": "https://example.org/a.png"},
        ]))
        .unwrap();
        assert_eq!(read[0], Passage { text: Some("plain".into()), ..Passage::default() });
        let whole = Passage { id: Some("7".into()), title: Some("T".into()), text: Some("in an object".into()) };
        assert_eq!(read[1], whole);
        assert_eq!(read[2].text.as_deref(), Some("one\ntwo"));
        assert_eq!(read[3].text, None);
        assert_eq!(from_value::<Passages>(json!("single")).unwrap().0.len(), 1);
        for wrong in [json!(5), json!([5]), json!([["a"]]), json!(null), json!([null])] {
            assert!(from_value::<Passages>(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_query_may_be_an_object() {
        assert_eq!(from_value::<Text>(json!("why")).unwrap().0, "why");
        assert_eq!(from_value::<Text>(json!({"content": [{"type": "text", "text": "why"}]})).unwrap().0, "why");
        assert!(from_value::<Text>(json!({"image": "x"})).is_err());
    }
}
