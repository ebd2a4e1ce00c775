//! The judging of a query: every document is judged, whatever is answered and in whatever order.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions it calls too")]

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::Arc;

use proptest::prelude::*;
use r2r_teacher::chat::Role;
use r2r_teacher::judging::{Ask, JudgeOptions, Judging, JudgingError, JudgmentRecord, Outcome, Purpose, Refusal};
use r2r_teacher::prompt::Prompt;
use r2r_teacher::windows::WindowPlan;
use r2r_types::formats::jsonl::write_record;
use r2r_types::formats::teacher_records::read_teacher_records;
use r2r_types::{Candidate, Candidates, DocId, Document, Query};

fn candidates(n: usize) -> Candidates {
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

fn options(windows: WindowPlan, samples: usize) -> JudgeOptions {
    JudgeOptions { model: "m".into(), windows, samples, ..JudgeOptions::default() }
}

fn place(doc: &DocId) -> usize {
    doc.as_str()[1..].parse().unwrap()
}

/// Drives a judging to its end; of what waits, `pick` chooses what is answered next.
fn drive(
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
fn sensible(ask: &Ask) -> Result<String, Refusal> {
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

fn dual() -> Prompt {
    Prompt::built_in("dual-v1").unwrap()
}

const SLIDING: WindowPlan = WindowPlan::Sliding { size: 4, stride: 2, passes: 1 };

fn plan() -> impl Strategy<Value = WindowPlan> {
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
fn moody(ask: &Ask) -> Result<String, Refusal> {
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
fn rounded(mut record: JudgmentRecord) -> JudgmentRecord {
    let windows = record.windows.iter_mut().map(|window| &mut window.agreement);
    for agreement in windows.chain([&mut record.agreement]).flatten() {
        agreement.tau = (agreement.tau * 1e9).round() / 1e9;
        agreement.w = (agreement.w * 1e9).round() / 1e9;
    }
    record
}

#[test]
fn reasons_name_passages_by_their_place_in_the_judgment() {
    for (windows, samples) in [(WindowPlan::Single, 1), (SLIDING, 3), (WindowPlan::Tournament { size: 4, top: 2 }, 2)] {
        let judging = Judging::new(&candidates(9), &options(windows, samples), &dual(), 7).unwrap();
        let (record, _) = drive(judging, |n| n - 1, sensible);
        let judgment = &record.judgment;
        assert!(judgment.passages.iter().map(|passage| place(&passage.id)).eq(0..9));
        assert_eq!(judgment.ranking[..2], ["d8".into(), "d7".into()]);
        assert_eq!(judgment.judged.len(), 9);
        for judged in &judgment.judged {
            let own = place(&judged.doc);
            assert_eq!(judged.grade, Some(own.min(4) as i32));
            assert_eq!(judged.direct, Some(format!("It is oak {own}.")));
            assert_eq!(judged.answer_sentence, Some(format!("Oak number {own}.")));
            let comparison = judged.comparison.as_deref().unwrap();
            if let Some((number, oak)) = comparison.split_once('[').and_then(|(_, rest)| rest.split_once("], oak ")) {
                let named = &judgment.passages[number.parse::<usize>().unwrap() - 1];
                assert_eq!(format!("{}.", place(&named.id)), oak, "{comparison}");
            }
        }
    }
}

#[test]
fn a_window_without_an_answer_keeps_the_order_it_had() {
    let judging = Judging::new(&candidates(6), &options(SLIDING, 2), &dual(), 7).unwrap();
    let (record, asked) = drive(judging, |_| 0, |_| Err(Refusal::Failed("no connection".to_owned())));
    assert!(record.judgment.ranking.iter().map(place).eq(0..6));
    assert!(record.judgment.judged.is_empty());
    assert_eq!((record.counts.malformed, record.counts.failed, record.counts.windows_kept), (4, 4, 2));
    assert_eq!((asked.len(), record.refusals.len(), record.agreement), (4, 4, None));
    assert!((record.counts.malformed_share() - 1.0).abs() < 1e-12);
}

#[test]
fn an_answer_that_leaves_passages_out_keeps_their_order_whatever_was_shown_first() {
    let options = JudgeOptions { ask_again: false, ..options(WindowPlan::Single, 1) };
    let judging = Judging::new(&candidates(6), &options, &dual(), 7).unwrap();
    let first_three = |ask: &Ask| {
        let number = |doc: &str| 1 + ask.shown.iter().position(|shown| shown.as_str() == doc).unwrap();
        Ok(format!("{{\"order\": [{}, {}, {}]}}", number("d5"), number("d1"), number("d3")))
    };
    let (record, _) = drive(judging, |_| 0, first_three);
    assert_eq!(record.judgment.ranking.iter().map(place).collect::<Vec<_>>(), [5, 1, 3, 0, 2, 4]);
    assert_eq!(record.repairs.missing, 3);
}

#[test]
fn an_answer_is_asked_for_again_once() {
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 1), &dual(), 7).unwrap();
    let (record, asked) = drive(judging, |_| 0, |_| Ok("Hard to say.".to_owned()));
    let [first, again] = &asked[..] else { panic!("two requests, not {}", asked.len()) };
    assert!(!first.is_repair && again.is_repair && first.key != again.key);
    let roles: Vec<Role> = again.request.turns.iter().map(|turn| turn.role).collect();
    assert_eq!(roles, [Role::User, Role::Assistant, Role::User]);
    assert_eq!(again.request.turns[1].text, "Hard to say.");
    let text = &again.request.turns[2].text;
    assert!(text.starts_with("Your answer could not be used: no order of the passages could be read in it."), "{text}");
    assert_eq!((record.counts.asked, record.counts.repair_requests, record.counts.malformed), (2, 1, 1));

    // An empty answer has no turn of its own.
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 1), &dual(), 7).unwrap();
    let heal = |ask: &Ask| if ask.is_repair { sensible(ask) } else { Ok(" ".to_owned()) };
    let (record, asked) = drive(judging, |_| 0, heal);
    assert_eq!(asked[1].request.turns.len(), 1);
    assert_eq!((record.counts.used, record.counts.malformed, record.repairs.total()), (1, 0, 0));
    assert_eq!(record.keys, [asked[1].key.clone()]);
}

#[test]
fn the_better_of_two_answers_is_used() {
    let half = |ask: &Ask| Ok(if ask.is_repair { "no".to_owned() } else { "{\"order\": [2, 1]}".to_owned() });
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 1), &dual(), 7).unwrap();
    let (record, asked) = drive(judging, |_| 0, half);
    assert_eq!((record.counts.used, record.repairs.missing), (1, 1));
    assert_eq!(record.keys, [asked[0].key.clone()]);
    // Where the repair cannot be had, the first answer stays.
    let gone = |ask: &Ask| if ask.is_repair { Err(Refusal::Failed("gone".into())) } else { half(ask) };
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 1), &dual(), 7).unwrap();
    let (record, asked) = drive(judging, |_| 0, gone);
    assert_eq!((record.counts.used, record.counts.failed), (1, 0));
    assert_eq!(record.keys, [asked[0].key.clone()]);
}

#[test]
fn who_declines_is_counted_and_not_asked_again() {
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 1), &dual(), 7).unwrap();
    let (record, asked) = drive(judging, |_| 0, |_| Ok("I'm sorry, but I can't rank people.".to_owned()));
    assert_eq!((asked.len(), record.counts.declined, record.repairs.refused), (1, 1, 1));
}

#[test]
fn keys_tell_requests_apart_and_nothing_else() {
    let keys = |n: usize, options: &JudgeOptions, prompt: &Prompt, seed: u64| {
        let judging = Judging::new(&candidates(n), options, prompt, seed).unwrap();
        drive(judging, |_| 0, sensible).1.into_iter().map(|ask| ask.key).collect::<BTreeSet<_>>()
    };
    let plain = options(SLIDING, 3);
    let first = keys(9, &plain, &dual(), 7);
    assert_eq!(first.len(), 3 * SLIDING.fewest_windows(9));
    assert_eq!(keys(9, &plain, &dual(), 7), first);
    // Samples are kept apart even where they ask the same.
    let unshuffled = JudgeOptions { shuffle: false, ..plain.clone() };
    assert_eq!(keys(9, &unshuffled, &dual(), 7).len(), first.len());
    // Another seed shows another order, most of the time.
    assert!(keys(9, &plain, &dual(), 8).intersection(&first).count() <= 2);
    for other in [
        keys(9, &plain, &Prompt::built_in("both").unwrap(), 7),
        keys(9, &JudgeOptions { model: "n".into(), ..plain.clone() }, &dual(), 7),
        keys(9, &JudgeOptions { temperature: Some(0.0), ..plain.clone() }, &dual(), 7),
        keys(9, &JudgeOptions { send_seed: true, ..plain.clone() }, &dual(), 7),
    ] {
        assert!(other.is_disjoint(&first));
    }
}

#[test]
fn nothing_is_sent_that_was_not_asked_for() {
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 2), &dual(), 7).unwrap();
    for ask in drive(judging, |_| 0, sensible).1 {
        assert_eq!((ask.request.temperature, ask.request.effort, ask.request.seed), (None, None, None));
    }
    let seeded = JudgeOptions { send_seed: true, ..options(WindowPlan::Single, 2) };
    let judging = Judging::new(&candidates(3), &seeded, &dual(), 7).unwrap();
    let seeds: HashSet<u64> = drive(judging, |_| 0, sensible).1.iter().filter_map(|ask| ask.request.seed).collect();
    assert_eq!(seeds.len(), 2);
    assert!(seeds.iter().all(|seed| *seed < 1 << 31));
}

#[test]
fn grades_of_single_passages_check_the_order() {
    let options = JudgeOptions { grade_depth: 5, ..options(WindowPlan::Single, 1) };
    let judge = |answer: fn(&Ask) -> Result<String, Refusal>| {
        let judging = Judging::new(&candidates(9), &options, &Prompt::built_in("none").unwrap(), 7).unwrap();
        let judging = judging.with_grades(&Prompt::built_in("pointwise").unwrap()).unwrap();
        drive(judging, |_| 0, answer)
    };
    let (record, asked) = judge(sensible);
    assert_eq!(asked.iter().filter(|ask| ask.purpose == Purpose::Grade).count(), 5);
    assert_eq!(record.pointwise.len(), 5);
    let grade = |doc: &str| record.judgment.judged.iter().find(|judged| judged.doc.as_str() == doc).map(|it| it.grade);
    assert_eq!(record.pointwise[3].grade, Some(3));
    assert!(record.is_consistent);
    assert_eq!((record.consistency.pointwise.pairs, record.consistency.pointwise.agreeing), (10, 10));
    assert_eq!(grade("d4"), Some(Some(4)));

    // Grades that say the opposite of the list.
    let (record, _) = judge(|ask| match ask.purpose {
        Purpose::Grade => Ok(format!("{}", 4 - place(&ask.shown[0]))),
        Purpose::List(_) => sensible(ask),
    });
    assert_eq!((record.consistency.pointwise.agreeing, record.is_consistent), (0, false));

    // A grade is asked for again once, and its lack costs nothing.
    let (record, asked) = judge(|ask| match ask.purpose {
        Purpose::Grade => Ok("{\"grade\": \"high\"}".to_owned()),
        Purpose::List(_) => sensible(ask),
    });
    assert_eq!(asked.iter().filter(|ask| ask.is_repair).count(), 5);
    assert_eq!((record.counts.malformed, record.judgment.ranking.len()), (5, 9));
}

#[test]
fn the_consensus_of_samples_is_kept_with_their_agreement() {
    let judging = Judging::new(&candidates(3), &options(WindowPlan::Single, 3), &Prompt::built_in("none").unwrap(), 7);
    let by_sample = |ask: &Ask| {
        let wanted = [["d2", "d0", "d1"], ["d2", "d1", "d0"], ["d0", "d2", "d1"]][ask.sample];
        let number = |doc: &&str| 1 + ask.shown.iter().position(|shown| shown.as_str() == *doc).unwrap();
        Ok(format!("{{\"order\": {:?}}}", wanted.iter().map(number).collect::<Vec<_>>()))
    };
    let (record, _) = drive(judging.unwrap(), |_| 0, by_sample);
    assert_eq!(record.judgment.ranking, ["d2".into(), "d0".into(), "d1".into()]);
    assert_eq!(record.windows[0].samples[2], ["d0".into(), "d2".into(), "d1".into()]);
    let agreement = record.agreement.unwrap();
    // Taus 1/3, 1/3, -1/3.
    assert!((agreement.tau - 1.0 / 9.0).abs() < 1e-12 && agreement.samples == 3, "{agreement:?}");
}

#[test]
fn what_is_not_possible_says_what_to_do() {
    let check = |options: JudgeOptions, prompt: &str, expected: &str| {
        let error = Judging::new(&candidates(3), &options, &Prompt::built_in(prompt).unwrap(), 7).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let whole = options(WindowPlan::Single, 1);
    check(JudgeOptions { model: String::new(), ..whole.clone() }, "none", "set one, as the provider calls it");
    check(JudgeOptions { samples: 0, ..whole.clone() }, "none", "use 1 or more");
    check(JudgeOptions { max_tokens: 0, ..whole.clone() }, "none", "use 1000 or more");
    check(JudgeOptions { temperature: Some(f32::NAN), ..whole.clone() }, "none", "not a number from 0 up");
    check(JudgeOptions { min_consistency: 1.5, ..whole.clone() }, "none", "not a share from 0 to 1");
    check(options(WindowPlan::Sliding { size: 1, stride: 1, passes: 1 }, 1), "none", "use 2 or more");
    check(whole, "pointwise", "\"pointwise\" is of kind Passage, but List is needed");
    let mut judging = Judging::new(&candidates(3), &options(SLIDING, 1), &dual(), 7).unwrap();
    let [ask] = &judging.next()[..] else { panic!("one request") };
    assert_eq!(judging.answer(&ask.key, Ok("[2] > [1] > [3]")), Ok(Outcome::AskedAgain));
    assert!(matches!(judging.answer(&ask.key, Ok("again")), Err(JudgingError::UnknownKey(_))));
}

#[test]
fn a_judging_that_is_broken_off_keeps_what_it_knows() {
    let mut judging = Judging::new(&candidates(9), &options(SLIDING, 1), &dual(), 7).unwrap();
    let [ask] = &judging.next()[..] else { panic!("one request") };
    judging.answer(&ask.key, sensible(ask).as_deref().map_err(Clone::clone)).unwrap();
    assert_eq!(judging.next().len(), 1);
    assert!(!judging.is_done());
    let record = judging.finish();
    assert_eq!(record.judgment.ranking.iter().map(place).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 8, 7, 6, 5]);
    assert_eq!((record.counts.used, record.counts.unanswered), (1, 1));
}

#[test]
fn options_are_read_from_a_recipe() {
    let text =
        "model = \"m\"\nsamples = 3\nwindows = { kind = \"tournament\", size = 20, top = 10 }\neffort = \"Low\"\n";
    let read: JudgeOptions = toml::from_str(text).unwrap();
    assert_eq!((read.samples, read.windows), (3, WindowPlan::Tournament { size: 20, top: 10 }));
    assert!(toml::from_str::<JudgeOptions>("sampels = 3").unwrap_err().to_string().contains("unknown field"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_answer_and_no_order_of_arrival_costs_a_document(
        plan in plan(),
        n in 0usize..14,
        samples in 1usize..4,
        seed: u64,
        picks in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let judge = |pick: &mut dyn FnMut(usize) -> usize| {
            let judging = Judging::new(&candidates(n), &options(plan, samples), &dual(), seed).unwrap();
            let judging = judging.with_grades(&Prompt::built_in("pointwise").unwrap()).unwrap();
            drive(judging, pick, moody)
        };
        let (record, asked) = judge(&mut |_| 0);
        let distinct: HashSet<&DocId> = record.judgment.ranking.iter().collect();
        prop_assert_eq!((distinct.len(), record.judgment.ranking.len()), (n, n));
        prop_assert_eq!(record.judgment.passages.len(), n);

        // Every request is one of the counts, and no sample was repaired twice.
        let counts = record.counts;
        prop_assert_eq!(counts.asked, asked.len());
        prop_assert_eq!(counts.used + counts.malformed, counts.asked - counts.repair_requests);
        prop_assert!(counts.declined + counts.failed <= counts.malformed && counts.unanswered == 0);
        let mut repairs: HashMap<(Purpose, usize, &[DocId]), usize> = HashMap::new();
        for ask in asked.iter().filter(|ask| ask.is_repair) {
            *repairs.entry((ask.purpose, ask.sample, &ask.shown)).or_default() += 1;
        }
        prop_assert!(repairs.values().all(|&count| count == 1));

        let mut at = 0;
        let (other, _) = judge(&mut |waiting| {
            at += 1;
            picks[at % picks.len()].index(waiting)
        });
        prop_assert_eq!(&other, &record);

        let line = serde_json::to_string(&record).unwrap();
        let read: JudgmentRecord = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(rounded(read), rounded(record.clone()));
        if n > 0 {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            write_record(&mut file, &record).unwrap();
            let read = read_teacher_records(file.path()).unwrap();
            prop_assert_eq!(&read.records[0].judgment, &record.judgment);
        }
    }

    #[test]
    fn a_sensible_teacher_is_understood_whatever_it_is_shown(
        plan in plan(),
        n in 1usize..14,
        samples in 1usize..4,
        seed: u64,
        shuffle: bool,
    ) {
        let options = JudgeOptions { shuffle, ..options(plan, samples) };
        let judging = Judging::new(&candidates(n), &options, &dual(), seed).unwrap();
        let (record, _) = drive(judging, |_| 0, sensible);
        prop_assert_eq!(record.judgment.ranking[0].as_str(), format!("d{}", n - 1));
        prop_assert_eq!((record.repairs.total(), record.counts.malformed, record.counts.windows_kept), (0, 0, 0));
        if samples > 1 && n > 1 {
            prop_assert!((record.agreement.unwrap().tau - 1.0).abs() < 1e-9);
        }
    }
}
