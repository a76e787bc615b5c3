//! What happened in a run, as JSON.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::engine::{Event, Remark, Report, Title};
use crate::error::is_deceptive;
use crate::mail::Uid;

/// The version of the form.
const VERSION: u32 = 1;

/// Writes JSON in one line, in which nothing moves or changes what is shown: such characters are written by their
/// numbers.
pub(super) fn line(value: &Value) -> String {
    let mut line = String::new();
    for c in value.to_string().chars() {
        if is_deceptive(c) {
            let mut units = [0; 2];
            line.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            line.push(c);
        }
    }
    line
}

/// All that happened in a run, for its end.
#[derive(Debug)]
pub(super) struct Record {
    name: String,
    dry_run: bool,
    began: Timestamp,
    actions: Vec<Value>,
    planned: Vec<String>,
    errors: Vec<Value>,
    warnings: Vec<String>,
    alerts: Vec<Value>,
    log: Vec<Value>,
}

impl Record {
    pub(super) fn new(name: String, dry_run: bool) -> Self {
        Self {
            name,
            dry_run,
            began: Timestamp::now(),
            actions: Vec::new(),
            planned: Vec::new(),
            errors: Vec::new(),
            warnings: Vec::new(),
            alerts: Vec::new(),
            log: Vec::new(),
        }
    }

    /// Takes in an event.
    pub(super) fn event(&mut self, event: &Event) {
        match event {
            Event::Done(report) => self.actions.push(Value::Object(action(report, true))),
            Event::Settled(report) => {
                let mut action = action(report, true);
                action.insert("settled".to_owned(), json!(true));
                self.actions.push(Value::Object(action));
            }
            Event::Alert { account, text } => self.alerts.push(json!({ "account": account, "text": text })),
            Event::Planned(text) | Event::Explained(text) => self.planned.push(text.clone()),
            Event::Warning(text) => self.warnings.push(text.clone()),
            Event::Log(level, text) => self.log.push(json!({ "level": level, "text": text })),
        }
    }

    /// Takes in a failure.
    pub(super) fn error(&mut self, message: &str, hint: Option<&str>, where_: &[(&str, String)]) {
        let mut error = Map::new();
        error.insert("message".to_owned(), json!(message));
        error.insert("hint".to_owned(), json!(hint));
        error.extend(where_.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        self.errors.push(Value::Object(error));
    }

    /// Gives it all, with the exit code.
    pub(super) fn whole(&self, exit_code: u8) -> Value {
        json!({
            "version": VERSION,
            "name": self.name,
            "dry_run": self.dry_run,
            "began": self.began.to_string(),
            "ended": Timestamp::now().to_string(),
            "exit_code": exit_code,
            "actions": self.actions,
            "planned": self.planned,
            "errors": self.errors,
            "warnings": self.warnings,
            "alerts": self.alerts,
            "log": self.log,
        })
    }
}

/// Gives where an action was done.
pub(super) fn place(report: &Report) -> Map<String, Value> {
    let mut place = Map::new();
    let mut put = |key: &str, value: Value| place.insert(key.to_owned(), value);
    put("action", json!(report.verb.name()));
    put("account", json!(report.account));
    put("mailbox", json!(report.mailbox));
    put("object", json!(report.object));
    put("rule", json!(report.rule));
    place
}

/// Says what became of one message, if the action was about it.
pub(super) fn outcome(report: &Report, uid: Uid) -> Option<&'static str> {
    let among = |remarks: &[Remark]| remarks.iter().any(|remark| remark.uids.contains(uid));
    if report.done.contains(uid) {
        Some(if report.planned { "planned" } else { report.verb.done() })
    } else if among(&report.failed) {
        Some("failed")
    } else if among(&report.in_doubt) {
        Some("in doubt")
    } else if among(&report.skipped) {
        Some("skipped")
    } else {
        None
    }
}

/// Gives a message.
pub(super) fn message(uid: Uid, title: &Title, outcome: &str) -> Map<String, Value> {
    let mut message = Map::new();
    message.insert("uid".to_owned(), json!(uid.get()));
    message.insert("message_id".to_owned(), json!(title.message_id));
    message.insert("subject".to_owned(), json!(title.subject));
    message.insert("outcome".to_owned(), json!(outcome));
    message
}

/// Gives an action, with its messages one by one where that is wanted.
pub(super) fn action(report: &Report, messages: bool) -> Map<String, Value> {
    let mut action = place(report);
    let mut put = |key: &str, value: Value| action.insert(key.to_owned(), value);
    let remarks = |remarks: &[Remark]| -> Value {
        remarks
            .iter()
            .map(|remark| json!({ "uids": remark.uids.to_string(), "reason": remark.reason }))
            .collect()
    };
    put("planned", json!(report.planned));
    put("count", json!(report.done.len()));
    put("uids", json!(report.done.to_string()));
    put("skipped", remarks(&report.skipped));
    put("failed", remarks(&report.failed));
    put("in_doubt", remarks(&report.in_doubt));
    put("held", json!(report.held.to_string()));
    put("notes", json!(report.notes));
    if messages {
        let each = report
            .titles
            .iter()
            .filter_map(|(uid, title)| Some(Value::Object(message(*uid, title, outcome(report, *uid)?))));
        put("messages", each.collect());
    }
    action
}
