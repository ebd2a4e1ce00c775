//! Tiles in 256-bit vectors of 8 columns.

use std::arch::x86_64::{
    __m256, __m256i, _mm256_add_epi32, _mm256_add_ps, _mm256_and_si256, _mm256_castsi256_ps, _mm256_cvtepi32_ps,
    _mm256_dpbusd_avx_epi32, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_mul_ps,
    _mm256_mullo_epi32, _mm256_set1_epi32 as broadcast, _mm256_set1_ps, _mm256_setzero_si256, _mm256_slli_epi32,
    _mm256_storeu_ps as store,
};

use crate::kernels::tile::vectors::vector_tile;
use crate::kernels::tile::{Columns, TileJob};

const LANES: usize = 8;

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load_integers(words: *const u32) -> __m256i {
    // SAFETY: the caller has 8 words there.
    unsafe { _mm256_loadu_si256(words.cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn bias(columns: &Columns<'_>, at: usize, _: i32) -> __m256 {
    // SAFETY: the caller has checked 8 values from there on.
    unsafe { _mm256_loadu_ps(columns.bias.as_ptr().add(at)) }
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn less_zero(columns: &Columns<'_>, at: usize, zero: i32) -> __m256i {
    // SAFETY: the caller has checked 8 sums from there on.
    let sums = unsafe { _mm256_loadu_si256(columns.sums.as_ptr().add(at).cast()) };
    _mm256_mullo_epi32(sums, broadcast(-zero))
}

/// Pairs of i16 need no zero point.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn nothing(_: &Columns<'_>, _: usize, _: i32) -> __m256i {
    _mm256_setzero_si256()
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn multiply_f32(sum: __m256, x: __m256i, w: __m256i) -> __m256 {
    _mm256_fmadd_ps(_mm256_castsi256_ps(x), _mm256_castsi256_ps(w), sum)
}

/// Without bfloat16 instructions: its values are the upper halves of 32-bit floats.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn multiply_bf16(sum: __m256, x: __m256i, w: __m256i) -> __m256 {
    let sum = multiply_f32(sum, _mm256_slli_epi32::<16>(x), _mm256_slli_epi32::<16>(w));
    let upper = broadcast(0xffff_0000_u32.cast_signed());
    multiply_f32(sum, _mm256_and_si256(x, upper), _mm256_and_si256(w, upper))
}

/// Without VNNI: pairs of i16, whose products cannot saturate as those of bytes do.
#[inline]
#[target_feature(enable = "avx2")]
fn multiply_int8(sum: __m256i, x: __m256i, w: __m256i) -> __m256i {
    _mm256_add_epi32(sum, _mm256_madd_epi16(x, w))
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn as_it_is(sum: __m256, _: f32, _: &Columns<'_>, _: usize) -> __m256 {
    sum
}

#[inline]
#[target_feature(enable = "avx2")]
unsafe fn scaled(sum: __m256i, row_scale: f32, columns: &Columns<'_>, at: usize) -> __m256 {
    // SAFETY: the caller has checked 8 scales from there on.
    let scales = unsafe { _mm256_loadu_ps(columns.scales.as_ptr().add(at)) };
    let product = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_mul_ps(_mm256_set1_ps(row_scale), scales));
    // Not fused: every instruction set rounds alike.
    // SAFETY: the caller has checked 8 values of the bias from there on.
    _mm256_add_ps(product, unsafe { bias(columns, at, 0) })
}

vector_tile!(
    /// A tile of 32-bit floats.
    f32, "avx2,fma", bias, multiply_f32, as_it_is, false
);
vector_tile!(
    /// A tile of bfloat16 pairs.
    bf16, "avx2,fma", bias, multiply_bf16, as_it_is, false
);
vector_tile!(
    /// A tile of 8-bit integers in pairs of i16.
    int8, "avx2", nothing, multiply_int8, scaled, true
);
vector_tile!(
    /// A tile of 8-bit integers in quads: u8 times i8.
    int8_vnni, "avx2,avxvnni", less_zero, _mm256_dpbusd_avx_epi32, scaled, true
);
