//! Makes the program smaller where the system's loader understands that.

use std::env;
use std::process::Command;

/// The first glibc that reads packed relocations. The program has 50,000, which are 1.3 MB in their long form.
const PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is_for_here = env::var("TARGET") == env::var("HOST");
    if is_for_here && glibc().is_some_and(|version| version >= PACKED) {
        // A linker that does not know it says so and goes on.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Gives the version of the system's glibc. `None` where the system has another C library.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
