#![no_main]

#[path = "../base.rs"]
mod base;
#[path = "../bodies.rs"]
#[allow(dead_code, reason = "each target runs one of them")]
mod bodies;

use base::base;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| bodies::secrets(bytes));
