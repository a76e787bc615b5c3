use super::messages::{BODY_BATCH_BYTES, Loaded, MESSAGE_CAP, Needs, load_body};
use super::report::Report;
use super::selection::Selection;
use super::selection_set::SelectionSet;
use super::title::Title;
use super::walk::{Met, Walk};
use crate::error::{ErrorKind, Result};
use crate::imap::Section;
use crate::mail::UidSet;

/// Goes through the contents of a selection, in bounded memory. What is gone or too large is noted in the
/// report; an error ends it.
pub(super) fn each_content(
    selection: &Selection,
    report: &mut Report,
    mut each: impl FnMut(&mut Report, &Loaded, Vec<u8>) -> Result<()>,
) -> Result<()> {
    let needs = Needs { content: true, ..Needs::default() };
    let mut walk = Walk::new(&SelectionSet::from(selection.clone()), needs);
    let mut there = UidSet::new();
    while let Some(Met { loaded, content, .. }) = walk.step()? {
        let content = match content {
            Some(content) => Ok(content),
            // It was asked for and did not come.
            None if loaded.size <= BODY_BATCH_BYTES => continue,
            None => load_body(selection, loaded.uid, loaded.size, Section::Whole).wait(),
        };
        report.entitle(loaded.uid, || Title::of(&loaded.headers));
        match content {
            Ok(raw) => each(report, &loaded, raw)?,
            Err(error) => match *error.kind {
                ErrorKind::Gone { .. } => continue,
                ErrorKind::TooLarge { size, .. } => report.fail(UidSet::from(loaded.uid), too_large(size)),
                _ => return Err(error),
            },
        }
        there.insert(loaded.uid);
    }
    report.skip(selection.uids.difference(&there), GONE);
    Ok(())
}

/// What is said of messages that are not there any more.
pub(super) const GONE: &str = "no longer in the mailbox";

/// Says why something is not loaded.
pub(super) fn too_large(size: u64) -> String {
    format!("{size} bytes, more than the {MESSAGE_CAP} that are loaded at most")
}
