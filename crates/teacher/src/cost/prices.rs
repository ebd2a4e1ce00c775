//! The price table: what a million tokens of a model cost, and when that was looked up. None is built in: prices change,
//! so whoever asks looks them up.

use serde::Deserialize;
use thiserror::Error;

use crate::clients::Usage;
use crate::clients::endpoint::Provider;

/// Prices with the date on which they were looked up, as a TOML file:
///
/// ```
/// use r2r_teacher::clients::endpoint::Provider;
/// use r2r_teacher::cost::prices::PriceTable;
///
/// let text = r#"
/// dated = "2026-01-31"           # when you looked the prices up
///
/// [[price]]                      # one for each model
/// provider = "openai"            # openai, compatible, anthropic or gemini
/// model = "example-large"        # also stands for example-large-2026-01-01
/// input = 2.0                    # US dollars per million tokens read
/// cached = 0.5                   # of those, read from a cache; input where it is left out
/// output = 8.0                   # per million tokens written
/// batch = 0.5                    # what a batch costs relative to a live request; 1 where it is left out
/// "#;
/// let table = PriceTable::read(text)?;
/// assert!(table.price(Provider::OpenAi, "example-large-2026-01-01").is_some());
/// assert!(PriceTable::empty().price(Provider::OpenAi, "example-large").is_none());
/// # Ok::<(), r2r_teacher::cost::prices::PriceError>(())
/// ```
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
    /// The table without a price: what anything costs is unknown.
    pub fn empty() -> Self {
        Self { dated: String::new(), prices: Vec::new() }
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

    fn table(provider: &str, model: &str, input: &str) -> Result<PriceTable, PriceError> {
        PriceTable::read(&format!(
            "dated = \"2026-02-02\"\n[[price]]\nprovider = \"{provider}\"\nmodel = \"{model}\"\ninput = {input}\noutput = 1.0"
        ))
    }

    #[test]
    fn a_name_stands_for_itself_and_its_dates_only() {
        let table = table("openai", "example-mini", "0.5").unwrap();
        let has = |model: &str| table.price(Provider::OpenAi, model).is_some();
        assert!(
            ["example-mini", "example-mini-2024-07-18", "example-mini-20240718", "example-mini-latest"].map(has)
                == [true; 4]
        );
        assert!(["example", "example-mini-pro", "example-mini.2"].map(has) == [false; 3]);
        assert!(table.price(Provider::Compatible, "example-mini").is_none());
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
    fn a_wrong_price_is_refused() {
        assert!(matches!(table("openai", "m", "-1.0"), Err(PriceError::Negative { .. })));
        assert!(matches!(table("openai", "m", "\"x\""), Err(PriceError::Format(_))));
    }
}
