use super::encode::Command;
use super::token::{Tokens, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::mail::{Flag, Label, UidSet};

/// One search key of an IMAP SEARCH program (RFC 3501 §6.4.4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchKey {
    /// Every message.
    All,
    /// Messages with the flag.
    Has(Flag),
    /// Messages without it.
    HasNot(Flag),
    /// `FROM`, `TO`, `CC`, `BCC`, `SUBJECT`, `BODY`, `TEXT` and the text they must contain.
    Contains(&'static str, String),
    /// A header field's name and the text it must contain; an empty text means that the field is there.
    Header(String, String),
    /// `BEFORE`, `ON`, `SINCE`, `SENTBEFORE`, `SENTON`, `SENTSINCE` and a date as `1-Feb-2024`.
    Date(&'static str, String),
    /// Messages of more bytes than this.
    Larger(u32),
    /// Messages of fewer bytes than this.
    Smaller(u32),
    /// Messages in the set, which must not be empty.
    Uids(UidSet),
    /// Messages that don't match.
    Not(Box<SearchKey>),
    /// Messages that match one of the two.
    Or(Box<SearchKey>, Box<SearchKey>),
    /// Messages that match all; must not be empty.
    And(Vec<SearchKey>),
    /// A program from outside that [`SearchKey::check_raw`] has passed.
    Raw(String),
    /// Messages with a label of Gmail's.
    Label(Label),
    /// The message with this identifier of Gmail's.
    GmailMessageId(u64),
    /// Messages that a query in Gmail's own search language finds.
    GmailRaw(String),
}

/// Which SEARCH keys a server knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum KnownKeys {
    /// Those of RFC 3501, and what it offers.
    #[default]
    All,
    /// Those for the common header fields, bodies, dates and sizes; neither HEADER nor KEYWORD.
    Common,
    /// Those for system flags and UIDs.
    Sets,
}

/// What a server has refused in searches of a session, and is not asked for again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchLimits {
    /// Text beyond ASCII.
    pub ascii_only: bool,
    /// All keys but these.
    pub keys: KnownKeys,
    /// To keep a result, and to fetch what is in it.
    pub saves_nothing: bool,
}

impl SearchKey {
    /// Joins keys so that one of them must match, as a balanced tree: servers limit the depth.
    ///
    /// `None` where there are none.
    pub fn any(mut keys: Vec<Self>) -> Option<Self> {
        if keys.len() <= 1 {
            return keys.pop();
        }
        let right = keys.split_off(keys.len() / 2);
        Some(Self::Or(Box::new(Self::any(keys)?), Box::new(Self::any(right)?)))
    }

    /// Checks a program that a script wrote in IMAP's own syntax: it must be complete in itself, so that
    /// nothing of it can reach beyond the SEARCH command.
    pub fn check_raw(program: &str) -> Result<Self> {
        let bad = |what: &str| {
            Error::script(
                format!("`raw` is no IMAP SEARCH program: {what}"),
                "write it as RFC 3501 §6.4.4 has it, for example `raw = 'OR SEEN FROM \"smith\"'`",
            )
        };
        if program.trim().is_empty() {
            return Err(bad("it is empty"));
        }
        if program.chars().any(char::is_control) {
            return Err(bad("it has a line break or another control character"));
        }
        let values = Tokens::new(program.as_bytes(), &[]).values();
        let values = values.map_err(|error| match *error.kind {
            // It speaks of the server, whose data it was made for.
            ErrorKind::Protocol { what } => bad(&what),
            kind => bad(&kind.to_string()),
        })?;
        if has_literal(&values) {
            return Err(bad("literals (`{n}`) are made for you: use a quoted string"));
        }
        Ok(Self::Raw(program.to_owned()))
    }

    /// Puts the key in parentheses, so that `NOT` and `OR` before it take all of it.
    #[must_use]
    pub fn grouped(self) -> Self {
        Self::And(vec![self])
    }

    /// Splits a program whose set of UIDs is too long for one command: what one of the parts finds is what the
    /// whole would find. A set beneath `OR` or `NOT` can't be taken apart and stays.
    pub(super) fn split(self, bytes: usize) -> Vec<Self> {
        match self {
            Self::Uids(set) => set.split(bytes).into_iter().map(Self::Uids).collect(),
            Self::And(mut keys) => {
                let long = |key: &Self| matches!(key, Self::Uids(set) if set.to_string().len() > bytes);
                let Some(at) = keys.iter().position(long) else { return vec![Self::And(keys)] };
                let parts = keys.remove(at).split(bytes);
                let with = |part| Self::And(keys.iter().cloned().chain([part]).collect());
                parts.into_iter().map(with).collect()
            }
            key => vec![key],
        }
    }

    /// Tells whether it finds only what another key finds, because that is one of its conditions.
    pub fn implies(&self, other: &Self) -> bool {
        match self {
            Self::And(keys) if keys.iter().any(|key| key.implies(other)) => true,
            key => key == other,
        }
    }

    /// Tells how many bytes the key has in a command.
    pub fn length(&self) -> usize {
        self.encode(Command::new("")).map_or(usize::MAX, |command| command.len())
    }

    /// Gives the key as IMAP has it, for people to read.
    pub fn shown(&self) -> String {
        let command = self.encode(Command::new("")).unwrap_or_else(|_| Command::new(""));
        let texts: String = command.pieces().iter().map(|(text, _)| *text).collect();
        texts.trim_start().to_owned()
    }

    /// Tells whether the program has characters beyond ASCII, so that a CHARSET must be named.
    pub fn needs_charset(&self) -> bool {
        match self {
            Self::Contains(_, text) | Self::Raw(text) | Self::GmailRaw(text) => !text.is_ascii(),
            Self::Header(name, text) => !text.is_ascii() || !name.is_ascii(),
            Self::Not(key) => key.needs_charset(),
            Self::Or(a, b) => a.needs_charset() || b.needs_charset(),
            Self::And(keys) => keys.iter().any(Self::needs_charset),
            _ => false,
        }
    }

    /// Adds a whole program to a command. Keys that must all match stand side by side, without parentheses:
    /// some servers know none.
    pub(super) fn encode_program(&self, command: Command) -> Result<Command> {
        match self {
            // A single one is a program from outside, which must stay by itself.
            Self::And(keys) if keys.len() > 1 => {
                keys.iter().try_fold(command, |command, key| key.encode_program(command))
            }
            key => key.encode(command),
        }
    }

    /// Adds the key to a command.
    pub(super) fn encode(&self, command: Command) -> Result<Command> {
        Ok(match self {
            Self::All => command.syntax("ALL"),
            Self::Has(flag) => flag_key(command, flag, false),
            Self::HasNot(flag) => flag_key(command, flag, true),
            Self::Contains(key, text) => command.syntax(key).string(text.as_bytes())?,
            Self::Header(name, text) => {
                command.syntax("HEADER").string(name.as_bytes())?.string(text.as_bytes())?
            }
            Self::Date(key, date) => command.syntax(key).syntax(date),
            Self::Larger(bytes) => command.syntax(&format!("LARGER {bytes}")),
            Self::Smaller(bytes) => command.syntax(&format!("SMALLER {bytes}")),
            Self::Uids(set) => command.syntax("UID").uids(set),
            Self::Not(key) => key.encode(command.syntax("NOT"))?,
            Self::Or(a, b) => b.encode(a.encode(command.syntax("OR"))?)?,
            Self::And(keys) => {
                let mut inner = command.syntax("(");
                for key in keys {
                    inner = key.encode(inner)?;
                }
                inner.glued(")")
            }
            Self::Label(label) => command.syntax("X-GM-LABELS").string(label.wire())?,
            Self::GmailMessageId(id) => command.syntax(&format!("X-GM-MSGID {id}")),
            Self::GmailRaw(query) => command.syntax("X-GM-RAW").string(query.as_bytes())?,
            Self::Raw(program) => encode_raw(command, &Tokens::new(program.as_bytes(), &[]).values()?)?,
        })
    }
}

fn flag_key(command: Command, flag: &Flag, not: bool) -> Command {
    let name = match flag {
        Flag::Seen => "SEEN",
        Flag::Answered => "ANSWERED",
        Flag::Flagged => "FLAGGED",
        Flag::Deleted => "DELETED",
        Flag::Draft => "DRAFT",
        Flag::Recent => return command.syntax(if not { "OLD" } else { "RECENT" }),
        Flag::Extension(_) | Flag::Keyword(_) => {
            let key = if not { "UNKEYWORD" } else { "KEYWORD" };
            return command.syntax(key).syntax(&flag.to_string());
        }
    };
    if not { command.syntax(&format!("UN{name}")) } else { command.syntax(name) }
}

fn has_literal(values: &[Value<'_>]) -> bool {
    values.iter().any(|value| match value {
        Value::Atom(atom) => atom.contains(&b'{'),
        Value::Text(_) | Value::TooDeep => false,
        Value::List(list) => has_literal(list),
    })
}

/// Writes a checked program again: strings are encoded anew, so that 8-bit ones become literals.
fn encode_raw(mut command: Command, values: &[Value<'_>]) -> Result<Command> {
    for value in values {
        command = match value {
            Value::Atom(atom) => match std::str::from_utf8(atom) {
                Ok(text) if text.is_ascii() => command.syntax(text),
                _ => command.string(atom)?,
            },
            Value::Text(text) => command.string(text)?,
            Value::List(list) => encode_raw(command.syntax("("), list)?.glued(")"),
            Value::TooDeep => return Err(Error::protocol("a program nested too deep")),
        };
    }
    Ok(command)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::{Command, Label, SearchKey};

    fn text(key: &SearchKey) -> String {
        let command = key.encode(Command::new("UID SEARCH")).unwrap();
        let piece = |(text, literal): &(&str, Option<&[u8]>)| match literal {
            Some(literal) => format!("{text}<{}>", String::from_utf8_lossy(literal)),
            None => (*text).to_owned(),
        };
        command.pieces().iter().map(piece).collect()
    }

    #[test]
    fn any_is_balanced() {
        let keys = (1..=5).map(SearchKey::Larger).collect();
        let tree = text(&SearchKey::any(keys).unwrap());
        assert_eq!(tree, "UID SEARCH OR OR LARGER 1 LARGER 2 OR LARGER 3 OR LARGER 4 LARGER 5");
    }

    #[test]
    fn a_long_set_of_uids_is_taken_apart() {
        let set = crate::mail::UidSet::parse("1,3,5,7,9").unwrap();
        let whole = SearchKey::And(vec![SearchKey::All, SearchKey::Uids(set)]);
        let parts: Vec<_> = whole.split(5).iter().map(text).collect();
        assert_eq!(parts, ["UID SEARCH (ALL UID 1,3,5)", "UID SEARCH (ALL UID 7,9)"]);
    }

    #[test]
    fn a_program_has_parentheses_only_where_they_mean_something() {
        let raw = || SearchKey::check_raw("OR SEEN DRAFT").unwrap();
        let program = |key: SearchKey| {
            let command = key.encode_program(Command::new("UID SEARCH")).unwrap();
            command.pieces().iter().map(|(text, _)| *text).collect::<String>()
        };
        let both = SearchKey::And(vec![SearchKey::Larger(1), SearchKey::Smaller(9)]);
        assert_eq!(program(both.clone()), "UID SEARCH LARGER 1 SMALLER 9");
        assert_eq!(program(SearchKey::Not(Box::new(both))), "UID SEARCH NOT (LARGER 1 SMALLER 9)");
        assert_eq!(program(raw().grouped()), "UID SEARCH (OR SEEN DRAFT)");
        let with = SearchKey::And(vec![SearchKey::Larger(1), raw().grouped()]);
        assert_eq!(program(with.clone()), "UID SEARCH LARGER 1 (OR SEEN DRAFT)");
        let nested = SearchKey::And(vec![SearchKey::All, with]);
        assert_eq!(program(nested), "UID SEARCH ALL LARGER 1 (OR SEEN DRAFT)");
    }

    #[test]
    fn what_gmail_is_asked_is_one_argument() {
        let raw = |query: &str| SearchKey::GmailRaw(query.to_owned());
        assert_eq!(text(&raw("from:a \"b c\"")), "UID SEARCH X-GM-RAW \"from:a \\\"b c\\\"\"");
        assert!(raw("é").needs_charset() && !raw("e").needs_charset());
        let label = |name| SearchKey::Label(Label::new(name).unwrap());
        assert_eq!(text(&label("\\Inbox")), "UID SEARCH X-GM-LABELS \"\\\\Inbox\"");
        assert_eq!(text(&label("é\"")), "UID SEARCH X-GM-LABELS \"&AOk-\\\"\"");
        assert!(!label("é").needs_charset());
    }

    #[test]
    fn raw_programs_are_checked_and_written_anew() {
        let raw = SearchKey::check_raw("OR SEEN (FROM \"Grüße\" SUBJECT \"a\\\"b\")").unwrap();
        assert!(raw.needs_charset());
        assert_eq!(text(&raw), "UID SEARCH OR SEEN (FROM <Grüße> SUBJECT \"a\\\"b\")");
        for bad in ["", " ", "SEEN)", "(SEEN", "FROM \"x", "FROM {3}", "SEEN\r\na2 DELETE INBOX", "FROM {3+}"]
        {
            assert!(SearchKey::check_raw(bad).is_err(), "{bad:?}");
        }
    }
}
