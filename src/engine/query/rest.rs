use super::{Facts, Query, Subject, Verdict};

/// What is left to be asked of a script's functions about one message, with `NOT` only at the functions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// All must hold.
    All(Vec<Ask>),
    /// One must hold.
    Any(Vec<Ask>),
    /// The function with this number must say so, or must not.
    Function {
        /** Its number. */
        number: usize,
        /** What it is asked about. */
        about: Subject,
        /** What it must say. */
        holds: bool,
    },
}

/// What is left of a query about one message once everything else is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rest {
    /// It matches.
    Yes,
    /// It does not.
    No,
    /// The script's functions decide.
    Open(Ask),
}

impl Query {
    /// Gives what is left to the script's functions. What only the server can tell, and has not been asked apart,
    /// is taken to be so: the server has found the message.
    pub fn rest(&self, facts: &Facts<'_>) -> Rest {
        self.rest_if(facts, true)
    }

    fn rest_if(&self, facts: &Facts<'_>, holds: bool) -> Rest {
        match self {
            Self::All(list) => join(list.iter().map(|query| query.rest_if(facts, holds)), holds),
            Self::Any(list) => join(list.iter().map(|query| query.rest_if(facts, holds)), !holds),
            Self::Not(query) => query.rest_if(facts, !holds),
            Self::Predicate(Some(number), about) => {
                Rest::Open(Ask::Function { number: *number, about: about.clone(), holds })
            }
            query => match (query.judge(facts), holds) {
                (Verdict::Unknown, _) | (Verdict::Yes, true) | (Verdict::No, false) => Rest::Yes,
                (Verdict::Yes, false) | (Verdict::No, true) => Rest::No,
            },
        }
    }

    /// Gives the query with its functions marked as asked.
    #[must_use]
    pub fn answered(self) -> Self {
        let each = |list: Vec<Self>| list.into_iter().map(Self::answered).collect();
        match self {
            Self::All(list) => Self::All(each(list)),
            Self::Any(list) => Self::Any(each(list)),
            Self::Not(query) => Self::Not(Box::new(query.answered())),
            Self::Predicate(_, about) => Self::Predicate(None, about),
            query => query,
        }
    }
}

/// Joins what is left of several queries of which all must hold, or one.
fn join(rests: impl Iterator<Item = Rest>, all: bool) -> Rest {
    let (ends, neutral) = if all { (Rest::No, Rest::Yes) } else { (Rest::Yes, Rest::No) };
    let mut open = Vec::new();
    for rest in rests {
        match rest {
            Rest::Open(Ask::All(inner)) if all => open.extend(inner),
            Rest::Open(Ask::Any(inner)) if !all => open.extend(inner),
            Rest::Open(ask) => open.push(ask),
            rest if rest == ends => return ends,
            _ => {}
        }
    }
    match open.len() {
        0 => neutral,
        1 => Rest::Open(open.remove(0)),
        _ if all => Rest::Open(Ask::All(open)),
        _ => Rest::Open(Ask::Any(open)),
    }
}

#[cfg(test)]
mod tests {
    use super::{Ask, Facts, Query, Rest, Subject};
    use crate::mail::Flag;

    #[test]
    fn functions_are_asked_only_where_nothing_else_decides() {
        let function = |number| Query::Predicate(Some(number), Subject::Message);
        let ask = |number, holds| Ask::Function { number, about: Subject::Message, holds };
        let seen = || Query::Flag(Flag::Seen, true);
        let facts = Facts { flags: Some(&[Flag::Seen]), ..Facts::default() };
        let rest = |query: Query| query.rest(&facts);
        assert_eq!(rest(Query::Any(vec![function(0), seen()])), Rest::Yes);
        assert_eq!(rest(Query::All(vec![function(0), seen()])), Rest::Open(ask(0, true)));
        let not = |query| Query::Not(Box::new(query));
        assert_eq!(rest(not(Query::Any(vec![function(0), seen()]))), Rest::No);
        let both = vec![ask(0, false), ask(1, false)];
        assert_eq!(rest(not(Query::Any(vec![function(0), function(1)]))), Rest::Open(Ask::All(both)));
        assert_eq!(rest(not(function(0).answered())), Rest::Yes);
        assert_eq!(rest(Query::All(vec![function(0), Query::Raw("SEEN".into())])), Rest::Open(ask(0, true)));
    }
}
