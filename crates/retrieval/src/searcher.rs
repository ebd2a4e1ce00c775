//! Opens an index and answers queries from it.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use r2r_types::{DocId, Document};
use tantivy::columnar::StrColumn;
use tantivy::directory::error::OpenReadError;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::store::StoreReader;
use tantivy::{Index, InvertedIndexReader, SegmentReader, TantivyDocument, TantivyError, Term};
use thiserror::Error;

use crate::accumulate::{TermPostings, best};
use crate::analyzer::terms;
use crate::bm25::{Bm25, Collection};
use crate::layout::{FORMAT, ID, Layout};
use crate::top::{Scored, Top};

/// Decompressed blocks (16 KiB each) of the document store that stay in memory.
const CACHED_BLOCKS: usize = 64;

/// A document that a query found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The document.
    pub doc: DocId,
    /// Its BM25 score, above 0.
    pub score: f32,
}

/// Why an index cannot be opened or searched.
#[derive(Debug, Error)]
pub enum SearchError {
    /// There is no such folder.
    #[error("there is no index at {}: build one first", dir.display())]
    Missing {
        /// The folder.
        dir: PathBuf,
    },
    /// The folder is no index of this version, or its build was cut off.
    #[error("{} is no whole index of this version (its mark is {found:?}, not {FORMAT:?}): build it again", dir.display())]
    Format {
        /// The folder.
        dir: PathBuf,
        /// The mark that was found; `None` where there is none.
        found: Option<String>,
    },
    /// The index cannot be read.
    #[error("the index at {} cannot be read: {source}; check the disk, or build it again", dir.display())]
    Unreadable {
        /// The folder.
        dir: PathBuf,
        /// What the index library says.
        source: TantivyError,
    },
    /// The parameters of BM25 are out of range.
    #[error("k1 is {k1} and b is {b}: k1 must be 0 or more and finite, b between 0 and 1")]
    Parameters {
        /// The `k1` asked for.
        k1: f32,
        /// The `b` asked for.
        b: f32,
    },
}

/// An open index. Files are mapped into memory: opening is cheap, and threads may share one searcher.
pub struct Searcher {
    dir: PathBuf,
    layout: Layout,
    /// `None` where the collection has no documents.
    segment: Option<Segment>,
}

/// The one segment of an index, whose document numbers are places in the collection.
struct Segment {
    documents: u32,
    collection: Collection,
    postings: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
    ids: StrColumn,
    store: StoreReader,
}

impl Searcher {
    /// Opens the index in `dir`, which [`crate::index::build`] wrote.
    pub fn open(dir: &Path) -> Result<Self, SearchError> {
        if !dir.is_dir() {
            return Err(SearchError::Missing { dir: dir.to_owned() });
        }
        let unreadable = |source| SearchError::Unreadable { dir: dir.to_owned(), source };
        let no_index = || SearchError::Format { dir: dir.to_owned(), found: None };
        let index = match Index::open_in_dir(dir) {
            Ok(index) => index,
            Err(TantivyError::OpenReadError(OpenReadError::FileDoesNotExist(_))) => return Err(no_index()),
            Err(source) => return Err(unreadable(source)),
        };
        let found = index.load_metas().map_err(unreadable)?.payload;
        if found.as_deref() != Some(FORMAT) {
            return Err(SearchError::Format { dir: dir.to_owned(), found });
        }
        let (layout, _) = Layout::new();
        let segment = match index.searchable_segments().map_err(unreadable)?.as_slice() {
            [] => None,
            [segment] => {
                let reader = SegmentReader::open(segment).map_err(unreadable)?;
                Some(Segment::open(&reader, layout).map_err(unreadable)?)
            }
            [_, _, ..] => return Err(no_index()),
        };
        Ok(Self { dir: dir.to_owned(), layout, segment })
    }

    /// How many documents the index holds.
    pub fn documents(&self) -> u64 {
        self.segment.as_ref().map_or(0, |segment| u64::from(segment.documents))
    }

    /// The best `depth` documents for `text`, best first; equal scores in the order of the collection.
    ///
    /// Documents without a term of the query are not found. Any text is a valid query: it is a bag of
    /// words, without operators; a text without terms finds nothing.
    ///
    /// # Errors
    /// `Parameters` where `bm25` is out of range, `Unreadable` where the disk fails.
    pub fn search(&self, text: &str, depth: usize, bm25: &Bm25) -> Result<Vec<Hit>, SearchError> {
        let Some((segment, scored)) = self.best(text, depth, bm25)? else { return Ok(Vec::new()) };
        let docs = segment.names(&scored).map_err(|source| self.unreadable(source))?;
        Ok(docs.into_iter().zip(&scored).map(|(doc, scored)| Hit { doc, score: scored.score }).collect())
    }

    /// The same as [`Searcher::search`], with the documents themselves and their scores.
    pub(crate) fn search_documents(
        &self,
        text: &str,
        depth: usize,
        bm25: &Bm25,
    ) -> Result<Vec<(Document, f32)>, SearchError> {
        let Some((segment, scored)) = self.best(text, depth, bm25)? else { return Ok(Vec::new()) };
        let documents = segment.documents(&scored, self.layout).map_err(|source| self.unreadable(source))?;
        Ok(documents.into_iter().zip(&scored).map(|(document, scored)| (document, scored.score)).collect())
    }

    /// The places of the best documents; `None` where nothing can be found.
    fn best(&self, text: &str, depth: usize, bm25: &Bm25) -> Result<Option<(&Segment, Vec<Scored>)>, SearchError> {
        if !bm25.is_valid() {
            return Err(SearchError::Parameters { k1: bm25.k1, b: bm25.b });
        }
        let Some(segment) = &self.segment else { return Ok(None) };
        if depth == 0 || segment.collection.terms == 0 {
            return Ok(None);
        }
        let postings = segment.postings_of(text, bm25, self.layout).map_err(|source| self.unreadable(source.into()))?;
        let top = Top::new(depth, segment.documents as usize);
        let inverse_norms = bm25.inverse_norms(segment.collection);
        Ok(Some((segment, best(postings, &segment.lengths, &inverse_norms, top))))
    }

    fn unreadable(&self, source: TantivyError) -> SearchError {
        SearchError::Unreadable { dir: self.dir.clone(), source }
    }
}

impl Segment {
    fn open(reader: &SegmentReader, layout: Layout) -> Result<Self, TantivyError> {
        let postings = reader.inverted_index(layout.contents)?;
        let lengths = reader.get_fieldnorms_reader(layout.contents)?;
        let with_terms = (0..reader.max_doc()).filter(|&place| lengths.fieldnorm_id(place) > 0).count();
        let ids = reader.fast_fields().str(ID)?.ok_or_else(|| TantivyError::FieldNotFound(ID.to_owned()))?;
        Ok(Self {
            documents: reader.max_doc(),
            collection: Collection { documents: with_terms as u64, terms: postings.total_num_tokens() },
            postings,
            lengths,
            ids,
            store: reader.get_store_reader(CACHED_BLOCKS)?,
        })
    }

    /// The postings of the terms of a query, each term once with its weight; unknown terms are left out.
    fn postings_of(&self, text: &str, bm25: &Bm25, layout: Layout) -> io::Result<Vec<TermPostings>> {
        let terms = terms(text);
        let mut counts: HashMap<&str, u32> = HashMap::with_capacity(terms.len());
        for term in &terms {
            *counts.entry(term).or_default() += 1;
        }
        let mut found = Vec::with_capacity(counts.len());
        for term in &terms {
            let Some(count) = counts.remove(term.as_str()) else { continue };
            let key = Term::from_field_text(layout.contents, term);
            let Some(info) = self.postings.get_term_info(&key)? else { continue };
            let idf = self.collection.idf(info.doc_freq);
            let weight = bm25.term_weight(idf, count, terms.len(), self.collection);
            let postings = self.postings.read_block_postings_from_terminfo(&info, IndexRecordOption::WithFreqs)?;
            found.push(TermPostings::new(weight, postings));
        }
        Ok(found)
    }

    /// The names of documents, in the order given.
    fn names(&self, scored: &[Scored]) -> Result<Vec<DocId>, TantivyError> {
        let mut ordinals: Vec<(u64, usize)> = Vec::with_capacity(scored.len());
        for (rank, scored) in scored.iter().enumerate() {
            let ordinal = self.ids.ords().first(scored.place).ok_or_else(|| no_name(scored.place))?;
            ordinals.push((ordinal, rank));
        }
        // The dictionary is read once from the front to the back, hence the detour over its order.
        ordinals.sort_unstable();
        let sorted: Vec<u64> = ordinals.iter().map(|&(ordinal, _)| ordinal).collect();
        let mut names: Vec<DocId> = vec![DocId::from(""); scored.len()];
        let mut ranks = ordinals.iter().map(|&(_, rank)| rank);
        let all_found = self.ids.dictionary().sorted_ords_to_term_cb(&sorted, |name| {
            if let Some(rank) = ranks.next() {
                names[rank] = DocId::from(&*String::from_utf8_lossy(name));
            }
        })?;
        if all_found { Ok(names) } else { Err(no_name(scored.first().map_or(0, |scored| scored.place))) }
    }

    /// The documents themselves, in the order given.
    fn documents(&self, scored: &[Scored], layout: Layout) -> Result<Vec<Document>, TantivyError> {
        let mut documents: Vec<Document> = Vec::with_capacity(scored.len());
        for id in self.names(scored)? {
            documents.push(Document { id, title: String::new(), text: String::new() });
        }
        // Neighbors share a compressed block: in the order of the store each block is opened once.
        let mut ranks: Vec<usize> = (0..scored.len()).collect();
        ranks.sort_unstable_by_key(|&rank| scored[rank].place);
        for rank in ranks {
            let stored: TantivyDocument = self.store.get(scored[rank].place)?;
            let field = |field| stored.get_first(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
            documents[rank].title = field(layout.title);
            documents[rank].text = field(layout.text);
        }
        Ok(documents)
    }
}

fn no_name(place: u32) -> TantivyError {
    TantivyError::InternalError(format!("document {place} has no name in the column {ID}"))
}
