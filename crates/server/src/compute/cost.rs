//! How much work a request is, before it is tokenized.

use reason_to_rank::model::config::SPECIAL_PIECES;
use reason_to_rank::model::encoding::Limits;

/// Bytes of a text that make a word piece: few, so that no batch is larger than meant.
const BYTES_PER_PIECE: usize = 4;
/// What a document's reasons, evidence and receipts cost, as tokens of scoring that take the same time; measured with
/// the shipped student.
pub(crate) const REASONS_TOKENS: usize = 600;

/// Estimates tokens for a student's limits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    limits: Limits,
}

impl Costs {
    /// Of a student.
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// The tokens of scoring one document.
    pub(crate) fn of_document(self, query: &str, title: &str, text: &str) -> usize {
        let query = (query.len() / BYTES_PER_PIECE + 1).min(self.limits.max_query_length);
        let document = (title.len() + text.len()) / BYTES_PER_PIECE + 1;
        (query + document + SPECIAL_PIECES).min(self.limits.max_length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_costs_what_is_read_of_it() {
        let costs = Costs::new(Limits { max_length: 256, max_query_length: 64 });
        assert_eq!(costs.of_document("four", "", ""), 2 + 1 + 3);
        assert_eq!(costs.of_document("four", "title", &"x".repeat(395)), 2 + 101 + 3);
        assert_eq!(costs.of_document("four", "", &"x".repeat(100_000)), 256);
        assert_eq!(costs.of_document(&"q".repeat(10_000), "", ""), 64 + 1 + 3);
    }
}
