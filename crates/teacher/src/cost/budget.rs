//! A budget that is never passed: what may be spent is counted before it is.

use thiserror::Error;

use crate::chat::ChatRequest;
use crate::clients::endpoint::Provider;
use crate::clients::{ChatAnswer, Usage};
use crate::cost::estimate::most_input_tokens;
use crate::cost::prices::{PriceTable, Route};

/// What may be spent.
#[derive(Clone, Debug, PartialEq)]
pub struct BudgetConfig {
    /// The most that may be spent, in US dollars; `None` is no limit.
    pub limit_usd: Option<f64>,
    /// What was spent on the same account before, such as the cost in the journal's summary.
    pub spent_before_usd: f64,
}

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
        "the budget of {limit_usd:.4} USD would be passed: {spent_usd:.4} USD are spent, and the next request may cost {next_usd:.4} USD; raise it to go on, paid answers are kept"
    )]
    Reached {
        /// The limit.
        limit_usd: f64,
        /// Spent so far, what may have been spent included.
        spent_usd: f64,
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

/// The account of one run.
#[derive(Clone, Debug)]
pub struct Budget {
    prices: PriceTable,
    provider: Provider,
    limit_usd: Option<f64>,
    spent_usd: f64,
    unsure_usd: f64,
    set_aside_usd: f64,
    unpriced: u64,
}

impl Budget {
    /// An account at its start.
    pub fn new(config: &BudgetConfig, prices: PriceTable, provider: Provider) -> Self {
        let BudgetConfig { limit_usd, spent_before_usd } = *config;
        let (unsure_usd, set_aside_usd) = (0.0, 0.0);
        Self { prices, provider, limit_usd, spent_usd: spent_before_usd, unsure_usd, set_aside_usd, unpriced: 0 }
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
        let spent_usd = self.spent_usd + self.unsure_usd;
        if spent_usd + worst > limit_usd {
            return Permission::Never(BudgetError::Reached { limit_usd, spent_usd, next_usd: worst });
        }
        if spent_usd + self.set_aside_usd + worst > limit_usd {
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

    /// The line broke after a request was sent: it may have been paid, and is counted as if. Fails where the request may
    /// not be sent again within the limit.
    pub fn perhaps_paid(&mut self, worst: f64) -> Result<(), BudgetError> {
        self.unsure_usd += worst;
        let spent_usd = self.spent_usd + self.unsure_usd;
        match self.limit_usd {
            Some(limit_usd) if spent_usd + self.set_aside_usd > limit_usd => {
                Err(BudgetError::Reached { limit_usd, spent_usd, next_usd: worst })
            }
            _ => Ok(()),
        }
    }

    /// Spent so far, in US dollars, with what was spent before.
    pub fn spent_usd(&self) -> f64 {
        self.spent_usd
    }

    /// What may have been spent on requests whose answers never came, at most, in US dollars.
    pub fn unsure_usd(&self) -> f64 {
        self.unsure_usd
    }

    /// Answers whose price is not known.
    pub fn unpriced(&self) -> u64 {
        self.unpriced
    }
}
