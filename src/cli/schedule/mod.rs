//! `imapscript schedule`: a script that runs by itself, by systemd's timers or by cron.

mod cron;
mod interval;
mod job;
mod systemd;

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use super::check;
use super::exit;
use super::report::{error, out};
use crate::error::visible;
use interval::Interval;
use job::Job;

/// What is wrong, and what to do about it.
type Wrong = (u8, String, String);

/// What is to be scheduled, and how.
#[expect(clippy::struct_excessive_bools, reason = "each is an option that is given or not")]
#[derive(Debug, clap::Args)]
pub struct ScheduleOptions {
    /// The script
    #[arg(value_name = "SCRIPT", required_unless_present = "list")]
    script: Option<PathBuf>,

    /// How often: minutes or hours that divide an hour or a day, such as `15m` or `6h`, or `1d`, or `1w`
    #[arg(long, value_name = "INTERVAL", required_unless_present_any = ["remove", "list"])]
    every: Option<Interval>,

    /// Use cron, and not systemd
    #[arg(long)]
    cron: bool,

    /// Take it out again
    #[arg(long, conflicts_with_all = ["every", "list"])]
    remove: bool,

    /// List what is scheduled
    #[arg(long, conflicts_with_all = ["script", "every", "yes"])]
    list: bool,

    /// Do not ask
    #[arg(short, long)]
    yes: bool,

    /// Let it write beneath this directory, too; may be given several times. With systemd it writes nowhere else
    #[arg(long, value_name = "DIR", conflicts_with = "cron")]
    write: Vec<PathBuf>,

    /// Give it a file's content as a credential of this name; may be given several times
    #[arg(long, value_name = "NAME=FILE", conflicts_with = "cron")]
    credential: Vec<String>,

    /// The accounts file, where it is not the usual one
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where journal and locks are, where it is not the usual place
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,

    /// What the script finds in `arg`
    #[arg(last = true, value_name = "ARGS")]
    arguments: Vec<String>,
}

/// Does what is asked for.
pub(super) fn schedule(options: &ScheduleOptions) -> ExitCode {
    match act(options) {
        Ok(code) => code.into(),
        Err((code, what, hint)) => {
            error(&visible(&what), Some(hint.as_str()).filter(|hint| !hint.is_empty()));
            code.into()
        }
    }
}

fn act(options: &ScheduleOptions) -> Result<u8, Wrong> {
    if options.list {
        return list();
    }
    let job = Job::of(options)?;
    if options.remove {
        let removed =
            if options.cron { cron::remove(&job, options.yes) } else { systemd::remove(&job, options.yes) };
        return removed.map(|()| 0);
    }
    let Some(every) = options.every else { return Ok(exit::USAGE) };
    // What is wrong would only show in the night.
    if check::look(std::slice::from_ref(&job.script))
        .map_err(|(code, what, hint)| (code, what, hint.to_owned()))?
        != 0
    {
        return Err((1, "it is not scheduled".to_owned(), String::new()));
    }
    if options.cron {
        cron::add(&job, every, options.yes)?;
    } else {
        systemd::add(&job, every, options.yes)?;
    }
    Ok(0)
}

fn list() -> Result<u8, Wrong> {
    let mut all = systemd::list()?;
    all.extend(cron::list());
    if all.is_empty() {
        out("nothing is scheduled");
    }
    for line in all {
        out(visible(&line));
    }
    Ok(0)
}

/// Shows what would be written or removed, and asks whether it shall be. `Err` where it shall not.
fn agreed(shown: &str, question: &str, yes: bool) -> Result<(), Wrong> {
    for line in shown.lines() {
        out(visible(line));
    }
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let hint = "`--yes` says that it shall be done".to_owned();
        return Err((
            exit::USAGE,
            "there is no terminal to ask at, and nothing was changed".to_owned(),
            hint,
        ));
    }
    let mut stdout = std::io::stdout();
    let _ = write!(stdout, "{question} [y/N] ").and_then(|()| stdout.flush());
    let mut answer = String::new();
    let _ = std::io::stdin().read_line(&mut answer);
    if matches!(answer.trim(), "y" | "Y" | "yes" | "j" | "ja") {
        return Ok(());
    }
    Err((exit::USAGE, "nothing was changed".to_owned(), String::new()))
}

/// Makes the error of a file or program that can't be used.
fn unusable(what: &str, why: impl std::fmt::Display) -> Wrong {
    (exit::CONFIG, format!("{what}: {why}"), String::new())
}
