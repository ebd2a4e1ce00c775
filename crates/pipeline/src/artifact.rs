//! One folder a stage, whole or not there: built as `.partial`, renamed when finished.

use std::path::{Path, PathBuf};

use crate::error::PipelineError;
use crate::partial::Partial;
use crate::provenance::Provenance;

/// An artifact that is being built, in a `.partial` folder of its own, which nothing reads. Dropped unfinished, that is
/// removed; what a kill leaves, the next build clears away. Several processes may build the same at once.
#[derive(Debug)]
pub struct Building {
    folder: PathBuf,
    partial: Partial,
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
        if folder.file_name().is_none() {
            return Err(PipelineError::Input(format!(
                "{} cannot be the name of an artifact: name a folder of its own",
                folder.display()
            )));
        }
        let partial = Partial::beside(folder)?;
        Ok(Self::Stale(Box::new(Building { folder: folder.to_owned(), partial, provenance })))
    }
}

impl Building {
    /// Where the files go while it is built.
    pub fn path(&self) -> &Path {
        self.partial.path()
    }

    /// Writes the provenance and moves the whole folder to its place, over an older one. Where another process has
    /// finished the same meanwhile, that stays.
    pub fn finish(self) -> Result<(), PipelineError> {
        self.provenance.write(self.path())?;
        while !is_fresh(&self.folder, &self.provenance)? {
            if self.partial.take_place_of(&self.folder)? {
                break;
            }
        }
        Ok(())
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

    fn stale(folder: &Path, seed: u64) -> Building {
        match Artifact::open(folder, provenance(seed)).unwrap() {
            Artifact::Stale(building) => *building,
            Artifact::Fresh => panic!("{} is fresh", folder.display()),
        }
    }

    fn put(building: &Building, text: &str) {
        std::fs::write(building.path().join("data"), text).unwrap();
    }

    #[test]
    fn two_who_build_the_same_at_once_both_finish_and_one_artifact_is_whole() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("stage");
        let first = stale(&folder, 1);
        put(&first, "first");
        let second = stale(&folder, 1);
        put(&second, "second");
        let other = stale(&folder, 2);
        put(&other, "other");
        first.finish().unwrap();
        second.finish().unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("data")).unwrap(), "first");
        other.finish().unwrap();
        assert_eq!(std::fs::read_to_string(folder.join("data")).unwrap(), "other");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_kill_left_is_cleared_away_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let dead = ["stage.partial", "stage.partial-1-0"];
        let others = ["stage.partial-mine", "stage.partial-1-0-1", "stage-2", "another.partial-1-0"];
        for name in dead.iter().chain(&others) {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        drop(stale(&root.path().join("stage"), 1));
        let is_there = |name: &&str| root.path().join(name).exists();
        assert!(!dead.iter().any(is_there) && others.iter().all(is_there));
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
