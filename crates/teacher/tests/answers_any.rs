//! Any bytes in, a permutation out: in time linear in their length, and with all that could be read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions it calls too")]

use proptest::prelude::*;
use r2r_teacher::answer::{Answer, Repairs, read_answer, read_answer_to, read_grade};
use r2r_teacher::prompt::Prompt;

fn dual() -> Prompt {
    Prompt::built_in("dual-v1").unwrap()
}

/// A faultless answer to the prompt `dual-v1`.
fn faultless(order: &[usize]) -> String {
    let passage = |number: &usize| {
        serde_json::json!({
            "passage": number,
            "grade": number % 5,
            "direct": format!("It says {{\"{number}\"}}, in [brackets] and \"quotes\"."),
            "comparison": format!("Unlike [{}], it names the year 1990.", number % order.len() + 1),
            "answer_sentence": if number.is_multiple_of(3) { None } else { Some(format!("Sentence {number}: yes.\nNo.")) },
        })
    };
    let passages: Vec<_> = order.iter().map(passage).collect();
    serde_json::json!({"order": order, "passages": passages}).to_string()
}

fn is_permutation(answer: &Answer, n: usize) -> bool {
    let mut order = answer.order().to_vec();
    order.sort_unstable();
    order.into_iter().eq(0..n) && answer.passages().len() == n
}

#[test]
fn slips_are_counted_by_kind() {
    let check =
        |text: &str, expected: Repairs| assert_eq!(read_answer_to(&dual(), text, 2).repairs(), expected, "{text}");
    let clean = Repairs::default();
    check(&faultless(&[2, 1]), clean);
    check(&format!("<think>Is [1] {{better}}?</think>\n{}", faultless(&[2, 1])), Repairs { thoughts: 1, ..clean });
    check(&faultless(&[2, 1]).replace("\"grade\":1", "\"grade\":9"), Repairs { grades_out_of_range: 1, ..clean });
    check(
        &faultless(&[2, 1]).replace("\"grade\":1", "\"grade\":\"high\""),
        Repairs { wrong_types: 1, unsaid: 1, ..clean },
    );
    check(
        r#"{"order": {"first": 2}, "passages": "none"}"#,
        Repairs { missing: 2, without_json: 1, unsaid: 6, ..clean },
    );
    check(r#"{"order": [2, 1], "passages": 5}"#, Repairs { wrong_types: 1, unsaid: 6, ..clean });
    let whole = faultless(&[2, 1]);
    let cut = &whole[..whole.rfind("\"comparison\"").unwrap()];
    check(cut, Repairs { truncated: 1, unsaid: 1, ..clean });
    check(
        "I am unable to rank these passages.",
        Repairs { missing: 2, without_json: 1, unsaid: 6, refused: 1, ..clean },
    );
    check("[2] > [1]", Repairs { without_json: 1, unsaid: 6, ..clean });
}

#[test]
fn a_model_that_corrects_itself_is_taken_at_its_last_word() {
    let text = "First {\"order\": [1, 2, 3]}, or rather {\"order\": [3, 2, 1]}. Form: {\"order\": [1]}";
    assert_eq!(read_answer(text, 3).order(), [2, 1, 0]);
}

#[test]
fn an_answer_that_is_worth_it_is_asked_for_again() {
    let problem = |text: &str, n: usize| read_answer_to(&dual(), text, n).problem();
    assert_eq!(problem(&faultless(&[2, 1]), 2), None);
    assert_eq!(problem("I'm sorry, but I can't.", 2), None);
    assert_eq!(problem("Both are good.", 2).unwrap(), "no order of the passages could be read in it");
    assert_eq!(problem("{\"order\": [2, 1]}", 3).unwrap(), "its order leaves out 1 of the 3 passages");
    assert_eq!(problem("{\"order\": [2, 1]}", 2).unwrap(), "6 of 6 grades and reasons are missing");
    let mut order: Vec<usize> = (1..=20).collect();
    let whole = faultless(&order);
    let cut = &whole[..whole.len() / 3];
    assert!(problem(cut, 20).unwrap().ends_with("and the answer broke off, so write shorter reasons"));
    // One of twenty is not worth a request.
    order.pop();
    assert_eq!(problem(&faultless(&order), 20), None);
    assert!(read_answer("Both are good.", 2).is_malformed() && !read_answer("[1] > [2]", 3).is_malformed());
}

#[test]
fn a_grade_is_read_in_every_shape() {
    let prompt = Prompt::built_in("pointwise").unwrap();
    let check = |text: &str, expected: Option<i32>| assert_eq!(read_grade(&prompt, text).grade, expected, "{text}");
    for text in ["{\"grade\": 3}", "<think>4?</think> 3", "```json\n{\"Grade\": \"3\"}\n```", "{'grade': 3", "3\n"] {
        check(text, if text.ends_with(": 3") { None } else { Some(3) });
    }
    check("{\"grade\": 5}", None);
    check("I cannot grade this.", None);
    assert_eq!(read_grade(&prompt, "{\"grade\": 5}").repairs.grades_out_of_range, 1);
    assert_eq!(read_grade(&prompt, "I cannot grade this.").repairs.refused, 1);
}

/// Each of these would take minutes, or much memory, or the stack, if reading were not linear in time and bounded in
/// depth.
#[test]
fn huge_answers_are_read_in_linear_time_and_deep_ones_on_a_small_stack() {
    let n_bytes = 1 << 17;
    let hostile: Vec<String> = [
        "[",
        "{\"a\":",
        "[\"",
        "{\"order\":[",
        "\\",
        "\"",
        "[2]",
        "[1,",
        "> ",
        "<think>",
        "\u{e9}[",
        "{a:",
        "/*",
        "1",
        " ",
    ]
    .iter()
    .map(|piece| piece.repeat(n_bytes / piece.len()))
    .collect();
    let mut answers = hostile.clone();
    answers.extend(hostile.iter().map(|text| format!("{}{text}", faultless(&[2, 1, 3]))));
    answers.extend(hostile.iter().map(|text| format!("{{\"order\": [2, 1, 3], \"passages\": [{text}")));
    answers.extend(hostile.iter().map(|text| format!("[[[[[{text}]]]]] x")));
    answers.push(format!("{{\"order\": [{}]}}", "2,".repeat(n_bytes)));
    answers.push(format!(
        "{{\"order\": [2, 1, 3], \"passages\": [{}]}}",
        "{\"passage\": 1, \"direct\": \"x\"},".repeat(5_000)
    ));
    for text in &answers {
        let answer = read_answer(text, 3);
        assert!(is_permutation(&answer, 3));
    }
    let first = read_answer(&answers[hostile.len()], 3);
    assert_eq!(first.order(), [1, 0, 2]);
}

/// What a mutation does to an answer.
fn mutated(text: &str, mutations: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, kind, byte) in mutations {
        if bytes.is_empty() {
            break;
        }
        let at = at.index(bytes.len());
        match kind % 6 {
            0 => drop(bytes.remove(at)),
            1 => bytes.insert(at, *byte),
            2 => bytes[at] = *byte,
            3 => bytes.truncate(at),
            4 => bytes.insert(at, b"{}[]\",:\\'"[usize::from(*byte) % 9]),
            _ => {
                let end = (at + usize::from(*byte)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_bytes_give_a_permutation(bytes in prop::collection::vec(any::<u8>(), 0..200), n in 0usize..6) {
        let text = String::from_utf8_lossy(&bytes);
        let answer = read_answer_to(&dual(), &text, n);
        prop_assert!(is_permutation(&answer, n));
        prop_assert!(answer.repairs().missing <= n && answer.repairs().unsaid <= 3 * n);
    }

    #[test]
    fn any_mutation_of_an_answer_gives_a_permutation(
        order in Just((1..=5usize).collect::<Vec<_>>()).prop_shuffle(),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), any::<u8>()), 0..12),
        n in 1usize..7,
    ) {
        let bytes = mutated(&faultless(&order), &mutations);
        let answer = read_answer_to(&dual(), &String::from_utf8_lossy(&bytes), n);
        prop_assert!(is_permutation(&answer, n));
        for passage in answer.passages() {
            prop_assert!(passage.grade.is_none_or(|grade| (0..=4).contains(&grade)));
            let texts = [&passage.direct, &passage.comparison, &passage.answer_sentence];
            prop_assert!(texts.iter().all(|text| text.as_deref().is_none_or(|text| !text.trim().is_empty())));
        }
        if mutations.is_empty() && n == 5 {
            prop_assert_eq!(answer.repairs(), Repairs::default());
        }
    }

    #[test]
    fn an_answer_that_breaks_off_anywhere_keeps_what_it_had_said(
        order in Just((1..=5usize).collect::<Vec<_>>()).prop_shuffle(),
        cut: prop::sample::Index,
    ) {
        let whole = faultless(&order);
        let cut = cut.index(whole.len());
        let answer = read_answer(&whole[..cut], 5);
        let n_stated = answer.stated().len();
        let stated: Vec<usize> = answer.stated().iter().map(|place| place + 1).collect();
        prop_assert_eq!(&stated, &order[..n_stated]);
        if cut > whole.find(']').unwrap() {
            prop_assert_eq!(n_stated, 5);
        }
        let read = read_answer(&whole, 5);
        for (cut, whole) in answer.passages().iter().zip(read.passages()) {
            prop_assert!(cut.direct.is_none() || cut.direct == whole.direct);
            prop_assert!(cut.comparison.is_none() || cut.comparison == whole.comparison);
        }
    }
}
