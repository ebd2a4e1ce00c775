//! The key of an answer: stable, and another for every other question.

use std::collections::HashSet;

use proptest::prelude::*;
use r2r_teacher::chat::{AnswerShape, ChatRequest, Effort, Role, Turn};
use r2r_teacher::clients::endpoint::{ApiKey, Endpoint, Provider};
use r2r_teacher::journal::key::{Ask, AskKey};
use serde_json::json;

use crate::bench::ask;

fn endpoint(provider: Provider, url: &str, key: &str) -> Endpoint {
    Endpoint::new(provider, Some(url), Some(ApiKey::new(key))).unwrap()
}

#[test]
fn a_key_is_the_same_in_every_version_of_the_program() {
    // Paid answers are found under it: this value may never change. The bytes it stands for are written down by
    // tests/clients/key.py, which prints it.
    let key = AskKey::of(&endpoint(Provider::OpenAi, "http://localhost:1", "a"), &ask("q1"));
    assert_eq!(key.as_str(), GOLDEN);
}

const GOLDEN: &str = "8aada405fe690feff1aa6cf72ed44475602c4699e3d0906aac10e184fb4ef76c";

#[test]
fn neither_the_secret_nor_the_tag_is_part_of_a_key() {
    let of = |secret: &str, tag: &str| {
        AskKey::of(&endpoint(Provider::OpenAi, "http://localhost:1", secret), &Ask { tag: tag.to_owned(), ..ask("q") })
    };
    assert_eq!(of("a", "x"), of("b", "y"));
}

#[test]
fn the_same_question_to_another_place_has_another_key() {
    let places = [
        (Provider::OpenAi, "http://localhost:1"),
        (Provider::Compatible, "http://localhost:1"),
        (Provider::OpenAi, "http://localhost:2"),
        (Provider::Anthropic, "http://localhost:1"),
        (Provider::Gemini, "http://localhost:1"),
    ];
    let keys: HashSet<_> = places.map(|(provider, url)| AskKey::of(&endpoint(provider, url, "a"), &ask("q"))).into();
    assert_eq!(keys.len(), places.len());
}

/// Short texts over few letters, so that fields often hold the same and boundaries between them move.
fn word() -> impl Strategy<Value = String> {
    "[ab]{0,3}"
}

fn any_ask() -> impl Strategy<Value = Ask> {
    let turn = (any::<bool>(), word())
        .prop_map(|(user, text)| Turn { role: if user { Role::User } else { Role::Assistant }, text });
    let shape = prop_oneof![
        (word(), word()).prop_map(|(name, schema)| AnswerShape::Schema { name, schema: json!(schema) }),
        Just(AnswerShape::Json),
        Just(AnswerShape::Text),
    ];
    let effort = prop::option::of(prop_oneof![Just(Effort::None), Just(Effort::Low), Just(Effort::Max)]);
    let numbers = (0..3_u32, prop::option::of(0..2_u8), effort, prop::option::of(0..2_u64), 0..2_u32);
    (word(), word(), word(), prop::collection::vec(turn, 0..3), shape, numbers).prop_map(
        |(model, system, prompt_hash, turns, shape, (max_tokens, temperature, effort, seed, sample))| Ask {
            tag: String::new(),
            prompt_hash,
            sample,
            request: ChatRequest {
                model,
                system,
                turns,
                shape,
                max_tokens,
                temperature: temperature.map(f32::from),
                effort,
                seed,
            },
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn two_questions_share_a_key_only_if_they_are_the_same(one in any_ask(), other in any_ask()) {
        let endpoint = endpoint(Provider::OpenAi, "http://localhost:1", "a");
        prop_assert_eq!(AskKey::of(&endpoint, &one) == AskKey::of(&endpoint, &other), one == other);
        prop_assert_eq!(AskKey::of(&endpoint, &one), AskKey::of(&endpoint, &one.clone()));
    }

    #[test]
    fn moving_a_letter_between_two_fields_changes_the_key(one in any_ask(), letter in "[ab]") {
        let endpoint = endpoint(Provider::OpenAi, "http://localhost:1", "a");
        let (mut left, mut right) = (one.clone(), one);
        left.request.model.push_str(&letter);
        right.request.system.insert_str(0, &letter);
        prop_assert_ne!(AskKey::of(&endpoint, &left), AskKey::of(&endpoint, &right));
    }
}
