//! Batches of texts of similar length.

/// What a batch of texts costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// Every text is padded to the longest of its batch.
    Padded,
    /// Texts are laid end to end.
    Concatenated,
}

/// How large a batch may grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Most tokens of a batch; a single longer text is a batch of its own.
    pub tokens: usize,
    /// How tokens are counted.
    pub cost: Cost,
}

/// Indices of texts grouped into batches: shortest first, each index exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batches {
    batches: Vec<Vec<usize>>,
    n: usize,
}

impl Batches {
    /// Groups texts of the given lengths.
    pub fn of(lengths: &[usize], budget: Budget) -> Self {
        let mut order: Vec<usize> = (0..lengths.len()).collect();
        order.sort_by_key(|&index| lengths[index]);
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut tokens = 0;
        for index in order {
            // Ascending lengths: the newest text is the longest of its batch.
            let grown = match (batches.last(), budget.cost) {
                (None, _) => usize::MAX,
                (Some(batch), Cost::Padded) => lengths[index].saturating_mul(batch.len() + 1),
                (Some(_), Cost::Concatenated) => lengths[index].saturating_add(tokens),
            };
            match batches.last_mut() {
                Some(batch) if grown <= budget.tokens => {
                    batch.push(index);
                    tokens = grown;
                }
                Some(_) | None => {
                    batches.push(vec![index]);
                    tokens = lengths[index];
                }
            }
        }
        Self { batches, n: lengths.len() }
    }

    /// The batches, each a list of indices into the given lengths.
    pub fn as_slice(&self) -> &[Vec<usize>] {
        &self.batches
    }

    /// Puts the results of all batches, in the order of the batches, back into the order of the texts.
    ///
    /// # Panics
    /// Where the results do not have the shape of the batches.
    pub fn in_order<T>(&self, results: impl IntoIterator<Item = Vec<T>>) -> Vec<T> {
        let mut slots: Vec<Option<T>> = (0..self.n).map(|_| None).collect();
        let mut results = results.into_iter();
        for batch in &self.batches {
            let values = results.next().expect("one list of results for each batch");
            assert_eq!(values.len(), batch.len(), "one result for each text of a batch");
            for (&index, value) in batch.iter().zip(values) {
                slots[index] = Some(value);
            }
        }
        slots.into_iter().map(|slot| slot.expect("each index is in exactly one batch")).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn batches_keep_the_budget_and_lose_nothing(
            lengths in prop::collection::vec(1usize..300, 0..60), tokens in 1usize..2000, padded: bool,
        ) {
            let cost = if padded { Cost::Padded } else { Cost::Concatenated };
            let batches = Batches::of(&lengths, Budget { tokens, cost });
            for batch in batches.as_slice() {
                let of_batch: Vec<usize> = batch.iter().map(|&index| lengths[index]).collect();
                let total = match cost {
                    Cost::Padded => of_batch.iter().max().unwrap() * of_batch.len(),
                    Cost::Concatenated => of_batch.iter().sum(),
                };
                prop_assert!(total <= tokens || batch.len() == 1);
            }
            let echoed: Vec<Vec<usize>> = batches.as_slice().to_vec();
            prop_assert_eq!(batches.in_order(echoed), (0..lengths.len()).collect::<Vec<_>>());
        }
    }
}
