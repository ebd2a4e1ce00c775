use std::collections::{BTreeSet, HashSet};

use r2r_teacher::chat::Role;
use r2r_teacher::judging::{Ask, JudgeOptions, Judging, JudgingError, Outcome};
use r2r_teacher::prompt::Prompt;
use r2r_teacher::windows::WindowPlan;

use crate::teachers::{SLIDING, candidates, drive, dual, options, sensible};

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
fn options_are_read_from_a_recipe() {
    let text =
        "model = \"m\"\nsamples = 3\nwindows = { kind = \"tournament\", size = 20, top = 10 }\neffort = \"Low\"\n";
    let read: JudgeOptions = toml::from_str(text).unwrap();
    assert_eq!((read.samples, read.windows), (3, WindowPlan::Tournament { size: 20, top: 10 }));
    assert!(toml::from_str::<JudgeOptions>("sampels = 3").unwrap_err().to_string().contains("unknown field"));
}
