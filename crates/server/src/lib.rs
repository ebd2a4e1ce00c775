//! Reason-to-Rank as a server: the rerank dialects that clients speak on one port, explanations, search, and a page
//! that shows why. Requests share one student: its compute loop takes turns among them.

pub mod config;
pub mod mcp;
