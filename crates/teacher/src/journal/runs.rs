//! How far the runs on a journal have come, for whoever looks at it meanwhile or afterwards.

use std::path::Path;

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::journal::owners::is_alive;
use crate::journal::{Journal, JournalError};

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunProgress {
    /// Queries to judge.
    pub queries: u64,
    /// Of these, judged.
    pub queries_done: u64,
    /// Windows to ask about: the least where a tournament may need more.
    pub windows: u64,
    /// Windows that have their order.
    pub windows_done: u64,
    /// Samples and grades whose answer is used.
    pub used: u64,
    /// Samples and grades that ended without an answer that can be used.
    pub malformed: u64,
    /// What was repaired in answers, by kind.
    pub repairs: Vec<(String, u64)>,
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It goes on.
    Running,
    /// It came to its end.
    Done,
    /// It ended before: stopped, failed or killed. The same command goes on with it.
    Stopped,
}

/// A run on a journal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    /// When it began, in milliseconds since 1970.
    pub begun_ms: u64,
    /// When it was last heard of.
    pub at_ms: u64,
    /// What became of it.
    pub state: RunState,
    /// How far it came.
    pub progress: RunProgress,
}

impl Journal {
    /// Writes down how far this run has come, and whether that is its end.
    pub fn note_progress(&self, progress: &RunProgress, is_end: bool, now_ms: u64) -> Result<(), JournalError> {
        let text = serde_json::to_string(progress).expect("progress is made of strings and numbers");
        let state = if is_end { "done" } else { "running" };
        self.write(|transaction| {
            transaction
                .prepare_cached(
                    "INSERT INTO runs VALUES (?1, ?2, ?2, ?3, ?4)
                     ON CONFLICT (owner) DO UPDATE SET at_ms = ?2, state = ?3, progress = ?4",
                )?
                .execute(params![self.owner.name(), now_ms, state, text])
        })?;
        Ok(())
    }
}

/// All runs, the last one first.
pub(super) fn runs(connection: &Connection, journal: &Path) -> rusqlite::Result<Vec<Run>> {
    let is_there: bool =
        connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'runs'", [], |row| row.get(0))?;
    if !is_there {
        return Ok(Vec::new());
    }
    let mut statement =
        connection.prepare("SELECT owner, begun_ms, at_ms, state, progress FROM runs ORDER BY begun_ms DESC, owner")?;
    let rows = statement.query_map([], |row| {
        let (owner, state): (String, String) = (row.get(0)?, row.get(3)?);
        let state = match state.as_str() {
            "done" => RunState::Done,
            _ if is_alive(journal, &owner) => RunState::Running,
            _ => RunState::Stopped,
        };
        let progress: String = row.get(4)?;
        let progress = serde_json::from_str(&progress).unwrap_or_default();
        Ok(Run { begun_ms: row.get(1)?, at_ms: row.get(2)?, state, progress })
    })?;
    rows.collect()
}
