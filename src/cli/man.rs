use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::args::Arguments;

/// Prints the manual page: the program and all its commands.
pub(super) fn man() -> ExitCode {
    let mut page = Vec::new();
    if write(&mut page).is_ok() {
        // Where nobody reads any more, there is nobody to tell.
        let _ = io::stdout().write_all(&page);
    }
    ExitCode::SUCCESS
}

fn write(page: &mut Vec<u8>) -> io::Result<()> {
    let mut command = Arguments::command();
    command.build();
    let man = Man::new(command.clone()).manual("User Commands");
    man.render_title(page)?;
    man.render_name_section(page)?;
    synopsis(&command, page)?;
    man.render_description_section(page)?;
    man.render_options_section(page)?;
    let mut heading = Roff::new();
    heading.control("SH", ["COMMANDS"]);
    heading.to_writer(page)?;
    each(&command, &command, "imapscript", page)?;
    rest(page)
}

/// Writes how the program is called; clap's own takes the commands for one argument of the script's.
fn synopsis(command: &Command, page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold("imapscript"), roman(" [OPTIONS] SCRIPT [ARGS]...")]);
    for inner in shown(command) {
        roff.control("br", []);
        roff.text([bold(format!("imapscript {}", inner.get_name())), roman(" ...")]);
    }
    roff.to_writer(page)
}

fn shown(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help")
}

/// Writes each command beneath one. Options that running a script has, too, are described there.
fn each(of: &Command, whole: &Command, name: &str, page: &mut Vec<u8>) -> io::Result<()> {
    for inner in shown(of) {
        let name = format!("{name} {}", inner.get_name());
        let common = |id: &str| {
            whole.get_arguments().any(|argument| argument.get_id() == id && !argument.is_positional())
        };
        let shared = inner.get_arguments().any(|argument| common(argument.get_id().as_str()));
        let own = inner.clone().mut_args(|argument| {
            if common(argument.get_id().as_str()) || matches!(argument.get_id().as_str(), "help" | "version")
            {
                argument.hide(true)
            } else {
                argument
            }
        });
        let mut roff = Roff::new();
        roff.control("SS", [name.as_str()]);
        let about = inner.get_long_about().or(inner.get_about()).map(ToString::to_string).unwrap_or_default();
        roff.text([roman(format!("{about}."))]);
        if shared {
            roff.text([roman("The options of a script's run count here, too, as far as they make sense.")]);
        }
        roff.to_writer(page)?;
        if own.get_arguments().any(|argument| !argument.is_hide_set()) {
            let mut options = Vec::new();
            Man::new(own).render_options_section(&mut options)?;
            let text = String::from_utf8_lossy(&options).replace(".SH OPTIONS\n", "");
            page.write_all(text.as_bytes())?;
        }
        each(inner, whole, &name, page)?;
    }
    Ok(())
}

/// Writes what no option says.
fn rest(page: &mut Vec<u8>) -> io::Result<()> {
    let mut roff = Roff::new();
    let mut part = |title: &str, entries: &[(&str, &str)]| {
        roff.control("SH", [title]);
        for (name, text) in entries {
            roff.control("TP", []);
            roff.text([bold(*name)]);
            roff.text([roman(*text)]);
        }
    };
    part(
        "EXIT STATUS",
        &[
            ("0", "Done, also when there was nothing to do."),
            ("1", "The script failed."),
            ("2", "The command line is wrong."),
            ("3", "Configuration: a secret, a file, no place for the journal."),
            ("4", "Authentication."),
            ("5", "Connection."),
            ("6", "The server refused."),
            ("7", "A limit stopped it, and nothing was done."),
            ("8", "Partly done, or in doubt."),
            ("9", "Another run changes the account."),
            ("130", "Interrupted."),
        ],
    );
    part(
        "FILES",
        &[
            (
                "$XDG_CONFIG_HOME/imapscript/accounts.toml",
                "The accounts that scripts use by their names; else beneath ~/.config.",
            ),
            (
                "$STATE_DIRECTORY, $XDG_STATE_HOME/imapscript",
                "The journal and the locks; else ~/.local/state/imapscript.",
            ),
        ],
    );
    part(
        "SEE ALSO",
        &[(
            "https://www.lua.org/manual/5.4/",
            "The language of scripts. What imapscript adds to it is in docs/lua.md, and, for editors, in what `imapscript types` writes.",
        )],
    );
    roff.to_writer(page)
}
