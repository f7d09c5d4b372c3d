//! The program; the code is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tune_allocator();
    unbind_bot::cli::main()
}

/// Makes glibc return the memory that training the matcher took, a third of the resident memory.
///
/// Blocks of at least 128 KiB always get their own mapping (otherwise freeing the first large one raises that limit).
/// Threads share three arenas: with one, a seventh of the time under load is spent waiting for it; with one per thread,
/// memory grows.
#[cfg(target_env = "gnu")]
fn tune_allocator() {
    const MAPPED_FROM_BYTES: libc::c_int = 128 * 1024;
    const ARENAS: libc::c_int = 3;
    // SAFETY: `mallopt` only sets two parameters, and no other thread runs yet. An error changes nothing.
    #[allow(
        unsafe_code,
        reason = "glibc's allocator has no safe interface for this"
    )]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

#[cfg(not(target_env = "gnu"))]
fn tune_allocator() {}
