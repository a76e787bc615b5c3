use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::contents::{GONE, too_large};
use super::messages::{BODY_BATCH_BYTES, MESSAGE_CAP, Needs, fetch_each, load_body};
use super::new_file::{ensure_directory, refused, write_new};
use super::outside::{plan_directory, record};
use super::overlay::Overlay;
use super::report::{Report, Verb};
use super::sample::Sample;
use super::selection::Selection;
use super::selection_set::SelectionSet;
use super::ticket::Ticket;
use super::title::Title;
use super::walk::Walk;
use crate::error::{Error, ErrorKind, Result};
use crate::imap::{FetchItem, Section};
use crate::mail::{Attachment, BodyStructure, Message, Uid, UidSet, safe_file_name};

/// Saves all attachments of the messages into a directory, which is created where only its last component is
/// missing. The messages' texts are not fetched.
///
/// A name is made harmless, and what has it already is never replaced: the next is `name (2)`. An attachment
/// that is there already, byte for byte, is not written again.
///
/// With the report of what was done comes the error that ended it before its end, if one did.
pub fn save_attachments(selection: &Selection, directory: &Path) -> (Report, Option<Error>) {
    let shown = directory.display().to_string();
    let mut report = Report::of(Verb::Save, selection, shown);
    if selection.uids.is_empty() {
        return (report, None);
    }
    let mut saving = Saving { selection, directory, report: &mut report, open: BTreeMap::new() };
    let done = saving.run();
    // A message is done when all of its attachments are there.
    let open: UidSet = saving.open.into_iter().filter(|(_, count)| *count > 0).map(|(uid, _)| uid).collect();
    report.done = report
        .failed
        .iter()
        .fold(report.done.difference(&open), |done, failed| done.difference(&failed.uids));
    if let Some(overlay) = &selection.account.run().overlay {
        record(overlay, selection, &report, Some(directory));
    }
    let error = done.err().and_then(|error| report.cut_short(&selection.uids, error));
    (report, error)
}

/// An attachment to be fetched.
#[derive(Debug)]
struct Wanted {
    uid: Uid,
    name: String,
    part: BodyStructure,
}

/// Attachments that are under way.
struct Batch {
    wanted: Vec<Wanted>,
    ticket: Ticket<HashMap<(Uid, String), Vec<u8>>>,
}

struct Saving<'a> {
    selection: &'a Selection,
    directory: &'a Path,
    report: &'a mut Report,
    /// How many attachments of each message are still to be saved.
    open: BTreeMap<Uid, usize>,
}

impl Saving<'_> {
    fn run(&mut self) -> Result<()> {
        let shown = self.directory.display();
        match &self.selection.account.run().overlay {
            Some(overlay) if plan_directory(overlay, self.directory)? => {
                self.report.notes.push(format!("would create directory {shown}"));
            }
            None if ensure_directory(self.directory)? => {
                self.report.notes.push(format!("created directory {shown}"));
            }
            _ => {}
        }
        let needs = Needs { structure: true, ..Needs::default() };
        let mut walk = Walk::new(&SelectionSet::from(self.selection.clone()), needs);
        let (mut there, mut next, mut bytes) = (UidSet::new(), Vec::new(), 0);
        let mut under_way = None;
        while let Some(met) = walk.step()? {
            let uid = met.loaded.uid;
            there.insert(uid);
            self.report.entitle(uid, || Title::of(&met.loaded.headers));
            self.report.add_sample(|| Sample::of(met.loaded.date, &met.loaded.headers));
            let Some(structure) = met.loaded.structure else {
                self.whole(uid, met.loaded.size)?;
                continue;
            };
            for (attachment, part) in attached(&structure) {
                let size = u64::from(attachment.size);
                if size > MESSAGE_CAP {
                    self.report.fail(UidSet::from(uid), format!("an attachment has {}", too_large(size)));
                    continue;
                }
                if bytes + size > BODY_BATCH_BYTES && !next.is_empty() {
                    self.turn(&mut under_way, std::mem::take(&mut next))?;
                    bytes = 0;
                }
                bytes += size;
                *self.open.entry(uid).or_default() += 1;
                next.push(Wanted { uid, name: file_name(&attachment), part });
            }
        }
        self.turn(&mut under_way, next)?;
        self.turn(&mut under_way, Vec::new())?;
        self.report.skip(self.selection.uids.difference(&there), GONE);
        Ok(())
    }

    /// Asks for a batch, and meanwhile writes the one that was asked for before.
    fn turn(&mut self, under_way: &mut Option<Batch>, wanted: Vec<Wanted>) -> Result<()> {
        let next = (!wanted.is_empty()).then(|| Batch { ticket: load(self.selection, &wanted), wanted });
        let Some(batch) = std::mem::replace(under_way, next) else { return Ok(()) };
        let mut found = batch.ticket.wait()?;
        for wanted in batch.wanted {
            let Wanted { uid, name, part } = wanted;
            match found.remove(&(uid, part.id.clone())) {
                None => self.report.skip(UidSet::from(uid), GONE),
                Some(body) if body.is_empty() && part.size > 0 => {
                    self.report.fail(UidSet::from(uid), "the server gave nothing of an attachment");
                }
                Some(body) => self.place(uid, &name, &part.decode(&body))?,
            }
            self.open.entry(uid).and_modify(|count| *count -= 1);
        }
        Ok(())
    }

    /// Saves the attachments of a message that the server could not describe.
    fn whole(&mut self, uid: Uid, size: u64) -> Result<()> {
        let raw = match load_body(self.selection, uid, size, Section::Whole).wait() {
            Ok(raw) => raw,
            Err(error) => match *error.kind {
                ErrorKind::Gone { .. } => {
                    self.report.skip(UidSet::from(uid), GONE);
                    return Ok(());
                }
                ErrorKind::TooLarge { size, .. } => {
                    self.report.fail(UidSet::from(uid), too_large(size));
                    return Ok(());
                }
                _ => return Err(error),
            },
        };
        let message = Message::parse(raw);
        *self.open.entry(uid).or_default() += 1;
        for attachment in message.attachments() {
            if let Some(content) = message.part(&attachment.part) {
                self.place(uid, &file_name(&attachment), &content)?;
            }
        }
        self.open.remove(&uid);
        Ok(())
    }

    /// Writes one attachment, unless it is there already.
    fn place(&mut self, uid: Uid, name: &str, content: &[u8]) -> Result<()> {
        let overlay = self.selection.account.run().overlay.as_ref();
        match place(overlay, self.directory, name, content) {
            Ok(Some(path)) => {
                self.report.files.push(path);
                self.report.done.insert(uid);
            }
            Ok(None) => self.report.skip(UidSet::from(uid), "saved there already, byte for byte"),
            Err(error) => return Err(refused(&self.directory.join(name), &error)),
        }
        Ok(())
    }
}

/// Gives the attachments of a message with their parts.
fn attached(structure: &BodyStructure) -> Vec<(Attachment, BodyStructure)> {
    let with_part = |attachment: Attachment| {
        let part = structure.part(&attachment.part)?;
        // What is in an embedded message comes with it.
        Some((attachment, BodyStructure { children: Vec::new(), ..part.clone() }))
    };
    structure.attachments().into_iter().filter_map(with_part).collect()
}

/// Gives the name for an attachment's file. An embedded message mostly has none.
fn file_name(attachment: &Attachment) -> String {
    let name = attachment.name.as_deref().unwrap_or_default();
    if name.trim().is_empty() && matches!(&*attachment.content_type, "message/rfc822" | "message/global") {
        return "message.eml".to_owned();
    }
    safe_file_name(name)
}

/// Fetches attachments, those of messages with the same part numbers by one command, all in one flight.
fn load(selection: &Selection, wanted: &[Wanted]) -> Ticket<HashMap<(Uid, String), Vec<u8>>> {
    let mut parts: BTreeMap<Uid, Vec<String>> = BTreeMap::new();
    for Wanted { uid, part, .. } in wanted {
        parts.entry(*uid).or_default().push(part.id.clone());
    }
    let mut alike: BTreeMap<Vec<String>, UidSet> = BTreeMap::new();
    for (uid, parts) in parts {
        alike.entry(parts).or_default().insert(uid);
    }
    let section = |id: &String| Section::Part(id.clone());
    let asked: Vec<_> = alike
        .iter()
        .map(|(parts, uids)| {
            (uids.clone(), parts.iter().map(|id| FetchItem::Section(section(id))).collect::<Vec<_>>())
        })
        .collect();
    let ids: Vec<_> = alike.into_keys().flatten().collect();
    let selection = selection.clone();
    selection.account.clone().read(move |session, _| {
        let mut found = HashMap::new();
        let mut room = MESSAGE_CAP + BODY_BATCH_BYTES;
        let result = fetch_each(session, &selection, &asked, &mut |mut fetch| {
            let Some(uid) = fetch.uid else { return Ok(()) };
            for id in &ids {
                if let Some(body) = fetch.take_section(&section(id)) {
                    let lie = || Error::protocol("much larger attachments than it said before");
                    room = room.checked_sub(body.len() as u64).ok_or_else(lie)?;
                    found.insert((uid, id.clone()), body);
                }
            }
            Ok(())
        });
        result.map_err(|error| error.in_mailbox(&selection.shown))?;
        Ok(found)
    })
}

/// Writes a file under a name that is free. `None` where one of these names has the same content already.
fn place(
    overlay: Option<&Overlay>,
    directory: &Path,
    name: &str,
    content: &[u8],
) -> io::Result<Option<PathBuf>> {
    let (stem, extension) = match name.rfind('.').filter(|&dot| dot > 0) {
        Some(dot) => name.split_at_checked(dot).unwrap_or((name, "")),
        None => (name, ""),
    };
    let mut number = 1_u32;
    loop {
        let path = match number {
            1 => directory.join(name),
            _ => directory.join(format!("{stem} ({number}){extension}")),
        };
        match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                match overlay.map(|overlay| overlay.files(|files| files.write(&path, content))) {
                    Some(None) => return Ok(Some(path)),
                    Some(Some(true)) => return Ok(None),
                    Some(Some(false)) => {
                        number = number.checked_add(1).ok_or(io::ErrorKind::AlreadyExists)?;
                        continue;
                    }
                    None => {}
                }
                match write_new(directory, &path, content, None) {
                    Ok(()) => return Ok(Some(path)),
                    // Somebody took the name meanwhile: look again.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                    Err(error) => return Err(error),
                }
            }
            Err(error) => return Err(error),
            Ok(found) => {
                if found.is_file()
                    && found.len() == content.len() as u64
                    && fs::read(&path).is_ok_and(|there| there == content)
                {
                    return Ok(None);
                }
            }
        }
        number = number.checked_add(1).ok_or(io::ErrorKind::AlreadyExists)?;
    }
}
