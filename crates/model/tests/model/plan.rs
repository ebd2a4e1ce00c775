use r2r_model::config::Grade;
use r2r_model::encoding::{Limits, PairEncoding};
use r2r_model::pair_words::PairWords;
use r2r_model::passage::PassageText;
use r2r_model::plan::{Kind, Marks, Plan, Segment, Side, Step, StepInput};
use r2r_model::reasons::ReasonVocabulary;
use r2r_model::sentence_pieces::sentence_pieces;
use r2r_types::reasoning::Stands;

use crate::small_tokenizer;

const QUERY: &str = "Is basalt a volcanic rock?";
const DOCUMENT: &str = "Basalts are dark. Volcanic rocks cool.";
const NEIGHBOR: &str = "Bread is dark.";

fn encode(document: &str, max_length: usize) -> PairEncoding {
    small_tokenizer().encode_pair(QUERY, document, Limits { max_length, max_query_length: 64 }).unwrap()
}

fn words(document: &str) -> PairWords {
    PairWords::of(QUERY, document, &encode(document, 96))
}

fn comparison() -> Plan {
    let (own, other) = (words(DOCUMENT), words(NEIGHBOR));
    let own = Side { words: &own, evidence: Some(18..38) };
    Plan::comparison(&own, &Side { words: &other, evidence: None }, Stands::Above, Grade::new(3).unwrap())
}

fn check(plan: &Plan, segment: Segment, marks: Marks, expected: &[&str]) {
    let marked = plan.memory.iter().filter(|word| word.segment == segment && word.marks.contains(marks));
    assert_eq!(marked.map(|word| word.written.as_str()).collect::<Vec<_>>(), expected);
}

#[test]
fn marks_say_what_matches_what_is_missing_and_what_is_distinct() {
    let plan = comparison();
    check(&plan, Segment::Query, Marks::MATCHED, &["basalt", "volcanic", "rock"]);
    check(&plan, Segment::Query, Marks::MISSING, &[]);
    check(&plan, Segment::Query, Marks::MATCHED_BY_NEIGHBOR, &["Is"]);
    check(&plan, Segment::Query, Marks::FUNCTION, &["Is", "a", "?"]);
    check(&plan, Segment::Document, Marks::MATCHED, &["Basalts", "Volcanic", "rocks"]);
    check(&plan, Segment::Document, Marks::IN_EVIDENCE, &["Volcanic", "rocks", "cool", "."]);
    check(&plan, Segment::Document, Marks::DISTINCT, &["Basalts", "Volcanic", "rocks", "cool"]);
    check(&plan, Segment::Neighbor, Marks::DISTINCT, &["Bread"]);
    check(&plan, Segment::Neighbor, Marks::MATCHED_BY_NEIGHBOR, &["is"]);

    let own = words(NEIGHBOR);
    let plan = Plan::direct(&Side { words: &own, evidence: None }, Grade::new(0).unwrap());
    check(&plan, Segment::Query, Marks::MISSING, &["basalt", "volcanic", "rock"]);
    for segment in [Segment::Query, Segment::Document] {
        check(&plan, segment, Marks::DISTINCT, &[]);
        check(&plan, segment, Marks::MATCHED_BY_NEIGHBOR, &[]);
    }
}

#[test]
fn a_word_is_found_in_vocabulary_and_sources_alike() {
    let plan = comparison();
    let vocabulary = ReasonVocabulary::new(["dark", "names"]).unwrap();
    let start = Step::control(ReasonVocabulary::kind(plan.kind));
    let input = |word: &str| plan.step(word, &start, &vocabulary).input;
    assert_eq!((plan.kind, plan.controls()), (Kind::Above, [3, 8]));
    let dark = plan.entries("dark", &vocabulary);
    let sources: Vec<&str> = dark.sources.iter().map(|index| plan.memory[*index].lower.as_str()).collect();
    assert_eq!((dark.vocabulary, sources), (Some(12), vec!["dark", "dark"]));
    assert_eq!(input("dark"), StepInput::Vocabulary(12));
    let cool = plan.entries("cool", &vocabulary).sources;
    assert_eq!(input("cool"), StepInput::Source(cool[0]));
    assert!(plan.entries("granite", &vocabulary).is_empty());
    assert_eq!(input("granite"), StepInput::Vocabulary(ReasonVocabulary::UNKNOWN));
}

#[test]
fn copied_words_are_spelled_as_the_sources_do() {
    let plan = comparison();
    let spellings = ["basalts", "volcanic", "is", "bread", "granite"].map(|word| plan.spelling(word));
    assert_eq!(spellings, [Some("basalts"), Some("volcanic"), Some("is"), Some("bread"), None]);

    let check = |document: &str, word: &str, expected: &str| {
        let own = words(document);
        let plan = Plan::direct(&Side { words: &own, evidence: None }, Grade::new(3).unwrap());
        assert_eq!(plan.spelling(word), Some(expected), "{word} in {document}");
    };
    // The query writes "basalt" and "rock" without capitals.
    check("Dark is Basalt. Rock Basalt is dark.", "basalt", "Basalt");
    check("Dark is Basalt. Rock Basalt is dark.", "rock", "Rock");
    check("Rock is dark.", "rock", "rock");
    check("Is this a rock? Basalt (Rock) is dark.", "basalt", "Basalt");
}

#[test]
fn words_and_sentences_end_with_the_window() {
    let passage = PassageText::of_parts("Basalt", DOCUMENT);
    let whole = encode(&passage.whole, 96);
    let sentences = sentence_pieces(DOCUMENT, &passage, &whole);
    let quotes: Vec<&str> = sentences.iter().map(|sentence| &DOCUMENT[sentence.text.clone()]).collect();
    assert_eq!(quotes, ["Basalts are dark.", "Volcanic rocks cool."]);
    assert!(sentences.iter().all(|sentence| passage.whole[sentence.whole.clone()] == DOCUMENT[sentence.text.clone()]));

    // A window that ends inside the first sentence.
    let cut = encode(&passage.whole, sentences[0].pieces.start + 2);
    assert!(cut.document_truncated);
    assert_eq!(sentence_pieces(DOCUMENT, &passage, &cut).len(), 1);
    let words = PairWords::of(QUERY, &passage.whole, &cut);
    assert!(words.document.iter().all(|word| word.pieces.end <= cut.document.end));
    assert!(words.document.len() <= 2 && words.document_stems.contains("cool"));
}

#[test]
fn a_copied_word_is_followed_by_the_next_word_of_its_own_text() {
    let plan = comparison();
    let vocabulary = ReasonVocabulary::new(["dark", "names", "are"]).unwrap();
    let mut step = Step::control(ReasonVocabulary::kind(plan.kind));
    let mut check = |word: &str, at: Option<&str>, continuation: Option<&str>| {
        step = plan.step(word, &step, &vocabulary);
        let written = |place: Option<usize>| place.map(|place| plan.memory[place].written.as_str());
        assert_eq!((written(step.at), written(step.continuation)), (at, continuation), "behind {word}");
    };
    check("names", None, None);
    // In the evidence rather than in the query, which has it first.
    check("volcanic", Some("Volcanic"), Some("rocks"));
    check("rocks", Some("rocks"), Some("cool"));
    // A function word is a place only where the sources go on with it.
    check("are", None, None);
    check("basalts", Some("Basalts"), Some("are"));
    check("are", Some("are"), Some("dark"));
    // The last word of the neighbor has none behind it.
    check("bread", Some("Bread"), Some("is"));
    check("is", Some("is"), Some("dark"));
    check("dark", Some("dark"), Some("."));
    check(".", Some("."), None);
}
