use std::collections::{HashMap, HashSet};

use proptest::prelude::*;
use r2r_teacher::judging::{JudgeOptions, Judging, JudgmentRecord, Purpose};
use r2r_teacher::prompt::Prompt;
use r2r_types::DocId;
use r2r_types::formats::jsonl::write_record;
use r2r_types::formats::teacher_records::read_teacher_records;

use crate::teachers::{candidates, drive, dual, moody, options, plan, rounded, sensible};

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
