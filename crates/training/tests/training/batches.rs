use std::collections::BTreeSet;

use r2r_model::reasons::ReasonVocabulary;
use r2r_model::{Limits, StudentFolder};
use r2r_training::batch::{Batch, ChosenKind, Encoding, ReasonWords, list_grade};
use r2r_training::lists::{NumberedSample, TrainingLists, whole_list};
use r2r_training::similarities::Similarities;
use r2r_training::vocabulary::reason_vocabulary;

use crate::tiny;

#[test]
fn an_epoch_shows_every_list_once_and_the_next_in_another_order() {
    let examples = tiny::examples(30, 1);
    let config = tiny::config(1, tiny::LOW_RANK);
    let lists = TrainingLists::of(&examples, &config, 3).unwrap();
    let numbers = |first: usize, count: usize| -> Vec<usize> {
        lists.samples(first, count).iter().map(|sample| sample.number).collect()
    };
    let (first, second) = (numbers(0, 30), numbers(30, 30));
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 30);
    assert_ne!(first, second);
    // A position means the same however the run is cut.
    assert_eq!(numbers(25, 10), [&first[25..], &second[..5]].concat());
}

#[test]
fn a_sample_of_a_long_list_keeps_its_best_passage_and_speaks_of_nothing_else() {
    let examples = tiny::examples(30, 1);
    let mut config = tiny::config(1, tiny::LOW_RANK);
    (config.passages_per_list, config.reasons_per_list) = (3, 2);
    let lists = TrainingLists::of(&examples, &config, 3).unwrap();
    for numbered in lists.samples(0, 60) {
        let (example, sample) = (&examples[numbered.number], &numbered.sample);
        assert_eq!(sample.passages.len(), 3);
        assert!(sample.passages.is_sorted());
        assert!(sample.passages.iter().any(|passage| example.passages[*passage].target > 2.0));
        assert!(sample.reasons.len() <= 2);
        for reason in &sample.reasons {
            assert!(sample.passages.contains(&reason.passage));
            if reason.kind == ChosenKind::Comparison {
                let comparison = example.passages[reason.passage].comparison.as_ref().unwrap();
                assert!(sample.passages.contains(&comparison.against));
            }
        }
    }
}

#[test]
fn similarity_is_withheld_from_its_share_of_the_lists() {
    let examples = tiny::examples(30, 1);
    let mut config = tiny::config(1, tiny::LOW_RANK);
    let mut hidden = |dropout: f64| {
        config.similarity_dropout = dropout;
        let lists = TrainingLists::of(&examples, &config, 3).unwrap();
        lists.samples(0, 1000).iter().filter(|sample| sample.hides_similarity).count()
    };
    assert_eq!((hidden(0.0), hidden(1.0)), (0, 1000));
    assert!((200..300).contains(&hidden(0.25)));

    let base = tiny::TinyBase::new();
    let tokenizer = StudentFolder::open(base.path()).unwrap().tokenizer(&tiny::TinyBase::encoder()).unwrap();
    let encoding =
        Encoding { tokenizer: &tokenizer, limits: Limits { max_length: 48, max_query_length: 16 }, reasons: None };
    let mut similarities = Similarities::unknown(&examples);
    let known = vec![0.5; similarities.values().len()];
    assert!(similarities.restore(known));
    let filled = |hides_similarity: bool| {
        let numbered = NumberedSample { number: 4, sample: whole_list(&examples[4]), hides_similarity };
        let mut batch = Batch::of(std::slice::from_ref(&numbered.sample), encoding).unwrap();
        similarities.fill(&[numbered], &mut batch);
        batch.similarities
    };
    let n_passages = examples[4].passages.len();
    assert_eq!((filled(true), filled(false)), (vec![0.0; n_passages], vec![0.5; n_passages]));
}

#[test]
fn grades_reach_from_the_worst_to_the_best_of_a_list() {
    let examples = tiny::examples(3, 1);
    for example in &examples {
        let grades: Vec<u8> = (0..example.passages.len()).map(|passage| list_grade(example, passage).value()).collect();
        assert_eq!((grades.iter().min(), grades.iter().max()), (Some(&0), Some(&4)));
    }
}

#[test]
fn a_batch_says_where_words_sentences_and_lists_are() {
    let base = tiny::TinyBase::new();
    let examples = tiny::examples(12, 1);
    let tokenizer = StudentFolder::open(base.path()).unwrap().tokenizer(&tiny::TinyBase::encoder()).unwrap();
    let vocabulary = reason_vocabulary(&examples).unwrap();
    let encoding = Encoding {
        tokenizer: &tokenizer,
        limits: Limits { max_length: 48, max_query_length: 16 },
        reasons: Some(ReasonWords { vocabulary: &vocabulary, max_words: 20 }),
    };
    let samples: Vec<_> = examples[..2].iter().map(whole_list).collect();
    let batch = Batch::of(&samples, encoding).unwrap();
    let n_pairs: usize = samples.iter().map(|sample| sample.passages.len()).sum();
    assert_eq!((batch.targets.len(), batch.pieces.packing.count()), (n_pairs, n_pairs));
    assert_eq!(batch.lists, [0..3, 3..n_pairs]);
    assert_eq!(batch.tokens(), batch.pieces.packing.rows());

    // One passage of each list has evidence: the first of its two sentences.
    assert_eq!(batch.gold_sentences.len(), 2);
    for gold in &batch.gold_sentences {
        assert_eq!((gold.sentences.len(), gold.gold), (2, gold.sentences.start));
        assert!(batch.sentences[gold.gold].end <= batch.sentences[gold.gold + 1].start);
    }

    let reasons = batch.reasons.unwrap();
    let n_reasons: usize = samples.iter().map(|sample| sample.reasons.len()).sum();
    assert_eq!((reasons.inputs.steps.count(), reasons.inputs.sources.count()), (n_reasons, n_reasons));
    assert!(reasons.inputs.spans.iter().all(|span| !span.is_empty() && span.end <= batch.pieces.ids.len()));
    for (steps, sources) in reasons.inputs.steps.ranges().zip(reasons.inputs.sources.ranges()) {
        let inputs = &reasons.inputs.inputs[steps.clone()];
        assert!((2..5).contains(&inputs[0]) && (5..10).contains(&inputs[1]));
        let acceptable = &reasons.targets.acceptable[steps];
        assert!(acceptable[0].is_empty());
        assert_eq!(acceptable.last().unwrap().vocabulary, Some(ReasonVocabulary::END));
        for (step, input) in inputs.iter().enumerate().skip(2) {
            let said = &acceptable[step - 1];
            // What a step reads is what the step before it should have said.
            if *input < vocabulary.len() {
                let known = *input != ReasonVocabulary::UNKNOWN as usize;
                assert_eq!(said.vocabulary, known.then_some(*input as u32));
            } else {
                let row = input - vocabulary.len();
                assert!(sources.contains(&row) && said.sources.first() == Some(&(row - sources.start)));
            }
        }
    }
}

#[test]
fn frame_words_stand_in_the_reasons_of_five_queries() {
    let mut examples = tiny::examples(24, 1);
    examples[0].passages[0].direct = Some("zeugma zeugma zeugma zeugma zeugma zeugma names it".to_owned());
    let vocabulary = reason_vocabulary(&examples).unwrap();
    assert!(vocabulary.id("names").is_some());
    assert_eq!(vocabulary.id("zeugma"), None);
    assert_eq!(vocabulary.id("<other>"), Some(ReasonVocabulary::OTHER));
    for example in &mut examples {
        for passage in &mut example.passages {
            (passage.direct, passage.comparison) = (None, None);
        }
    }
    assert!(reason_vocabulary(&examples).is_none());
}
