//! The stages of a recipe, one file each: files in, an artifact out.

pub mod ask;
#[cfg(feature = "training")]
pub mod base;
#[cfg(feature = "training")]
pub mod card;
pub mod convert;
pub mod distill;
pub mod early;
#[cfg(feature = "training")]
pub mod evaluate;
mod exits;
pub mod graded;
mod held_out;
pub mod human;
pub mod index;
pub mod judge;
pub mod judged;
pub mod judgments;
pub mod precision;
mod precision_card;
pub mod rerank;
pub mod retrieve;
#[cfg(feature = "training")]
pub mod train;
#[cfg(feature = "training")]
pub mod weigh;
