//! The PIN or authenticator code that is required before a card is removed from the list: `setup` is the procedure that
//! sets it up, `credentials` the cryptography.

pub mod credentials;
pub(super) mod setup;
