//! Catches panics and turns them into errors. What panicked is pure or is retried from the store, so no half-done state is
//! left.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};

use futures::FutureExt;

/// The message of a panic. It may quote a user's text, so it goes into a dead letter and never into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(pub String);

/// # Errors
/// `work` panicked.
pub fn catch<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| Panicked(message_of(&*panic)))
}

/// # Errors
/// `work` panicked.
pub async fn catch_async<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    done.map_err(|panic| Panicked(message_of(&*panic)))
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let message = owned.or_else(|| panic.downcast_ref::<&str>().copied());
    message.unwrap_or("a panic without a message").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_caught_with_its_message() {
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
