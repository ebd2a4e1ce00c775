//! The numbers by which a reason names passages, changed from those of one answer to those of the whole list.
//!
//! Passages are numbered as they were shown. A judgment of several windows or shuffled samples has one numbering,
//! that of its passages, and every reason is brought to it.

use std::ops::RangeInclusive;
use std::sync::LazyLock;

use regex::{Captures, Regex};

const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/// `[3]`, `[1, 4]`; `passage 3`, `passages 1, 2 and 5`; `ranked below 2`; `the second passage`.
static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    let number = r"\[?#?\d{1,4}\b\]?";
    let between = r"(?:\s*,\s*(?:and\s+|or\s+|&\s*)?|\s+(?:and|or|to|through)\s+|\s*[&\u{2013}-]\s*)";
    let list = format!(r"{number}(?:{between}(?:the\s+)?(?:passages?\s+)?{number})*");
    let pattern = format!(
        r"(?ix)
        (?P<ordinal> \b the \s+ (?:{ordinals}) \s+ passage \b )
        | \b passages? \s* (?:numbers?\s+|no\.\s*)? (?:{list})
        | \b (?:rank(?:ed|s|ing)?|placed) \s+ (?:\w+\s+)? (?:lower|higher|after|below|above|behind) \s+ (?:than\s+)? (?:{list})
        | \[ \s* \d{{1,4}} (?: \s* [,;\u{{2013}}-] \s* \d{{1,4}} )* \s* \]",
        ordinals = ORDINALS.join("|"),
        list = list.replace('#', r"\#"),
    );
    Regex::new(&pattern).expect("the pattern is a constant that tests run")
});

static NUMBER: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d+(?:(?:\s*[\u{2013}-]\s*|\s+(?:to|through)\s+)\d+)?").expect("as above"));

/// The reason with every number by which it names a passage replaced. `number_of` says the new one of an old one;
/// numbers that it does not know, and those that do not change, stay as they are written. Ranges are written out, since their ends alone would name others.
pub(crate) fn renumbered(reason: &str, number_of: impl Fn(usize) -> Option<usize>) -> String {
    renamed(reason, |old| number_of(old).map(|new| new.to_string()))
}

/// The reason with every number by which it names a passage replaced by the passage's name, as [`renumbered`] does.
pub(crate) fn renamed(reason: &str, name_of: impl Fn(usize) -> Option<String>) -> String {
    let mention = |found: &Captures<'_>| {
        let text = &found[0];
        if let Some(old) = ordinal(found) {
            let new = name_of(old).filter(|new| *new != old.to_string());
            return new.map_or_else(|| text.to_owned(), |new| format!("passage [{new}]"));
        }
        NUMBER.replace_all(text, |numbers: &Captures<'_>| new_names(&numbers[0], &name_of)).into_owned()
    };
    MENTION.replace_all(reason, mention).into_owned()
}

/// The numbers by which a reason names passages, each once, in the order in which they come.
pub(crate) fn numbers_named(reason: &str) -> Vec<usize> {
    let mut named: Vec<usize> = Vec::new();
    for found in MENTION.captures_iter(reason) {
        let numbers: Vec<usize> = match ordinal(&found) {
            Some(number) => vec![number],
            None => NUMBER.find_iter(&found[0]).flat_map(|numbers| range(numbers.as_str())).collect(),
        };
        for number in numbers {
            if !named.contains(&number) {
                named.push(number);
            }
        }
    }
    named
}

/// The number of `the second passage`; `None` for a mention of another kind.
fn ordinal(found: &Captures<'_>) -> Option<usize> {
    let word = found.name("ordinal")?.as_str().split_whitespace().nth(1)?;
    ORDINALS.iter().position(|ordinal| ordinal.eq_ignore_ascii_case(word)).map(|at| at + 1)
}

/// One number, or the first and last of a range.
fn range(text: &str) -> RangeInclusive<usize> {
    let mut ends = text.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
    let first: usize = ends.next().unwrap_or_default();
    first..=ends.next_back().unwrap_or(first)
}

/// One number or a range of them; as it is where a number is unknown or nothing changes.
fn new_names(text: &str, name_of: &impl Fn(usize) -> Option<String>) -> String {
    let new: Option<Vec<String>> = range(text).map(name_of).collect();
    match new {
        Some(names) if !range(text).map(|number| number.to_string()).eq(names.iter().cloned()) => names.join(", "),
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(reason: &str, expected: &str) {
        // Five passages: 1 becomes 10, 2 becomes 20, ...
        let number_of = |old: usize| (1..=5).contains(&old).then_some(old * 10);
        assert_eq!(renumbered(reason, number_of), expected);
    }

    #[test]
    fn every_way_of_naming_a_passage_is_renumbered() {
        check("More than [2], less than [1, 4].", "More than [20], less than [10, 40].");
        check("Unlike Passage 3's text", "Unlike Passage 30's text");
        check("beats passages 1, 2, and 5", "beats passages 10, 20, and 50");
        check("beats passages [1] and [3]", "beats passages [10] and [30]");
        check("beats passages 1-3 and [4-5]", "beats passages 10, 20, 30 and [40, 50]");
        check("above passage 2 and passage 3", "above passage 20 and passage 30");
        check("ranked lower than 1 and 4 because", "ranked lower than 10 and 40 because");
        check("unlike the second passage", "unlike passage [20]");
    }

    #[test]
    fn who_is_named_is_found_once_and_can_be_called_by_name() {
        let reason = "More than [2] and passages 1-3, unlike the second passage and [100].";
        assert_eq!(numbers_named(reason), [2, 1, 3, 100]);
        let name_of = |number: usize| (number < 100).then(|| format!("d{number}"));
        let expected = "More than [d2] and passages d1, d2, d3, unlike passage [d2] and [100].";
        assert_eq!(renamed(reason, name_of), expected);
    }

    #[test]
    fn numbers_that_name_no_passage_stay() {
        check("names 3 oaks in 1990 and [9]", "names 3 oaks in 1990 and [9]");
        check("the first two passages", "the first two passages");
        check("passage 2nd", "passage 2nd");
        check("passages 4-9", "passages 4-9");
    }

    #[test]
    fn a_reason_whose_numbers_do_not_change_stays_to_the_letter() {
        for reason in ["The second passage, [1-3] and passages 2 to 4", "[ 1,2 ]"] {
            assert_eq!(renumbered(reason, Some), reason);
        }
    }

    proptest! {
        #[test]
        fn renumbering_back_gives_the_reason_again(
            order in Just((1..=9usize).collect::<Vec<_>>()).prop_shuffle(),
            pieces in prop::collection::vec(prop::sample::select(vec!["[1]", " and ", "passage 4", "[2, 9]", ", text ", "3 ", "passages 5 and 8"]), 0..8),
        ) {
            let reason = pieces.concat();
            let there = |old: usize| order.get(old.wrapping_sub(1)).copied();
            let back = |new: usize| order.iter().position(|&number| number == new).map(|at| at + 1);
            prop_assert_eq!(renumbered(&renumbered(&reason, there), back), reason);
        }
    }
}
