//! Porter's stemmer as Lucene runs it: the algorithm of 1980 with its author's two later
//! departures (`bli` for `abli`, and `logi`).
//!
//! M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980. The crates that ship
//! Snowball's `porter` lack the departures, and Snowball's `english` (Porter2) is another algorithm;
//! either gives other terms than Lucene, hence other numbers.

/// A stemmer with its own working memory, so that stemming allocates nothing.
#[derive(Clone, Debug, Default)]
pub struct Porter {
    word: Vec<char>,
}

/// Rules of one step: a word that ends in the left takes the right instead.
type Rules = &'static [(&'static str, &'static str)];

/// Double suffixes; applied where the measure of what precedes is above 0.
const DOUBLE_SUFFIXES: Rules = &[
    ("ational", "ate"),
    ("tional", "tion"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("bli", "ble"),
    ("alli", "al"),
    ("entli", "ent"),
    ("eli", "e"),
    ("ousli", "ous"),
    ("ization", "ize"),
    ("ation", "ate"),
    ("ator", "ate"),
    ("alism", "al"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("biliti", "ble"),
    ("logi", "log"),
];

/// `-ic-`, `-full`, `-ness` and the like; applied where the measure is above 0.
const INNER_SUFFIXES: Rules =
    &[("icate", "ic"), ("ative", ""), ("alize", "al"), ("iciti", "ic"), ("ical", "ic"), ("ful", ""), ("ness", "")];

/// Suffixes that fall where the measure is above 1; `ion` only after `s` or `t`.
const LAST_SUFFIXES: &[&str] = &[
    "al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti",
    "ous", "ive", "ize",
];

impl Porter {
    /// Replaces a lower-case `word` by its stem; words of one or two characters stay.
    ///
    /// ```
    /// let mut word = String::from("relational");
    /// r2r_retrieval::porter::Porter::default().stem(&mut word);
    /// assert_eq!(word, "relat");
    /// ```
    pub fn stem(&mut self, word: &mut String) {
        self.word.clear();
        self.word.extend(word.chars());
        if self.word.len() <= 2 {
            return;
        }
        self.strip_plural_and_participle();
        self.replace_y();
        self.replace_first(DOUBLE_SUFFIXES);
        self.replace_first(INNER_SUFFIXES);
        self.strip_last_suffix();
        self.tidy_e_and_double_l();
        word.clear();
        word.extend(&self.word);
    }

    /// caresses -> caress, ponies -> poni, agreed -> agree, plastered -> plaster, hopping -> hop, filing -> file.
    fn strip_plural_and_participle(&mut self) {
        if self.ends_with("sses") || self.ends_with("ies") {
            self.drop_last(2);
        } else if self.ends_with("s") && !self.ends_with("ss") {
            self.drop_last(1);
        }
        if self.ends_with("eed") {
            if measure(self.before("eed")) > 0 {
                self.drop_last(1);
            }
            return;
        }
        let Some(participle) = ["ed", "ing"].into_iter().find(|suffix| self.ends_with(suffix)) else { return };
        if !has_vowel(self.before(participle)) {
            return;
        }
        self.drop_last(participle.len());
        if self.ends_with("at") || self.ends_with("bl") || self.ends_with("iz") {
            self.word.push('e');
        } else if ends_in_double_consonant(&self.word) {
            if !matches!(self.word.last(), Some('l' | 's' | 'z')) {
                self.drop_last(1);
            }
        } else if measure(&self.word) == 1 && ends_in_short_syllable(&self.word) {
            self.word.push('e');
        }
    }

    /// happy -> happi, but sky -> sky.
    fn replace_y(&mut self) {
        if self.ends_with("y") && has_vowel(self.before("y")) {
            self.drop_last(1);
            self.word.push('i');
        }
    }

    /// Applies the first rule whose suffix the word has, where the measure of the rest is above 0.
    fn replace_first(&mut self, rules: Rules) {
        let Some((suffix, replacement)) = rules.iter().find(|(suffix, _)| self.ends_with(suffix)) else { return };
        if measure(self.before(suffix)) > 0 {
            self.drop_last(suffix.len());
            self.word.extend(replacement.chars());
        }
    }

    /// revival -> reviv, adoption -> adopt.
    fn strip_last_suffix(&mut self) {
        let falls = |suffix: &&&str| {
            self.ends_with(suffix) && (**suffix != "ion" || matches!(self.before(suffix).last(), Some('s' | 't')))
        };
        let Some(suffix) = LAST_SUFFIXES.iter().find(falls) else { return };
        if measure(self.before(suffix)) > 1 {
            self.drop_last(suffix.len());
        }
    }

    /// probate -> probat, rate -> rate, controll -> control.
    fn tidy_e_and_double_l(&mut self) {
        let whole = measure(&self.word);
        if self.ends_with("e") && (whole > 1 || (whole == 1 && !ends_in_short_syllable(self.before("e")))) {
            self.drop_last(1);
        }
        if self.ends_with("l") && ends_in_double_consonant(&self.word) && whole > 1 {
            self.drop_last(1);
        }
    }

    fn ends_with(&self, suffix: &str) -> bool {
        suffix.len() <= self.word.len() && suffix.chars().rev().eq(self.word.iter().rev().copied().take(suffix.len()))
    }

    /// The word without `suffix`, an ASCII suffix that it has.
    fn before(&self, suffix: &str) -> &[char] {
        &self.word[..self.word.len() - suffix.len()]
    }

    fn drop_last(&mut self, count: usize) {
        self.word.truncate(self.word.len() - count);
    }
}

/// Whether each character is a vowel; `y` is one after a consonant.
fn vowels(word: &[char]) -> impl Iterator<Item = bool> {
    word.iter().scan(true, |previous_is_vowel, character| {
        *previous_is_vowel = match character {
            'a' | 'e' | 'i' | 'o' | 'u' => true,
            'y' => !*previous_is_vowel,
            _ => false,
        };
        Some(*previous_is_vowel)
    })
}

/// How often a consonant follows a vowel: the `m` of `[C](VC){m}[V]`.
fn measure(stem: &[char]) -> usize {
    let after = vowels(stem).skip(1);
    vowels(stem).zip(after).filter(|&(is_vowel, is_next_vowel)| is_vowel && !is_next_vowel).count()
}

fn has_vowel(stem: &[char]) -> bool {
    vowels(stem).any(|is_vowel| is_vowel)
}

fn ends_in_double_consonant(word: &[char]) -> bool {
    matches!(word, [.., a, b] if a == b) && vowels(word).last() == Some(false)
}

/// Consonant, vowel, consonant, of which the last is none of w, x and y: "hop", "fil".
fn ends_in_short_syllable(word: &[char]) -> bool {
    word.len() >= 3
        && vowels(word).skip(word.len() - 3).eq([false, true, false])
        && !matches!(word.last(), Some('w' | 'x' | 'y'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stem(word: &str) -> String {
        let mut word = word.to_owned();
        Porter::default().stem(&mut word);
        word
    }

    /// `word stem` a line, written by Lucene's own stemmer: see `tests/goldens/README.md`.
    #[test]
    fn stems_equal_lucenes() {
        let mut lines = 0;
        for line in include_str!("../tests/goldens/porter.tsv").lines() {
            let (word, expected) = line.split_once('\t').expect("two columns");
            assert_eq!(stem(word), expected, "stem of {word}");
            lines += 1;
        }
        assert!(lines > 3000, "{lines} golden stems");
    }

    #[test]
    fn short_and_foreign_words_do_not_break_it() {
        for (word, expected) in
            [("", ""), ("as", "as"), ("ies", "i"), ("größen", "größen"), ("yyy", "yyi"), ("日本", "日本")]
        {
            assert_eq!(stem(word), expected);
        }
    }

    proptest! {
        #[test]
        fn a_stem_is_never_longer_than_its_word_plus_one(word in "[a-zé]{0,20}|\\PC{0,20}") {
            prop_assert!(stem(&word).chars().count() <= word.chars().count() + 1);
        }
    }
}
