//! Where a reason speaks of other passages.
//!
//! In the published teacher files numbers mean the place at which the passage was **shown** to the teacher, starting
//! at 1. Read so, 99 % of the numbered claims of a direction agree with the order; read as ranks, 62 % do
//! (1,954 and 1,232 of 1,972 in the training file; `tests/published.rs` counts them again).

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::phrases::{ORDINAL, QUALITY, pattern};

/// A mention of other passages in a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Bytes of the reason that name them.
    pub span: Range<usize>,
    /// The numbers that it names, as shown to the teacher and starting at 1; empty for "the other passages".
    pub numbers: Vec<usize>,
}

static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"\[?\d{1,3}\]?";
    let and = r"(?:\s*,\s*(?:and\s+|or\s+|&\s*)?|\s+(?:and|or|&)\s+)(?:the\s+)?";
    let list = format!(r"{number}\b?\]?(?:{and}(?:passages?\s+)?{number})*");
    let bracketed = format!(r"\[\d{{1,3}}\](?:{and}(?:passages?\s+)?\[\d{{1,3}}\])*");
    pattern(&format!(
        r"(?:\b(?:(?:all|both|either|any)\s+)?(?:the\s+)?passages?\s*(?:numbers?\s+|no\.\s*|#\s*)?(?:{list})|{bracketed})(?:'s?\b)?"
    ))
});

static BARE: LazyLock<Regex> = LazyLock::new(|| {
    let list = r"\d{1,3}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+)\d{1,3})*";
    pattern(&format!(
        r"\b(?:rank(?:ed|s|ing)?|placed)\s+(?:\w+\s+)?(?:lower|higher|after|below|above|behind)\s+(?:than\s+)?({list})\b"
    ))
});

static BARE_OTHERS: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!(r"\b(?:(?:{QUALITY})\s+(?:than|as)|compared\s+(?:to|with))\s+(others)\b")));

static BY_ORDINAL: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r"\bthe\s+({ORDINAL})\s+passage(?:'s?)?\b")));

static OTHERS: LazyLock<Regex> = LazyLock::new(|| {
    let count = "two|three|four|five|2|3|4";
    let placed = format!(
        "other|remaining|previous|preceding|prior|earlier|above|following|rest|top|first|last|higher|lower|latter|former|\
         (?:more|most) relevant|(?:top|high|higher|highest|low|lower)[- ]ranked|higher[- ]ranking|top[- ]ranking|{ORDINAL}"
    );
    pattern(&format!(
        r"\b(?:(?:all|any|most|some|many|each|both|none|either)\s+)?(?:of\s+)?(?:the\s+|its\s+)?(?:(?:{count})\s+)?\b(?:{placed})\s+(?:(?:and|or)\s+(?:{ORDINAL})\s+)?(?:(?:{count}|more|few|ranked|relevant)\s+)*(?:passages?|ones|results)(?:'s?)?\b|\b(?:all\s+|any\s+of\s+)?the\s+(?:others|rest\s+of\s+the\s+passages)\b|\bthe\s+(?:previous|other|preceding|top|last)\s+one\b|\b(?:those|these)\s+(?:two\s+|three\s+)?passages\b|\banother\s+passage\b|\bother\s+(?:top\s+)?(?:passages?|results)\b"
    ))
});

/// The mentions of other passages in `text`, in order, none overlapping.
pub fn references(text: &str) -> Vec<Reference> {
    let mut found: Vec<Reference> = Vec::new();
    for named in NAMED.find_iter(text) {
        found.push(Reference { span: named.range(), numbers: numbers(named.as_str()) });
    }
    for bare in BARE.captures_iter(text) {
        let list = bare.get(1).expect("the group is not optional");
        found.push(Reference { span: list.range(), numbers: numbers(list.as_str()) });
    }
    for by_ordinal in BY_ORDINAL.captures_iter(text) {
        let place = ORDINAL.split('|').position(|ordinal| by_ordinal[1].eq_ignore_ascii_case(ordinal));
        let span = by_ordinal.get(0).expect("group 0 is the whole match").range();
        found.push(Reference { span, numbers: place.into_iter().map(|place| place + 1).collect() });
    }
    for others in OTHERS.find_iter(text) {
        found.push(Reference { span: others.range(), numbers: Vec::new() });
    }
    for others in BARE_OTHERS.captures_iter(text) {
        let span = others.get(1).expect("the group is not optional").range();
        found.push(Reference { span, numbers: Vec::new() });
    }
    // Where two readings overlap, the one that begins first and names passages stays.
    found.sort_by_key(|reference| (reference.span.start, reference.numbers.is_empty()));
    let mut end = 0;
    found.retain(|reference| {
        let is_free = reference.span.start >= end;
        if is_free {
            end = reference.span.end;
        }
        is_free
    });
    found
}

fn numbers(text: &str) -> Vec<usize> {
    text.split(|character: char| !character.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &[usize])]) {
        let found = references(text);
        let found: Vec<(&str, &[usize])> =
            found.iter().map(|reference| (&text[reference.span.clone()], reference.numbers.as_slice())).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn passages_are_named_in_many_ways() {
        check("like [2], it cools", &[("[2]", &[2])]);
        check("more relevant than passages 1, 3, and 5.", &[("passages 1, 3, and 5", &[1, 3, 5])]);
        check("as clear as Passage 2's text", &[("Passage 2's", &[2])]);
        check("than [1] and [4], and below passage [10]", &[("[1] and [4]", &[1, 4]), ("passage [10]", &[10])]);
        check("ranked lower than 1 and 4 because", &[("1 and 4", &[1, 4])]);
        check(
            "below passages [100] and 112, ranked lower than 101",
            &[("passages [100] and 112", &[100, 112]), ("101", &[101])],
        );
        check("unlike the second passage", &[("the second passage", &[2])]);
        check("compared to the other passages", &[("the other passages", &[])]);
        check(
            "than all other passages and the first two passages",
            &[("all other passages", &[]), ("the first two passages", &[])],
        );
        check("less than the others", &[("the others", &[])]);
        check("slightly more relevant than others", &[("others", &[])]);
    }

    #[test]
    fn content_is_no_reference() {
        check("costs more than 5 dollars", &[]);
        check("the other hand and the rest of the year", &[]);
        check("this passage provides 3 facts", &[]);
    }
}
