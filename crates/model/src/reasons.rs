//! The vocabulary of reasons: control words, and the frame words that reasons are built around.

use std::collections::HashMap;
use std::path::Path;

use crate::config::Grade;
use crate::plan::Kind;
use crate::words;

/// The first lines of every `reason_words.txt`, in the order of their ids.
const CONTROLS: [&str; 12] = [
    "<pad>",
    "<end>",
    "<direct>",
    "<above>",
    "<below>",
    "<grade0>",
    "<grade1>",
    "<grade2>",
    "<grade3>",
    "<grade4>",
    "<other>",
    "<unknown>",
];
/// The word by which a reason refers to the neighbor.
pub const OTHER_WORD: &str = "<other>";

/// What is wrong with a `reason_words.txt`.
#[derive(Debug, thiserror::Error)]
pub enum ReasonVocabularyError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A control word is not where it must be.
    #[error(
        "reason_words.txt line {line} is {found:?}, expected {expected:?}; the file was not written by this program"
    )]
    Control {
        /// Line number, from 1.
        line: usize,
        /// What stands there.
        found: String,
        /// What must stand there.
        expected: &'static str,
    },
    /// A frame word is empty, not lower-case, or there twice.
    #[error("reason_words.txt line {line}: {word:?} {problem}")]
    Word {
        /// Line number, from 1.
        line: usize,
        /// The word.
        word: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// The vocabulary V of the reason decoder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasonVocabulary {
    words: Vec<String>,
    ids: HashMap<String, u32>,
}

impl ReasonVocabulary {
    /// Fills batches up; never produced.
    pub const PAD: u32 = 0;
    /// Ends a reason.
    pub const END: u32 = 1;
    /// A reference to the neighbor, shown as "the other passage" or by its name.
    pub const OTHER: u32 = 10;
    /// Input for a word that neither vocabulary nor source has; never produced.
    pub const UNKNOWN: u32 = 11;
    /// Frame words begin here.
    pub const FIRST_FRAME_WORD: u32 = 12;

    /// The vocabulary of the given frame words (lower-case, each once).
    pub fn new<S: Into<String>>(frame_words: impl IntoIterator<Item = S>) -> Result<Self, ReasonVocabularyError> {
        let controls = CONTROLS.iter().map(|&word| word.to_owned());
        Self::from_lines(controls.chain(frame_words.into_iter().map(Into::into)).collect())
    }

    /// The most frequent words of `reasons`, `size` entries in all, control words counted; ties go by the alphabet.
    pub fn build<'a>(reasons: impl IntoIterator<Item = &'a str>, size: usize) -> Self {
        let mut counts: HashMap<String, u64> = HashMap::new();
        for reason in reasons {
            for word in split_reason(reason) {
                *counts.entry(word).or_default() += 1;
            }
        }
        counts.retain(|word, _| !CONTROLS.contains(&word.as_str()));
        let mut ranked: Vec<(String, u64)> = counts.into_iter().collect();
        ranked.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        ranked.truncate(size.saturating_sub(CONTROLS.len()));
        Self::new(ranked.into_iter().map(|(word, _)| word))
            .expect("split words are lower-case, not empty, counted once")
    }

    /// Reads `reason_words.txt`.
    pub fn load(path: &Path) -> Result<Self, ReasonVocabularyError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ReasonVocabularyError::File { path: path.display().to_string(), source })?;
        Self::from_lines(text.lines().map(str::to_owned).collect())
    }

    /// Writes `reason_words.txt`.
    pub fn save(&self, path: &Path) -> Result<(), ReasonVocabularyError> {
        std::fs::write(path, self.to_text())
            .map_err(|source| ReasonVocabularyError::File { path: path.display().to_string(), source })
    }

    /// The content of `reason_words.txt`: one word a line.
    pub fn to_text(&self) -> String {
        self.words.iter().flat_map(|word| [word.as_str(), "\n"]).collect()
    }

    /// Entries, control words counted: V.
    #[expect(clippy::len_without_is_empty, reason = "the control words are always there")]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// The id of a lower-case word.
    pub fn id(&self, lower: &str) -> Option<u32> {
        self.ids.get(lower).copied()
    }

    /// The word of an id below [`ReasonVocabulary::len`].
    pub fn word(&self, id: u32) -> &str {
        &self.words[id as usize]
    }

    /// The control word of a kind of reason.
    pub fn kind(kind: Kind) -> u32 {
        match kind {
            Kind::Direct => 2,
            Kind::Above => 3,
            Kind::Below => 4,
        }
    }

    /// The control word of a grade.
    pub fn grade(grade: Grade) -> u32 {
        5 + u32::from(grade.value())
    }

    /// Whether the decoder may produce an id: `<end>`, `<other>` and frame words. `<other>` only makes sense in a
    /// comparison; the decoder sees to that.
    pub fn is_producible(id: u32) -> bool {
        id == Self::END || id == Self::OTHER || id >= Self::FIRST_FRAME_WORD
    }

    fn from_lines(words: Vec<String>) -> Result<Self, ReasonVocabularyError> {
        for (index, expected) in CONTROLS.iter().enumerate() {
            let found = words.get(index).map_or("", String::as_str);
            if found != *expected {
                return Err(ReasonVocabularyError::Control { line: index + 1, found: found.to_owned(), expected });
            }
        }
        let mut ids = HashMap::with_capacity(words.len());
        for (index, word) in words.iter().enumerate() {
            let problem = if word.trim().is_empty() {
                Some("is empty")
            } else if words::lower_case(word) != *word {
                Some("is not lower-case")
            } else {
                ids.insert(word.clone(), index as u32).map(|_| "stands there twice")
            };
            if let Some(problem) = problem {
                return Err(ReasonVocabularyError::Word { line: index + 1, word: word.clone(), problem });
            }
        }
        Ok(Self { words, ids })
    }
}

/// The lower-case words of a reason; [`OTHER_WORD`] in it stays whole.
pub fn split_reason(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (index, part) in text.split(OTHER_WORD).enumerate() {
        if index > 0 {
            found.push(OTHER_WORD.to_owned());
        }
        found.extend(words::split(part).into_iter().map(|word| word.lower));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_words_come_first_and_the_alphabet_breaks_ties() {
        let vocabulary = ReasonVocabulary::build(["It names the cost.", "The cost beats <other>."], 12 + 4);
        let frame: Vec<&str> = (12..vocabulary.len() as u32).map(|id| vocabulary.word(id)).collect();
        assert_eq!(frame, [".", "cost", "the", "beats"]);
        assert_eq!(vocabulary.id("<other>"), Some(ReasonVocabulary::OTHER));
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reason_words.txt");
        let vocabulary = ReasonVocabulary::new(["the", "café", ","]).unwrap();
        vocabulary.save(&path).unwrap();
        assert_eq!(ReasonVocabulary::load(&path).unwrap(), vocabulary);
    }

    #[test]
    fn faults_name_their_line() {
        let message = |words: &[&str]| ReasonVocabulary::new(words.iter().copied()).unwrap_err().to_string();
        assert_eq!(message(&["a", "a"]), "reason_words.txt line 14: \"a\" stands there twice");
        assert_eq!(message(&["A"]), "reason_words.txt line 13: \"A\" is not lower-case");
        let short = ReasonVocabulary::from_lines(vec!["<pad>".to_owned()]).unwrap_err().to_string();
        assert!(short.starts_with("reason_words.txt line 2 is \"\", expected \"<end>\""), "{short}");
    }

    #[test]
    fn a_reference_to_the_neighbor_is_one_word() {
        assert_eq!(split_reason("Unlike <other>, it says"), ["unlike", "<other>", ",", "it", "says"]);
    }
}
