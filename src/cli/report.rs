use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use super::exit;
use super::planned::{Sum, samples};
use crate::engine::{Event, Report};
use crate::error::{Error, visible};
use crate::lua::{Caught, Outcome};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// How much is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loudness {
    /// Errors.
    Quiet,
    /// What was done, and errors.
    Normal,
    /// What found nothing to do, too.
    Verbose,
}

/// Prints what happens. What was done goes to standard output, everything else to standard error.
#[derive(Debug)]
pub(super) struct Reporter {
    loudness: Loudness,
    done: usize,
    /// How many reports were printed.
    told: usize,
    changed: bool,
    /// What an earlier run had begun is in doubt, or could only be held.
    in_doubt: bool,
    /// Rules were asked about a message and have said something.
    explained: bool,
    /// What would be done, if this is a dry run.
    planned: Option<Sum>,
}

/// Prints a line; where nobody reads any more, there is nobody to tell.
pub(super) fn out(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Prints a line to standard error.
pub(super) fn err(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Prints a line that begins with `imapscript: error:`.
pub(super) fn error(text: &str, hint: Option<&str>) {
    err(format_args!("{BAD}error{BAD:#}: {text}"));
    if let Some(hint) = hint {
        err(format_args!("{NOTE}hint{NOTE:#}: {hint}"));
    }
}

/// Prints an error of ours, and gives the exit code of its class.
pub(super) fn failure(failed: &Error) -> u8 {
    let place = match (&failed.account, &failed.mailbox) {
        (Some(account), Some(mailbox)) => format!("{account}, {mailbox}: "),
        (Some(account), None) => format!("{account}: "),
        _ => String::new(),
    };
    let hint = failed.kind.hint().map(|hint| visible(&hint));
    error(&visible(&format!("{place}{failed}")), hint.as_deref());
    exit::code(failed.kind.class())
}

impl Reporter {
    pub(super) fn new(loudness: Loudness, dry_run: bool) -> Self {
        Self {
            loudness,
            done: 0,
            told: 0,
            changed: false,
            in_doubt: false,
            explained: false,
            planned: dry_run.then(Sum::default),
        }
    }

    pub(super) fn tell(&mut self, event: &Event) {
        match event {
            Event::Planned(_) | Event::Log("info", _) if self.loudness == Loudness::Quiet => {}
            Event::Done(report) => self.report(report),
            Event::Settled(report) => {
                self.in_doubt |= !report.is_clean() || !report.held.is_empty();
                self.report(report);
            }
            Event::Alert { account, text } => {
                err(format_args!("{NOTE}alert{NOTE:#}: {account}: {}", visible(text)));
            }
            Event::Planned(text) => out(format_args!("{GOOD}{}{GOOD:#}", visible(text))),
            Event::Explained(text) => {
                self.explained = true;
                out(visible(text));
            }
            Event::Warning(text) => err(format_args!("{NOTE}warning{NOTE:#}: {}", visible(text))),
            Event::Log(level, text) => err(format_args!("{level}: {}", visible(text))),
        }
    }

    /// Counts the reports of actions that were told.
    pub(super) fn count(&self) -> usize {
        self.told
    }

    /// Tells whether anything was done.
    pub(super) fn changed(&self) -> bool {
        self.changed
    }

    fn report(&mut self, report: &Report) {
        self.changed |= report.has_changed();
        let idle = report.is_idle() && report.skipped.is_empty();
        if !idle {
            self.done += 1;
        }
        if let Some(sum) = &mut self.planned {
            sum.add(report);
        }
        let text = report.to_string();
        let mut lines = text.lines();
        let head = lines.next().unwrap_or_default();
        match (report.is_clean(), self.loudness) {
            (true, Loudness::Quiet) => return,
            (true, Loudness::Normal) if idle => return,
            (true, _) => out(format_args!("{GOOD}{}{GOOD:#}", visible(head))),
            // What went wrong is never silent.
            (false, _) => out(format_args!("{BAD}{}{BAD:#}", visible(head))),
        }
        self.told += 1;
        for line in lines {
            out(format_args!("  {}", visible(line.trim_start())));
        }
        for line in samples(report) {
            out(line);
        }
    }

    /// Tells whether rules had something to say of the message that they were asked about.
    pub(super) fn has_explained(&self) -> bool {
        self.explained
    }

    /// Tells whether something is in doubt that the script does not know of.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt
    }

    /// Prints what is to be said at the end.
    pub(super) fn finish(&self, outcome: &Outcome) {
        for Caught { message, thrown, .. } in &outcome.caught {
            let how = if *thrown { "caught by the script: " } else { "" };
            err(format_args!("{BAD}error{BAD:#}: {how}{}", visible(message)));
        }
        if let Some(sum) = &self.planned {
            if self.loudness != Loudness::Quiet {
                out(sum.line());
            }
            return;
        }
        let quiet_end = outcome.failure.is_none() && outcome.caught.is_empty() && self.done == 0;
        let told = self.loudness == Loudness::Verbose
            || (self.loudness == Loudness::Normal && std::io::stdout().is_terminal());
        if quiet_end && told {
            out("done, nothing was changed");
        }
    }
}
