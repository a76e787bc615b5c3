use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use tempfile::NamedTempFile;

use super::exit;
use super::options::Options;
use super::report::{error, failure, out};
use super::run::{execute, load, told};
use super::surroundings::{Refusal, Surroundings};
use super::undo::refuse_embedded;
use crate::engine::{Followed, Permission, Plan, follow};
use crate::error::{Class, visible};

/// Runs a script dry and writes down what it would do. How its accounts are reached is noted in the journal, so that
/// the plan need not say it.
pub(super) fn plan(script: &Path, arguments: &[String], output: &Path, options: &Options) -> ExitCode {
    let go = || -> Result<u8, Refusal> {
        refuse_embedded(options)?;
        refuse_other_files(output)?;
        let script = load(script, arguments)?;
        let around = Surroundings::new(options, script.name.clone(), true)?;
        let code = execute(&around, &script)?;
        let Some(overlay) = around.run.overlay.clone() else { return Ok(code) };
        if code != 0 {
            error("no plan was written: the script did not come to its end", None);
            return Ok(code);
        }
        let made = around.run.now().timestamp();
        let noted = around.run.state.journal(&*around.run.world).and_then(|journal| {
            overlay.accounts().iter().try_for_each(|account| journal.note_account(account))?;
            journal.note_plan(&made.to_string())
        });
        if let Err(error) = noted {
            return Ok(failure(&error));
        }
        let text = overlay.plan().write(made);
        write(output, &text).map_err(|error| cannot_write(output, &error))?;
        if !options.quiet {
            out(format_args!("the plan is in {}", visible(&output.display().to_string())));
        }
        Ok(0)
    };
    told(go())
}

/// Puts a plan in the place of an older one, if there is one: wholly or not at all.
fn write(output: &Path, text: &str) -> io::Result<()> {
    let directory = output.parent().filter(|parent| !parent.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(directory.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(output).map_err(|error| error.error)?;
    Ok(())
}

fn cannot_write(output: &Path, error: &io::Error) -> Refusal {
    let message = format!("the plan `{}` can't be written: {error}", visible(&output.display().to_string()));
    (exit::CONFIG, message, "it must be in a directory you can write to, and no symbolic link")
}

/// Refuses to write over what is no plan.
fn refuse_other_files(output: &Path) -> Result<(), Refusal> {
    let is_file = match fs::symlink_metadata(output) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        metadata => metadata.is_ok_and(|metadata| metadata.is_file()),
    };
    if is_file && fs::read_to_string(output).is_ok_and(|text| Plan::read(&text).is_ok()) {
        return Ok(());
    }
    let shown = visible(&output.display().to_string());
    Err((
        exit::CONFIG,
        format!("`{shown}` exists already and is no plan"),
        "remove it, or choose another name",
    ))
}

/// Does what a plan says.
pub(super) fn apply(path: &Path, options: &Options) -> ExitCode {
    let go = || -> Result<u8, Refusal> {
        refuse_embedded(options)?;
        let shown = visible(&path.display().to_string());
        let text = fs::read_to_string(path).map_err(|error| {
            let message = format!("the plan `{shown}` can't be read: {error}");
            (exit::CONFIG, message, "`imapscript plan SCRIPT -o FILE` writes one")
        })?;
        let plan = match Plan::read(&text) {
            Ok(plan) => plan,
            Err(error) => return Ok(failure(&error)),
        };
        let around = Surroundings::new(options, format!("apply {}", path.display()), false)?;
        // The script had allowed it when it was planned, and whoever applies the plan has seen it.
        around.run.permissions.allow(Permission::Purge);
        let code = match follow(&around.run, &plan) {
            Ok(followed) => end(&around, &followed, options.quiet),
            Err(error) => around.failed(&error),
        };
        Ok(around.end(code))
    };
    told(go())
}

/// Says how it ended, and gives the exit code.
fn end(around: &Surroundings, followed: &Followed, quiet: bool) -> u8 {
    followed.held.iter().for_each(|held| error(&visible(held), None));
    if followed.before > 0 && !quiet {
        let count = followed.before;
        out(format_args!(
            "{count} done already when the plan was applied before: mailboxes and messages added"
        ));
    }
    let Some((stopped, left)) = &followed.stopped else {
        return if followed.held.is_empty() { 0 } else { exit::PARTIAL };
    };
    let code = failure(stopped);
    match left {
        0 => {}
        1 => error("1 action of the plan was not done", None),
        left => error(&format!("{left} actions of the plan were not done"), None),
    }
    let interrupted = stopped.kind.class() == Class::Interrupted;
    if around.reporter().changed() && !interrupted { exit::PARTIAL } else { code }
}
