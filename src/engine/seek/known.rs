use super::{Matcher, Part};
use crate::mail::UidSet;

/// How conditions are combined; each is named by its number.
#[derive(Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Leaf(usize),
}

/// What is known of one condition: for which messages it holds, and for which it does not.
#[derive(Debug)]
pub(super) struct Leaf {
    yes: UidSet,
    no: UidSet,
    /// What tells for the others.
    matcher: Option<Matcher>,
}

impl Leaf {
    /// Makes one of which all is known: of all messages it holds for these.
    pub(super) fn known(yes: &UidSet, all: &UidSet) -> Self {
        let yes = yes.intersection(all);
        Self { no: all.difference(&yes), yes, matcher: None }
    }

    /// Makes one of which nothing is known.
    pub(super) fn open(matcher: Matcher) -> Self {
        Self { yes: UidSet::new(), no: UidSet::new(), matcher: Some(matcher) }
    }
}

/// What is known of a wish.
#[derive(Debug)]
pub(super) struct Known {
    all: UidSet,
    tree: Node,
    leaves: Vec<Leaf>,
}

impl Known {
    /// Makes one of the messages that are wanted.
    pub(super) fn of(all: UidSet) -> Self {
        Self::new(all, Node::All(Vec::new()), Vec::new())
    }

    /// Makes one of all messages that may be wanted, and what is known of the conditions.
    pub(super) fn new(all: UidSet, tree: Node, leaves: Vec<Leaf>) -> Self {
        Self { all, tree, leaves }
    }

    /// Gives the messages that are wanted for sure.
    pub(super) fn yes(&self) -> UidSet {
        self.judge(&self.tree).0
    }

    /// Gives those of which it can't be told yet.
    pub(super) fn open(&self) -> UidSet {
        let (yes, no) = self.judge(&self.tree);
        self.all.difference(&yes).difference(&no)
    }

    /// Gives the tests that look at certain parts, by their numbers.
    pub(super) fn tests(&self, of: impl Fn(&Part) -> bool) -> Vec<(usize, Matcher)> {
        let leaves = self.leaves.iter().enumerate();
        leaves
            .filter_map(|(number, leaf)| Some((number, leaf.matcher.clone().filter(|test| of(&test.part))?)))
            .collect()
    }

    /// Takes in that of these messages a test has passed some.
    pub(super) fn take(&mut self, number: usize, tested: &UidSet, passed: &UidSet) {
        if let Some(leaf) = self.leaves.get_mut(number) {
            leaf.yes = leaf.yes.union(passed);
            leaf.no = leaf.no.union(&tested.difference(passed));
        }
    }

    /// Gives the messages for which a node holds, and those for which it does not.
    fn judge(&self, node: &Node) -> (UidSet, UidSet) {
        match node {
            Node::Leaf(number) => {
                self.leaves.get(*number).map(|leaf| (leaf.yes.clone(), leaf.no.clone())).unwrap_or_default()
            }
            Node::Not(inner) => {
                let (yes, no) = self.judge(inner);
                (no, yes)
            }
            Node::All(list) => self.join(list.iter().map(|node| self.judge(node))),
            Node::Any(list) => {
                let (no, yes) = self.join(list.iter().map(|node| {
                    let (yes, no) = self.judge(node);
                    (no, yes)
                }));
                (yes, no)
            }
        }
    }

    /// Joins conditions of which all must hold.
    fn join(&self, each: impl Iterator<Item = (UidSet, UidSet)>) -> (UidSet, UidSet) {
        let (mut all, mut none) = (self.all.clone(), UidSet::new());
        for (yes, no) in each {
            all = all.intersection(&yes);
            none = none.union(&no);
        }
        (all, none)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::sync::Arc;

    use super::{Known, Leaf, Matcher, Node, Part, UidSet};

    #[test]
    fn only_what_nothing_else_decides_is_open() {
        let set = |text: &str| UidSet::parse(text).unwrap();
        let all = set("1:6");
        let matcher = Matcher { part: Part::Header, test: Arc::new(|_| Ok(true)) };
        let leaves =
            vec![Leaf::known(&set("1:3"), &all), Leaf::known(&set("3:4"), &all), Leaf::open(matcher)];
        // (0 or test) and not 1
        let either = Node::Any(vec![Node::Leaf(0), Node::Leaf(2)]);
        let tree = Node::All(vec![either, Node::Not(Box::new(Node::Leaf(1)))]);
        let mut known = Known::new(all, tree, leaves);
        assert_eq!((known.yes(), known.open()), (set("1:2"), set("5:6")));
        known.take(2, &set("5:6"), &set("6"));
        assert_eq!((known.yes(), known.open()), (set("1:2,6"), UidSet::new()));
    }
}
