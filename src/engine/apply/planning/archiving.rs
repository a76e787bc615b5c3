//! What would be put into an archive, and what would be restored from one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::across::{land, note_landed};
use super::leaving::{Leaving, Then, describe, leave};
use super::mailboxes::find_or_create;
use crate::engine::account::Account;
use crate::engine::apply::source::{Head, Looked};
use crate::engine::apply::whole::Whole;
use crate::engine::export::Letters;
use crate::engine::identity::Inquiry;
use crate::engine::messages::BODY_BATCH_BYTES;
use crate::engine::names::{NameSpec, script_name};
use crate::engine::outside::{plan_archive, whole_path};
use crate::engine::overlay::{Arrival, Origin, Overlay, PlannedAction, PlannedMessage, raw};
use crate::engine::permission::Permission;
use crate::engine::query::Query;
use crate::engine::report::{Landing, Report, Verb};
use crate::engine::sample::Sample;
use crate::engine::selection::Selection;
use crate::engine::ticket::Ticket;
use crate::engine::world::Run;
use crate::error::{Error, Result};
use crate::imap::{FetchItem, Section, Session};
use crate::mail::{Flag, Headers, MailboxName, Uid, UidSet, UidValidity};

/// How many messages of a file are looked for at once.
const BATCH: usize = 250;

/// Notes that messages are put into an mbox file and removed for good.
///
/// Error: the file could not be written to.
pub(in crate::engine::apply) fn archive(
    selection: &Selection,
    path: &Path,
    (mut report, heads): Looked,
) -> Result<Report> {
    let (of, path) = (selection.clone(), path.to_owned());
    let ticket = selection.account.change(Permission::Purge, move |session, run| {
        let overlay = run.overlay.as_ref().ok_or_else(unplanned)?;
        plan_archive(overlay, &path)?;
        let action = PlannedAction { path: whole_path(&path), ..PlannedAction::of(&report) };
        let left = leave(session, run, overlay, &of, (&heads, Then::Vanish), (action, &mut report))?;
        put(overlay, &of, left, Some(&path), &mut report);
        Ok(report)
    });
    ticket.wait()
}

/// Notes that messages are put into an archive, if they are.
fn put(overlay: &Overlay, of: &Selection, left: Leaving, path: Option<&Path>, report: &mut Report) {
    let Leaving { number, messages } = left;
    overlay.fill(number, messages.iter().map(|(_, message)| message.clone()).collect());
    let Some(path) = path else { return };
    let reader = overlay.reader_of(&of.account);
    let carried = |(arrival, message): (Arrival, _)| (arrival.carried(&reader, ""), message);
    let carried = messages.into_iter().map(carried).collect();
    overlay.files(|files| files.archive(path, carried));
    report.notes.push(format!("would be archived in {}", path.display()));
}

/// Notes that a mailbox is deleted with its messages.
pub(in crate::engine::apply) fn delete_whole(
    selection: &Selection,
    (mut deleted, mut report): (Report, Report),
    heads: Vec<Head>,
    how: &Whole,
) -> Ticket<(Report, Report)> {
    let (of, path) = (selection.clone(), how.archive.clone());
    selection.account.change(Permission::Purge, move |session, run| {
        let overlay = run.overlay.as_ref().ok_or_else(unplanned)?;
        path.iter().try_for_each(|path| plan_archive(overlay, path))?;
        deleted.planned = true;
        let path_there = path.as_deref().map(whole_path).unwrap_or_default();
        let action = PlannedAction { path: path_there, ..PlannedAction::of(&deleted) };
        let left = leave(session, run, overlay, &of, (&heads, Then::Stay), (action, &mut report))?;
        put(overlay, &of, left, path.as_deref(), &mut report);
        super::delete(overlay, &of.name);
        Ok((deleted, report))
    })
}

fn unplanned() -> Error {
    Error::protocol("a dry run without a plan")
}

/// Notes what restoring an archive would bring: the messages of the file, if there is one, and those that the run
/// itself would have put into it.
///
/// Errors: the file can't be read, or is no mbox.
pub(in crate::engine::apply) fn restore(account: &Account, spec: NameSpec, path: PathBuf) -> Ticket<Report> {
    let of = account.clone();
    account.change(Permission::Copy, move |session, run| {
        let wanted = spec.shown();
        let name = spec.resolve(session, run).map_err(|error| error.in_mailbox(&wanted))?;
        let shown = script_name(session, &name)?;
        let report = Report::new(Verb::Restore, of.label(), &shown, Some(path.display().to_string()));
        let mut restoring = Restoring {
            account: &of,
            path: Arc::new(path),
            name,
            report: Report { planned: true, ..report },
            samples: Vec::new(),
            found: Vec::new(),
        };
        let overlay = run.overlay.as_ref().ok_or_else(unplanned)?;
        restoring.go(session, run, overlay)?;
        Ok(restoring.report)
    })
}

struct Restoring<'a> {
    account: &'a Account,
    path: Arc<PathBuf>,
    name: MailboxName,
    report: Report,
    samples: Vec<Sample>,
    /// The messages, and where each really is.
    found: Vec<(Arrival, PlannedMessage)>,
}

impl Restoring<'_> {
    fn go(&mut self, session: &mut Session, run: &Run, overlay: &Overlay) -> Result<()> {
        let planned = overlay.files(|files| files.archived(&self.path));
        let there = self.selection(session, overlay)?;
        let mut known = Known::find(session, overlay, there)?;
        let is_there = planned.is_empty() || self.path.exists();
        let count = if is_there { self.read(session, &mut known)? } else { 0 };
        let identity = &self.account.row().identity;
        for (number, (arrival, message)) in (count + 1..).zip(planned) {
            let Some(number) = Uid::new(number) else { break };
            let arrival = arrival.carried(&overlay.reader_of(self.account), identity);
            // It was in no other mailbox: whether an equal one is there already is not looked at.
            self.found.push((arrival, archived(number, message)));
        }
        if self.found.is_empty() {
            return Ok(());
        }
        let (mailbox, created) = find_or_create(session, overlay, &self.name)?;
        if created {
            run.may_create(1, &self.report.mailbox)?;
            run.count_created();
            self.report.notes.push(format!("would create mailbox {}", self.report.mailbox));
        }
        let validity = mailbox.validity;
        let number = overlay.record(PlannedAction {
            mailbox_raw: raw(self.name.wire()),
            uid_validity: validity.map(UidValidity::get),
            path: whole_path(&self.path),
            creates_target: created,
            ..PlannedAction::of(&self.report)
        });
        let (arrivals, mut planned): (Vec<Arrival>, Vec<PlannedMessage>) =
            std::mem::take(&mut self.found).into_iter().unzip();
        let arrivals = arrivals.into_iter().map(|arrival| arrival.by(number)).collect();
        let landed = land(session, overlay, &(self.name.clone(), mailbox), arrivals)?;
        let pairs = note_landed(&mut planned, &landed);
        self.report.done = planned.iter().filter_map(|message| Uid::new(message.uid)).collect();
        overlay.fill(number, planned);
        self.report.samples = std::mem::take(&mut self.samples);
        if let Some(validity) = validity {
            let uids = pairs.iter().map(|(_, new)| *new).collect();
            self.report.land(Landing { mailbox: self.name.clone(), validity, uids, pairs });
        }
        Ok(())
    }

    /// Reads the file, leaves out what is in the mailbox already, and gives how many messages it has.
    fn read(&mut self, session: &mut Session, known: &mut Known<'_>) -> Result<u32> {
        let mut letters = Letters::open(&self.path)?;
        let (mut count, mut batch, mut bytes) = (0, Vec::new(), 0);
        while let Some(letter) = letters.next()? {
            count += 1;
            let Some(number) = Uid::new(count) else { break };
            match letter {
                Ok(letter) => {
                    let (head, raw) = crate::engine::apply::across::head(number, letter);
                    let sample = (self.samples.len() + batch.len() < Sample::COUNT)
                        .then(|| Sample::of(head.date, &Headers::parse(&raw)));
                    bytes += head.size;
                    batch.push((Head { sample, ..head }, Sha256::digest(&raw).into()));
                }
                Err(reason) => self.report.fail(UidSet::from(number), reason),
            }
            if batch.len() == BATCH || bytes > BODY_BATCH_BYTES {
                self.take(session, known, std::mem::take(&mut batch))?;
                bytes = 0;
            }
        }
        self.take(session, known, batch)?;
        Ok(count)
    }

    /// Takes in messages of the file that are not in the mailbox already.
    fn take(
        &mut self,
        session: &mut Session,
        known: &mut Known<'_>,
        batch: Vec<(Head, Digested)>,
    ) -> Result<()> {
        let there = known.digests(session, &batch)?;
        for (head, digest) in batch {
            if known.take(&there, &head, &digest) {
                self.report.skip(UidSet::from(head.uid), "in the mailbox already");
                continue;
            }
            let message = describe(&head);
            let origin = Origin::File(Arc::clone(&self.path), head.uid.get());
            let arrival = Arrival::of(origin, head.flags.contains(&Flag::Seen), 0);
            self.samples.extend(head.sample);
            self.found.push((arrival, message));
        }
        Ok(())
    }

    fn selection(&self, session: &mut Session, overlay: &Overlay) -> Result<Option<Selection>> {
        let Some(existing) = overlay.existing(session, &self.name)? else { return Ok(None) };
        let all = overlay.all(session, &existing)?;
        Ok(Some(Selection {
            account: self.account.clone(),
            spec: NameSpec::Raw(self.name.wire().to_vec()),
            shown: self.report.mailbox.clone(),
            name: self.name.clone(),
            validity: existing.validity,
            exists: None,
            query: Query::Uids(all.clone()),
            uids: all,
            rule: None,
            read_only: true,
        }))
    }
}

/// Gives a message that the run itself would have archived as one of the file.
fn archived(number: Uid, message: PlannedMessage) -> PlannedMessage {
    PlannedMessage { uid: number.get(), brought_by: None, gmail_id: None, ..message }
}

/// SHA-256 of a message's bytes.
type Digested = [u8; 32];

/// By Message-ID and size.
type Alike = (Option<String>, Option<u64>);

/// What would be in a mailbox already.
struct Known<'a> {
    overlay: &'a Overlay,
    selection: Option<Selection>,
    messages: BTreeMap<Alike, Vec<(Uid, Option<i64>)>>,
}

impl<'a> Known<'a> {
    fn find(session: &mut Session, overlay: &'a Overlay, selection: Option<Selection>) -> Result<Self> {
        let mut messages: BTreeMap<Alike, Vec<_>> = BTreeMap::new();
        if let Some(selection) = selection.as_ref().filter(|selection| !selection.uids.is_empty()) {
            let inquiry = Inquiry::new(session, None)?;
            for (uid, identity) in overlay.identities(session, selection, &selection.uids, &inquiry)? {
                let marked = identity.flags.is_some_and(|flags| flags.contains(&Flag::Deleted));
                let message_id = identity.headers.as_ref().and_then(Headers::message_id);
                let date = identity.date.map(|date| date.timestamp().as_second());
                if !marked {
                    messages.entry((message_id, identity.size)).or_default().push((uid, date));
                }
            }
        }
        Ok(Self { overlay, selection, messages })
    }

    /// Gives the messages there that may be one of the batch: all but their bytes are alike.
    fn alike(&self, head: &Head) -> impl Iterator<Item = Uid> {
        let date = head.date.map(|date| date.timestamp().as_second());
        let alike = self.messages.get(&(head.known.message_id.clone(), Some(head.size)));
        let alike = alike.into_iter().flatten();
        alike.filter(move |(_, at)| date.is_none() || *at == date).map(|(uid, _)| *uid)
    }

    /// Digests the messages there that may be ones of a batch.
    fn digests(&self, session: &mut Session, batch: &[(Head, Digested)]) -> Result<BTreeMap<Uid, Digested>> {
        let candidates: UidSet = batch.iter().flat_map(|(head, _)| self.alike(head)).collect();
        let mut digests = BTreeMap::new();
        let Some(selection) = self.selection.as_ref().filter(|_| !candidates.is_empty()) else {
            return Ok(digests);
        };
        let wanted = [(candidates, vec![FetchItem::Section(Section::Whole)])];
        self.overlay.fetch_each(session, selection, &wanted, &mut |mut fetch| {
            if let (Some(uid), Some(raw)) = (fetch.uid, fetch.take_section(&Section::Whole)) {
                digests.insert(uid, Sha256::digest(&raw).into());
            }
            Ok(())
        })?;
        Ok(digests)
    }

    /// Tells whether a message is there, byte for byte and from the same time. Each of those there stands for one.
    fn take(&mut self, there: &BTreeMap<Uid, Digested>, head: &Head, digest: &Digested) -> bool {
        let Some(uid) = self.alike(head).find(|uid| there.get(uid) == Some(digest)) else { return false };
        if let Some(alike) = self.messages.get_mut(&(head.known.message_id.clone(), Some(head.size))) {
            alike.retain(|(known, _)| *known != uid);
        }
        true
    }
}
