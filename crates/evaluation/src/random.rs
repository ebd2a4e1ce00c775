//! Seeded random numbers that are the same on every platform and in every version of this crate.
//!
//! Ranges and shuffles are written out here, because libraries may change the numbers they draw.

use r2r_types::fnv::fnv1a;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The generator of a seed.
pub(crate) fn generator(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// The generator of a seed and a name: names draw independently, whatever else is drawn.
pub(crate) fn named_generator(seed: u64, name: &str) -> ChaCha8Rng {
    let mut generator = generator(seed);
    generator.set_stream(fnv1a(name.bytes()));
    generator
}

/// A number in `0..n`, `n` above 0. The bias, below n / 2^64, is far from measurable.
pub(crate) fn below(generator: &mut ChaCha8Rng, n: usize) -> usize {
    ((u128::from(generator.next_u64()) * n as u128) >> 64) as usize
}

/// Puts `items` in random order (Fisher and Yates, 1938).
pub(crate) fn shuffle<T>(generator: &mut ChaCha8Rng, items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, below(generator, last + 1));
    }
}
