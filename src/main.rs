//! Arguments in, exit code out; everything else is the library's.

use std::process::ExitCode;

fn main() -> ExitCode {
    give_memory_back();
    unbind_bot::cli::main()
}

/// Makes glibc return what training the matcher took, instead of keeping it for later: a third of the resident memory.
///
/// Blocks from 128 KiB on are mapped one by one for good (else freeing the first large one raises that limit), and threads
/// share few arenas: with one, a seventh of the time under load goes into waiting for it; with one each, memory grows.
#[cfg(target_env = "gnu")]
fn give_memory_back() {
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
fn give_memory_back() {}
