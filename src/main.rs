//! The program; all of it is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    tune_allocator();
    unbind_bot::cli::main()
}

/// Makes glibc return the memory that training the matcher took, a third of the resident memory.
///
/// Blocks from 128 KiB on always get a mapping of their own (else freeing the first large one raises that limit), and
/// threads share few arenas: with one, a seventh of the time under load is spent waiting for it; with one for each thread,
/// memory grows.
#[cfg(target_env = "gnu")]
fn tune_allocator() {
    const MAPPED_FROM_BYTES: libc::c_int = 128 * 1024;
    const ARENAS: libc::c_int = 3;
    // SAFETY: `mallopt` only sets these two numbers, and no other thread runs yet. A refusal changes nothing.
    #[allow(
        unsafe_code,
        reason = "there is no safe way to say this to the allocator"
    )]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_FROM_BYTES);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}

#[cfg(not(target_env = "gnu"))]
fn tune_allocator() {}
