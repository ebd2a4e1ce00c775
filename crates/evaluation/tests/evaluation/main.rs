//! Laws and golden numbers of the evaluation, as its users see it.

#![expect(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![expect(clippy::float_cmp, reason = "laws hold to the last bit")]

/// What holds for any run and any judgments.
mod laws;
/// `pytrec_eval` on the reference runs, query by query.
mod reference_runs;
/// The report as one well-formed, self-contained page.
mod report;
/// `trec_eval`'s own test inputs and expected outputs.
mod trec_eval;
/// A small reader of runs and qrels, for the two above.
mod trec_files;
