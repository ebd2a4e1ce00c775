//! The clients against a server on the loopback that speaks the providers' formats, with faults.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]
#![expect(clippy::print_stdout, reason = "the table of faults is shown with --nocapture")]

/// A server, a journal, a clock, questions: what the other files stand on.
mod bench;
#[expect(dead_code, reason = "the soak and the throughput example use the rest")]
mod server;

/// Batches of all providers, with a crash between any two steps.
mod batches;
/// Budgets and estimates.
mod cost;
/// Each kind of fault: survived, or said clearly.
mod faults;
/// What goes over the wire, byte for byte.
mod golden;
/// Nothing paid is lost, nothing is paid twice.
mod journal;
/// The key of an answer.
mod keys;
/// Rate limits under a clock of our own.
mod pace;
