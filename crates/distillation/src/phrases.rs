//! Word lists and patterns that the readers of teachers' sentences share.

use std::sync::LazyLock;

use regex::Regex;

/// Compiles a pattern that stands in the source, ignoring case.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(&format!("(?i){text}")).expect("the pattern is a constant of this crate, which its tests compile")
}

/// Qualities that speak for a passage: having more of one is praise, having less is blame. An alternation.
pub(crate) const QUALITY: &str = "relevant|related|comprehensive|directly|direct|detailed|accurate|clearly|clear|concise|\
     informative|complete|practical|useful|helpful|precise|thorough|explicitly|explicit|in-depth|applicable|pertinent|\
     suitable|descriptive|extensive|valuable|appropriate|factual|reliable|actionable|credible|authoritative|\
     straightforward|succinct|closely|aligned|definitive|concrete|elaborate|well-rounded|relevance";

/// Qualities that speak for a passage to one query and against it to another. An alternation.
pub(crate) const MANNER: &str =
    "specific|focused|general|nuanced|technical|broad|informational|holistic|balanced|exact|up-to-date";

/// Ordinals, as an alternation.
pub(crate) const ORDINAL: &str = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth";

/// White space as single spaces, straight quotes, no markup, full forms of the commonest contractions,
/// "the query" for "the search query": one form for one thing, so that a small decoder needs fewer words.
pub(crate) fn canonical(text: &str) -> String {
    static CHANGES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [
            (r"[\u{2018}\u{2019}\u{02BC}`]", "'"),
            (r"[\u{201C}\u{201D}]", "\""),
            (r"\*\*|__", ""),
            (r"\s+", " "),
            (r"\b(do|does|did|is|are|was|were|would|could|has|have)n't\b", "$1 not"),
            (r"\bcan't\b", "cannot"),
            (
                r"\bit's (rank|less|more|not|also|about|the |a |still|only|unlikely|relevant|slightly|likely)",
                "it is $1",
            ),
            (r"\b(?:the|this|your|a) search query\b", "the query"),
            (r"\b(?:the )?(?:user|searcher)'s (?:search )?query\b", "the query"),
            (r"\bsearch query\b", "query"),
        ]
        .map(|(from, to)| (pattern(from), to))
        .to_vec()
    });
    let mut text = text.to_owned();
    for (from, to) in CHANGES.iter() {
        if from.is_match(&text) {
            text = from.replace_all(&text, *to).into_owned();
        }
    }
    text.trim().to_owned()
}

/// Whether a teacher says in so many words that there is nothing to say.
pub(crate) fn says_nothing(text: &str) -> bool {
    static NOTHING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^\W*(?:n/?a|none|null|nil|not (?:applicable|available|provided|found)|no (?:direct )?(?:answer|relevant sentence|sentence)(?: \w+){0,4})?\W*$",
        )
    });
    NOTHING.is_match(text)
}

/// One sentence or more, as written: first letter large, one full stop at the end, no stray marks.
pub(crate) fn finished(text: &str) -> String {
    static DANGLING: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?:,?\s+(?:but|and|or|yet|while|although|though|because|thus|hence|therefore|however|which|making it))+$",
        )
    });
    static STRAY: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        [(r"\s+", " "), (r" ([,.;:!?])([ ,;:.]|$)", "$1$2"), (r"([,;:])[,;:]+", "$1"), (r"[,;:]\.", ".")]
            .map(|(from, to)| (pattern(from), to))
            .to_vec()
    });
    let mut text = text.to_owned();
    for (from, to) in STRAY.iter() {
        text = from.replace_all(&text, *to).into_owned();
    }
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || ",;:.-)".contains(c));
    let text = text.trim_end_matches(|c: char| c.is_whitespace() || ",;:-.(".contains(c));
    let text = DANGLING.replace(text, "");
    let mut letters = text.chars();
    let Some(first) = letters.next() else { return String::new() };
    let is_ended = text.trim_end_matches(['"', '\'', ')']).ends_with(['.', '!', '?']);
    let end = if is_ended { "" } else { "." };
    format!("{}{}{end}", first.to_uppercase(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_one_form() {
        assert_eq!(
            canonical(" It\u{2019}s  less **direct**; doesn\u{2019}t fit the\nsearch query "),
            "it is less direct; does not fit the query"
        );
    }

    #[test]
    fn a_finished_text_begins_large_and_ends_once() {
        assert_eq!(finished(", it cools ,;  fast,."), "It cools, fast.");
        assert_eq!(finished("an \"acre.\""), "An \"acre.\"");
        assert_eq!(finished("it cools, but"), "It cools.");
        assert_eq!(finished(" .,"), "");
    }

    #[test]
    fn nothing_is_said_in_many_ways() {
        for text in ["", "N/A", "Not applicable.", "None", "No relevant sentence found"] {
            assert!(says_nothing(text), "{text}");
        }
        assert!(!says_nothing("None of it cools fast."));
    }
}
