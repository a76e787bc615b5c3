use super::letter::Letter;

const CI: &str = "Build Bot <ci@example.org>";
const STATUS: &str = "Watchdog <alerts@status.example>";

/// The projects that are built, and who breaks them.
const PROJECTS: [(&str, &str); 5] = [
    ("teapot-api", "Mina"),
    ("harbor-web", "Tobias"),
    ("ledger", "Priya"),
    ("kite-mobile", "Ole"),
    ("docs-site", "Sam"),
];

/// What went wrong, with a line of the log.
const FAILURES: [(&str, &str); 6] = [
    ("tests failed", "assertion failed: kettle.is_hot()"),
    ("lint failed", "error: this loop never loops, it only dreams of it"),
    ("build timed out", "no output for 30m, the runner went to get coffee"),
    ("tests failed", "expected 3 biscuits, found 2 and some crumbs"),
    ("deploy failed", "connection refused: staging-2 is being watered"),
    ("flaky test", "passed on the 4th try; nobody knows why the first three felt bad"),
];

/// Gives the mail that machines write: builds and alerts.
pub(super) fn letters() -> Vec<Letter> {
    let mut letters = builds();
    letters.extend(alerts());
    letters
}

fn builds() -> Vec<Letter> {
    let mut letters = Vec::new();
    let rounds = PROJECTS.iter().cycle().zip(FAILURES.iter().cycle()).zip(0i64..);
    for (((project, person), (failure, log)), round) in rounds.take(56) {
        let days = round * 3 - round % 3;
        let number = 4812 - round * 7;
        let (subject, text) = if round % 4 == 3 {
            let subject = format!("[build] {project} #{number} is green again");
            (
                subject,
                format!(
                    "Build #{number} of {project} passed.\n\n  412 tests, 0 failures, 3m 51s\n\nThank you, {person}.\n"
                ),
            )
        } else {
            let subject = format!("[build] {project} #{number}: {failure}");
            let text = format!(
                "Build #{number} of {project} did not make it.\n\n  {log}\n\nLast change by {person}.\n\
                 https://ci.example.org/{project}/{number}\n"
            );
            (subject, text)
        };
        let mailbox = if days > 60 { "Work" } else { "INBOX" };
        let letter = Letter::new(mailbox, days, CI, &subject).text(&text).field("X-Build-Project", project);
        letters.push(letter.field("Auto-Submitted", "auto-generated").flags(if round % 5 == 0 {
            ""
        } else {
            "seen"
        }));
    }
    letters
}

fn alerts() -> Vec<Letter> {
    let alerts = [
        (
            0,
            "[alert] web-2: disk 91% full",
            "Someone keeps logs since the dawn of time in /var/log. df says 91%.",
            "",
        ),
        (2, "[resolved] web-2: disk 64% full", "Rotated, compressed, breathing again.", ""),
        (
            9,
            "[alert] mail-1: queue length 1204",
            "The queue grows by 12 a minute. Looks like a newsletter to everybody.",
            "seen",
        ),
        (9, "[resolved] mail-1: queue length 3", "It was a newsletter to everybody.", "seen"),
        (
            41,
            "[alert] db-1: replication lag 95s",
            "Somebody runs a report over all years at noon.",
            "seen flagged",
        ),
        (41, "[resolved] db-1: replication lag 0s", "The report is done. It had one row.", "seen"),
        (
            118,
            "[alert] certificate of shop.example expires in 14 days",
            "Renewal has failed twice; see attached mood.",
            "seen",
        ),
        (
            206,
            "[alert] office sensor: 31 degrees in the server cupboard",
            "The door is closed and the fan is not.",
            "seen",
        ),
        (333, "[alert] web-1: 5xx rate 4.2%", "Began with release 2024.11. Rolled back.", "seen answered"),
        (
            700,
            "[alert] backup of ledger is 26 hours old",
            "The backup before it is fine. This one is late.",
            "seen",
        ),
        (
            1190,
            "[alert] ping: office gateway lost",
            "It came back by itself after 4 minutes, as they do.",
            "seen",
        ),
        (
            1650,
            "[alert] test alert, please ignore",
            "If you read this, alerts work. Please ignore them.",
            "seen",
        ),
    ];
    let letter = |(days, subject, text, flags): (i64, &str, &str, &str)| {
        let mailbox = if days > 100 { "Archive" } else { "INBOX" };
        let letter =
            Letter::new(mailbox, days, STATUS, subject).text(&format!("{text}\n\nhttps://status.example/\n"));
        letter.field("Auto-Submitted", "auto-generated").field("Precedence", "bulk").flags(flags).hours(0)
    };
    alerts.into_iter().map(letter).collect()
}
