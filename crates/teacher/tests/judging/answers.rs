use r2r_teacher::judging::{Ask, JudgeOptions, Judging, Purpose, Refusal};
use r2r_teacher::prompt::Prompt;
use r2r_teacher::windows::WindowPlan;

use crate::teachers::{SLIDING, candidates, drive, dual, options, place, sensible};

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
    assert_eq!(record.judgment.is_consistent, Some(true));
    assert_eq!((record.consistency.pointwise.pairs, record.consistency.pointwise.agreeing), (10, 10));
    assert_eq!(grade("d4"), Some(Some(4)));

    // Grades that say the opposite of the list.
    let (record, _) = judge(|ask| match ask.purpose {
        Purpose::Grade => Ok(format!("{}", 4 - place(&ask.shown[0]))),
        Purpose::List(_) => sensible(ask),
    });
    assert_eq!((record.consistency.pointwise.agreeing, record.judgment.is_consistent), (0, Some(false)));

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
