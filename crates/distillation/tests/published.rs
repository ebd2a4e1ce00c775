//! Distillation of the published teacher files, where the folder that `R2R_DATA` names has them.
#![expect(clippy::print_stdout, reason = "counts and samples are what one runs this file for")]

use std::collections::HashMap;
use std::path::PathBuf;

use r2r_distillation::claims::direction;
use r2r_distillation::references::references;
use r2r_distillation::report::{Outcome, Part};
use r2r_distillation::{DistillationOptions, distill};
use r2r_types::formats::teacher_records::read_teacher_records;
use r2r_types::{Stands, TeacherJudgment};

fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("R2R_DATA").map(|folder| PathBuf::from(folder).join("r2r_teacher"));
    let folder = folder.filter(|folder| folder.is_dir());
    if folder.is_none() {
        println!("skipped: R2R_DATA is not set, or holds no r2r_teacher");
    }
    folder
}

fn judgments(folder: &std::path::Path, files: &[&str]) -> Vec<TeacherJudgment> {
    let read = |file: &&str| read_teacher_records(&folder.join(file)).expect("the file is readable").records;
    files.iter().flat_map(read).map(|record| record.judgment).collect()
}

#[test]
fn most_of_what_the_teachers_said_can_be_learned() {
    let Some(folder) = data() else { return };
    let judgments = judgments(&folder, &["train_msmarco.jsonl.gz", "train_nfcorpus.jsonl.gz"]);
    let options = DistillationOptions { samples: 15, ..DistillationOptions::default() };
    let (examples, mut report) = distill(&judgments, &options);
    let samples = std::mem::take(&mut report.samples);
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
    for sample in &samples {
        println!("{:?} {:?}\n    {}", sample.part, sample.outcome, sample.given);
    }
    assert!(report.examples * 100 >= judgments.len() * 95, "{} of {}", report.examples, judgments.len());
    assert!(report.direct.kept * 100 >= report.direct.given * 85);
    assert!(report.comparison.kept * 100 >= report.comparison.given * 95);
    let evidence = report.evidence;
    assert!(
        (evidence.verbatim + evidence.repaired) * 100
            >= 90 * (evidence.verbatim + evidence.repaired + evidence.dropped)
    );
    assert!(
        samples.iter().any(|sample| sample.part == Part::Comparison && matches!(sample.outcome, Outcome::Learned(_)))
    );

    // A small decoder learns a narrow language: the commonest beginnings must carry most reasons.
    let mut beginnings: HashMap<String, usize> = HashMap::new();
    let direct: Vec<&String> = examples.iter().flat_map(|e| &e.passages).filter_map(|p| p.direct.as_ref()).collect();
    for reason in &direct {
        *beginnings.entry(reason.split(' ').take(2).collect::<Vec<_>>().join(" ")).or_default() += 1;
    }
    assert!(beginnings["This passage"] * 100 >= direct.len() * 90, "{beginnings:?}");
    for forbidden in
        ["[1]", "[2]", "[3]", "passage 1", "passage 2", "Passage 3", "other passages", "ranked lower", "ranked first"]
    {
        assert!(direct.iter().all(|reason| !reason.contains(forbidden)), "{forbidden}");
    }
}

#[test]
fn numbers_mean_places_as_shown() {
    let Some(folder) = data() else { return };
    let (mut claims, mut as_shown, mut as_ranked) = (0, 0, 0);
    for judgment in judgments(&folder, &["train_msmarco.jsonl.gz"]) {
        let rank = |place: usize| {
            let passage = judgment.passages.get(place)?;
            judgment.ranking.iter().position(|doc| *doc == passage.id)
        };
        for judged in &judgment.judged {
            let text = judged.comparison.as_deref().unwrap_or_default();
            let own =
                judgment.ranking.iter().position(|doc| *doc == judged.doc).expect("the ranking holds every passage");
            let mentions = references(text);
            for (index, mention) in mentions.iter().enumerate() {
                let Some(claim) = direction(text, &mentions, index) else { continue };
                for &number in &mention.numbers {
                    let agrees = |other: usize| other != own && (own < other) == (claim == Stands::Above);
                    claims += 1;
                    as_shown += usize::from(rank(number - 1).is_some_and(agrees));
                    as_ranked += usize::from(agrees(number - 1));
                }
            }
        }
    }
    println!("of {claims} claims {as_shown} agree read as places shown, {as_ranked} read as ranks");
    assert!(as_shown * 100 >= claims * 97 && as_ranked * 100 <= claims * 75);
}
