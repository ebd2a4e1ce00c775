//! Arithmetic on rows of 32-bit floats: products with packed matrices, attention, and the functions between them.
//!
//! Every result row depends on its own input row only, and is summed in one fixed order: results do not change with
//! the composition of a batch or the number of threads. The only `unsafe` of the workspace is here: it loads vectors
//! from slices whose length was checked, and enters code for instructions that the processor was asked for.
//!
//! A new number format is a [`kernel::Layout`] with its conversion in [`operand`] and a line in the tiles of each
//! instruction set that has an instruction for it.
#![expect(unsafe_code, reason = "vector instructions that are chosen at run time")]

pub(crate) mod attention;
pub(crate) mod first_piece;
pub(crate) mod instructions;
pub(crate) mod kernel;
pub(crate) mod operand;
pub(crate) mod packed;
pub(crate) mod rows;
pub(crate) mod split_inputs;
mod tile;

pub use instructions::{Instructions, NoInstructions};
pub(crate) use kernel::Kernel;
pub(crate) use operand::{Operand, RowsOf};
pub(crate) use packed::{Epilogue, PackedMatrix};
pub use r2r_model::precision::Precision;
pub(crate) use split_inputs::Parts;
