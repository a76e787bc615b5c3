//! The `LuaCATS` type files: what editors know of our functions, and the reference of each.

/// The type files by name.
pub const FILES: [(&str, &str); 7] = [
    ("account.lua", include_str!("types/account.lua")),
    ("ambient.lua", include_str!("types/ambient.lua")),
    ("mailbox.lua", include_str!("types/mailbox.lua")),
    ("message.lua", include_str!("types/message.lua")),
    ("report.lua", include_str!("types/report.lua")),
    ("rules.lua", include_str!("types/rules.lua")),
    ("selection.lua", include_str!("types/selection.lua")),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FILES;
    use crate::engine::{Nobody, Run, State, Wait};
    use crate::lua::{Vm, login};

    /// Types whose values are plain tables or that are only described: nothing is registered for them.
    const PLAIN: [&str; 14] = [
        "Attachment",
        "CopyOptions",
        "ListedMailbox",
        "LoginSettings",
        "MailboxStatus",
        "MoveOptions",
        "OAuth2Settings",
        "PurgeOptions",
        "Query",
        "Remark",
        "RemovalOptions",
        "Rule",
        "RuleResult",
        "Secret",
    ];

    /// Reads the names that the type files declare, as they are registered.
    fn declared() -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for (_, text) in FILES {
            let mut class = "";
            for line in text.lines() {
                if let Some(name) = line.strip_prefix("---@class ") {
                    class = name.split(':').next().unwrap_or_default().trim();
                } else if let Some(field) = line.strip_prefix("---@field ") {
                    let name = field.split(' ').next().unwrap_or_default().trim_end_matches('?');
                    if !PLAIN.contains(&class) && !name.starts_with('[') {
                        names.insert(format!("{class}.{name}"));
                    }
                } else if let Some(function) = line.strip_prefix("function ") {
                    names.insert(function.split('(').next().unwrap_or_default().to_owned());
                } else if let Some((name, _)) =
                    line.split_once(" = ").filter(|_| !line.starts_with(['-', ' ', 'l']))
                {
                    names.insert(name.to_owned());
                } else if line == "log = {}" {
                    names.insert("log".to_owned());
                }
            }
        }
        names
    }

    #[test]
    fn everything_registered_is_declared_and_nothing_else() -> mlua::Result<()> {
        let state = State::new(Err(String::new()), String::new(), Wait::No);
        let run = Run::new(crate::imap::Context::default(), std::sync::Arc::new(Nobody), state);
        let registered: BTreeSet<String> = Vm::new(&run)?.registered().into_iter().collect();
        let declared = declared();
        assert_eq!(
            registered.difference(&declared).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "not declared"
        );
        assert_eq!(
            declared.difference(&registered).collect::<Vec<_>>(),
            Vec::<&String>::new(),
            "not registered"
        );
        Ok(())
    }

    #[test]
    fn every_function_says_what_it_does() {
        for (file, text) in FILES {
            let lines: Vec<_> = text.lines().collect();
            for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("function ")) {
                let comment: Vec<_> =
                    lines.iter().take(at).rev().take_while(|above| above.starts_with("---")).collect();
                let says = comment.last().is_some_and(|first| !first.starts_with("---@"));
                assert!(says, "{file}: {line} has no description");
            }
        }
    }

    #[test]
    fn every_query_key_and_every_setting_is_declared() {
        let text = FILES.iter().map(|(_, text)| *text).collect::<String>();
        for key in crate::engine::query::KEYS.iter().chain(&login::KEYS).chain(&login::OAUTH2_KEYS) {
            let declared = [format!("---@field {key}? "), format!("---@field {key} ")];
            assert!(declared.iter().any(|line| text.contains(line)), "{key}");
        }
    }
}
