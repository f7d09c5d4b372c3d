//! The guided removal of a card:
//!
//! ```text
//! /unbind → Which card shall we take out?   [Office · Apple Wallet] [Another card] [Cancel]
//!         → Why do you take it out?         [New card] [New phone] [Misuse] [Tidying up] [Skip]
//!         → Office · step 1 of 5 …          [Done] [It looks different] [Back] [Pause] [Cancel]
//!         → Type your PIN.                  (only where the owner set that up)
//!         → Take “Office” off your list?    [Yes, take “Office” off] [Send me the details] [No, keep it]
//!         → ✅ off your list. Is it gone?    [Yes, gone] [Still there] [Not sure] [Undo]
//! ```
//! The phone's owner removes the card from the wallet; the bot removes it from its own list, only after an explicit yes
//! within the same removal. `stages` moves from one stage to the next, `steps` finds the wallet's instructions,
//! `confirmation` checks the PIN or code and the yes, `outcome` asks how it went, `correction` handles corrections
//! typed during a removal.

pub(super) mod confirmation;
pub(super) mod correction;
pub(super) mod outcome;
pub(super) mod stages;
pub(super) mod steps;
