use std::num::NonZeroU32;

use imap_codec::imap_types::core::AString;
use imap_codec::imap_types::fetch::{Part as Path, Section};

use super::header;
use super::mime::{Kind, Part, slice};
use super::quote;

/// Gives the bytes of a section of a message; `None` where there is no such part (RFC 3501 §6.4.5).
pub(super) fn bytes(raw: &[u8], root: &Part, section: Option<&Section<'_>>) -> Option<Vec<u8>> {
    let Some(section) = section else {
        return Some(raw.to_vec());
    };
    Some(match section {
        Section::Part(path) => slice(raw, &find(root, path)?.body).to_vec(),
        Section::Mime(path) => slice(raw, &find(root, path)?.header).to_vec(),
        Section::Header(path) => slice(raw, &message(root, path.as_ref())?.header).to_vec(),
        Section::Text(path) => slice(raw, &message(root, path.as_ref())?.body).to_vec(),
        Section::HeaderFields(path, names) => {
            filtered(slice(raw, &message(root, path.as_ref())?.header), names.as_ref(), true)
        }
        Section::HeaderFieldsNot(path, names) => {
            filtered(slice(raw, &message(root, path.as_ref())?.header), names.as_ref(), false)
        }
    })
}

/// Writes the section as a FETCH response names it: `[1.HEADER.FIELDS (FROM)]`.
pub(super) fn write_name(out: &mut Vec<u8>, section: Option<&Section<'_>>) {
    out.push(b'[');
    match section {
        None => {}
        Some(Section::Part(path)) => out.extend_from_slice(numbers(path).as_bytes()),
        Some(Section::Mime(path)) => out.extend_from_slice(format!("{}.MIME", numbers(path)).as_bytes()),
        Some(Section::Header(path)) => keyword(out, path.as_ref(), "HEADER", &[]),
        Some(Section::Text(path)) => keyword(out, path.as_ref(), "TEXT", &[]),
        Some(Section::HeaderFields(path, names)) => {
            keyword(out, path.as_ref(), "HEADER.FIELDS", names.as_ref());
        }
        Some(Section::HeaderFieldsNot(path, names)) => {
            keyword(out, path.as_ref(), "HEADER.FIELDS.NOT", names.as_ref());
        }
    }
    out.push(b']');
}

fn keyword(out: &mut Vec<u8>, path: Option<&Path>, word: &str, names: &[AString<'_>]) {
    if let Some(path) = path {
        out.extend_from_slice(format!("{}.", numbers(path)).as_bytes());
    }
    out.extend_from_slice(word.as_bytes());
    for (at, name) in names.iter().enumerate() {
        out.extend_from_slice(if at == 0 { b" (" } else { b" " });
        quote::astring(out, name.as_ref());
    }
    if !names.is_empty() {
        out.push(b')');
    }
}

fn numbers(path: &Path) -> String {
    let numbers: Vec<String> = path.0.as_ref().iter().map(ToString::to_string).collect();
    numbers.join(".")
}

/// Finds a part by its path. A message that is no multipart has one part, itself.
fn find<'a>(root: &'a Part, path: &Path) -> Option<&'a Part> {
    let mut numbers = path.0.as_ref().iter();
    let mut part = in_message(root, *numbers.next()?)?;
    for &number in numbers {
        part = match &part.kind {
            Kind::Message(message) => in_message(message, number)?,
            Kind::Multipart(parts) => nth(parts, number)?,
            Kind::Leaf => return None,
        };
    }
    Some(part)
}

fn in_message(message: &Part, number: NonZeroU32) -> Option<&Part> {
    match &message.kind {
        Kind::Multipart(parts) => nth(parts, number),
        _ => Some(message).filter(|_| number == NonZeroU32::MIN),
    }
}

fn nth(parts: &[Part], number: NonZeroU32) -> Option<&Part> {
    parts.get(usize::try_from(number.get()).ok()? - 1)
}

/// Finds the message whose HEADER or TEXT is asked for: the whole, or the one a part holds.
fn message<'a>(root: &'a Part, path: Option<&Path>) -> Option<&'a Part> {
    let Some(path) = path else {
        return Some(root);
    };
    match &find(root, path)?.kind {
        Kind::Message(message) => Some(message),
        _ => None,
    }
}

/// Gives the fields with these names, or all others, and the empty line, which is always there.
fn filtered(header: &[u8], names: &[AString<'_>], with: bool) -> Vec<u8> {
    let listed = |field: &[u8]| names.iter().any(|name| name.as_ref().eq_ignore_ascii_case(field));
    let fields = header::fields(header).into_iter().filter(|(name, _)| listed(name) == with);
    let mut out = fields.map(|(_, field)| field).collect::<Vec<_>>().concat();
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}
