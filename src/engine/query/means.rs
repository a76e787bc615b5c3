use super::{Pattern, Query};
use crate::imap::KnownKeys;

/// How a server can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// It takes text beyond ASCII.
    pub charset: bool,
    /// The SEARCH keys that it knows.
    pub keys: KnownKeys,
    /// It is Gmail, which searches by words of its own.
    pub gmail: bool,
    /// It is asked for texts in header fields, which are compared here in any case.
    pub headers: bool,
}

impl Default for Means {
    /// A server that knows all of RFC 3501 and nothing else.
    fn default() -> Self {
        Self { charset: true, keys: KnownKeys::All, gmail: false, headers: true }
    }
}

impl Means {
    /// Gives what is left when a server has refused a search: the least that may have been to blame, or, the second
    /// time, as little as can be asked. `charset` says that the search had text beyond ASCII.
    #[must_use]
    pub fn without_the_refused(self, charset: bool, again: bool) -> Self {
        match self.keys {
            _ if self.charset && charset => Self { charset: false, ..self },
            KnownKeys::All if !again => Self { keys: KnownKeys::Common, ..self },
            _ => Self { keys: KnownKeys::Sets, ..self },
        }
    }
}

impl Query {
    /// Makes it a question that a server of these means need not answer: what it does not search bodies for is looked
    /// for here, in contents that are fetched.
    #[must_use]
    pub fn fit_for(self, means: Means) -> Self {
        let each = |list: Vec<Self>| list.into_iter().map(|query| query.fit_for(means)).collect();
        let here = |text: &str| means.keys == KnownKeys::Sets || !means.charset && !text.is_ascii();
        match self {
            Self::All(list) => Self::All(each(list)),
            Self::Any(list) => Self::Any(each(list)),
            Self::Not(query) => Self::Not(Box::new(query.fit_for(means))),
            Self::Body(Pattern::Contains(text)) if here(&text) => Self::Body(Pattern::Here(text)),
            Self::Text(Pattern::Contains(text)) if here(&text) => Self::Text(Pattern::Here(text)),
            query => query,
        }
    }
}
