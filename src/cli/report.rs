use std::fmt::Display;
use std::io::{IsTerminal, Write};

use anstyle::{AnsiColor, Style};

use serde_json::{Map, Value, json};

use super::exit;
use super::log::Log;
use super::planned::{Sum, samples};
use super::record::Record;
use super::summary::Summary;
use crate::engine::{Event, Report};
use crate::error::{Error, visible};
use crate::lua::{Caught, Failure, How, Outcome};

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
    /// What is kept for the end, in place of what is printed.
    record: Option<Record>,
    log: Option<Log>,
    /// What failed.
    failures: Vec<String>,
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
    /// What rules did.
    summary: Summary,
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
    pub(super) fn new(loudness: Loudness, dry_run: bool, record: Option<Record>, log: Option<Log>) -> Self {
        Self {
            loudness,
            record,
            log,
            failures: Vec::new(),
            done: 0,
            told: 0,
            changed: false,
            in_doubt: false,
            explained: false,
            planned: dry_run.then(Sum::default),
            summary: Summary::default(),
        }
    }

    pub(super) fn tell(&mut self, event: &Event) {
        if let Some(log) = &mut self.log {
            log.event(event);
        }
        if let Some(record) = &mut self.record {
            record.event(event);
        }
        match event {
            Event::Planned(_) | Event::Log(..) | Event::Warning(_) if self.record.is_some() => {}
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
        self.summary.add(report);
        if self.record.is_some() {
            return;
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

    /// Notes a failure that is said elsewhere.
    pub(super) fn note_failure(&mut self, message: &str, hint: Option<&str>, where_: &[(&str, String)]) {
        self.failures.push(message.to_owned());
        if let Some(log) = &mut self.log {
            let fields = where_.iter().map(|(name, value)| ((*name).to_owned(), json!(value)));
            log.line("error", message, fields.collect());
        }
        if let Some(record) = &mut self.record {
            record.error(message, hint, where_);
        }
    }

    /// Notes why a script failed, unless it ended itself.
    pub(super) fn note_script_failure(&mut self, failure: &Failure) {
        if failure.exit.is_some() {
            return;
        }
        let place = failure.places.first().map(|place| ("place", format!("{}:{}", place.file, place.line)));
        let context: Vec<_> = failure.context.iter().cloned().chain(place).collect();
        self.note_failure(&failure.message, failure.hint.as_deref(), &context);
    }

    /// Gives what failed.
    pub(super) fn failures(&self) -> &[String] {
        &self.failures
    }

    /// Notes the beginning of the run.
    pub(super) fn begin(&mut self, name: &str) {
        if let Some(log) = &mut self.log {
            log.line("info", &format!("{name} begins"), Map::new());
        }
    }

    /// Notes the end of the run, and gives all that happened in it, if that is wanted.
    pub(super) fn end(&mut self, name: &str, code: u8) -> Option<Value> {
        if let Some(log) = &mut self.log {
            let level = if code == 0 { "info" } else { "error" };
            let fields = Map::from_iter([("exit_code".to_owned(), json!(code))]);
            log.line(level, &format!("{name} ends with exit code {code}"), fields);
        }
        self.record.as_ref().map(|record| record.whole(code))
    }

    /// Prints what is to be said at the end.
    pub(super) fn finish(&mut self, outcome: &Outcome) {
        if let Some(failure) = &outcome.failure {
            self.note_script_failure(failure);
        }
        for caught in &outcome.caught {
            self.note_failure(&caught.message, None, &[]);
        }
        for Caught { message, how, .. } in &outcome.caught {
            let how = if *how == How::Caught { "caught by the script: " } else { "" };
            err(format_args!("{BAD}error{BAD:#}: {how}{}", visible(message)));
        }
        if self.record.is_some() {
            return;
        }
        if let Some(sum) = &self.planned {
            if self.loudness != Loudness::Quiet {
                out(sum.line());
            }
            return;
        }
        let quiet_end = outcome.failure.is_none() && outcome.caught.is_empty() && self.done == 0;
        let is_terminal = std::io::stdout().is_terminal();
        if is_terminal && self.loudness != Loudness::Quiet {
            let lines = self.summary.lines();
            if !lines.is_empty() {
                out("by rule:");
            }
            lines.into_iter().for_each(out);
        }
        let told = self.loudness == Loudness::Verbose || (self.loudness == Loudness::Normal && is_terminal);
        if quiet_end && told {
            out("done, nothing was changed");
        }
    }
}
