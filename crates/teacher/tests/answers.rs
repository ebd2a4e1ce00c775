//! Any text in, a valid permutation out.

use proptest::prelude::*;
use r2r_teacher::answer::{Repairs, read_answer};

fn check(text: &str, n: usize, order: &[usize], repairs: Repairs) {
    let answer = read_answer(text, n);
    assert_eq!((answer.order(), answer.repairs()), (order, repairs), "{text}");
}

const CLEAN: Repairs = Repairs {
    duplicates: 0,
    out_of_range: 0,
    missing: 0,
    second_entries: 0,
    without_json: 0,
    truncated: 0,
    wrong_types: 0,
    grades_out_of_range: 0,
    unsaid: 0,
    thoughts: 0,
    refused: 0,
};

#[test]
fn the_order_is_read_in_every_shape() {
    check(r#"{"order": [2, 3, 1]}"#, 3, &[1, 2, 0], CLEAN);
    check(r#"Sure! ```json{"Ranking": ["[2]", "passage 3", 1.0]}``` Hope [1] helps."#, 3, &[1, 2, 0], CLEAN);
    check(r#"{"order": "[2] > [3] > [1]"}"#, 3, &[1, 2, 0], CLEAN);
    check(r#"{"passages": [{"passage": 2}, {"passage": 3}, {"passage": 1}]}"#, 3, &[1, 2, 0], CLEAN);
    check(r#"[{"id": "[2]", "direct": "x"}, {"id": "[1]"}]"#, 2, &[1, 0], CLEAN);
    check(r#"{"passages": {"2": {"grade": 1}, "1": {"grade": 0}}}"#, 2, &[1, 0], CLEAN);
    check("My order is [2] > [3] > [1], because", 3, &[1, 2, 0], Repairs { without_json: 1, ..CLEAN });
    check("[2, 3, 1]", 3, &[1, 2, 0], Repairs { without_json: 1, ..CLEAN });
}

#[test]
fn an_order_of_objects_keeps_its_reasons() {
    let answer =
        read_answer(r#"{"ranking": [{"passage": 2, "grade": 3, "direct": "It answers."}, {"passage": 1}]}"#, 2);
    assert_eq!((answer.order(), answer.repairs()), ([1, 0].as_slice(), CLEAN));
    assert_eq!(answer.passages()[1].direct.as_deref(), Some("It answers."));
    assert_eq!(answer.passages()[1].grade, Some(3));
}

#[test]
fn repairs_are_counted_by_kind() {
    check(
        r#"{"order": [3, 3, 9, 0, "x", 2]}"#,
        4,
        &[2, 1, 0, 3],
        Repairs { duplicates: 1, out_of_range: 3, missing: 2, ..CLEAN },
    );
    check(
        r#"[{"passage": 2}, {"passage": 2}, {"passage": 8}]"#,
        2,
        &[1, 0],
        Repairs { out_of_range: 1, missing: 1, second_entries: 1, ..CLEAN },
    );
    check("I cannot rank these.", 2, &[0, 1], Repairs { missing: 2, without_json: 1, refused: 1, ..CLEAN });
    check("", 0, &[], Repairs { without_json: 1, ..CLEAN });
}

#[test]
fn an_answer_that_broke_off_keeps_what_it_said() {
    let text =
        r#"{"order": [2, 1], "passages": [{"passage": 2, "grade": 3, "direct": "Names oaks."}, {"passage": 1, "gra"#;
    let answer = read_answer(text, 2);
    assert_eq!(answer.order(), [1, 0]);
    assert_eq!(answer.passages()[1].direct.as_deref(), Some("Names oaks."));
    assert_eq!(answer.passages()[1].grade, Some(3));
}

#[test]
fn what_is_said_of_a_passage_is_kept_with_it() {
    let text = r#"{"order":[2,1],"passages":[{"passage":"[2]","grade":"2","direct":" Names oaks. ","listwise":"Better than [1].","answer_sentence":"Oaks."},{"passage":1,"grade":2.5,"direct":"  "}]}"#;
    let answer = read_answer(text, 2);
    assert_eq!(answer.order(), [1, 0]);
    let [second, first] = answer.passages() else { panic!("two passages") };
    assert_eq!((first.grade, first.direct.as_deref()), (Some(2), Some("Names oaks.")));
    assert_eq!(first.comparison.as_deref(), Some("Better than [1]."));
    assert_eq!((second.grade, second.direct.as_deref()), (None, None));
}

fn answer_text() -> impl Strategy<Value = String> {
    let pieces = [
        "{\"order\": [",
        "2",
        "1",
        "], ",
        ", ",
        "\"passages\": [",
        "{\"passage\": ",
        "}",
        "]",
        "[3]",
        " > ",
        "\n",
        "```json",
        "-1",
        "1e99",
        "\"direct\": \"",
        "\"",
        "null",
        "{\"2\": {",
        "passage 4",
        "18446744073709551616",
        "{",
        "[",
    ];
    let pieces = prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..20).prop_map(|pieces| pieces.concat());
    prop_oneof![pieces, "\\PC{0,80}"]
}

proptest! {
    #[test]
    fn any_text_gives_a_permutation(text in answer_text(), n in 0usize..8) {
        let answer = read_answer(&text, n);
        let mut order = answer.order().to_vec();
        order.sort_unstable();
        prop_assert_eq!(order, (0..n).collect::<Vec<_>>());
        prop_assert_eq!(answer.passages().len(), n);
        prop_assert!(answer.repairs().missing <= n);
    }

    #[test]
    fn a_faultless_answer_needs_no_repair(order in Just((1..=6usize).collect::<Vec<_>>()).prop_shuffle(), fence: bool) {
        let json = format!("{{\"order\": {order:?}}}");
        let text = if fence { format!("Here:\n```json\n{json}\n```\n") } else { json };
        let answer = read_answer(&text, 6);
        prop_assert_eq!(answer.order(), order.iter().map(|number| number - 1).collect::<Vec<_>>());
        prop_assert_eq!(answer.repairs(), CLEAN);
    }
}
