//! The file formats from the outside: through files, and on real collections where `R2R_DATA` names them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in the functions it calls too")]

/// Whatever the bytes are, a reader returns.
mod arbitrary_bytes;
/// What a folder or file lacks is named with what to do.
mod messages;
/// BRIGHT as parquet, from files written here.
#[cfg(feature = "parquet")]
mod parquet_files;
/// The collections, runs and judgments of `R2R_DATA`.
mod real_data;
/// What is written is read back, whatever it is.
mod round_trips;
