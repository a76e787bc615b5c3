//! What a well-behaved server says by default: a canned account for scripted conversations.
//!
//! INBOX holds three messages, UIDs 1 to 3; the other mailboxes are empty. Nothing ever changes.

use regex::Regex;
use std::fmt::Write;

const MESSAGE: &str = "From: Ann <ann@example.org>\r\nTo: me@example.org\r\nSubject: Canned UID\r\n\
    Message-ID: <canned-UID@example.org>\r\nDate: Fri, 01 Mar 2024 10:00:00 +0000\r\n\r\nHello.\r\n";

const STRUCTURE: &str = r#"("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 1)"#;

/// One session's state.
pub(crate) struct Responder {
    /// Such as `IMAP4rev1 UIDPLUS MOVE`.
    pub(crate) capabilities: String,
    selected: Option<String>,
}

impl Responder {
    pub(crate) fn new(capabilities: &str) -> Self {
        Self { capabilities: capabilities.into(), selected: None }
    }

    /// The answer to a command. `verb` is in capitals, `UID FETCH` one verb; `rest` is what follows it.
    pub(crate) fn answer(&mut self, tag: &str, verb: &str, rest: &str) -> String {
        let capabilities = &self.capabilities;
        let untagged = match verb {
            "CAPABILITY" => format!("* CAPABILITY {capabilities}\r\n"),
            "LOGIN" | "AUTHENTICATE" => return format!("{tag} OK [CAPABILITY {capabilities}] in\r\n"),
            "SELECT" | "EXAMINE" => return self.open(tag, verb, rest),
            "LIST" | "LSUB" => list(verb, rest),
            "NAMESPACE" => "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n".to_owned(),
            "ID" => "* ID NIL\r\n".to_owned(),
            "STATUS" => status(rest),
            "UID SEARCH" | "SEARCH" => self.search(tag, rest),
            "UID FETCH" => self.fetch(rest),
            "UID COPY" | "UID MOVE" => return self.carried(tag, verb, rest),
            "APPEND" if self.offers("UIDPLUS") => return format!("{tag} OK [APPENDUID 8 11] done\r\n"),
            "LOGOUT" => "* BYE see you\r\n".to_owned(),
            "UNSELECT" | "CLOSE" => {
                self.selected = None;
                String::new()
            }
            _ => String::new(),
        };
        format!("{untagged}{tag} OK done\r\n")
    }

    fn offers(&self, capability: &str) -> bool {
        self.capabilities.split(' ').any(|word| word == capability)
    }

    /// The UIDs in the selected mailbox.
    fn uids(&self) -> std::ops::Range<u32> {
        if self.selected.as_deref() == Some("INBOX") { 1..4 } else { 0..0 }
    }

    fn open(&mut self, tag: &str, verb: &str, rest: &str) -> String {
        self.selected = Some(name(rest).to_uppercase());
        let (exists, validity) = (self.uids().len(), if exists_inbox(rest) { 7 } else { 8 });
        let mode = if verb == "SELECT" { "READ-WRITE" } else { "READ-ONLY" };
        format!(
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n\
             * OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] flags\r\n\
             * {exists} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {validity}] valid\r\n\
             * OK [UIDNEXT {}] next\r\n{tag} OK [{mode}] opened\r\n",
            exists + 1
        )
    }

    fn search(&self, tag: &str, rest: &str) -> String {
        let uids = self.uids();
        if rest.to_uppercase().starts_with("RETURN ") {
            let all = if uids.is_empty() { "" } else { " ALL 1:3" };
            return format!("* ESEARCH (TAG \"{tag}\") UID{all} COUNT {}\r\n", uids.len());
        }
        let found: Vec<String> = uids.map(|uid| format!(" {uid}")).collect();
        format!("* SEARCH{}\r\n", found.concat())
    }

    fn fetch(&self, rest: &str) -> String {
        let (set, items) = rest.split_once(' ').unwrap_or((rest, ""));
        let uids = expand(set, self.uids());
        let items = items.strip_prefix('(').and_then(|items| items.strip_suffix(')')).unwrap_or(items);
        let mut lines = String::new();
        for uid in uids {
            let mut line = format!("* {uid} FETCH (UID {uid}");
            for item in split(items) {
                if item != "UID" {
                    write!(line, " {}", value(item, &MESSAGE.replace("UID", &uid.to_string()))).unwrap();
                }
            }
            lines += &line;
            lines += ")\r\n";
        }
        lines
    }

    fn carried(&self, tag: &str, verb: &str, rest: &str) -> String {
        let set = rest.split(' ').next().unwrap_or_default();
        let uids = expand(set, self.uids());
        let list = |by: u32| uids.iter().map(|uid| (uid + by).to_string()).collect::<Vec<_>>().join(",");
        let code = if self.offers("UIDPLUS") {
            format!("[COPYUID 8 {} {}] ", list(0), list(10))
        } else {
            String::new()
        };
        if verb == "UID COPY" {
            return format!("{tag} OK {code}copied\r\n");
        }
        let gone: Vec<String> = uids.iter().rev().map(|uid| format!("* {uid} EXPUNGE\r\n")).collect();
        format!("* OK {code}moved\r\n{}{tag} OK done\r\n", gone.concat())
    }
}

fn exists_inbox(argument: &str) -> bool {
    name(argument).eq_ignore_ascii_case("INBOX")
}

/// The mailbox name at the start of an argument.
fn name(argument: &str) -> &str {
    match argument.strip_prefix('"') {
        Some(rest) => rest.split('"').next().unwrap_or_default(),
        None => argument.split(' ').next().unwrap_or_default(),
    }
}

fn list(verb: &str, rest: &str) -> String {
    if rest.trim_end().ends_with("\"\"") {
        return format!("* {verb} (\\Noselect) \"/\" \"\"\r\n");
    }
    [("\\HasNoChildren", "INBOX"), ("\\Archive", "Archive"), ("\\Trash", "Trash")]
        .map(|(flag, name)| format!("* {verb} ({flag}) \"/\" {name}\r\n"))
        .concat()
}

fn status(rest: &str) -> String {
    let inbox = exists_inbox(rest);
    let value = |item: &str| match (item, inbox) {
        ("UIDVALIDITY", true) => 7,
        ("UIDVALIDITY", false) => 8,
        ("UIDNEXT", true) => 4,
        ("UIDNEXT", false) => 1,
        ("MESSAGES" | "UNSEEN", true) => 3,
        _ => 0,
    };
    let (mailbox, items) = rest.rsplit_once(" (").unwrap_or((rest, ")"));
    let values: Vec<String> =
        items.trim_end_matches(')').split(' ').map(|item| format!("{item} {}", value(item))).collect();
    format!("* STATUS {mailbox} ({})\r\n", values.join(" "))
}

/// The UIDs of a set that exist; what a search found is all.
fn expand(set: &str, existing: std::ops::Range<u32>) -> Vec<u32> {
    if set == "$" {
        return existing.collect();
    }
    let last = existing.end.saturating_sub(1);
    let number = |text: &str| if text == "*" { last } else { text.parse().unwrap() };
    let ranges: Vec<(u32, u32)> = set
        .split(',')
        .map(|range| range.split_once(':').unwrap_or((range, range)))
        .map(|(from, to)| (number(from).min(number(to)), number(from).max(number(to))))
        .collect();
    existing.filter(|uid| ranges.iter().any(|(from, to)| (from..=to).contains(&uid))).collect()
}

/// The items of a FETCH, taken apart at the spaces outside of brackets.
fn split(items: &str) -> Vec<&str> {
    Regex::new(r"[^\s\[]+(?:\[[^\]]*\]\S*)?").unwrap().find_iter(items).map(|item| item.as_str()).collect()
}

fn value(item: &str, message: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap();
    let id = message.split(['<', '>']).nth(3).unwrap();
    let subject = head.split("Subject: ").nth(1).unwrap().lines().next().unwrap();
    match item {
        "FLAGS" => "FLAGS ()".into(),
        "INTERNALDATE" => "INTERNALDATE \"01-Mar-2024 10:00:00 +0000\"".into(),
        "RFC822.SIZE" => format!("RFC822.SIZE {}", message.len()),
        "BODY" | "BODYSTRUCTURE" => format!("{item} {STRUCTURE}"),
        "ENVELOPE" => format!(
            "ENVELOPE (\"Fri, 01 Mar 2024 10:00:00 +0000\" \"{subject}\" ((\"Ann\" NIL \"ann\" \"example.org\")) \
             NIL NIL ((NIL NIL \"me\" \"example.org\")) NIL NIL NIL \"<{id}>\")"
        ),
        _ => {
            let section = item.split(['[', ']']).nth(1).unwrap_or_default();
            let text = match section {
                "HEADER" => format!("{head}\r\n\r\n"),
                "TEXT" | "1" => body.to_owned(),
                fields if fields.starts_with("HEADER.FIELDS (") => chosen(head, fields),
                _ => message.to_owned(),
            };
            format!("BODY[{section}] {{{}}}\r\n{text}", text.len())
        }
    }
}

/// The header fields that `HEADER.FIELDS (…)` names, and the empty line.
fn chosen(head: &str, fields: &str) -> String {
    let wanted = fields["HEADER.FIELDS (".len()..].trim_end_matches(')').to_lowercase();
    let named = |line: &&str| {
        let name = line.split(':').next().unwrap().to_lowercase();
        wanted.split(' ').any(|field| field.trim_matches('"') == name)
    };
    head.lines().filter(named).chain([""]).flat_map(|line| [line, "\r\n"]).collect()
}
