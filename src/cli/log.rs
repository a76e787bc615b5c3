//! A file that tells what happened, line by line, for whoever looks later.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{record, trace};
use crate::engine::{Event, Report};
use crate::error::visible;

/// How the lines of a log are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people: time, level, words.
    Text,
    /// One JSON object a line.
    Json,
}

/// A log. Lines are added to what is there.
#[derive(Debug)]
pub(super) struct Log {
    file: File,
    format: LogFormat,
    /// It could not be written to, and that was said.
    broken: bool,
}

impl Log {
    /// Opens a log, which only its owner can read if it is new.
    pub(super) fn open(path: &Path, format: LogFormat) -> io::Result<Self> {
        let file = trace::open(OpenOptions::new().append(true), path)?;
        Ok(Self { file, format, broken: false })
    }

    /// Adds a line: in JSON, with these fields beside time, level and text.
    pub(super) fn line(&mut self, level: &str, text: &str, fields: Map<String, Value>) {
        let time = Timestamp::now();
        let line = match self.format {
            LogFormat::Text => {
                format!("{time:.3} {:<5} {}\n", level.to_uppercase(), visible(text))
            }
            LogFormat::Json => {
                let mut object = Map::new();
                object.insert("time".to_owned(), json!(format!("{time:.3}")));
                object.insert("level".to_owned(), json!(level));
                object.insert("text".to_owned(), json!(text));
                object.extend(fields);
                record::line(&Value::Object(object)) + "\n"
            }
        };
        // One write a line: two runs may log to one file.
        if let Err(error) = self.file.write_all(line.as_bytes())
            && !std::mem::replace(&mut self.broken, true)
        {
            super::report::err(format_args!("warning: the log can't be written: {error}"));
        }
    }

    /// Adds what an event says.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Done(report) | Event::Settled(report) => self.report(report),
            Event::Alert { account, text } => {
                let fields = Map::from_iter([("account".to_owned(), json!(account))]);
                self.line("warn", &format!("alert of {account}: {text}"), fields);
            }
            Event::Planned(text) | Event::Explained(text) => self.line("info", text, Map::new()),
            Event::Warning(text) => self.line("warn", text, Map::new()),
            Event::Log(level, text) => self.line(level, text, Map::new()),
        }
    }

    fn report(&mut self, report: &Report) {
        if report.is_idle() && report.skipped.is_empty() {
            return;
        }
        let text = report.to_string();
        let mut lines = text.lines();
        let level = if report.is_clean() { "info" } else { "error" };
        self.line(level, lines.next().unwrap_or_default(), record::action(report, false));
        for line in lines {
            self.line(level, line.trim(), record::place(report));
        }
        for (uid, title) in &report.titles {
            let Some(outcome) = record::outcome(report, *uid) else { continue };
            let mut fields = record::place(report);
            fields.extend(record::message(*uid, title, outcome));
            let id = title.message_id.as_deref().unwrap_or("?");
            let subject = title.subject.as_deref().unwrap_or_default();
            let rule = report.rule.as_ref().map(|rule| format!(" ({rule})")).unwrap_or_default();
            let text =
                format!("{}: {outcome} <{id}> “{subject}” of {}{rule}", report.account, report.mailbox);
            let level = if matches!(outcome, "failed" | "in doubt") { "error" } else { "info" };
            self.line(level, &text, fields);
        }
    }
}
