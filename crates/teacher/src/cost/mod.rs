//! What requests cost: prices, an estimate before they are sent, and a budget that is never passed.

pub mod budget;
pub mod estimate;
pub mod prices;
