//! What stands before an answer, or in its place: thoughts, and a refusal.

const THOUGHTS: [(&str, &str); 4] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
];

/// How far into a text a refusal is looked for, in bytes: who declines says so at once.
const REFUSAL_WITHIN: usize = 400;

const REFUSALS: [&str; 16] = [
    "i can't",
    "i cannot",
    "i can not",
    "i won't",
    "i will not",
    "i'm sorry",
    "i am sorry",
    "i'm unable",
    "i am unable",
    "i'm not able",
    "i am not able",
    "i must decline",
    "as an ai",
    "unable to assist",
    "unable to comply",
    "can't assist",
];

/// The text without thoughts that lead it. Thoughts that never end leave nothing; an end without a beginning, as of
/// templates that open the thoughts themselves, ends them too. A text that begins with its JSON has none.
pub(super) fn without_thoughts(text: &str) -> &str {
    let start = text.trim_start();
    if start.starts_with(['{', '[', '`']) {
        return text;
    }
    for (opening, closing) in THOUGHTS {
        if let Some((_, answer)) = text.split_once(closing) {
            return without_thoughts_again(answer, closing);
        }
        if start.starts_with(opening) {
            return "";
        }
    }
    text
}

/// Some templates close twice.
fn without_thoughts_again<'t>(text: &'t str, closing: &str) -> &'t str {
    text.trim_start().strip_prefix(closing).unwrap_or(text)
}

/// Whether a text in which no order was found declines to give one.
pub(super) fn is_refusal(text: &str) -> bool {
    let end = (0..=REFUSAL_WITHIN.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let start = text[..end].to_lowercase().replace('\u{2019}', "'");
    REFUSALS.iter().any(|phrase| start.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_before_the_answer_are_cut_off() {
        let check = |text: &str, expected: &str| assert_eq!(without_thoughts(text), expected, "{text}");
        check("<think>Is [1] better?</think>{\"order\": [1]}", "{\"order\": [1]}");
        check("Is [1] better?</think>\n</think>{}", "{}");
        check("\n<thinking>{\"order\": [1", "");
        check("{\"direct\": \"a </think> tag\"}", "{\"direct\": \"a </think> tag\"}");
        check("[2] > [1]", "[2] > [1]");
    }

    #[test]
    fn a_refusal_says_so_at_once() {
        assert!(is_refusal("I\u{2019}m sorry, but I can't help with that."));
        assert!(is_refusal("As an AI model, I do not rank people."));
        assert!(!is_refusal("The passages are all empty."));
        assert!(!is_refusal(&format!("{}I cannot", "\u{e4}".repeat(300))));
    }
}
