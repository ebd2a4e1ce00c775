//! A teacher that repeats what was recorded before: no network, no cost, the same answer every time.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use r2r_types::candidates::{Candidate, Candidates};
use r2r_types::formats::error::FormatError;
use r2r_types::formats::jsonl::JsonLines;
use r2r_types::id::{DocId, QueryId};
use r2r_types::ranking::Ranking;
use r2r_types::stage::{Reasons, Reranker, StageError};
use serde::Deserialize;
use thiserror::Error;

use crate::judged_ranking::ranking_of;
use crate::judging::{JudgeOptions, Judging, JudgingError, JudgmentRecord};
use crate::prompt::Prompt;
use crate::windows::WindowPlan;

/// Recorded answers of large models, by query.
#[derive(Clone, Debug)]
pub struct RecordedTeacher {
    file: String,
    prompt: Prompt,
    by_query: HashMap<QueryId, Vec<Record>>,
}

/// Why recorded answers cannot be used.
#[derive(Debug, Error)]
pub enum RecordedError {
    /// The file cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// A record shows a document twice.
    #[error("{file}:{line}: document {doc} stands twice in the docids of query {query}; remove one of the two")]
    Duplicate {
        /// The file.
        file: String,
        /// The line, starting at 1.
        line: usize,
        /// The query.
        query: QueryId,
        /// The document.
        doc: DocId,
    },
}

/// One recorded answer: `{"qid", "model", "docids", "answer"}`.
#[derive(Clone, Debug)]
struct Record {
    line: usize,
    model: String,
    /// In the order in which they were shown.
    docs: Vec<DocId>,
    answer: String,
}

#[derive(Deserialize)]
struct Row {
    qid: Name,
    model: String,
    docids: Vec<Name>,
    answer: String,
}

/// A name that other tools may have written as a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(u64),
}

impl Name {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

impl RecordedTeacher {
    /// Opens a JSONL file of recorded answers to a prompt; a query may have several.
    pub fn open(path: &Path, prompt: &Prompt) -> Result<Self, RecordedError> {
        let rows = JsonLines::<Row>::open(path)?;
        let file = rows.file().to_owned();
        let mut by_query: HashMap<QueryId, Vec<Record>> = HashMap::new();
        for row in rows {
            let (line, row) = row?;
            let query = QueryId::from(row.qid.into_text());
            let docs: Vec<DocId> = row.docids.into_iter().map(|name| name.into_text().into()).collect();
            let mut seen = HashSet::new();
            if let Some(doc) = docs.iter().find(|doc| !seen.insert(*doc)) {
                return Err(RecordedError::Duplicate { file, line, query, doc: doc.clone() });
            }
            by_query.entry(query).or_default().push(Record { line, model: row.model, docs, answer: row.answer });
        }
        Ok(Self { file, prompt: prompt.clone(), by_query })
    }

    /// The judging that was recorded for these candidates: of the documents that the record names, in the order in
    /// which it shows them. Candidates beyond them are not judged. The answer goes the way of every answer, but nobody
    /// is there to be asked again.
    ///
    /// # Errors
    /// `Malformed` where nothing was recorded for the query, or every record of it shows a document that is no
    /// candidate.
    pub fn judge(&self, candidates: &Candidates) -> Result<JudgmentRecord, StageError> {
        let record = self.record(candidates)?;
        let by_id: HashMap<&DocId, &Candidate> =
            candidates.list.iter().map(|candidate| (&candidate.document.id, candidate)).collect();
        let shown = Candidates {
            query: Arc::clone(&candidates.query),
            list: record.docs.iter().map(|doc| by_id[doc].clone()).collect(),
        };
        let options = JudgeOptions {
            model: record.model.clone(),
            windows: WindowPlan::Single,
            shuffle: false,
            ask_again: false,
            ..JudgeOptions::default()
        };
        let malformed = |error: JudgingError| StageError::Malformed(format!("{}:{}: {error}", self.file, record.line));
        let mut judging = Judging::new(&shown, &options, &self.prompt, 0).map_err(malformed)?;
        for ask in judging.next() {
            judging.answer(&ask.key, Ok(&record.answer)).map_err(malformed)?;
        }
        Ok(judging.finish())
    }

    /// The record whose documents are all among the candidates; of several the one with the most documents, of
    /// equal ones the first.
    fn record(&self, candidates: &Candidates) -> Result<&Record, StageError> {
        let query = &candidates.query.id;
        let Some(records) = self.by_query.get(query) else {
            return Err(StageError::Malformed(format!(
                "{} holds no answer for query {query}; record one, or leave the query out",
                self.file
            )));
        };
        let known: HashSet<&DocId> = candidates.list.iter().map(|candidate| &candidate.document.id).collect();
        let fitting = records.iter().filter(|record| record.docs.iter().all(|doc| known.contains(doc)));
        // `max_by_key` takes the last of equal ones.
        if let Some(record) = fitting.rev().max_by_key(|record| record.docs.len()) {
            return Ok(record);
        }
        let first = &records[0];
        let stranger = first.docs.iter().find(|doc| !known.contains(doc));
        let stranger = stranger.expect("a record that does not fit shows a document that is no candidate");
        Err(StageError::Malformed(format!(
            "{}:{}: the answer for query {query} was recorded for document {stranger}, which is not among the {} \
             candidates; judge the run that it was recorded for",
            self.file,
            first.line,
            candidates.list.len()
        )))
    }
}

impl Reranker for RecordedTeacher {
    fn rerank(&self, candidates: &Candidates, reasons: Reasons) -> Result<Ranking, StageError> {
        let ranking = ranking_of(&self.judge(candidates)?.judgment, candidates, reasons);
        ranking.map_err(|error| StageError::Malformed(error.to_string()))
    }
}
