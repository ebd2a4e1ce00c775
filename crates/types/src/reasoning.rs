//! Why a document stands where it stands.

use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;
use crate::id::DocId;

/// The explanation of one document's place in a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reasoning {
    /// How the document answers the query (direct relevance reasoning).
    pub direct: String,
    /// Why it stands above or below others (comparison reasoning).
    pub comparison: Comparison,
    /// The words that carry the answer.
    pub evidence: Vec<Evidence>,
    /// Which words of the query the document has and lacks: counted, not written by a model.
    #[serde(flatten)]
    pub coverage: Coverage,
}

/// The query's content words, by whether the document has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Content words of the query that occur in the document.
    pub matched: Vec<String>,
    /// Content words of the query that do not.
    pub missing: Vec<String>,
}

/// A comparison with named documents, checkable against the order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// The comparison in words.
    pub text: String,
    /// Which documents it names, and which way.
    pub against: Vec<Against>,
}

/// One document that a comparison names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Against {
    /// The other document.
    pub id: DocId,
    /// Where the explained document stands relative to it.
    pub stands: Stands,
}

/// Where the explained document stands relative to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stands {
    /// It ranks higher.
    Above,
    /// It ranks lower.
    Below,
}
