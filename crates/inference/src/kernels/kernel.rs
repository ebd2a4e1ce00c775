//! The product kernels: for each number format and instruction set, how operands are laid out and what computes a tile.
//!
//! All kernels see the same memory: words of 32 bits, each holding a group of one, two or four neighboring values of k.
//! They differ in the instruction that multiplies a word of the input with words of the matrix and adds to the sums.

use r2r_model::precision::Precision;

use crate::kernels::instructions::Instructions;
use crate::kernels::tile;
use crate::kernels::tile::TileJob;

/// How values of k share a 32-bit word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// One f32.
    Single,
    /// Two bfloat16.
    Bf16Pair,
    /// Two integers as i16: of 8 bits in matrices, their distance from the row's zero point in inputs.
    I16Pair,
    /// Four 8-bit integers: u8 with a zero point for each row in inputs, i8 in matrices.
    ByteQuad,
}

/// One way to compute a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    PortableF32,
    PortableBf16,
    PortableInt8,
    #[cfg(target_arch = "aarch64")]
    NeonF32,
    #[cfg(target_arch = "x86_64")]
    Avx2F32,
    #[cfg(target_arch = "x86_64")]
    Avx2Bf16,
    #[cfg(target_arch = "x86_64")]
    Avx2Int8,
    #[cfg(target_arch = "x86_64")]
    AvxVnniInt8,
    #[cfg(target_arch = "x86_64")]
    Avx512F32,
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    #[cfg(target_arch = "x86_64")]
    Avx512Int8,
}

/// Rows and columns of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TileShape {
    /// The kernel's own.
    Wide,
    /// For matrices that fill fewer columns of it on 512-bit vectors: the values of one attention head, half of its keys.
    Narrow,
}

impl Layout {
    /// Values of k in a word.
    pub(crate) fn group(self) -> usize {
        match self {
            Self::Single => 1,
            Self::Bf16Pair | Self::I16Pair => 2,
            Self::ByteQuad => 4,
        }
    }
}

impl Kernel {
    /// The fastest kernel of a format within an instruction set.
    pub(crate) fn of(instructions: Instructions, precision: Precision) -> Self {
        match (instructions, precision) {
            #[cfg(target_arch = "aarch64")]
            (Instructions::Neon, Precision::F32) => Self::NeonF32,
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, Precision::F32) => Self::Avx512F32,
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, Precision::Bf16) if is_x86_feature_detected!("avx512bf16") => Self::Avx512Bf16,
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, Precision::Int8) if is_x86_feature_detected!("avx512vnni") => Self::Avx512Int8,
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, Precision::F32) => Self::Avx2F32,
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2 | Instructions::Avx512, Precision::Bf16) => Self::Avx2Bf16,
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2 | Instructions::Avx512, Precision::Int8) if is_x86_feature_detected!("avxvnni") => {
                Self::AvxVnniInt8
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2 | Instructions::Avx512, Precision::Int8) => Self::Avx2Int8,
            (_, Precision::F32) => Self::PortableF32,
            (_, Precision::Bf16) => Self::PortableBf16,
            (_, Precision::Int8) => Self::PortableInt8,
        }
    }

    /// The format in which products of floats are fastest: bf16 where the processor multiplies it.
    pub(crate) fn fastest_floats(instructions: Instructions) -> Precision {
        match Self::of(instructions, Precision::Bf16) {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => Precision::Bf16,
            _ => Precision::F32,
        }
    }

    /// The formats whose products are faster than those of 32-bit floats, the fastest first.
    pub(crate) fn fast_formats(instructions: Instructions) -> &'static [Precision] {
        match instructions {
            Instructions::Portable => &[],
            #[cfg(target_arch = "aarch64")]
            Instructions::Neon => &[],
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx2 => &[Precision::Int8],
            #[cfg(target_arch = "x86_64")]
            Instructions::Avx512 => match Self::fastest_floats(instructions) {
                Precision::Bf16 => &[Precision::Int8, Precision::Bf16],
                Precision::F32 | Precision::Int8 => &[Precision::Int8],
            },
        }
    }

    /// Every kernel that this processor can run.
    #[cfg(test)]
    pub(crate) fn available() -> Vec<Self> {
        let mut found = Vec::new();
        for instructions in Instructions::available() {
            for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
                found.push(Self::of(instructions, precision));
            }
        }
        // Hidden by AVX-VNNI where the processor has both.
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            found.push(Self::Avx2Int8);
        }
        found
    }

    /// The format that it computes in.
    #[cfg(test)]
    pub(crate) fn precision(self) -> Precision {
        match self.layout() {
            Layout::Single => Precision::F32,
            Layout::Bf16Pair => Precision::Bf16,
            Layout::I16Pair | Layout::ByteQuad => Precision::Int8,
        }
    }

    /// The layout of its operands.
    pub(crate) fn layout(self) -> Layout {
        match self {
            Self::PortableF32 => Layout::Single,
            Self::PortableBf16 => Layout::Bf16Pair,
            Self::PortableInt8 => Layout::I16Pair,
            #[cfg(target_arch = "aarch64")]
            Self::NeonF32 => Layout::Single,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2F32 | Self::Avx512F32 => Layout::Single,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Bf16 | Self::Avx512Bf16 => Layout::Bf16Pair,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2Int8 => Layout::I16Pair,
            #[cfg(target_arch = "x86_64")]
            Self::AvxVnniInt8 | Self::Avx512Int8 => Layout::ByteQuad,
        }
    }

    /// The shape of tiles for a matrix of `n` columns: columns that are not there cost as much as those that are.
    pub(crate) fn shape(self, n: usize) -> TileShape {
        let [wide, narrow] = [TileShape::Wide, TileShape::Narrow].map(|shape| n.next_multiple_of(self.columns(shape)));
        if narrow < wide { TileShape::Narrow } else { TileShape::Wide }
    }

    /// Rows of a tile.
    pub(crate) fn rows(self, shape: TileShape) -> usize {
        match (self, shape) {
            (Self::PortableF32 | Self::PortableBf16 | Self::PortableInt8, _) => 4,
            #[cfg(target_arch = "aarch64")]
            (Self::NeonF32, _) => 6,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2Bf16, _) => 4,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2F32 | Self::Avx2Int8 | Self::AvxVnniInt8, _) => 6,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512F32 | Self::Avx512Bf16 | Self::Avx512Int8, TileShape::Wide) => 6,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512F32 | Self::Avx512Bf16 | Self::Avx512Int8, TileShape::Narrow) => 12,
        }
    }

    /// Columns of a tile: the width of a panel.
    pub(crate) fn columns(self, shape: TileShape) -> usize {
        match (self, shape) {
            (Self::PortableF32 | Self::PortableBf16 | Self::PortableInt8, _) => 8,
            #[cfg(target_arch = "aarch64")]
            (Self::NeonF32, _) => 16,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2F32 | Self::Avx2Bf16 | Self::Avx2Int8 | Self::AvxVnniInt8, _) => 16,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512F32 | Self::Avx512Bf16 | Self::Avx512Int8, TileShape::Wide) => 64,
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512F32 | Self::Avx512Bf16 | Self::Avx512Int8, TileShape::Narrow) => 32,
        }
    }

    /// Computes one tile.
    pub(crate) fn run(self, shape: TileShape, job: &mut TileJob<'_>) {
        match (self, shape) {
            (Self::PortableF32, _) => tile::portable::f32::<4, 8>(job),
            (Self::PortableBf16, _) => tile::portable::bf16::<4, 8>(job),
            (Self::PortableInt8, _) => tile::portable::int8::<4, 8>(job),
            // SAFETY: kernels are only chosen for instructions that the processor was asked for.
            #[cfg(target_arch = "aarch64")]
            (Self::NeonF32, _) => unsafe { tile::neon::f32::<6, 4>(job) },
            // SAFETY: as above, for all that follow.
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2F32, _) => unsafe { tile::avx2::f32::<6, 2>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2Bf16, _) => unsafe { tile::avx2::bf16::<4, 2>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx2Int8, _) => unsafe { tile::avx2::int8::<6, 2>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::AvxVnniInt8, _) => unsafe { tile::avx2::int8_vnni::<6, 2>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512F32, TileShape::Wide) => unsafe { tile::avx512::f32::<6, 4>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512F32, TileShape::Narrow) => unsafe { tile::avx512::f32::<12, 2>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512Bf16, TileShape::Wide) => unsafe { tile::avx512::bf16::<6, 4>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512Bf16, TileShape::Narrow) => unsafe { tile::avx512::bf16::<12, 2>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512Int8, TileShape::Wide) => unsafe { tile::avx512::int8::<6, 4>(job) },
            #[cfg(target_arch = "x86_64")]
            (Self::Avx512Int8, TileShape::Narrow) => unsafe { tile::avx512::int8::<12, 2>(job) },
        }
    }
}
