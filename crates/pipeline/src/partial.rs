//! A folder that one process fills, beside the one whose place it takes in the end. Processes that build the same have
//! each their own, so that none destroys the work of another; what the dead left is cleared away.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::error::PipelineError;

/// A folder that is being filled. Dropped before it took its place, it is removed.
#[derive(Debug)]
pub(crate) struct Partial {
    path: PathBuf,
    /// The folder, locked: its process lives. There is none on file systems that know no locks; what is left there, nobody
    /// dares to clear away.
    _lock: Option<File>,
}

static NUMBERS: AtomicU32 = AtomicU32::new(0);

impl Partial {
    /// A new folder beside `folder`, which needs not be there.
    pub(crate) fn beside(folder: &Path) -> Result<Self, PipelineError> {
        let failed = |error| PipelineError::io(folder, error);
        fs::create_dir_all(parent(folder)).map_err(failed)?;
        clear_dead(folder);
        loop {
            let path = new_name(folder);
            match fs::create_dir(&path) {
                Ok(()) => {
                    let lock = File::open(&path).ok().filter(|opened| opened.lock().is_ok());
                    // Before it was locked, another process may have taken it for one of the dead.
                    if path.is_dir() {
                        return Ok(Self { path, _lock: lock });
                    }
                }
                // A process of the same number left it, where there are no locks.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the place of `folder`, which goes away. False where another process was there first, at the same moment.
    pub(crate) fn take_place_of(&self, folder: &Path) -> Result<bool, PipelineError> {
        let old = new_name(folder);
        let is_moved = fs::rename(folder, &old).is_ok();
        let placed = fs::rename(&self.path, folder);
        if is_moved && (placed.is_ok() || fs::rename(&old, folder).is_err()) {
            // Where it cannot be removed now, the next build does.
            let _ = fs::remove_dir_all(&old);
        }
        match placed {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists) => Ok(false),
            Err(error) => Err(PipelineError::io(folder, error)),
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Once in its place it has lost this name; where it cannot be removed, the error that led here is the one to tell.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn parent(folder: &Path) -> &Path {
    folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `NAME.partial-PROCESS-NUMBER`
fn new_name(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}-{}", process::id(), NUMBERS.fetch_add(1, Ordering::Relaxed)));
    folder.with_file_name(name)
}

/// Whether a name is one that [`new_name`] gives, or `NAME.partial`, which earlier versions gave.
fn is_partial(found: &str, name: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match found.strip_prefix(name).and_then(|rest| rest.strip_prefix(".partial")) {
        None => false,
        Some("") => true,
        Some(rest) => rest
            .strip_prefix('-')
            .and_then(|numbers| numbers.split_once('-'))
            .is_some_and(|(process, number)| is_number(process) && is_number(number)),
    }
}

/// Removes what processes left that ended before their folder was whole.
fn clear_dead(folder: &Path) {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else { return };
    let Ok(entries) = fs::read_dir(parent(folder)) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_str().is_some_and(|found| is_partial(found, name)) {
            // Held until it is removed, so that nobody begins to fill it meanwhile.
            let locked = File::open(entry.path()).ok().filter(|opened| opened.try_lock().is_ok());
            if locked.is_some() {
                // Another process may have been faster.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
    }
}
