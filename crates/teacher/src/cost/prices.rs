//! The price table: what a million tokens of a model cost, and when that was looked up.

use serde::Deserialize;
use thiserror::Error;

use crate::clients::Usage;
use crate::clients::endpoint::Provider;

/// Prices with the date on which they were looked up.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceTable {
    /// The date of the table, year-month-day.
    pub dated: String,
    #[serde(default, rename = "price")]
    prices: Vec<Price>,
}

/// What a model costs, in US dollars per million tokens.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The provider's name, as in recipes.
    pub provider: String,
    /// The model's name, without a date.
    pub model: String,
    /// Tokens read.
    pub input: f64,
    /// Tokens read from a cache; `input` where it is not given.
    pub cached: Option<f64>,
    /// Tokens written.
    pub output: f64,
    /// What a batch costs relative to a live request; 1 where it is not given.
    pub batch: Option<f64>,
}

/// A price table that cannot be used.
#[derive(Debug, Error)]
pub enum PriceError {
    /// Not the format of prices.
    #[error("the price table cannot be read: {0}")]
    Format(#[from] toml::de::Error),
    /// A price below zero, or none.
    #[error("the price of {provider} {model} must be a number from 0 up")]
    Negative {
        /// The entry's provider.
        provider: String,
        /// The entry's model.
        model: String,
    },
}

/// How a request is sent, and so what share of the price it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// By itself, answered at once.
    Live,
    /// In a batch, answered within a day, at a lower price.
    Batch,
}

impl Route {
    /// The name, as kept in the journal.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Batch => "batch",
        }
    }
}

impl PriceTable {
    /// The table that is built in.
    pub fn built_in() -> Self {
        Self::read(include_str!("prices.toml")).expect("the built-in table is read by a test")
    }

    /// Reads a table.
    pub fn read(text: &str) -> Result<Self, PriceError> {
        let table: Self = toml::from_str(text)?;
        let right = |number: f64| number.is_finite() && number >= 0.0;
        for price in &table.prices {
            let numbers = [Some(price.input), price.cached, Some(price.output), price.batch];
            if !numbers.into_iter().flatten().all(right) {
                let (provider, model) = (price.provider.clone(), price.model.clone());
                return Err(PriceError::Negative { provider, model });
            }
        }
        Ok(table)
    }

    /// This table with another one's entries before its own.
    #[must_use]
    pub fn overridden_by(self, mut own: Self) -> Self {
        own.prices.extend(self.prices);
        own
    }

    /// The price of a model: of its own name, or of its name without a date. `None` is unknown, not free.
    pub fn price(&self, provider: Provider, model: &str) -> Option<&Price> {
        let model = model.strip_prefix("models/").unwrap_or(model);
        let of_provider = || self.prices.iter().filter(|price| price.provider == provider.name());
        let exact = of_provider().find(|price| price.model == model);
        exact.or_else(|| of_provider().find(|price| model.strip_prefix(price.model.as_str()).is_some_and(is_date)))
    }
}

/// `-20250929`, `-2025-09-29`, `-latest` or `-001`.
fn is_date(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('-') else { return false };
    let digits = rest.chars().filter(char::is_ascii_digit).count();
    let dashes = rest.chars().filter(|&c| c == '-').count();
    rest == "latest" || (digits + dashes == rest.len() && matches!((digits, dashes), (8, 0 | 2) | (3, 0)))
}

impl Price {
    /// What so many tokens cost, in US dollars.
    pub fn cost(&self, usage: &Usage, route: Route) -> f64 {
        let cached = usage.cached.min(usage.input);
        let input = (usage.input - cached) as f64 * self.input + cached as f64 * self.cached.unwrap_or(self.input);
        let share = match route {
            Route::Live => 1.0,
            Route::Batch => self.batch.unwrap_or(1.0),
        };
        (input + usage.output as f64 * self.output) * share / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_read_and_dated() {
        let table = PriceTable::read(include_str!("prices.toml")).unwrap();
        assert_eq!(table.dated.len(), "2025-01-01".len());
        assert!(table.prices.iter().all(|price| price.provider.parse::<Provider>().is_ok()));
    }

    #[test]
    fn a_name_stands_for_itself_and_its_dates_only() {
        let table = PriceTable::built_in();
        let name = |model: &str| table.price(Provider::OpenAi, model).map(|price| price.model.clone());
        assert_eq!(name("gpt-4o-mini-2024-07-18").as_deref(), Some("gpt-4o-mini"));
        assert_eq!(name("gpt-5").as_deref(), Some("gpt-5"));
        assert_eq!(name("gpt-5-pro"), None);
        assert_eq!(name("gpt-5.2"), None);
        assert!(table.price(Provider::Anthropic, "claude-sonnet-4-5-20250929").is_some());
        assert!(table.price(Provider::Compatible, "gpt-5").is_none());
    }

    #[test]
    fn cached_tokens_and_batches_cost_their_share() {
        let text = "dated = \"2026-01-01\"\n[[price]]\nprovider = \"openai\"\nmodel = \"m\"\ninput = 2.0\ncached = 1.0\noutput = 4.0\nbatch = 0.5";
        let table = PriceTable::read(text).unwrap();
        let price = table.price(Provider::OpenAi, "m").unwrap();
        let usage = Usage { input: 3_000_000, output: 1_000_000, cached: 1_000_000, reasoning: 0 };
        let cents = |route| (price.cost(&usage, route) * 100.0).round() as i64;
        assert_eq!((cents(Route::Live), cents(Route::Batch)), (900, 450));
    }

    #[test]
    fn a_users_price_comes_first_and_a_wrong_one_is_refused() {
        let own = |input: &str| {
            let text = format!(
                "dated = \"2026-02-02\"\n[[price]]\nprovider = \"openai\"\nmodel = \"gpt-5\"\ninput = {input}\noutput = 1.0"
            );
            PriceTable::read(&text)
        };
        let table = PriceTable::built_in().overridden_by(own("0.5").unwrap());
        assert!((table.price(Provider::OpenAi, "gpt-5").unwrap().input - 0.5).abs() < 1e-12);
        assert_eq!(table.dated, "2026-02-02");
        assert!(matches!(own("-1.0"), Err(PriceError::Negative { .. })));
        assert!(matches!(own("\"x\""), Err(PriceError::Format(_))));
    }
}
