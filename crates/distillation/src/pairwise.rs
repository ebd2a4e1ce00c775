//! A comparison as a statement about two passages.
//!
//! "It is ranked last because it names no oaks" becomes "It is ranked lower than OTHER because it names no oaks",
//! "provides the most detailed information" becomes "provides more detailed information". A comparison that names
//! nobody gets the direction of the order in the teachers' own commonest words: "..., making it less relevant than
//! OTHER". So each target states its direction, and the direction can be checked against the order.

use std::sync::LazyLock;

use r2r_types::reasoning::Stands;
use regex::{Captures, Regex};

use crate::comparisons::OTHER;
use crate::phrases::{ORDINAL, QUALITY, pattern};
use crate::superlatives::{Degree, lowered};

/// Rewrites `text`, whose references are replaced already, so that it is about one pair and names it.
pub(crate) fn about_a_pair(text: &str, stands: Stands) -> String {
    let text = without_repeated_other(text);
    let text = with_ranks_as_pairs(&text, stands);
    let text = lowered(&text, Degree::Comparative);
    let text = if text.contains(OTHER) { text } else { naming_the_other(&text, stands) };
    agreeing(&text)
}

fn height(stands: Stands) -> &'static str {
    match stands {
        Stands::Above => "higher",
        Stands::Below => "lower",
    }
}

fn degree(stands: Stands) -> &'static str {
    match stands {
        Stands::Above => "more",
        Stands::Below => "less",
    }
}

/// "`<other>` and `<other>`" -> "`<other>`".
fn without_repeated_other(text: &str) -> String {
    static REPEATED: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"{OTHER}(?:(?:\s*,\s*(?:and\s+|or\s+)?|\s+(?:and|or|&)\s+)(?:also\s+)?(?:in\s+|than\s+|to\s+)?{OTHER})+"
        ))
    });
    REPEATED.replace_all(text, OTHER).into_owned()
}

/// "ranked last" -> "ranked lower than `<other>`"; "hence the lower ranking" -> "so it is ranked lower than `<other>`".
fn with_ranks_as_pairs(text: &str, stands: Stands) -> String {
    static NOUN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r",?\s*(?:and\s+)?(?:hence|thus|therefore|so|resulting in|leading to|which results in|which leads to|justifying|explaining)\s+(?:its|the|a|it's|it has a)?\s*(?:slightly\s+)?(?:low|lower|lowest|last|high|higher|highest|top|{ORDINAL})[ -]+(?:place\s+)?(?:ranking|rank|ranked|position|placement)(?:\s+than\s+{OTHER})?"
        ))
    });
    static VERB: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"\brank(ed|s|ing)\s+(?:(?:slightly|a bit|much|even|the|as|at|in)\s+)*(?:lower|higher|last|lowest|highest|low|high|bottom|next|{ORDINAL})(?:\s+(?:place|position|in (?:terms of )?relevance|overall|of all|in the list|among (?:all )?(?:the )?(?:passages|{OTHER})))*(?:\s+(?:than|compared to|to)\s+(?:all\s+)?{OTHER})?"
        ))
    });
    static AGAIN: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"((?:than|compared to) {OTHER}[^.]*?),?\s+(?:and\s+)?(?:hence|so|thus|therefore|which is why)\s+(?:it\s+is\s+|it\s+)?ranked \w+ than {OTHER}"
        ))
    });
    let text = NOUN.replace_all(text, |_: &Captures<'_>| format!(", so it is ranked {} than {OTHER}", height(stands)));
    let text = VERB.replace_all(&text, |verb: &Captures<'_>| {
        let form = verb[1].to_lowercase();
        format!("rank{form} {} than {OTHER}", height(stands))
    });
    // Said once is enough: "it is less detailed than <other>, so it is ranked lower than <other>".
    AGAIN.replace_all(&text, "$1").into_owned()
}

/// Puts the other passage into a comparison that names nobody.
fn naming_the_other(text: &str, stands: Stands) -> String {
    static RELEVANT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"\b(more|less)\s+((?:(?:directly|closely|highly)\s+)?(?:relevant|related|useful|applicable))(\s+(?:to|for)\s+(?:the|this)\s+query)?(\s*[,.;]|\s+(?:because|as|since|due)\b|$)",
        )
    });
    static COMPARATIVE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(&format!(
            r"\b(?:more|less)\s+(?:{QUALITY}|specific|focused|general|information|details?|context)\b|\b(?:better|clearer|closer)\b"
        ))
    });
    static OPENING: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:it|this|the)\s+(?:passage|one)?"));
    let (degree, text) = (degree(stands), text.trim_end_matches(['.', ' ']));
    if let Some(relevant) = RELEVANT.captures(text).filter(|found| found[1].eq_ignore_ascii_case(degree)) {
        let whole = relevant.get(0).expect("group 0 is the whole match");
        let to_query = relevant.get(3).map_or("", |found| found.as_str());
        let (before, after) = (&text[..whole.start()], &text[whole.end()..]);
        return format!("{before}{} {}{to_query} than {OTHER}{}{after}", &relevant[1], &relevant[2], &relevant[4]);
    }
    if COMPARATIVE.is_match(text) && OPENING.is_match(text) {
        let mut letters = text.chars();
        let first = letters.next().map_or(String::new(), |first| first.to_lowercase().to_string());
        return format!("Compared to {OTHER}, {first}{}", letters.as_str());
    }
    format!("{text}, making it {degree} relevant than {OTHER}")
}

/// The other passage is one: "`<other>` are" -> "`<other>` is".
fn agreeing(text: &str) -> String {
    static CHANGES: LazyLock<Vec<(Regex, String)>> = LazyLock::new(|| {
        [
            (r"^the passage\b".to_owned(), "This passage".to_owned()),
            (format!(r"{OTHER}(, which)? are\b"), format!("{OTHER}$1 is")),
            (format!(r"{OTHER} do\b"), format!("{OTHER} does")),
            (format!(r"{OTHER} have\b"), format!("{OTHER} has")),
            (format!(r"{OTHER} were\b"), format!("{OTHER} was")),
            (
                format!(r"{OTHER}((?:, which)? (?:provide|offer|mention|define|explain|give|contain|describe))\b"),
                format!("{OTHER}${{1}}s"),
            ),
            (format!(r"{OTHER}((?:, which)? (?:focus|discuss|address))\b"), format!("{OTHER}${{1}}es")),
            (format!(r"\b(?:all|any|some|most|many|both|each|the)\s+(?:of\s+)?(?:the\s+)?{OTHER}"), OTHER.to_owned()),
            (format!(r"{OTHER}(?: in the list| in the ranking| combined)\b"), OTHER.to_owned()),
        ]
        .map(|(from, to)| (pattern(&from), to))
        .to_vec()
    });
    let mut text = text.to_owned();
    for (from, to) in CHANGES.iter() {
        text = from.replace_all(&text, to.as_str()).into_owned();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, stands: Stands, expected: &str) {
        assert_eq!(about_a_pair(text, stands), expected);
    }

    #[test]
    fn ranks_become_statements_about_the_pair() {
        check(
            "It is ranked last because it names no oaks.",
            Stands::Below,
            "It is ranked lower than <other> because it names no oaks.",
        );
        check(
            "It names no oaks, hence the lower ranking.",
            Stands::Below,
            "It names no oaks, so it is ranked lower than <other>.",
        );
        check(
            "It is ranked higher than <other> as it names oaks.",
            Stands::Above,
            "It is ranked higher than <other> as it names oaks.",
        );
        check(
            "It names oaks, making it the most relevant.",
            Stands::Above,
            "It names oaks, making it more relevant than <other>.",
        );
    }

    #[test]
    fn every_comparison_names_the_other_passage() {
        check("It names no oaks.", Stands::Below, "It names no oaks, making it less relevant than <other>");
        check(
            "It gives the most detailed definition.",
            Stands::Above,
            "Compared to <other>, it gives a more detailed definition",
        );
        check(
            "It is less relevant to the query as it is short.",
            Stands::Below,
            "It is less relevant to the query than <other> as it is short",
        );
    }
}
