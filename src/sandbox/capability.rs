/// What the sandbox can offer beyond RFC 3501, in the order it is advertised.
const OFFERED: [&str; 17] = [
    "LITERAL+",
    "MULTIAPPEND",
    "SASL-IR",
    "ID",
    "ENABLE",
    "IDLE",
    "NAMESPACE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "ESEARCH",
    "SPECIAL-USE",
    "LIST-EXTENDED",
    "CHILDREN",
    "WITHIN",
    "COMPRESS=DEFLATE",
    "AUTH=PLAIN",
];

/// Gmail's extensions, which only its accounts have.
const GMAIL: &str = "X-GM-EXT-1";

/// The capabilities one sandbox offers: all it has, but those that are switched off.
#[derive(Clone, Debug)]
pub(super) struct Capabilities {
    offered: Vec<&'static str>,
}

impl Capabilities {
    /// Makes the set without the named ones; case does not matter and unknown names are ignored.
    pub(super) fn without(off: &[String]) -> Self {
        let kept = |name: &&str| !off.iter().any(|o| o.eq_ignore_ascii_case(name));
        Self { offered: OFFERED.into_iter().filter(kept).collect() }
    }

    /// Gives the same with what Gmail offers besides.
    #[must_use]
    pub(super) fn of_gmail(mut self) -> Self {
        if !self.has(GMAIL) {
            self.offered.push(GMAIL);
        }
        self
    }

    /// Tells whether the capability is offered.
    pub(super) fn has(&self, name: &str) -> bool {
        self.offered.contains(&name)
    }

    /// Gives the text after `CAPABILITY ` (RFC 3501 §7.2.1). Mechanisms are of use before login only.
    pub(super) fn text(&self, logged_in: bool) -> String {
        let mut text = String::from("IMAP4rev1");
        for name in &self.offered {
            if !(logged_in && (name.starts_with("AUTH=") || *name == "SASL-IR")) {
                text.push(' ');
                text.push_str(name);
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::Capabilities;

    #[test]
    fn what_is_switched_off_is_not_advertised() {
        let some = Capabilities::without(&["move".into(), "X-NONE".into()]);
        assert!(!some.has("MOVE") && some.has("UIDPLUS"));
        assert!(!some.text(true).contains("MOVE"));
        assert!(some.text(false).ends_with("AUTH=PLAIN"));
        assert!(!some.text(true).contains("AUTH="));
    }
}
