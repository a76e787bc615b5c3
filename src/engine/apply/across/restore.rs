use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::Across;
use super::book::Book;
use super::inflow::Inflow;
use super::target::Target;
use super::there::There;
use crate::engine::account::Account;
use crate::engine::apply::planning;
use crate::engine::apply::source::Head;
use crate::engine::export::{Letter, Letters};
use crate::engine::identity::Likeness;
use crate::engine::journal::Known;
use crate::engine::messages::BODY_BATCH_BYTES;
use crate::engine::names::NameSpec;
use crate::engine::permission::Permission;
use crate::engine::report::{Report, Verb};
use crate::engine::ticket::Ticket;
use crate::error::{ErrorKind, Result};
use crate::mail::{Headers, Uid, UidSet};

/// How many messages are sent at once.
const BATCH: usize = 250;

/// Puts the messages of an mbox file into a mailbox, with their dates of arrival and their flags where the file has
/// them. A message that is there already, byte for byte and from the same time, is skipped, so that restoring twice
/// doubles nothing. The report counts messages by their numbers in the file.
///
/// Errors mean that nothing was changed.
pub fn restore(account: &Account, spec: NameSpec, path: PathBuf) -> Ticket<Report> {
    let run = account.run().clone();
    if let Err(error) = run.permit(Permission::Copy) {
        return Ticket::failed(error, &run);
    }
    if run.overlay.is_some() {
        return planning::restore(account, spec, path);
    }
    let across = Across { account: account.clone(), spec, accept_rewritten: false };
    Ticket::of_thread(&run, move || go(&across, &path, None))
}

/// Does the same with some of the messages, by their numbers in the file; one that is not like what is said is left
/// alone.
pub(in crate::engine) fn restore_some(
    account: &Account,
    spec: NameSpec,
    path: PathBuf,
    some: Chosen,
) -> Ticket<Report> {
    let across = Across { account: account.clone(), spec, accept_rewritten: false };
    Ticket::of_thread(account.run(), move || go(&across, &path, Some(some)))
}

/// Some of the messages of a file, and what they are like as far as that is known.
pub(in crate::engine) type Chosen = BTreeMap<Uid, Option<Likeness>>;

fn go(across: &Across, path: &Path, some: Option<Chosen>) -> Result<Report> {
    let mut file = File { letters: Letters::open(path)?, count: 0, some };
    let _turn = across.account.receive();
    let target = Target::find(across, Permission::Copy).wait()?;
    let mut there = target.content().wait()?;
    let object = path.display().to_string();
    let report = Report::new(Verb::Restore, across.account.label(), &target.shown, Some(object));
    let book = Book::of_file(&target, path)?;
    let mut inflow = Inflow::new(target, report, book, false);
    let mut broken = None;
    while broken.is_none() {
        let Some(batch) = file.batch(&mut inflow.report)? else { break };
        let interrupted = across.account.run().is_interrupted();
        let ready = if interrupted { Err(ErrorKind::Interrupted.into()) } else { Ok(()) };
        let new = ready.and_then(|()| leave_out_known(&mut inflow, &mut there, batch));
        broken = match new.and_then(|new| create(&mut inflow, new)) {
            Ok(new) => {
                let messages =
                    new.into_iter().filter_map(|(head, raw)| inflow.offer(head, raw)).collect::<Vec<_>>();
                let (proven, broken) = inflow.store(messages);
                inflow.report.done = inflow.report.done.union(&proven);
                inflow.conclude();
                broken
            }
            Err(error) if inflow.report.done.is_empty() && inflow.report.landed.is_empty() => {
                return Err(error);
            }
            Err(error) => Some(error.to_string()),
        };
    }
    let proven = inflow.finish();
    inflow.report.done = inflow.report.done.union(&proven);
    let mut report = inflow.end();
    if let Some(reason) = broken {
        report.notes.push(format!("not all of the file was restored: {reason}"));
        let told = [&report.skipped, &report.failed, &report.in_doubt].into_iter().flatten();
        let known = told.fold(report.done.clone(), |sum, remark| sum.union(&remark.uids));
        let all = (1..=file.count).filter_map(Uid::new).collect::<UidSet>();
        report.fail(all.difference(&known), format!("not begun: {reason}"));
        let rest = (file.count + 1..=file.count + 1).filter_map(Uid::new).collect();
        report.fail(rest, format!("it and what comes after it, not begun: {reason}"));
    }
    Ok(report)
}

/// The file, and how many of its messages were read.
struct File {
    letters: Letters,
    count: u32,
    /// The messages that are wanted, if not all are.
    some: Option<Chosen>,
}

impl File {
    /// Reads as many messages as are sent at once. `None` after the last.
    fn batch(&mut self, report: &mut Report) -> Result<Option<Vec<(Uid, Letter)>>> {
        let (mut batch, mut bytes, mut ended) = (Vec::new(), 0, true);
        while bytes < BODY_BATCH_BYTES && batch.len() < BATCH {
            let Some(letter) = self.letters.next()? else { break };
            ended = false;
            self.count += 1;
            let Some(number) = Uid::new(self.count) else { break };
            let like = match &self.some {
                None => None,
                Some(some) => match some.get(&number) {
                    Some(like) => like.as_ref(),
                    None => continue,
                },
            };
            match letter {
                Ok(letter) if like.is_some_and(|like| !is_like(&letter, like)) => {
                    report.skip(UidSet::from(number), "left alone: it is not what the plan says");
                }
                Ok(letter) => {
                    bytes += letter.raw.len() as u64;
                    batch.push((number, letter));
                }
                Err(reason) => report.fail(UidSet::from(number), reason),
            }
        }
        Ok((!ended).then_some(batch))
    }
}

fn is_like(letter: &Letter, like: &Likeness) -> bool {
    let Likeness::Mail(message_id, size, date) = like else { return true };
    let same_date = letter.date.is_none_or(|is| is.timestamp().as_second() == *date);
    same_date && letter.raw.len() as u64 == *size && Headers::parse(&letter.raw).message_id() == *message_id
}

/// Leaves out the messages that are in the mailbox already: each of those there stands for one.
fn leave_out_known(
    inflow: &mut Inflow,
    there: &mut There,
    batch: Vec<(Uid, Letter)>,
) -> Result<Vec<(Head, Vec<u8>)>> {
    let mut candidates = UidSet::new();
    let heads: Vec<(Head, Vec<u8>)> =
        batch.into_iter().map(|(number, letter)| head(number, letter)).collect();
    for (head, _) in &heads {
        candidates = there.like(head).fold(candidates, |sum, uid| sum.union(&UidSet::from(uid)));
    }
    let digests: BTreeMap<Uid, [u8; 32]> = inflow.target.digests(candidates).wait()?;
    let mut new = Vec::new();
    for (head, raw) in heads {
        let digest: [u8; 32] = Sha256::digest(&raw).into();
        let known = there.like(&head).find(|uid| digests.get(uid) == Some(&digest));
        match known {
            Some(uid) => {
                there.take(&head, uid);
                inflow.report.skip(UidSet::from(head.uid), "in the mailbox already");
            }
            None => new.push((head, raw)),
        }
    }
    Ok(new)
}

/// Gives a message of a file as one that is about to be sent.
pub(in crate::engine::apply) fn head(number: Uid, letter: Letter) -> (Head, Vec<u8>) {
    let Letter { raw, flags, date } = letter;
    let (headers, size) = (Headers::parse(&raw), raw.len() as u64);
    let known = Known {
        size: Some(size),
        date: date.map(|date| date.timestamp().as_second()),
        message_id: headers.message_id(),
        flags: flags.clone(),
        subject: headers.subject(),
        ..Known::default()
    };
    (Head { uid: number, flags, size, date, known, sample: None }, raw)
}

/// Makes the mailbox if there is something to be put into it and it is missing.
fn create(inflow: &mut Inflow, new: Vec<(Head, Vec<u8>)>) -> Result<Vec<(Head, Vec<u8>)>> {
    if inflow.target.missing && !new.is_empty() {
        if inflow.target.create().wait()? {
            inflow.report.notes.push(format!("created mailbox {}", inflow.target.shown));
        }
        inflow.target.missing = false;
    }
    Ok(new)
}
