//! What a provider says of its rate limits.

/// The limits of one account, as one answer's headers tell them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// Requests.
    pub requests: Option<Window>,
    /// Tokens.
    pub tokens: Option<Window>,
}

/// One limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The most per window; providers count by the minute where the reset does not say otherwise.
    pub limit: u64,
    /// What is left.
    pub remaining: u64,
    /// Milliseconds until all of it is there again.
    pub reset_ms: Option<u64>,
}
