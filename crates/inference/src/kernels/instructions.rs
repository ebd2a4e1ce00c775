//! Which vector instructions the processor has.

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// Whatever the target always has (SSE2 on x86-64, NEON on aarch64).
    Portable,
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// The best set of this processor.
    pub fn detect() -> Self {
        *Self::available().last().expect("the portable set is always there")
    }

    /// All sets of this processor, the best last.
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if has_avx2 {
                found.push(Self::Avx2);
            }
            // Every processor with AVX-512 has AVX2 and FMA; asked for all the same, the kernels use them.
            if has_avx2 && is_x86_feature_detected!("avx512f") {
                found.push(Self::Avx512);
            }
        }
        found
    }
}
