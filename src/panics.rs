//! Keeps a panic where it happened. What panicked is pure or is tried again from what is stored, so nothing half done is
//! left behind.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures::FutureExt;

/// The words of a panic. They may quote a message, so they are for a dead letter and never for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(pub String);

/// Calls a function; a panic in it is its result.
///
/// # Errors
/// It panicked.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked(message_of(&*panic)))
}

/// Awaits a future; a panic in it is its result.
///
/// # Errors
/// It panicked.
pub async fn catch_async<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.map_err(|panic| Panicked(message_of(&*panic)))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    words.unwrap_or("a panic without words").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_with_its_words() {
        let fault = Panicked("at 5".to_owned());
        assert_eq!(catch(|| -> u8 { panic!("at {}", 5) }), Err(fault.clone()));
        assert_eq!(
            catch_async(async { panic!("at 5") }).await,
            Err::<u8, _>(fault)
        );
        assert_eq!(
            (catch(|| 1), catch_async(async { 2 }).await),
            (Ok(1), Ok(2))
        );
    }
}
