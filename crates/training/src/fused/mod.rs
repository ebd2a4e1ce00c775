//! Fused operations of the CPU path: what a layer does between its matrix products, in one pass each.
//!
//! Stock autodiff spends most of a training step of a small encoder on layer norms, activations, softmaxes, transposes
//! and the padding between sequences. Here sequences lie end to end without padding (see [`Packing`]), each operation
//! reads and writes its rows once, and its derivative is written by hand. `crate::plain` says the same with the
//! tensor stack's own operations: it runs on GPUs and is the oracle of the tests.
//!
//! Sums run in a fixed order whatever the number of threads, so that a run repeats bit by bit.

mod adapted_product;
mod attention;
mod bias_gelu;
mod buffers;
mod exponential;
mod heads;
mod norm;
mod packing;
mod span_mean;
mod tiles;

pub(crate) use adapted_product::{LowRankFactors, adapted_product};
pub(crate) use attention::{cross_attention, self_attention};
pub(crate) use bias_gelu::bias_gelu;
pub(crate) use norm::{layer_norm, residual_norm};
pub use packing::Packing;
pub(crate) use span_mean::span_mean;
