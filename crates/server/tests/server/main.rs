//! The server as its clients meet it: started on a loopback port, asked over HTTP, judged by what it answers.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]
#![expect(clippy::float_cmp, reason = "batching changes no bit of a score, and metrics count whole things")]

mod running;
// What each dialect gets: values, defaults, shapes.
mod dialects;
// What each dialect is told when something is wrong.
mod refusals;
// Reasons, comparisons, spans, streams.
mod explanations;
// Search in an index.
mod search;
// Turns, full queues, clients that hang up, deadlines, the end.
mod scheduling;
// Keys, origins, slow and strange clients.
mod guards;
// What the server says of itself, and its page.
mod status;
