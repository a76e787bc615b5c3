use std::sync::Arc;

use encoding_rs::Encoding;
use mlua::{Lua, LuaString, Table, UserData, Value};

use super::mailbox::uids;
use super::pattern::Pattern;
use super::vm::thrown;
use crate::engine::{Matcher, Part, Sought, Test};
use crate::error::{Error, visible};
use crate::imap::SearchKey;
use crate::mail::{Flag, Headers, Message, UidSet};

/// A condition as the Lua parts hold it. They combine conditions as tables: `{ "all", a, b }`, `{ "any", a, b }` and
/// `{ "not", a }`.
#[derive(Clone, Debug)]
struct Condition(Sought);

impl UserData for Condition {}

/// Gives the wish for no message.
pub(super) fn none() -> Sought {
    Sought::Uids(UidSet::new())
}

/// Reads a combination.
pub(super) fn read(value: &Value) -> mlua::Result<Sought> {
    match value {
        Value::UserData(data) => Ok(data.borrow::<Condition>()?.0.clone()),
        Value::Table(table) => {
            let word: LuaString = table.raw_get(1)?;
            let mut list = Vec::new();
            for at in 2..=table.raw_len() {
                list.push(read(&table.raw_get(at)?)?);
            }
            Ok(match (word.as_bytes().as_ref(), list.pop()) {
                (b"not", Some(inner)) => Sought::Not(Box::new(inner)),
                (op, rest) => {
                    list.extend(rest);
                    if op == b"any" { Sought::Any(list) } else { Sought::All(list) }
                }
            })
        }
        value => Err(mlua::Error::runtime(format!("a {} is no condition", value.type_name()))),
    }
}

/// Installs what makes conditions.
pub(super) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    let put = |name: &str, function: mlua::Function| native.raw_set(name, function);
    put("key_all", lua.create_function(|_, ()| Ok(Condition(Sought::Key(SearchKey::All))))?)?;
    put(
        "key_flag",
        lua.create_function(|lua, (flag, set): (LuaString, bool)| {
            let text = flag.to_string_lossy();
            let flag = Flag::parse(&text).ok_or_else(|| {
                Error::script(format!("`{}` is no flag", visible(&text)), "a keyword is one word of ASCII")
            });
            let flag = thrown(lua, flag)?;
            Ok(Condition(Sought::Key(if set { SearchKey::Has(flag) } else { SearchKey::HasNot(flag) })))
        })?,
    )?;
    put(
        "key_text",
        lua.create_function(|lua, (key, text, charset): (LuaString, LuaString, LuaString)| {
            let text = decoded(lua, &text, &charset)?;
            let key = match key.as_bytes().as_ref() {
                b"BCC" => "BCC",
                b"BODY" => "BODY",
                b"CC" => "CC",
                b"FROM" => "FROM",
                b"SUBJECT" => "SUBJECT",
                b"TO" => "TO",
                _ => "TEXT",
            };
            Ok(Condition(Sought::Key(SearchKey::Contains(key, text))))
        })?,
    )?;
    put(
        "key_header",
        lua.create_function(|lua, (name, text, charset): (LuaString, LuaString, LuaString)| {
            let (name, text) = (decoded(lua, &name, &charset)?, decoded(lua, &text, &charset)?);
            Ok(Condition(Sought::Key(SearchKey::Header(name, text))))
        })?,
    )?;
    put(
        "key_date",
        lua.create_function(|lua, (key, date): (LuaString, LuaString)| {
            let key = match key.as_bytes().as_ref() {
                b"BEFORE" => "BEFORE",
                b"ON" => "ON",
                b"SINCE" => "SINCE",
                b"SENTBEFORE" => "SENTBEFORE",
                b"SENTON" => "SENTON",
                _ => "SENTSINCE",
            };
            let date = thrown(lua, day(&date.to_string_lossy()))?;
            Ok(Condition(Sought::Key(SearchKey::Date(key, date))))
        })?,
    )?;
    put(
        "key_size",
        lua.create_function(|lua, (larger, size): (bool, f64)| {
            // What no message has is as good as infinity.
            let size = if size.is_nan() || size < 0.0 { None } else { Some(size) };
            let size =
                size.ok_or_else(|| Error::script("a size can't be negative", "it is a number of bytes"));
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "`as` keeps within u32"
            )]
            let size = thrown(lua, size)? as u32;
            let key = if larger { SearchKey::Larger(size) } else { SearchKey::Smaller(size) };
            Ok(Condition(Sought::Key(key)))
        })?,
    )?;
    put(
        "key_raw",
        lua.create_function(|lua, (query, charset): (LuaString, LuaString)| {
            let query = decoded(lua, &query, &charset)?;
            let checked = SearchKey::check_raw(&query).map_err(|error| {
                let text = error.to_string();
                let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
                let what = format!("`{}` is no IMAP SEARCH program: {reason}", visible(&query));
                let hint = "write it as RFC 3501 §6.4.4 has it, for example `OR SEEN FROM \"smith\"`";
                Error::script(what, hint)
            });
            Ok(Condition(Sought::Key(thrown(lua, checked)?.grouped())))
        })?,
    )?;
    put("key_uids", lua.create_function(|_, list: Table| Ok(Condition(Sought::Uids(uids(&list)?))))?)?;
    put("key_match", lua.create_function(matching)?)
}

/// Makes a test: the part (`header`, `body`, `message`, or the name of a field and a colon), the pattern, and whether
/// decoded text is tested.
fn matching(lua: &Lua, (part, pattern, decode): (LuaString, LuaString, bool)) -> mlua::Result<Condition> {
    let pattern = thrown(lua, Pattern::cached(lua, &pattern.as_bytes()))?;
    let part = match part.to_string_lossy() {
        part if part == "header" => Part::Header,
        part if part == "body" => Part::Text,
        part if part == "message" => Part::Whole,
        part => Part::Field(part.trim_end_matches(':').to_owned()),
    };
    if decode {
        return Ok(Condition(Sought::Match(decoding(part, pattern))));
    }
    let field = matches!(part, Part::Field(_));
    let test = move |content: &[u8]| {
        if field { pattern.is_match(super::fetch::value(content)) } else { pattern.is_match(content) }
    };
    Ok(Condition(Sought::Match(Matcher { part, test: Arc::new(test) })))
}

/// Makes a test of decoded text: of each field's value, of a header of such fields, of a body's text.
fn decoding(part: Part, pattern: Pattern) -> Matcher {
    let lines = |headers: &Headers| -> String {
        let each: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        each.concat()
    };
    let (part, test): (Part, Arc<Test>) = match part {
        Part::Field(name) => {
            let of = name.clone();
            let test = move |content: &[u8]| {
                let headers = Headers::parse(content);
                let mut values = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&of));
                values.try_fold(false, |found, (_, value)| Ok(found || pattern.is_match(value.as_bytes())?))
            };
            (Part::Field(name), Arc::new(test))
        }
        Part::Header => {
            let test = move |content: &[u8]| pattern.is_match(lines(&Headers::parse(content)).as_bytes());
            (Part::Header, Arc::new(test))
        }
        // How a body is encoded is said in the header.
        Part::Text => {
            let test =
                move |content: &[u8]| pattern.is_match(Message::parse(content.to_vec()).text().as_bytes());
            (Part::Whole, Arc::new(test))
        }
        Part::Whole => {
            let test = move |content: &[u8]| {
                let message = Message::parse(content.to_vec());
                let text = format!("{}\r\n{}", lines(message.headers()), message.text());
                pattern.is_match(text.as_bytes())
            };
            (Part::Whole, Arc::new(test))
        }
    };
    Matcher { part, test }
}

/// Decodes a text of the configuration's.
pub(super) fn decoded(lua: &Lua, text: &LuaString, charset: &LuaString) -> mlua::Result<String> {
    let (bytes, label) = (text.as_bytes(), charset.as_bytes());
    let result = if label.is_empty() {
        std::str::from_utf8(&bytes).map(str::to_owned).map_err(|_| {
            let hint = "save the configuration as UTF-8, or name its character set: `options.charset`";
            Error::script("a text to search for is not UTF-8", hint)
        })
    } else {
        let decode =
            |encoding: &'static Encoding| encoding.decode_without_bom_handling(&bytes).0.into_owned();
        Encoding::for_label(&label).map(decode).ok_or_else(|| {
            let name = visible(&charset.to_string_lossy());
            let what = format!("`options.charset` is `{name}`, which is not known");
            Error::script(what, "for example `ISO-8859-1` or `UTF-8`")
        })
    };
    thrown(lua, result)
}

/// Checks a day as IMAP has it: `1-Feb-2024`.
fn day(text: &str) -> crate::error::Result<String> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<&str> = text.trim().split('-').collect();
    if let [day, month, year] = parts.as_slice()
        && day.parse::<u8>().is_ok_and(|day| (1..=31).contains(&day))
        && year.len() == 4
        && year.parse::<u16>().is_ok()
        && let Some(month) = MONTHS.iter().find(|known| known.eq_ignore_ascii_case(month))
    {
        return Ok(format!("{day}-{month}-{year}"));
    }
    let what = format!("`{}` is no date", visible(text));
    Err(Error::script(what, "dates are written as `01-Jan-2007`"))
}
