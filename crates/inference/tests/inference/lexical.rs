use r2r_inference::{Options, Student};
use r2r_model::folder::StudentFolder;
use r2r_model::lexical::LexicalMatch;

use crate::{copied_student, student};

const QUERY: &str = "which volcanic rock is dark?";
const TEXTS: [&str; 4] = ["Basalt is a dark volcanic rock.", "Bread is dark.", "bread", ""];
const WEIGHT: f32 = 2.5;

fn counted() -> (tempfile::TempDir, std::path::PathBuf, LexicalMatch) {
    let (temporary, root) = copied_student();
    let folder = StudentFolder::open(&root).unwrap();
    let mut config = folder.config().unwrap();
    let tokenizer = folder.tokenizer(&config.encoder).unwrap();
    let pieces: Vec<Vec<u32>> = TEXTS.iter().map(|text| tokenizer.pieces(text, 64).unwrap().ids).collect();
    let lexical = LexicalMatch::of_texts(pieces.iter().map(Vec::as_slice), config.encoder.vocab_size);
    config.lexical_weight = WEIGHT;
    folder.put_lexical(&lexical).unwrap();
    folder.replace_config(&config).unwrap();
    (temporary, root, lexical)
}

#[test]
fn the_words_that_a_document_has_are_added_to_its_score() {
    let (_temporary, root, lexical) = counted();
    let with = Student::open(&root, &Options::default()).unwrap();
    let pieces = |text: &str| with.tokenizer().pieces(text, 64).unwrap().ids;
    let before = student(1).score_texts(QUERY, &TEXTS).unwrap();
    let after = with.score_texts(QUERY, &TEXTS).unwrap();
    for ((text, before), after) in TEXTS.iter().zip(&before).zip(&after) {
        let share = lexical.score(&pieces(QUERY), &pieces(text));
        assert_eq!((before.lexical, after.lexical), (None, Some(share)));
        assert!((after.logit - before.logit - WEIGHT * share).abs() < 1e-5, "{text}: {after:?}");
        assert_eq!(with.score_texts(QUERY, &[text]).unwrap(), [*after], "alone as beside others");
    }
    assert!(after[0].lexical > after[1].lexical && after[1].lexical > after[2].lexical);
}

#[test]
fn a_student_that_counts_words_needs_their_weights() {
    let (_temporary, root, _) = counted();
    std::fs::remove_file(root.join("lexical.safetensors")).unwrap();
    let message = Student::open(&root, &Options::default()).err().unwrap().to_string();
    assert!(message.contains("has no lexical.safetensors"), "{message}");
}
