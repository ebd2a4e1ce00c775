//! The requests of a judging.

use r2r_types::document::{Document, Query};
use r2r_types::id::DocId;

use crate::chat::{ChatRequest, Role, Turn};
use crate::judging::ask::{Ask, AskKey};
use crate::judging::options::JudgeOptions;
use crate::prompt::{Messages, Prompt};
use crate::shuffle::{named_seed, shuffled};

/// How much of an answer is shown again when it is to be repaired, in characters.
const MOST_OF_AN_ANSWER: usize = 20_000;

/// Places of the documents in the order in which a sample shows them: it depends on query, documents, seed and the
/// number of the sample alone.
pub(super) fn presentation(query: &Query, docs: &[&Document], seed: u64, sample: usize) -> Vec<usize> {
    let number = sample.to_string();
    let names = [query.id.as_str(), &number].into_iter().chain(docs.iter().map(|document| document.id.as_str()));
    shuffled(docs.len(), seed, names)
}

/// The request that sends the messages.
pub(super) fn request(
    options: &JudgeOptions,
    messages: Messages,
    shown: &[DocId],
    seed: u64,
    sample: usize,
) -> ChatRequest {
    let Messages { system, turns, shape } = messages;
    let number = sample.to_string();
    let names = [number.as_str()].into_iter().chain(shown.iter().map(DocId::as_str));
    ChatRequest {
        model: options.model.clone(),
        system,
        turns,
        shape,
        max_tokens: options.max_tokens,
        temperature: options.temperature,
        effort: options.effort,
        seed: options.send_seed.then(|| named_seed(seed, names)),
    }
}

/// The request that asks to repair an answer: what was asked, what was answered, and what is wrong with it.
pub(super) fn repair(ask: &Ask, prompt: &Prompt, text: &str, problem: &str) -> Ask {
    let mut request = ask.request.clone();
    let said: String = text.trim().chars().take(MOST_OF_AN_ANSWER).collect();
    let again = prompt.render_repair(problem, ask.shown.len());
    if said.is_empty() {
        // Providers refuse empty turns.
        if let Some(turn) = request.turns.last_mut() {
            turn.text = format!("{}\n\n{again}", turn.text);
        }
    } else {
        request.turns.push(Turn { role: Role::Assistant, text: said });
        request.turns.push(Turn { role: Role::User, text: again });
    }
    let key = AskKey::of(prompt, &request, &ask.shown, ask.sample);
    Ask { key, request, shown: ask.shown.clone(), purpose: ask.purpose, sample: ask.sample, is_repair: true }
}
