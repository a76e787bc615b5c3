//! What a plan does beside the servers: files.

use std::fs;

use super::Following;
use super::order::{Order, Outside, Wanted};
use crate::engine::contents::GONE;
use crate::engine::export::export;
use crate::engine::messages::load_body;
use crate::engine::new_file::save;
use crate::engine::save_attachments;
use crate::engine::selection_set::SelectionSet;
use crate::error::{ErrorKind, Result};
use crate::imap::Section;
use crate::mail::UidSet;

impl Following<'_> {
    /// Saves or exports messages.
    pub(super) fn outside(&mut self, order: &Order, outside: &Outside, wanted: &[Wanted]) -> Result<()> {
        let account = self.account(&order.account)?;
        let (placed, missing) = self.places.find(&account, order, wanted)?;
        self.say_missing(order, missing)?;
        for ((mailbox, validity), found) in placed {
            let uids: UidSet = found.iter().map(|(uid, _)| *uid).collect();
            let selection = self.selection(order, (&mailbox, validity), uids.clone())?;
            match outside {
                Outside::Save(directory) => {
                    let (report, error) = save_attachments(&selection, directory);
                    self.tell(report)?;
                    error.map_or(Ok(()), Err)?;
                }
                Outside::SaveMessage(path) => {
                    for uid in uids.iter() {
                        let raw = match load_body(&selection, uid, 0, Section::Whole).wait() {
                            Ok(raw) => raw,
                            Err(error) if matches!(*error.kind, ErrorKind::Gone { .. }) => {
                                let mut report = order.report();
                                report.skip(UidSet::from(uid), GONE);
                                self.tell(report)?;
                                continue;
                            }
                            Err(error) => return Err(error),
                        };
                        // It was written when the plan was applied before.
                        if fs::read(path).is_ok_and(|there| there == raw) {
                            continue;
                        }
                        save(path, &raw, &selection, uid)?;
                    }
                }
                Outside::Export(path) => {
                    for (report, _) in export(&SelectionSet::from(selection), path)? {
                        self.tell(report)?;
                    }
                }
            }
        }
        Ok(())
    }
}
