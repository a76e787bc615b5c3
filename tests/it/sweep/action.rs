//! What the sweep does to mail, and in which ways servers can do it.

use crate::{mail::Mail, proxy::Capability};
use std::fmt;

/// A server's way to move a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rung {
    /// `UID MOVE`.
    Move,
    /// `UID COPY` and `UID EXPUNGE`.
    Uidplus,
    /// `UID COPY` alone: originals stay, marked.
    Neither,
}

impl Rung {
    pub(crate) const ALL: [Self; 3] = [Self::Move, Self::Uidplus, Self::Neither];

    /// What the server must not offer.
    pub(crate) fn hidden(self) -> &'static [Capability] {
        match self {
            Self::Move => &[],
            Self::Uidplus => &[Capability::Move],
            Self::Neither => &[Capability::Move, Capability::Uidplus],
        }
    }
}

/// What a script does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Action {
    Move,
    Copy,
    Trash,
    Purge,
    Mark,
    Append,
    /// Several at once, some of which wait for others.
    Rules,
    /// A move to another account, with the gate before the one that messages leave.
    MoveOut,
    /// The same with the gate before the one that they come to.
    MoveIn,
    /// Copies to another account.
    CopyOut,
    CopyIn,
    /// `undo` of a move that went well.
    Undo,
    /// `apply` of a plan in which each action goes on with what another has brought.
    Apply,
    /// A mailbox is deleted with its messages.
    Delete,
}

impl Action {
    /// The mailbox that messages go to, or the first of them.
    pub(crate) fn target(self) -> &'static str {
        if self == Self::Trash { "Trash" } else { "Box" }
    }

    /// Whether messages go to another account.
    pub(crate) fn is_across(self) -> bool {
        matches!(self, Self::MoveOut | Self::MoveIn | Self::CopyOut | Self::CopyIn)
    }

    /// Whether the account behind the gate is the one that messages come to.
    pub(crate) fn is_gated_at_target(self) -> bool {
        matches!(self, Self::MoveIn | Self::CopyIn)
    }

    /// The whole script.
    pub(crate) fn script(self) -> String {
        let all = r#"$LOGIN:mailbox("INBOX"):search({ subject = "take" })"#;
        match self {
            Self::Move => format!(r#"{all}:move "Box""#),
            // What is taken back; its password is where a command without a script finds it.
            Self::Undo => format!(r#"{all}:move "Box""#).replace("$LOGIN", "$KEYED"),
            Self::Copy => format!(r#"{all}:copy "Box""#),
            Self::Trash => format!("{all}:trash()"),
            Self::Purge => format!("allow \"purge\"\n{all}:purge()"),
            Self::Mark => format!(r#"{all}:mark("flagged", "$Swept")"#),
            Self::Rules => r#"
                rules($LOGIN:mailbox "INBOX") {
                  { "alike", where = { subject = "take alike" }, mark = "$Swept", move = "Box" },
                  { "other", where = { subject = "take other" }, copy = "Box", trash = true },
                  { "last", where = { subject = "take last" }, move = "Trash" },
                }"#
            .to_owned(),
            Self::MoveOut | Self::MoveIn | Self::CopyOut | Self::CopyIn => {
                let verb = if matches!(self, Self::MoveOut | Self::MoveIn) { "move" } else { "copy" };
                let found = r#"from:mailbox("INBOX"):search({ subject = "take" })"#;
                format!("local from, to = $LOGIN, $OTHER\n{found}:{verb}(to:mailbox \"Box\")")
            }
            Self::Delete => r#"
                allow "purge"
                local account = $LOGIN
                for _, mailbox in ipairs(account:list "Box") do account:delete(mailbox.name, { nonempty = true }) end"#
                .to_owned(),
            Self::Apply => r#"
                local account = $KEYED
                local inbox, box, made = account:mailbox "INBOX", account:mailbox "Box", account:mailbox "Made"
                account:create "Made"
                inbox:search({ subject = "take alike" }):move "Box"
                box:search({ answered = true }):mark "$Swept"
                box:search({ keyword = "$Swept" }):copy "Made"
                made:append("Message-ID: <new@x>\r\nSubject: new\r\n\r\nx\r\n", { date = "2024-03-01T10:00:00+00:00" })
                made:search({ subject = "new" }):mark "flagged"
                inbox:search({ subject = "take other" }):copy "Made"
                inbox:search({ subject = "take last" }):trash()"#
                .to_owned(),
            Self::Append => {
                // Byte for byte what is in the target already.
                let raw = String::from_utf8(alike("one").raw()).unwrap();
                format!(
                    r#"$LOGIN:mailbox("Box"):append({raw:?}, {{ flags = {{ "seen" }}, date = "2024-03-01T10:00:00+00:00" }})"#
                )
            }
        }
    }

    /// The command that does it, where doing it twice is no mistake but an order given twice.
    pub(crate) fn adds_by(self) -> Option<&'static str> {
        match self {
            Self::Copy => Some("UID COPY"),
            Self::Append | Self::CopyIn => Some("APPEND"),
            // What the other account is told does not pass this one's gate, but it was told before this.
            Self::CopyOut => Some("LOGOUT"),
            _ => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&format!("{self:?}").to_lowercase())
    }
}

/// One of those that have Message-ID, size and date in common.
fn alike(word: &str) -> Mail {
    Mail::new("take alike").body(&format!("{word}\r\n"))
}

/// The source's messages; their UIDs are 1, 2, and so on. Those with `take` in their subject are what scripts find,
/// but not the first: it was marked by somebody else and must survive.
pub(crate) fn source() -> Vec<Mail> {
    vec![
        Mail::new("take foreign").flag("\\Deleted"),
        alike("one"),
        Mail::new("stays").flag("\\Seen"),
        alike("one").flag("\\Seen"),
        Mail::new("take other").flag("$Work").date("29-Feb-2024 23:59:58 +0530"),
        alike("two").flag("\\Answered"),
        Mail::new("take last").body("8-bit: \u{e4}\u{20ac}\r\n"),
    ]
}

/// The messages that an action finds, where it finds them; their UIDs there are 1, 2, and so on.
pub(crate) fn found(action: Action) -> Vec<Mail> {
    match action {
        Action::Undo => {}
        Action::Delete => return target(),
        _ => return source(),
    }
    let is_taken =
        |mail: &Mail| mail.subject.starts_with("take") && !mail.flags.contains(&"\\Deleted".to_owned());
    target().into_iter().chain(source().into_iter().filter(is_taken)).collect()
}

/// The targets' messages: one that looks like a copy and is none, and one that was marked by somebody else.
pub(crate) fn target() -> Vec<Mail> {
    vec![alike("one"), Mail::new("box foreign").flag("\\Deleted")]
}
