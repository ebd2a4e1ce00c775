//! Judgments in, examples and a report out.

use std::collections::HashMap;

use r2r_types::example::{DistillationExample, ExampleComparison, ExamplePassage};
use r2r_types::id::DocId;
use r2r_types::judgment::{JudgedPassage, TeacherJudgment};
use serde::{Deserialize, Serialize};

use crate::comparisons::{DroppedComparison, Standing, clean_comparison};
use crate::evidence::{Located, locate_sentence};
use crate::filters::{Accepted, Filter};
use crate::reasons::{Length, clean_direct};
use crate::report::{DistillationReport, Outcome, Part, Sample, Samples};
use crate::targets::{Targets, grade_targets, order_targets};

/// How judgments become examples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DistillationOptions {
    /// Where the targets come from.
    pub targets: Targets,
    /// Whether to learn from judgments whose order and grades contradict each other, which teach noise.
    pub keep_inconsistent: bool,
    /// How long a reason may be.
    pub length: Length,
    /// Samples in the report: for each part so many kept and so many dropped ones.
    pub samples: usize,
    /// Draws the samples.
    pub seed: u64,
}

impl Default for DistillationOptions {
    fn default() -> Self {
        Self { targets: Targets::default(), keep_inconsistent: false, length: Length::default(), samples: 10, seed: 13 }
    }
}

/// Turns a teacher's judgments into examples to learn from, in the same order.
///
/// Nothing here fails: what cannot be used is left out and counted. The same input gives the same output.
pub fn distill(
    judgments: &[TeacherJudgment],
    options: &DistillationOptions,
) -> (Vec<DistillationExample>, DistillationReport) {
    let mut distillation = Distillation {
        options,
        report: DistillationReport { judgments: judgments.len(), ..DistillationReport::default() },
        samples: Samples::new(options.samples, options.seed),
    };
    let mut filter = Filter::new(options.keep_inconsistent);
    let mut examples = Vec::with_capacity(judgments.len());
    for judgment in judgments {
        match filter.accept(judgment, &mut distillation.report.filtered) {
            Ok(accepted) => examples.push(distillation.example(&accepted)),
            Err(why) => *distillation.report.filtered.judgments.entry(why).or_default() += 1,
        }
    }
    let Distillation { mut report, samples, .. } = distillation;
    report.samples = samples.into_vec();
    (examples, report)
}

struct Distillation<'o> {
    options: &'o DistillationOptions,
    report: DistillationReport,
    samples: Samples,
}

impl Distillation<'_> {
    fn example(&mut self, accepted: &Accepted<'_>) -> DistillationExample {
        let judgment = accepted.judgment;
        let judged: HashMap<&DocId, &JudgedPassage> =
            judgment.judged.iter().map(|judged| (&judged.doc, judged)).collect();
        let targets = self.targets(accepted, &judged);
        // Passages keep the order in which they were shown; the target alone tells their rank.
        let mut places = accepted.best_first.clone();
        places.sort_unstable();
        let mut index_of_rank = vec![0; places.len()];
        for (index, &place) in places.iter().enumerate() {
            let rank = accepted.ranks[place].expect("a kept passage has a rank: the filter gave it one");
            index_of_rank[rank] = index;
        }
        let mut passages = Vec::with_capacity(places.len());
        for &place in &places {
            let rank = accepted.ranks[place].expect("a kept passage has a rank: the filter gave it one");
            let document = &judgment.passages[place];
            let mut passage = ExamplePassage {
                doc: document.id.clone(),
                title: document.title.clone(),
                text: document.text.clone(),
                target: targets[rank],
                evidence: None,
                direct: None,
                comparison: None,
            };
            if let Some(judged) = judged.get(&document.id) {
                let standing = Standing { own: place, rank, ranks: &accepted.ranks };
                passage.direct = self.direct(judgment, judged, place);
                passage.comparison = self.comparison(judgment, judged, standing, &targets, &index_of_rank);
                passage.evidence = self.evidence(judgment, judged, &document.text);
            }
            passages.push(passage);
        }
        self.report.examples += 1;
        self.report.passages += passages.len();
        *self.report.teachers.entry(judgment.teacher.clone()).or_default() += 1;
        DistillationExample { query: judgment.query.clone(), teacher: judgment.teacher.clone(), passages }
    }

    /// Targets of the kept passages, best first.
    fn targets(&mut self, accepted: &Accepted<'_>, judged: &HashMap<&DocId, &JudgedPassage>) -> Vec<f32> {
        let by_grade = match self.options.targets {
            Targets::Order => None,
            Targets::Grades => {
                let docs = accepted.best_first.iter().map(|&place| &accepted.judgment.passages[place].id);
                let grades: Vec<Option<i32>> =
                    docs.map(|doc| judged.get(doc).and_then(|judged| judged.grade)).collect();
                let targets = grade_targets(&grades);
                self.report.targets.without_usable_grades += usize::from(targets.is_none());
                targets
            }
        };
        let counts = &mut self.report.targets;
        if let Some(targets) = by_grade {
            counts.by_grade += 1;
            targets
        } else {
            counts.by_order += 1;
            order_targets(accepted.best_first.len())
        }
    }

    fn direct(&mut self, judgment: &TeacherJudgment, judged: &JudgedPassage, place: usize) -> Option<String> {
        let given = judged.direct.as_deref()?;
        let counts = &mut self.report.direct;
        counts.given += 1;
        let (outcome, learned) = match clean_direct(given, place + 1, self.options.length) {
            Ok(clean) => {
                counts.kept += 1;
                counts.shortened += usize::from(clean.is_shortened);
                (Outcome::Learned(clean.text.clone()), Some(clean.text))
            }
            Err(why) => {
                *counts.dropped.entry(why).or_default() += 1;
                (Outcome::DirectDropped(why), None)
            }
        };
        self.offer(judgment, judged, Part::Direct, given, outcome);
        learned
    }

    fn comparison(
        &mut self,
        judgment: &TeacherJudgment,
        judged: &JudgedPassage,
        standing: Standing<'_>,
        targets: &[f32],
        index_of_rank: &[usize],
    ) -> Option<ExampleComparison> {
        let given = judged.comparison.as_deref()?;
        let counts = &mut self.report.comparison;
        counts.given += 1;
        let cleaned = clean_comparison(given, standing, self.options.length).and_then(|clean| {
            // Equal grades: the order says which is better, the targets do not, and the targets are what is learned.
            let is_tied = targets[clean.against_rank].total_cmp(&targets[standing.rank]).is_eq();
            if is_tied { Err(DroppedComparison::Tied) } else { Ok(clean) }
        });
        let (outcome, learned) = match cleaned {
            Ok(clean) => {
                counts.kept += 1;
                *counts.naming.entry(clean.naming).or_default() += 1;
                counts.above += usize::from(clean.stands == r2r_types::reasoning::Stands::Above);
                counts.shortened += usize::from(clean.is_shortened);
                let outcome = Outcome::Learned(clean.text.clone());
                let against = index_of_rank[clean.against_rank];
                (outcome, Some(ExampleComparison { text: clean.text, against, stands: clean.stands }))
            }
            Err(why) => {
                *counts.dropped.entry(why).or_default() += 1;
                (Outcome::ComparisonDropped(why), None)
            }
        };
        self.offer(judgment, judged, Part::Comparison, given, outcome);
        learned
    }

    fn evidence(&mut self, judgment: &TeacherJudgment, judged: &JudgedPassage, text: &str) -> Option<(usize, usize)> {
        let given = judged.answer_sentence.as_deref()?;
        let located = locate_sentence(given, text);
        self.report.evidence.count(&located);
        if located == Located::NotGiven {
            return None;
        }
        let sentence = located.into_sentence();
        let learned = sentence.as_ref().map(|sentence| text[sentence.clone()].to_owned());
        self.offer(judgment, judged, Part::Evidence, given, learned.map_or(Outcome::EvidenceDropped, Outcome::Learned));
        sentence.map(|sentence| (sentence.start, sentence.end))
    }

    fn offer(&mut self, judgment: &TeacherJudgment, judged: &JudgedPassage, part: Part, given: &str, outcome: Outcome) {
        let (query, doc) = (judgment.query.text.clone(), judged.doc.clone());
        self.samples.offer(Sample { query, doc, part, given: given.to_owned(), outcome });
    }
}
