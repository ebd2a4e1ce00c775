//! Draws that depend on a seed and a name only, never on what was drawn before.

use r2r_types::fnv::fnv1a;

/// A number for a text, the same on every machine: FNV-1a over seed and bytes, with the finalizer of splitmix64
/// (Steele, Lea, Flood, 2014), because FNV's high bits are weak on short texts.
pub(crate) fn seeded_hash(seed: u64, text: &str) -> u64 {
    let mut hash = fnv1a(seed.to_le_bytes().into_iter().chain(text.bytes()));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

/// A number in 0 .. 1 for a text.
pub(crate) fn seeded_fraction(seed: u64, text: &str) -> f64 {
    seeded_hash(seed, text) as f64 / 2f64.powi(64)
}
