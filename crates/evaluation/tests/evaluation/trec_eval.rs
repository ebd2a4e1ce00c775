//! `trec_eval`'s own test inputs and expected outputs, of version 10.
//!
//! | expected | call |
//! |---|---|
//! | out.test, out.test.a | qrels.test, results.test |
//! | out.test.aq | the same with `-q` |
//! | out.test.aqc | `-q -c` with results.trunc, which lacks topic 302 |
//! | out.test.aqcM | the same with `-M 100` |
//! | out.test.aql | `-q -l 2` with qrels.rel_level, results.test |
//! | out.comment.test | qrels.comment.test, results.comment.test: names with "#" |
//!
//! out.test.aqZ holds z-scores, which we do not have.

use std::path::Path;

use r2r_evaluation::{EvaluationOptions, Measure, MissingTopics, TrecEval, evaluate};
use r2r_types::{Qrels, Run};

use crate::trec_files::{data, read_qrels, read_run, read_text};

/// What `trec_eval` calls one of our measures, at a relevance level; `None` for those we do not have.
fn measure_of(name: &str, level: u32) -> Option<Measure> {
    let rel = if level == 1 { String::new() } else { format!("(rel={level})") };
    let ours = match name {
        "map" => format!("AP{rel}"),
        "bpref" => format!("Bpref{rel}"),
        "recip_rank" => format!("RR{rel}"),
        "ndcg" => "nDCG".to_owned(),
        _ => {
            let (stem, cutoff) = name.rsplit_once('_')?;
            let cutoff: u32 = cutoff.parse().ok()?;
            match stem {
                "P" => format!("P{rel}@{cutoff}"),
                "recall" => format!("R{rel}@{cutoff}"),
                "success" => format!("Success{rel}@{cutoff}"),
                "map_cut" => format!("AP{rel}@{cutoff}"),
                "ndcg_cut" => format!("nDCG@{cutoff}"),
                _ => return None,
            }
        }
    };
    Some(ours.parse().unwrap())
}

struct Call {
    qrels: Qrels,
    run: Run,
    level: u32,
    missing_topics: MissingTopics,
}

impl Call {
    fn of(folder: &Path, qrels: &str, run: &str) -> Self {
        Self {
            qrels: read_qrels(&folder.join(qrels)),
            run: read_run(&folder.join(run)),
            level: 1,
            missing_topics: MissingTopics::Skip,
        }
    }

    /// Checks all numbers of an expected output that we have; says how many there were.
    fn check(&self, expected: &Path) -> usize {
        let mut n_checked = 0;
        for line in read_text(expected).lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [name, topic, value] = fields[..] else { panic!("{line}") };
            for trec_eval in [TrecEval::V9, TrecEval::V10] {
                let options = EvaluationOptions {
                    trec_eval,
                    missing_topics: self.missing_topics,
                    ..EvaluationOptions::default()
                };
                if name == "num_q" {
                    let scored = evaluate(&self.run, &self.qrels, &[], &options).topics.scored;
                    assert_eq!(scored.to_string(), value);
                }
                let Some(measure) = measure_of(name, self.level) else { continue };
                let found = evaluate(&self.run, &self.qrels, &[measure], &options);
                let found = if topic == "all" { found.means[0] } else { found.value(&topic.into(), measure).unwrap() };
                let value: f64 = value.parse().unwrap();
                assert!((found - value).abs() < 0.500_1e-4, "{}: {line}: {found}", expected.display());
                n_checked += 1;
            }
        }
        n_checked
    }
}

/// Keeps the best `depth` documents of each topic.
fn truncated(run: &Run, depth: usize) -> Run {
    let mut short = Run::new(&run.name);
    for (query, documents) in run.iter() {
        let kept: Vec<_> = TrecEval::V10.ranked(documents).into_iter().take(depth).collect();
        let documents = documents.iter().filter(|(doc, _)| kept.contains(&doc)).cloned().collect();
        short.insert(query.clone(), documents).unwrap();
    }
    short
}

#[test]
fn all_shared_measures_agree_with_trec_eval_to_its_four_digits() {
    let Some(data) = data() else { return };
    let folder = data.join("goldens/trec_eval");
    let plain = Call::of(&folder, "qrels.test", "results.test");
    assert_eq!(plain.check(&folder.join("out.test")), 2 * 12);
    assert_eq!(plain.check(&folder.join("out.test.a")), 2 * 43);
    assert_eq!(plain.check(&folder.join("out.test.aq")), 2 * 4 * 43);

    let level = Call { level: 2, ..Call::of(&folder, "qrels.rel_level", "results.test") };
    assert_eq!(level.check(&folder.join("out.test.aql")), 2 * 4 * 43);

    let complete =
        Call { missing_topics: MissingTopics::CountZero, ..Call::of(&folder, "qrels.test", "results.trunc") };
    assert_eq!(complete.check(&folder.join("out.test.aqc")), 2 * 4 * 43);
    let short = Call { run: truncated(&complete.run, 100), ..complete };
    assert_eq!(short.check(&folder.join("out.test.aqcM")), 2 * 4 * 43);

    let comments = Call::of(&folder, "qrels.comment.test", "results.comment.test");
    assert_eq!(comments.check(&folder.join("out.comment.test")), 2 * 12);
}
