//! What taking a run back means: a pure function of what the journal knows.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::engine::identity::Likeness;
use crate::engine::journal::{ActionId, Entry, Fate, PastAction, Place};
use crate::engine::report::{Verb, messages};
use crate::mail::{Flag, MailboxName, Uid, UidValidity};

/// What is to be done to messages to take an action back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Back {
    Mark(Vec<Flag>),
    Unmark(Vec<Flag>),
    Move(MailboxName),
    /// To a mailbox of another account.
    MoveAcross(String, MailboxName),
    Trash,
}

/// A message to which something is to be done.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) likeness: Option<Likeness>,
    /// What is taken back by it.
    pub(super) of: Vec<(ActionId, Uid)>,
    /// It is the original of a copy that this made: as long as it is not a message again, that copy is the only one.
    pub(super) original_of: Option<(ActionId, Uid)>,
}

/// A mailbox and what is to be done there; flags come before what moves messages away, in all accounts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    pub(super) moves: bool,
    pub(super) account: String,
    pub(super) mailbox: MailboxName,
    pub(super) validity: u32,
    pub(super) back: Back,
}

/// A message that is somewhere in a mailbox, of which no server said where.
#[derive(Clone, Debug)]
pub(super) struct Unplaced {
    pub(super) account: String,
    pub(super) mailbox: MailboxName,
    /// What its UIDs were worth, as far as that is known.
    pub(super) validity: Option<UidValidity>,
    pub(super) next: Uid,
    pub(super) back: Back,
    pub(super) item: Item,
}

/// All that takes a run back.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) spots: BTreeMap<Spot, BTreeMap<Uid, Item>>,
    pub(super) unplaced: Vec<Unplaced>,
    /// What was done to mailboxes themselves, the latest first.
    pub(super) mailboxes: Vec<PastAction>,
    /// What can't be taken back, for people.
    pub(super) impossible: Vec<String>,
}

/// A message's way through a run.
struct Thread {
    /// Where it was before; a copy was nowhere.
    origin: Option<Place>,
    now: Result<Place, (String, MailboxName, Option<UidValidity>, Option<Uid>)>,
    item: Item,
}

impl Thread {
    /// Tells whether it leads to another account.
    fn is_elsewhere(&self) -> bool {
        let (Ok(Place { account, .. }) | Err((account, ..))) = &self.now;
        self.origin.as_ref().is_some_and(|origin| origin.account != *account)
    }
}

/// Where messages went, from place to place.
pub(super) type Ways = HashMap<Place, Place>;

/// Follows a message to where it is now.
fn follow(ways: &Ways, from: Place) -> Place {
    let mut seen = HashSet::new();
    let mut now = from;
    while let Some(next) = ways.get(&now).filter(|next| seen.insert((*next).clone())) {
        now = next.clone();
    }
    now
}

/// Plans how a run's actions are taken back, by where their messages are now.
pub(super) fn plan(actions: &[PastAction], ways: &Ways) -> Plan {
    let mut plan = Plan::default();
    let mut threads: Vec<Thread> = Vec::new();
    let mut at: HashMap<Place, usize> = HashMap::new();
    for action in actions {
        if action.entries.is_empty() {
            if action.whole && !action.undone {
                plan.mailboxes.insert(0, action.clone());
            }
            continue;
        }
        if matches!(action.verb, Verb::Label | Verb::Unlabel) {
            plan.cannot(action, "labels are not taken back");
        }
        if action.verb == Verb::Purge && action.entries.iter().any(|entry| entry.fate == Fate::Done) {
            plan.cannot(action, "what was removed for good is gone");
        }
        for entry in action.entries.iter().filter(|entry| !entry.undone) {
            match (action.verb, entry.fate) {
                (Verb::Move | Verb::Trash | Verb::Copy | Verb::Append, Fate::Done) => {
                    extend(&mut threads, &mut at, action, entry);
                }
                (_, Fate::Marked) => {
                    plan.unmark_deleted(action, entry);
                    if action.target.is_some() && action.validity.is_some() {
                        extend(
                            &mut threads,
                            &mut at,
                            &PastAction { verb: Verb::Copy, ..action.clone() },
                            entry,
                        );
                    }
                }
                (Verb::Mark | Verb::Unmark, Fate::Done) => plan.restore_flags(action, entry, ways),
                _ => {}
            }
        }
    }
    // Gmail's originals of what went to another account are in its Trash, and come back from there.
    let own = |thread: &&Thread| !thread.is_elsewhere();
    let come_back: HashSet<Place> = threads.iter().filter(own).filter_map(|it| it.origin.clone()).collect();
    for mut thread in threads {
        if thread.is_elsewhere() {
            thread.origin = thread.origin.filter(|origin| !come_back.contains(origin));
        }
        plan.take_back(thread, ways);
    }
    plan
}

fn origin(action: &PastAction, entry: &Entry) -> Option<Place> {
    let (account, mailbox) = (action.account.clone(), action.mailbox.clone());
    Some(Place { account, mailbox, validity: action.validity?, uid: entry.uid })
}

/// Adds what an action did to a message to the message's way, or begins one.
fn extend(threads: &mut Vec<Thread>, at: &mut HashMap<Place, usize>, action: &PastAction, entry: &Entry) {
    let target = action.target.as_ref();
    let account = target.and_then(|target| target.account.clone()).unwrap_or_else(|| action.account.clone());
    let mailbox = target.map_or_else(|| action.mailbox.clone(), |target| target.mailbox.clone());
    let now = if let Some((validity, uid)) = entry.landed {
        Ok(Place { account, mailbox, validity, uid })
    } else {
        let (validity, next) = target.map(|target| (target.validity, target.next)).unwrap_or_default();
        Err((account, mailbox, validity, next))
    };
    let moved = matches!(action.verb, Verb::Move | Verb::Trash);
    let from = origin(action, entry).filter(|_| moved);
    let earlier = from.as_ref().and_then(|from| at.remove(from));
    let number = earlier.unwrap_or(threads.len());
    if let Ok(place) = &now {
        at.insert(place.clone(), number);
    }
    if let Some(thread) = threads.get_mut(number) {
        thread.now = now;
        if target.is_some_and(|target| target.account.is_some()) {
            thread.item.likeness = entry.known.mail_likeness();
        }
        thread.item.of.push((action.id, entry.uid));
    } else {
        let known = &entry.known;
        let elsewhere = target.is_some_and(|target| target.account.is_some());
        let likeness = if elsewhere { known.mail_likeness() } else { known.likeness() };
        let item = Item { likeness, of: vec![(action.id, entry.uid)], original_of: None };
        threads.push(Thread { origin: from, now, item });
    }
}

impl Plan {
    fn cannot(&mut self, action: &PastAction, why: &str) {
        let count =
            action.entries.iter().filter(|entry| matches!(entry.fate, Fate::Done | Fate::Marked)).count();
        if count > 0 {
            let (done, mailbox) = (action.verb.done(), &action.shown);
            self.impossible.push(format!("{done} {} in {mailbox}: {why}", messages(count)));
        }
    }

    fn add(&mut self, place: &Place, back: Back, item: Item) {
        let spot = Spot {
            account: place.account.clone(),
            moves: matches!(back, Back::Move(_) | Back::MoveAcross(..) | Back::Trash),
            mailbox: place.mailbox.clone(),
            validity: place.validity.get(),
            back,
        };
        self.spots.entry(spot).or_default().insert(place.uid, item);
    }

    /// The original of a message that could only be marked is a message again.
    fn unmark_deleted(&mut self, action: &PastAction, entry: &Entry) {
        let Some(place) = origin(action, entry) else { return };
        let this = (action.id, entry.uid);
        let (of, original_of) =
            if action.target.is_some() { (Vec::new(), Some(this)) } else { (vec![this], None) };
        let item = Item { likeness: entry.known.likeness(), of, original_of };
        self.add(&place, Back::Unmark(vec![Flag::Deleted]), item);
    }

    /// Flags become what they were, where the message is now.
    fn restore_flags(&mut self, action: &PastAction, entry: &Entry, ways: &Ways) {
        let words = action.object.as_deref().unwrap_or_default();
        let named = words.split_whitespace().filter_map(Flag::parse);
        let set = action.verb == Verb::Mark;
        let flags: Vec<Flag> = named.filter(|flag| entry.known.flags.contains(flag) != set).collect();
        let Some(place) = origin(action, entry).filter(|_| !flags.is_empty()) else { return };
        let back = if set { Back::Unmark(flags) } else { Back::Mark(flags) };
        let item =
            Item { likeness: entry.known.likeness(), of: vec![(action.id, entry.uid)], original_of: None };
        self.add(&follow(ways, place), back, item);
    }

    /// A message that was moved goes back; a copy goes to Trash.
    fn take_back(&mut self, thread: Thread, ways: &Ways) {
        let Thread { origin, now, item } = thread;
        let now = now.map(|place| follow(ways, place));
        let back = match (&origin, &now) {
            (Some(origin), Ok(now)) if origin.account == now.account && origin.mailbox == now.mailbox => {
                return;
            }
            (Some(origin), Ok(Place { account, .. }) | Err((account, ..))) if origin.account != *account => {
                Back::MoveAcross(origin.account.clone(), origin.mailbox.clone())
            }
            (Some(origin), _) => Back::Move(origin.mailbox.clone()),
            (None, _) => Back::Trash,
        };
        match now {
            Ok(place) => self.add(&place, back, item),
            Err((account, mailbox, validity, Some(next))) => {
                self.unplaced.push(Unplaced { account, mailbox, validity, next, back, item });
            }
            Err((_, mailbox, _, None)) => {
                let what = format!("a message in {} can't be told from others there", mailbox.text());
                self.impossible.push(what);
            }
        }
    }
}
