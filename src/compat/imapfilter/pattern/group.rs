use super::reference::{Group, call, named, numbered, relative};
use super::translate::{Flags, Translation};

/// A group that is open.
#[derive(Debug)]
pub(super) struct Open {
    /// The flags outside of it.
    outside: Flags,
    /// What ends it in the translation.
    close: &'static str,
    pub(super) kind: Kind,
}

/// What a group is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Ahead,
    Behind,
    /// Captures: the number, and where it is in the list of groups, if it is listed.
    Capture(usize, Option<usize>),
    /// A condition, and how many branches it has beside the first.
    Condition(usize),
    /// `(?(DEFINE)`: what is in it is only called. How long the translation was before it.
    Define(usize),
    /// `(?|`: the number of the last group before it, and the highest in its branches.
    Reset(usize, usize),
}

/// Begins a group.
pub(super) fn begin(it: &mut Translation<'_>, sign: &str, close: &'static str, kind: Kind) {
    it.put_place(sign);
    it.open.push(Open { outside: it.flags, close, kind });
}

impl Translation<'_> {
    /// Ends the group that was begun last.
    pub(super) fn close(&mut self) -> Result<(), String> {
        let open = self.open.pop().ok_or("unmatched `)`")?;
        self.flags = open.outside;
        self.put_item(open.close);
        match open.kind {
            Kind::Capture(_, Some(at)) => {
                let end = self.whole.len() - self.rest.len() - 1;
                if let Some(group) = self.groups.get_mut(at) {
                    group.inside.end = end;
                }
            }
            Kind::Define(before) => {
                self.out.text.truncate(before);
                self.repeatable = false;
            }
            Kind::Reset(_, most) => self.number = self.number.max(most),
            _ => {}
        }
        Ok(())
    }

    /// Begins another branch.
    pub(super) fn branch(&mut self) -> Result<(), String> {
        self.put_place("|");
        match self.open.last_mut().map(|open| &mut open.kind) {
            Some(Kind::Condition(branches)) => {
                *branches += 1;
                if *branches > 1 {
                    return Err("a condition has more than two branches".to_owned());
                }
            }
            Some(Kind::Define(_)) => return Err("`(?(DEFINE)` has more than one branch".to_owned()),
            Some(Kind::Reset(before, most)) => {
                *most = self.number.max(*most);
                self.number = *before;
            }
            _ => {}
        }
        Ok(())
    }

    fn is_defining(&self) -> bool {
        self.open.iter().any(|open| matches!(open.kind, Kind::Define(_)))
    }
}

/// Reads what follows an opening parenthesis.
pub(super) fn opening(it: &mut Translation<'_>) -> Result<(), String> {
    if it.take("*") {
        return super::verb::verb(it);
    }
    if !it.take("?") {
        return capture(it, None);
    }
    if it.take("#") {
        it.take_until(b')').ok_or("a comment without its end")?;
        return Ok(());
    }
    if it.take("C") {
        let text = it.take_until(b')').ok_or("`(?C` without `)`")?;
        let quoted = text.starts_with(['"', '\'', '`']) && text.len() > 1 && text.ends_with(['"', '\'', '`']);
        if !quoted && !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(format!("`(?C{text})` is no callout"));
        }
        // Nobody listens.
        it.repeatable = false;
        return Ok(());
    }
    let around = [("=", Kind::Ahead), ("!", Kind::Ahead), ("<=", Kind::Behind), ("<!", Kind::Behind)];
    for (sign, kind) in around.into_iter().chain([(">", Kind::Plain)]) {
        if it.take(sign) {
            it.out.looks_around = true;
            begin(it, &format!("(?{sign}"), ")", kind);
            return Ok(());
        }
    }
    if it.take("|") {
        begin(it, "(?:", ")", Kind::Reset(it.number, it.number));
        return Ok(());
    }
    if it.take("P=") {
        let name = name(it, b')')?;
        return named(it, &name);
    }
    for (sign, end) in [("<", b'>'), ("P<", b'>'), ("'", b'\'')] {
        if it.take(sign) {
            let name = name(it, end)?;
            return capture(it, Some(name));
        }
    }
    if it.take("(") {
        return condition(it);
    }
    if it.take("&") || it.take("P>") {
        let name = name(it, b')')?;
        return call(it, &name);
    }
    let is_call = match it.rest {
        [b'R' | b'0'..=b'9' | b'+', ..] => true,
        [b'-', second, ..] => second.is_ascii_digit(),
        _ => false,
    };
    if is_call {
        let number = it.take_until(b')').ok_or("missing closing parenthesis")?;
        return call(it, &number);
    }
    flags(it)
}

/// Begins a group that captures.
fn capture(it: &mut Translation<'_>, name: Option<String>) -> Result<(), String> {
    if name.is_none() && it.flags.names_only {
        begin(it, "(?:", ")", Kind::Plain);
        return Ok(());
    }
    // Where a group is called, nothing is captured.
    if !it.called.is_empty() {
        begin(it, "(?:", ")", Kind::Plain);
        return Ok(());
    }
    it.number += 1;
    let taken = |group: &Group| group.name == name && group.number != it.number;
    if let Some(name) = name.as_ref().filter(|_| !it.flags.duplicates && it.groups.iter().any(taken)) {
        return Err(format!("two groups are called `{name}`"));
    }
    let engine =
        (!it.is_defining()).then(|| it.groups.iter().filter(|group| group.engine.is_some()).count() + 1);
    let start = it.whole.len() - it.rest.len();
    let group = Group { number: it.number, engine, name, inside: start..start, flags: it.flags };
    begin(it, "(", ")", Kind::Capture(it.number, Some(it.groups.len())));
    it.groups.push(group);
    Ok(())
}

/// Takes the name of a group.
pub(super) fn name(it: &mut Translation<'_>, end: u8) -> Result<String, String> {
    let name = it.take_until(end).ok_or("a group's name without its end")?;
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if letters && name.bytes().next().is_some_and(|first| !first.is_ascii_digit()) {
        return Ok(name);
    }
    Err(format!("`{name}` is no name for a group: they have ASCII letters, digits and underscores"))
}

/// Reads a condition after `(?(`.
fn condition(it: &mut Translation<'_>) -> Result<(), String> {
    it.out.looks_around = true;
    let around = [("?=", Kind::Ahead), ("?!", Kind::Ahead), ("?<=", Kind::Behind), ("?<!", Kind::Behind)];
    for (sign, kind) in around {
        if it.take(sign) {
            begin(it, "(?", ")", Kind::Condition(0));
            begin(it, &format!("(({sign}"), "))", kind);
            return Ok(());
        }
    }
    let text = it.take_until(b')').ok_or("a condition without its end")?;
    if text == "DEFINE" {
        begin(it, "(?:", ")", Kind::Define(it.out.text.len()));
        return Ok(());
    }
    let digits = text.trim_start_matches(['+', '-']);
    let number = if digits.parse::<usize>().is_ok() {
        relative(it, &text).and_then(|number| numbered(it, number))?
    } else {
        let name = text.trim_matches(['<', '>', '\'']);
        let first = it.known.map(|known| known.iter().find(|group| group.name.as_deref() == Some(name)));
        match first {
            // The groups are only being counted.
            None => vec![1],
            Some(Some(group)) => numbered(it, group.number)?,
            Some(None) => return Err(format!("the condition `({text})` is not known here")),
        }
    };
    let [number] = number.as_slice() else {
        return Err(format!("the condition `({text})` is not known here with groups in `(?|`"));
    };
    begin(it, &format!("(?({number})"), ")", Kind::Condition(0));
    Ok(())
}

/// Reads `(?i)` and `(?i:`.
fn flags(it: &mut Translation<'_>) -> Result<(), String> {
    let (outside, mut on, mut cleared) = (it.flags, true, false);
    loop {
        match it.next() {
            Some(b'-') if on && !cleared => on = false,
            Some(b'^') => {
                cleared = true;
                it.flags = Flags { duplicates: outside.duplicates, ..Flags::default() };
            }
            Some(b'i') => it.flags.caseless = on,
            Some(b'm') => it.flags.lines = on,
            Some(b's') => it.flags.dot_all = on,
            Some(b'x') => {
                it.flags.extended = on;
                it.flags.spaced = on && it.take("x");
            }
            Some(b'n') => it.flags.names_only = on,
            Some(b'U') => it.flags.ungreedy = on,
            Some(b'J') => it.flags.duplicates = on,
            end @ Some(b')' | b':') => {
                let group = end == Some(b':');
                let sign = match (it.flags.caseless, outside.caseless) {
                    (true, false) => "i",
                    (false, true) => "-i",
                    _ => "",
                };
                match (group, sign) {
                    (true, sign) => it.put(&format!("(?{sign}:")),
                    (false, "") => {}
                    (false, sign) => it.put(&format!("(?{sign})")),
                }
                it.repeatable = false;
                if group {
                    it.open.push(Open { outside, close: ")", kind: Kind::Plain });
                }
                return Ok(());
            }
            Some(byte) => return Err(format!("`(?{}` is not known here", char::from(byte).escape_default())),
            None => return Err("missing closing parenthesis".to_owned()),
        }
    }
}
