//! Makes the program smaller, in the file and in memory, where the system's linker and loader understand that.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Which functions ordinary scripts run (`bench/order.py`). Side by side they take less memory.
const ORDER: &str = "packaging/order.txt";

/// The first glibc that reads packed relocations. The program has 50,000, which are 1.3 MB in their long form.
const PACKED: (u32, u32) = (2, 36);

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={ORDER}");
    if env::var("TARGET") != env::var("HOST") {
        return;
    }
    if env::var("PROFILE").as_deref() == Ok("release") && links(&ordering()) == Some(true) {
        for argument in ordering() {
            println!("cargo::rustc-link-arg-bins={argument}");
        }
    }
    if glibc().is_some_and(|version| version >= PACKED) {
        // A linker that does not know it says so and goes on.
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// Gives what tells LLVM's linker the order of functions. Names that it does not find are passed over.
fn ordering() -> [String; 2] {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    [
        format!("-Wl,--symbol-ordering-file={}", Path::new(&root).join(ORDER).display()),
        "-Wl,--no-warn-symbol-ordering".to_owned(),
    ]
}

/// Tries whether the linker takes these arguments, with a program that does nothing. `None` where it can't be tried.
fn links(arguments: &[String]) -> Option<bool> {
    let directory = env::var_os("OUT_DIR")?;
    let source = Path::new(&directory).join("nothing.rs");
    fs::write(&source, "fn main() {}\n").ok()?;
    let mut rustc = Command::new(env::var_os("RUSTC")?);
    rustc.arg(&source).arg("-o").arg(Path::new(&directory).join("nothing"));
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    rustc.args(flags.split('\u{1f}').filter(|flag| !flag.is_empty()));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut flag = OsString::from("-Clinker=");
        flag.push(linker);
        rustc.arg(flag);
    }
    rustc.args(arguments.iter().map(|argument| format!("-Clink-arg={argument}")));
    Some(rustc.output().ok()?.status.success())
}

/// Gives the version of the system's glibc. `None` where the system has another C library.
fn glibc() -> Option<(u32, u32)> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
