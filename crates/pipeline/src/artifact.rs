//! One folder a stage, whole or not there: built as `.partial`, renamed when finished.

use std::path::{Path, PathBuf};

use crate::error::PipelineError;
use crate::provenance::Provenance;

/// An artifact that is being built, as `.partial`, which nothing reads. Dropped unfinished, that is removed; what a kill
/// leaves, the next build clears away.
#[derive(Debug)]
pub struct Building {
    folder: PathBuf,
    partial: PathBuf,
    /// What made it; counts are added while it is built.
    pub provenance: Provenance,
}

/// Whether a stage has to run.
#[derive(Debug)]
pub enum Artifact {
    /// It is there, made from the same inputs in the same way.
    Fresh,
    /// It has to be built.
    Stale(Box<Building>),
}

/// Whether a folder holds the artifact that `provenance` would make again.
///
/// # Errors
/// `Input` where the folder is there and holds something else, which must not be replaced.
fn is_fresh(folder: &Path, provenance: &Provenance) -> Result<bool, PipelineError> {
    let Some(made) = Provenance::read(folder)? else {
        let is_taken = std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some());
        return if is_taken { Err(foreign(folder, &provenance.stage)) } else { Ok(false) };
    };
    if made.stage != provenance.stage {
        return Err(foreign(folder, &provenance.stage));
    }
    Ok(made.key == provenance.key)
}

fn foreign(folder: &Path, stage: &str) -> PipelineError {
    PipelineError::Input(format!(
        "{} holds something else than the output of the stage {stage}: choose another folder, or remove it yourself",
        folder.display()
    ))
}

impl Artifact {
    /// Looks at a stage's folder: fresh, or opened for building from empty.
    pub fn open(folder: &Path, provenance: Provenance) -> Result<Self, PipelineError> {
        if is_fresh(folder, &provenance)? {
            return Ok(Self::Fresh);
        }
        let named = folder.file_name().ok_or_else(|| {
            PipelineError::Input(format!(
                "{} cannot be the name of an artifact: name a folder of its own",
                folder.display()
            ))
        })?;
        let mut name = named.to_owned();
        name.push(".partial");
        let partial = folder.with_file_name(name);
        if partial.exists() {
            std::fs::remove_dir_all(&partial).map_err(|error| PipelineError::io(&partial, error))?;
        }
        std::fs::create_dir_all(&partial).map_err(|error| PipelineError::io(&partial, error))?;
        Ok(Self::Stale(Box::new(Building { folder: folder.to_owned(), partial, provenance })))
    }
}

impl Building {
    /// Where the files go while it is built.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Writes the provenance and moves the whole folder to its place, over an older one.
    pub fn finish(self) -> Result<(), PipelineError> {
        self.provenance.write(&self.partial)?;
        if self.folder.exists() {
            std::fs::remove_dir_all(&self.folder).map_err(|error| PipelineError::io(&self.folder, error))?;
        }
        std::fs::rename(&self.partial, &self.folder).map_err(|error| PipelineError::io(&self.folder, error))
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        // A finished artifact has lost this name; where it cannot be removed, the error that led here is the one to tell.
        let _ = std::fs::remove_dir_all(&self.partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provenance(seed: u64) -> Provenance {
        Provenance::of("test", &serde_json::json!({"a": 1}), seed, Vec::new()).unwrap()
    }

    #[test]
    fn an_artifact_is_whole_or_not_there_and_rebuilt_only_when_its_key_changes() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("stage");
        let Artifact::Stale(building) = Artifact::open(&folder, provenance(1)).unwrap() else {
            panic!("not there yet")
        };
        std::fs::write(building.path().join("data"), "one").unwrap();
        assert!(!folder.exists());
        building.finish().unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("data")).unwrap(), "one");
        assert!(matches!(Artifact::open(&folder, provenance(1)).unwrap(), Artifact::Fresh));
        let Artifact::Stale(building) = Artifact::open(&folder, provenance(2)).unwrap() else { panic!("another seed") };
        assert!(folder.exists(), "the old artifact stays until the new one is whole");
        building.finish().unwrap();
        assert!(!folder.join("data").exists());
        drop(Artifact::open(&folder, provenance(3)).unwrap());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1, "nothing stays of what was not finished");
    }

    #[test]
    fn a_folder_that_is_no_artifact_of_this_stage_is_never_replaced() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("mine");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("thesis.txt"), "years").unwrap();
        assert!(Artifact::open(&folder, provenance(1)).is_err());
        assert!(Artifact::open(Path::new(".."), provenance(1)).is_err());
        std::fs::remove_file(folder.join("thesis.txt")).unwrap();
        assert!(matches!(Artifact::open(&folder, provenance(1)).unwrap(), Artifact::Stale(_)));
    }
}
