use std::fmt;

use super::encoded_word;

/// The most addresses of one field that are kept.
const MAX_ADDRESSES: usize = 10_000;

/// One mailbox of an address field (RFC 5322 §3.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Address {
    /// The display name, decoded; where there is none, the comment that old programs write instead.
    pub name: Option<String>,
    /// The address as it is written, without brackets; without an `@` where the field has none.
    pub email: String,
    /// What stands after the last `@`, in lower case; empty where there is no `@`.
    pub domain: String,
}

impl Address {
    /// Parses an unfolded address list, with groups, comments, quoted strings and routes.
    ///
    /// The structure is found first and encoded words are decoded after it, so nothing within a
    /// word can become an address. What is broken gives what there is: `foo bar` is an address
    /// without a domain. At most 10,000 addresses are given.
    pub fn parse_list(list: &str) -> Vec<Self> {
        let mut parser = Parser::default();
        parser.run(list, false);
        if parser.quoted || parser.depth > 0 {
            // Something was opened and never closed, and has swallowed what came after it.
            parser = Parser::default();
            parser.run(list, true);
        }
        parser.end_of_address();
        parser.found.truncate(MAX_ADDRESSES);
        parser.found
    }

    fn new(name: &str, email: String) -> Self {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain).to_lowercase();
        let name = encoded_word::decode(&name.split_whitespace().collect::<Vec<_>>().join(" "));
        Self { name: Some(name.trim().to_owned()).filter(|name| !name.is_empty()), email, domain }
    }
}

impl fmt::Display for Address {
    /// Writes `Name <email>` for a person to read; it is not made to be parsed again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.email),
            None => f.write_str(&self.email),
        }
    }
}

/// Reads an address list character by character.
#[derive(Default)]
struct Parser {
    found: Vec<Address>,
    /// What is not in brackets: a display name, or an address without brackets.
    phrase: String,
    /// The same with its quotes, for an address whose local part is quoted.
    verbatim: String,
    /// What is in brackets, once they have been opened.
    angle: Option<String>,
    comment: String,
    /// How many comments are open.
    depth: usize,
    quoted: bool,
    escaped: bool,
    in_angle: bool,
}

impl Parser {
    /// Reads all of a list; where `loose`, quotes and parentheses mean nothing.
    fn run(&mut self, list: &str, loose: bool) {
        let mut chars = list.char_indices();
        while let Some((at, c)) = chars.next() {
            if self.found.len() >= MAX_ADDRESSES {
                return;
            }
            let plain = self.depth == 0 && !self.quoted && !self.in_angle;
            let word =
                if plain && c == '=' { list.get(at..).and_then(encoded_word::length_at) } else { None };
            match word.and_then(|length| list.get(at..at + length)) {
                // Programs leave commas and brackets in words as they are, and mean no structure.
                Some(word) => {
                    self.phrase.push_str(word);
                    self.verbatim.push_str(word);
                    chars.nth(word.len() - 2);
                }
                None => self.take(c, loose),
            }
        }
    }

    fn take(&mut self, c: char, loose: bool) {
        if self.escaped {
            self.escaped = false;
            return self.push(c);
        }
        match c {
            '\\' if self.quoted || self.depth > 0 => self.escaped = true,
            '(' if !self.quoted && !loose => {
                if self.depth > 0 {
                    self.comment.push(c);
                }
                self.depth += 1;
            }
            ')' if self.depth > 0 => {
                self.depth -= 1;
                self.comment.push(if self.depth > 0 { c } else { ' ' });
            }
            _ if self.depth > 0 => self.comment.push(c),
            '"' if loose => {}
            '"' => self.quote(),
            _ if self.quoted => self.push(c),
            // The grammar has brackets at the end only, so of two pairs the last one is the address.
            '<' => {
                self.in_angle = true;
                self.angle = Some(String::new());
            }
            '>' => self.in_angle = false,
            ',' if self.is_route() => {}
            ':' if self.is_route() => self.angle = Some(String::new()),
            ',' => self.end_of_address(),
            ';' if !self.in_angle => self.end_of_address(),
            // A group's name says who is meant, and is no address.
            ':' if !self.in_angle && !self.phrase.contains('@') => self.start_of_address(),
            _ => self.push(c),
        }
    }

    fn quote(&mut self) {
        self.quoted = !self.quoted;
        match &mut self.angle {
            Some(angle) if self.in_angle => angle.push('"'),
            _ => self.verbatim.push('"'),
        }
    }

    fn push(&mut self, c: char) {
        match &mut self.angle {
            _ if self.depth > 0 => self.comment.push(c),
            Some(angle) if self.in_angle => angle.push(c),
            _ => {
                self.phrase.push(c);
                self.verbatim.push(c);
            }
        }
    }

    /// Tells whether this is within an obsolete route, `<@a,@b:c@d>` (RFC 5322 §4.4).
    fn is_route(&self) -> bool {
        self.in_angle && self.angle.as_ref().is_some_and(|angle| angle.trim_start().starts_with('@'))
    }

    fn start_of_address(&mut self) {
        let found = std::mem::take(&mut self.found);
        *self = Self { found, ..Self::default() };
    }

    fn end_of_address(&mut self) {
        let phrase = self.phrase.trim();
        let comment = self.comment.trim();
        let address = match &self.angle {
            Some(angle) => {
                let name = if phrase.is_empty() { comment } else { phrase };
                let email = without_space(angle);
                (!email.is_empty() || !name.is_empty()).then(|| Address::new(name, email))
            }
            None if phrase.is_empty() => None,
            None if self.verbatim != self.phrase => Some(quoted_local_part(self.verbatim.trim(), phrase)),
            None => Some(bare(phrase, comment)),
        };
        self.found.extend(address);
        self.start_of_address();
    }
}

/// Makes an address of `"a b"@c`; a quoted string that no `@` follows is only a name.
fn quoted_local_part(verbatim: &str, phrase: &str) -> Address {
    let is_address = verbatim.rsplit_once('"').is_some_and(|(_, after)| after.trim_start().starts_with('@'));
    if is_address { Address::new("", without_space(verbatim)) } else { Address::new(phrase, String::new()) }
}

/// Makes an address of what has neither brackets nor quotes: `a@b`, `a @ b`, `Name a@b`, `Some Name`.
fn bare(phrase: &str, comment: &str) -> Address {
    let is_word = !phrase.contains(char::is_whitespace);
    if !phrase.contains('@') {
        let is_name = !is_word || phrase.contains("=?");
        return if is_name {
            Address::new(phrase, String::new())
        } else {
            Address::new(comment, phrase.to_owned())
        };
    }
    let split = phrase.rsplit_once(char::is_whitespace);
    match split {
        Some((name, email))
            if !name.contains('@')
                && !email.starts_with('@')
                && !email.ends_with('@')
                && email.contains('@') =>
        {
            Address::new(name, email.to_owned())
        }
        _ => Address::new(comment, without_space(phrase)),
    }
}

/// Takes white space out of an address, where it is allowed around the parts and means nothing.
fn without_space(email: &str) -> String {
    if email.contains('"') { email.trim().to_owned() } else { email.split_whitespace().collect() }
}

#[cfg(test)]
mod tests {
    use super::Address;

    /// Shows each address as `name|email|domain`.
    fn shown(list: &str) -> Vec<String> {
        let all = Address::parse_list(list).into_iter();
        all.map(|a| format!("{}|{}|{}", a.name.unwrap_or_default(), a.email, a.domain)).collect()
    }

    #[test]
    fn lists_of_the_standard() {
        for (list, addresses) in [
            ("", vec![]),
            ("a@b.org", vec!["|a@b.org|b.org"]),
            (
                "Joe Q. Public <joe@Example.ORG>, <a@b>",
                vec!["Joe Q. Public|joe@Example.ORG|example.org", "|a@b|b"],
            ),
            (r#""Joe \"Q\", Public" <joe@b>"#, vec![r#"Joe "Q", Public|joe@b|b"#]),
            (
                "A Group(list):Ed <e@b>,j@b , Mary <m@b>;, z@b",
                vec!["Ed|e@b|b", "|j@b|b", "Mary|m@b|b", "|z@b|b"],
            ),
            ("undisclosed-recipients:;", vec![]),
            (
                r"Pete(A nice \) chap (really)) <pete(his)@silly(host).test>",
                vec!["Pete|pete@silly.test|silly.test"],
            ),
            ("joe@b (Joe (Jr.) Public)", vec!["Joe (Jr.) Public|joe@b|b"]),
            (r#""a b"@c.org, <"d@e"@f.org>"#, vec![r#"|"a b"@c.org|c.org"#, r#"|"d@e"@f.org|f.org"#]),
            ("Mary <@node.test,@x:mary@b>, x", vec!["Mary|mary@b|b", "|x|"]),
            ("u@[IPv6:::1], <v@[IPv6:::1]>", vec!["|u@[IPv6:::1]|[ipv6:::1]", "|v@[IPv6:::1]|[ipv6:::1]"]),
            ("jdoe @ test . example", vec!["|jdoe@test.example|test.example"]),
        ] {
            assert_eq!(shown(list), addresses, "{list}");
        }
    }

    #[test]
    fn broken_lists_give_what_there_is() {
        for (list, addresses) in [
            ("foo bar", vec!["foo bar||"]),
            ("root", vec!["|root|"]),
            (r#""MAILER-DAEMON" <>"#, vec!["MAILER-DAEMON||"]),
            (",, ;a@b,", vec!["|a@b|b"]),
            ("Name a@b", vec!["Name|a@b|b"]),
            ("foo bar, Joe <joe@b>", vec!["foo bar||", "Joe|joe@b|b"]),
            ("Joe <joe@b", vec!["Joe|joe@b|b"]),
            ("<<joe@b>>", vec!["|joe@b|b"]),
            (r#""Joe <joe@b>, x@y"#, vec!["Joe|joe@b|b", "|x@y|y"]),
            ("(Joe <joe@b>", vec!["(Joe|joe@b|b"]),
            (r#""evil@bank.test""#, vec!["evil@bank.test||"]),
            ("good@b <evil@c>", vec!["good@b|evil@c|c"]),
            ("Bob@Home <a@b> <c@d>", vec!["Bob@Home|c@d|d"]),
        ] {
            assert_eq!(shown(list), addresses, "{list}");
        }
    }

    #[test]
    fn an_encoded_word_can_not_forge_an_address() {
        for (list, addresses) in [
            ("=?utf-8?Q?a=40bank=2Etest=2C?= <x@y>", vec!["a@bank.test,|x@y|y"]),
            ("=?utf-8?Q?=3Ca=40bank=3E=2C?= <x@y>", vec!["<a@bank>,|x@y|y"]),
            ("=?utf-8?Q?Doe,_<a@b>_(J)?= <x@y>", vec!["Doe, <a@b> (J)|x@y|y"]),
            (r#""=?utf-8?q?M=C3=BCller=2C_Jo?=" <x@y>"#, vec!["Müller, Jo|x@y|y"]),
            ("=?utf-8?B?4pyT4g==?= =?utf-8?B?nJM=?= <x@y>", vec!["✓✓|x@y|y"]),
            ("=?utf-8?Q?a=40b?=", vec!["a@b||"]),
            ("x@y (=?utf-8?Q?J=C3=BC?=)", vec!["Jü|x@y|y"]),
        ] {
            assert_eq!(shown(list), addresses, "{list}");
        }
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(Address::parse_list(&"a@b,".repeat(30_000)).len(), super::MAX_ADDRESSES);
        for hostile in ["=?a?q?", "(", "\"", "<", "<@", "=?a?q?x?="] {
            assert!(Address::parse_list(&hostile.repeat(30_000)).len() <= 1);
        }
    }
}
