/// What an action does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Moves messages to another mailbox.
    Move,
    /// Copies messages to another mailbox.
    Copy,
    /// Moves messages to Trash.
    Trash,
    /// Removes messages for good.
    Purge,
    /// Sets flags.
    Mark,
    /// Takes flags away.
    Unmark,
    /// Adds labels, on Gmail.
    Label,
    /// Takes labels off, on Gmail.
    Unlabel,
    /// Saves attachments to files.
    Save,
    /// Writes messages to an mbox file or a Maildir.
    Export,
    /// Runs a program for each message.
    Pipe,
    /// Adds a message to a mailbox.
    Append,
    /// Adds the messages of an mbox file to a mailbox.
    Restore,
    /// Makes a mailbox.
    Create,
    /// Deletes an empty mailbox.
    Delete,
    /// Renames a mailbox.
    Rename,
    /// Subscribes to a mailbox.
    Subscribe,
    /// Ends a subscription.
    Unsubscribe,
}

impl Verb {
    pub(super) const EACH: [Self; 18] = [
        Self::Move,
        Self::Copy,
        Self::Trash,
        Self::Purge,
        Self::Mark,
        Self::Unmark,
        Self::Label,
        Self::Unlabel,
        Self::Save,
        Self::Export,
        Self::Pipe,
        Self::Append,
        Self::Restore,
        Self::Create,
        Self::Delete,
        Self::Rename,
        Self::Subscribe,
        Self::Unsubscribe,
    ];

    /// Gives the word for it, as the journal has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Trash => "trash",
            Self::Purge => "purge",
            Self::Mark => "mark",
            Self::Unmark => "unmark",
            Self::Label => "label",
            Self::Unlabel => "unlabel",
            Self::Save => "save",
            Self::Export => "export",
            Self::Pipe => "pipe",
            Self::Append => "append",
            Self::Restore => "restore",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }

    /// Reads such a word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::EACH.into_iter().find(|verb| verb.name() == word)
    }

    /// Gives the past participle that reports use.
    pub fn done(self) -> &'static str {
        match self {
            Self::Move => "moved",
            Self::Copy => "copied",
            Self::Trash => "trashed",
            Self::Purge => "purged",
            Self::Mark => "marked",
            Self::Unmark => "unmarked",
            Self::Label => "labelled",
            Self::Unlabel => "unlabelled",
            Self::Save => "saved",
            Self::Export => "exported",
            Self::Pipe => "piped",
            Self::Append => "appended",
            Self::Restore => "restored",
            Self::Create => "created",
            Self::Delete => "deleted",
            Self::Rename => "renamed",
            Self::Subscribe => "subscribed to",
            Self::Unsubscribe => "unsubscribed from",
        }
    }

    /// Gives the verb itself, which comes after `would`.
    pub fn plain(self) -> &'static str {
        match self {
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Trash => "trash",
            Self::Purge => "purge",
            Self::Mark => "mark",
            Self::Unmark => "unmark",
            Self::Label => "label",
            Self::Unlabel => "unlabel",
            Self::Save => "save",
            Self::Export => "export",
            Self::Pipe => "pipe",
            Self::Append => "append",
            Self::Restore => "restore",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::Rename => "rename",
            Self::Subscribe => "subscribe to",
            Self::Unsubscribe => "unsubscribe from",
        }
    }
}
