//! The time of day, as it is handed to what keeps times in the store.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time of day; a test sets it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
