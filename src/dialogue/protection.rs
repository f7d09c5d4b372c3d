//! What is asked before a card is taken off the list: setting it up (`setup`), and the cryptography (`credentials`).

pub mod credentials;
pub(super) mod setup;
