//! A person's own data: what is stored, and all of it as a file (`export`), cards from such a file (`import`), deleting
//! everything (`forget`). `card_file` reads and writes the files.

pub(super) mod card_file;
pub(super) mod export;
pub(super) mod forget;
pub(super) mod import;
