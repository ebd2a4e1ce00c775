//! Words of a reason, counted as the student's decoder writes them.

use std::sync::LazyLock;

use regex::Regex;

use crate::comparisons::OTHER;
use crate::phrases::pattern;

/// A run of letters and digits with inner joins (`3.5`, `state-of-the-art`, `don't`), the token for the
/// other passage, or one other sign: each is one step of the decoder.
static STEP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"{OTHER}|[\p{{L}}\p{{M}}\p{{N}}]+(?:['.,%$-][\p{{L}}\p{{M}}\p{{N}}]+)*|[^\s\p{{L}}\p{{M}}\p{{N}}]"
    ))
});

/// Steps of the decoder that `text` takes: words, and punctuation marks one by one.
pub fn steps(text: &str) -> usize {
    STEP.find_iter(text).count()
}

/// Words of `text` that hold a letter or a digit; the token for the other passage is a word.
pub fn words(text: &str) -> usize {
    STEP.find_iter(text).filter(|step| step.as_str().chars().any(char::is_alphanumeric)).count()
}

/// Token F1 of two texts: harmonic mean of the shares of lower-case words that each finds in the other,
/// repeated words counted as often as they occur; 0 where either has none.
pub fn token_f1(left: &str, right: &str) -> f64 {
    let (left, right) = (lowercase_words(left), lowercase_words(right));
    let (mut i, mut j, mut shared) = (0, 0, 0);
    while i < left.len() && j < right.len() {
        match left[i].cmp(&right[j]) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => (i, j, shared) = (i + 1, j + 1, shared + 1),
        }
    }
    if shared == 0 { 0.0 } else { 2.0 * f64::from(shared) / (left.len() + right.len()) as f64 }
}

/// Lower-case runs of letters and digits, sorted.
pub(crate) fn lowercase_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.sort_unstable();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_words_and_the_other_passage_are_one_step() {
        assert_eq!(steps("It doesn't cost $3.50 more than <other>."), 9);
        assert_eq!(words("It doesn't cost $3.50 more than <other>."), 7);
        assert_eq!((steps(""), words(" . ")), (0, 0));
    }

    #[test]
    fn token_f1_counts_repeated_words_as_often_as_they_occur() {
        let check = |left: &str, right: &str, expected: f64| {
            assert!((token_f1(left, right) - expected).abs() < 1e-12, "{left} | {right}: {}", token_f1(left, right));
        };
        check("Basalt cools fast.", "basalt COOLS fast", 1.0);
        check("a a b", "a b b", 2.0 / 3.0);
        check("one two", "three", 0.0);
        check("", "", 0.0);
    }
}
