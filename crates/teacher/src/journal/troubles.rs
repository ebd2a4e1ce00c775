//! What went wrong, counted by kind.

use rusqlite::params;

use crate::journal::{Journal, JournalError};

impl Journal {
    /// Counts troubles, each with its kind and what was said.
    pub fn count_troubles(&self, troubles: &[(&str, String)], now_ms: u64) -> Result<(), JournalError> {
        self.write(|transaction| {
            for (kind, what) in troubles {
                transaction
                    .prepare_cached(
                        "INSERT INTO troubles VALUES (?1, 1, ?2, ?3)
                         ON CONFLICT (kind) DO UPDATE SET count = count + 1, last = ?2, at_ms = ?3",
                    )?
                    .execute(params![kind, what, now_ms])?;
            }
            Ok(())
        })
    }
}
