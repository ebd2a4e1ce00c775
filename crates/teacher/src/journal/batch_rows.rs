//! Batches: a row before each step into the network, so that a run that dies between any two steps can go on.

use rusqlite::{Connection, params};

use crate::clients::endpoint::Endpoint;
use crate::journal::answers::{Paid, cost_usd, insert};
use crate::journal::key::{Ask, AskKey};
use crate::journal::ledger::{self, Elsewhere};
use crate::journal::{Journal, JournalError};
use crate::ladder::Rung;

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// About to be sent; after a crash nobody knows whether it was.
    Intended,
    /// Its file lies at the provider.
    Uploaded,
    /// The provider works on it.
    Submitted,
    /// Its answers are in the journal.
    Fetched,
    /// The provider never had it, or failed it as a whole: its questions are free again.
    GivenUp,
}

impl BatchState {
    const ALL: [Self; 5] = [Self::Intended, Self::Uploaded, Self::Submitted, Self::Fetched, Self::GivenUp];

    /// The name, as kept in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Uploaded => "uploaded",
            Self::Submitted => "submitted",
            Self::Fetched => "fetched",
            Self::GivenUp => "given up",
        }
    }
}

/// Whether a batch is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intention {
    /// It is, and may be sent.
    Written,
    /// It is not: others have spent or leased something meanwhile, so that it has to be filled anew.
    Outdated,
}

/// How a batch ends without answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchEnd {
    /// It failed, which counts as an attempt of each question.
    Failed,
    /// It was never worked on, which does not.
    NotBegun,
}

/// A batch that has not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRow {
    /// Our name for it, which the provider is told where it takes one.
    pub id: String,
    /// The model that answers.
    pub model: String,
    /// How far it has come.
    pub state: BatchState,
    /// The provider's name of its file.
    pub file_id: Option<String>,
    /// The provider's name of the batch.
    pub remote_id: Option<String>,
    /// When it was intended, in milliseconds since 1970.
    pub at_ms: u64,
}

/// What a batch asks.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchItem {
    /// Its key, which is also its custom id.
    pub key: AskKey,
    /// The question.
    pub ask: Ask,
    /// The shape in which it was asked.
    pub rung: Rung,
}

impl Journal {
    /// A name for a new batch, never used before.
    pub fn new_batch_id(&self) -> Result<String, JournalError> {
        let prefix = format!("r2r-{}", self.owner.name());
        // By name: another run may attend to some of them by now.
        let taken: u64 = self.read(|connection| {
            let names = format!("{prefix}-%");
            connection.query_row("SELECT count(*) FROM batches WHERE id LIKE ?", [names], |row| row.get(0))
        })?;
        Ok(format!("{prefix}-{taken}"))
    }

    /// Writes down that a batch is about to be sent; the leases on its questions pass to it. Each question comes with
    /// what it may cost, in US dollars, and that is counted as under way from now on. Others may have spent, or have
    /// under way, `most_elsewhere_usd` by now, and no more.
    pub fn intend_batch(
        &self,
        endpoint: &Endpoint,
        row: &BatchRow,
        items: &[(BatchItem, f64)],
        most_elsewhere_usd: f64,
    ) -> Result<Intention, JournalError> {
        self.write(|transaction| {
            let Elsewhere { spent_usd, perhaps_usd } = ledger::elsewhere(transaction, self.owner.name())?;
            if spent_usd + perhaps_usd > most_elsewhere_usd || !all_leased(transaction, self.owner.name(), items)? {
                return Ok(Intention::Outdated);
            }
            transaction.execute(
                "INSERT INTO batches VALUES (?, ?, ?, ?, ?, NULL, NULL, '', ?, ?)",
                params![
                    row.id,
                    endpoint.provider.name(),
                    endpoint.base_url(),
                    row.model,
                    row.state.name(),
                    self.owner.name(),
                    row.at_ms
                ],
            )?;
            let mut insert = transaction.prepare_cached("INSERT INTO batch_items VALUES (?, ?, 'asked', ?, ?)")?;
            let mut end_lease = transaction.prepare_cached("DELETE FROM leases WHERE key = ?")?;
            for (BatchItem { key, ask, rung }, usd) in items {
                let ask = serde_json::to_string(ask).expect("a question is made of strings and numbers");
                insert.execute([&row.id, key.as_str(), rung.name(), &ask])?;
                end_lease.execute([key.as_str()])?;
                ledger::hand_to_batch(transaction, key.as_str(), &row.id, *usd)?;
            }
            Ok(Intention::Written)
        })
    }

    /// Writes down how far a batch has come, with a note for the reader of the journal.
    pub fn advance_batch(&self, row: &BatchRow, note: &str) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "UPDATE batches SET state = ?, file_id = ?, remote_id = ?, note = ? WHERE id = ?",
                params![row.state.name(), row.file_id, row.remote_id, note, row.id],
            )
        })?;
        Ok(())
    }

    /// The batches of an endpoint that have not come to their end and that no living run attends to; from now on this
    /// one does. They are leased to it until `until_ms`, which counts where nobody can see whether it lives; each call
    /// renews that. A batch without a lease is taken to be leased since its intention, for as long.
    pub fn attend_to_batches(
        &self,
        endpoint: &Endpoint,
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Vec<BatchRow>, JournalError> {
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "SELECT id, model, state, file_id, remote_id, at_ms, owner,
                        (SELECT until_ms FROM leases WHERE key = batches.id)
                 FROM batches
                 WHERE provider = ? AND base_url = ? AND state NOT IN ('fetched', 'given up') ORDER BY at_ms, id",
            )?;
            let rows = statement.query_map([endpoint.provider.name(), endpoint.base_url()], |row| {
                let name: String = row.get(2)?;
                let state = BatchState::ALL.into_iter().find(|state| state.name() == name);
                let batch = BatchRow {
                    id: row.get(0)?,
                    model: row.get(1)?,
                    state: state.unwrap_or(BatchState::Intended),
                    file_id: row.get(3)?,
                    remote_id: row.get(4)?,
                    at_ms: row.get(5)?,
                };
                Ok((batch, row.get::<_, String>(6)?, row.get::<_, Option<u64>>(7)?))
            })?;
            let mut ours = Vec::new();
            for row in rows {
                let (batch, owner, leased_until_ms) = row?;
                let end_ms = leased_until_ms.unwrap_or(batch.at_ms + until_ms.saturating_sub(now_ms));
                if owner == self.owner.name() || self.owner.life_of(&owner).frees_its_lease(end_ms <= now_ms) {
                    let mut adopt = transaction.prepare_cached("UPDATE batches SET owner = ? WHERE id = ?")?;
                    adopt.execute([self.owner.name(), &batch.id])?;
                    let mut lease = transaction.prepare_cached("INSERT OR REPLACE INTO leases VALUES (?, ?, ?)")?;
                    lease.execute(params![batch.id, self.owner.name(), until_ms])?;
                    ours.push(batch);
                }
            }
            Ok(ours)
        })
    }

    /// The provider's names of all batches that the journal knows.
    pub fn known_remote_batches(&self) -> Result<Vec<String>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare("SELECT remote_id FROM batches WHERE remote_id IS NOT NULL")?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// What a batch asks.
    pub fn batch_items(&self, id: &str) -> Result<Vec<BatchItem>, JournalError> {
        self.read(|connection| items(connection, id))
    }

    /// Keeps what a batch brought, all or nothing: its answers, and which questions it did not answer.
    pub fn settle_batch(
        &self,
        endpoint: &Endpoint,
        row: &BatchRow,
        answers: &[(AskKey, Ask, Paid)],
        now_ms: u64,
    ) -> Result<(), JournalError> {
        self.write(|transaction| {
            end_items(transaction, row, "failed")?;
            let mut answered =
                transaction.prepare_cached("UPDATE batch_items SET state = 'answered' WHERE batch = ? AND key = ?")?;
            for (key, ask, paid) in answers {
                insert(transaction, endpoint, key, ask, paid, now_ms)?;
                answered.execute([&row.id, key.as_str()])?;
            }
            transaction.execute(
                "UPDATE batches SET state = ?, remote_id = ? WHERE id = ?",
                params![BatchState::Fetched.name(), row.remote_id, row.id],
            )?;
            ledger::add(transaction, self.owner.name(), cost_usd(answers), 0.0)
        })
    }

    /// Ends a batch without answers, with the reason: its questions are free again.
    pub fn give_up_batch(&self, row: &BatchRow, end: BatchEnd, note: &str) -> Result<(), JournalError> {
        let state = match end {
            BatchEnd::Failed => "failed",
            BatchEnd::NotBegun => "returned",
        };
        self.write(|transaction| {
            end_items(transaction, row, state)?;
            transaction.execute(
                "UPDATE batches SET state = ?, note = ? WHERE id = ?",
                [BatchState::GivenUp.name(), note, &row.id],
            )?;
            Ok(())
        })
    }

    /// How many batches have been fetched without an answer to this question.
    pub fn failed_in_batches(&self, key: &AskKey) -> Result<u32, JournalError> {
        self.read(|connection| {
            connection.query_row(
                "SELECT count(*) FROM batch_items WHERE key = ? AND state = 'failed'",
                [key.as_str()],
                |row| row.get(0),
            )
        })
    }
}

/// Whether a run still holds the leases on all questions.
fn all_leased(connection: &Connection, owner: &str, items: &[(BatchItem, f64)]) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached("SELECT 1 FROM leases WHERE key = ? AND owner = ?")?;
    for (item, _) in items {
        if !statement.exists([item.key.as_str(), owner])? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Nothing of the batch is under way any longer.
fn end_items(connection: &Connection, row: &BatchRow, state: &str) -> rusqlite::Result<()> {
    connection.execute("UPDATE batch_items SET state = ?, ask = '' WHERE batch = ?", [state, &row.id])?;
    connection.execute("DELETE FROM leases WHERE key = ?", [&row.id])?;
    ledger::let_go_of_batch(connection, &row.id)
}

fn items(connection: &Connection, id: &str) -> rusqlite::Result<Vec<BatchItem>> {
    let mut statement = connection.prepare("SELECT key, ask, rung FROM batch_items WHERE batch = ? ORDER BY key")?;
    let rows = statement.query_map([id], |row| {
        let ask: String = row.get(1)?;
        let broken = |error: serde_json::Error| {
            rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, Box::new(error))
        };
        Ok(BatchItem {
            key: AskKey::from_row(row.get(0)?),
            ask: serde_json::from_str(&ask).map_err(broken)?,
            rung: Rung::of_name(&row.get::<_, String>(2)?).unwrap_or(Rung::Text),
        })
    })?;
    rows.collect()
}
