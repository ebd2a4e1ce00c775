//! Which vector instructions the processor has.

use std::fmt;
use std::str::FromStr;

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    /// Whatever the target always has (SSE2 on x86-64).
    Portable,
    /// 128-bit vectors of 64-bit ARM.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// 256-bit vectors with fused multiply-add; AVX-VNNI for 8-bit integers where the processor has it.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 512-bit vectors (F, BW, DQ, VL); AVX512-VNNI and AVX512-BF16 where the processor has them.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// A name that is no instruction set of this processor.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this processor has no instruction set {asked}; it has {available}")]
pub struct NoInstructions {
    asked: String,
    available: String,
}

impl Instructions {
    /// The best set of this processor.
    pub fn detect() -> Self {
        *Self::available().last().expect("the portable set is always there")
    }

    /// All sets of this processor, the best last.
    pub fn available() -> Vec<Self> {
        let mut found = vec![Self::Portable];
        // Every 64-bit ARM processor has them.
        #[cfg(target_arch = "aarch64")]
        found.push(Self::Neon);
        #[cfg(target_arch = "x86_64")]
        {
            let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if has_avx2 {
                found.push(Self::Avx2);
            }
            // Every processor with AVX-512 has AVX2 and FMA; asked for all the same, the kernels use them.
            let has_avx512 = is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512bw")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512vl");
            if has_avx2 && has_avx512 {
                found.push(Self::Avx512);
            }
        }
        found
    }

    /// The name that is typed: `portable`, `neon`, `avx2`, `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            #[cfg(target_arch = "aarch64")]
            Self::Neon => "neon",
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => "avx2",
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => "avx512",
        }
    }
}

impl FromStr for Instructions {
    type Err = NoInstructions;

    /// Reads the name of a set that this processor has.
    fn from_str(name: &str) -> Result<Self, NoInstructions> {
        let available = Self::available();
        available.iter().copied().find(|set| set.name() == name).ok_or_else(|| {
            let available: Vec<&str> = available.iter().map(|set| set.name()).collect();
            NoInstructions { asked: name.to_owned(), available: available.join(", ") }
        })
    }
}

impl fmt::Display for Instructions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_read_by_its_name_and_an_absent_one_is_told() {
        for set in Instructions::available() {
            assert_eq!(set.to_string().parse(), Ok(set));
        }
        let message = "avx1024".parse::<Instructions>().unwrap_err().to_string();
        assert!(message.starts_with("this processor has no instruction set avx1024; it has portable"), "{message}");
    }
}
