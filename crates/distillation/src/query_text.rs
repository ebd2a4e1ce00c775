//! When two queries are the same question.

use crate::words::lowercase_words;

/// The words of a query in order, lower-case, single spaces: white space, case and punctuation do not count.
pub fn normalized(query: &str) -> String {
    query
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The same words in sorted order, repeated ones kept: two queries of the same words in any order are alike.
pub fn sorted_words(query: &str) -> String {
    lowercase_words(query).join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_space_and_punctuation_do_not_count() {
        assert_eq!(normalized("  What IS basalt?"), normalized("what is\u{a0}basalt"));
        assert_ne!(normalized("is basalt what"), normalized("what is basalt"));
        assert_eq!(sorted_words("is basalt what"), sorted_words("what is basalt"));
        assert_ne!(sorted_words("what what"), sorted_words("what"));
    }
}
