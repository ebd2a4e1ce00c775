//! From candidates to a ranking that explains itself.
//!
//! The order comes first, from scores alone; reasons are written afterwards, conditioned on that
//! order, and every quote is verified in its document and comes with a measured receipt.
//! What a student must be able to do for this is the trait [`student::Student`].

pub mod explained;
pub mod receipt;
pub mod student;

pub use explained::{EarlyRanking, ExplainedReranker};
pub use student::{EarlyScore, ExplanationRequest, Score, Student, WrittenReasons};
