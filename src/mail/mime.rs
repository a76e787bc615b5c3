use std::ops::Range;

use super::parameters::{self, Parameters};
use super::{BodyStructure, Disposition, Headers};

/// How deep parts may lie in each other; a deeper multipart or message is one opaque part.
const MAX_DEPTH: usize = 50;
/// The most parts of a message; what comes after them belongs to no part.
const MAX_PARTS: usize = 1_000;
/// The longest boundary; the RFC says 70.
const MAX_BOUNDARY: usize = 250;

/// Finds the parts of a message (RFC 2046 §5.1) in one pass over its lines.
///
/// This stands before mailparse, whose own splitting is recursive, gives up on all of a message for one
/// part it can't read, takes a boundary for another that it begins, and does not look into embedded
/// messages. It takes the fields, parameters and encodings of each part to mailparse.
///
/// Gives the numbered structure, and of each numbered part where its body lies.
pub(super) fn parse(raw: &[u8]) -> (BodyStructure, Vec<(String, Range<usize>)>) {
    let mut splitter = Splitter { raw, entities: Vec::new(), path: Vec::new() };
    splitter.run();
    let structure = tree(raw, &splitter.entities).number();
    let places = places(&structure, &splitter.entities);
    (structure, places)
}

/// A message or a part: a header block and a body.
struct Entity {
    parent: Option<usize>,
    depth: usize,
    header: Range<usize>,
    body: Range<usize>,
    kind: Kind,
    /// What the part is, from its fields, but for its size.
    part: BodyStructure,
}

#[derive(Clone, PartialEq)]
enum Kind {
    /// Its header has not ended yet.
    Header,
    /// It is a multipart, and its parts are searched for by this delimiter, `--boundary`.
    Open(Vec<u8>),
    /// It is a multipart whose closing delimiter has been seen, or that is not looked into.
    Closed,
    /// It is a whole message with one entity in it.
    Message,
    /// It is anything else.
    Leaf,
}

struct Splitter<'a> {
    raw: &'a [u8],
    /// In the order in which they begin, so a parent stands before its children.
    entities: Vec<Entity>,
    /// The entities that have begun and not ended, each within the one before it.
    path: Vec<usize>,
}

impl Splitter<'_> {
    fn run(&mut self) {
        self.begin(None, 0);
        let mut start = 0;
        for line in self.raw.split_inclusive(|&b| b == b'\n') {
            let next = start + line.len();
            if !self.delimiter(line, start, next) && matches!(line, b"\n" | b"\r\n") {
                self.end_of_header(start, next);
            }
            start = next;
        }
        self.end_to(0, self.raw.len());
    }

    fn begin(&mut self, parent: Option<usize>, at: usize) {
        if self.entities.len() >= MAX_PARTS {
            return;
        }
        let depth = parent.and_then(|parent| self.entities.get(parent)).map_or(0, |parent| parent.depth + 1);
        self.path.push(self.entities.len());
        self.entities.push(Entity {
            parent,
            depth,
            header: at..at,
            body: at..at,
            kind: Kind::Header,
            part: BodyStructure::default(),
        });
    }

    /// Ends the innermost entity's header with an empty line, if it has not ended before.
    fn end_of_header(&mut self, start: usize, next: usize) {
        let Some(&at) = self.path.last() else { return };
        let digest = self.is_in_digest(at);
        let Some(entity) = self.entities.get_mut(at).filter(|entity| entity.kind == Kind::Header) else {
            return;
        };
        entity.header.end = start;
        entity.body = next..next;
        let fields = self.raw.get(entity.header.clone()).unwrap_or_default();
        entity.part = described(&Headers::parse(fields), digest);
        entity.kind = kind(&entity.part, entity.depth);
        if entity.kind == Kind::Message {
            self.begin(Some(at), next);
        }
    }

    /// Takes a line that delimits the parts of a multipart around it; tells whether it was one.
    fn delimiter(&mut self, line: &[u8], start: usize, next: usize) -> bool {
        if !line.starts_with(b"--") {
            return false;
        }
        let found = self.path.iter().enumerate().rev().find_map(|(level, &at)| {
            let Kind::Open(delimiter) = &self.entities.get(at)?.kind else { return None };
            let after = line.strip_prefix(delimiter.as_slice())?.trim_ascii_end();
            let closes = after.starts_with(b"--");
            (closes || after.is_empty()).then_some((level, at, closes))
        });
        let Some((level, at, closes)) = found else { return false };
        // The line break before a delimiter belongs to it.
        let before = self.raw.get(..start).unwrap_or_default();
        let before = before.strip_suffix(b"\n").map_or(before, |b| b.strip_suffix(b"\r").unwrap_or(b));
        self.end_to(level + 1, before.len());
        if !closes {
            self.begin(Some(at), next);
        } else if let Some(entity) = self.entities.get_mut(at) {
            entity.kind = Kind::Closed;
        }
        true
    }

    /// Ends the entities beyond the first `level` of the path at an offset.
    fn end_to(&mut self, level: usize, end: usize) {
        while self.path.len() > level {
            let Some(at) = self.path.pop() else { return };
            let digest = self.is_in_digest(at);
            let Some(entity) = self.entities.get_mut(at) else { return };
            if entity.kind == Kind::Header {
                // No empty line has come: all of it is header, and the body is empty.
                entity.header.end = end.max(entity.header.start);
                entity.body = entity.header.end..entity.header.end;
                let fields = self.raw.get(entity.header.clone()).unwrap_or_default();
                entity.part = described(&Headers::parse(fields), digest);
                entity.kind = Kind::Leaf;
            } else {
                entity.body.end = end.max(entity.body.start);
            }
        }
    }

    fn is_in_digest(&self, at: usize) -> bool {
        let parent = self.entities.get(at).and_then(|entity| entity.parent);
        let parent = parent.and_then(|parent| self.entities.get(parent));
        parent.is_some_and(|parent| parent.part.is_multipart() && parent.part.subtype == "digest")
    }
}

fn kind(part: &BodyStructure, depth: usize) -> Kind {
    if part.is_multipart() {
        // RFC 2047 has no place in a boundary; RFC 2231 has, and is used by few.
        let plain = parameters::get(&part.params, "boundary").map(str::to_owned);
        let boundary = plain.or_else(|| parameters::decoded(&part.params, "boundary")).unwrap_or_default();
        let boundary = boundary.trim_end();
        let is_usable = !boundary.is_empty() && boundary.len() <= MAX_BOUNDARY && depth < MAX_DEPTH;
        return if is_usable { Kind::Open(format!("--{boundary}").into_bytes()) } else { Kind::Closed };
    }
    // An encoded message is against RFC 2046 §5.2.1, and servers don't look into it.
    let is_plain = !matches!(part.encoding.as_str(), "base64" | "quoted-printable");
    if part.is_message() && is_plain && depth < MAX_DEPTH { Kind::Message } else { Kind::Leaf }
}

/// Describes a part by its fields (RFC 2045 §5 to §8). `digest` says that it is within a
/// `multipart/digest`, where the default is a message (RFC 2046 §5.1.5).
fn described(headers: &Headers, digest: bool) -> BodyStructure {
    let (content_type, params) = field(headers, "content-type");
    let default = if digest { ("message", "rfc822") } else { ("text", "plain") };
    let (media_type, subtype) = content_type
        .split_once('/')
        .filter(|(media_type, subtype)| !media_type.is_empty() && !subtype.is_empty())
        .unwrap_or(default);
    let (encoding, _) = field(headers, "content-transfer-encoding");
    let mut part = BodyStructure::leaf(media_type, subtype, params, &encoding, 0);
    part.content_id = headers.unfolded("content-id").filter(|id| !id.is_empty());
    part.description = headers.unfolded("content-description").filter(|text| !text.is_empty());
    let (kind, params) = field(headers, "content-disposition");
    if !kind.is_empty() || !params.is_empty() {
        part.disposition = Some(Disposition::new(&kind, params));
    }
    part
}

fn field(headers: &Headers, name: &str) -> (String, Parameters) {
    headers.unfolded(name).map(|value| parameters::parse(&value)).unwrap_or_default()
}

/// Puts the entities together, the last one first, since a child stands after its parent.
fn tree(raw: &[u8], entities: &[Entity]) -> BodyStructure {
    let mut parts: Vec<_> = entities.iter().map(|entity| sized(raw, entity)).collect();
    let mut root = BodyStructure::default();
    for entity in entities.iter().rev() {
        let Some(mut part) = parts.pop() else { break };
        // Later children have come first.
        part.children.reverse();
        if part.is_multipart() && part.children.is_empty() {
            part.size = size(entity);
        }
        match entity.parent.and_then(|parent| parts.get_mut(parent)) {
            Some(parent) => parent.children.push(part),
            None => root = part,
        }
    }
    root
}

fn sized(raw: &[u8], entity: &Entity) -> BodyStructure {
    let mut part = entity.part.clone();
    if !part.is_multipart() {
        part.size = size(entity);
    }
    if part.media_type == "text" || part.is_message() {
        let body = raw.get(entity.body.clone()).unwrap_or_default();
        let lines = body.split_inclusive(|&b| b == b'\n').count();
        part.lines = Some(u32::try_from(lines).unwrap_or(u32::MAX));
    }
    part
}

fn size(entity: &Entity) -> u32 {
    u32::try_from(entity.body.len()).unwrap_or(u32::MAX)
}

/// Lists where each numbered part's body lies: the structure's parts stand in the entities' order.
fn places(structure: &BodyStructure, entities: &[Entity]) -> Vec<(String, Range<usize>)> {
    let mut open = vec![structure];
    let mut bodies = entities.iter().map(|entity| entity.body.clone());
    let mut places = Vec::with_capacity(entities.len());
    while let Some(part) = open.pop() {
        open.extend(part.children.iter().rev());
        let Some(body) = bodies.next() else { break };
        if !part.id.is_empty() {
            places.push((part.id.clone(), body));
        }
    }
    places
}
