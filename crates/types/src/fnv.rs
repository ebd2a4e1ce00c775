//! A small hash that is the same on every machine and in every version: for names and draws, not against attackers.

/// FNV-1a, 64 bits (Fowler, Noll and Vo).
///
/// ```
/// assert_eq!(r2r_types::fnv::fnv1a("foobar".bytes()), 0x8594_4171_f739_67e8);
/// ```
pub fn fnv1a(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, step)
}
