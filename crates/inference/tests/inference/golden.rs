use std::num::NonZeroUsize;

use r2r_inference::{EncodedPair, Instructions, Options, ReasonRequest, Student};
use r2r_model::config::Grade;
use r2r_model::plan::Plan;
use r2r_types::document::Document;
use r2r_types::reasoning::Stands;
use serde::Deserialize;

use crate::{Close, document, folder, student};

#[derive(Deserialize)]
struct Golden {
    query: String,
    documents: Vec<String>,
    cross_encoder_logits: Vec<Close>,
    heads: Vec<Close>,
    similarities: Vec<Close>,
    evidence: Vec<Vec<GoldenSentence>>,
    reasons: Vec<GoldenReason>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct GoldenSentence {
    start: usize,
    end: usize,
    score: Close,
}

#[derive(Deserialize)]
struct GoldenReason {
    document: usize,
    neighbor: Option<usize>,
    stands: Option<Stands>,
    grade: u8,
    words: Vec<String>,
    sources: Vec<String>,
    marks: Vec<u8>,
    logits: Vec<Vec<Close>>,
    greedy: Vec<String>,
    beam: Vec<String>,
}

fn golden() -> Golden {
    serde_json::from_slice(&std::fs::read(folder("students.json")).unwrap()).unwrap()
}

fn texts(golden: &Golden) -> Vec<&str> {
    golden.documents.iter().map(String::as_str).collect()
}

fn encoded(student: &Student, golden: &Golden) -> Vec<EncodedPair> {
    let documents: Vec<Document> = golden.documents.iter().map(|text| document(text)).collect();
    student.encode(&golden.query, &documents.iter().collect::<Vec<_>>()).unwrap()
}

fn plan_of(student: &Student, pairs: &[EncodedPair], reason: &GoldenReason) -> Plan {
    let side = |index: usize| {
        let evidence = student.evidence(&pairs[index]).unwrap().unwrap();
        pairs[index].side(Some(&evidence.sentence))
    };
    let grade = Grade::new(reason.grade).unwrap();
    match (reason.neighbor, reason.stands) {
        (Some(neighbor), Some(stands)) => Plan::comparison(&side(reason.document), &side(neighbor), stands, grade),
        _ => Plan::direct(&side(reason.document), grade),
    }
}

#[test]
fn a_cross_encoder_of_transformers_gives_its_logits() {
    let golden = golden();
    for instructions in Instructions::available() {
        let options = Options { instructions: Some(instructions), ..Options::default() };
        let student = Student::open(&folder("cross_encoder"), &options).unwrap();
        let scored = student.score_texts(&golden.query, &texts(&golden)).unwrap();
        let logits: Vec<Close> = scored.iter().map(|scored| Close(scored.logit)).collect();
        assert_eq!(logits, golden.cross_encoder_logits, "{instructions:?}");
        assert!(scored.iter().all(|scored| scored.similarity.is_none()));
        assert_eq!(scored.iter().map(|scored| scored.truncated).collect::<Vec<_>>(), [false, false, false, true]);
    }
}

#[test]
fn a_low_rank_student_adds_the_similarity_of_its_base() {
    let golden = golden();
    let scored = student(1).score_texts(&golden.query, &texts(&golden)).unwrap();
    assert_eq!(scored.iter().map(|scored| Close(scored.head)).collect::<Vec<_>>(), golden.heads);
    let similarities: Vec<Close> = scored.iter().map(|scored| Close(scored.similarity.unwrap())).collect();
    assert_eq!(similarities, golden.similarities);
    for (index, scored) in scored.iter().enumerate() {
        let logit = golden.heads[index].0 + 3.5 * golden.similarities[index].0;
        assert!((scored.logit - logit).abs() < 5e-4);
        assert_eq!(Close(scored.probability), Close(1.0 / (1.0 + (-(0.5 * logit - 0.25)).exp())));
    }
}

#[test]
fn sentences_are_scored_as_written_out() {
    let golden = golden();
    let student = student(1);
    for (pair, expected) in encoded(&student, &golden).iter().zip(&golden.evidence) {
        let found: Vec<GoldenSentence> = student
            .sentence_scores(pair)
            .unwrap()
            .into_iter()
            .map(|found| GoldenSentence {
                start: found.sentence.text.start,
                end: found.sentence.text.end,
                score: Close(found.score),
            })
            .collect();
        assert_eq!(&found, expected);
    }
}

#[test]
fn reasons_have_the_logits_and_words_of_the_written_out_decoder() {
    let golden = golden();
    for instructions in Instructions::available() {
        let of_width = |wordings: usize| {
            let wordings = NonZeroUsize::new(wordings);
            let options = Options { instructions: Some(instructions), wordings, ..Options::default() };
            Student::open(&folder("student"), &options).unwrap()
        };
        let (student, beam) = (of_width(1), of_width(4));
        let pairs = encoded(&student, &golden);
        for reason in &golden.reasons {
            let plan = plan_of(&student, &pairs, reason);
            let sources: Vec<&str> = plan.memory.iter().map(|word| word.lower.as_str()).collect();
            assert_eq!(sources, reason.sources);
            let marks: Vec<u8> = plan.memory.iter().map(|word| word.marks.bits()).collect();
            assert_eq!(marks, reason.marks);

            let neighbor = reason.neighbor.map(|index| &pairs[index]);
            let request = ReasonRequest { plan: &plan, document: &pairs[reason.document], neighbor };
            let words: Vec<&str> = reason.words.iter().map(String::as_str).collect();
            let logits: Vec<Vec<Close>> = student
                .reason_logits(&request, &words)
                .unwrap()
                .into_iter()
                .map(|step| step.into_iter().map(Close).collect())
                .collect();
            assert_eq!(logits, reason.logits, "{instructions:?}");

            let words = |student: &Student| -> Vec<String> {
                let written = student.write_reasons(&[request]).unwrap().remove(0);
                written.words.into_iter().map(|word| word.lower).collect()
            };
            assert_eq!(words(&student), reason.greedy, "{instructions:?}");
            assert_eq!(words(&beam), reason.beam, "{instructions:?}");
        }
    }
}
