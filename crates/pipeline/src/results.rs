//! A ranking as the JSON that `rerank --json` prints and `--explanations` writes.

use std::collections::HashMap;

use r2r_types::candidates::Candidates;
use r2r_types::document::Document;
use r2r_types::id::{DocId, QueryId};
use r2r_types::judgment::TeacherJudgment;
use r2r_types::ranking::Ranking;
use r2r_types::reasoning::Reasoning;
use r2r_types::stage::StageError;
use serde::Serialize;

use crate::live_teacher::LiveTeacher;
use crate::student::LoadedStudent;

/// One reranked query.
#[derive(Clone, Debug, Serialize)]
pub struct QueryResults {
    /// The query's name, where it comes from a collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qid: Option<QueryId>,
    /// The query's text.
    pub query: String,
    /// Who ranked.
    #[serde(flatten)]
    pub ranker: Ranker,
    /// How many documents were read to the end, where others were stopped early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<usize>,
    /// The documents, best first.
    pub results: Vec<DocumentResult>,
}

/// Who ranked: as JSON `"student": "name"` or `"teacher": "name"`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Ranker {
    /// A student, by its name.
    Student(String),
    /// A large model, by its name.
    Teacher(String),
}

impl Ranker {
    /// The name.
    pub fn name(&self) -> &str {
        match self {
            Self::Student(name) | Self::Teacher(name) => name,
        }
    }
}

/// One document of a reranked query.
#[derive(Clone, Debug, Serialize)]
pub struct DocumentResult {
    /// Its place, from 1.
    pub rank: usize,
    /// Its name.
    pub id: DocId,
    /// A student's calibrated probability of relevance. A teacher says an order and no probability: from 1 for its best
    /// document down in equal steps.
    pub score: f32,
    /// The raw score by which a student orders documents; null of a teacher, which has none.
    pub logit: Option<f32>,
    /// The teacher's grade, where it gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grade: Option<i32>,
    /// Its place in the first stage's list, from 1.
    pub retrieved_rank: usize,
    /// Whether it is longer than the student reads, so that only its beginning was scored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Whether it was stopped early, so that score and logit are only foreseen.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stopped_early: bool,
    /// Why it stands there; null where that was not asked for.
    pub reasoning: Option<Reasoning>,
}

impl QueryResults {
    /// The best `shown` of a student's ranking.
    pub fn of(
        student: &LoadedStudent,
        candidates: &Candidates,
        ranking: &Ranking,
        shown: usize,
    ) -> Result<Self, StageError> {
        let query = &candidates.query.text;
        let retrieved = retrieved(candidates);
        let mut results = Vec::new();
        for (i, ranked) in ranking.ranked().iter().enumerate().take(shown) {
            let (retrieved_rank, document) = retrieved[&ranked.doc];
            results.push(DocumentResult {
                rank: i + 1,
                id: ranked.doc.clone(),
                score: student.probability(ranked.score),
                logit: Some(ranked.score),
                grade: None,
                retrieved_rank,
                truncated: student.is_truncated(query, document)?,
                stopped_early: false,
                reasoning: ranked.reasoning.clone(),
            });
        }
        let ranker = Ranker::Student(student.name().to_owned());
        Ok(Self { qid: None, query: query.clone(), ranker, finished: None, results })
    }

    /// The same, with the documents below the first `finished` marked as stopped early.
    #[must_use]
    pub fn stopped_below(mut self, finished: usize) -> Self {
        for result in &mut self.results {
            result.stopped_early = result.rank > finished;
        }
        self.finished = Some(finished);
        self
    }

    /// The best `shown` of a teacher's ranking, with the grades of its judgment.
    pub fn of_teacher(
        teacher: &LiveTeacher,
        judgment: &TeacherJudgment,
        candidates: &Candidates,
        ranking: &Ranking,
        shown: usize,
    ) -> Self {
        let retrieved = retrieved(candidates);
        let grades: HashMap<&DocId, i32> =
            judgment.judged.iter().filter_map(|judged| Some((&judged.doc, judged.grade?))).collect();
        let n = candidates.list.len() as f32;
        let results = ranking.ranked().iter().enumerate().take(shown).map(|(i, ranked)| DocumentResult {
            rank: i + 1,
            id: ranked.doc.clone(),
            score: ranked.score / n,
            logit: None,
            grade: grades.get(&ranked.doc).copied(),
            retrieved_rank: retrieved[&ranked.doc].0,
            truncated: false,
            stopped_early: false,
            reasoning: ranked.reasoning.clone(),
        });
        Self {
            qid: None,
            query: candidates.query.text.clone(),
            ranker: Ranker::Teacher(teacher.name().to_owned()),
            finished: None,
            results: results.collect(),
        }
    }
}

/// Each candidate's place in the first stage's list, from 1, and its document.
fn retrieved(candidates: &Candidates) -> HashMap<&DocId, (usize, &Document)> {
    let places = candidates.list.iter().enumerate();
    places.map(|(i, candidate)| (&candidate.document.id, (i + 1, &*candidate.document))).collect()
}
