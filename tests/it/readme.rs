//! What the README shows is what comes.

use crate::harness::Script;
use std::{fs, path::Path};

/// Gives the lines that a `console` block shows after its command.
fn shown(command: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let block =
        readme.split("```console\n").find(|block| block.starts_with(&format!("$ {command}\n"))).unwrap();
    block.lines().skip(1).take_while(|line| *line != "```").map(str::to_owned).collect()
}

#[test]
fn the_first_command_prints_what_the_readme_shows() {
    let source =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/cleanup.lua")).unwrap();
    let output = Script::new(&source).options(&["--sandbox"]).run();
    let lines: Vec<_> = output.stderr.lines().chain(output.stdout.lines()).map(str::to_owned).collect();
    assert_eq!(lines, shown("cargo run --release -- --sandbox scripts/cleanup.lua"));
}
