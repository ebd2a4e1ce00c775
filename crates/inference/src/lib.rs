//! The CPU engine of Reason-to-Rank: it scores documents for a query with a student, chooses their evidence, and
//! writes their reasons. No framework, no GPU, no padding; a batch gives bit for bit what its members give alone.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use r2r_inference::{Options, Student};
//!
//! let student = Student::open(Path::new("models/r2r-mini"), &Options::default())?;
//! let scored = student.score_texts("what is basalt", &["Basalt is a volcanic rock.", "Bread needs salt."])?;
//! assert!(scored[0].logit > scored[1].logit);
//! # Ok::<(), r2r_inference::InferenceError>(())
//! ```

mod base_encoder;
mod beam;
pub mod early;
pub mod encoded_pair;
mod encoder;
pub mod error;
pub mod evidence;
mod kernels;
mod loading;
mod parallel;
pub mod probe;
pub mod reason;
mod reason_decoder;
pub mod score;
pub mod student;

pub use early::{Decided, ListFeatures, PairFeatures};
pub use encoded_pair::EncodedPair;
pub use error::InferenceError;
pub use evidence::SentenceScore;
pub use kernels::{Instructions, NoInstructions, Precision};
pub use reason::{Origin, Reason, ReasonRequest, ReasonWord};
pub use score::{Scored, TokenizedList};
pub use student::{Options, Student};
