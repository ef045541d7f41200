//! Agents' protocols as bytes: what they send and what they understand, exactly as written.

pub mod claude;
pub mod daemon;
