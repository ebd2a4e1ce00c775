//! Everything about training that needs a base: a two-layer random encoder made from a seed.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

// The base, the examples and a listener that stops or dies at a chosen step.
mod tiny;
// Lists become samples, samples become numbers.
mod batches;
// The loss falls, the student folder is whole, the log says what happened.
mod learning;
// A run that was killed or stopped ends like one that was not.
mod resuming;
// Every trained tensor learns, no frozen one does, and the fused operations are the plain ones.
mod gradients;
// Outputs, losses, gradients and twenty optimizer steps are those of PyTorch.
mod reference;
