//! Tiles in 512-bit vectors of 16 columns.
//!
//! Six rows and four vectors make 24 sums, which hide the latency of the multiplication and leave registers for the
//! four vectors of the matrix and the broadcast word of the input.

use std::arch::x86_64::{
    __m512, __m512bh, __m512i, _mm512_add_ps, _mm512_castsi512_ps, _mm512_cvtepi32_ps, _mm512_dpbf16_ps,
    _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_mul_ps, _mm512_mullo_epi32,
    _mm512_set1_epi32 as broadcast, _mm512_set1_ps, _mm512_storeu_ps as store,
};
use std::mem::transmute;

use crate::kernels::tile::vectors::vector_tile;
use crate::kernels::tile::{Columns, TileJob};

const LANES: usize = 16;

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn load_integers(words: *const u32) -> __m512i {
    // SAFETY: the caller has 16 words there.
    unsafe { _mm512_loadu_si512(words.cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn bias(columns: &Columns<'_>, at: usize, _: i32) -> __m512 {
    // SAFETY: the caller has checked 16 values from there on.
    unsafe { _mm512_loadu_ps(columns.bias.as_ptr().add(at)) }
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn less_zero(columns: &Columns<'_>, at: usize, zero: i32) -> __m512i {
    // SAFETY: the caller has checked 16 sums from there on.
    let sums = unsafe { _mm512_loadu_si512(columns.sums.as_ptr().add(at).cast()) };
    _mm512_mullo_epi32(sums, broadcast(-zero))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn multiply_f32(sum: __m512, x: __m512i, w: __m512i) -> __m512 {
    _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), sum)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn multiply_bf16(sum: __m512, x: __m512i, w: __m512i) -> __m512 {
    // SAFETY: both types are 512 bits without a meaning of their own.
    let (x, w) = unsafe { (transmute::<__m512i, __m512bh>(x), transmute::<__m512i, __m512bh>(w)) };
    _mm512_dpbf16_ps(sum, x, w)
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn as_it_is(sum: __m512, _: f32, _: &Columns<'_>, _: usize) -> __m512 {
    sum
}

#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn scaled(sum: __m512i, row_scale: f32, columns: &Columns<'_>, at: usize) -> __m512 {
    // SAFETY: the caller has checked 16 scales from there on.
    let scales = unsafe { _mm512_loadu_ps(columns.scales.as_ptr().add(at)) };
    let product = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_mul_ps(_mm512_set1_ps(row_scale), scales));
    // Not fused: every instruction set rounds alike.
    // SAFETY: the caller has checked 16 values of the bias from there on.
    _mm512_add_ps(product, unsafe { bias(columns, at, 0) })
}

vector_tile!(
    /// A tile of 32-bit floats.
    f32, "avx512f", bias, multiply_f32, as_it_is, false
);
vector_tile!(
    /// A tile of bfloat16 pairs.
    bf16, "avx512f,avx512bf16", bias, multiply_bf16, as_it_is, false
);
vector_tile!(
    /// A tile of 8-bit integers in quads: u8 times i8.
    int8, "avx512f,avx512vnni", less_zero, _mm512_dpbusd_epi32, scaled, true
);
