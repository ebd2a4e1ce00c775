//! The journal: every paid answer on disk before it is used. `SQLite` in WAL mode, each commit synced.
//!
//! One process may die at any moment and several may share the journal: what one is asking is leased to it, and a lease
//! ends with its time or with its process.

pub mod answers;
pub mod batch_rows;
pub mod export;
pub mod key;
pub mod ledger;
mod owners;
mod reserve;
pub mod runs;
pub mod summary;
pub mod troubles;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::thread::sleep;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use thiserror::Error;

use crate::journal::owners::Owner;
use crate::journal::reserve::Reserve;

/// The format of the journal; another one is refused.
pub const VERSION: i64 = 1;
/// "`R2Rj`" in the header of the file.
const APPLICATION: i64 = 0x5232_526a;

const SCHEMA: &str = "
CREATE TABLE answers (
    key TEXT PRIMARY KEY, provider TEXT NOT NULL, base_url TEXT NOT NULL, model TEXT NOT NULL, prompt_hash TEXT NOT NULL,
    sample INTEGER NOT NULL, tag TEXT NOT NULL, request TEXT NOT NULL, rung TEXT NOT NULL, route TEXT NOT NULL,
    answered_by TEXT NOT NULL, text TEXT NOT NULL, thoughts TEXT NOT NULL, finish TEXT NOT NULL,
    input INTEGER NOT NULL, output INTEGER NOT NULL, cached INTEGER NOT NULL, reasoning INTEGER NOT NULL,
    cost_usd REAL, raw TEXT NOT NULL, at_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until_ms INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE troubles (kind TEXT PRIMARY KEY, count INTEGER NOT NULL, last TEXT NOT NULL, at_ms INTEGER NOT NULL);
CREATE TABLE shapes (
    provider TEXT NOT NULL, base_url TEXT NOT NULL, model TEXT NOT NULL, rung TEXT NOT NULL,
    PRIMARY KEY (provider, base_url, model)
);
CREATE TABLE batches (
    id TEXT PRIMARY KEY, provider TEXT NOT NULL, base_url TEXT NOT NULL, model TEXT NOT NULL, state TEXT NOT NULL,
    file_id TEXT, remote_id TEXT, note TEXT NOT NULL, owner TEXT NOT NULL, at_ms INTEGER NOT NULL
);
CREATE TABLE batch_items (
    batch TEXT NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, rung TEXT NOT NULL, ask TEXT NOT NULL,
    PRIMARY KEY (batch, key)
) WITHOUT ROWID;
CREATE INDEX batch_items_by_key ON batch_items (key);
";

/// Journals of earlier builds lack it; whoever only reads does not need it.
const RUNS: &str = "
CREATE TABLE IF NOT EXISTS runs (owner TEXT PRIMARY KEY, begun_ms INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    state TEXT NOT NULL, progress TEXT NOT NULL) WITHOUT ROWID;
";

/// How the journal is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Bytes set aside on the disk, given up when it is full so that answers under way can still be kept.
    pub reserve_bytes: u64,
    /// The largest size of the journal in bytes; `None` is what the disk holds.
    pub max_bytes: Option<u64>,
    /// How long to wait for another process that is writing.
    pub busy_timeout: Duration,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self { reserve_bytes: 16 << 20, max_bytes: None, busy_timeout: Duration::from_mins(1) }
    }
}

/// Between two tries to change a journal's mode, while another process does.
const MODE_PAUSE: Duration = Duration::from_millis(5);

/// A journal that cannot be used.
#[derive(Debug, Error)]
pub enum JournalError {
    /// Written by another version of this program.
    #[error(
        "{path} is a journal of format {found}, this program reads {VERSION}: use the program that wrote it, or another folder"
    )]
    Version {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// Some other database.
    #[error("{0} is a database, but no journal of answers: choose another file")]
    NotAJournal(PathBuf),
    /// No room is left.
    #[error(
        "the disk of {0} is full, a quota is used up, or the journal has its largest size: make room and run again, paid \
         answers are kept"
    )]
    Full(PathBuf),
    /// The disk refuses; a quota that is used up looks the same.
    #[error(
        "the journal {path} cannot be read or written ({error}): a quota may be used up, or the disk broken or gone; make \
         room or mend it and run again, paid answers are kept"
    )]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The database refuses.
    #[error("the journal {path}: {error}")]
    Database {
        /// The file.
        path: PathBuf,
        /// Why.
        error: rusqlite::Error,
    },
    /// The file system refuses.
    #[error("the journal {path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// An open journal, owned by one run of one process.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    connection: Mutex<Connection>,
    owner: Owner,
    reserve: Reserve,
}

impl Drop for Journal {
    /// Who is the last to leave takes the reserve away.
    fn drop(&mut self) {
        if self.owner.is_alone() {
            self.reserve.remove();
        }
    }
}

impl Journal {
    /// Opens the journal in a file, or makes one. Its neighbors are `FILE-wal`, `FILE-shm`, `FILE.owners` and
    /// `FILE.reserve`.
    pub fn open(path: &Path, config: &JournalConfig, now_ms: u64) -> Result<Self, JournalError> {
        let failed = |error| Self::of_database(path, error);
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(config.busy_timeout).map_err(failed)?;
        // Two processes that make one journal at once: SQLite does not wait for the other where it changes the mode.
        let mut waited = Duration::ZERO;
        while let Err(error) = connection.pragma_update(None, "journal_mode", "WAL") {
            if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) || waited >= config.busy_timeout {
                return Err(failed(error));
            }
            sleep(MODE_PAUSE);
            waited += MODE_PAUSE;
        }
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        Self::make_or_check(&mut connection, path)?;
        let io = |error| JournalError::Io { path: path.to_owned(), error };
        let owner = Owner::new(path, now_ms).map_err(io)?;
        let reserve = Reserve::new(path, config, &connection).map_err(failed)?;
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection), owner, reserve })
    }

    /// Opens a journal to look at it: nothing is written.
    pub fn open_to_read(path: &Path) -> Result<ReadJournal, JournalError> {
        let failed = |error| Self::of_database(path, error);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
        connection.busy_timeout(Duration::from_mins(1)).map_err(failed)?;
        Self::check(&connection, path)?;
        Ok(ReadJournal { path: path.to_owned(), connection })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn make_or_check(connection: &mut Connection, path: &Path) -> Result<(), JournalError> {
        let failed = |error| Self::of_database(path, error);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let tables: i64 =
            transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
        if tables == 0 {
            transaction.execute_batch(SCHEMA).map_err(failed)?;
            transaction.pragma_update(None, "application_id", APPLICATION).map_err(failed)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
        }
        Self::check(&transaction, path)?;
        transaction.execute_batch(RUNS).map_err(failed)?;
        ledger::make(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn check(connection: &Connection, path: &Path) -> Result<(), JournalError> {
        let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let failed = |error| Self::of_database(path, error);
        if read("application_id").map_err(failed)? != APPLICATION {
            return Err(JournalError::NotAJournal(path.to_owned()));
        }
        match read("user_version").map_err(failed)? {
            VERSION => Ok(()),
            found => Err(JournalError::Version { path: path.to_owned(), found }),
        }
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().expect("no panic happens under this lock")
    }

    /// Does all of the work or none of it. Where there is no room, the reserve is given up and the work done again.
    fn write<T>(&self, work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        let mut connection = self.connection();
        let failed = |error| Self::of_database(&self.path, error);
        match attempt(&mut connection, &work) {
            Err(error) if is_full(&error) || is_refused_by_disk(&error) => {}
            done => return done.map_err(failed),
        }
        self.reserve.give_up(&connection);
        attempt(&mut connection, &work).map_err(failed)
    }

    /// Whether the disk was found full: what is under way may end, nothing new should begin.
    pub fn is_full(&self) -> bool {
        self.reserve.is_given_up()
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&self.connection()).map_err(|error| Self::of_database(&self.path, error))
    }

    fn of_database(path: &Path, error: rusqlite::Error) -> JournalError {
        let path = path.to_owned();
        match error.sqlite_error_code() {
            _ if is_full(&error) => JournalError::Full(path),
            _ if is_refused_by_disk(&error) => JournalError::Disk { path, error },
            Some(ErrorCode::NotADatabase) => JournalError::NotAJournal(path),
            _ => JournalError::Database { path, error },
        }
    }
}

fn attempt<T>(
    connection: &mut Connection,
    work: impl Fn(&Transaction<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull)
}

/// `SQLite` knows no other word for a quota that is used up (EDQUOT).
fn is_refused_by_disk(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
}

/// A journal open for reading only.
#[derive(Debug)]
pub struct ReadJournal {
    path: PathBuf,
    connection: Connection,
}

impl ReadJournal {
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        work(&self.connection).map_err(|error| Journal::of_database(&self.path, error))
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// What `SQLite` answers where a write fails for any reason but a full disk.
    fn refused() -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_IOERR_WRITE), None)
    }

    #[test]
    fn where_a_quota_is_used_up_the_reserve_makes_room() {
        let folder = tempfile::tempdir().unwrap();
        let config = JournalConfig { reserve_bytes: 1 << 16, ..JournalConfig::default() };
        let journal = Journal::open(&folder.path().join("answers.db"), &config, 0).unwrap();
        let reserve = folder.path().join("answers.db.reserve");
        journal.write(|_| if reserve.exists() { Err(refused()) } else { Ok(()) }).unwrap();
        assert!(journal.is_full(), "nothing new is begun");
        let error = journal.write(|_| Err::<(), _>(refused())).unwrap_err();
        assert!(error.to_string().contains("a quota may be used up"), "{error}");
    }
}
