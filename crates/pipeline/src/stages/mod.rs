//! The stages of a recipe, one file each: files in, an artifact out.

pub mod ask;
#[cfg(feature = "training")]
pub mod base;
#[cfg(feature = "training")]
pub mod card;
pub mod convert;
pub mod distill;
#[cfg(feature = "training")]
pub mod evaluate;
#[cfg(feature = "training")]
pub mod graded;
#[cfg(feature = "training")]
pub mod human;
pub mod index;
#[cfg(feature = "training")]
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
