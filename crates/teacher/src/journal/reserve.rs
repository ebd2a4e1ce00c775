//! Room set aside on the disk: given up when the disk is full, so that what is being paid for can still be kept.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use crate::journal::JournalConfig;

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    given_up: AtomicBool,
}

impl Reserve {
    /// Sets the room aside, as a file, and bounds the size of the journal.
    pub(super) fn new(journal: &Path, config: &JournalConfig, connection: &Connection) -> rusqlite::Result<Self> {
        let mut path = journal.as_os_str().to_owned();
        path.push(".reserve");
        let path = PathBuf::from(path);
        if let Some(max_bytes) = config.max_bytes {
            let page: u64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
            limit_pages(connection, max_bytes / page)?;
        }
        // A disk that has no room for the reserve may have room for the journal: the run begins all the same.
        let _ = fill(&path, config.reserve_bytes);
        Ok(Self { path, bytes: config.reserve_bytes, given_up: AtomicBool::new(false) })
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    pub(super) fn remove(&self) {
        let _ = fs::remove_file(&self.path);
    }

    /// Makes the room available to the journal.
    pub(super) fn give_up(&self, connection: &Connection) {
        if self.given_up.swap(true, Ordering::Relaxed) {
            return;
        }
        self.remove();
        let read = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, u64>(0));
        if let (Ok(pages), Ok(page)) = (read("max_page_count"), read("page_size")) {
            let raised = pages.saturating_add(self.bytes / page).min(u64::from(u32::MAX - 1));
            let _ = limit_pages(connection, raised);
        }
    }
}

fn limit_pages(connection: &Connection, pages: u64) -> rusqlite::Result<()> {
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

fn fill(path: &Path, bytes: u64) -> std::io::Result<()> {
    if fs::metadata(path).is_ok_and(|found| found.len() >= bytes) {
        return Ok(());
    }
    let mut file = File::create(path)?;
    // A file system that compresses has no room set aside for zeros, nor for what repeats.
    let mut noise = fastrand::Rng::with_seed(bytes);
    let mut block = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let part = left.min(block.len() as u64);
        noise.fill(&mut block);
        file.write_all(&block[..part as usize])?;
        left -= part;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_word_of_the_reserve_repeats() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("reserve");
        fill(&path, 3 << 16).unwrap();
        let bytes = fs::read(&path).unwrap();
        let words: HashSet<&[u8]> = bytes.chunks(8).collect();
        assert_eq!((bytes.len(), words.len()), (3 << 16, (3 << 16) / 8));
    }
}
