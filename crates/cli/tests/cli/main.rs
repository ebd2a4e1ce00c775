//! The binary as its users meet it: what it prints, what it refuses, and how it exits.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]

mod command;
// Lists and runs put in order, by the shipped student.
mod rerank;
// Measures, tables and reports.
mod evaluate;
// Files of other tools as collections.
mod convert;
// Indexes and first-stage runs.
mod retrieve;
/// A large model reranks, beside a student.
mod teacher;
// A large model asked over loopback.
mod judge;
// Teacher records and what is learned from them.
mod distill;
// Mistakes of the user and what is said to them.
mod mistakes;
// Trainings that are killed.
#[cfg(feature = "training")]
mod training;
// The server as a process.
#[cfg(unix)]
mod serve;
// The server of the Model Context Protocol as a process.
mod mcp;
// What the machine and the student are.
mod doctor;
