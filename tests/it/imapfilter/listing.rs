//! Lists of mailboxes.

use super::same;

/// Prints what a method lists, sorted: servers have an order of their own.
#[track_caller]
fn lists(calls: &[&str]) {
    let each = calls.iter().map(|call| {
        format!(
            "do local m, f = account:{call} table.sort(m) table.sort(f) print([[{call}]], table.concat(m, ','), table.concat(f, ',')) end\n"
        )
    });
    let before = "account:create_mailbox('lists/sub/deep') account:subscribe_mailbox('lists/dev') account:subscribe_mailbox('INBOX')\n";
    same(&format!("{before}{}", each.collect::<String>()));
}

#[test]
fn all_mailboxes() {
    lists(&[
        "list_all()",
        "list_all('')",
        "list_all('lists')",
        "list_all('nope')",
        "list_all('', '*')",
        "list_all('', '%')",
        "list_all('lists', '*')",
        "list_all('lists', 'd%')",
        "list_all('lists/sub')",
        "list_all('/')",
        "list_all('/', '*')",
        "list_all('/lists')",
        "list_all('lists/')",
    ]);
}

#[test]
fn subscribed_mailboxes() {
    lists(&[
        "list_subscribed()",
        "list_subscribed('')",
        "list_subscribed('lists')",
        "list_subscribed('', '%')",
        "list_subscribed('/')",
        "list_subscribed('/', '%')",
    ]);
}

#[test]
fn names_as_the_server_has_them() {
    lists(&["create_mailbox('nothing') options.namespace = false; account:list_all('lists/')"]);
}

#[test]
fn a_loop_over_mailboxes() {
    same(
        "local mailboxes = account:list_all('', '*')\n\
         table.sort(mailboxes)\n\
         for _, name in ipairs(mailboxes) do print(name, #account[name]:select_all()) end",
    );
}
