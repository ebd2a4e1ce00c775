//! What lies in an index: the fields, and the mark of a whole one. Writer and reader share it.

use tantivy::schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};

/// The mark that the last step of a build leaves; a folder without it is no index.
/// The number rises whenever fields or terms change, so that an old index is rebuilt, not misread.
pub(crate) const FORMAT: &str = "r2r-bm25 format 1";

/// The name of the analyzer in the schema.
pub(crate) const ANALYZER: &str = "english-lucene";

/// A column with the document's name.
pub(crate) const ID: &str = "id";

/// A column with the document's place in the collection, counted from 0.
pub(crate) const PLACE: &str = "place";

/// The fields of a document.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) id: Field,
    pub(crate) place: Field,
    /// Stored.
    pub(crate) title: Field,
    /// Stored.
    pub(crate) text: Field,
    /// Title and text, indexed: postings with frequencies, and lengths.
    pub(crate) contents: Field,
}

impl Layout {
    /// The fields with the schema that holds them.
    pub(crate) fn new() -> (Self, Schema) {
        let mut schema = Schema::builder();
        let indexed = TextFieldIndexing::default()
            .set_tokenizer(ANALYZER)
            .set_index_option(IndexRecordOption::WithFreqs)
            .set_fieldnorms(true);
        let layout = Self {
            id: schema.add_text_field(ID, TextOptions::default().set_fast("raw")),
            place: schema.add_u64_field(PLACE, NumericOptions::default().set_fast()),
            title: schema.add_text_field("title", TextOptions::default().set_stored()),
            text: schema.add_text_field("text", TextOptions::default().set_stored()),
            contents: schema.add_text_field("contents", TextOptions::default().set_indexing_options(indexed)),
        };
        (layout, schema.build())
    }
}
