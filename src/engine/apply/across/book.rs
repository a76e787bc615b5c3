use std::path::Path;
use std::sync::Arc;

use super::copies::Sent;
use super::target::Target;
use crate::engine::apply::record::outcome;
use crate::engine::journal::{self, ActionId, Intent, UnderWay};
use crate::engine::report::{Report, Verb};
use crate::engine::selection::Selection;
use crate::engine::world::{Event, Run};
use crate::error::Result;
use crate::mail::{MailboxName, UidSet, UidValidity};

/// What the journal is told of messages that are put into a mailbox in batches: an action for each batch, which is
/// open until it is known what became of the last of them, the original of a move included.
pub(super) struct Book {
    run: Run,
    /// The account that the actions are of, as the journal knows it.
    account: String,
    verb: Verb,
    rule: Option<String>,
    /// The file that they come from.
    object: Option<String>,
    /// Where the messages are; `None` where that is no mailbox.
    source: Option<(MailboxName, String, Option<UidValidity>)>,
    under_way: UnderWay,
    open: Vec<(ActionId, UidSet)>,
    /// Messages of which more can be told by looking later.
    cut: UidSet,
}

impl Book {
    /// Begins with messages of a selection that are copied or moved to another account.
    pub(super) fn of_transfer(selection: &Selection, verb: Verb) -> Result<Self> {
        let source = (selection.name.clone(), selection.shown.clone(), selection.validity);
        let account = &selection.account;
        let book = Self::new(account.run(), &account.row().identity, verb, Some(source))?;
        Ok(Self { rule: selection.rule.clone(), ..book })
    }

    /// Begins with messages that come from a file.
    pub(super) fn of_file(target: &Target, path: &Path) -> Result<Self> {
        let account = &target.account;
        let book = Self::new(account.run(), &account.row().identity, Verb::Append, None)?;
        Ok(Self { object: Some(path.display().to_string()), ..book })
    }

    fn new(
        run: &Run,
        account: &str,
        verb: Verb,
        source: Option<(MailboxName, String, Option<UidValidity>)>,
    ) -> Result<Self> {
        let under_way = UnderWay::new(run.journal()?);
        let (run, account) = (run.clone(), account.to_owned());
        Ok(Self {
            run,
            account,
            verb,
            rule: None,
            object: None,
            source,
            under_way,
            open: Vec::new(),
            cut: UidSet::new(),
        })
    }

    /// Notes what is about to be sent. It is durable when this returns: only then may it be sent.
    pub(super) fn begin<'a>(
        &mut self,
        target: &Target,
        batch: impl Iterator<Item = &'a Sent> + Clone,
    ) -> Result<()> {
        let uids: UidSet = batch.clone().map(|sent| sent.uid).collect();
        if uids.is_empty() {
            return Ok(());
        }
        let here = || (target.name.clone(), target.shown.clone(), target.validity);
        let elsewhere = self.source.as_ref().map(|_| target.account.row().identity.clone());
        let (mailbox, shown, validity) = self.source.clone().unwrap_or_else(here);
        let intent = Intent {
            verb: self.verb,
            rule: self.rule.clone(),
            object: self.object.clone(),
            mailbox,
            shown,
            validity,
            target: Some(journal::Target {
                account: elsewhere,
                mailbox: target.name.clone(),
                shown: target.shown.clone(),
                validity: target.validity,
                next: target.next,
            }),
            messages: batch.map(|sent| (sent.uid, sent.known.clone())).collect(),
        };
        let id = self.under_way.intend(&self.account, intent)?;
        self.open.extend(id.map(|id| (id, uids)));
        Ok(())
    }

    /// Says that more can be told of messages by looking later, since a connection broke.
    pub(super) fn cut(&mut self, uids: &UidSet) {
        self.cut = self.cut.union(uids);
    }

    /// Notes the end of the batches of which the report tells all there is to tell; of each that is left, if it is the
    /// `last` time.
    pub(super) fn conclude(&mut self, report: &Report, last: bool) {
        let remarks = [&report.skipped, &report.failed, &report.in_doubt].into_iter().flatten();
        let told = remarks.fold(report.done.union(&report.held), |sum, remark| sum.union(&remark.uids));
        let open = std::mem::take(&mut self.open);
        let (over, open) = open.into_iter().partition(|(_, uids)| last || uids.difference(&told).is_empty());
        self.open = open;
        for (id, uids) in over {
            let cut = !uids.intersection(&self.cut).is_empty();
            if let Err(error) = self.under_way.conclude(id, outcome(report, &uids, cut)) {
                let text = format!("what was done could not be noted: {error}");
                self.run.world.tell(Event::Warning(text));
            }
        }
    }

    /// Gives the journal.
    pub(super) fn journal(&self) -> Result<Arc<journal::Journal>> {
        self.run.journal()
    }
}
