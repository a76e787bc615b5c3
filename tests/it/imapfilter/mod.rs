//! imapfilter's configurations: what they do here is compared with what the real imapfilter does, on mailboxes that were
//! the same before.

mod actions;
mod better;
mod case;
mod converting;
mod cost;
mod fetching;
mod idioms;
mod listing;
mod running;
mod searching;
mod sets;

use crate::{
    mail::Mail,
    server::{Server, Tls},
};
use case::Case;

/// The mail that every case begins with.
fn seed(server: &Server) {
    let folded = Mail::new("Weekly news\r\n for you")
        .from("News <weekly@news.example>")
        .header("List-Id", "<news.example>")
        .header("X-Spam", "no")
        .header("X-Spam", "maybe")
        .flag("\\Seen")
        .date("01-Jan-2020 10:00:00 +0000");
    let parts = "--b\r\nContent-Type: text/plain\r\n\r\nSee the file.\r\n--b\r\nContent-Type: application/pdf; name=\"a.pdf\"\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--b--\r\n";
    server
        .seed(
            "INBOX",
            &[
                Mail::new("Hello").from("Ann <ann@example.org>").body("Hello world\r\nSecond line\r\n"),
                folded,
                Mail::new("[patch] fix").from("dev@list.example").flag("\\Flagged").flag("Work"),
                Mail::new("Gr=?utf-8?q?=C3=BC=C3=9Fe?=")
                    .from("bob@example.org")
                    .flag("\\Answered")
                    .flag("\\Seen"),
                Mail::new("With a file")
                    .header("MIME-Version", "1.0")
                    .header("Content-Type", "multipart/mixed; boundary=b")
                    .header("Cc", "carol@example.org")
                    .header("Bcc", "dave@example.org")
                    .body(parts),
                Mail::new("Large").body(&"0123456789abcdef\r\n".repeat(3000)).flag("\\Draft"),
                Mail::new("new and hot")
                    .date("02-Apr-2023 11:12:13 +0000")
                    .sent("Sun, 02 Apr 2023 01:02:03 +0000"),
            ],
        )
        .seed("lists/dev", &[Mail::new("one").flag("\\Seen"), Mail::new("two"), Mail::new("three")])
        .seed("Junk mail", &[]);
}

/// Compares a configuration, of which `account` is made.
#[track_caller]
fn same(source: &str) {
    Case::new(source).compare();
}

/// A Dovecot that both programs reach in plain text.
fn server() -> Server {
    let server = Server::dovecot(Tls::None);
    seed(&server);
    server
}
