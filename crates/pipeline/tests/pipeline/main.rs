//! Where the stages meet: what one stage wrote, the next one reads as it was meant.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first thing that is not as it should be")]

// A trained student says the same in the CPU engine.
mod train_then_load;
