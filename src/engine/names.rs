use super::gmail::is_gmail;
use super::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{ListEntry, Session, SpecialUse};
use crate::mail::MailboxName;

/// How a script names a mailbox.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NameSpec {
    /// With `/` between levels and the personal prefix implied, or `@trash` and its like.
    Script(String),
    /// The same, but `@trash` and its like are names like any other.
    Plain(String),
    /// As it is on the wire, by `{ raw = … }`.
    Raw(Vec<u8>),
}

impl NameSpec {
    /// Gives the name as reports show it before the server has been asked.
    pub fn shown(&self) -> String {
        match self {
            Self::Script(name) | Self::Plain(name) => name.clone(),
            Self::Raw(wire) => {
                MailboxName::from_wire(wire).map(|name| name.text().to_owned()).unwrap_or_default()
            }
        }
    }

    /// Finds the server's name.
    ///
    /// Errors: a name that can't be one, and a special use that no mailbox has.
    pub(super) fn resolve(&self, session: &mut Session, run: &Run) -> Result<MailboxName> {
        match self {
            Self::Raw(wire) => MailboxName::from_wire(wire).ok_or_else(|| {
                Error::script(
                    "a raw mailbox name is empty or has CR, LF or NUL in it",
                    "no server can have such a name",
                )
            }),
            Self::Script(name)
                if name.eq_ignore_ascii_case("INBOX") || name.eq_ignore_ascii_case("@inbox") =>
            {
                Ok(MailboxName::inbox())
            }
            Self::Plain(name) if name.eq_ignore_ascii_case("INBOX") => Ok(MailboxName::inbox()),
            Self::Script(name) | Self::Plain(name) => {
                if let (Some(use_), Self::Script(_)) = (name.strip_prefix('@'), self) {
                    special_use(session, run, use_)
                } else {
                    let spaces = session.namespaces()?;
                    spaces.to_server(name).ok_or_else(|| {
                    let delimiter = spaces.personal.delimiter.filter(|&d| d != '/');
                    let hint = match delimiter {
                        Some(d) if name.contains(d) => format!(
                            "this server's own delimiter is `{d}`: write `{}`, or `{{ raw = … }}` for the name as the server has it",
                            name.replace(d, "/")
                        ),
                        _ => "levels are joined by `/`, and none is empty or has a control character".to_owned(),
                    };
                    Error::script(format!("`{}` can't be a mailbox's name", crate::error::visible(name)), hint)
                })
                }
            }
        }
    }
}

/// Gives the name that scripts use for a server's mailbox.
pub(super) fn script_name(session: &mut Session, name: &MailboxName) -> Result<String> {
    if name.is_inbox() {
        return Ok("INBOX".to_owned());
    }
    Ok(session.namespaces()?.to_script(name))
}

fn everything() -> Result<MailboxName> {
    MailboxName::from_wire(b"*").ok_or_else(|| Error::protocol("`*` is no pattern"))
}

/// Finds the mailbox with a special use: by what the server says, else by a well-known name.
fn special_use(session: &mut Session, run: &Run, name: &str) -> Result<MailboxName> {
    let wanted = SpecialUse::EACH.into_iter().find(|use_| use_.name().eq_ignore_ascii_case(name));
    let Some(wanted) = wanted else {
        let all: Vec<_> = SpecialUse::EACH.iter().map(|use_| format!("@{}", use_.name())).collect();
        let what = format!("`@{}` is no special mailbox", crate::error::visible(name));
        return Err(Error::script(what, format!("there are @inbox {}", all.join(" "))));
    };
    if let Some(name) = run.preferences.special_use.get(&wanted) {
        return NameSpec::Script(name.clone()).resolve(session, run);
    }
    let entries = run.list(session, &everything()?)?;
    if let Some(entry) = entries.iter().find(|entry| entry.special_use() == Some(wanted)) {
        return Ok(entry.name.clone());
    }
    let spaces = session.namespaces()?;
    for known in wanted.well_known_names() {
        let is = |entry: &&ListEntry| {
            entry.is_selectable() && spaces.to_script(&entry.name).to_lowercase() == *known
        };
        if let Some(entry) = entries.iter().find(is) {
            return Ok(entry.name.clone());
        }
    }
    // Gmail has none: what is archived is in All Mail and in no other mailbox.
    if wanted == SpecialUse::Archive && is_gmail(session) {
        return special_use(session, run, SpecialUse::All.name());
    }
    let mut found: Vec<_> = entries.iter().map(|entry| spaces.to_script(&entry.name)).collect();
    found.truncate(20);
    Err(ErrorKind::NoSpecialUse { name: format!("@{}", wanted.name()), found: found.join(", ") }.into())
}

/// Tells whether a mailbox has a special use, by what the server says or by a well-known name, in any case.
pub(super) fn has_special_use(
    session: &mut Session,
    run: &Run,
    name: &MailboxName,
    wanted: SpecialUse,
) -> bool {
    let same = |found: MailboxName| found.wire().eq_ignore_ascii_case(name.wire());
    special_use(session, run, wanted.name()).is_ok_and(same)
}

/// One mailbox of a listing, in a script's terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMailbox {
    /// The name that scripts use.
    pub name: String,
    /// The bytes of its name on the wire.
    pub raw: Vec<u8>,
    /// The server's attributes, `\HasChildren` and the like.
    pub attributes: Vec<String>,
    /// What it is for, as `trash`.
    pub special_use: Option<&'static str>,
    /// It can be opened.
    pub selectable: bool,
}

/// Lists the mailboxes that match a script's pattern; all of them without one. `subscribed` lists only those
/// that the user subscribed to.
pub(super) fn list(
    session: &mut Session,
    run: &Run,
    pattern: Option<&str>,
    subscribed: bool,
) -> Result<Vec<ListedMailbox>> {
    let pattern = match pattern {
        None | Some("*") => everything()?,
        Some(pattern) => NameSpec::Script(pattern.to_owned()).resolve(session, run)?,
    };
    let entries = if subscribed { run.lsub(session, &pattern)? } else { run.list(session, &pattern)? };
    let spaces = session.namespaces()?;
    let mut listed: Vec<_> = entries
        .into_iter()
        .map(|entry| ListedMailbox {
            name: spaces.to_script(&entry.name),
            raw: entry.name.wire().to_vec(),
            special_use: entry.special_use().map(SpecialUse::name),
            selectable: entry.is_selectable(),
            attributes: entry.attributes,
        })
        .collect();
    listed.sort_by(|a, b| a.name.cmp(&b.name));
    listed.dedup();
    Ok(listed)
}
