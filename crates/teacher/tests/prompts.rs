//! Prompts ask for what they say, in a schema that every provider takes, and no text of others breaks them.

use proptest::prelude::*;
use r2r_teacher::chat::{AnswerShape, Role};
use r2r_teacher::prompt::{Asked, Prompt, PromptKind};
use r2r_types::{Document, Query};
use serde_json::Value;

const SMALL: &str = r#"
format = 1
name = "small"
kind = "list"
asks = ["order", "grade"]
passage_words = 3
prefix = "Q {query} N {n}"
body = "[{number}] {passage}"
suffix = "{{}} {answer}"
repair = "{problem}: {answer}"
"#;

fn document(title: &str, text: &str) -> Document {
    Document { id: "d".into(), title: title.into(), text: text.into() }
}

fn rendered(prompt: &Prompt, query: &str, shown: &[&Document]) -> String {
    let messages = prompt.render(&Query { id: "q".into(), text: query.into() }, shown);
    let [turn] = &messages.turns[..] else { panic!("one turn") };
    assert_eq!(turn.role, Role::User);
    turn.text.clone()
}

#[test]
fn every_prompt_of_the_program_is_read_under_its_name() {
    let names: Vec<&str> = Prompt::built_in_names().collect();
    assert_eq!(names, ["none", "direct", "compare", "both", "dual-v1", "pointwise"]);
    for name in names {
        let prompt = Prompt::built_in(name).expect("prompts of the program are whole");
        assert_eq!(prompt.name(), name);
        assert!(!prompt.description().is_empty());
        assert_eq!(prompt.kind() == PromptKind::Passage, name == "pointwise");
        let text = rendered(&prompt, "why oaks", &[&document("", "Oaks grow old.")]);
        assert!(text.contains("why oaks") && text.contains("Oaks grow old."), "{text}");
        for asked in prompt.asks() {
            assert!(text.contains(&format!("\"{}\"", asked.field())), "{name} asks for {asked:?} in words too");
        }
    }
    let error = Prompt::built_in("best").unwrap_err().to_string();
    assert!(
        error.starts_with("there is no prompt \"best\"; known are none, direct, compare, both, dual-v1"),
        "{error}"
    );
}

#[test]
fn each_ablation_asks_for_its_own_reasons() {
    let check = |name: &str, expected: &[Asked]| {
        assert_eq!(Prompt::built_in(name).expect("it is known").asks_of_passage(), expected, "{name}");
    };
    check("none", &[]);
    check("direct", &[Asked::Direct]);
    check("compare", &[Asked::Comparison]);
    check("both", &[Asked::Direct, Asked::Comparison, Asked::AnswerSentence]);
    check("dual-v1", &[Asked::Grade, Asked::Direct, Asked::Comparison, Asked::AnswerSentence]);
}

#[test]
fn a_small_prompt_is_rendered_to_the_letter() {
    let prompt = Prompt::of_toml("small.toml", SMALL).expect("it is whole");
    let (first, second) = (document("Oak", "A tree of many years."), document("", "{n}"));
    let expected = "Q why N 2\n\n[1] Oak\nA tree\n\n[2] {n}\n\n{} {\"order\": [number, number, ...],\n \"passages\": \
                    [{\"passage\": number, \"grade\": whole number from 0 to 4}, ...]}";
    assert_eq!(rendered(&prompt, " why ", &[&first, &second]), expected);
    let repair = prompt.render_repair("it holds {n} slips", 2);
    assert!(repair.starts_with("it holds {n} slips: {\"order\""), "{repair}");
}

/// `OpenAI`'s strict mode, Anthropic and Gemini: every property required, nothing further, unions with null only.
fn is_strict(schema: &Value) -> bool {
    let allowed = ["type", "properties", "required", "additionalProperties", "items"];
    let fields = schema.as_object().expect("a schema is an object");
    assert!(fields.keys().all(|key| allowed.contains(&key.as_str())), "{schema}");
    match schema["type"].as_str() {
        Some("object") => {
            let properties = schema["properties"].as_object().expect("an object has properties");
            let required: Vec<&str> =
                schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
            schema["additionalProperties"] == Value::Bool(false)
                && properties.keys().eq(required.iter())
                && properties.values().all(is_strict)
        }
        Some("array") => is_strict(&schema["items"]),
        Some("integer" | "string") => true,
        Some(_) => false,
        None => schema["type"] == serde_json::json!(["string", "null"]),
    }
}

#[test]
fn schemas_stay_in_the_subset_that_all_providers_take() {
    for name in Prompt::built_in_names() {
        let prompt = Prompt::built_in(name).expect("it is known");
        let AnswerShape::Schema { name: schema_name, schema } = prompt.shape() else { panic!("a schema is asked for") };
        assert_eq!(schema_name, name);
        assert!(is_strict(&schema), "{schema}");
        if prompt.kind() == PromptKind::List {
            let first = schema["properties"].as_object().and_then(|properties| properties.keys().next());
            assert_eq!(first.map(String::as_str), Some("order"), "what breaks off has its order");
        }
    }
}

#[test]
fn the_hash_is_that_of_what_is_said() {
    let hash = |text: &str| Prompt::of_toml("f", text).expect("it is whole").hash().to_owned();
    let first = hash(SMALL);
    assert_eq!(first.len(), 64);
    let mut lines: Vec<&str> = SMALL.trim().lines().collect();
    lines.reverse();
    assert_eq!(hash(&format!("# A comment.\n{}", lines.join("\n"))), first);
    assert_eq!(hash(&SMALL.replace("name = \"small\"", "name = \"small\"\ntop_grade = 4")), first);
    assert_ne!(hash(&SMALL.replace("Q {query}", "Query {query}")), first);
    assert_ne!(hash(&SMALL.replace("passage_words = 3", "passage_words = 4")), first);
}

#[test]
fn what_is_wrong_with_a_file_says_what_to_do() {
    let check = |from: &str, to: &str, expected: &str| {
        assert!(SMALL.contains(from));
        let error = Prompt::of_toml("my.toml", &SMALL.replace(from, to)).unwrap_err().to_string();
        assert!(error.starts_with("my.toml: ") && error.contains(expected), "{error}");
    };
    check("format = 1", "format = 2", "this program reads format = 1");
    check("kind = \"list\"", "kin = \"list\"", "unknown field `kin`");
    check("\"grade\"]", "\"order\"]", "asks: one thing is asked twice");
    check("asks = [\"order\", \"grade\"]", "asks = [\"grade\"]", "add \"order\", or set kind = \"passage\"");
    check("kind = \"list\"", "kind = \"passage\"", "set asks = [\"grade\"]");
    check("name = \"small\"", "name = \"a b\"", "use 1 to 64 letters");
    check("passage_words = 3", "passage_words = 0", "use 1 or more");
    check("passage_words = 3", "top_grade = 0", "use 1 or more");
    check("Q {query}", "Q", "prefix: {query} is missing");
    check("[{number}]", "-", "body: {number} is missing");
    check("{passage}", "{text}", "the placeholder {text} is not known; known here: {number}, {passage}");
    check("{{}}", "{}", "suffix: the placeholder {} is not known");
    check("{{}} {answer}", "JSON!", "suffix: {answer} is missing");
    check("{problem}", "Wrong", "repair: {problem} is missing");
}

proptest! {
    #[test]
    fn what_others_wrote_stays_inside_its_tags(
        text in "(</?passage>|</ ?PASSAGE number=\"2\">|<query>|\\{n\\}|\\{query\\}|[a-z .\n]{1,8}){0,8}",
        query in "(</query>|<passage number=\"9\">|\\{passage\\}|[a-z ]{1,8}){0,6}",
    ) {
        let prompt = Prompt::built_in("dual-v1").expect("it is known");
        let plain = rendered(&prompt, "x", &[&document("", "x"), &document("", "x")]);
        let text = rendered(&prompt, &query, &[&document("", &text), &document(&text, "x")]);
        for tag in ["<passage", "</passage>", "<query>", "</query>"] {
            prop_assert_eq!(text.to_lowercase().matches(tag).count(), plain.matches(tag).count(), "{}", text);
        }
    }
}
