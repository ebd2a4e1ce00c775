//! A teacher's judgment as a ranking: its order, its reasons with the passages called by their names, its evidence where
//! it is found.

use std::collections::HashMap;

use r2r_types::candidates::Candidates;
use r2r_types::document::Document;
use r2r_types::evidence::Evidence;
use r2r_types::id::DocId;
use r2r_types::judgment::{JudgedPassage, TeacherJudgment};
use r2r_types::ranking::{Ranked, Ranking, RankingError};
use r2r_types::reasoning::{Against, Comparison, Coverage, Reasoning, Stands};
use r2r_types::stage::Reasons;

use crate::renumber::{numbers_named, renamed};

/// Ranks candidates as a judgment has them; those that it does not judge keep their order below. Scores are numbers of
/// candidates from there to the end: they say the order and no more.
///
/// # Errors
/// Where the judgment is about documents that are no candidates.
pub fn ranking_of(
    judgment: &TeacherJudgment,
    candidates: &Candidates,
    reasons: Reasons,
) -> Result<Ranking, RankingError> {
    let explained = match reasons {
        Reasons::None => 0,
        Reasons::Top(n) => n,
    };
    let passages: HashMap<&DocId, &Document> = judgment.passages.iter().map(|passage| (&passage.id, passage)).collect();
    let rest = candidates.list.iter().map(|candidate| &candidate.document.id);
    let order: Vec<&DocId> = judgment.ranking.iter().chain(rest.filter(|doc| !passages.contains_key(doc))).collect();
    let rank_of: HashMap<&DocId, usize> = order.iter().enumerate().map(|(rank, &doc)| (doc, rank)).collect();
    let said: HashMap<&DocId, &JudgedPassage> = judgment.judged.iter().map(|judged| (&judged.doc, judged)).collect();
    let n = candidates.list.len();
    let ranked = order.iter().enumerate().map(|(rank, &doc)| {
        let said = said.get(doc).filter(|_| rank < explained);
        let reasoning = said.and_then(|said| reasoning(said, &passages[doc].text, judgment, &rank_of));
        Ranked { doc: doc.clone(), score: n.saturating_sub(rank) as f32, reasoning }
    });
    Ranking::of(candidates, ranked.collect())
}

/// What the teacher said of a passage; `None` where that is nothing but a grade. Whom its comparison names stands where
/// the order has it, whatever the comparison claims.
fn reasoning(
    said: &JudgedPassage,
    text: &str,
    judgment: &TeacherJudgment,
    rank_of: &HashMap<&DocId, usize>,
) -> Option<Reasoning> {
    let JudgedPassage { doc, grade: _, direct, comparison, answer_sentence } = said;
    if direct.is_none() && comparison.is_none() && answer_sentence.is_none() {
        return None;
    }
    let comparison = comparison.as_deref().unwrap_or_default();
    // Numbers in reasons are places in the judgment's passages, from 1.
    let passage = |number: usize| judgment.passages.get(number.checked_sub(1)?).map(|passage| &passage.id);
    let name_of = |number: usize| passage(number).map(ToString::to_string);
    let named = numbers_named(comparison).into_iter().filter_map(passage).filter(|&other| other != doc);
    let against = named.map(|other| {
        let stands = if rank_of[doc] < rank_of[other] { Stands::Above } else { Stands::Below };
        Against { id: other.clone(), stands }
    });
    let evidence = answer_sentence.as_deref().and_then(|quote| Evidence::locate(quote, text));
    Some(Reasoning {
        direct: renamed(direct.as_deref().unwrap_or_default(), name_of),
        comparison: Comparison { text: renamed(comparison, name_of), against: against.collect() },
        evidence: evidence.into_iter().collect(),
        // Nobody counted words: this is what the teacher said and no more.
        coverage: Coverage::default(),
    })
}
