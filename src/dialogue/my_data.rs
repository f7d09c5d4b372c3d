//! A person's own data: what is kept and for how long, all of it as a file, cards from such a file, and deleting
//! everything. How files look is `card_file`'s.

pub(super) mod card_file;
pub(super) mod export;
pub(super) mod forget;
pub(super) mod import;
