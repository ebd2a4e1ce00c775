//! Which way a comparison says that it goes: of a single reference, and of the reason as a whole.

use std::sync::LazyLock;

use r2r_types::reasoning::Stands;
use regex::Regex;

use crate::phrases::{MANNER, ORDINAL, QUALITY, pattern};
use crate::references::Reference;

/// A word that says more or less, or higher or lower.
static DEGREE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"\b(?:(more|higher|better|greater|stronger|closer|clearer|above)|(less|lower|fewer|worse|weaker|below))\b")
});

/// What makes "more ... than" praise: a quality, or information as such.
static MERIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(r"\b(?:{QUALITY}|information|details?|context|depth|insights?|definition|explanation|evidence)\b"))
});

static BLAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b(?:not|lacks?|lacking|without|fails?|missing|less)\b|n't\b"));

/// Which way `text` says that it stands relative to the reference at `index`; `None` where it does not say.
///
/// Read are "more/less ... than X", "ranked higher/lower/after X", "compared to X, ... more/less ...",
/// "not as ... as X" and "lacks ... found in X". "More" and "less" count only where they speak of a quality:
/// "focuses more on ferns than passage 2" says nothing about the order.
pub fn direction(text: &str, references: &[Reference], index: usize) -> Option<Stands> {
    static COMPARED: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"\b(?:compared (?:to|with)|in comparison (?:to|with)|relative to|in contrast to)$"));
    static FOUND: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:found|provided|present|given|offered|mentioned|included|seen|contained|presented|available|that|which) (?:in|by)$",
        )
    });
    static RANKED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:rank(?:ed|s|ing)?|placed|comes?|follows?)\s+(?:\w+\s+)?(?:(above|before|ahead of)|(after|below|behind|under))$",
        )
    });
    let here = &references[index];
    let from = if index == 0 { 0 } else { references[index - 1].span.end };
    let to = references.get(index + 1).map_or(text.len(), |next| next.span.start);
    let before = text[from..here.span.start].trim_end();
    let after = &text[here.span.end..to];
    if let Some(ranked) = RANKED.captures(before) {
        return Some(if ranked.get(1).is_some() { Stands::Above } else { Stands::Below });
    }
    if ends_with_word(before, "than") {
        return last_degree(before);
    }
    if ends_with_word(before, "as") {
        // "The same as" and "as clear as" are no claims; "not as clear as" is one.
        static SAME: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bsame\b"));
        return (BLAME.is_match(before) && !SAME.is_match(before)).then_some(Stands::Below);
    }
    if COMPARED.is_match(before) {
        return last_degree(before).or_else(|| first_degree(after));
    }
    if FOUND.is_match(before) {
        return BLAME.is_match(before).then_some(Stands::Below);
    }
    None
}

fn ends_with_word(text: &str, word: &str) -> bool {
    text.len() > word.len()
        && text.is_char_boundary(text.len() - word.len())
        && text[text.len() - word.len()..].eq_ignore_ascii_case(word)
        && text[..text.len() - word.len()].ends_with(char::is_whitespace)
}

fn last_degree(text: &str) -> Option<Stands> {
    let last = DEGREE.captures_iter(text).last()?;
    judged_degree(text, &last)
}

fn first_degree(text: &str) -> Option<Stands> {
    let first = DEGREE.captures(text)?;
    judged_degree(text, &first)
}

fn judged_degree(text: &str, degree: &regex::Captures<'_>) -> Option<Stands> {
    let word = degree.get(0).expect("group 0 is the whole match");
    // The six words after the degree word hold what there is more of; "less than X" needs none.
    let what: Vec<&str> = text[word.end()..].split_whitespace().take(6).collect();
    let is_bare = what.is_empty() || what == ["than"];
    let needs_merit = matches!(word.as_str().to_lowercase().as_str(), "more" | "less" | "greater" | "fewer");
    if needs_merit && !is_bare && !MERIT.is_match(&what.join(" ")) {
        return None;
    }
    Some(if degree.get(1).is_some() { Stands::Above } else { Stands::Below })
}

/// A verdict on the order in so many words: "ranked lower", "the most relevant", "less relevant".
static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
    let relevant = r"(?:directly\s+|closely\s+|highly\s+)?(?:relevant|related|useful|applicable)";
    pattern(&format!(
        r"\brank(?:ed|s|ing)?\s+(?:(?:the|slightly|much|a bit|even|at the)\s+)*(?:(?P<up1>higher|highest|first|top)|(?P<down1>lower|lowest|last|low|bottom))\b|\b(?:(?P<up2>high|higher|highest|top)|(?P<down2>low|lower|lowest|last))[ -](?:rank|ranking|position|placement|relevance)\b|\b(?:(?P<up3>most|more)|(?P<down3>least|less))\s+{relevant}\b"
    ))
});

/// Praise or blame of one quality.
static QUALITY_CUE: LazyLock<Regex> = LazyLock::new(|| {
    let what = format!(r"(?:amount of\s+)?(?:{QUALITY}|information|details?|context|depth|insights?)");
    let manner = format!(r"(?:{MANNER})");
    pattern(&format!(
        r"\b(?:(?P<up>most\s+(?:{what}|{manner})|more\s+{what})|(?P<down>least\s+(?:{what}|{manner})|less\s+(?:{what}|{manner})|not\s+(?:provide\s+|offer\s+|give\s+)?(?:as\s+much|as\s+(?:{what}|{manner})|as\s+\w+\s+(?:a|an)\b)))\b"
    ))
});

/// Which way the whole reason says that it goes, without regard to whom it names.
///
/// The last verdict in so many words decides ("While it has more detail, it is less relevant"); without one, praise
/// or blame of qualities where all point one way.
pub fn verdict(text: &str) -> Option<Stands> {
    if let Some(last) = VERDICT.captures_iter(text).last() {
        let is_up = ["up1", "up2", "up3"].iter().any(|name| last.name(name).is_some());
        return Some(if is_up { Stands::Above } else { Stands::Below });
    }
    let mut found = QUALITY_CUE.captures_iter(text).map(|cue| cue.name("up").is_some());
    let first = found.next()?;
    found.all(|cue| cue == first).then_some(if first { Stands::Above } else { Stands::Below })
}

/// Whether the superlative that `text` states as its rank can only be true of the first or the last passage.
pub fn extreme(text: &str) -> Option<Stands> {
    static EXTREME: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(?:rank(?:ed|s|ing)?\s+(?:the\s+)?(?:(?P<up1>first|highest)|(?P<down1>last|lowest))|(?:the\s+|it\s+)(?:(?P<up2>most)|(?P<down2>least))\s+(?:directly\s+|closely\s+)?(?:relevant|related|applicable|useful)(?:\s+passage)?(?:\s*[,.;]|\s+(?:because|as|since|due|to|passage|in)\b|$))",
        )
    });
    let last = EXTREME.captures_iter(text).last()?;
    let is_up = ["up1", "up2"].iter().any(|name| last.name(name).is_some());
    Some(if is_up { Stands::Above } else { Stands::Below })
}

/// Whether `text` explains a rank that goes another way than `stands`: "ranked lower", "ranked fourth" of a passage
/// that stands above the other one.
pub fn ranks_otherwise(text: &str, stands: Stands) -> bool {
    static RANK: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"\brank(?:ed|s|ing)?\s+(?:(?:slightly|much|a bit|even|the|as|at|in)\s+)*(?:(?P<up>higher|highest|high|first|top)|lower|lowest|low|last|bottom|next|{ORDINAL})\b"
        ))
    });
    RANK.captures_iter(text).any(|rank| rank.name("up").is_some() != (stands == Stands::Above))
}

/// Whether what the reason states in the end is a shortcoming: its main clause denies something.
pub fn ends_in_blame(text: &str) -> bool {
    static CONCESSION: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^\W*(?:while|although|though|even though|despite)\b[^,]*,\s*"));
    static TURN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:,?\s+but\s|\bhowever\b|\byet\s)"));
    static DENIAL: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"\b(?:not|lacks?|lacking|without|fails?|only|no|irrelevant|unrelated|repeats?|repetitive|repetition|duplicate|identical|rather than|cannot|off-topic|{ORDINAL} to last)\b|n't\b"
        ))
    });
    let main = CONCESSION.find(text).map_or(text, |concession| &text[concession.end()..]);
    let main = TURN.find_iter(main).last().map_or(main, |turn| &main[turn.end()..]);
    DENIAL.is_match(main)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::references::references;

    #[test]
    fn directions_are_read_at_each_reference() {
        let check = |text: &str, expected: &[Option<Stands>]| {
            let references = references(text);
            let found: Vec<_> = (0..references.len()).map(|index| direction(text, &references, index)).collect();
            assert_eq!(found, expected, "{text}");
        };
        let (above, below) = (Some(Stands::Above), Some(Stands::Below));
        check("It is more relevant than passages 1 and 3.", &[above]);
        check("less relevant than [1] but more relevant than [2]", &[below, above]);
        check("gives more relevant information than [2], but less than [1]", &[above, below]);
        check("ranked lower than 1 and 4 because", &[below]);
        check("Compared to passage 2, this one provides less detailed facts", &[below]);
        check("It gives less detail compared to passages 4 and 2.", &[below]);
        check("It does not give as much detail as passage 2.", &[below]);
        check("It lacks the detail provided in passage 1.", &[below]);
        check("Similar to passage 1, it names ferns.", &[None]);
        check("It focuses more on ferns than passage 1.", &[None]);
        check("It gives the same facts as [2] and does not say more.", &[None]);
    }

    #[test]
    fn the_last_verdict_decides() {
        let check = |text: &str, expected| assert_eq!(verdict(text), expected, "{text}");
        check("While it has more detail, it is less relevant.", Some(Stands::Below));
        check("Compared to <other>, it is the most comprehensive.", Some(Stands::Above));
        check("It has more detail but is less direct.", None);
        check("It is ranked lower due to more repetition.", Some(Stands::Below));
        check("It names ferns.", None);
    }

    #[test]
    fn an_explained_rank_goes_one_way() {
        assert!(ranks_otherwise("It ranks lower because it names no oaks, but it is clear.", Stands::Above));
        assert!(ranks_otherwise("It is ranked fourth.", Stands::Above));
        assert!(ranks_otherwise("It is ranked first.", Stands::Below));
        assert!(!ranks_otherwise("It is ranked slightly higher.", Stands::Above));
        assert!(!ranks_otherwise("It is clear.", Stands::Below));
    }

    #[test]
    fn a_shortcoming_counts_where_the_sentence_ends_in_it() {
        assert!(ends_in_blame("While it names ferns, it does not say where they grow."));
        assert!(ends_in_blame("It names ferns, but lacks detail."));
        assert!(!ends_in_blame("While it does not define ferns, it names some."));
    }
}
