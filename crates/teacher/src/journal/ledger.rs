//! The ledger: what all runs on a journal have spent, may have spent, and have under way. It is written in the same
//! transactions as leases, batches and answers, so that a budget holds across kills and for several runs at once.

use rusqlite::{Connection, params};

use crate::journal::{Journal, JournalError};

/// Journals of earlier builds lack it. `accounts` has what each run paid and what it may have paid for answers that
/// never came; `at_risk` what each question under way may cost, held by a run or by a batch.
const TABLES: &str = "
CREATE TABLE accounts (owner TEXT PRIMARY KEY, spent_usd REAL NOT NULL, unsure_usd REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE at_risk (key TEXT PRIMARY KEY, holder TEXT NOT NULL, usd REAL NOT NULL) WITHOUT ROWID;
INSERT INTO accounts SELECT 'before the ledger', total(cost_usd), 0 FROM answers;
";

/// What others than the one who asks have spent on a journal, in US dollars: earlier runs, and other processes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Elsewhere {
    /// Paid for answers.
    pub spent_usd: f64,
    /// At most, for answers that never came, and for questions that are under way or were at a kill.
    pub perhaps_usd: f64,
}

impl Journal {
    /// What this run has paid through this journal, and what others have.
    pub fn ledger(&self) -> Result<(f64, Elsewhere), JournalError> {
        self.read(|connection| {
            let own = "SELECT total(spent_usd + unsure_usd) FROM accounts WHERE owner = ?";
            let own_usd = connection.query_row(own, [self.owner.name()], |row| row.get(0))?;
            Ok((own_usd, elsewhere(connection, self.owner.name())?))
        })
    }

    /// Adds to what this run may have paid for answers that never came; what others have spent by now.
    pub fn note_unsure(&self, usd: f64) -> Result<Elsewhere, JournalError> {
        self.write(|transaction| {
            add(transaction, self.owner.name(), 0.0, usd)?;
            elsewhere(transaction, self.owner.name())
        })
    }
}

/// Makes the tables where they are not there.
pub(super) fn make(connection: &Connection) -> rusqlite::Result<()> {
    if is_there(connection)? { Ok(()) } else { connection.execute_batch(TABLES) }
}

fn is_there(connection: &Connection) -> rusqlite::Result<bool> {
    connection.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'accounts'", [], |row| row.get(0))
}

/// What anybody may have spent besides what was paid for answers; whoever only reads an old journal finds nothing.
pub(super) fn perhaps_usd(connection: &Connection) -> rusqlite::Result<f64> {
    if !is_there(connection)? {
        return Ok(0.0);
    }
    let all = "SELECT (SELECT total(unsure_usd) FROM accounts) + (SELECT total(usd) FROM at_risk)";
    connection.query_row(all, [], |row| row.get(0))
}

/// Adds to the account of a run.
pub(super) fn add(connection: &Connection, owner: &str, spent_usd: f64, unsure_usd: f64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO accounts VALUES (?1, ?2, ?3)
         ON CONFLICT (owner) DO UPDATE SET spent_usd = spent_usd + ?2, unsure_usd = unsure_usd + ?3",
    )?;
    statement.execute(params![owner, spent_usd, unsure_usd])?;
    Ok(())
}

/// A question is under way from now on. Where one who died held it, what it may have cost them stays in their account.
pub(super) fn hold(connection: &Connection, key: &str, holder: &str, usd: f64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("SELECT holder, usd FROM at_risk WHERE key = ?")?;
    let mut rows = statement.query([key])?;
    if let Some(row) = rows.next()? {
        let (other, other_usd): (String, f64) = (row.get(0)?, row.get(1)?);
        if other != holder {
            add(connection, &other, 0.0, other_usd)?;
        }
    }
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO at_risk VALUES (?, ?, ?)")?;
    statement.execute(params![key, holder, usd])?;
    Ok(())
}

/// A question that was under way is answered, or known not to be paid.
pub(super) fn let_go(connection: &Connection, key: &str, holder: &str) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("DELETE FROM at_risk WHERE key = ? AND holder = ?")?;
    statement.execute([key, holder])?;
    Ok(())
}

/// A question is under way in a batch from now on.
pub(super) fn hand_to_batch(connection: &Connection, key: &str, batch: &str, usd: f64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO at_risk VALUES (?, ?, ?)")?;
    statement.execute(params![key, batch, usd])?;
    Ok(())
}

/// A batch has come back: nothing of it is under way.
pub(super) fn let_go_of_batch(connection: &Connection, batch: &str) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM at_risk WHERE holder = ?")?.execute([batch])?;
    Ok(())
}

/// What others than this run have spent; the batches that it attends to are its own.
pub(super) fn elsewhere(connection: &Connection, owner: &str) -> rusqlite::Result<Elsewhere> {
    let mut statement = connection.prepare_cached(
        "SELECT total(spent_usd), total(unsure_usd) + (
             SELECT total(usd) FROM at_risk
             WHERE holder <> ?1 AND holder NOT IN (SELECT id FROM batches WHERE owner = ?1))
         FROM accounts WHERE owner <> ?1",
    )?;
    statement.query_row([owner], |row| Ok(Elsewhere { spent_usd: row.get(0)?, perhaps_usd: row.get(1)? }))
}
