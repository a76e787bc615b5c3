use super::known::Known;
use super::{Matcher, Part};
use crate::engine::messages::MESSAGE_CAP;
use crate::engine::report::named;
use crate::engine::selection::Selection;
use crate::engine::world::{Event, Run};
use crate::error::Result;
use crate::imap::{Access, FetchItem, Section, Session};
use crate::mail::{MailboxName, UidSet};

/// Looks into messages until all is decided: the cheap parts of all that are open first.
///
/// Each message is tested when it comes and is forgotten then, so that memory does not grow with the mailbox.
pub(super) fn decide(
    session: &mut Session,
    run: &Run,
    (real, selection): (&MailboxName, &Selection),
    access: Access,
    known: &mut Known,
) -> Result<()> {
    let fields = |part: &Part| matches!(part, Part::Field(_));
    let stages: [&dyn Fn(&Part) -> bool; 4] =
        [&fields, &|part| *part == Part::Header, &|part| *part == Part::Text, &|part| *part == Part::Whole];
    for of in stages {
        let tests = known.tests(of);
        let mut open = if tests.is_empty() { UidSet::new() } else { known.open() };
        if open.is_empty() {
            continue;
        }
        let section = section(&tests);
        if matches!(section, Section::Text | Section::Whole) {
            let large = too_large(session, real, access, &open)?;
            if !large.is_empty() {
                run.world.tell(Event::Warning(format!(
                    "{} of {} of {} were not looked into: they are larger than {} MiB",
                    named(&large),
                    selection.shown,
                    selection.account.label(),
                    MESSAGE_CAP >> 20
                )));
            }
            open = open.difference(&large);
        }
        let mut seen = UidSet::new();
        let mut passed = vec![UidSet::new(); tests.len()];
        let wanted = [(open, vec![FetchItem::Section(section.clone())])];
        session.uid_fetch(real, access, &wanted, &mut |fetch| {
            let (Some(uid), Some(content)) = (fetch.uid, fetch.section(&section)) else { return Ok(()) };
            seen.insert(uid);
            for ((_, matcher), passed) in tests.iter().zip(&mut passed) {
                let holds = match &matcher.part {
                    Part::Field(name) => (matcher.test)(&field(content, name))?,
                    Part::Header | Part::Text | Part::Whole => (matcher.test)(content)?,
                };
                if holds {
                    passed.insert(uid);
                }
            }
            Ok(())
        })?;
        for ((number, _), passed) in tests.iter().zip(&passed) {
            known.take(*number, &seen, passed);
        }
    }
    Ok(())
}

/// Gives what is fetched for tests of one stage: their header fields are fetched together.
fn section(tests: &[(usize, Matcher)]) -> Section {
    let mut names: Vec<String> = Vec::new();
    for (_, matcher) in tests {
        match &matcher.part {
            Part::Field(name) if names.iter().any(|known| known.eq_ignore_ascii_case(name)) => {}
            Part::Field(name) => names.push(name.clone()),
            Part::Header => return Section::Header,
            Part::Text => return Section::Text,
            Part::Whole => return Section::Whole,
        }
    }
    Section::with_fields(names)
}

/// Asks which messages are too large to be loaded.
fn too_large(session: &mut Session, real: &MailboxName, access: Access, open: &UidSet) -> Result<UidSet> {
    let mut large = UidSet::new();
    session.uid_fetch(real, access, &[(open.clone(), vec![FetchItem::Size])], &mut |fetch| {
        if let Some(uid) = fetch.uid.filter(|_| fetch.size.is_some_and(|size| size > MESSAGE_CAP)) {
            large.insert(uid);
        }
        Ok(())
    })?;
    Ok(large)
}

/// Takes the fields of one name out of a header, as a server gives them for `HEADER.FIELDS`: each as it was sent, and an
/// empty line.
pub fn field(header: &[u8], name: &str) -> Vec<u8> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in header.split_inclusive(|byte| *byte == b'\n') {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let end = line.iter().position(|byte| *byte == b':').unwrap_or(0);
            let own = line.get(..end).unwrap_or_default().trim_ascii_end();
            inside = end > 0 && own.eq_ignore_ascii_case(name.as_bytes());
        }
        if inside {
            found.extend_from_slice(line);
        }
    }
    found.extend_from_slice(b"\r\n");
    found
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn a_field_is_taken_as_it_is() {
        let header = b"A: 1\r\nx-Spam: a\r\n b\r\nAX-Spam: no\r\nX-SPAM : c\r\n\r\n";
        assert_eq!(field(header, "X-Spam"), b"x-Spam: a\r\n b\r\nX-SPAM : c\r\n\r\n");
        assert_eq!(field(header, "b"), b"\r\n");
    }
}
