use super::capability::Capabilities;
use super::token::Tokens;
use crate::mail::{Flag, Uid, UidSet, UidValidity};

/// A status response's code, the part in brackets (RFC 3501 §7.1, RFC 4315, RFC 5530).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// A person must see the text.
    Alert,
    /// The server's capabilities.
    Capability(Capabilities),
    /// The flags that can be changed for good, and whether new keywords can be made.
    PermanentFlags(Vec<Flag>, bool),
    /// The mailbox was opened for reading only.
    ReadOnly,
    /// The mailbox was opened for writing.
    ReadWrite,
    /// The target mailbox does not exist and could be created.
    TryCreate,
    /// The UID that the next message will have, or a larger one.
    UidNext(Option<Uid>),
    /// What no message's mod-sequence is above (RFC 7162 §3.1.2.1); `None` for the invalid 0.
    HighestModSeq(Option<u64>),
    /// Whether UIDs still mean what they did; `None` for the invalid 0.
    UidValidity(Option<UidValidity>),
    /// The UIDs of copied or moved messages.
    CopyUid(CopyUid),
    /// The UIDs of appended messages, in their order.
    AppendUid(UidValidity, Vec<(u32, u32)>),
    /// The server does not know the charset of a search.
    BadCharset,
    /// The account or mailbox is full.
    OverQuota,
    /// The user's credentials are wrong.
    AuthenticationFailed,
    /// The server can't at the moment.
    Unavailable,
    /// What was named does not exist.
    NonExistent,
    /// What was to be made exists.
    AlreadyExists,
    /// Any other, by its name in upper case.
    Other(String),
}

/// Which message became which (RFC 4315 §3): the n-th source UID became the n-th target UID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyUid {
    /// The target mailbox's validity.
    pub validity: UidValidity,
    /// Source and target UIDs as ranges, in the order they were sent.
    source: Vec<(u32, u32)>,
    target: Vec<(u32, u32)>,
}

impl CopyUid {
    /// Gives the messages that were copied.
    pub fn source(&self) -> UidSet {
        pairs(&self.source).filter_map(Uid::new).collect()
    }

    /// Gives source and target UID of each message. `None` where the two lists differ in length, or one has a
    /// UID twice, which proves nothing about any message.
    pub fn pairs(&self) -> Option<Vec<(Uid, Uid)>> {
        let count = length(&self.source);
        let distinct = |ranges| pairs(ranges).filter_map(Uid::new).collect::<UidSet>().len() as u64 == count;
        if length(&self.target) != count || !distinct(&self.source) || !distinct(&self.target) {
            return None;
        }
        pairs(&self.source)
            .zip(pairs(&self.target))
            .map(|(s, t)| Some((Uid::new(s)?, Uid::new(t)?)))
            .collect()
    }
}

impl Code {
    /// Tells whether it says that the server does not do now what it may do later (RFC 5530 §3).
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Unavailable => true,
            Self::Other(name) => ["LIMIT", "INUSE"].contains(&name.as_str()),
            _ => false,
        }
    }

    /// Gives the UIDs of APPENDUID in their order. `None` where it is another code, or there are not exactly so many
    /// of them, each its own: then it proves nothing about any message.
    pub(super) fn appended(&self, count: usize) -> Option<Vec<Uid>> {
        let Self::AppendUid(_, ranges) = self else { return None };
        if usize::try_from(length(ranges)) != Ok(count) {
            return None;
        }
        let uids: Vec<_> = pairs(ranges).map(Uid::new).collect::<Option<_>>()?;
        let distinct = uids.iter().copied().collect::<UidSet>().len() == count;
        distinct.then_some(uids)
    }
}

fn pairs(ranges: &[(u32, u32)]) -> impl Iterator<Item = u32> + '_ {
    ranges.iter().flat_map(|&(a, b)| a..=b)
}

fn length(ranges: &[(u32, u32)]) -> u64 {
    ranges.iter().map(|&(a, b)| u64::from(b - a) + 1).sum()
}

/// The most UIDs that one COPYUID may name; a server can't make us count to four billion.
const COPIED: u64 = 5_000_000;

/// Reads `1:3,9` in its order. `None` where a UID is zero, missing, or there are too many.
fn ordered(bytes: &[u8]) -> Option<Vec<(u32, u32)>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut ranges = Vec::new();
    for part in text.split(',') {
        let set = UidSet::parse(part)?;
        ranges.push((set.first()?.get(), set.last()?.get()));
    }
    (length(&ranges) <= COPIED).then_some(ranges)
}

impl Code {
    /// Takes the code off a status response's text and gives it with the text that is left.
    ///
    /// A code that can't be understood is `Other`, never an error: its name is kept.
    pub(super) fn split(text: &[u8]) -> (Option<Self>, &[u8]) {
        let Some(inner) = text.strip_prefix(b"[") else { return (None, text) };
        let mut quoted = false;
        let end = inner.iter().position(|&b| {
            quoted ^= b == b'"';
            b == b']' && !quoted
        });
        let Some(end) = end else { return (None, text) };
        let (code, rest) = inner.split_at(end);
        let rest = rest.strip_prefix(b"]").unwrap_or(rest);
        (Some(Self::parse(code)), rest.strip_prefix(b" ").unwrap_or(rest))
    }

    fn parse(bytes: &[u8]) -> Self {
        let mut tokens = Tokens::new(bytes, &[]);
        let name = String::from_utf8_lossy(tokens.word()).to_ascii_uppercase();
        let other = || Self::Other(name.clone());
        match name.as_str() {
            "ALERT" => Self::Alert,
            "CAPABILITY" => Self::Capability(Capabilities::new(
                tokens.rest().split(|&b| b == b' ').filter(|w| !w.is_empty()),
            )),
            "PERMANENTFLAGS" => {
                let Ok(values) = tokens.values() else { return other() };
                let list = values.first().map(super::token::Value::list).unwrap_or_default();
                let words: Vec<_> = list.iter().filter_map(super::token::Value::text).collect();
                let flags = words.iter().filter_map(|word| Flag::parse(word)).collect();
                Self::PermanentFlags(flags, words.iter().any(|word| word == "\\*"))
            }
            "READ-ONLY" => Self::ReadOnly,
            "READ-WRITE" => Self::ReadWrite,
            "TRYCREATE" => Self::TryCreate,
            "UIDNEXT" => Self::UidNext(number(tokens.word()).and_then(Uid::new)),
            "HIGHESTMODSEQ" => Self::HighestModSeq(
                std::str::from_utf8(tokens.word())
                    .ok()
                    .and_then(|word| word.parse().ok())
                    .filter(|it| *it > 0),
            ),
            "UIDVALIDITY" => Self::UidValidity(number(tokens.word()).and_then(UidValidity::new)),
            "COPYUID" => {
                let validity = number(tokens.word()).and_then(UidValidity::new);
                let (source, target) = (ordered(tokens.word()), ordered(tokens.word()));
                match (validity, source, target) {
                    (Some(validity), Some(source), Some(target)) => {
                        Self::CopyUid(CopyUid { validity, source, target })
                    }
                    _ => other(),
                }
            }
            "APPENDUID" => match (number(tokens.word()).and_then(UidValidity::new), ordered(tokens.word())) {
                (Some(validity), Some(uids)) => Self::AppendUid(validity, uids),
                _ => other(),
            },
            "BADCHARSET" => Self::BadCharset,
            "OVERQUOTA" => Self::OverQuota,
            "AUTHENTICATIONFAILED" => Self::AuthenticationFailed,
            "UNAVAILABLE" => Self::Unavailable,
            "NONEXISTENT" => Self::NonExistent,
            "ALREADYEXISTS" => Self::AlreadyExists,
            _ => other(),
        }
    }
}

fn number(word: &[u8]) -> Option<u32> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Code;

    fn code(text: &str) -> Option<Code> {
        Code::split(text.as_bytes()).0
    }

    #[test]
    fn copyuid_pairs_in_the_order_sent() {
        let Some(Code::CopyUid(copied)) = code("[COPYUID 7 5,1:3 10:12,4] Done") else { unreachable!() };
        let pairs: Vec<_> = copied.pairs().into_iter().flatten().map(|(s, t)| (s.get(), t.get())).collect();
        assert_eq!(pairs, [(5, 10), (1, 11), (2, 12), (3, 4)]);
        assert_eq!(copied.source().to_string(), "1:3,5");
        let Some(Code::CopyUid(short)) = code("[COPYUID 7 1:3 10:11] Done") else { unreachable!() };
        assert_eq!(short.pairs(), None);
        for twice in ["[COPYUID 7 1:3 10,10,10] Done", "[COPYUID 7 1:2,2:3 10:13] Done"] {
            let Some(Code::CopyUid(twice)) = code(twice) else { unreachable!() };
            assert_eq!(twice.pairs(), None);
        }
    }

    #[test]
    fn appenduid_names_as_many_messages_as_were_sent_or_none() {
        let uids = |text: &str, count| {
            let uids = code(text)?.appended(count)?;
            Some(uids.into_iter().map(crate::mail::Uid::get).collect::<Vec<_>>())
        };
        assert_eq!(uids("[APPENDUID 7 9,4:5] Done", 3), Some(vec![9, 4, 5]));
        assert_eq!(uids("[APPENDUID 7 4] Done", 1), Some(vec![4]));
        for (text, count) in [
            ("[APPENDUID 7 4:5] Done", 3),
            ("[APPENDUID 7 4:7] Done", 3),
            ("[APPENDUID 7 4,4,5] Done", 3),
            ("[APPENDUID 0 4:6] Done", 3),
            ("[APPENDUID 7 1:4294967295] Done", 3),
        ] {
            assert_eq!(uids(text, count), None, "{text}");
        }
    }

    #[test]
    fn broken_codes_prove_nothing() {
        for bad in
            ["[COPYUID 0 1 2]", "[COPYUID 7 1:* 2]", "[COPYUID 7]", "[COPYUID 1 1:4294967295 1:4294967295]"]
        {
            assert_eq!(code(bad), Some(Code::Other("COPYUID".into())), "{bad}");
        }
        assert_eq!(code("[UIDVALIDITY 0]"), Some(Code::UidValidity(None)));
        assert_eq!(code("[no end"), None);
        assert_eq!(code("[PERMANENTFLAGS (x]"), Some(Code::Other("PERMANENTFLAGS".into())));
    }
}
