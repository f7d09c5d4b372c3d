//! The wall clock, for times that are stored.

use std::sync::Arc;

use jiff::Timestamp;

/// Returns the current time; tests replace it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
