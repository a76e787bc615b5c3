use super::known::{Known, Leaf, Node};
use super::{Matcher, Sought};
use crate::imap::{COMMAND_BYTES, SearchKey};
use crate::mail::UidSet;

/// How deep a program may be: servers limit it.
const DEPTH: usize = 8;

/// What a server is asked for one wish.
pub(super) struct Question {
    tree: Node,
    leaves: Vec<Wish>,
    /// The program for the whole, and where that is wider than the wish one for each condition of its own.
    keys: Vec<SearchKey>,
    /// The first key finds just what is wanted.
    exact: bool,
}

/// A condition of its own.
enum Wish {
    Key(SearchKey),
    Uids(UidSet),
    Match(Matcher),
}

/// What a server is asked for a part of a wish.
struct Program {
    key: SearchKey,
    exact: bool,
}

impl Program {
    /// Finds everything.
    fn wide() -> Self {
        Self { key: SearchKey::All, exact: false }
    }

    fn exact(key: SearchKey, holds: bool) -> Self {
        let key = match key {
            key if holds => key,
            SearchKey::Not(key) => *key,
            key => SearchKey::Not(Box::new(key)),
        };
        Self { key, exact: true }
    }
}

impl Question {
    pub(super) fn new(sought: &Sought) -> Self {
        let mut leaves = Vec::new();
        let tree = node(sought, &mut leaves);
        let program = program(sought, true);
        let fits = program.key.length() <= COMMAND_BYTES / 2 && depth(&program.key) <= DEPTH
            || matches!(program.key, SearchKey::Uids(_));
        let (key, exact) = if fits { (program.key, program.exact) } else { (SearchKey::All, false) };
        let mut keys = vec![key];
        if !exact {
            let apart = leaves.iter().filter_map(|leaf| match leaf {
                Wish::Key(key) => Some(key.clone()),
                Wish::Uids(_) | Wish::Match(_) => None,
            });
            keys.extend(apart);
        }
        Self { tree, leaves, keys, exact }
    }

    /// Gives what the server is asked.
    pub(super) fn keys(&self) -> &[SearchKey] {
        &self.keys
    }

    /// Takes in its answers, in the order of the keys.
    pub(super) fn take_answers(&mut self, answers: &mut impl Iterator<Item = UidSet>) -> Known {
        let all = answers.next().unwrap_or_default();
        if self.exact {
            return Known::of(all);
        }
        let leaves = std::mem::take(&mut self.leaves).into_iter().map(|leaf| match leaf {
            Wish::Key(_) => Leaf::known(&answers.next().unwrap_or_default(), &all),
            Wish::Uids(set) => Leaf::known(&set, &all),
            Wish::Match(matcher) => Leaf::open(matcher),
        });
        let leaves = leaves.collect();
        Known::new(all, std::mem::replace(&mut self.tree, Node::All(Vec::new())), leaves)
    }
}

fn node(sought: &Sought, leaves: &mut Vec<Wish>) -> Node {
    let mut each = |list: &[Sought]| list.iter().map(|sought| node(sought, leaves)).collect();
    let leaf = match sought {
        Sought::All(list) => return Node::All(each(list)),
        Sought::Any(list) => return Node::Any(each(list)),
        Sought::Not(inner) => return Node::Not(Box::new(node(inner, leaves))),
        Sought::Key(key) => Wish::Key(key.clone()),
        Sought::Uids(set) => Wish::Uids(set.clone()),
        Sought::Match(matcher) => Wish::Match(matcher.clone()),
    };
    leaves.push(leaf);
    Node::Leaf(leaves.len() - 1)
}

/// Gives a program that is never narrower than the wish, or its contrary.
fn program(sought: &Sought, holds: bool) -> Program {
    match sought {
        Sought::All(list) if holds => all(list, holds),
        Sought::Any(list) if !holds => all(list, holds),
        Sought::All(list) | Sought::Any(list) => any(list, holds),
        Sought::Not(inner) => program(inner, !holds),
        Sought::Key(key) => Program::exact(key.clone(), holds),
        Sought::Uids(set) if set.is_empty() => Program::exact(nothing(), holds),
        Sought::Uids(set) => Program::exact(SearchKey::Uids(set.clone()), holds),
        Sought::Match(_) => Program::wide(),
    }
}

fn nothing() -> SearchKey {
    SearchKey::Not(Box::new(SearchKey::All))
}

fn all(list: &[Sought], holds: bool) -> Program {
    let (mut keys, mut exact) = (Vec::new(), true);
    for sought in list {
        let part = program(sought, holds);
        exact &= part.exact;
        match part.key {
            SearchKey::All => {}
            SearchKey::And(inner) if inner.len() > 1 => keys.extend(inner),
            key => keys.push(key),
        }
    }
    let key = match keys.len() {
        0 => SearchKey::All,
        1 => keys.remove(0),
        _ => SearchKey::And(keys),
    };
    Program { key, exact }
}

fn any(list: &[Sought], holds: bool) -> Program {
    let parts: Vec<_> = list.iter().map(|sought| program(sought, holds)).collect();
    let exact = parts.iter().all(|part| part.exact);
    if parts.iter().any(|part| part.key == SearchKey::All) {
        return Program { key: SearchKey::All, exact };
    }
    let key = SearchKey::any(parts.into_iter().map(|part| part.key).collect()).unwrap_or_else(nothing);
    Program { key, exact }
}

fn depth(key: &SearchKey) -> usize {
    match key {
        SearchKey::Not(inner) => 1 + depth(inner),
        SearchKey::Or(a, b) => 1 + depth(a).max(depth(b)),
        SearchKey::And(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::{Question, SearchKey, Sought, UidSet};
    use crate::imap::SearchKey::{And, Larger, Not, Or, Smaller};

    fn larger(bytes: u32) -> Sought {
        Sought::Key(Larger(bytes))
    }

    fn not(sought: Sought) -> Sought {
        Sought::Not(Box::new(sought))
    }

    #[test]
    fn a_compound_is_one_program() {
        let wish = Sought::All(vec![
            Sought::All(vec![larger(1), Sought::Any(vec![larger(2), larger(3)])]),
            not(Sought::Any(vec![larger(4), not(Sought::Key(Smaller(5)))])),
        ]);
        let or = Or(Box::new(Larger(2)), Box::new(Larger(3)));
        let whole = And(vec![Larger(1), or, Not(Box::new(Larger(4))), Smaller(5)]);
        assert_eq!(Question::new(&wish).keys(), [whole]);
    }

    #[test]
    fn what_is_too_long_is_asked_apart() {
        let each = (0..2000).map(|n| Sought::Key(SearchKey::Contains("FROM", format!("person{n}"))));
        let question = Question::new(&Sought::Any(each.collect()));
        assert_eq!((question.keys().len(), question.exact), (2001, false));
        assert_eq!(Question::new(&Sought::Uids(UidSet::new())).keys(), [Not(Box::new(SearchKey::All))]);
    }
}
