//! A budget that is never passed: what may be spent is counted before it is.

use thiserror::Error;

use crate::chat::ChatRequest;
use crate::clients::endpoint::Provider;
use crate::clients::{ChatAnswer, Usage};
use crate::cost::estimate::most_input_tokens;
use crate::cost::prices::{PriceTable, Route};
use crate::journal::ledger::Elsewhere;

/// A budget that cannot be kept.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BudgetError {
    /// Without a price nothing can be counted.
    #[error(
        "a budget needs the price of {provider} {model}, which no price table tells: give one with --prices FILE (0 for a server of your own), or leave out the budget"
    )]
    NoPrice {
        /// The provider.
        provider: &'static str,
        /// The model.
        model: String,
    },
    /// The next request might pass the limit.
    #[error(
        "the budget of {limit_usd:.4} USD would be passed: {spent_usd:.4} USD are spent, up to {perhaps_usd:.4} USD more may \
         be (answers that never came, other runs and batches under way), and the next request may cost {next_usd:.4} USD; \
         raise it to go on, paid answers are kept"
    )]
    Reached {
        /// The limit.
        limit_usd: f64,
        /// Spent so far, by all runs on the journal.
        spent_usd: f64,
        /// What may have been spent besides, at most.
        perhaps_usd: f64,
        /// The most that the next request may cost.
        next_usd: f64,
    },
}

/// Whether a request may be sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Permission {
    /// It may; so much is set aside for it.
    Given(f64),
    /// Not before those under way have come back cheaper than they might.
    Wait,
    /// Never.
    Never(BudgetError),
}

/// The account of one run, and of the others as far as it knows of them.
#[derive(Clone, Debug)]
pub struct Budget {
    prices: PriceTable,
    provider: Provider,
    limit_usd: Option<f64>,
    spent_usd: f64,
    unsure_usd: f64,
    /// The part of `unsure_usd` that the journal does not know of.
    unnoted_usd: f64,
    set_aside_usd: f64,
    elsewhere: Elsewhere,
    unpriced: u64,
}

impl Budget {
    /// An account at its start: the most that may be spent in US dollars, `None` being no limit, and what was spent
    /// before through the same journal.
    pub fn new(
        limit_usd: Option<f64>,
        prices: PriceTable,
        provider: Provider,
        spent_usd: f64,
        elsewhere: Elsewhere,
    ) -> Self {
        let (unsure_usd, unnoted_usd, set_aside_usd, unpriced) = (0.0, 0.0, 0.0, 0);
        Self { prices, provider, limit_usd, spent_usd, unsure_usd, unnoted_usd, set_aside_usd, elsewhere, unpriced }
    }

    /// What others have spent by now.
    pub fn hear_of_others(&mut self, elsewhere: Elsewhere) {
        self.elsewhere = elsewhere;
    }

    /// The most that others may have spent, or have under way, so that all that is set aside here still fits; in US
    /// dollars, infinite where there is no limit.
    pub fn left_for_others(&self) -> f64 {
        // Sums of the same fractions in another order differ by less than that.
        let own_usd = self.spent_usd + self.unsure_usd + self.set_aside_usd - 1e-9;
        self.limit_usd.map_or(f64::INFINITY, |limit_usd| limit_usd - own_usd)
    }

    /// The most that one sending of a request may cost, in US dollars.
    pub fn worst_case(&self, request: &ChatRequest, route: Route) -> Option<f64> {
        let price = self.prices.price(self.provider, &request.model)?;
        let (input, output) = (most_input_tokens(request), u64::from(request.max_tokens));
        Some(price.cost(&Usage { input, output, cached: 0, reasoning: 0 }, route))
    }

    /// Asks for leave to send a request.
    pub fn permission(&mut self, request: &ChatRequest, route: Route) -> Permission {
        let worst = self.worst_case(request, route);
        let Some(limit_usd) = self.limit_usd else { return Permission::Given(worst.unwrap_or(0.0)) };
        let Some(worst) = worst else {
            let (provider, model) = (self.provider.name(), request.model.clone());
            return Permission::Never(BudgetError::NoPrice { provider, model });
        };
        let gone_usd = self.spent_usd() + self.unsure_usd();
        if gone_usd + worst > limit_usd {
            return Permission::Never(self.reached(limit_usd, worst));
        }
        if gone_usd + self.set_aside_usd + worst > limit_usd {
            return Permission::Wait;
        }
        self.set_aside_usd += worst;
        Permission::Given(worst)
    }

    /// Sets aside what requests of an earlier run may still cost.
    pub fn set_aside(&mut self, usd: f64) {
        self.set_aside_usd += usd;
    }

    /// A request came back with an answer: its cost in US dollars, `None` where it is unknown.
    pub fn paid(&mut self, set_aside: f64, model: &str, answer: &ChatAnswer, route: Route) -> Option<f64> {
        self.give_back(set_aside);
        // The asked name comes first: a server may answer with a name that no table has.
        let price = self.prices.price(self.provider, model);
        let price = price.or_else(|| self.prices.price(self.provider, &answer.model));
        // A server that does not count its tokens is believed to have used the most.
        let counted = answer.usage.input + answer.usage.output > 0;
        let cost = price.map(|price| if counted { price.cost(&answer.usage, route) } else { set_aside });
        match cost {
            Some(cost) => self.spent_usd += cost,
            None => self.unpriced += 1,
        }
        cost
    }

    /// A request came back without an answer that cost something.
    pub fn give_back(&mut self, set_aside: f64) {
        self.set_aside_usd = (self.set_aside_usd - set_aside).max(0.0);
    }

    /// Nothing is under way, so nothing is set aside: sums of fractions leave a trace otherwise.
    pub fn nothing_under_way(&mut self) {
        self.set_aside_usd = 0.0;
    }

    /// A request may have been paid though its answer did not come, or could not be read: it is counted as if it was.
    pub fn perhaps_paid(&mut self, worst: f64) {
        self.unsure_usd += worst;
        self.unnoted_usd += worst;
    }

    /// Whether a request under way, for which `worst` is set aside, may be sent once more after it was perhaps paid. It
    /// has to be in the journal before, and what others have spent has to be heard of: they do the same.
    pub fn again(&self, worst: f64) -> Result<(), BudgetError> {
        match self.limit_usd {
            // Sums of the same fractions in another order differ by less than that.
            Some(limit_usd) if self.spent_usd() + self.unsure_usd() + self.set_aside_usd > limit_usd + 1e-9 => {
                Err(self.reached(limit_usd, worst))
            }
            _ => Ok(()),
        }
    }

    fn reached(&self, limit_usd: f64, next_usd: f64) -> BudgetError {
        let (spent_usd, perhaps_usd) = (self.spent_usd(), self.unsure_usd());
        BudgetError::Reached { limit_usd, spent_usd, perhaps_usd, next_usd }
    }

    /// What was perhaps paid, in US dollars, and is not in the journal.
    pub fn unnoted_usd(&self) -> f64 {
        self.unnoted_usd
    }

    /// So much of what was perhaps paid is in the journal now.
    pub fn noted(&mut self, usd: f64) {
        self.unnoted_usd = (self.unnoted_usd - usd).max(0.0);
    }

    /// Spent so far through the journal, in US dollars, by this run and all others.
    pub fn spent_usd(&self) -> f64 {
        self.spent_usd + self.elsewhere.spent_usd
    }

    /// What may have been spent besides, at most, in US dollars: on answers that never came, by this run and others, and
    /// on what others have under way.
    pub fn unsure_usd(&self) -> f64 {
        self.unsure_usd + self.elsewhere.perhaps_usd
    }

    /// Answers whose price is not known.
    pub fn unpriced(&self) -> u64 {
        self.unpriced
    }
}
