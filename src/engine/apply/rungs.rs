//! The rungs of a move, and what becomes of messages that an answer leaves open.

use super::proof::{Proof, look_in_target};
use super::ready::{Before, check_open, reopen};
use super::transfer::{Way, cut, refusal};
use crate::error::{ErrorKind, Result};
use crate::imap::{Command, Response, Session, StoreMode};
use crate::mail::{Flag, Uid, UidSet};

impl Way<'_> {
    /// Rung a.
    pub(super) fn move_(&mut self, session: &mut Session, uids: &UidSet) {
        let (transfers, error) = session.uid_move(uids, &self.target);
        let broken = error.map(|error| error.to_string());
        let mut again = UidSet::new();
        let mut unsettled = UidSet::new();
        let mut copied = UidSet::new();
        let mut reasons = Vec::new();
        for transfer in &transfers {
            let proof = Proof::from_codes(&transfer.copied, &transfer.named);
            let rest = transfer.named.difference(&proof.shown);
            self.take_landed(&proof);
            match &transfer.done {
                Some(done) if self.may_try_again(done, &proof) => again = again.union(&rest),
                Some(done) if done.is_ok() => {
                    self.report.done = self.report.done.union(&proof.shown);
                    reasons.push((rest.clone(), refusal(done)));
                    unsettled = unsettled.union(&rest);
                }
                // COPYUID comes before the originals go: after a refusal they must be looked for.
                Some(done) => {
                    copied = copied.union(&proof.shown);
                    reasons.push((transfer.named.clone(), refusal(done)));
                    unsettled = unsettled.union(&transfer.named);
                }
                None => {
                    let cut = cut(broken.as_deref());
                    self.report.doubt(
                        proof.shown,
                        format!("it is in the target, and may still be in the mailbox: {cut}"),
                    );
                    self.report.doubt(rest, cut);
                }
            }
        }
        if !unsettled.is_empty()
            && let Err(error) = self.settle(session, &unsettled, &copied, &reasons)
        {
            self.report.doubt(unsettled, format!("it could not be looked after: {error}"));
        }
        if !again.is_empty() && self.create_target(session, &again) {
            self.move_(session, &again);
        }
    }

    /// Finds out what became of messages of which MOVE's answer does not say it: what is still in the source
    /// and what arrived in the target. `copied` are those whose copies COPYUID named.
    fn settle(
        &mut self,
        session: &mut Session,
        uids: &UidSet,
        copied: &UidSet,
        reasons: &[(UidSet, String)],
    ) -> Result<()> {
        let here = still_here(session, uids)?;
        let there = match self.look(session, &uids.difference(copied)) {
            // A target that does not exist holds no copies.
            Err(error) if matches!(*error.kind, ErrorKind::Refused { .. }) => UidSet::new(),
            proof => proof?.shown,
        };
        let there = there.union(copied);
        let gone = uids.difference(&here);
        self.report.done = self.report.done.union(&gone.intersection(&there));
        self.report.doubt(
            gone.difference(&there),
            "no longer in the mailbox and not seen in the target; another client may have taken it",
        );
        self.report.doubt(
            here.intersection(&there),
            "the server left it in the mailbox and put a copy into the target; both are kept",
        );
        let left = here.difference(&there);
        for (named, reason) in reasons {
            self.report.fail(left.intersection(named), reason.clone());
        }
        Ok(())
    }

    /// Rungs b and c.
    pub(super) fn copy_and_remove(&mut self, session: &mut Session, uids: &UidSet) {
        let (transfers, error) = session.uid_copy(uids, &self.target);
        let broken = error.map(|error| error.to_string());
        let mut again = UidSet::new();
        let mut proven = UidSet::new();
        let mut to_look_for: Vec<UidSet> = Vec::new();
        for transfer in &transfers {
            let proof = Proof::from_codes(&transfer.copied, &transfer.named);
            let whole = proof.shown == transfer.named;
            match &transfer.done {
                Some(done) if done.is_ok() && whole => {
                    proven = proven.union(&transfer.named);
                    self.take_landed(&proof);
                }
                Some(done) if self.may_try_again(done, &proof) => again = again.union(&transfer.named),
                Some(done) if done.is_ok() => to_look_for.push(transfer.named.clone()),
                Some(done) => self.report.fail(transfer.named.clone(), refusal(done)),
                None => self.report.doubt(
                    transfer.named.clone(),
                    format!("{}; nothing was removed, a copy may be in the target", cut(broken.as_deref())),
                ),
            }
        }
        // In one look, so that one copy can't stand for two messages of different batches.
        let wanted = to_look_for.iter().fold(UidSet::new(), |sum, named| sum.union(named));
        match self.look(session, &wanted) {
            Ok(proof) => {
                self.take_landed(&proof);
                for named in to_look_for {
                    let shown = proof.shown.intersection(&named);
                    // All of a batch or nothing: a copy too few is a server that can't be trusted with the rest.
                    if shown == named {
                        proven = proven.union(&named);
                        continue;
                    }
                    self.report.doubt(
                        named.difference(&shown),
                        "the server said OK, but no copy is seen in the target: nothing was removed",
                    );
                    self.report.doubt(
                        shown,
                        "a copy is in the target, but not of every message of the batch: nothing was removed",
                    );
                }
            }
            Err(error) => self.report.doubt(wanted, format!("nothing was removed: {error}")),
        }
        if !proven.is_empty() {
            self.remove(session, &proven);
        }
        if !again.is_empty() && self.create_target(session, &again) {
            self.copy_and_remove(session, &again);
        }
    }

    /// Looks for copies in the target, among what can only have come there by this transfer, and opens the
    /// source again.
    fn look(&self, session: &mut Session, wanted: &UidSet) -> Result<Proof> {
        let since = match self.ready.before {
            Before::Next(next) => next,
            Before::Missing if self.tried => Uid::MIN,
            // What is there may have been there before, or be the source itself under another name.
            Before::Missing | Before::Unknown => return Ok(Proof::default()),
        };
        if wanted.is_empty() {
            return Ok(Proof::default());
        }
        let landed = self.report.landed.iter();
        let taken = landed.fold(UidSet::new(), |sum, landing| sum.union(&landing.uids));
        let proof = look_in_target(session, &self.target, since, &taken, wanted, &self.ready.identities);
        // Whoever goes on with the source looks first whether it is open: what was seen counts all the same.
        drop(reopen(session, self.selection));
        proof
    }

    /// Removes messages whose copies are proven: marks them, and expunges these and no others.
    fn remove(&mut self, session: &mut Session, proven: &UidSet) {
        if let Err(error) = check_open(session, self.selection) {
            self.report.doubt(proven.clone(), format!("copied, but not removed here: {error}"));
            return;
        }
        let (stored, error) = session.uid_store(proven, StoreMode::Add, &[Flag::Deleted]);
        let broken = error.map(|error| error.to_string());
        let mut marked = UidSet::new();
        for (named, end) in stored {
            match end {
                Some(done) if done.is_ok() => marked = marked.union(&named),
                Some(done) => {
                    self.report.doubt(named, format!("copied, but not removed here: {}", refusal(&done)));
                }
                None => self
                    .report
                    .doubt(named, format!("copied, but not removed here: {}", cut(broken.as_deref()))),
            }
        }
        if marked.is_empty() {
            return;
        }
        if !session.capabilities().has("UIDPLUS") {
            self.report.done = self.report.done.union(&marked);
            self.report.held = marked.clone();
            self.report.notes.push(format!(
                "the originals (UID {marked}) stay in {}, marked \\Deleted: this server can't remove single messages",
                self.selection.shown
            ));
            return;
        }
        let (expunged, error) = session.uid_expunge(&marked);
        let broken = error.map(|error| error.to_string());
        for (named, end) in expunged {
            match end {
                Some(done) if done.is_ok() => self.report.done = self.report.done.union(&named),
                Some(done) => {
                    let reason = format!("copied; the original stays marked \\Deleted: {}", refusal(&done));
                    self.report.doubt(named, reason);
                }
                None => {
                    let reason =
                        format!("copied; the original is marked \\Deleted: {}", cut(broken.as_deref()));
                    self.report.doubt(named, reason);
                }
            }
        }
    }
}

/// Finds which of the messages are still in the open mailbox.
fn still_here(session: &mut Session, uids: &UidSet) -> Result<UidSet> {
    let mut here = Vec::new();
    let parts = uids.split(crate::imap::COMMAND_BYTES - 100);
    let commands: Vec<_> =
        parts.iter().map(|part| Command::new("UID FETCH").uids(part).syntax("(UID)")).collect();
    let ends = session.run(&commands, &mut |_, response| {
        if let Response::Fetch(fetch) = response
            && let Some(uid) = fetch.uid
            && uids.contains(uid)
        {
            here.push(uid);
        }
        Ok(())
    })?;
    for end in ends {
        end.ok()?;
    }
    Ok(here.into_iter().collect())
}
