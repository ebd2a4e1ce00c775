use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use r2r_teacher::judging::{Ask, JudgeOptions, Judging, JudgmentRecord, Purpose, Refusal};
use r2r_teacher::prompt::Prompt;
use r2r_teacher::windows::WindowPlan;
use r2r_types::{Candidate, Candidates, DocId, Document, Query};

pub(crate) fn candidates(n: usize) -> Candidates {
    let document = |place: usize| {
        Arc::new(Document {
            id: format!("d{place}").into(),
            title: String::new(),
            text: format!("Oak number {place}."),
        })
    };
    Candidates {
        query: Arc::new(Query { id: "q".into(), text: "oaks".into() }),
        list: (0..n).map(|place| Candidate { document: document(place), score: -(place as f32) }).collect(),
    }
}

pub(crate) fn options(windows: WindowPlan, samples: usize) -> JudgeOptions {
    JudgeOptions { model: "m".into(), windows, samples, ..JudgeOptions::default() }
}

pub(crate) fn place(doc: &DocId) -> usize {
    doc.as_str()[1..].parse().unwrap()
}

/// Drives a judging to its end; of what waits, `pick` chooses what is answered next.
pub(crate) fn drive(
    mut judging: Judging,
    mut pick: impl FnMut(usize) -> usize,
    mut answer: impl FnMut(&Ask) -> Result<String, Refusal>,
) -> (JudgmentRecord, Vec<Ask>) {
    let (mut waiting, mut asked): (Vec<Ask>, Vec<Ask>) = (Vec::new(), Vec::new());
    loop {
        let asks = judging.next();
        asked.extend(asks.iter().cloned());
        waiting.extend(asks);
        if waiting.is_empty() {
            break;
        }
        let ask = waiting.swap_remove(pick(waiting.len()));
        judging.answer(&ask.key, answer(&ask).as_deref().map_err(Clone::clone)).unwrap();
    }
    assert!(judging.is_done());
    (judging.finish(), asked)
}

#[expect(clippy::unnecessary_wraps, reason = "teachers that refuse stand in the same place")]
/// A teacher that holds documents of higher number for better, and says so of each.
pub(crate) fn sensible(ask: &Ask) -> Result<String, Refusal> {
    if ask.purpose == Purpose::Grade {
        return Ok(format!("{{\"grade\": {}}}", place(&ask.shown[0]) % 5));
    }
    let mut numbers: Vec<usize> = (1..=ask.shown.len()).collect();
    numbers.sort_by_key(|&number| std::cmp::Reverse(place(&ask.shown[number - 1])));
    let mut passages = String::new();
    for (rank, number) in numbers.iter().enumerate() {
        let own = place(&ask.shown[number - 1]);
        let comparison = match numbers.get(rank + 1) {
            Some(below) => format!("Oak {own} stands above [{below}], oak {}.", place(&ask.shown[below - 1])),
            None => format!("Oak {own} is last."),
        };
        let comma = if rank > 0 { ", " } else { "" };
        write!(
            passages,
            "{comma}{{\"passage\": {number}, \"grade\": {}, \"direct\": \"It is oak {own}.\", \"comparison\": \
             \"{comparison}\", \"answer_sentence\": \"Oak number {own}.\"}}",
            own.min(4)
        )
        .unwrap();
    }
    Ok(format!("{{\"order\": {numbers:?}, \"passages\": [{passages}]}}"))
}

pub(crate) fn dual() -> Prompt {
    Prompt::built_in("dual-v1").unwrap()
}

pub(crate) const SLIDING: WindowPlan = WindowPlan::Sliding { size: 4, stride: 2, passes: 1 };

pub(crate) fn plan() -> impl Strategy<Value = WindowPlan> {
    prop_oneof![
        Just(WindowPlan::Single),
        (2usize..6, 1usize..6, 1usize..3).prop_map(|(size, stride, passes)| WindowPlan::Sliding {
            size,
            stride: stride.min(size - 1),
            passes
        }),
        (2usize..6, 1usize..5).prop_map(|(size, top)| WindowPlan::Tournament { size, top: top.min(size - 1) }),
    ]
}

/// Answers from faultless to none at all, by the key of the request, so that they do not depend on when they come.
pub(crate) fn moody(ask: &Ask) -> Result<String, Refusal> {
    let mood = ask.key.as_str().bytes().fold(0usize, |sum, byte| sum * 31 % 1009 + usize::from(byte));
    let whole = sensible(ask)?;
    Ok(match mood % 9 {
        0 => String::new(),
        1 => whole.chars().take(whole.len() * 2 / 3).collect(),
        2 => "I'm sorry, but I can't help with that.".to_owned(),
        3 => "[2] > [1] > [2] > [99]".to_owned(),
        4 => "{\"order\": {\"a\": [[[\"\u{0}".to_owned(),
        5 => return Err(Refusal::Declined("content filter".to_owned())),
        6 => return Err(Refusal::Failed("5 attempts".to_owned())),
        _ => whole,
    })
}

/// JSON as it is read here may change the last bit of a number.
pub(crate) fn rounded(mut record: JudgmentRecord) -> JudgmentRecord {
    let windows = record.windows.iter_mut().map(|window| &mut window.agreement);
    for agreement in windows.chain([&mut record.agreement]).flatten() {
        agreement.tau = (agreement.tau * 1e9).round() / 1e9;
        agreement.w = (agreement.w * 1e9).round() / 1e9;
    }
    record
}
