//! Sentences and clauses of a reason: where one can cut and leave a sentence behind.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::phrases::{finished, pattern};
use crate::references::Reference;
use crate::words::{steps, words};

/// Byte ranges of the sentences of a reason, trimmed. A full stop ends a sentence where white space and a large
/// letter, a bracket or a quote follow, and no abbreviation stands before it.
pub(crate) fn sentences(text: &str) -> Vec<Range<usize>> {
    static END: LazyLock<Regex> = LazyLock::new(|| pattern(r#"[.!?]["')\]]*\s+"#));
    static ABBREVIATION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:e\.g|i\.e|etc|vs|dr|mr|mrs|ms|st|no|lt|col|gen|sgt|prof|mt|ft|fig|vol|ca|co|corp|ltd|jr|sr|inc|u\.s|approx|[a-z])\.$",
        )
    });
    let mut found = Vec::new();
    let mut start = 0;
    for end in END.find_iter(text) {
        let opens = text[end.end()..]
            .starts_with(|next: char| next.is_uppercase() || next.is_numeric() || "[\"'(".contains(next));
        let opens = opens && is_closed(&text[start..end.end()]);
        if opens && !ABBREVIATION.is_match(text[start..end.end()].trim_end()) {
            found.push(start..start + text[start..end.end()].trim_end().len());
            start = end.end();
        }
    }
    if start < text.len() {
        found.push(start..text.len());
    }
    found
}

/// Byte ranges of the clauses of one sentence, in order and without gaps. A clause begins at a comma, a semicolon,
/// or a word that opens one ("but", "which", "making", "compared to"); never inside a quote, inside brackets, or
/// inside a list of references.
pub(crate) fn clauses(sentence: &str, references: &[Reference]) -> Vec<Range<usize>> {
    static START: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"[,;]\s|\s(?:but|although|though|whereas|hence|making\s+(?:it|this|them|the)|which\s+(?:is|are|makes?|was)|compared\s+(?:to|with)|in\s+comparison|unlike|like\s+(?:passage|the\s+other|\[)|similar\s+to\s+(?:passage|\[|the\s+other)|and\s+(?:is|was|it\s+is)\s+(?:ranked|therefore|thus|hence|less|not\s+as)|and\s+(?:therefore|thus|hence|so))\b|\s-\s",
        )
    });
    let mut found = Vec::new();
    let mut start = 0;
    for cut in START.find_iter(sentence).map(|found| found.start()) {
        let is_named = references.iter().any(|reference| reference.span.contains(&cut));
        if cut > start && !is_named && is_closed(&sentence[..cut]) {
            found.push(start..cut);
            start = cut;
        }
    }
    found.push(start..sentence.len());
    found
}

/// Whether every bracket and every double quote of `text` that opens also closes.
pub(crate) fn is_closed(text: &str) -> bool {
    static OPEN_QUOTE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[\s(,])'"));
    static CLOSED_QUOTE: LazyLock<Regex> = LazyLock::new(|| pattern(r"'(?:$|[\s),.;:?!])"));
    let count = |mark: char| text.matches(mark).count();
    count('(') <= count(')')
        && count('"').is_multiple_of(2)
        && OPEN_QUOTE.find_iter(text).count() <= CLOSED_QUOTE.find_iter(text).count()
}

/// The longest beginning of `text` that takes at most `limit` steps of the decoder (one is kept for the full stop):
/// whole sentences, else whole clauses. `None` where not even a first clause of five steps fits.
pub(crate) fn shortened(text: &str, limit: usize) -> Option<&str> {
    static OPENS: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^\W*(?:while|although|though|despite|compared|similar to|unlike|like|even though)\b")
    });
    if steps(text) <= limit {
        return Some(text);
    }
    let mut whole = sentences(text).into_iter().rev().map(|sentence| &text[..sentence.end]);
    if let Some(fits) = whole.find(|beginning| steps(beginning) <= limit) {
        return Some(fits);
    }
    let first = sentences(text).first()?.clone();
    let sentence = &text[first];
    // A beginning that only concedes or compares is no sentence yet.
    let least_clauses = if OPENS.is_match(sentence) { 2 } else { 1 };
    let ends: Vec<usize> = clauses(sentence, &[]).into_iter().map(|clause| clause.end).collect();
    let fitting = ends[..ends.len() - 1].iter().enumerate().rev().find(|&(index, &end)| {
        let beginning = &sentence[..end];
        index + 1 >= least_clauses && (5..limit).contains(&steps(beginning)) && !ends_openly(&sentence[end..])
    });
    fitting.map(|(_, &end)| &sentence[..end])
}

/// Whether what follows a cut shows that a list is going on, so that the cut would leave half of it.
fn ends_openly(rest: &str) -> bool {
    static LIST: LazyLock<Regex> = LazyLock::new(|| pattern(r"^,\s+(?:and|or)\s"));
    LIST.is_match(rest)
}

/// What is left to be read where a clause went: no sentence of one or two words ("However."), and no concession
/// without its main clause ("While it names ferns." -> "It names ferns.").
pub(crate) fn whole_sentences(text: &str) -> String {
    static CONCESSION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^(?:while|although|though|even though)\s+((?:it|this passage|the passage)\s[^,]*)$")
    });
    static OPENING: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^(?:however|therefore|thus|hence|overall|when)\b,?\s+"));
    let kept: Vec<String> = sentences(text)
        .into_iter()
        .map(|range| finished(&text[range]))
        .filter(|sentence| words(sentence) >= 3)
        .map(|sentence| finished(&CONCESSION.replace(&sentence, "$1")))
        .collect();
    OPENING.replace(&kept.join(" "), "").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::references;

    #[test]
    fn sentences_end_at_full_stops_but_not_in_abbreviations() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = sentences(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected);
        };
        check(
            "It names ferns. However, e.g. Moss is not named. (See 3.5 m.)",
            &["It names ferns.", "However, e.g. Moss is not named.", "(See 3.5 m.)"],
        );
        check("", &[]);
    }

    #[test]
    fn clauses_cover_the_sentence_and_keep_quotes_whole() {
        let check = |text: &str, expected: &[&str]| {
            let found: Vec<&str> = clauses(text, &references(text)).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, expected);
        };
        check(
            "It names 'moss, fern' and oak, which is near (or so, they say) but short",
            &["It names 'moss, fern' and oak", ", which is near (or so, they say)", " but short"],
        );
        check("Similar to passages 1, 2, and 3, it names oak", &["Similar to passages 1, 2, and 3", ", it names oak"]);
    }

    #[test]
    fn long_reasons_are_cut_where_a_clause_ends() {
        assert_eq!(shortened("It names the old oak, which stands in a wood.", 9), Some("It names the old oak"));
        assert_eq!(shortened("It names the old oak. It also says more.", 8), Some("It names the old oak."));
        assert_eq!(shortened("It names the old oak of a wood far away.", 8), None);
        assert_eq!(shortened("While it names the old oak, it is a long way off.", 9), None);
    }
}
