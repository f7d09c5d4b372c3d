//! The shipped base, read and trained once.

use std::{
    path::Path,
    sync::{Arc, LazyLock},
};

use unbind_bot::{dialogue::Base, knowledge::load_folder};

pub fn base() -> Arc<Base> {
    static BASE: LazyLock<Arc<Base>> = LazyLock::new(|| {
        let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../knowledge"));
        Arc::new(Base::new(load_folder(folder).expect("the shipped base")))
    });
    BASE.clone()
}
