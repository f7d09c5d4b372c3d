//! The guided removal:
//!
//! ```text
//! /unbind → Which card shall we take out?   [Office · Apple Wallet] [Another card] [Cancel]
//!         → Why do you take it out?         [New card] [New phone] [Misuse] [Tidying up] [Skip]
//!         → Office · step 1 of 5 …          [Done] [It looks different] [Back] [Pause] [Cancel]
//!         → Type your PIN.                  (only where the owner set that up)
//!         → Take “Office” off your list?    [Yes, take “Office” off] [Send me the details] [No, keep it]
//!         → ✅ off your list. Is it gone?    [Yes, gone] [Still there] [Not sure] [Undo]
//! ```
//! The phone's owner takes the card out of the wallet; the bot takes it off its own list, after an explicit yes in this
//! very removal. `stages` leads from one to the next, `steps` has the words of the wallet, `confirmation` the proof and
//! the yes, `outcome` what comes after, `correction` what is corrected on the way.

pub(super) mod confirmation;
pub(super) mod correction;
pub(super) mod outcome;
pub(super) mod stages;
pub(super) mod steps;
