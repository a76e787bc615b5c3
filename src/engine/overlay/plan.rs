use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::engine::report::Report;
use crate::error::{ErrorKind, Result};

/// The actions that a dry run has planned, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The version of this form: 1.
    pub version: u32,
    /// When it was made, as RFC 3339 has it. That tells it from all others: what was done of it is not done again.
    pub made: String,
    /// The actions.
    pub actions: Vec<PlannedAction>,
}

/// The one thing that plans of all versions have in common.
#[derive(Deserialize)]
struct Version {
    version: u64,
}

/// One planned action in one mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedAction {
    /// The account, as `user@host`.
    pub account: String,
    /// The account's key: what tells it from all others.
    pub account_key: String,
    /// What is to be done, as `move`.
    pub verb: String,
    /// The rule that wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// The mailbox, as scripts name it.
    pub mailbox: String,
    /// The bytes of its name on the wire, each as one character; empty where the action is about no mailbox.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub mailbox_raw: String,
    /// What its UIDs are worth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid_validity: Option<u32>,
    /// The target mailbox or new name, the flags, the path or the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// The whole path of a file or directory that is to be written, each of its bytes as one character.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The message itself is to be saved under that path, and not its attachments beneath it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub whole: bool,
    /// The target mailbox's name on the wire.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_raw: String,
    /// The target's account, as `user@host`, where it is another one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_account: String,
    /// That account's key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_account_key: String,
    /// Copies count that the other server has written anew, if they say the same.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub accept_rewritten: bool,
    /// The target does not exist and is to be made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub creates_target: bool,
    /// The flags or labels to be set or taken away, or those of a message to be appended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<String>,
    /// The messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<PlannedMessage>,
    /// When a message to be appended is to have arrived, as RFC 3339 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// A message to be appended, in Base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

/// A message of a planned action.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedMessage {
    /// Its UID; where an earlier action brings it here, the one by which the plan knows it.
    pub uid: u32,
    /// The number of the action that brings it here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brought_by: Option<usize>,
    /// The UID by which the plan knows it in the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes: Option<u32>,
    /// What the plan takes for Gmail's identifier of it in the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub becomes_on_gmail: Option<u64>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// When it arrived, as RFC 3339 has it.
    pub date: Option<String>,
    /// Gmail's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gmail_id: Option<u64>,
    /// Its Message-ID.
    pub message_id: Option<String>,
    /// Its subject, decoded.
    pub subject: Option<String>,
}

impl PlannedAction {
    /// Makes it of what a report says: of the messages it has none yet.
    pub(in crate::engine) fn of(report: &Report) -> Self {
        Self {
            account: report.account.clone(),
            verb: report.verb.plain().to_owned(),
            rule: report.rule.clone(),
            mailbox: report.mailbox.clone(),
            object: report.object.clone(),
            ..Self::default()
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        Self { version: 1, made: String::new(), actions: Vec::new() }
    }
}

impl Plan {
    /// Reads a plan.
    ///
    /// Error: it is none, and where that shows.
    pub fn read(text: &str) -> Result<Self> {
        // Of another version nothing but the number need be known.
        if let Ok(Version { version }) = serde_json::from_str(text)
            && version != 1
        {
            let what = format!("the plan is of version {version}, and this imapscript knows version 1");
            return Err(ErrorKind::Config { what, hint: "plan again with this version".to_owned() }.into());
        }
        serde_json::from_str(text).map_err(|error| {
            let what = format!("this is no plan: {error}");
            let hint = "`imapscript plan SCRIPT -o FILE` writes one".to_owned();
            ErrorKind::Config { what, hint }.into()
        })
    }

    /// Writes it, as made at this time.
    pub fn write(self, made: Timestamp) -> String {
        let made = made.to_string();
        // A plan has nothing in it that JSON can't say.
        serde_json::to_string_pretty(&Self { made, ..self }).unwrap_or_default()
    }

    /// Adds an action, and gives its number.
    pub(super) fn add(&mut self, action: PlannedAction) -> usize {
        self.actions.push(action);
        self.actions.len() - 1
    }
}

/// Writes bytes so that nothing of them is lost in a text: each as one character.
pub(in crate::engine) fn raw(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Reads bytes that are written so. `None` where they are not.
pub(in crate::engine) fn bytes(raw: &str) -> Option<Vec<u8>> {
    raw.chars().map(|c| u8::try_from(c).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Plan, PlannedAction, PlannedMessage, raw};

    #[test]
    fn a_plan_is_written_and_read_again() -> serde_json::Result<()> {
        let mut plan = Plan::default();
        let message = PlannedMessage { uid: 7, becomes: Some(4_000_000_000), ..PlannedMessage::default() };
        let action = PlannedAction {
            verb: "move".to_owned(),
            mailbox_raw: raw(b"INBOX.\xfc"),
            messages: vec![message],
            ..PlannedAction::default()
        };
        assert_eq!((plan.add(action), plan.version), (0, 1));
        let text = serde_json::to_string(&plan)?;
        assert!(text.starts_with("{\"version\":1,\"made\":\"\",\"actions\":[{\"account\":\"\""), "{text}");
        assert!(text.contains("\"mailbox_raw\":\"INBOX.\u{fc}\"") && !text.contains("content"), "{text}");
        assert_eq!(serde_json::from_str::<Plan>(&text)?, plan);
        Ok(())
    }
}
