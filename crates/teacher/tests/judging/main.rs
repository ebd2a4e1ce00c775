//! The judging of a query: every document is judged, whatever is answered and in whatever order.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions it calls too")]

/// What the answers of a query come to.
mod answers;
/// What holds for any plan, any answers and any order of arrival.
mod laws;
/// What is asked, under which key, and what cannot be asked.
mod requests;
/// Candidates, and teachers that answer about them.
mod teachers;
