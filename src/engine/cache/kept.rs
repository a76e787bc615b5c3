use jiff::Timestamp;
use jiff::tz::Offset;

use super::shelf::Entry;
use crate::imap::{Fetch, FetchItem, Section};
use crate::mail::{BodyStructure, InternalDate};

/// What is larger is not kept.
const LARGEST: usize = 64 << 10;

/// What a server said of a message and can't change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Kept {
    /// Its size in bytes.
    pub(in crate::engine) size: u64,
    /// When it arrived, where that was asked for.
    pub(in crate::engine) date: Option<InternalDate>,
    /// The header fields that were asked for, as the server sent them.
    pub(in crate::engine) header: Vec<u8>,
    /// Its parts, where they were asked for.
    pub(in crate::engine) structure: Option<BodyStructure>,
}

impl Kept {
    /// Tells whether it holds all that is fetched, but the flags.
    pub(in crate::engine) fn holds(items: &[FetchItem]) -> bool {
        items.iter().all(|item| match item {
            FetchItem::Flags | FetchItem::InternalDate | FetchItem::Size | FetchItem::BodyStructure => true,
            // A whole header would be too much.
            FetchItem::Section(section) => matches!(section, Section::Fields(_)),
            _ => false,
        })
    }

    /// Gives what there is to keep of what a server told of a message; `None` where that is not all that was fetched.
    pub(in crate::engine) fn of(items: &[FetchItem], fetch: &Fetch) -> Option<Self> {
        let mut kept = Self { size: fetch.size?, date: None, header: Vec::new(), structure: None };
        for item in items {
            match item {
                FetchItem::InternalDate => kept.date = Some(fetch.internal_date?),
                FetchItem::BodyStructure => kept.structure = Some(fetch.structure.clone()?),
                FetchItem::Section(section) => kept.header = fetch.section(section)?.to_vec(),
                _ => {}
            }
        }
        Some(kept)
    }
}

impl Entry for Kept {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        let date = self.date.map(|date| (date.timestamp().as_second(), date.offset().seconds()));
        let date = date.map(|(at, offset)| [&at.to_be_bytes()[..], &offset.to_be_bytes()].concat());
        let date = date.unwrap_or_default();
        let structure = match &self.structure {
            Some(structure) => serde_json::to_vec(structure).ok()?,
            None => Vec::new(),
        };
        if self.header.len().saturating_add(structure.len()) > LARGEST {
            return None;
        }
        let lengths = (u8::try_from(date.len()).ok()?, u32::try_from(self.header.len()).ok()?);
        Some(
            [
                &self.size.to_be_bytes()[..],
                &[lengths.0],
                &date,
                &lengths.1.to_be_bytes(),
                &self.header,
                &structure,
            ]
            .concat(),
        )
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (size, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (date, rest) = rest.split_at_checked(usize::from(*length))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (header, structure) =
            rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        let date = match date {
            [] => None,
            date => {
                let (at, offset) = date.split_first_chunk()?;
                let at = Timestamp::from_second(i64::from_be_bytes(*at)).ok()?;
                let offset = Offset::from_seconds(i32::from_be_bytes(offset.try_into().ok()?)).ok()?;
                Some(InternalDate::from_timestamp(at, offset)?)
            }
        };
        let structure = match structure {
            [] => None,
            structure => Some(serde_json::from_slice(structure).ok()?),
        };
        Some(Self { size: u64::from_be_bytes(*size), date, header: header.to_vec(), structure })
    }
}
