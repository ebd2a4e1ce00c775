//! Words joined back into sentences.

/// What a word does to the spaces around it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spacing {
    /// A space on both sides.
    Both,
    /// No space before.
    Left,
    /// No space after.
    Right,
    /// No space on either side.
    None,
}

/// Joins words into prose: punctuation closes up, brackets and quotation marks that lack their partner are
/// dropped, sentences begin with a capital and the last one ends with a full stop.
///
/// Words are taken as they are spelled; only the first letter of a sentence is raised.
pub fn join(words: &[&str]) -> String {
    let words = without_repeated_marks(&without_lonely_brackets(words));
    let mut text = String::new();
    let (mut open_quote, mut open_single) = (false, false);
    let mut glue = true;
    let mut starts_sentence = true;
    for (index, word) in words.iter().enumerate() {
        let spacing = match *word {
            "\"" => {
                open_quote = !open_quote;
                if open_quote { Spacing::Right } else { Spacing::Left }
            }
            // A single quote opens where another can close it; one alone is what is left of "dogs'".
            "'" if !open_single && words[index..].iter().filter(|word| **word == "'").count().is_multiple_of(2) => {
                open_single = true;
                Spacing::Right
            }
            "'" | "\u{2019}" => {
                open_single = false;
                Spacing::Left
            }
            other => spacing(other, words.get(index + 1).copied()),
        };
        if !glue && matches!(spacing, Spacing::Both | Spacing::Right) {
            text.push(' ');
        }
        if starts_sentence && word.starts_with(char::is_alphanumeric) {
            push_capitalized(&mut text, word);
            starts_sentence = false;
        } else {
            text.push_str(word);
        }
        starts_sentence |= match *word {
            "!" | "?" => true,
            "." => index == 0 || !is_abbreviation(words[index - 1]),
            _ => false,
        };
        glue = matches!(spacing, Spacing::Right | Spacing::None);
    }
    close(text)
}

fn spacing(word: &str, next: Option<&str>) -> Spacing {
    match word {
        "." | "," | ";" | ":" | "!" | "?" | "%" | ")" | "]" | "}" | "\u{201d}" | "\u{2026}" | "\u{b0}" | "\u{2122}" => {
            Spacing::Left
        }
        "(" | "[" | "{" | "\u{201c}" | "\u{2018}" => Spacing::Right,
        "$" | "#" | "€" | "£" if next.is_some_and(|next| next.starts_with(char::is_alphanumeric)) => Spacing::Right,
        "/" => Spacing::None,
        _ => Spacing::Both,
    }
}

/// Whether a full stop behind a word is likelier its own: "U.S", "e.g", "J".
fn is_abbreviation(word: &str) -> bool {
    word.contains('.')
        || (word.chars().count() == 1 && word.chars().all(char::is_alphabetic))
        || matches!(word, "dr" | "mr" | "mrs" | "vs" | "st")
}

/// Leaves out opening marks that are never closed and closing marks that were never opened.
fn without_lonely_brackets<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut keep = vec![true; words.len()];
    let mut open: Vec<(usize, &str)> = Vec::new();
    let mut quote: Option<usize> = None;
    for (index, word) in words.iter().enumerate() {
        match *word {
            "(" => open.push((index, ")")),
            "[" => open.push((index, "]")),
            "{" => open.push((index, "}")),
            "\u{201c}" => open.push((index, "\u{201d}")),
            ")" | "]" | "}" | "\u{201d}" => match open.last() {
                Some(&(_, closing)) if closing == *word => {
                    open.pop();
                }
                Some(_) | None => keep[index] = false,
            },
            "\"" => quote = if quote.is_some() { None } else { Some(index) },
            _ => {}
        }
    }
    for index in open.into_iter().map(|(index, _)| index).chain(quote) {
        keep[index] = false;
    }
    words.iter().zip(keep).filter(|(_, keep)| *keep).map(|(word, _)| *word).collect()
}

/// Leaves out a comma or stop at the beginning or directly behind another, and brackets around nothing.
fn without_repeated_marks<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let mut kept: Vec<&str> = Vec::with_capacity(words.len());
    for word in words {
        let is_stop = |word: &str| matches!(word, "," | ";" | ":" | "." | "!" | "?");
        if is_stop(word) && kept.last().is_none_or(|last| is_stop(last) || matches!(*last, "(" | "[" | "{")) {
            continue;
        }
        if matches!((kept.last(), *word), (Some(&"("), ")") | (Some(&"["), "]") | (Some(&"{"), "}")) {
            kept.pop();
            continue;
        }
        kept.push(word);
    }
    kept
}

fn push_capitalized(text: &mut String, word: &str) {
    let mut chars = word.chars();
    // "iPhone" and "mRNA" keep their own capitals.
    let has_capitals = word.chars().any(char::is_uppercase);
    match chars.next() {
        Some(first) if !has_capitals => {
            text.extend(first.to_uppercase());
            text.push_str(chars.as_str());
        }
        Some(_) | None => text.push_str(word),
    }
}

/// Ends the last sentence.
fn close(mut text: String) -> String {
    let kept = text.trim_end_matches([' ', ',', ';', ':', '-', '/', '\u{2013}', '\u{2014}']).len();
    text.truncate(kept);
    let ends = text.trim_end_matches(['"', '\u{201d}', ')', ']']).ends_with(['.', '!', '?', '\u{2026}']);
    if !text.is_empty() && !ends {
        text.push('.');
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::words;

    fn check(words: &str, expected: &str) {
        assert_eq!(join(&words.split(' ').collect::<Vec<_>>()), expected);
    }

    #[test]
    fn punctuation_closes_up_and_sentences_are_finished() {
        check("it names the cost ( $1,000 ) , not \" why \"", "It names the cost ($1,000), not \"why\".");
        check("yes . it says so", "Yes. It says so.");
        check("is it and / or so ?", "Is it and/or so?");
        check("the dogs ' bowl", "The dogs' bowl.");
        check("mRNA is named ,", "mRNA is named.");
        check("it defines ' gene ' and says so", "It defines 'gene' and says so.");
    }

    #[test]
    fn marks_without_partner_or_repeated_are_dropped() {
        check("a ( b", "A b.");
        check("a ) b \" c", "A b c.");
        check(", a , , b . .", "A, b.");
        check("a ( ) b", "A b.");
        assert_eq!(join(&[]), "");
    }

    #[test]
    fn split_sentences_are_joined_as_they_were() {
        for text in [
            "The passage defines \"basalt\" (a volcanic rock) and says it cools fast.",
            "It doesn't cover 3.5% growth; however, it names the U.S. dollar's rate: $1,000.",
            "Does it answer? No, but it's close!",
        ] {
            let words = words::split(text);
            let written: Vec<&str> = words.iter().map(|word| &text[word.range.clone()]).collect();
            assert_eq!(join(&written), text);
        }
    }

    proptest! {
        #[test]
        fn prose_has_no_double_spaces_and_ends_properly(words in prop::collection::vec("[a-z]{1,4}|[.,;:!?()\"\\[\\]/$-]", 0..20)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let text = join(&words);
            prop_assert!(!text.contains("  ") && text.trim() == text);
            prop_assert_eq!(text.matches('(').count(), text.matches(')').count());
            prop_assert_eq!(text.matches('"').count() % 2, 0);
        }
    }
}
