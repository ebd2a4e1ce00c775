//! Tiles in 128-bit vectors of 4 columns, for 64-bit ARM.
//!
//! Six rows and four vectors make 24 sums of its 32 registers.

use std::arch::aarch64::{
    float32x4_t, uint32x4_t, vdupq_n_u32, vfmaq_f32, vld1q_f32, vld1q_u32, vreinterpretq_f32_u32, vst1q_f32 as store,
};

use crate::kernels::tile::vectors::vector_tile;
use crate::kernels::tile::{Columns, TileJob};

const LANES: usize = 4;

#[inline]
#[target_feature(enable = "neon")]
unsafe fn load_integers(words: *const u32) -> uint32x4_t {
    // SAFETY: the caller has 4 words there.
    unsafe { vld1q_u32(words) }
}

#[inline]
#[target_feature(enable = "neon")]
fn broadcast(word: i32) -> uint32x4_t {
    vdupq_n_u32(word.cast_unsigned())
}

#[inline]
#[target_feature(enable = "neon")]
unsafe fn bias(columns: &Columns<'_>, at: usize, _: i32) -> float32x4_t {
    // SAFETY: the caller has checked 4 values from there on.
    unsafe { vld1q_f32(columns.bias.as_ptr().add(at)) }
}

#[inline]
#[target_feature(enable = "neon")]
fn multiply_f32(sum: float32x4_t, x: uint32x4_t, w: uint32x4_t) -> float32x4_t {
    vfmaq_f32(sum, vreinterpretq_f32_u32(x), vreinterpretq_f32_u32(w))
}

#[inline]
#[target_feature(enable = "neon")]
unsafe fn as_it_is(sum: float32x4_t, _: f32, _: &Columns<'_>, _: usize) -> float32x4_t {
    sum
}

vector_tile!(
    /// A tile of 32-bit floats.
    f32, "neon", bias, multiply_f32, as_it_is, false
);
