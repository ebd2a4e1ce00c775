use proptest::prelude::*;
use r2r_inference::{EncodedPair, Reason, ReasonRequest, Student, TokenizedList};
use r2r_model::plan::Plan;
use r2r_types::document::Document;
use r2r_types::reasoning::Stands;

use crate::{document, student};

const QUERY: &str = "which volcanic rock is dark?";

fn reasons(student: &Student, pairs: &[EncodedPair]) -> Vec<Reason> {
    let sides: Vec<_> = pairs
        .iter()
        .map(|pair| pair.side(student.evidence(pair).unwrap().map(|found| found.sentence).as_ref()))
        .collect();
    let grade = student.config().grade(0.0);
    let mut plans: Vec<(Plan, usize, Option<usize>)> =
        (0..pairs.len()).map(|index| (Plan::direct(&sides[index], grade), index, None)).collect();
    for index in 1..pairs.len() {
        let plan = Plan::comparison(&sides[index], &sides[index - 1], Stands::Below, grade);
        plans.push((plan, index, Some(index - 1)));
    }
    let requests: Vec<ReasonRequest<'_>> = plans
        .iter()
        .map(|(plan, index, neighbor)| ReasonRequest {
            plan,
            document: &pairs[*index],
            neighbor: neighbor.map(|index| &pairs[index]),
        })
        .collect();
    let together = student.write_reasons(&requests).unwrap();
    for (request, reason) in requests.iter().zip(&together) {
        assert_eq!(&student.write_reasons(&[*request]).unwrap()[0], reason);
    }
    together
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn scores_do_not_depend_on_company_threads_or_repetition(
        texts in prop::collection::vec("([a-z]{0,8}[ .,]){0,40}", 1..9),
    ) {
        let (one, three) = (student(1), student(3));
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = one.score_texts(QUERY, &texts).unwrap();
        prop_assert_eq!(&one.score_texts(QUERY, &texts).unwrap(), &together);
        prop_assert_eq!(&three.score_texts(QUERY, &texts).unwrap(), &together);
        for (text, scored) in texts.iter().zip(&together) {
            prop_assert_eq!(&one.score_texts(QUERY, &[text]).unwrap()[0], scored);
        }
    }

    #[test]
    fn lists_of_several_queries_score_together_as_alone(
        lists in prop::collection::vec(
            ("[a-z]{0,8}( [a-z]{1,8}){0,3}", prop::collection::vec("([a-z]{0,8}[ .,]){0,40}", 0..5)),
            0..5,
        ),
    ) {
        let three = student(3);
        let tokenized: Vec<TokenizedList> = lists
            .iter()
            .map(|(query, texts)| {
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                three.tokenize_list(query, &texts).unwrap()
            })
            .collect();
        let together = three.score_lists(&tokenized.iter().collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(together.len(), lists.len());
        for ((query, texts), of_list) in lists.iter().zip(&together) {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            prop_assert_eq!(&three.score_texts(query, &texts).unwrap(), of_list);
        }
    }

    #[test]
    fn reasons_do_not_depend_on_company_threads_or_repetition(
        texts in prop::collection::vec("([a-z]{0,8}[ .,]){0,40}", 1..5),
    ) {
        let (one, three) = (student(1), student(3));
        let documents: Vec<Document> = texts.iter().map(|text| document(text)).collect();
        let documents: Vec<&Document> = documents.iter().collect();
        let written = reasons(&one, &one.encode(QUERY, &documents).unwrap());
        prop_assert_eq!(&reasons(&three, &three.encode(QUERY, &documents).unwrap()), &written);
        for reason in &written {
            let words: Vec<&str> = reason.words.iter().map(|word| word.lower.as_str()).collect();
            prop_assert!(!words.is_empty() && words.len() <= 24);
            for (index, triple) in words.windows(3).enumerate() {
                prop_assert!(!words.windows(3).skip(index + 1).any(|other| other == triple));
            }
            let text = reason.text("the other passage");
            prop_assert!(!text.contains('<'), "{}", text);
        }
    }
}

#[test]
fn an_empty_list_and_empty_texts_are_scored() {
    let student = student(2);
    assert!(student.score_texts(QUERY, &[]).unwrap().is_empty());
    assert!(student.score_texts("", &["", "basalt"]).unwrap().iter().all(|scored| scored.logit.is_finite()));
    let empty = document("");
    let pairs = student.encode("", &[&empty]).unwrap();
    assert!(student.evidence(&pairs[0]).unwrap().is_none());
    assert_eq!(reasons(&student, &pairs).len(), 1);
}

#[test]
fn a_title_is_read_with_its_text() {
    let student = student(1);
    let titled = Document { title: " Basalt ".to_owned(), ..document(" a dark rock. It is old. ") };
    let scored = student.score(QUERY, &[&titled]).unwrap();
    assert_eq!(scored, student.score_texts(QUERY, &["Basalt a dark rock. It is old."]).unwrap());
    let pairs = student.encode(QUERY, &[&titled]).unwrap();
    let quotes: Vec<&str> = pairs[0].sentences.iter().map(|sentence| &titled.text[sentence.text.clone()]).collect();
    assert_eq!(quotes, ["a dark rock.", "It is old."]);
}
