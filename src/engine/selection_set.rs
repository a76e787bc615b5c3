use super::query::Query;
use super::selection::Selection;
use crate::error::{ErrorKind, Result};
use crate::mail::{Uid, UidSet};

/// Messages of any number of mailboxes and accounts. It never changes; each operation gives a new one.
#[derive(Clone, Debug)]
pub struct SelectionSet {
    /// One for each mailbox; at least one, which may be empty.
    parts: Vec<Selection>,
    /// The messages in the order they are to be gone through, where that is not the order of parts and UIDs.
    order: Option<Vec<(usize, Uid)>>,
}

impl From<Selection> for SelectionSet {
    fn from(selection: Selection) -> Self {
        Self { parts: vec![selection], order: None }
    }
}

impl SelectionSet {
    /// Gives the parts, one for each mailbox.
    pub fn parts(&self) -> &[Selection] {
        &self.parts
    }

    /// Gives the parts that have messages; one part in any case.
    pub fn occupied(&self) -> Vec<Selection> {
        let mut occupied: Vec<_> = self.parts.iter().filter(|part| !part.uids.is_empty()).cloned().collect();
        if occupied.is_empty() {
            occupied.extend(self.parts.first().cloned());
        }
        occupied
    }

    /// Counts the messages.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.uids.len()).sum()
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives the messages in their order: the number of the part, and the UID.
    pub fn in_order(&self) -> Vec<(usize, Uid)> {
        match &self.order {
            Some(order) => order.clone(),
            None => self
                .parts
                .iter()
                .enumerate()
                .flat_map(|(at, part)| part.uids.iter().map(move |uid| (at, uid)))
                .collect(),
        }
    }

    /// Gives the messages in either.
    ///
    /// Error, here and below: a mailbox of both was rebuilt between the two searches.
    pub fn union(&self, other: &Self) -> Result<Self> {
        let mut parts = self.parts.clone();
        for theirs in &other.parts {
            match find(&mut parts, theirs)? {
                Some(ours) => {
                    ours.query = Query::Any(vec![found_by(ours), found_by(theirs)]);
                    ours.uids = ours.uids.union(&theirs.uids);
                    // What may not be changed through one of them may not be through both.
                    ours.read_only |= theirs.read_only;
                }
                None => parts.push(theirs.clone()),
            }
        }
        Ok(Self { parts, order: None })
    }

    /// Gives the messages in both.
    pub fn intersection(&self, other: &Self) -> Result<Self> {
        let mut parts = self.parts.clone();
        let mut theirs = other.parts.clone();
        for ours in &mut parts {
            match find(&mut theirs, ours)? {
                Some(theirs) => {
                    ours.query = Query::All(vec![ours.query.clone(), theirs.query.clone()]);
                    ours.uids = ours.uids.intersection(&theirs.uids);
                    ours.read_only |= theirs.read_only;
                }
                None => ours.uids = UidSet::new(),
            }
        }
        Ok(Self { parts, order: None })
    }

    /// Gives the messages of this one that are not in the other.
    pub fn difference(&self, other: &Self) -> Result<Self> {
        let mut parts = self.parts.clone();
        for theirs in &other.parts {
            if let Some(ours) = find(&mut parts, theirs)? {
                ours.uids = ours.uids.difference(&theirs.uids);
            }
        }
        Ok(Self { parts, order: None })
    }

    /// Gives those of its messages that are in the list, in the list's order.
    #[must_use]
    pub fn pick(&self, list: Vec<(usize, Uid)>) -> Self {
        let mut parts = self.parts.clone();
        for (at, part) in parts.iter_mut().enumerate() {
            let uids: UidSet = list.iter().filter(|(of, _)| *of == at).map(|(_, uid)| *uid).collect();
            part.uids = part.uids.intersection(&uids);
        }
        Self { parts, order: Some(list) }
    }

    /// Puts the results of a search of each part together.
    pub fn gather(&self, found: &[Selection]) -> Result<Self> {
        let mut parts = self.parts.clone();
        for ours in &mut parts {
            let uids = found.iter().find(|theirs| ours.is_mailbox_of(theirs));
            if let Some(theirs) = uids {
                check(ours, theirs)?;
                ours.uids = ours.uids.intersection(&theirs.uids);
                ours.query = theirs.query.clone();
            }
        }
        Ok(Self { parts, order: None })
    }
}

fn find<'a>(parts: &'a mut [Selection], wanted: &Selection) -> Result<Option<&'a mut Selection>> {
    let Some(found) = parts.iter_mut().find(|part| part.is_mailbox_of(wanted)) else { return Ok(None) };
    check(found, wanted)?;
    Ok(Some(found))
}

fn check(a: &Selection, b: &Selection) -> Result<()> {
    match (a.validity, b.validity) {
        (Some(was), Some(is)) if was != is => {
            let mailbox = a.shown.clone();
            Err(ErrorKind::UidValidityChanged { mailbox, was: was.get(), is: is.get() }.into())
        }
        _ => Ok(()),
    }
}

/// Ties a selection's query to the messages that it found, so that it can be asked again of these alone.
fn found_by(selection: &Selection) -> Query {
    Query::All(vec![Query::Uids(selection.uids.clone()), selection.query.clone()])
}
