//! Direct reasons as a small decoder can learn them.
//!
//! Teachers write "Passage 3 is ranked second because it defines basalt, but it is less detailed than passage 1". What the
//! passage is by itself stands in the middle of it: "This passage defines basalt." That is kept. The order says the
//! rest, and a reason that the student writes for one passage must not speak of passages that it does not see.
//!
//! Rules, in order:
//! 1. The label of the passage in front goes ("`[2]:`", "Passage 2"); a label of another or of several passages drops
//!    the reason. A rank in front goes ("is ranked third because it ..."); "I ranked it second as it ..." too.
//! 2. Superlatives become plain (`superlatives.rs`).
//! 3. In each sentence, the first clause that speaks of the order or of other passages ends it; an opening clause of
//!    that kind ("Similar to passage 2, ...") goes, and a sentence whose main clause is one is left out.
//! 4. The subject is "This passage"; at most [`Length::most`] steps stay, cut at the end of a sentence or a clause.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::clauses::{clauses, sentences, shortened};
use crate::phrases::{ORDINAL, QUALITY, canonical, finished, pattern, says_nothing};
use crate::references::references;
use crate::subject::{opened, speaks_of_several, with_subject, without_label, without_rank};
use crate::superlatives::{Degree, lowered};
use crate::words::{steps, words};

/// How long a reason may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Length {
    /// The fewest words; fewer say nothing.
    pub fewest: usize,
    /// The most steps of the decoder: words, and punctuation marks one by one.
    pub most: usize,
}

impl Default for Length {
    fn default() -> Self {
        Self { fewest: 4, most: 40 }
    }
}

/// Why a direct reason is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DroppedReason {
    /// The teacher gave none, or said that there is none.
    Empty,
    /// It speaks of another passage or of several at once.
    OtherPassages,
    /// It only states the order.
    OrderOnly,
    /// It ends in the middle of a sentence, at an abbreviation that whoever recorded it took for the end.
    Unfinished,
    /// Fewer words are left than a reason needs.
    Short,
    /// It is too long and ends no clause early enough.
    Long,
}

/// A direct reason that can be learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanReason {
    /// The reason.
    pub text: String,
    /// Whether its end was cut off to fit the length.
    pub is_shortened: bool,
}

/// How many direct reasons there were, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ReasonCounts {
    /// Passages of which the teacher said something, or could have.
    pub given: usize,
    /// Reasons that were kept.
    pub kept: usize,
    /// Of those, reasons whose end was cut off.
    pub shortened: usize,
    /// Reasons that were dropped.
    pub dropped: BTreeMap<DroppedReason, usize>,
}

/// Cleans a direct reason of the passage that was shown at place `number`, starting at 1.
pub fn clean_direct(raw: &str, number: usize, length: Length) -> Result<CleanReason, DroppedReason> {
    let text = canonical(raw);
    if text.is_empty() || says_nothing(&text) {
        return Err(DroppedReason::Empty);
    }
    let text = without_label(&text, number).ok_or(DroppedReason::OtherPassages)?;
    let text = lowered(&without_rank(&with_subject(&text)), Degree::Plain);
    let text = settled(&text);
    let kept: Vec<String> = sentences(&text).into_iter().filter_map(|range| kept_clauses(&text[range])).collect();
    if kept.is_empty() {
        return Err(if references(&text).is_empty() { DroppedReason::OrderOnly } else { DroppedReason::OtherPassages });
    }
    let text = finished(&opened(&kept));
    if speaks_of_several(&text) || !references(&text).is_empty() {
        return Err(DroppedReason::OtherPassages);
    }
    if is_unfinished(&text) {
        return Err(DroppedReason::Unfinished);
    }
    let fitting = shortened(&text, length.most).ok_or(DroppedReason::Long)?;
    let is_shortened = fitting.len() < text.len();
    let text = finished(fitting);
    if steps(&text) > length.most {
        return Err(DroppedReason::Long);
    }
    // The subject and the verb are not the reason: what they say must be there.
    if words(&text) < length.fewest.max(1) || is_verdict_only(&text) {
        return Err(DroppedReason::Short);
    }
    Ok(CleanReason { text, is_shortened })
}

/// Says in absolute words what the teacher said relative to passages that are not named.
fn settled(text: &str) -> String {
    static CHANGES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
        let degree = r"(?:(?:slightly|somewhat|much|even|therefore|thus|also|still|a bit)\s+)*";
        [
            // "Less relevant" is true of what is loosely related and of what is not related at all.
            (format!(r"\b{degree}(?:less|not as)\s+(?:(?:directly|closely|specifically)\s+)?(?:relevant|related|connected)\s+(to|with)\b"), "only loosely related $1"),
            (format!(r"\b{degree}not as\s+(specific|focused|general)\s+(to|on|as)\b"), "not $1 $2"),
            (format!(r"\bwhich is {degree}(?:less|not as)\s+(?:(?:directly|closely)\s+)?(?:relevant|related)$"), "which is only loosely related to the query"),
            (r"\bnot\s+as\s+(?:directly|closely)\s+(relevant|related)\b".to_owned(), "not directly $1"),
        ]
        .map(|(from, to)| (pattern(&from), to))
        .to_vec()
    });
    let mut text = text.to_owned();
    for (from, to) in CHANGES.iter() {
        text = from.replace_all(&text, *to).into_owned();
    }
    text
}

/// Whether a clause states the order, or speaks of other passages without a reference.
fn states_order(clause: &str) -> bool {
    static ORDER: LazyLock<Regex> = LazyLock::new(|| {
        let relevant = format!(r"(?:(?:directly|closely|highly)\s+)?(?:{QUALITY}|focused|specific)");
        pattern(&format!(
            r"\b(?:is|are|was|be|it|hence|therefore|thus|so|and|but|also|being)\s+(?:(?:it|is|also|slightly|therefore|still|thus)\s+)*rank(?:ed|s|ing)?\b|\branked\s+(?:\w+\s+)?(?:as|lower|higher|first|last|next|based|low|high|{ORDINAL})\b|\branking\b|\branks?\s+(?:\w+\s+)?(?:lower|lowest|higher|highest|last|first|next|{ORDINAL})\b|\b(?:its|the|a)\s+(?:low|lower|lowest|high|higher|highest)\s+(?:rank|ranking|position|placement|relevance)\b|\b(?:most|least)\s+{relevant}\b|\b(?:is|are|as|it|the|in)\s+(?:the\s+)?(?:{ORDINAL}|last|next)(?:\s+(?:in|as|because|since|place|position|relevan\w+|most)\b|\s*[.,]|$)|\b(?:less|not as|slightly more|more)\s+{relevant}(?:\s+(?:than|compared|but|and|information|detail)\b|\s*[,.;]|$)|\b(?:identical|duplicates?|redundant|already\s+(?:provided|mentioned|covered|discussed|stated))\b|\brepeats?\b|\brepetit\w+|\b(?:exactly\s+)?(?:the\s+)?same\s+(?:information|content|passage|text|details?|facts|as|point|level|relevance)\b|\b(?:I|we)\s+(?:ranked|placed|rank|put|chose|consider|would)\b|\bthe\s+(?:two|three|four|five)\s+passages\b|\b(?:higher|lower)[- ]ranked\b|\b(?:as|than)\s+(?:the\s+)?(?:others|previous|other)\b|\bin\s+comparison\b|\bcompared\s+(?:to|with)\s+(?:the\s+)?(?:others|previous|top)\b|\bnot\s+as\s+(?:directly|closely|clearly|explicitly|specifically)\b|\bno\s+(?:new|additional)\s+information\b|\bany\s+(?:new|additional)\s+information\b"
        ))
    });
    ORDER.is_match(clause)
}

/// What is left of a sentence once clauses about the order and about other passages are gone.
fn kept_clauses(sentence: &str) -> Option<String> {
    static INTRODUCTION: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^\W*(?:similar(?:ly)? to|like|unlike|compared|in comparison|in contrast|as with|along with|although|while|though|even though|despite|just like)\b",
        )
    });
    static SAFE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^[\s,;-]*(?:but|and|making|which|hence|thus|therefore|so|although|though|while|whereas|however|compared|as|than|rather|unlike|similar|like|placing|resulting|yet|or|it|this|in comparison|the (?:most|least)|repeating|providing|offering|ranking|ranked|just|even|specifically|similarly|supporting|being|less|more|not|without|with|leading)\b|^\s-\s",
        )
    });
    static CONCESSION: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^\W*(?:while|although|though|even though)\s+(?:it|this passage|the passage)\s+"));
    static OPENS: LazyLock<Regex> = LazyLock::new(|| pattern(r"^\W*(?:while|although|though|even though|despite)\b"));
    let references = references(sentence);
    let clauses = clauses(sentence, &references);
    let is_bad: Vec<bool> = clauses
        .iter()
        .map(|clause| {
            let names = references
                .iter()
                .any(|reference| reference.span.start < clause.end && clause.start < reference.span.end);
            names || states_order(&sentence[clause.clone()])
        })
        .collect();
    let mut from = 0;
    if is_bad[0] {
        let opens = INTRODUCTION.is_match(&sentence[clauses[0].clone()]);
        if !opens || is_bad.get(1).copied().unwrap_or(true) {
            return None;
        }
        from = 1;
    }
    let to = (from..clauses.len()).find(|&index| is_bad[index]).unwrap_or(clauses.len());
    if let Some(cut) = clauses.get(to)
        && !SAFE.is_match(&sentence[cut.clone()])
    {
        return None;
    }
    let kept = &sentence[clauses[from].start..clauses[to - 1].end];
    let is_cut = to < clauses.len();
    let kept = if is_cut && from == 0 && OPENS.is_match(kept) && !has_main_clause(sentence, &clauses[..to]) {
        // The main clause was about the order: what it conceded becomes the sentence, or nothing does.
        if !CONCESSION.is_match(kept) {
            return None;
        }
        CONCESSION.replace(kept, "This passage ").into_owned()
    } else {
        kept.to_owned()
    };
    let kept = finished(&kept);
    (words(&kept) >= 3).then_some(kept)
}

/// Whether some clause after the first has a subject of its own.
fn has_main_clause(sentence: &str, clauses: &[std::ops::Range<usize>]) -> bool {
    static MAIN: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"^[\s,;]*(?:it|this|the|they|there|[a-z]+ing\s+\w+\s+\w+)\b"));
    clauses.iter().skip(1).any(|clause| MAIN.is_match(&sentence[clause.clone()]))
}

/// Whether the last word is a title or an abbreviation that wants a word after it.
fn is_unfinished(text: &str) -> bool {
    static WANTS_MORE: LazyLock<Regex> =
        LazyLock::new(|| pattern(r#"["'(]?\b(?:dr|mr|mrs|ms|lt|vs|e\.g|i\.e|(?:a|the) u\.s)\.$"#));
    WANTS_MORE.is_match(text)
}

/// Whether the reason says that the passage is relevant, or not, and nothing more.
fn is_verdict_only(text: &str) -> bool {
    static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"^This passage (?:is|also)\s+(?:also\s+)?(?:(?:not|somewhat|highly|directly|very|still|only|loosely|quite|less|more|slightly)\s+)*(?:relevant|related|irrelevant|unrelated|useful)(?:\s+to\s+the\s+(?:query|topic))?\W*$",
        )
    });
    VERDICT.is_match(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expected: Result<&str, DroppedReason>) {
        let found = clean_direct(raw, 2, Length::default()).map(|clean| clean.text);
        assert_eq!(found, expected.map(str::to_owned), "{raw}");
    }

    #[test]
    fn labels_and_ranks_in_front_go() {
        let expected = Ok("This passage names the oldest oak.");
        check("[2]: This passage names the oldest oak.", expected);
        check("Passage [2] also names the oldest oak", expected);
        check("is the second most relevant as it names the oldest oak, making it less relevant than [1].", expected);
        check("I ranked passage [2] as the most relevant because it names the oldest oak.", expected);
        check("is ranked third. It names the oldest oak.", expected);
        check("is fourth because, although it names the oldest oak, it is not as detailed as [1].", expected);
    }

    #[test]
    fn what_is_said_of_others_goes() {
        check(
            "Similar to passage 1, this passage names an oak. However, it lacks the detail of passage 3.",
            Ok("This passage names an oak."),
        );
        check("While this passage names an oak, it is ranked lower than the others.", Ok("This passage names an oak."));
        check(
            "names an oak, which is less directly related to the query compared to [1].",
            Ok("This passage names an oak, which is only loosely related to the query."),
        );
        check("provides the most detailed list of oaks.", Ok("This passage provides a detailed list of oaks."));
        check("[1] and [2] name an old oak.", Err(DroppedReason::OtherPassages));
        check("[1] names an old oak.", Err(DroppedReason::OtherPassages));
        check("repeats the information from passage 1.", Err(DroppedReason::OtherPassages));
        check("is ranked last.", Err(DroppedReason::OrderOnly));
        check("Not applicable", Err(DroppedReason::Empty));
        check("This passage is not relevant to the query.", Err(DroppedReason::Short));
        check("This passage names the house of Dr.", Err(DroppedReason::Unfinished));
    }

    #[test]
    fn content_that_looks_like_order_stays() {
        for text in [
            "This passage names the second tallest oak in the north.",
            "This passage lists other oaks and the most common elms.",
            "This passage says that an oak costs more than 5 elms.",
        ] {
            check(text, Ok(text));
        }
    }
}
