//! Which passage a comparison is about, and which way it goes.
//!
//! A student compares a passage with one other, whose name is put in afterwards: the target speaks of [`OTHER`].
//!
//! 1. **Named.** Numbers are places as shown ([`references`](crate::references)). Each that comes with a direction
//!    ("less relevant than passages 1 and 3") must agree with the order for every passage that it names, or the
//!    reason is dropped. The other one is the named passage that stands nearest in the ranking; clauses that name
//!    only others go, and where they cannot go, the reason is dropped.
//! 2. **Unnamed.** What the reason says decides: praise compares with the next lower passage, blame with the next
//!    higher one. Where it says neither, passages of the upper half of the list are compared downwards, the others
//!    upwards. Blame of the first passage and praise of the last contradict the order: dropped.
//! 3. A verdict of the whole reason ("it is ranked lower") must agree with the chosen direction too, and a
//!    superlative rank ("the least relevant") belongs to an end of the list: else the reason is dropped.
//! 4. The text becomes one about a pair (`pairwise.rs`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::LazyLock;

use r2r_types::reasoning::Stands;
use regex::{Captures, Regex};
use serde::Serialize;

use crate::claims::{direction, ends_in_blame, extreme, ranks_otherwise, verdict};
use crate::clauses::{clauses, shortened, whole_sentences};
use crate::pairwise::about_a_pair;
use crate::phrases::{canonical, finished, pattern, says_nothing};
use crate::reasons::Length;
use crate::references::{Reference, references};
use crate::words::{steps, words};

/// The token that stands for the other passage of a comparison.
pub const OTHER: &str = "<other>";

/// Where the explained passage and all others stand.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The explained passage, by its place as shown to the teacher, from 0.
    pub own: usize,
    /// The rank of the explained passage, 0 is best.
    pub rank: usize,
    /// The rank of each passage by place as shown; a copy of another passage has that one's rank, and a passage that
    /// is left out has none. Ranks have no gaps.
    pub ranks: &'a [Option<usize>],
}

/// A comparison that can be learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanComparison {
    /// The reason; it names the other passage as [`OTHER`].
    pub text: String,
    /// The rank of the other passage.
    pub against_rank: usize,
    /// Where the explained passage stands relative to it.
    pub stands: Stands,
    /// How the other passage was found.
    pub naming: Naming,
    /// Whether the end of the reason was cut off to fit the length.
    pub is_shortened: bool,
}

/// How the other passage of a comparison was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// The teacher named it.
    Named,
    /// The teacher named nobody, and praised or blamed: a neighbour on that side.
    Verdict,
    /// The teacher named nobody and said neither: the half of the list decided.
    Place,
}

/// Why a comparison is no target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DroppedComparison {
    /// The teacher gave none, or said that there is none.
    Empty,
    /// It names the explained passage itself.
    NamesItself,
    /// It names a number that was not shown.
    UnknownNumber,
    /// It says of a named passage the opposite of the order.
    ContradictsNamed,
    /// It names nobody and praises the last passage or blames the first.
    ContradictsUnnamed,
    /// It claims an end of the list for a passage that does not stand there, or explains a rank ("ranked fourth
    /// because") where it is to explain why the passage stands above another.
    ContradictsRank,
    /// It names several passages in a way that cannot be taken apart.
    SeveralNamed,
    /// The two passages have the same target.
    Tied,
    /// Fewer words are left than a reason needs.
    Short,
    /// It is too long and ends no clause early enough.
    Long,
}

/// How many comparisons there were, and what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ComparisonCounts {
    /// Passages whose comparison the teacher gave, or could have.
    pub given: usize,
    /// Comparisons that were kept.
    pub kept: usize,
    /// Of those, how the other passage was found.
    pub naming: BTreeMap<Naming, usize>,
    /// Of those, comparisons that say that the passage stands above the other.
    pub above: usize,
    /// Of those, reasons whose end was cut off.
    pub shortened: usize,
    /// Comparisons that were dropped.
    pub dropped: BTreeMap<DroppedComparison, usize>,
}

impl Standing<'_> {
    fn last(&self) -> usize {
        self.ranks.iter().flatten().copied().max().unwrap_or(self.rank)
    }

    fn stands(&self, rank: usize) -> Stands {
        if self.rank < rank { Stands::Above } else { Stands::Below }
    }

    /// The ranks that a reference names.
    fn named(&self, reference: &Reference) -> Result<Vec<usize>, DroppedComparison> {
        let mut named = Vec::with_capacity(reference.numbers.len());
        for &number in &reference.numbers {
            let place = number.checked_sub(1).ok_or(DroppedComparison::UnknownNumber)?;
            let rank = self.ranks.get(place).copied().flatten().ok_or(DroppedComparison::UnknownNumber)?;
            if rank == self.rank {
                return Err(DroppedComparison::NamesItself);
            }
            named.push(rank);
        }
        Ok(named)
    }

    /// The next passage on one side; `None` at that end of the list.
    fn neighbour(&self, stands: Stands) -> Option<usize> {
        match stands {
            Stands::Above => (self.rank < self.last()).then(|| self.rank + 1),
            Stands::Below => self.rank.checked_sub(1),
        }
    }
}

/// A mention of several passages that is left once all references are replaced.
static PASSAGES: LazyLock<Regex> = LazyLock::new(|| pattern(r"\bpassages\b"));

/// Finds what a comparison compares, and makes it a target.
pub fn clean_comparison(
    raw: &str,
    standing: Standing<'_>,
    length: Length,
) -> Result<CleanComparison, DroppedComparison> {
    let text = canonical(raw);
    if text.is_empty() || says_nothing(&text) {
        return Err(DroppedComparison::Empty);
    }
    let text = with_own_name_as_subject(&text, standing.own + 1);
    match extreme(&text) {
        Some(Stands::Above) if standing.rank != 0 => return Err(DroppedComparison::ContradictsRank),
        Some(Stands::Below) if standing.rank != standing.last() => return Err(DroppedComparison::ContradictsRank),
        Some(_) | None => {}
    }
    let mentions = references(&text);
    let mut named = Vec::with_capacity(mentions.len());
    for (index, mention) in mentions.iter().enumerate() {
        let ranks = standing.named(mention)?;
        if let Some(claim) = direction(&text, &mentions, index)
            && ranks.iter().any(|&rank| standing.stands(rank) != claim)
        {
            return Err(DroppedComparison::ContradictsNamed);
        }
        named.push(ranks);
    }
    let is_unnamed = named.iter().all(Vec::is_empty);
    let (text, against_rank, naming) = if is_unnamed {
        let (rank, naming) = unnamed(&text, standing)?;
        (with_other(&text, &mentions), rank, naming)
    } else {
        let (text, rank) = about_one(&text, &mentions, &named, standing).ok_or(DroppedComparison::SeveralNamed)?;
        (text, rank, Naming::Named)
    };
    let stands = standing.stands(against_rank);
    if verdict(&text).is_some_and(|verdict| verdict != stands) {
        let is_named = naming == Naming::Named;
        return Err(if is_named { DroppedComparison::ContradictsNamed } else { DroppedComparison::ContradictsUnnamed });
    }
    if ranks_otherwise(&text, stands) {
        return Err(DroppedComparison::ContradictsRank);
    }
    let text = finished(&about_a_pair(&whole_sentences(&text), stands));
    if PASSAGES.is_match(&text) || !references(&text).is_empty() {
        return Err(DroppedComparison::SeveralNamed);
    }
    let fitting = shortened(&text, length.most).ok_or(DroppedComparison::Long)?;
    let is_shortened = fitting.len() < text.len();
    let text = finished(fitting);
    if words(&text) < length.fewest {
        return Err(DroppedComparison::Short);
    }
    // What was cut off may have been the only mention; and a full stop is a step too.
    if !text.contains(OTHER) || steps(&text) > length.most {
        return Err(DroppedComparison::Long);
    }
    Ok(CleanComparison { text, against_rank, stands, naming, is_shortened })
}

/// "Passage 4 is ranked lower" -> "This passage is ranked lower" where that is the explained passage's own number.
fn with_own_name_as_subject(text: &str, own: usize) -> String {
    static SUBJECT: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"(?P<before>^|,\s+|^(?:while|although|though)\s+)(?:the\s+)?passage\s+\[?(?P<number>\d{1,3})\]?(?P<verb>\s+(?:[a-z]+ly\s+)?[a-z]*s\b)",
        )
    });
    SUBJECT
        .replace_all(text, |subject: &Captures<'_>| {
            let is_own = subject["number"].parse() == Ok(own);
            let name = if is_own { "this passage" } else { return subject[0].to_owned() };
            format!("{}{name}{}", &subject["before"], &subject["verb"])
        })
        .into_owned()
}

/// The other passage of a comparison that names nobody (rule 2).
fn unnamed(text: &str, standing: Standing<'_>) -> Result<(usize, Naming), DroppedComparison> {
    let said = verdict(text).or_else(|| ends_in_blame(text).then_some(Stands::Below));
    let is_upper = 2 * standing.rank < standing.last();
    let (stands, naming) = match said {
        Some(said) => (said, Naming::Verdict),
        None if is_upper => (Stands::Above, Naming::Place),
        None => (Stands::Below, Naming::Place),
    };
    let rank = standing.neighbour(stands).ok_or(DroppedComparison::ContradictsUnnamed)?;
    Ok((rank, naming))
}

/// Makes a reason that names passages speak of one of them only; `None` where that leaves no sentence.
fn about_one(
    text: &str,
    references: &[Reference],
    named: &[Vec<usize>],
    standing: Standing<'_>,
) -> Option<(String, usize)> {
    let mut ranks: Vec<usize> = named.iter().flatten().copied().collect();
    ranks.sort_unstable_by_key(|&rank| (rank.abs_diff(standing.rank), rank));
    ranks.dedup();
    let clauses = clauses(text, references);
    for rank in ranks {
        let speaks_of_it = |index: usize| named[index].is_empty() || named[index].contains(&rank);
        let holds = |clause: &Range<usize>, wanted: bool| {
            (0..references.len())
                .any(|index| clause.contains(&references[index].span.start) && speaks_of_it(index) == wanted)
        };
        if clauses.iter().any(|clause| holds(clause, true) && holds(clause, false)) {
            continue;
        }
        let kept: Vec<&Range<usize>> = clauses.iter().filter(|clause| !holds(clause, false)).collect();
        if kept.first().is_none_or(|first| first.start > 0) && !stands_alone(text, kept.first()?) {
            continue;
        }
        let mut replaced = String::with_capacity(text.len());
        for clause in kept {
            let inside: Vec<Reference> = references
                .iter()
                .filter(|reference| clause.contains(&reference.span.start))
                .map(|reference| Reference {
                    span: reference.span.start - clause.start..reference.span.end - clause.start,
                    numbers: reference.numbers.clone(),
                })
                .collect();
            replaced.push_str(&with_other(&text[clause.clone()], &inside));
        }
        return Some((replaced, rank));
    }
    None
}

/// Whether a clause can be a sentence once the clauses before it are gone.
fn stands_alone(text: &str, clause: &Range<usize>) -> bool {
    let clause =
        text[clause.clone()].trim_start_matches(|c: char| c.is_whitespace() || ",;".contains(c)).to_lowercase();
    ["it ", "this ", "but it ", "but this ", "however, it "].iter().any(|subject| clause.starts_with(subject))
}

/// Replaces references, which lie in order inside `text`, by the token for the other passage.
fn with_other(text: &str, references: &[Reference]) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut copied = 0;
    for reference in references {
        replaced.push_str(&text[copied..reference.span.start]);
        replaced.push_str(OTHER);
        if text[reference.span.clone()].ends_with(['\'']) || text[reference.span.clone()].ends_with("'s") {
            replaced.push_str("'s");
        }
        copied = reference.span.end;
    }
    replaced.push_str(&text[copied..]);
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five passages, shown as 1 to 5, ranked 3 > 1 > 5 > 2 > 4; the explained one has this number.
    fn check(number: usize, raw: &str, expected: Result<(&str, Stands, usize), DroppedComparison>) {
        let ranks = [1, 3, 0, 4, 2].map(Some);
        let own = number - 1;
        let standing = Standing { own, rank: ranks[own].unwrap(), ranks: &ranks };
        let found = clean_comparison(raw, standing, Length::default());
        let found = found.as_ref().map(|clean| (clean.text.as_str(), clean.stands, clean.against_rank));
        assert_eq!(found, expected.as_ref().copied(), "{raw}");
    }

    #[test]
    fn a_named_passage_is_the_other_one() {
        let (above, below) = (Stands::Above, Stands::Below);
        check(1, "It is less detailed than passage 3.", Ok(("It is less detailed than <other>.", below, 0)));
        check(5, "It is less detailed than passages 3 and 1.", Ok(("It is less detailed than <other>.", below, 1)));
        check(
            5,
            "Passage 5 is more relevant than [4] and [2].",
            Ok(("This passage is more relevant than <other>.", above, 3)),
        );
        check(
            5,
            "It names no oaks, making it less relevant than passage 1 but more relevant than passage 4.",
            Ok(("It names no oaks, making it less relevant than <other>.", below, 1)),
        );
        check(
            5,
            "While it is less clear than passage 1, it is more relevant than passage 4.",
            Ok(("It is less clear than <other>.", below, 1)),
        );
    }

    #[test]
    fn what_contradicts_the_order_is_dropped() {
        check(1, "It is ranked higher than passage 3.", Err(DroppedComparison::ContradictsNamed));
        check(1, "Like passage 2, it names oaks, but it is ranked lower.", Err(DroppedComparison::ContradictsNamed));
        check(3, "It is less relevant than the other passages.", Err(DroppedComparison::ContradictsUnnamed));
        check(4, "It provides the most comprehensive list.", Err(DroppedComparison::ContradictsUnnamed));
        check(2, "It names no oaks, making it the least relevant.", Err(DroppedComparison::ContradictsRank));
        check(2, "It is ranked lower than passage 2.", Err(DroppedComparison::NamesItself));
        check(2, "It is ranked lower than passage 7.", Err(DroppedComparison::UnknownNumber));
    }

    #[test]
    fn who_is_not_named_is_a_neighbour() {
        let (above, below) = (Stands::Above, Stands::Below);
        check(
            3,
            "Compared to other passages, this one gives the most detailed list.",
            Ok(("Compared to <other>, this one gives a more detailed list.", above, 1)),
        );
        check(
            4,
            "It is ranked last because it names no oaks.",
            Ok(("It is ranked lower than <other> because it names no oaks.", below, 3)),
        );
        check(
            1,
            "It gives useful names of oaks.",
            Ok(("It gives useful names of oaks, making it more relevant than <other>.", above, 2)),
        );
        check(
            1,
            "It gives names, but it does not say where oaks grow.",
            Ok((
                "It gives names, but it does not say where oaks grow, making it less relevant than <other>.",
                below,
                0,
            )),
        );
        check(
            2,
            "It gives useful names of oaks.",
            Ok(("It gives useful names of oaks, making it less relevant than <other>.", below, 2)),
        );
    }
}
