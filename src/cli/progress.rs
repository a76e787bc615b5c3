//! Shows at a terminal what is being done, while one waits for it.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::Work;
use crate::error::visible;

/// For how long nothing must have been printed: what takes less needs no words.
const PATIENCE: Duration = Duration::from_secs(1);

/// A line at the terminal that is there while one waits, and leaves nothing behind.
#[derive(Debug)]
pub(super) struct Display {
    bar: Option<ProgressBar>,
    wanted: bool,
    since: Instant,
}

impl Display {
    /// Makes one, which shows itself only on a terminal.
    pub(super) fn new(wanted: bool) -> Self {
        Self { bar: None, wanted: wanted && std::io::stderr().is_terminal(), since: Instant::now() }
    }

    /// Shows what is being done; nothing where that is nothing.
    pub(super) fn show(&mut self, works: &[Work]) {
        if works.is_empty() {
            self.hide();
        } else if self.wanted && self.since.elapsed() >= PATIENCE {
            let bar = self.bar.get_or_insert_with(|| {
                ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style())
            });
            bar.set_message(line(works));
            bar.tick();
        }
    }

    /// Takes the line away.
    pub(super) fn hide(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Takes the line away for what is printed now.
    pub(super) fn give_way(&mut self) {
        self.hide();
        self.since = Instant::now();
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} {wide_msg}");
    // Every terminal can show these.
    style.unwrap_or_else(|_| ProgressStyle::default_spinner()).tick_chars("|/-\\ ")
}

/// Says in a line what each account is at: of several things that of the most messages, which the others are a part of,
/// or what began last.
fn line(works: &[Work]) -> String {
    let mut all: Vec<&Work> = Vec::new();
    let total = |work: &Work| work.count.map_or(0, |(_, total)| total);
    for work in works {
        match all.iter_mut().find(|known| known.account == work.account) {
            Some(known) if total(known) <= total(work) => *known = work,
            Some(_) => {}
            None => all.push(work),
        }
    }
    let each = all.into_iter().map(|Work { account, what, count }| {
        let count = count.map(|(done, total)| format!(", {done} of {total}")).unwrap_or_default();
        format!("{}: {}{count}", visible(account), visible(what))
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::{Display, Work, line};

    fn work(account: &str, what: &str, count: Option<(usize, usize)>) -> Work {
        Work { account: account.to_owned(), what: what.to_owned(), count }
    }

    #[test]
    fn each_account_has_what_it_is_at() {
        let works = [
            work("a", "looking at INBOX", None),
            work("b", "searching x\u{1b}[2J", None),
            work("a", "carrying messages of INBOX", Some((5, 70))),
            work("a", "reading INBOX", Some((1, 30))),
        ];
        let said = "a: carrying messages of INBOX, 5 of 70; b: searching x\\u{1b}[2J";
        assert_eq!(line(&works), said);
    }

    #[test]
    fn nothing_is_shown_where_nobody_looks() {
        let mut display = Display::new(false);
        display.show(&[work("a", "reading INBOX", None)]);
        assert!(display.bar.is_none());
    }
}
