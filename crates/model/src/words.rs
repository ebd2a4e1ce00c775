//! Source words: the units that reasons copy, mark and count.

use std::ops::Range;

/// One word or punctuation mark of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Byte range in the text.
    pub range: Range<usize>,
    /// Lower-case form: words are the same word where these are equal.
    pub lower: String,
    /// The form in which words match each other: lower-case without plural ending or possessive.
    pub stem: String,
}

impl Word {
    /// Whether it holds no letter and no digit.
    pub fn is_punctuation(&self) -> bool {
        !self.lower.chars().any(char::is_alphanumeric)
    }
}

/// Splits a text into words.
///
/// A word is a longest run of letters and digits; single `'`, `-`, `.`, `,`, `%`, `$` between them join
/// (`3.5`, `state-of-the-art`, `don't`), a currency sign in front of a digit and a `%` behind one belong to the
/// number (`$1,000`, `40%`). An ideograph is a word of its own, as it is a piece of its own for BERT. Every other
/// character that is neither space nor control is a word of its own.
pub fn split(text: &str) -> Vec<Word> {
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let at = |i: usize| chars.get(i).map(|&(_, c)| c);
    let is_core = |i: usize| at(i).is_some_and(|c| is_letter(c) && !is_ideograph(c));
    let mut words = Vec::new();
    let mut i = 0;
    while let Some(c) = at(i) {
        let first = i;
        i += 1;
        if is_blank(c) {
            continue;
        }
        let opens_number = is_currency(c) && at(i).is_some_and(char::is_numeric);
        if is_core(first) || opens_number {
            while is_core(i) || (at(i).is_some_and(is_joiner) && is_core(i + 1)) {
                i += 1;
            }
            if at(i) == Some('%') && at(i - 1).is_some_and(char::is_numeric) {
                i += 1;
            }
        }
        let range = chars[first].0..chars.get(i).map_or(text.len(), |&(offset, _)| offset);
        let lower = lower_case(&text[range.clone()]);
        let stem = stem(&lower);
        words.push(Word { range, lower, stem });
    }
    words
}

/// The lower-case form of a word; a curly apostrophe becomes a straight one.
pub fn lower_case(word: &str) -> String {
    word.to_lowercase().replace('\u{2019}', "'")
}

/// The matching form of a lower-case word: without possessive `'s`, and without a plural ending by the
/// S-stemmer (Harman, 1991), which is too light to make one word of two different ones.
pub fn stem(lower: &str) -> String {
    let word = lower.strip_suffix("'s").unwrap_or(lower);
    if word.chars().count() <= 3 || !word.ends_with('s') || word.ends_with("us") || word.ends_with("ss") {
        return word.to_owned();
    }
    match word.strip_suffix("ies") {
        Some(root) if !root.ends_with(['e', 'a']) => format!("{root}y"),
        Some(_) | None => word[..word.len() - 1].to_owned(),
    }
}

/// Letters, digits, and the accents that may follow a letter as characters of their own.
fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || ('\u{300}'..='\u{36f}').contains(&c)
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\'' | '\u{2019}' | '-' | '.' | ',' | '%' | '$')
}

fn is_currency(c: char) -> bool {
    matches!(c, '$' | '€' | '£')
}

/// Spaces, controls and the invisible characters that BERT's cleaning removes.
fn is_blank(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}' | '\u{fffd}' | '\u{ad}')
}

/// The ideographs that BERT's tokenizer sets apart.
fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}' | '\u{20000}'..='\u{2a6df}'
        | '\u{2a700}'..='\u{2b81f}' | '\u{2b920}'..='\u{2ceaf}' | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let found = split(text);
        let words: Vec<&str> = found.iter().map(|word| &text[word.range.clone()]).collect();
        assert_eq!(words, expected);
    }

    #[test]
    fn numbers_compounds_and_contractions_are_one_word() {
        check("3.5 m, state-of-the-art; don't", &["3.5", "m", ",", "state-of-the-art", ";", "don't"]);
        check("$1,000 is 40% (of it).", &["$1,000", "is", "40%", "(", "of", "it", ")", "."]);
        check("a -b c- 'd' --", &["a", "-", "b", "c", "-", "'", "d", "'", "-", "-"]);
        check("U.S. law $ % x%", &["U.S", ".", "law", "$", "%", "x", "%"]);
        check("东京 cafe\u{301}\u{200b} don\u{2019}t", &["东", "京", "cafe\u{301}", "don\u{2019}t"]);
        check(" \t\n", &[]);
    }

    #[test]
    fn words_match_across_plural_possessive_and_case() {
        for (left, right) in [("Cities", "city"), ("basalts", "Basalt"), ("dog's", "dogs"), ("trees", "tree")] {
            assert_eq!(stem(&lower_case(left)), stem(&lower_case(right)));
        }
        assert_eq!((stem("virus"), stem("class"), stem("gas")), ("virus".into(), "class".into(), "gas".into()));
    }

    proptest! {
        #[test]
        fn words_are_ordered_disjoint_and_leave_only_blanks_between(text in "\\PC{0,60}") {
            let mut end = 0;
            for word in split(&text) {
                prop_assert!(word.range.start >= end && word.range.end > word.range.start);
                prop_assert!(text[end..word.range.start].chars().all(is_blank));
                end = word.range.end;
            }
            prop_assert!(text[end..].chars().all(is_blank));
        }
    }
}
