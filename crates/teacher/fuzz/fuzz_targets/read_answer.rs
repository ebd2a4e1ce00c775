//! Any bytes in, a permutation out.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use r2r_teacher::answer::{read_answer_to, read_grade};
use r2r_teacher::prompt::Prompt;

static LIST: LazyLock<Prompt> = LazyLock::new(|| Prompt::built_in("dual-v1").expect("it is known"));
static PASSAGE: LazyLock<Prompt> = LazyLock::new(|| Prompt::built_in("pointwise").expect("it is known"));

// The first byte is the number of passages, the rest is the answer.
fuzz_target!(|bytes: &[u8]| {
    let Some((&n, bytes)) = bytes.split_first() else { return };
    let n = usize::from(n % 24);
    let text = String::from_utf8_lossy(bytes);
    let answer = read_answer_to(&LIST, &text, n);
    let mut order = answer.order().to_vec();
    order.sort_unstable();
    assert!(order.into_iter().eq(0..n), "the order is no permutation");
    assert_eq!(answer.passages().len(), n);
    assert!(answer.repairs().missing <= n);
    let top = LIST.top_grade();
    assert!(answer.passages().iter().all(|passage| passage.grade.is_none_or(|grade| (0..=top).contains(&grade))));
    let _ = answer.problem();
    let grade = read_grade(&PASSAGE, &text).grade;
    assert!(grade.is_none_or(|grade| (0..=PASSAGE.top_grade()).contains(&grade)));
});
