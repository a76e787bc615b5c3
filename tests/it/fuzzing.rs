//! A short run of the fuzz targets' bodies with every test run: the seeds, and mutations of them.
//!
//! The mutations are the same each time, so that what fails here fails everywhere.

use std::{fs, panic, path::Path};

#[path = "../../fuzz/bodies.rs"]
mod bodies;

/// How many mutations each body is given.
const ROUNDS: usize = 6_000;

#[test]
fn responses() {
    run("response", bodies::response);
}

#[test]
fn the_seeds_are_understood() {
    for (name, seed) in seeds("response") {
        let frame = imapscript::wire::Frame::from_bytes(&seed).unwrap();
        assert!(imapscript::imap::Response::parse(&frame).is_ok(), "{name}");
    }
}

#[test]
fn uid_sets() {
    run("uid_set", bodies::uid_set);
}

#[test]
fn mailbox_names() {
    run("mailbox_name", bodies::mailbox_name);
}

/// The seeds of a target by their names, in an order that is the same on every machine.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

fn run(target: &str, body: fn(&[u8])) {
    let seeds: Vec<Vec<u8>> = seeds(target).into_iter().map(|(_, seed)| seed).collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mutations = (0..ROUNDS).map(|_| {
        let mut input = seeds[dice.below(seeds.len())].clone();
        for _ in 0..=dice.below(4) {
            mutate(&mut input, &seeds, &mut dice);
        }
        input
    });
    for input in seeds.iter().cloned().chain(mutations.collect::<Vec<_>>()) {
        let shown = String::from_utf8_lossy(&input).into_owned();
        assert!(panic::catch_unwind(|| body(&input)).is_ok(), "{target} fails for {shown:?}");
    }
}

/// Changes the input in one of the ways that break parsers.
fn mutate(input: &mut Vec<u8>, seeds: &[Vec<u8>], dice: &mut Dice) {
    /// What means something to what is fuzzed.
    const PIECES: [&[u8]; 24] = [
        b"(",
        b")",
        b"\"",
        b"\\",
        b"{3}\r\n",
        b"{4294967295}\r\n",
        b"[",
        b"]",
        b" ",
        b"NIL",
        b"\r\n",
        b"\0",
        b"\xff",
        b"0",
        b"4294967296",
        b",",
        b":",
        b"*",
        b"&",
        b"-",
        b"&AAA-",
        b"+",
        b"UID ",
        b"((((((((",
    ];
    let at = dice.below(input.len() + 1);
    let end = (at + dice.below(8)).min(input.len());
    match dice.below(6) {
        0 => drop(input.drain(at..end)),
        1 => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        2 => {
            let again = input[at..end].to_vec();
            input.splice(at..at, again);
        }
        3 => {
            let other = &seeds[dice.below(seeds.len())];
            let tail = other[dice.below(other.len() + 1)..].to_vec();
            input.splice(at.., tail);
        }
        _ => {
            let piece = PIECES[dice.below(PIECES.len())];
            input.splice(at..at, piece.iter().copied());
        }
    }
}

/// Numbers that look random and are the same each time (xorshift).
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 32).unwrap() % end
    }
}
