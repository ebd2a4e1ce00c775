//! A student as a reranker: scores first, then reasons for the best documents in that order.

use std::num::NonZeroUsize;

use r2r_types::candidates::Candidates;
use r2r_types::document::Document;
use r2r_types::evidence::{Evidence, Receipt};
use r2r_types::ranking::{Ranked, Ranking};
use r2r_types::reasoning::{Against, Comparison, Coverage, Reasoning, Stands};
use r2r_types::stage::{Reasons, Reranker, StageError};

use crate::receipt::Counterfactuals;
use crate::student::{EarlyScore, ExplanationRequest, Student};

/// A reranker whose order comes from a student's scores alone, and whose reasons come after it.
#[derive(Clone, Debug)]
pub struct ExplainedReranker<S> {
    student: S,
}

/// A ranking whose last documents were stopped early.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyRanking {
    /// All documents: the finished ones by their scores, below them the stopped ones by what was foreseen of theirs. The
    /// scores of the stopped are moved down together until none is above a finished one.
    pub ranking: Ranking,
    /// How many were finished.
    pub finished: usize,
}

/// A document as its explanation needs it.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The document.
    pub document: &'a Document,
    /// Its raw score.
    pub logit: f32,
    /// The document it is compared with, and where this one stands relative to it.
    pub neighbor: Option<(&'a Document, Stands)>,
}

impl<S: Student> ExplainedReranker<S> {
    /// Wraps a student.
    pub fn new(student: S) -> Self {
        Self { student }
    }

    /// The student within.
    pub fn student(&self) -> &S {
        &self.student
    }

    /// Reasons with verified evidence and receipts for documents whose places are known.
    ///
    /// # Errors
    /// What the student's scoring and writing return; `Malformed` where the student points at
    /// something that is no text of the document.
    pub fn explain(&self, query: &str, placed: &[Placed<'_>]) -> Result<Vec<Reasoning>, StageError> {
        let requests: Vec<ExplanationRequest<'_>> = placed
            .iter()
            .map(|place| ExplanationRequest { document: place.document, logit: place.logit, neighbor: place.neighbor })
            .collect();
        let written = self.student.explain(query, &requests)?;

        if written.len() != placed.len() {
            let (asked, given) = (placed.len(), written.len());
            return Err(StageError::Malformed(format!("{given} explanations were written for {asked} documents")));
        }

        // Nothing is computed with a range before it is known to be text of its document.
        let mut found: Vec<Option<Evidence>> = Vec::with_capacity(placed.len());
        let mut counterfactuals = Vec::new();
        for (place, reasons) in placed.iter().zip(&written) {
            let Some(range) = reasons.evidence.clone() else {
                found.push(None);
                continue;
            };
            let evidence = Evidence::slice(&place.document.text, range.clone()).ok_or_else(|| {
                StageError::Malformed(format!("the evidence of document {} is no text of it", place.document.id))
            })?;
            found.push(Some(evidence));
            counterfactuals.push(Counterfactuals::of(place.document, range));
        }
        // All receipts in one call: a student scores a large batch faster than many small ones.
        let texts: Vec<&Document> = counterfactuals.iter().flat_map(|pair| [&pair.without, &pair.alone]).collect();
        let scores = self.student.score(query, &texts)?;
        let mut receipts = scores
            .chunks_exact(2)
            .map(|pair| Receipt { score_without: pair[0].probability, score_alone: pair[1].probability });

        let mut explained = Vec::with_capacity(placed.len());
        for ((place, reasons), mut evidence) in placed.iter().zip(written).zip(found) {
            if let Some(evidence) = &mut evidence {
                evidence.receipt = receipts.next();
            }
            let against = place.neighbor.map(|(neighbor, stands)| Against { id: neighbor.id.clone(), stands });
            explained.push(Reasoning {
                direct: reasons.direct,
                comparison: Comparison { text: reasons.comparison, against: against.into_iter().collect() },
                evidence: evidence.into_iter().collect(),
                coverage: Coverage { matched: reasons.matched, missing: reasons.missing },
            });
        }
        Ok(explained)
    }

    /// Ranks all candidates. Only the best `shown` will be seen: only these are explained, each against another of them.
    pub fn rerank_shown(&self, candidates: &Candidates, reasons: Reasons, shown: usize) -> Result<Ranking, StageError> {
        let documents = documents_of(candidates);
        let scores = self.student.score(&candidates.query.text, &documents)?;
        let logits: Vec<f32> = scores.iter().map(|score| score.logit).collect();
        let mut order: Vec<usize> = (0..documents.len()).collect();
        // A stable sort: equal scores keep the first stage's order.
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        self.explained_order(candidates, &Order { order, logits }, reasons, shown)
    }

    /// As [`Self::rerank_shown`], but documents that will not be among the best `n` may be stopped early. A stopped
    /// document is not explained.
    pub fn rerank_early(
        &self,
        candidates: &Candidates,
        reasons: Reasons,
        shown: usize,
        n: NonZeroUsize,
    ) -> Result<EarlyRanking, StageError> {
        let scores = self.student.score_early(&candidates.query.text, &documents_of(candidates), n)?;
        let order = Order::of_early(&scores);
        let finished = scores.iter().filter(|score| matches!(score, EarlyScore::Finished(_))).count();
        let reasons = match reasons {
            Reasons::None => Reasons::None,
            Reasons::Top(n) => Reasons::Top(n.min(finished)),
        };
        Ok(EarlyRanking { ranking: self.explained_order(candidates, &order, reasons, shown)?, finished })
    }

    /// The ranking with its reasons, once the order is known.
    fn explained_order(
        &self,
        candidates: &Candidates,
        Order { order, logits }: &Order,
        reasons: Reasons,
        shown: usize,
    ) -> Result<Ranking, StageError> {
        let documents = documents_of(candidates);
        let n_shown = shown.min(documents.len());
        let n_explained = match reasons {
            Reasons::None => 0,
            Reasons::Top(n) => n.min(n_shown),
        };
        let placed: Vec<Placed<'_>> = (0..n_explained)
            .map(|rank| Placed {
                document: documents[order[rank]],
                logit: logits[order[rank]],
                neighbor: neighbor_of(rank, n_shown).map(|(other, stands)| (documents[order[other]], stands)),
            })
            .collect();
        let mut reasonings =
            if placed.is_empty() { Vec::new() } else { self.explain(&candidates.query.text, &placed)? }.into_iter();

        let ranked = order
            .iter()
            .map(|&index| Ranked {
                doc: documents[index].id.clone(),
                score: logits[index],
                reasoning: reasonings.next(),
            })
            .collect();
        Ranking::of(candidates, ranked).map_err(|error| StageError::Failed(Box::new(error)))
    }
}

impl<S: Student> Reranker for ExplainedReranker<S> {
    fn rerank(&self, candidates: &Candidates, reasons: Reasons) -> Result<Ranking, StageError> {
        self.rerank_shown(candidates, reasons, usize::MAX)
    }
}

/// Places in the candidates' list, best first, with the logit of each candidate.
struct Order {
    order: Vec<usize>,
    logits: Vec<f32>,
}

impl Order {
    /// Finished documents first, then the stopped ones.
    fn of_early(scores: &[EarlyScore]) -> Self {
        let lowest = |lowest: f32, score: &EarlyScore| match score {
            EarlyScore::Finished(score) => lowest.min(score.logit),
            EarlyScore::Stopped(_) => lowest,
        };
        let highest = |highest: f32, score: &EarlyScore| match score {
            EarlyScore::Finished(_) => highest,
            EarlyScore::Stopped(foreseen) => highest.max(*foreseen),
        };
        let (floor, top) = (scores.iter().fold(f32::INFINITY, lowest), scores.iter().fold(f32::NEG_INFINITY, highest));
        let logits: Vec<f32> = scores
            .iter()
            .map(|score| match score {
                EarlyScore::Finished(score) => score.logit,
                EarlyScore::Stopped(foreseen) if top >= floor => (floor + (foreseen - top)).min(floor.next_down()),
                EarlyScore::Stopped(foreseen) => *foreseen,
            })
            .collect();
        let is_stopped = |place: usize| matches!(scores[place], EarlyScore::Stopped(_));
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| is_stopped(a).cmp(&is_stopped(b)).then(logits[b].total_cmp(&logits[a])));
        Self { order, logits }
    }
}

fn documents_of(candidates: &Candidates) -> Vec<&Document> {
    candidates.list.iter().map(|candidate| &*candidate.document).collect()
}

/// The rank a document is compared with: the next lower one, and for the last the one above it.
pub fn neighbor_of(rank: usize, n_documents: usize) -> Option<(usize, Stands)> {
    if rank + 1 < n_documents {
        Some((rank + 1, Stands::Above))
    } else {
        rank.checked_sub(1).map(|above| (above, Stands::Below))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use r2r_types::candidates::Candidate;
    use r2r_types::document::Query;

    use super::*;
    use crate::student::{Score, WrittenReasons};

    /// Scores a document by its number of letters `e`; points at its first sentence.
    struct CountsLetters;

    impl Student for CountsLetters {
        fn score(&self, _query: &str, documents: &[&Document]) -> Result<Vec<Score>, StageError> {
            let score = |document: &&Document| {
                let logit = document.text.matches('e').count() as f32;
                Score { logit, probability: logit / (1.0 + logit) }
            };
            Ok(documents.iter().map(score).collect())
        }

        /// Foresees the letters of the first half; stops what has fewer there than the `n`th.
        fn score_early(
            &self,
            query: &str,
            documents: &[&Document],
            n: NonZeroUsize,
        ) -> Result<Vec<EarlyScore>, StageError> {
            let half = |document: &&Document| document.text[..document.text.len() / 2].matches('e').count() as f32;
            let foreseen: Vec<f32> = documents.iter().map(half).collect();
            let mut sorted = foreseen.clone();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let least = sorted.get(n.get() - 1).copied().unwrap_or(0.0);
            let all = self.score(query, documents)?;
            let decided = all.into_iter().zip(foreseen);
            Ok(decided
                .map(
                    |(score, foreseen)| {
                        if foreseen < least { EarlyScore::Stopped(foreseen) } else { EarlyScore::Finished(score) }
                    },
                )
                .collect())
        }

        fn writes_reasons(&self) -> bool {
            true
        }

        fn explain(
            &self,
            _query: &str,
            requests: &[ExplanationRequest<'_>],
        ) -> Result<Vec<WrittenReasons>, StageError> {
            let write = |request: &ExplanationRequest<'_>| WrittenReasons {
                direct: format!("about {}", request.document.id),
                comparison: request.neighbor.map_or(String::new(), |(other, _)| format!("unlike {}", other.id)),
                evidence: r2r_types::sentences::sentences(&request.document.text).into_iter().next(),
                matched: Vec::new(),
                missing: Vec::new(),
            };
            Ok(requests.iter().map(write).collect())
        }
    }

    fn candidates(texts: &[String]) -> Candidates {
        let candidate = |(i, text): (usize, &String)| Candidate {
            document: Arc::new(Document { id: format!("d{i}").into(), title: String::new(), text: text.clone() }),
            score: -(i as f32),
        };
        Candidates {
            query: Arc::new(Query { id: "q".into(), text: "query".into() }),
            list: texts.iter().enumerate().map(candidate).collect(),
        }
    }

    proptest! {
        #[test]
        fn reasons_never_change_the_order_and_comparisons_agree_with_it(
            texts in prop::collection::vec("[a-f .]{0,30}", 0..12),
            n in 0usize..15,
            shown in 0usize..15,
        ) {
            let candidates = candidates(&texts);
            let reranker = ExplainedReranker::new(CountsLetters);
            let plain = reranker.rerank(&candidates, Reasons::None).unwrap();
            let explained = reranker.rerank_shown(&candidates, Reasons::Top(n), shown).unwrap();
            let order = |ranking: &Ranking| ranking.ranked().iter().map(|r| (r.doc.clone(), r.score)).collect::<Vec<_>>();
            prop_assert_eq!(order(&plain), order(&explained));
            let place = |doc| explained.ranked().iter().position(|ranked| &ranked.doc == doc).unwrap();
            for (rank, ranked) in explained.ranked().iter().enumerate() {
                prop_assert_eq!(ranked.reasoning.is_some(), rank < n.min(shown));
                let Some(reasoning) = &ranked.reasoning else { continue };
                for against in &reasoning.comparison.against {
                    prop_assert!(place(&against.id) < shown);
                    let stands = if rank < place(&against.id) { Stands::Above } else { Stands::Below };
                    prop_assert_eq!(against.stands, stands);
                }
                prop_assert!(reasoning.evidence.iter().all(|evidence| evidence.receipt.is_some()));
            }
        }
    }

    proptest! {
        #[test]
        fn stopped_documents_stand_below_all_finished_ones_by_what_was_foreseen(
            texts in prop::collection::vec("[a-f .]{0,30}", 1..12),
            n in 1usize..15,
            explained in 0usize..15,
        ) {
            let candidates = candidates(&texts);
            let documents = documents_of(&candidates);
            let scores = CountsLetters.score_early("query", &documents, NonZeroUsize::new(n).unwrap()).unwrap();
            let reranker = ExplainedReranker::new(CountsLetters);
            let early = reranker
                .rerank_early(&candidates, Reasons::Top(explained), usize::MAX, NonZeroUsize::new(n).unwrap())
                .unwrap();
            prop_assert!(early.finished >= n.min(texts.len()));
            let of = |doc| scores[documents.iter().position(|document| &document.id == doc).unwrap()];
            let mut foreseen = f32::INFINITY;
            for (rank, ranked) in early.ranking.ranked().iter().enumerate() {
                match of(&ranked.doc) {
                    EarlyScore::Finished(score) => {
                        prop_assert!(rank < early.finished);
                        prop_assert_eq!(ranked.score.to_bits(), score.logit.to_bits());
                    }
                    EarlyScore::Stopped(own) => {
                        prop_assert!(rank >= early.finished && own <= foreseen);
                        foreseen = own;
                    }
                }
                prop_assert_eq!(ranked.reasoning.is_some(), rank < explained.min(early.finished));
            }
        }
    }

    /// Points behind the end of every document.
    struct Liar;

    impl Student for Liar {
        fn score(&self, query: &str, documents: &[&Document]) -> Result<Vec<Score>, StageError> {
            CountsLetters.score(query, documents)
        }

        fn score_early(
            &self,
            query: &str,
            documents: &[&Document],
            n: NonZeroUsize,
        ) -> Result<Vec<EarlyScore>, StageError> {
            CountsLetters.score_early(query, documents, n)
        }

        fn writes_reasons(&self) -> bool {
            true
        }

        fn explain(&self, query: &str, requests: &[ExplanationRequest<'_>]) -> Result<Vec<WrittenReasons>, StageError> {
            let mut written = CountsLetters.explain(query, requests)?;
            for reasons in &mut written {
                reasons.evidence = Some(100..200);
            }
            Ok(written)
        }
    }

    #[test]
    fn a_student_that_points_at_nothing_is_not_believed() {
        let result = ExplainedReranker::new(Liar).rerank(&candidates(&["Eee.".to_owned()]), Reasons::Top(1));
        assert!(matches!(result, Err(StageError::Malformed(_))));
    }

    #[test]
    fn a_receipt_belongs_to_its_own_document() {
        let texts = ["None here at all.".to_owned(), String::new(), "Eee eee eee. Bee bee bee.".to_owned()];
        let ranking = ExplainedReranker::new(CountsLetters).rerank(&candidates(&texts), Reasons::Top(3)).unwrap();
        let best = ranking.ranked()[0].reasoning.as_ref().unwrap();
        assert_eq!(best.evidence[0].quote(), "Eee eee eee.");
        let receipt = best.evidence[0].receipt.unwrap();
        assert_eq!((receipt.score_without, receipt.score_alone), (6.0 / 7.0, 8.0 / 9.0));
        let last = ranking.ranked()[2].reasoning.as_ref().unwrap();
        assert!(last.evidence.is_empty());
    }
}
