use std::fmt;

/// A message flag (RFC 3501 §2.3.2): a system flag or a keyword.
///
/// Compared without regard to ASCII case, as servers do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flag {
    /// `\Seen`
    Seen,
    /// `\Answered`
    Answered,
    /// `\Flagged`
    Flagged,
    /// `\Deleted`
    Deleted,
    /// `\Draft`
    Draft,
    /// `\Recent`: only a server can set it.
    Recent,
    /// Another flag that begins with a backslash; kept in lower case without it.
    Extension(String),
    /// A keyword, kept in the spelling it came in.
    Keyword(Keyword),
}

/// A validated keyword: one or more atom characters. Equal without regard to ASCII case.
#[derive(Clone, Debug)]
pub struct Keyword(String);

impl PartialEq for Keyword {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Keyword {}

impl PartialOrd for Keyword {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyword {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.to_ascii_lowercase().cmp(&other.0.to_ascii_lowercase())
    }
}

impl std::hash::Hash for Keyword {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_ascii_lowercase().hash(state);
    }
}

impl Flag {
    /// Reads a flag in IMAP's spelling: `\Seen`, `$Junk`, `work`. `None` where it is not an atom.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(name) = text.strip_prefix('\\') {
            if !is_atom(name) {
                return None;
            }
            return Some(match name.to_ascii_lowercase().as_str() {
                "seen" => Self::Seen,
                "answered" => Self::Answered,
                "flagged" => Self::Flagged,
                "deleted" => Self::Deleted,
                "draft" => Self::Draft,
                "recent" => Self::Recent,
                other => Self::Extension(other.to_owned()),
            });
        }
        is_atom(text).then(|| Self::Keyword(Keyword(text.to_owned())))
    }

    /// Reads a flag as scripts write it: `seen` and `\Seen` are the system flag, `$Junk` and `work`
    /// are keywords. `None` where the text is neither.
    pub fn from_script(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "seen" => Some(Self::Seen),
            "answered" => Some(Self::Answered),
            "flagged" => Some(Self::Flagged),
            "deleted" => Some(Self::Deleted),
            "draft" => Some(Self::Draft),
            "recent" => Some(Self::Recent),
            _ => Self::parse(text),
        }
    }

    /// Tells whether this is a keyword (and so needs `\*` or its own name in PERMANENTFLAGS).
    pub fn is_keyword(&self) -> bool {
        matches!(self, Self::Keyword(_))
    }
}

fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !br#"(){%*"\]"#.contains(&b))
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seen => "\\Seen",
            Self::Answered => "\\Answered",
            Self::Flagged => "\\Flagged",
            Self::Deleted => "\\Deleted",
            Self::Draft => "\\Draft",
            Self::Recent => "\\Recent",
            Self::Extension(name) => return write!(f, "\\{name}"),
            Self::Keyword(keyword) => &keyword.0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Flag;

    #[test]
    fn system_flags_and_keywords_are_told_apart_without_regard_to_case() {
        assert_eq!(Flag::parse("\\SEEN"), Some(Flag::Seen));
        assert_eq!(Flag::parse("seen").map(|f| f.is_keyword()), Some(true));
        assert_eq!(Flag::from_script("Seen"), Some(Flag::Seen));
        assert_eq!(Flag::parse("$Junk"), Flag::parse("$JUNK"));
    }

    #[test]
    fn what_could_break_a_command_is_no_flag() {
        for bad in ["", "\\", "a b", "a\r\nb", "a(", "{5}", "a\"", "ü", "a\\b", "*", "\\*", "a\0"] {
            assert_eq!(Flag::parse(bad), None, "{bad:?}");
        }
    }
}
