//! What holds for every distillation, whatever a teacher says.

use std::collections::HashSet;

use proptest::prelude::*;
use r2r_distillation::comparisons::OTHER;
use r2r_distillation::references::references;
use r2r_distillation::words::{steps, words};
use r2r_distillation::{DistillationOptions, Targets, distill};
use r2r_types::sentences::sentences;
use r2r_types::{DocId, Document, JudgedPassage, Query, Stands, TeacherJudgment};

/// Pieces of what teachers write, put together at random: most combinations contradict some order.
const SAID: [&str; 24] = [
    "is ranked third because it names oaks",
    "This passage directly names oaks",
    "Similar to passage 2, this one names elms",
    ", making it the most relevant to the query",
    ", but it is less relevant than passages 1 and 3",
    " more relevant than [2]",
    ". However, it does not say where they grow",
    "Compared to the other passages, this one is the least relevant",
    "It is ranked lower than passage 4 because it lacks detail",
    "[1] and [3] are about ferns",
    "While it mentions oaks, it gives less detail than passage 1",
    "hence ranked last",
    "I ranked passage [1] first as it",
    "Passage 9",
    "the second passage",
    "N/A",
    "",
    " 'quoted, words' (and more",
    "  ",
    ".",
    "größer als \u{2019}Süß\u{201d}",
    "provides the most comprehensive explanation of oaks, elms, and ferns in the woods of the north and of the south",
    ", which is less directly related to the query compared to the others",
    "repeats the same information as the previous passages",
];

fn said() -> impl Strategy<Value = Option<String>> {
    let pieces = prop::collection::vec(prop::sample::select(SAID.to_vec()), 0..4).prop_map(|pieces| pieces.concat());
    prop::option::weighted(0.9, prop_oneof![4 => pieces, 1 => "\\PC{0,60}"])
}

fn judgment() -> impl Strategy<Value = TeacherJudgment> {
    let passage = (
        prop_oneof!["[A-Z][a-z ]{0,12}\\. [A-Z][a-z ]{0,12}\\.", Just(String::new()), Just("The same.".to_owned())],
        prop::option::of(0..4),
        said(),
        said(),
        said(),
    );
    (prop::collection::vec(passage, 0..7), "[ab?]{0,2}").prop_flat_map(|(passages, query)| {
        let order: Vec<usize> = (0..passages.len()).collect();
        Just(order).prop_shuffle().prop_map(move |order| {
            let id = |i: usize| -> DocId { format!("d{i}").into() };
            TeacherJudgment {
                query: Query { id: "q".into(), text: query.clone() },
                teacher: "t".into(),
                passages: (0..passages.len())
                    .map(|i| Document { id: id(i), title: String::new(), text: passages[i].0.clone() })
                    .collect(),
                ranking: order.iter().map(|&i| id(i)).collect(),
                judged: (0..passages.len())
                    .map(|i| {
                        let (_, grade, direct, comparison, answer_sentence) = passages[i].clone();
                        JudgedPassage { doc: id(i), grade, direct, comparison, answer_sentence }
                    })
                    .collect(),
                is_consistent: None,
            }
        })
    })
}

proptest! {
    #[test]
    fn what_comes_out_can_be_learned(
        judgments in prop::collection::vec(judgment(), 0..6), by_grades: bool,
    ) {
        let targets = if by_grades { Targets::Grades } else { Targets::Order };
        let options = DistillationOptions { targets, ..DistillationOptions::default() };
        let (examples, report) = distill(&judgments, &options);
        prop_assert_eq!(&distill(&judgments, &options), &(examples.clone(), report.clone()));
        prop_assert_eq!(report.examples, examples.len());
        prop_assert_eq!(report.examples + report.filtered.judgments.values().sum::<usize>(), judgments.len());
        let reasons = &report.direct;
        prop_assert_eq!(reasons.given, reasons.kept + reasons.dropped.values().sum::<usize>());
        let comparisons = &report.comparison;
        prop_assert_eq!(comparisons.given, comparisons.kept + comparisons.dropped.values().sum::<usize>());

        let mut accepted = judgments.iter();
        for example in &examples {
            let docs: HashSet<&DocId> = example.passages.iter().map(|passage| &passage.doc).collect();
            let judgment = accepted
                .find(|judgment| docs.iter().all(|doc| {
                    judgment.passages.iter().any(|passage| passage.id == **doc)
                }) && judgment.query == example.query && example.passages.iter().all(|passage| {
                    judgment.passages.iter().any(|shown| shown.id == passage.doc && shown.text == passage.text)
                }))
                .expect("every example comes from a judgment, in order");
            let target = |doc: &DocId| example.passages.iter().find(|passage| passage.doc == *doc).map(|p| p.target);
            let along: Vec<f32> = judgment.ranking.iter().filter_map(target).collect();
            prop_assert!(along.is_sorted_by(|before, after| before >= after), "{along:?}");
            prop_assert_eq!(along.len(), example.passages.len());

            for (index, passage) in example.passages.iter().enumerate() {
                if let Some((start, end)) = passage.evidence {
                    prop_assert!(sentences(&passage.text).contains(&(start..end)));
                }
                if let Some(direct) = &passage.direct {
                    prop_assert!(words(direct) >= options.length.fewest && steps(direct) <= options.length.most, "{}", direct);
                    prop_assert!(references(direct).is_empty(), "{}", direct);
                }
                if let Some(comparison) = &passage.comparison {
                    let other = &example.passages[comparison.against];
                    prop_assert!(comparison.against != index);
                    match comparison.stands {
                        Stands::Above => prop_assert!(passage.target > other.target),
                        Stands::Below => prop_assert!(passage.target < other.target),
                    }
                    prop_assert!(comparison.text.contains(OTHER), "{}", comparison.text);
                    prop_assert!(references(&comparison.text).is_empty(), "{}", comparison.text);
                    prop_assert!(steps(&comparison.text) <= options.length.most, "{}", comparison.text);
                }
            }
        }
    }
}
