use super::{Pattern, Query, Relation};
use crate::mail::{BodyStructure, Flag, Headers, InternalDate, Label, Message, Uid, UidSet};

/// What is known of a message. What is `None` could not be learnt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Its UID.
    pub uid: Option<Uid>,
    /// Its flags.
    pub flags: Option<&'a [Flag]>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// When it arrived.
    pub date: Option<InternalDate>,
    /// The header fields that the query needs.
    pub headers: Option<&'a Headers>,
    /// The tree of MIME parts.
    pub structure: Option<&'a BodyStructure>,
    /// The whole message.
    pub content: Option<&'a Message>,
    /// Gmail's labels, but that of the mailbox.
    pub labels: Option<&'a [Label]>,
    /// What the server said of conditions that only it can answer, or that it was asked: the messages for which each holds.
    pub told: &'a [(Query, UidSet)],
}

/// An answer to a query about one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// Only the server can tell.
    Unknown,
}

impl Verdict {
    fn of(holds: Option<bool>) -> Self {
        match holds {
            Some(true) => Self::Yes,
            Some(false) => Self::No,
            None => Self::Unknown,
        }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
        }
    }
}

impl Query {
    /// Gives what the server said of it.
    fn told(&self, facts: &Facts<'_>) -> Verdict {
        let told = facts.told.iter().find(|(query, _)| query == self);
        Verdict::of(told.and_then(|(_, set)| facts.uid.map(|uid| set.contains(uid))))
    }

    /// Judges a message by what is known of it here, on decoded values.
    pub fn judge(&self, facts: &Facts<'_>) -> Verdict {
        match self {
            Self::All(list) => all(list.iter().map(|query| query.judge(facts))),
            Self::Any(list) => all(list.iter().map(|query| query.judge(facts).not())).not(),
            Self::Not(query) => query.judge(facts).not(),
            Self::Header(name, pattern) => {
                Verdict::of(facts.headers.map(|headers| pattern.matches_field(headers, name)))
            }
            // A server's search of bodies is taken at its word.
            Self::Body(Pattern::Contains(_))
            | Self::Text(Pattern::Contains(_))
            | Self::Raw(_)
            | Self::Gmail(_) => self.told(facts),
            Self::Predicate(..) => Verdict::Unknown,
            Self::Body(pattern) => {
                Verdict::of(facts.content.map(|message| pattern.matches_text(&message.text())))
            }
            Self::Text(pattern) => Verdict::of(facts.content.map(|message| {
                message.headers().iter().any(|(_, value)| pattern.matches_text(&value))
                    || pattern.matches_text(&message.text())
            })),
            Self::AnyHeader(pattern) => Verdict::of(facts.headers.map(|headers| {
                headers.iter().any(|(name, value)| pattern.matches_text(&format!("{name}: {value}")))
            })),
            Self::Attachment(pattern) => Verdict::of(facts.structure.map(|structure| {
                let all = structure.attachments();
                all.iter().any(|each| match pattern {
                    Pattern::Present => true,
                    pattern => each.name.as_deref().is_some_and(|name| pattern.matches_text(name)),
                })
            })),
            Self::Flag(flag, set) => match facts.flags {
                Some(flags) => Verdict::of(Some(flags.contains(flag) == *set)),
                None => self.told(facts),
            },
            Self::Larger(bytes) => Verdict::of(facts.size.map(|size| size > *bytes)),
            Self::Smaller(bytes) => Verdict::of(facts.size.map(|size| size < *bytes)),
            Self::Sent(relation, day) => Verdict::of(facts.headers.map(|headers| {
                let on = headers.date().map(|date| date.datetime().date());
                on.is_some_and(|on| match relation {
                    Relation::Before => on < *day,
                    Relation::On => on == *day,
                    Relation::Since => on >= *day,
                })
            })),
            Self::ArrivedBefore(instant) => Verdict::of(facts.date.map(|date| date.timestamp() < *instant)),
            Self::ArrivedSince(instant) => Verdict::of(facts.date.map(|date| date.timestamp() >= *instant)),
            Self::Label(label) => Verdict::of(facts.labels.map(|labels| labels.contains(label))),
            Self::Uids(set) => Verdict::of(facts.uid.map(|uid| set.contains(uid))),
        }
    }
}

fn all(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut sum = Verdict::Yes;
    for verdict in verdicts {
        match verdict {
            Verdict::No => return Verdict::No,
            Verdict::Unknown => sum = Verdict::Unknown,
            Verdict::Yes => {}
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::{Facts, Flag, Pattern, Query, Verdict};
    use crate::mail::Headers;

    #[test]
    fn what_only_the_server_knows_is_unknown_and_stays_so_under_not() {
        let facts = Facts { flags: Some(&[Flag::Seen]), size: Some(10), ..Facts::default() };
        let body = || Query::Body(Pattern::Contains("x".into()));
        let seen = |set| Query::Flag(Flag::Seen, set);
        assert_eq!(Query::Not(Box::new(body())).judge(&facts), Verdict::Unknown);
        assert_eq!(Query::All(vec![body(), seen(false)]).judge(&facts), Verdict::No);
        assert_eq!(Query::Any(vec![body(), seen(true)]).judge(&facts), Verdict::Yes);
        assert_eq!(Query::Any(vec![]).judge(&facts), Verdict::No);
        assert_eq!(Query::All(vec![]).judge(&facts), Verdict::Yes);
    }

    #[test]
    fn headers_are_compared_decoded_and_folded_space_is_one() {
        let headers = Headers::parse(b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n  aus  Wien\r\n\r\n");
        let facts = Facts { headers: Some(&headers), ..Facts::default() };
        let subject = |pattern| Query::Header("subject".into(), pattern).judge(&facts);
        let with = |text: &str| subject(Pattern::Contains(text.into()));
        assert_eq!(with("GRÜßE AUS WIEN"), Verdict::Yes);
        assert_eq!(with("utf-8"), Verdict::No);
        assert_eq!(subject(Pattern::Present), Verdict::Yes);
    }
}
