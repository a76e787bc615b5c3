//! What is done many times in a run: reading responses, writing commands, judging messages, and noting in the journal.
//!
//! `cargo bench` measures it. `cargo test --all-targets` does each once.
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use imapscript::{
    engine::{
        Nobody, State, Wait,
        query::{Facts, Pattern, Query, Verdict},
    },
    imap::{Command, Response},
    mail::{Headers, MailboxName, Message, Uid, UidSet},
    wire::Frame,
};
use std::hint::black_box;

const HEADER: &[u8] =
    b"Received: from out.example.org (192.0.2.7) by mx.example.org; Mon, 30 Nov 2026 10:00:00 +0000\r\n\
Date: Mon, 30 Nov 2026 10:00:00 +0000\r\n\
From: =?utf-8?q?B=C3=BCcherei?= <post@buecherei.example>\r\n\
To: Somebody <somebody@example.org>\r\n\
Message-ID: <1.2.3@buecherei.example>\r\n\
Subject: [ALERT] host35: boiler stopped\r\n\
List-Id: <alerts.watchtower.example>\r\n\r\n";

/// Responses as a server sends them.
fn responses(bench: &mut Criterion) {
    let subject = "Subject: [ALERT] host35: boiler stopped\r\n\r\n";
    let flags = "FLAGS (\\Seen \\Answered) INTERNALDATE \"30-Nov-2026 10:00:00 +0000\" RFC822.SIZE 4711";
    let field = format!(
        "* 12 FETCH (UID 4711 {flags} BODY[HEADER.FIELDS (SUBJECT)] {{{}}}\r\n{subject})\r\n",
        subject.len()
    );
    let envelope = "* 12 FETCH (UID 4711 ENVELOPE (\"Mon, 30 Nov 2026 10:00:00 +0000\" \"boiler stopped\" \
                    ((\"Ann\" NIL \"ann\" \"example.org\")) ((\"Ann\" NIL \"ann\" \"example.org\")) \
                    ((\"Ann\" NIL \"ann\" \"example.org\")) ((NIL NIL \"me\" \"example.org\")) NIL NIL NIL \
                    \"<1.2.3@example.org>\") BODYSTRUCTURE ((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 10 1 \
                    NIL NIL NIL NIL)(\"APPLICATION\" \"PDF\" (\"NAME\" \"a.pdf\") NIL NIL \"BASE64\" 400 NIL \
                    (\"ATTACHMENT\" (\"FILENAME\" \"a.pdf\")) NIL NIL) \"MIXED\" (\"BOUNDARY\" \"b\") NIL NIL NIL))\r\n";
    let numbers: Vec<String> = (1..=10_000).map(|n| (3 * n).to_string()).collect();
    let search = format!("* SEARCH {}\r\n", numbers.join(" "));
    let esearch = format!("* ESEARCH (TAG \"a1\") UID ALL {}\r\n", numbers.join(","));
    let mut group = bench.benchmark_group("response");
    let cases = [
        ("fetch of a field", field),
        ("fetch of a structure", envelope.into()),
        ("search of 10,000", search),
        ("esearch of 10,000", esearch),
    ];
    for (name, text) in cases {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| {
            bencher
                .iter(|| Response::parse(&Frame::from_bytes(black_box(text.as_bytes())).unwrap()).unwrap());
        });
    }
}

/// Commands with much in them.
fn commands(bench: &mut Criterion) {
    let every_third: Vec<String> = (1..=2000).map(|n| (3 * n).to_string()).collect();
    let set = UidSet::parse(&every_third.join(",")).unwrap();
    let name = MailboxName::new("Listen/Grüße").unwrap();
    let mut group = bench.benchmark_group("command");
    group.bench_function("a set as parts that fit", |bencher| bencher.iter(|| black_box(&set).split(7000)));
    group.bench_function("a move of 2,000", |bencher| {
        bencher.iter(|| Command::new("UID MOVE").uids(black_box(&set)).mailbox(&name).len());
    });
    group.bench_function("a search for text", |bencher| {
        bencher.iter(|| {
            let command = Command::new("UID SEARCH").syntax("RETURN (ALL) SUBJECT");
            command.string(black_box("boiler \"stopped\"".as_bytes())).unwrap().len()
        });
    });
}

/// What is decided here, message by message.
fn matching(bench: &mut Criterion) {
    let headers = Headers::parse(HEADER);
    let facts = Facts { uid: Uid::new(7), headers: Some(&headers), ..Facts::default() };
    let contains = |text: String| Query::Header("from".into(), Pattern::Contains(text));
    let rules = |count: usize| {
        Query::Any((0..count).map(|n| contains(format!("person{n}@people.example"))).collect::<Vec<_>>())
    };
    let regex = |text| Pattern::regex(text, "").unwrap();
    let mut group = bench.benchmark_group("matching");
    group.bench_function("a header is read", |bencher| bencher.iter(|| Headers::parse(black_box(HEADER))));
    let subject = Query::Header("subject".into(), regex("^\\[ALERT\\] host[0-9]*5:"));
    group.bench_function("regex on the subject", |bencher| {
        bencher.iter(|| assert_eq!(subject.judge(black_box(&facts)), Verdict::Yes));
    });
    let any = Query::AnyHeader(regex("^X-Spam-Score: [5-9]"));
    group.bench_function("regex on any field", |bencher| {
        bencher.iter(|| assert_eq!(any.judge(black_box(&facts)), Verdict::No));
    });
    for count in [20, 200] {
        let query = rules(count);
        group.bench_with_input(BenchmarkId::new("senders", count), &query, |bencher, query| {
            bencher.iter(|| assert_eq!(query.judge(black_box(&facts)), Verdict::No));
        });
    }
    let raw = [HEADER, b"The boiler stopped at noon.\r\n".repeat(1500).as_slice()].concat();
    group.throughput(Throughput::Bytes(raw.len() as u64));
    group.bench_function("a message's text", |bencher| {
        bencher.iter_batched(|| raw.clone(), |raw| Message::parse(raw).text().len(), BatchSize::SmallInput);
    });
}

/// One durable note.
fn journal(bench: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let state = State::new(Ok(directory.path().to_owned()), "bench".into(), Wait::No);
    let journal = state.journal(&Nobody).unwrap();
    let mut number = 0;
    bench.bench_function("journal/a durable note", |bencher| {
        bencher.iter(|| {
            number += 1;
            journal.note_plan(&number.to_string()).unwrap();
        });
    });
}

criterion_group!(micro, responses, commands, matching, journal);
criterion_main!(micro);
