//! The first stage of Reason-to-Rank: a BM25 index on disk whose numbers are Lucene's.
//!
//! Text passes the English analyzer of Lucene and Anserini ([`analyzer`], [`porter`]), postings and
//! documents lie in a tantivy index of one memory-mapped segment ([`index`]), and scores come from
//! Lucene's formula with `k1` and `b` given by each query ([`bm25`], [`searcher`]).
//!
//! ```
//! use r2r_retrieval::{Bm25, Searcher, build};
//! use r2r_types::Document;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let place = folder.path().join("index");
//! let document = |id: &str, text: &str| Document { id: id.into(), title: String::new(), text: text.into() };
//! let documents = [
//!     document("d1", "Granite cools slowly, deep below the surface."),
//!     document("d2", "Basalt is a volcanic rock: it cools fast."),
//! ];
//!
//! let report = build(documents.into_iter().map(Ok::<_, std::io::Error>), &place, &mut |_| {})?;
//! assert_eq!(report.documents, 2);
//!
//! let searcher = Searcher::open(&place)?;
//! let hits = searcher.search("Which volcanic rocks cool fast?", 10, &Bm25::default())?;
//! assert_eq!(hits[0].doc.as_str(), "d2");
//! assert!(hits[0].score > hits[1].score);
//! assert!(searcher.search("the of and", 10, &Bm25::default())?.is_empty());
//! # Ok(())
//! # }
//! ```

mod accumulate;
pub mod analyzer;
pub mod bm25;
pub mod index;
mod layout;
pub mod porter;
pub mod retriever;
pub mod searcher;
mod top;

pub use bm25::{Bm25, QueryWeights};
pub use index::{IndexError, IndexReport, build};
pub use retriever::Bm25Retriever;
pub use searcher::{Hit, SearchError, Searcher};
