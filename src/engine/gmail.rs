//! Where Gmail is another kind of server: its mailboxes are labels.

use super::query::Query;
use crate::error::{Error, Result};
use crate::imap::Session;
use crate::mail::{Label, MailboxName};

/// Tells whether the server is Gmail.
pub(super) fn is_gmail(session: &Session) -> bool {
    session.capabilities().has("X-GM-EXT-1")
}

/// Refuses what only Gmail can do on any other server; `what` is what it was asked for.
pub(super) fn require(session: &Session, what: &str) -> Result<()> {
    if is_gmail(session) {
        return Ok(());
    }
    let hint = "it has no X-GM-EXT-1; on other servers there are mailboxes, and keywords: `keyword`, `mark`";
    Err(Error::script(format!("{what} only with Gmail, and this server is another one"), hint))
}

/// Makes a query fit for a mailbox: on Gmail, its messages have its own label.
///
/// Errors: the query speaks of labels, and the server has none.
pub(super) fn fit(session: &mut Session, query: Query, mailbox: &MailboxName) -> Result<Query> {
    if !query.speaks_of_gmail() {
        return Ok(query);
    }
    require(session, "the keys `label` and `gmail` work")?;
    let own = own_label(session, mailbox, query.speaks_of_system_labels())?;
    Ok(match own {
        Some(own) => query.seen_through(&own),
        None => query,
    })
}

/// Gives the label that a mailbox stands for, which Gmail does not list where its messages are seen through it.
/// `system` says that the server must be asked what the mailbox is for. All Mail is no label.
pub(super) fn own_label(session: &mut Session, mailbox: &MailboxName, system: bool) -> Result<Option<Label>> {
    if mailbox.is_inbox() {
        return Ok(Label::new("\\Inbox"));
    }
    if system {
        let entries = session.list(mailbox)?;
        let entry = entries.into_iter().find(|entry| entry.name == *mailbox);
        let uses: Vec<_> = entry.into_iter().flat_map(|entry| entry.attributes).collect();
        if uses.iter().any(|attribute| attribute.eq_ignore_ascii_case("\\All")) {
            return Ok(None);
        }
        let own = uses.iter().find_map(|attribute| of_special_use(attribute));
        if own.is_some() {
            return Ok(own);
        }
    }
    Ok(Label::from_wire(mailbox.wire()))
}

/// Gives Gmail's name for the label of a special use (RFC 6154, RFC 8457).
fn of_special_use(attribute: &str) -> Option<Label> {
    Label::new(match attribute.to_ascii_lowercase().as_str() {
        "\\drafts" => "\\Draft",
        "\\flagged" => "\\Starred",
        "\\important" => "\\Important",
        "\\junk" => "\\Spam",
        "\\sent" => "\\Sent",
        "\\trash" => "\\Trash",
        _ => return None,
    })
}
