//! Orders and seeds drawn from what they are for, so that no draw depends on what came before it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

/// `0..n` in an order that depends on the seed and the names alone (Fisher and Yates, 1938; Durstenfeld, 1964).
pub(crate) fn shuffled<'a>(n: usize, seed: u64, names: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let mut random = generator(seed, names);
    let mut order: Vec<usize> = (0..n).collect();
    for last in (1..n).rev() {
        order.swap(last, below(&mut random, last as u64 + 1) as usize);
    }
    order
}

/// A seed of 31 bits, which every provider takes, that depends on the seed and the names alone.
pub(crate) fn named_seed<'a>(seed: u64, names: impl IntoIterator<Item = &'a str>) -> u64 {
    generator(seed, names).next_u64() >> 33
}

fn generator<'a>(seed: u64, names: impl IntoIterator<Item = &'a str>) -> ChaCha8Rng {
    let mut digest = Sha256::new();
    digest.update(seed.to_le_bytes());
    for name in names {
        digest.update((name.len() as u64).to_le_bytes());
        digest.update(name);
    }
    ChaCha8Rng::from_seed(digest.finalize().into())
}

/// A number below `bound`, each as likely as any other: what would favor the lower ones is drawn again.
fn below(random: &mut ChaCha8Rng, bound: u64) -> u64 {
    let fair = u64::MAX - u64::MAX % bound;
    loop {
        let drawn = random.next_u64();
        if drawn < fair {
            return drawn % bound;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_as_likely() {
        let mut counts = [[0usize; 4]; 4];
        for seed in 0..4000 {
            for (place, item) in shuffled(4, seed, ["q"]).into_iter().enumerate() {
                counts[place][item] += 1;
            }
        }
        assert!(counts.iter().flatten().all(|count| (880..1120).contains(count)), "{counts:?}");
    }

    #[test]
    fn the_same_names_give_the_same_order() {
        assert_eq!(shuffled(20, 7, ["q", "1"]), shuffled(20, 7, ["q", "1"]));
        assert_ne!(shuffled(20, 7, ["q", "1"]), shuffled(20, 8, ["q", "1"]));
        assert_ne!(shuffled(20, 7, ["q", "1"]), shuffled(20, 7, ["q1", ""]));
        assert_eq!(shuffled(0, 7, []), Vec::<usize>::new());
    }
}
