//! What goes over the wire, byte for byte.

use r2r_teacher::chat::{AnswerShape, ChatRequest, Effort, Role, Turn};
use r2r_teacher::clients::endpoint::{ApiKey, Endpoint, EndpointError, Provider};
use r2r_teacher::clients::{Finish, from_wire};
use r2r_teacher::ladder::Rung;
use serde_json::{Value, json};

use crate::bench::{Bench, ask, request, schema};
use crate::server::Server;
use crate::server::faults::Faults;

/// The body that a provider receives for a request, and what is read of the server's answer.
fn check(provider: Provider, path_end: &str, request: ChatRequest, expected: &Value) -> Bench {
    let bench = Bench::new(provider, Server::start(Faults::None));
    let mut ask = ask("g");
    ask.request = request;
    let (answered, tally) = bench.run(vec![ask]);
    tally.unwrap();
    let paid = answered[0].result.as_ref().unwrap();
    assert_eq!(paid.answer.finish, Finish::Stop);
    assert_eq!(paid.answer.text, "{\"mark\":\"g\"}");
    let usage = paid.answer.usage;
    assert_eq!((usage.input, usage.output, usage.cached), (100, 20, 40));
    let bodies = bench.server.bodies(path_end);
    // As text: the order of fields is part of the gold.
    assert_eq!(bodies[0].to_string(), expected.to_string());
    bench
}

fn full(mark: &str) -> ChatRequest {
    let turns = [(Role::User, "first"), (Role::Assistant, "second"), (Role::User, mark)];
    let turns = turns.map(|(role, text)| Turn { role, text: text.to_owned() });
    ChatRequest {
        turns: turns.into(),
        temperature: Some(0.5),
        effort: Some(Effort::Low),
        seed: Some(7),
        ..request("unused")
    }
}

#[test]
fn openai_receives_a_strict_schema_and_no_sampling_unless_asked() {
    let expected = json!({
        "model": "test-model",
        "messages": [{ "role": "system", "content": "You rank." }, { "role": "user", "content": "Rank this. <<g>>" }],
        "max_completion_tokens": 100,
        "response_format": { "type": "json_schema", "json_schema": { "name": "ranking", "schema": schema(), "strict": true } },
    });
    let bench = check(Provider::OpenAi, "/v1/chat/completions", request("g"), &expected);
    let seen = bench.server.seen();
    assert_eq!(seen.requests[0].header("authorization"), Some("Bearer secret"));
    assert_eq!(seen.requests[0].header("content-type"), Some("application/json"));
}

#[test]
fn openai_receives_every_setting_that_is_asked() {
    let expected = json!({
        "model": "test-model",
        "messages": [{ "role": "system", "content": "You rank." }, { "role": "user", "content": "first" },
                     { "role": "assistant", "content": "second" }, { "role": "user", "content": "<<g>>" }],
        "max_completion_tokens": 100,
        "response_format": { "type": "json_object" },
        "reasoning_effort": "low", "temperature": 0.5, "seed": 7,
    });
    let request = ChatRequest { shape: AnswerShape::Json, ..full("<<g>>") };
    check(Provider::OpenAi, "/v1/chat/completions", request, &expected);
}

#[test]
fn a_compatible_server_receives_the_older_word_for_the_limit() {
    let expected = json!({
        "model": "test-model", "messages": [{ "role": "user", "content": "Rank this. <<g>>" }], "max_tokens": 100,
    });
    let request = ChatRequest { system: String::new(), shape: AnswerShape::Text, ..request("g") };
    check(Provider::Compatible, "/v1/chat/completions", request, &expected);
}

#[test]
fn anthropic_receives_its_version_and_an_output_format() {
    let expected = json!({
        "model": "test-model", "max_tokens": 100, "system": "You rank.",
        "messages": [{ "role": "user", "content": "first" }, { "role": "assistant", "content": "second" },
                     { "role": "user", "content": "<<g>>" }],
        "thinking": { "type": "adaptive" },
        "output_config": { "format": { "type": "json_schema", "schema": schema() }, "effort": "low" },
        "temperature": 0.5,
    });
    let bench = check(Provider::Anthropic, "/v1/messages", full("<<g>>"), &expected);
    let seen = bench.server.seen();
    assert_eq!(seen.requests[0].header("x-api-key"), Some("secret"));
    assert_eq!(seen.requests[0].header("anthropic-version"), Some("2023-06-01"));
}

#[test]
fn gemini_receives_a_json_schema_and_roles_of_its_own() {
    let expected = json!({
        "systemInstruction": { "parts": [{ "text": "You rank." }] },
        "contents": [{ "role": "user", "parts": [{ "text": "first" }] }, { "role": "model", "parts": [{ "text": "second" }] },
                     { "role": "user", "parts": [{ "text": "<<g>>" }] }],
        "generationConfig": { "maxOutputTokens": 100, "responseMimeType": "application/json", "responseJsonSchema": schema(),
                              "thinkingConfig": { "thinkingLevel": "low" }, "temperature": 0.5, "seed": 7 },
    });
    let bench = check(Provider::Gemini, "/v1beta/models/test-model:generateContent", full("<<g>>"), &expected);
    assert_eq!(bench.server.seen().requests[0].header("x-goog-api-key"), Some("secret"));
}

#[test]
fn thoughts_are_kept_apart_from_the_answer() {
    for provider in [Provider::Anthropic, Provider::Gemini] {
        let bench = Bench::new(provider, Server::start(Faults::None));
        let (answered, _) = bench.run(vec![ask("g")]);
        assert_eq!(answered[0].result.as_ref().unwrap().answer.thoughts, "hm", "{provider:?}");
    }
}

#[test]
fn content_in_parts_is_read_as_one_text() {
    let parts = json!([
        { "type": "thinking", "thinking": [{ "type": "text", "text": "hm, " }, { "type": "text", "text": "so" }] },
        { "type": "text", "text": "{\"order\":" },
        { "type": "text", "text": " [1]}" },
    ]);
    let body = json!({ "choices": [{ "message": { "content": parts }, "finish_reason": "stop" }] });
    let answer = from_wire(Provider::Compatible, body).unwrap();
    assert_eq!((answer.text.as_str(), answer.thoughts.as_str()), ("{\"order\": [1]}", "hm, so"));
}

#[test]
fn a_lower_rung_carries_the_schema_in_words() {
    let lowered = r2r_teacher::ladder::at_rung(&request("g"), Rung::Json);
    assert!(lowered.system.starts_with("You rank.\n\nAnswer with one JSON object"), "{}", lowered.system);
    assert!(lowered.system.ends_with(&schema().to_string()));
    assert_eq!(r2r_teacher::ladder::at_rung(&request("g"), Rung::Schema), request("g"));
}

#[test]
fn a_base_url_is_taken_with_or_without_its_version() {
    let url = |provider, given| {
        Endpoint::new(provider, given, Some(ApiKey::new("k"))).map(|endpoint| endpoint.base_url().to_owned())
    };
    let ok = |text: &str| Ok(text.to_owned());
    assert_eq!(url(Provider::Compatible, Some("http://localhost:8000")), ok("http://localhost:8000/v1"));
    assert_eq!(url(Provider::Compatible, Some("http://localhost:8000/v1/")), ok("http://localhost:8000/v1"));
    assert_eq!(url(Provider::Compatible, Some("https://openrouter.ai/api/v1")), ok("https://openrouter.ai/api/v1"));
    assert_eq!(url(Provider::Anthropic, Some("https://api.anthropic.com/v1")), ok("https://api.anthropic.com"));
    assert_eq!(url(Provider::Gemini, None), ok("https://generativelanguage.googleapis.com/v1beta"));
    assert_eq!(url(Provider::Compatible, None), Err(EndpointError::NoBaseUrl));
    assert!(matches!(url(Provider::OpenAi, Some("localhost")), Err(EndpointError::BadBaseUrl(_))));
    assert_eq!(
        Endpoint::new(Provider::OpenAi, None, Some(ApiKey::new(" "))),
        Err(EndpointError::NoKey(Provider::OpenAi))
    );
}

#[test]
fn a_key_never_shows_itself() {
    let endpoint = Endpoint::new(Provider::OpenAi, None, Some(ApiKey::new("sk-secret"))).unwrap();
    assert!(!format!("{endpoint:?}").contains("sk-secret"));
}
