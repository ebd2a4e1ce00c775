//! Arithmetic on rows of 32-bit floats: products with packed matrices and the functions between them.
//!
//! Every result row depends on its own input row only, and is summed in one fixed order: results do not change with
//! the composition of a batch or the number of threads. The only `unsafe` of the workspace is here: it loads vectors
//! from slices whose length was checked, and enters code for instructions that the processor was asked for.
//!
//! A new number format (bf16, int8) is a new packed matrix beside [`packed::PackedMatrix`] with the same `multiply`.
#![expect(unsafe_code, reason = "vector instructions that are chosen at run time")]

pub(crate) mod instructions;
pub(crate) mod packed;
pub(crate) mod rows;
mod tile;

pub use instructions::Instructions;
pub(crate) use packed::{PackedMatrix, RowsOf};
