//! Who has a lease, and whether they still live: each owner holds the lock of a file, which ends with its process.

use std::fs::{self, File, TryLockError};
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
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if is_dead(&path) {
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

    /// Whether another owner's process has ended.
    pub(super) fn has_ended(&self, other: &str) -> bool {
        other != self.name && is_dead(&self.folder.join(other))
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

/// Whether an owner of leases in this journal still lives.
pub(super) fn is_alive(journal: &Path, owner: &str) -> bool {
    !is_dead(&folder_of(journal).join(owner))
}

/// No file, or nobody holds its lock. A file system without locks counts as alive: then only the time ends a lease.
fn is_dead(path: &Path) -> bool {
    match File::open(path) {
        Err(error) => error.kind() == io::ErrorKind::NotFound,
        Ok(file) => match file.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        },
    }
}
