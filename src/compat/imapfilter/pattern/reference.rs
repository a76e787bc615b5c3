use std::ops::Range;

use super::group::{Kind, Open};
use super::translate::{Flags, Translation};

/// A group that captures.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// PCRE's number of it.
    pub(super) number: usize,
    /// Its number in the translation, where it is there.
    pub(super) engine: Option<usize>,
    pub(super) name: Option<String>,
    /// Where in the pattern its contents are.
    pub(super) inside: Range<usize>,
    /// The flags it begins with.
    pub(super) flags: Flags,
}

/// Reads the number of a group: `2`, or `-1` and `+1` from here.
pub(super) fn relative(it: &Translation<'_>, text: &str) -> Result<usize, String> {
    let none = || format!("there is no group `{text}`");
    let number: usize = text.trim_start_matches(['+', '-']).parse().map_err(|_| none())?;
    let sign = text.as_bytes().first();
    if matches!(sign, Some(b'+' | b'-')) && !it.called.is_empty() {
        return Err(format!("a group `{text}` from here is not known in a group that is called"));
    }
    match sign {
        Some(b'-') => {
            (it.number + 1).checked_sub(number).filter(|found| *found > 0 && number > 0).ok_or_else(none)
        }
        Some(b'+') if number > 0 => Ok(it.number + number),
        Some(b'+') => Err(none()),
        _ => Ok(number),
    }
}

/// Gives the numbers in the translation that the groups of this number have.
pub(super) fn numbered(it: &Translation<'_>, number: usize) -> Result<Vec<usize>, String> {
    // The groups are only being counted.
    let Some(known) = it.known else { return Ok(vec![1]) };
    let groups: Vec<_> = known.iter().filter(|group| group.number == number).collect();
    if groups.is_empty() {
        return Err(format!("there is no group {number}"));
    }
    Ok(groups.into_iter().filter_map(|group| group.engine).collect())
}

/// Puts a reference back to the group with a number.
pub(super) fn refer(it: &mut Translation<'_>, number: usize) -> Result<(), String> {
    let groups = numbered(it, number)?;
    if groups.len() > 1 {
        return Err(format!("a reference back to group {number}, which is in `(?|`, is not known here"));
    }
    put_references(it, &groups)
}

/// Puts a reference back to the first group of this name that has matched.
pub(super) fn named(it: &mut Translation<'_>, name: &str) -> Result<(), String> {
    let Some(known) = it.known else { return put_references(it, &[]) };
    let groups: Vec<_> = known.iter().filter(|group| group.name.as_deref() == Some(name)).collect();
    if groups.is_empty() {
        return Err(format!("there is no group `{name}`"));
    }
    let groups: Vec<_> = groups.into_iter().filter_map(|group| group.engine).collect();
    put_references(it, &groups)
}

fn put_references(it: &mut Translation<'_>, groups: &[usize]) -> Result<(), String> {
    if !it.called.is_empty() {
        return Err("a reference back in a group that is called is not known here".to_owned());
    }
    if it.is_behind() {
        return Err("a reference back in a look-behind is not known here".to_owned());
    }
    it.out.looks_around = true;
    let each: Vec<_> = groups.iter().map(|group| format!("\\{group}")).collect();
    // A group of a definition has never matched.
    it.put_item(&if each.is_empty() { "(?!)".to_owned() } else { format!("(?:{})", each.join("|")) });
    Ok(())
}

/// Writes a group out that is called: by its name, its number, or its distance from here.
pub(super) fn call(it: &mut Translation<'_>, which: &str) -> Result<(), String> {
    let recursion = || Err(format!("recursion (`{which}`) is not known here"));
    if which == "R" {
        return recursion();
    }
    let number = match which.trim_start_matches(['+', '-']).parse::<usize>() {
        Ok(_) => Some(relative(it, which)?),
        Err(_) => None,
    };
    if number == Some(0) {
        return recursion();
    }
    let Some(known) = it.known else {
        it.repeatable = true;
        return Ok(());
    };
    let by_name =
        || known.iter().find(|group| group.name.as_deref() == Some(which)).map(|group| group.number);
    let number = number.or_else(by_name);
    // Of several with the same number, the first is meant.
    let Some(group) = known.iter().find(|group| Some(group.number) == number).cloned() else {
        return Err(format!("there is no group `{which}`"));
    };
    let inside = |open: &Open| matches!(open.kind, Kind::Capture(number, _) if number == group.number);
    if it.called.contains(&group.number) || it.open.iter().any(inside) {
        return recursion();
    }
    let called = it.called.len();
    it.called.extend(it.open.iter().filter_map(|open| match open.kind {
        Kind::Capture(number, _) => Some(number),
        _ => None,
    }));
    it.called.push(group.number);
    let whole = it.whole;
    let rest = std::mem::replace(&mut it.rest, whole.get(group.inside.clone()).unwrap_or_default());
    let flags = std::mem::replace(&mut it.flags, group.flags);
    let open = std::mem::take(&mut it.open);
    it.put_place(if group.flags.caseless { "(?i:" } else { "(?-i:" });
    it.run()?;
    (it.rest, it.flags, it.open) = (rest, flags, open);
    it.called.truncate(called);
    it.put_item(")");
    Ok(())
}
