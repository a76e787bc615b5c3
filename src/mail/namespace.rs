use super::MailboxName;

/// One namespace of a server (RFC 2342): what its mailboxes' names begin with, and the character
/// between the levels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The prefix in Unicode, with its trailing delimiter: `INBOX.`, `shared/`, or empty.
    pub prefix: String,
    /// The hierarchy delimiter; `None` where the server has no hierarchy.
    pub delimiter: Option<char>,
}

/// A server's namespaces, and the mapping between a script's names and the server's.
///
/// A script writes `/` between levels and leaves the personal prefix out: `Archive/2024` is
/// `INBOX.Archive.2024` where the server wants that. There, `/shared/team` is `shared.team`: nothing is implied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespaces {
    /// The user's own.
    pub personal: Namespace,
    /// Other users' and shared ones; their names keep their prefix.
    pub others: Vec<Namespace>,
}

impl Default for Namespaces {
    /// Gives what fits a server that says nothing: no prefix, `/`.
    fn default() -> Self {
        let personal = Namespace { prefix: String::new(), delimiter: Some('/') };
        Self { personal, others: Vec::new() }
    }
}

impl Namespaces {
    /// Maps a script's name to the server's.
    ///
    /// `None` where the name is empty, has a control character, an empty level (`a//b`, `a/`, `/a` where no
    /// prefix is implied),
    /// or a level with the server's own delimiter in it, which would silently become two levels.
    pub fn to_server(&self, name: &str) -> Option<MailboxName> {
        if name.eq_ignore_ascii_case("INBOX") {
            return Some(MailboxName::inbox());
        }
        let root = self.root();
        let (namespace, rest) = match name.strip_prefix('/').filter(|_| !self.personal.prefix.is_empty()) {
            Some(rest) => (&root, rest),
            None => self.split_script(name),
        };
        let levels: Vec<&str> = rest.split('/').collect();
        let bad = |level: &&str| {
            level.is_empty() || namespace.delimiter.is_some_and(|d| d != '/' && level.contains(d))
        };
        if levels.iter().any(bad) || (namespace.delimiter.is_none() && levels.len() > 1) {
            return None;
        }
        let delimiter = namespace.delimiter.map(String::from).unwrap_or_default();
        MailboxName::new(&format!("{}{}", namespace.prefix, levels.join(&delimiter)))
    }

    /// Maps a server's name to the script's: the shortest that is mapped back to the same mailbox.
    pub fn to_script(&self, name: &MailboxName) -> String {
        if name.is_inbox() {
            return "INBOX".to_owned();
        }
        let text = name.text();
        let of_others =
            self.others.iter().find(|other| !other.prefix.is_empty() && text.starts_with(&other.prefix));
        if let Some(other) = of_others {
            return slashes(text, other.delimiter);
        }
        let own = slashes(text.strip_prefix(&self.personal.prefix).unwrap_or(text), self.personal.delimiter);
        // Cyrus has `shared.x` of all users beside `INBOX.shared.x`: one name must not mean both.
        let whole = slashes(text, self.personal.delimiter);
        let top = format!("/{}", slashes(text, self.root().delimiter));
        let means = |script: &&String| self.to_server(script).as_ref() == Some(name);
        [&own, &whole, &top].into_iter().find(means).unwrap_or(&own).clone()
    }

    /// Gives what holds mailboxes that no prefix tells apart.
    fn root(&self) -> Namespace {
        let shared = self.others.iter().find(|other| other.prefix.is_empty());
        Namespace { prefix: String::new(), delimiter: shared.unwrap_or(&self.personal).delimiter }
    }

    /// Finds the namespace that a script's name is in, and what of the name comes after its prefix.
    fn split_script<'a>(&'a self, name: &'a str) -> (&'a Namespace, &'a str) {
        for namespace in self.others.iter().chain([&self.personal]) {
            let prefix = slashes(&namespace.prefix, namespace.delimiter);
            if let Some(rest) = name.strip_prefix(&prefix).filter(|_| !prefix.is_empty()) {
                return (namespace, rest);
            }
        }
        (&self.personal, name)
    }
}

fn slashes(text: &str, delimiter: Option<char>) -> String {
    match delimiter {
        Some(d) if d != '/' => text.replace(d, "/"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{MailboxName, Namespace, Namespaces};

    fn courier() -> Namespaces {
        Namespaces {
            personal: Namespace { prefix: "INBOX.".into(), delimiter: Some('.') },
            others: vec![Namespace { prefix: "shared.".into(), delimiter: Some('.') }],
        }
    }

    fn cyrus() -> Namespaces {
        Namespaces {
            personal: Namespace { prefix: "INBOX.".into(), delimiter: Some('.') },
            others: vec![
                Namespace { prefix: "user.".into(), delimiter: Some('.') },
                Namespace { prefix: String::new(), delimiter: Some('.') },
            ],
        }
    }

    fn there(spaces: &Namespaces, name: &str) -> Option<String> {
        spaces.to_server(name).map(|name| name.text().to_owned())
    }

    #[test]
    fn the_personal_prefix_is_implied_and_never_doubled() {
        let spaces = courier();
        assert_eq!(there(&spaces, "Archive/2024").as_deref(), Some("INBOX.Archive.2024"));
        assert_eq!(there(&spaces, "INBOX/Archive").as_deref(), Some("INBOX.Archive"));
        assert_eq!(there(&spaces, "inbox").as_deref(), Some("INBOX"));
        assert_eq!(there(&spaces, "shared/team/x").as_deref(), Some("shared.team.x"));
        assert_eq!(there(&Namespaces::default(), "a/b").as_deref(), Some("a/b"));
    }

    #[test]
    fn names_come_back_as_they_went() {
        let spaces = courier();
        for name in ["INBOX", "Archive/2024", "shared/team/x", "Entwürfe"] {
            let back = spaces.to_server(name).map(|there| spaces.to_script(&there));
            assert_eq!(back.as_deref(), Some(name));
        }
    }

    #[test]
    fn no_two_mailboxes_share_a_name() {
        let spaces = cyrus();
        let names = [
            ("INBOX.Work.a", "Work/a"),
            ("INBOX.shared.pub", "shared/pub"),
            ("shared.pub", "/shared/pub"),
            ("shared", "/shared"),
            ("user.cyc.Team", "user/cyc/Team"),
            ("user", "/user"),
            ("INBOX.user.cyc", "INBOX/user/cyc"),
            ("INBOX.INBOX.a", "INBOX/INBOX/a"),
        ];
        for (on_server, in_script) in names {
            let back = MailboxName::new(on_server).map(|name| spaces.to_script(&name));
            assert_eq!(back.as_deref(), Some(in_script));
            assert_eq!(there(&spaces, in_script).as_deref(), Some(on_server));
        }
        assert_eq!(there(&spaces, "//a"), None);
        assert_eq!(there(&spaces, "/"), None);
    }

    #[test]
    fn a_level_that_would_become_two_is_refused() {
        for bad in ["", "a.b", "a//b", "/a.b", "a/", "a\r\nb"] {
            assert_eq!(there(&courier(), bad), None, "{bad:?}");
        }
        let flat = Namespace { prefix: String::new(), delimiter: None };
        let flat = Namespaces { personal: flat, others: Vec::new() };
        assert_eq!(there(&flat, "a/b"), None);
        assert_eq!(there(&Namespaces::default(), "/a"), None);
        assert_eq!(there(&flat, "a.b").as_deref(), Some("a.b"));
    }
}
