//! What a journal holds, in numbers.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use crate::clients::Usage;
use crate::journal::ledger;
use crate::journal::runs::{Run, runs};
use crate::journal::{Journal, JournalError, ReadJournal};

/// What a journal holds, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Answers by model, in the order of provider and model.
    pub models: Vec<ModelSummary>,
    /// What went wrong, by kind: (kind, times, the last time's words).
    pub troubles: Vec<(String, u64, String)>,
    /// What may have been spent besides, at most, in US dollars: for answers that never came, and for what is under way
    /// or was when a run died.
    pub perhaps_usd: f64,
    /// Questions that a run is asking now, or was when it died.
    pub under_way: u64,
    /// Batches that have not been fetched.
    pub open_batches: Vec<OpenBatch>,
    /// Runs, the last one first.
    pub runs: Vec<Run>,
}

/// A batch under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OpenBatch {
    /// Our name for it.
    pub id: String,
    /// The provider's name for it, once it has one.
    pub remote_id: Option<String>,
    /// Who answers.
    pub model: String,
    /// How far it has come.
    pub state: String,
    /// What the provider said of it last.
    pub note: String,
    /// Questions in it.
    pub questions: u64,
    /// When it was begun, in milliseconds since 1970.
    pub at_ms: u64,
}

/// Answers of one model.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ModelSummary {
    /// The provider.
    pub provider: String,
    /// Its address.
    pub base_url: String,
    /// The model.
    pub model: String,
    /// Answers.
    pub answers: u64,
    /// Of these, from batches.
    pub from_batches: u64,
    /// Of these, broken off at the limit of tokens.
    pub broken_off: u64,
    /// Of these, refusals.
    pub refused: u64,
    /// Of these, without a word.
    pub empty: u64,
    /// Tokens.
    pub usage: Usage,
    /// The cost of those whose price was known, in US dollars.
    pub cost_usd: f64,
    /// Answers whose price was not known.
    pub unpriced: u64,
}

impl Summary {
    /// The cost of all models, in US dollars.
    pub fn cost_usd(&self) -> f64 {
        self.models.iter().map(|model| model.cost_usd).sum()
    }

    /// Answers of all models.
    pub fn answers(&self) -> u64 {
        self.models.iter().map(|model| model.answers).sum()
    }
}

impl Journal {
    /// What the journal holds, in numbers.
    pub fn summary(&self) -> Result<Summary, JournalError> {
        self.read(|connection| summary(connection, &self.path))
    }
}

impl ReadJournal {
    /// What the journal holds, in numbers.
    pub fn summary(&self) -> Result<Summary, JournalError> {
        self.read(|connection| summary(connection, &self.path))
    }
}

fn summary(connection: &Connection, path: &Path) -> rusqlite::Result<Summary> {
    let mut statement = connection.prepare(
        "SELECT provider, base_url, model, count(*), sum(route = 'batch'), sum(finish = 'length'),
                sum(finish = 'refused'), sum(text = ''), sum(input), sum(output), sum(cached), sum(reasoning),
                total(cost_usd), sum(cost_usd IS NULL)
         FROM answers GROUP BY provider, base_url, model ORDER BY provider, model, base_url",
    )?;
    let models = statement.query_map([], |row| {
        Ok(ModelSummary {
            provider: row.get(0)?,
            base_url: row.get(1)?,
            model: row.get(2)?,
            answers: row.get(3)?,
            from_batches: row.get(4)?,
            broken_off: row.get(5)?,
            refused: row.get(6)?,
            empty: row.get(7)?,
            usage: Usage { input: row.get(8)?, output: row.get(9)?, cached: row.get(10)?, reasoning: row.get(11)? },
            cost_usd: row.get(12)?,
            unpriced: row.get(13)?,
        })
    })?;
    let models = models.collect::<rusqlite::Result<_>>()?;
    let mut statement = connection.prepare("SELECT kind, count, last FROM troubles ORDER BY kind")?;
    let troubles = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let troubles = troubles.collect::<rusqlite::Result<_>>()?;
    let count = |sql: &str| connection.query_row(sql, [], |row| row.get(0));
    let under_way = count("SELECT count(*) FROM leases WHERE key NOT IN (SELECT id FROM batches)")?;
    let perhaps_usd = ledger::perhaps_usd(connection)?;
    let mut statement = connection.prepare(
        "SELECT id, remote_id, model, state, note, at_ms, (SELECT count(*) FROM batch_items WHERE batch = batches.id)
         FROM batches WHERE state NOT IN ('fetched', 'given up') ORDER BY at_ms, id",
    )?;
    let open_batches = statement.query_map([], |row| {
        Ok(OpenBatch {
            id: row.get(0)?,
            remote_id: row.get(1)?,
            model: row.get(2)?,
            state: row.get(3)?,
            note: row.get(4)?,
            at_ms: row.get(5)?,
            questions: row.get(6)?,
        })
    })?;
    let open_batches = open_batches.collect::<rusqlite::Result<_>>()?;
    Ok(Summary { models, troubles, perhaps_usd, under_way, open_batches, runs: runs(connection, path)? })
}
