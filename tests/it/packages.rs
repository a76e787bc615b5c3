//! Completions and the manual page: what packages bring along.

use std::process::Command;

use clap::CommandFactory as _;

use crate::harness::Script;

#[test]
fn bash_completes_commands_and_options() {
    let script = Script::command(&["completions", "bash"]).stderr("").run().stdout;
    let completed = |words: &[&str]| {
        let list: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
        let program = format!(
            "{script}\nCOMP_WORDS=({}); COMP_CWORD={}; _imapscript imapscript '{}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
            list.join(" "),
            words.len() - 1,
            words[words.len() - 1],
            words[words.len() - 2],
        );
        let output = Command::new("bash").args(["--norc", "-c", &program]).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(completed(&["imapscript", "und"]), "undo\n");
    assert_eq!(completed(&["imapscript", "status", "--max"]), "--max-age\n");
    assert!(completed(&["imapscript", "completions", ""]).contains("fish\n"));
}

#[test]
fn other_shells_have_completions_too() {
    for (shell, part) in
        [("zsh", "#compdef imapscript"), ("fish", "complete -c imapscript"), ("elvish", "imapscript")]
    {
        let output = Script::command(&["completions", shell]).stderr("").run();
        assert!(output.stdout.contains(part), "{shell}");
    }
    Script::command(&["completions", "csh"]).status(2).stdout("").run();
}

/// Expects a command's options and the commands beneath it.
fn each(command: &clap::Command, name: &str, page: &str) {
    for option in command.get_arguments().filter(|option| !option.is_hide_set()) {
        if let Some(long) = option.get_long() {
            assert!(page.contains(&format!("--{long}")), "{name} --{long}");
        }
    }
    for inner in command.get_subcommands() {
        let name = format!("{name} {}", inner.get_name());
        assert!(page.contains(&format!(".SS \"{name}\"")), "{name}");
        each(inner, &name, page);
    }
}

#[test]
fn the_manual_page_has_every_command_and_option() {
    let page = Script::command(&["man"]).stderr("").run().stdout;
    // What roff needs before hyphens and points.
    let plain = page
        .replace("\\-", "-")
        .replace("\\&", "")
        .replace("\\fB", "")
        .replace("\\fR", "")
        .replace("\\fI", "");
    each(&imapscript::cli::Arguments::command(), "imapscript", &plain);
    for part in [".TH", ".SH SYNOPSIS", ".SH \"EXIT STATUS\"", ".SH FILES", "accounts.toml"] {
        assert!(plain.contains(part), "{part}");
    }
}

#[test]
fn roff_takes_the_manual_page() {
    if Command::new("groff").arg("--version").output().is_err() {
        println!("there is no groff here");
        return;
    }
    let page = Script::command(&["man"]).run().stdout;
    let path = tempfile::tempdir().unwrap();
    let file = path.path().join("imapscript.1");
    std::fs::write(&file, page).unwrap();
    let output = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-z"]).arg(&file).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}
