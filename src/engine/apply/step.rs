use std::collections::BTreeMap;
use std::sync::Arc;

use super::proof::Proof;
use super::ready::Before;
use super::{Action, Likeness, Task};
use crate::engine::gmail::{is_gmail, require};
use crate::engine::journal::OpenAction;
use crate::engine::names::{NameSpec, has_special_use, script_name};
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::world::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{Change, Done, Session, SpecialUse, StoreMode};
use crate::mail::{Flag, Label, MailboxName, Uid, UidSet, UidValidity};

/// What is said of messages that are thrown away and are in Trash already.
pub(in crate::engine) const THROWN_AWAY: &str = "already in Trash; `trash` never removes for good";

/// What a step does.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Store(StoreMode, Vec<Flag>),
    Label(StoreMode, Vec<Label>),
    Copy(MailboxName),
    /// Moves, by the way that the server has.
    Remove(MailboxName),
    /// Removes for good.
    Purge,
}

/// One action of a task on its way.
pub(super) struct Step<'a> {
    /// The task's number.
    pub(super) task: usize,
    pub(super) selection: &'a Selection,
    pub(super) kind: Kind,
    pub(super) report: Report,
    /// The messages that it may act on.
    pub(super) uids: UidSet,
    /// What its messages must be like, where they are known from before.
    pub(super) expected: Option<Arc<BTreeMap<Uid, Likeness>>>,
    /// It is done to messages that are held, too.
    pub(super) even_held: bool,
    /// Messages with which something before it can't be done.
    pub(super) barred: UidSet,
    pub(super) before: Before,
    /// CREATE was sent for the target.
    pub(super) tried: bool,
    /// How often the server wanted less at a time.
    pub(super) slowed: usize,
    /// Why the target could not be created.
    uncreated: Option<String>,
    /// It can't be done; nothing was changed by it.
    pub(super) error: Option<Error>,
    /// It is over.
    pub(super) over: bool,
}

impl<'a> Step<'a> {
    /// Makes the step of one action: finds its target, and refuses what can't be meant.
    pub(super) fn new(
        session: &mut Session,
        names: &mut Names,
        number: usize,
        task: &'a Task,
        action: &Action,
    ) -> Result<Self> {
        let selection = &task.selection;
        let (verb, kind, object) = match action {
            Action::Mark(flags) => (Verb::Mark, Kind::Store(StoreMode::Add, flags.clone()), words(flags)),
            Action::Unmark(flags) => {
                (Verb::Unmark, Kind::Store(StoreMode::Remove, flags.clone()), words(flags))
            }
            Action::Label(labels) => (Verb::Label, label(session, StoreMode::Add, labels)?, listed(labels)),
            Action::Unlabel(labels) => {
                (Verb::Unlabel, label(session, StoreMode::Remove, labels)?, listed(labels))
            }
            // They are taken apart before.
            Action::MoveAcross(_) | Action::CopyAcross(_) | Action::PurgeArchived(_) => {
                return Err(Error::protocol(
                    "an action that leads out of the account among those of its own",
                ));
            }
            Action::Purge => (Verb::Purge, Kind::Purge, String::new()),
            Action::Copy(spec) => {
                let (name, shown) = names.find(session, selection.account.run(), spec)?;
                (Verb::Copy, Kind::Copy(name), shown)
            }
            Action::Move(spec) => {
                let (name, shown) = names.find(session, selection.account.run(), spec)?;
                (Verb::Move, Kind::Remove(name), shown)
            }
            Action::Trash => {
                let (name, shown) =
                    names.find(session, selection.account.run(), &NameSpec::Script("@trash".to_owned()))?;
                (Verb::Trash, Kind::Remove(name), shown)
            }
        };
        let report = Report::of(verb, selection, Some(object).filter(|object| !object.is_empty()));
        let mut step = Self::of(number, selection, kind, report);
        step.expected.clone_from(&task.expected);
        step.even_held = task.even_held;
        if !step.over && (step.removes() || step.target().is_some()) {
            step.refuse_nonsense(session)?;
        }
        Ok(step)
    }

    /// Makes a step of its parts.
    pub(super) fn of(task: usize, selection: &'a Selection, kind: Kind, report: Report) -> Self {
        Self {
            task,
            selection,
            kind,
            report,
            uids: UidSet::new(),
            expected: None,
            even_held: false,
            barred: UidSet::new(),
            before: Before::Unknown,
            tried: false,
            slowed: 0,
            uncreated: None,
            error: None,
            over: selection.uids.is_empty(),
        }
    }

    /// Makes the step that finishes an action which a cut run began.
    pub(super) fn unfinished(selection: &'a Selection, action: &OpenAction) -> Self {
        let words = || action.object.as_deref().unwrap_or_default();
        let flags = || words().split_whitespace().filter_map(Flag::parse).collect();
        let labels = || words().split('\n').filter_map(Label::new).collect();
        let target = || action.target.as_ref().map_or_else(MailboxName::inbox, |it| it.mailbox.clone());
        let (kind, object) = match action.verb {
            Verb::Mark => (Kind::Store(StoreMode::Add, flags()), Some(words().to_owned())),
            Verb::Unmark => (Kind::Store(StoreMode::Remove, flags()), Some(words().to_owned())),
            Verb::Label => (Kind::Label(StoreMode::Add, labels()), Some(words().replace('\n', ", "))),
            Verb::Unlabel => (Kind::Label(StoreMode::Remove, labels()), Some(words().replace('\n', ", "))),
            Verb::Copy => (Kind::Copy(target()), action.target.as_ref().map(|it| it.shown.clone())),
            Verb::Move | Verb::Trash => {
                (Kind::Remove(target()), action.target.as_ref().map(|it| it.shown.clone()))
            }
            _ => (Kind::Purge, None),
        };
        let report = Report::of(action.verb, selection, object);
        let before = action
            .target
            .as_ref()
            .and_then(|it| Some(Before::Next(it.validity, it.next?)))
            .unwrap_or(Before::Unknown);
        Self {
            task: 0,
            selection,
            kind,
            report,
            uids: UidSet::new(),
            expected: None,
            even_held: false,
            barred: UidSet::new(),
            before,
            tried: false,
            slowed: 0,
            uncreated: None,
            error: None,
            over: false,
        }
    }

    /// Ends a transfer of messages to where they are, and refuses what Gmail takes for something else.
    fn refuse_nonsense(&mut self, session: &mut Session) -> Result<()> {
        let delimiter = session.namespaces()?.personal.delimiter;
        let source = canonical(&self.selection.name, delimiter);
        if self.target().is_some_and(|target| canonical(target, delimiter) == source) {
            let reason = if self.report.verb == Verb::Trash { THROWN_AWAY } else { "already there" };
            self.report.skip(self.selection.uids.clone(), reason);
            self.over = true;
            return Ok(());
        }
        if is_gmail(session) { self.check_gmail(session) } else { Ok(()) }
    }

    /// Refuses what on Gmail is not what a script means. A copy in Trash or Spam is no copy: the message leaves all
    /// other mailboxes. All Mail holds every message under all its labels: only what is thrown away leaves it. And a
    /// message marked `\Deleted` loses its label, or goes for good: the originals of copies are not marked there.
    fn check_gmail(&self, session: &mut Session) -> Result<()> {
        if matches!(self.kind, Kind::Purge) {
            if has_special_use(session, self.selection.account.run(), &self.selection.name, SpecialUse::Trash)
            {
                return Ok(());
            }
            return Err(Error::script(
                "on Gmail messages can only be purged in Trash: elsewhere they lose a label and stay in All Mail",
                "`trash()` first, and `purge()` what is in `@trash`",
            ));
        }
        if let Kind::Copy(target) = &self.kind {
            let aside = [SpecialUse::Trash, SpecialUse::Junk];
            if aside
                .into_iter()
                .any(|use_| has_special_use(session, self.selection.account.run(), target, use_))
            {
                return Err(Error::script(
                    "on Gmail a message in Trash or Spam is in no other mailbox: it can be moved there, not copied",
                    "use `trash()`, or `move \"@junk\"`",
                ));
            }
            return Ok(());
        }
        if self.report.verb != Verb::Trash
            && has_special_use(session, self.selection.account.run(), &self.selection.name, SpecialUse::All)
        {
            return Err(Error::script(
                "messages can't be moved out of Gmail's All Mail: it holds every message, whatever its labels",
                "move them out of the label's own mailbox, such as INBOX; here there are `label`, `unlabel` and `trash`",
            ));
        }
        if !session.capabilities().has("MOVE") {
            return Err(Error::script(
                "messages can't be moved on Gmail without the server's MOVE command",
                "`label` and `unlabel` need none",
            ));
        }
        Ok(())
    }

    pub(super) fn target(&self) -> Option<&MailboxName> {
        match &self.kind {
            Kind::Store(..) | Kind::Label(..) | Kind::Purge => None,
            Kind::Copy(target) | Kind::Remove(target) => Some(target),
        }
    }

    pub(super) fn removes(&self) -> bool {
        matches!(self.kind, Kind::Remove(_) | Kind::Purge)
    }

    /// Refuses flags that the open mailbox does not keep. In a dry run it is not open for writing, and does not say.
    pub(super) fn check_flags(&self, session: &Session) -> Result<()> {
        if self.report.planned {
            return Ok(());
        }
        let needed: &[Flag] = match &self.kind {
            Kind::Store(_, flags) => flags,
            Kind::Purge => &[Flag::Deleted],
            Kind::Remove(_) if !session.capabilities().has("MOVE") => &[Flag::Deleted],
            Kind::Label(..) | Kind::Copy(_) | Kind::Remove(_) => &[],
        };
        match needed.iter().find(|flag| session.selected().is_some_and(|open| !open.keeps(flag))) {
            None => Ok(()),
            Some(flag) => {
                let mailbox = self.selection.shown.clone();
                Err(ErrorKind::FlagNotKept { mailbox, flag: flag.to_string() }.into())
            }
        }
    }

    /// Gives the command that it begins with.
    pub(super) fn change(&self, moves: bool) -> Change {
        let uids = self.uids.clone();
        match &self.kind {
            Kind::Store(mode, flags) => Change::Store(uids, *mode, flags.clone()),
            Kind::Purge => Change::Store(uids, StoreMode::Add, vec![Flag::Deleted]),
            Kind::Label(mode, labels) => Change::Label(uids, *mode, labels.clone()),
            Kind::Remove(target) if moves => Change::Move(uids, target.clone()),
            Kind::Copy(target) | Kind::Remove(target) => Change::Copy(uids, target.clone()),
        }
    }

    /// Takes in how making its target ended.
    ///
    /// One that was there all the same holds what it held before: the server is asked again where it begins to be new.
    pub(super) fn take_created(&mut self, session: &mut Session, run: &Run, made: &Result<bool>) {
        self.tried = true;
        if !matches!(made, Ok(true)) {
            let status = self.target().cloned().map(|target| session.status(&target));
            self.before = match status {
                Some(Ok(status)) => {
                    status.uid_next.map_or(Before::Unknown, |next| Before::Next(status.uid_validity, next))
                }
                _ => Before::Unknown,
            };
        }
        match made {
            Ok(true) => {
                run.count_created();
                let shown = self.report.object.clone().unwrap_or_default();
                self.report.notes.push(format!("created mailbox {shown}"));
            }
            Ok(false) => {}
            Err(error) => self.uncreated = Some(error.to_string()),
        }
    }

    /// Says why messages could not be put into the target.
    pub(super) fn refusal(&self, done: &Done) -> String {
        match &self.uncreated {
            Some(reason) => format!("the target does not exist and can't be created: {reason}"),
            None => refusal(done),
        }
    }

    pub(super) fn take_done(&mut self, proof: &Proof) {
        self.report.done = self.report.done.union(&proof.shown);
        self.take_landed(proof);
    }

    pub(super) fn take_landed(&mut self, proof: &Proof) {
        let Some(target) = self.target().cloned() else { return };
        let mut by_validity: BTreeMap<UidValidity, Vec<(Uid, Uid)>> = BTreeMap::new();
        for &(source, validity, uid) in &proof.landed {
            by_validity.entry(validity).or_default().push((source, uid));
        }
        for (validity, pairs) in by_validity {
            let uids: UidSet = pairs.iter().map(|(_, uid)| *uid).collect();
            let landed = &mut self.report.landed;
            if let Some(landing) = landed.iter_mut().find(|landing| landing.validity == validity) {
                landing.uids = landing.uids.union(&uids);
                landing.pairs.extend(pairs);
            } else {
                landed.push(Landing { mailbox: target.clone(), validity, uids, pairs });
            }
        }
    }
}

/// The names that a batch has found, so that a server is asked once.
#[derive(Default)]
pub(super) struct Names(Vec<(NameSpec, MailboxName, String)>);

impl Names {
    fn find(&mut self, session: &mut Session, run: &Run, spec: &NameSpec) -> Result<(MailboxName, String)> {
        if let Some((_, name, shown)) = self.0.iter().find(|(known, ..)| known == spec) {
            return Ok((name.clone(), shown.clone()));
        }
        let name = spec.resolve(session, run)?;
        let shown = script_name(session, &name)?;
        self.0.push((spec.clone(), name.clone(), shown.clone()));
        Ok((name, shown))
    }
}

/// Labels of Gmail's own that are no labels but places: with them a message leaves all others.
const PLACES: [&str; 5] = ["\\Trash", "\\Spam", "\\Junk", "\\AllMail", "\\All"];

/// Makes the step that adds labels or takes them off.
///
/// Errors: the server is not Gmail, and a label that is a place.
fn label(session: &Session, mode: StoreMode, labels: &[Label]) -> Result<Kind> {
    let is_place = |label: &&Label| PLACES.iter().any(|place| Label::new(place).as_ref() == Some(*label));
    if let Some(place) = labels.iter().find(is_place) {
        let what = format!("`{place}` is a place and no label: a message there is in no other mailbox");
        return Err(Error::script(what, "use `trash()` or `move \"@junk\"`, and `move` to get it back"));
    }
    require(session, "labels can be changed")?;
    Ok(Kind::Label(mode, labels.to_vec()))
}

fn listed(labels: &[Label]) -> String {
    labels.iter().map(Label::text).collect::<Vec<_>>().join(", ")
}

fn words(flags: &[Flag]) -> String {
    flags.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// Gives a name in the one spelling that stands for all that servers take for the same: `INBOX.Q.` is `INBOX.Q`
/// to Cyrus, and `inbox.Q` to most.
pub(super) fn canonical(name: &MailboxName, delimiter: Option<char>) -> Vec<u8> {
    let delimiter = delimiter.and_then(|delimiter| u8::try_from(delimiter).ok());
    let mut wire = name.wire();
    while let Some((_, rest)) = wire.split_last().filter(|(last, _)| Some(**last) == delimiter) {
        wire = rest;
    }
    let first = wire.split(|&byte| Some(byte) == delimiter).next().unwrap_or_default();
    let mut spelt = wire.to_vec();
    if first.eq_ignore_ascii_case(b"INBOX") {
        spelt.iter_mut().take(first.len()).for_each(u8::make_ascii_uppercase);
    }
    spelt
}

pub(super) fn refusal(done: &Done) -> String {
    let (status, text) = (done.line.status.word(), &done.line.text);
    if done.is_ok() {
        format!("the server said {status} but left it where it was")
    } else {
        format!("the server refused {}: {status} {text}", done.verb)
    }
}

pub(super) fn cut(error: Option<&str>) -> String {
    format!("the connection broke before the server answered ({})", error.unwrap_or("no reason known"))
}
