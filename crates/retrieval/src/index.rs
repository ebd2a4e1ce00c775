//! Writes a collection into an index folder.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use r2r_types::stage::BoxError;
use r2r_types::{DocId, Document};
use tantivy::index::SegmentId;
use tantivy::indexer::{IndexWriterOptions, NoMergePolicy};
use tantivy::{Index, IndexWriter, SegmentReader, TantivyDocument, TantivyError};
use thiserror::Error;

use crate::analyzer::EnglishAnalyzer;
use crate::layout::{ANALYZER, FORMAT, Layout, PLACE};

/// Bytes of postings that are held in memory before they are written; more memory, fewer merges.
const MEMORY: usize = 256 << 20;

/// Documents between two reports of progress.
const PROGRESS_STEP: u64 = 1000;

/// What a build wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexReport {
    /// Documents in the index.
    pub documents: u64,
    /// Bytes of its files.
    pub bytes: u64,
}

/// Why an index was not built. Nothing is left in the place of the index in any case.
#[derive(Debug, Error)]
pub enum IndexError {
    /// Something is in the way.
    #[error("{} exists already: remove it, or choose another place for the index", dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// The path names no folder that could be made.
    #[error("{} cannot be the name of an index: give the path of a folder that does not exist yet", dir.display())]
    Unnamed {
        /// The path.
        dir: PathBuf,
    },
    /// A document could not be read.
    #[error("document number {number} cannot be read: {source}")]
    Document {
        /// Its place in the collection, counted from 1.
        number: u64,
        /// Why.
        source: BoxError,
    },
    /// Two documents have the same name.
    #[error("document number {number} has the name {id}, which an earlier document has: names must be unique")]
    Duplicate {
        /// The place of the second one in the collection, counted from 1.
        number: u64,
        /// The name.
        id: DocId,
    },
    /// A file or folder cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The index library failed, mostly because the disk is full.
    #[error("the index in {} cannot be written: {source}", dir.display())]
    Engine {
        /// The folder.
        dir: PathBuf,
        /// What the library says.
        source: TantivyError,
    },
}

/// Writes `documents` into a new index in the folder `dir`; title and text are searched as one field.
///
/// The work is done in `<dir>.partial`, which takes the name `dir` when it is whole: what a killed
/// build leaves does not open, and the next build clears it away. Documents keep the order of the
/// collection, so that the same collection always gives the same answers. `progress` hears the number
/// of documents so far, every thousand documents and at the end.
///
/// # Errors
/// Any [`IndexError`]; the first document that cannot be read or has the name of another ends the build.
pub fn build<E: Into<BoxError>>(
    documents: impl Iterator<Item = Result<Document, E>>,
    dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<IndexReport, IndexError> {
    build_within(MEMORY, documents, dir, progress)
}

fn build_within<E: Into<BoxError>>(
    memory: usize,
    documents: impl Iterator<Item = Result<Document, E>>,
    dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<IndexReport, IndexError> {
    let io = |path: &Path, source| IndexError::Io { path: path.to_owned(), source };
    if fs::exists(dir).map_err(|source| io(dir, source))? {
        return Err(IndexError::Exists { dir: dir.to_owned() });
    }
    let partial = partial_of(dir)?;
    if fs::exists(&partial).map_err(|source| io(&partial, source))? {
        fs::remove_dir_all(&partial).map_err(|source| io(&partial, source))?;
    }
    fs::create_dir_all(&partial).map_err(|source| io(&partial, source))?;
    let written = write(memory, documents, &partial, progress).and_then(|documents| {
        let bytes = bytes_of_files(&partial).map_err(|source| io(&partial, source))?;
        fs::rename(&partial, dir).map_err(|source| io(dir, source))?;
        Ok(IndexReport { documents, bytes })
    });
    if written.is_err() {
        // The error at hand tells more than a failure to clear up, and the next build clears up as well.
        let _ = fs::remove_dir_all(&partial);
    }
    written
}

/// `<dir>.partial`, beside `dir`.
fn partial_of(dir: &Path) -> Result<PathBuf, IndexError> {
    let mut name: OsString = dir.file_name().ok_or_else(|| IndexError::Unnamed { dir: dir.to_owned() })?.to_owned();
    name.push(".partial");
    Ok(dir.with_file_name(name))
}

/// Writes all documents into `dir` as one segment and marks the index as whole; returns their number.
fn write<E: Into<BoxError>>(
    memory: usize,
    documents: impl Iterator<Item = Result<Document, E>>,
    dir: &Path,
    progress: &mut dyn FnMut(u64),
) -> Result<u64, IndexError> {
    let engine = |source| IndexError::Engine { dir: dir.to_owned(), source };
    let (layout, schema) = Layout::new();
    let index = Index::create_in_dir(dir, schema).map_err(engine)?;
    index.tokenizers().register(ANALYZER, EnglishAnalyzer::default());
    // One thread, so that documents stay in order.
    let options = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .num_merge_threads(1)
        .memory_budget_per_thread(memory)
        .build();
    let writer: IndexWriter = index.writer_with_options(options).map_err(engine)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));

    let mut names: HashSet<DocId> = HashSet::new();
    let mut added = 0;
    for document in documents {
        let number = added + 1;
        let document = document.map_err(|error| IndexError::Document { number, source: error.into() })?;
        writer.add_document(fields_of(&document, added, layout)).map_err(engine)?;
        if let Some(id) = names.replace(document.id) {
            return Err(IndexError::Duplicate { number, id });
        }
        added = number;
        if added % PROGRESS_STEP == 0 {
            progress(added);
        }
    }
    finish(&index, writer).map_err(engine)?;
    progress(added);
    Ok(added)
}

/// What tantivy keeps of a document.
fn fields_of(document: &Document, place: u64, layout: Layout) -> TantivyDocument {
    let mut fields = TantivyDocument::new();
    fields.add_text(layout.id, document.id.as_str());
    fields.add_u64(layout.place, place);
    fields.add_text(layout.title, &document.title);
    fields.add_text(layout.text, &document.text);
    fields.add_text(layout.contents, document.title_and_text());
    fields
}

/// Merges the segments into one, in the order of the collection, and leaves the mark of a whole index.
fn finish(index: &Index, mut writer: IndexWriter) -> Result<(), TantivyError> {
    writer.commit()?;
    let segments = segments_in_order(index)?;

    if segments.len() > 1 {
        writer.merge(&segments).wait()?;
        writer.garbage_collect_files().wait()?;
    }
    let mut whole = writer.prepare_commit()?;
    whole.set_payload(FORMAT);
    whole.commit()?;
    writer.wait_merging_threads()
}

/// The segments by the place of their first document: tantivy lists them in an order of its own.
fn segments_in_order(index: &Index) -> Result<Vec<SegmentId>, TantivyError> {
    let mut segments = Vec::new();
    for segment in index.searchable_segments()? {
        let places = SegmentReader::open(&segment)?.fast_fields().u64(PLACE)?;
        segments.push((places.first(0), segment.id()));
    }
    segments.sort_unstable();
    Ok(segments.into_iter().map(|(_, id)| id).collect())
}

fn bytes_of_files(dir: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(dir)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::bm25::Bm25;
    use crate::searcher::{SearchError, Searcher};

    fn document(id: &str, text: &str) -> Document {
        Document { id: id.into(), title: String::new(), text: text.into() }
    }

    fn whole(documents: Vec<Document>) -> impl Iterator<Item = Result<Document, Infallible>> {
        documents.into_iter().map(Ok)
    }

    fn files_under(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    /// The smallest memory that tantivy takes, so that a small collection has several segments.
    #[test]
    fn documents_keep_their_order_over_several_segments() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("index");
        let count = 30_000;
        let text = |place: u32| {
            let words: Vec<String> = (0..12).map(|word| format!("w{place}x{word}")).collect();
            format!("same {}", words.join(" "))
        };
        let documents = (0..count).map(|place| Ok::<_, Infallible>(document(&format!("d{place}"), &text(place))));
        let mut heard = Vec::new();
        let report = build_within(15 << 20, documents, &dir, &mut |documents| heard.push(documents)).unwrap();
        assert_eq!(report.documents, u64::from(count));
        assert_eq!(heard.last(), Some(&u64::from(count)));
        assert!(heard.is_sorted());

        let searcher = Searcher::open(&dir).unwrap();
        let hits = searcher.search("same", count as usize, &Bm25::default()).unwrap();
        let found: Vec<&str> = hits.iter().map(|hit| hit.doc.as_str()).collect();
        let expected: Vec<String> = (0..count).map(|place| format!("d{place}")).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_failed_build_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("index");
        let twice = vec![document("a", "one"), document("b", "two"), document("a", "three")];
        let error = build(whole(twice), &dir, &mut |_| {}).unwrap_err();
        assert!(matches!(error, IndexError::Duplicate { number: 3, ref id } if id.as_str() == "a"), "{error}");

        let broken = [Ok(document("a", "one")), Err("line 2 is no JSON")];
        let error = build(broken.into_iter(), &dir, &mut |_| {}).unwrap_err();
        assert_eq!(error.to_string(), "document number 2 cannot be read: line 2 is no JSON");
        assert_eq!(files_under(folder.path()), 0);
    }

    #[test]
    fn an_existing_folder_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let error = build(whole(Vec::new()), folder.path(), &mut |_| {}).unwrap_err();
        assert!(matches!(error, IndexError::Exists { .. }), "{error}");
        assert!(matches!(build(whole(Vec::new()), Path::new(".."), &mut |_| {}), Err(IndexError::Exists { .. })));
    }

    /// A killed build runs no destructor; what it leaves is imitated by stopping before the last step.
    #[test]
    fn a_cut_off_build_does_not_open_and_the_next_build_clears_it_away() {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("index");
        let partial = folder.path().join("index.partial");
        fs::create_dir(&partial).unwrap();
        let (layout, schema) = Layout::new();
        let index = Index::create_in_dir(&partial, schema).unwrap();
        index.tokenizers().register(ANALYZER, EnglishAnalyzer::default());
        let mut writer: IndexWriter = index.writer_with_num_threads(1, 15 << 20).unwrap();
        writer.add_document(fields_of(&document("a", "one"), 0, layout)).unwrap();
        writer.commit().unwrap();
        drop(writer);

        assert!(matches!(Searcher::open(&dir), Err(SearchError::Missing { .. })));
        assert!(matches!(Searcher::open(folder.path()), Err(SearchError::Format { found: None, .. })));
        assert_eq!(files_under(folder.path()), 1, "opening what is no index writes nothing");
        assert!(matches!(Searcher::open(&partial), Err(SearchError::Format { found: None, .. })));
        let report = build(whole(vec![document("b", "two")]), &dir, &mut |_| {}).unwrap();
        assert_eq!(report.documents, 1);
        assert!(report.bytes > 0);
        assert!(!partial.exists());
        assert_eq!(Searcher::open(&dir).unwrap().documents(), 1);
    }
}
