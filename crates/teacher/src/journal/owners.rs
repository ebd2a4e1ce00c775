//! Who has a lease, and whether they still live: each owner holds the lock of a file, which ends with its process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// One run of one process.
#[derive(Debug)]
pub(super) struct Owner {
    name: String,
    folder: PathBuf,
    // The lock lasts as long as the file is open.
    _locked: File,
}

static RUNS: AtomicU32 = AtomicU32::new(0);

impl Owner {
    /// A new owner of leases in this journal; the files of the dead are cleared away.
    pub(super) fn new(journal: &Path, now_ms: u64) -> io::Result<Self> {
        let folder = folder_of(journal);
        fs::create_dir_all(&folder)?;
        for path in named(&folder)? {
            if life(&path) == Life::Ended {
                // Another process may have been faster.
                let _ = fs::remove_file(path);
            }
        }
        let run = RUNS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{run}-{now_ms}", process::id());
        // The file gets its name with the lock already on it: nobody sees it unlocked and takes it for dead.
        let unlocked = folder.join(format!(".{name}"));
        let locked = File::create(&unlocked)?;
        locked.lock()?;
        fs::rename(&unlocked, folder.join(&name))?;
        Ok(Self { name, folder, _locked: locked })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether another owner's process goes on, as far as can be seen.
    pub(super) fn life_of(&self, other: &str) -> Life {
        if other == self.name { Life::GoesOn } else { life(&self.folder.join(other)) }
    }

    /// Whether no other owner's process goes on.
    pub(super) fn is_alone(&self) -> bool {
        let own = self.folder.join(&self.name);
        named(&self.folder).is_ok_and(|paths| paths.iter().all(|path| *path == own || life(path) == Life::Ended))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.folder.join(&self.name));
    }
}

fn folder_of(journal: &Path) -> PathBuf {
    let mut folder = journal.as_os_str().to_owned();
    folder.push(".owners");
    PathBuf::from(folder)
}

/// The files of owners. Those that begin with a dot have no lock yet, so nobody can say whether they live.
fn named(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

/// Whether an owner of leases in this journal still lives, or may.
pub(super) fn is_alive(journal: &Path, owner: &str) -> bool {
    life(&folder_of(journal).join(owner)) != Life::Ended
}

/// Whether a process goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    GoesOn,
    Ended,
    /// The file system has no locks: only the time tells.
    Unknown,
}

impl Life {
    /// Whether what is leased to such an owner may be taken. The living keep it however long they need: two who ask the
    /// same question would both pay.
    pub(super) fn frees_its_lease(self, time_is_over: bool) -> bool {
        match self {
            Self::GoesOn => false,
            Self::Ended => true,
            Self::Unknown => time_is_over,
        }
    }
}

/// No file, or nobody holds its lock: its process has ended.
fn life(path: &Path) -> Life {
    match open_to_lock(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Life::Ended,
        Err(_) => Life::Unknown,
        Ok(file) => match file.try_lock() {
            Ok(()) => Life::Ended,
            Err(TryLockError::WouldBlock) => Life::GoesOn,
            Err(TryLockError::Error(_)) => Life::Unknown,
        },
    }
}

/// Opens the file for writing too, where that is allowed: NFS gives an exclusive lock on no other.
fn open_to_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path).or_else(|_| File::open(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_an_owner_is_looked_at_in_a_way_that_locks_over_a_network_need() {
        let folder = tempfile::tempdir().unwrap();
        let owner = Owner::new(&folder.path().join("answers.db"), 1).unwrap();
        let file = open_to_lock(&owner.folder.join(owner.name())).unwrap();
        // Only a file that is open for writing can be cut.
        file.set_len(0).unwrap();
    }

    #[test]
    fn only_where_nobody_can_see_who_lives_does_time_end_a_lease() {
        let frees = |life: Life| [life.frees_its_lease(false), life.frees_its_lease(true)];
        assert_eq!([Life::GoesOn, Life::Unknown, Life::Ended].map(frees), [[false; 2], [false, true], [true; 2]]);
    }

    #[test]
    fn who_is_about_to_take_its_lock_is_not_cleared_away() {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("answers.db");
        let first = Owner::new(&journal, 1).unwrap();
        let about_to = folder_of(&journal).join(".1-2-3");
        File::create(&about_to).unwrap();
        let dead = folder_of(&journal).join("4-5-6");
        File::create(&dead).unwrap();
        let second = Owner::new(&journal, 1).unwrap();
        assert!(about_to.exists() && !dead.exists());
        assert_eq!(second.life_of(first.name()), Life::GoesOn);
        assert!(!second.is_alone());
        let name = first.name().to_owned();
        drop(first);
        assert_eq!(second.life_of(&name), Life::Ended);
        assert!(second.is_alone());
    }
}
