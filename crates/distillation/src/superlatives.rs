//! Superlatives brought down to what one passage, or one pair of passages, can carry.
//!
//! A teacher who ranks five passages writes "provides the most comprehensive information" of the first. A student
//! explains one passage, or one pair: there the sentence would claim more than it knows. In a direct reason the
//! superlative becomes the plain form ("comprehensive information"), in a comparison the comparative
//! ("more comprehensive information"), which the superlative implies.

use std::sync::LazyLock;

use regex::Regex;

use crate::comparisons::OTHER;
use crate::phrases::{MANNER, QUALITY, pattern};

/// What becomes of a superlative.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Degree {
    /// "the most direct answer" -> "a direct answer".
    Plain,
    /// "the most direct answer" -> "a more direct answer".
    Comparative,
}

static SUPERLATIVE: LazyLock<Regex> = LazyLock::new(|| {
    let adjective = format!(r"(?:(?:directly|closely|highly)\s+)?(?:{QUALITY}|{MANNER})");
    pattern(&format!(
        r"\b(?:the\s+)?\b(most|least)\s+({adjective}(?:(?:\s*,\s*and\s+|\s*,\s*|\s+and\s+)(?:the\s+)?(?:most\s+)?{adjective})*)\b"
    ))
});

/// What follows a superlative that is said of the passage as a whole.
static WHOLE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"^(?:\s+(?:passages?|one|of the passages?|result|match))?(\s+(?:to|for|in relation to|in relation with|with respect to)\s+(?:the|this)\s+(?:query|question|topic))?(?:\s+(?:among|amongst|out of|of|in)\s+(?:all|the|these|{OTHER})(?:\s+(?:of|the|passages?|list|options|{OTHER}))*)?(?:$|\s*[,.;:)]|\s+(?:because|as|since|due|with|and|but|while|compared|than|for|in|to)\b)"
    ))
});

/// Lowers every superlative of quality in `text`.
pub(crate) fn lowered(text: &str, degree: Degree) -> String {
    static AMOUNTS: LazyLock<[(Regex, [&str; 2]); 3]> = LazyLock::new(|| {
        let nouns = "information|details?|context|insights?|depth|data";
        [
            (pattern(r"\b(?:the\s+)?\bleast\s+amount\s+of\b"), ["little", "less"]),
            (pattern(&format!(r"\b(?:the\s+)?\bleast\s+({nouns})\b")), ["little $1", "less $1"]),
            (pattern(&format!(r"\b(?:the\s+)?\bmost\s+(?:amount\s+of\s+)?({nouns})\b")), ["much $1", "more $1"]),
        ]
    });
    static IRREGULAR: LazyLock<[(Regex, [String; 2]); 4]> = LazyLock::new(|| {
        let nouns = "match|answer|overview|explanation|definition|description|information";
        [
            ("best", "good", "better"),
            ("clearest", "clear", "clearer"),
            ("closest", "close", "closer"),
            ("broadest", "broad", "broader"),
        ]
        .map(|(most, plain, more)| {
            (pattern(&format!(r"\bthe\s+{most}\s+({nouns})\b")), [format!("a {plain} $1"), format!("a {more} $1")])
        })
    });
    let form = usize::from(degree == Degree::Comparative);
    let mut text = text.to_owned();
    for (amount, forms) in AMOUNTS.iter() {
        text = amount.replace_all(&text, forms[form]).into_owned();
    }
    for (irregular, forms) in IRREGULAR.iter() {
        text = irregular.replace_all(&text, forms[form].as_str()).into_owned();
    }
    let mut lowered = String::with_capacity(text.len());
    let mut copied = 0;
    for superlative in SUPERLATIVE.captures_iter(&text) {
        let range = superlative.get(0).expect("group 0 is the whole match").range();
        let rest = &text[range.end..];
        let is_least = superlative[1].eq_ignore_ascii_case("least");
        let adjectives = superlative[2].replace(" the ", " ").replace("most ", "");
        let word = if is_least { "less" } else { "more" };
        let (new, taken) = match (WHOLE.captures(rest), degree) {
            // Said of the passage as a whole it is its rank: for the caller to find and to cut.
            (Some(_), Degree::Plain) => continue,
            (None, Degree::Plain) if is_least => continue,
            (None, Degree::Plain) => (format!("{}{adjectives}", article(rest, &adjectives)), 0),
            (None, Degree::Comparative) => (format!("{}{word} {adjectives}", article(rest, word)), 0),
            (Some(whole), Degree::Comparative) => {
                let to_query = whole.get(1).map_or("", |to_query| to_query.as_str());
                let names = text.contains(OTHER);
                let than = if names { String::new() } else { format!(" than {OTHER}") };
                let matched = whole.get(0).expect("group 0 is the whole match").as_str();
                (format!("{word} {adjectives}{to_query}{than}"), whole_length(matched))
            }
        };
        lowered.push_str(&text[copied..range.start]);
        lowered.push_str(&new);
        copied = range.end + taken;
    }
    lowered.push_str(&text[copied..]);
    lowered
}

/// Bytes of a match of [`WHOLE`] without the mark or the word that ends it.
fn whole_length(matched: &str) -> usize {
    static END: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"(?:\s*[,.;:)]|\s+(?:because|as|since|due|with|and|but|while|compared|than|for|in|to))$")
    });
    END.find(matched).map_or(matched.len(), |end| end.start())
}

/// The indefinite article that the noun phrase at the start of `rest` wants before `next`, with its space.
fn article(rest: &str, next: &str) -> &'static str {
    const UNCOUNTED: [&str; 14] = [
        "information",
        "detail",
        "context",
        "data",
        "evidence",
        "insight",
        "coverage",
        "guidance",
        "knowledge",
        "advice",
        "content",
        "support",
        "background",
        "relevance",
    ];
    const ENDS: [&str; 24] = [
        "of",
        "about",
        "on",
        "to",
        "for",
        "in",
        "regarding",
        "related",
        "that",
        "which",
        "and",
        "by",
        "with",
        "as",
        "from",
        "because",
        "concerning",
        "specifically",
        "compared",
        "than",
        "including",
        "between",
        "directly",
        "closely",
    ];
    let words = rest.split_inclusive(char::is_whitespace).take_while({
        let mut ended = false;
        move |word| {
            let stops = ended || ENDS.contains(&word.trim());
            ended = word.trim().ends_with([',', '.', ';', ':']);
            !stops
        }
    });
    let Some(noun) = words.filter(|word| !word.trim().is_empty()).last() else { return "" };
    let noun = noun.trim_matches(|character: char| !character.is_alphanumeric()).to_lowercase();
    let is_plural = noun.ends_with('s') && !noun.ends_with("ss") && !noun.ends_with("sis");
    if UNCOUNTED.contains(&noun.as_str()) || is_plural {
        ""
    } else if next.starts_with(['a', 'e', 'i', 'o']) || next.starts_with("up-") {
        "an "
    } else {
        "a "
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, plain: &str, comparative: &str) {
        assert_eq!(lowered(text, Degree::Plain), plain);
        assert_eq!(lowered(text, Degree::Comparative), comparative);
    }

    #[test]
    fn attributes_are_lowered_with_their_article() {
        check(
            "gives the most comprehensive information about basalt",
            "gives comprehensive information about basalt",
            "gives more comprehensive information about basalt",
        );
        check(
            "gives the most direct and clear definition of it",
            "gives a direct and clear definition of it",
            "gives a more direct and clear definition of it",
        );
        check("has the most accurate answer", "has an accurate answer", "has a more accurate answer");
        check("the most abundant elements", "the most abundant elements", "the most abundant elements");
        check("has the least amount of detail", "has little detail", "has less detail");
    }

    #[test]
    fn ranks_become_pairs_in_comparisons_only() {
        check(
            "is the least relevant passage to the query because it is cold",
            "is the least relevant passage to the query because it is cold",
            "is less relevant to the query than <other> because it is cold",
        );
        check("making it the most relevant.", "making it the most relevant.", "making it more relevant than <other>.");
        check(
            "Compared to <other>, it is the least relevant as",
            "Compared to <other>, it is the least relevant as",
            "Compared to <other>, it is less relevant as",
        );
    }
}
