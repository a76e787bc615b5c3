use super::letter::{Letter, SAM, noise};

/// A thread: subject, the other person, and its letters: whose turn it is, days ago, and the text.
type Thread = (&'static str, &'static str, &'static [(Turn, i64, &'static str)]);

/// Who writes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    They,
    Sam,
}
use Turn::{Sam, They};

const THREADS: [Thread; 11] = [
    (
        "Sunday hike?",
        "Jonas Weber <jonas@weber.example>",
        &[
            (They, 4, "Forecast says sun from ten. The ridge, as always? I bring the thermos."),
            (Sam, 4, "Yes! But not as always: the other way round, so that the pub comes last."),
            (They, 3, "That is the best idea you had this year. 9:14 at the station."),
        ],
    ),
    (
        "The piano has to move",
        "Lena Ortiz <lena@ortiz.example>",
        &[
            (They, 12, "It weighs 240 kg, the stairs have 31 steps, and I have you and Henk. Thoughts?"),
            (Sam, 12, "My first thought is a flute. My second thought is professional movers."),
            (They, 11, "Movers want 380. Henk wants pizza."),
            (Sam, 11, "I pay half of the movers if I get to keep my back."),
            (They, 10, "Deal. You still get pizza."),
        ],
    ),
    (
        "Draft of the talk",
        "Mina Sato <mina@example.org>",
        &[
            (They, 22, "Slides 1 to 30 are attached. Slide 17 is a joke about mutexes; is it safe?"),
            (Sam, 21, "It is safe. It may block, though.\n\nI would cut 4 to 9 and begin with the outage."),
            (They, 20, "Cut. It now begins with smoke. Thank you!"),
        ],
    ),
    (
        "Keys",
        "Frau Albrecht <albrecht@hausverwaltung.example>",
        &[
            (
                They,
                47,
                "Dear tenant, the lock of the cellar is replaced on Tuesday. Please collect a new key.",
            ),
            (Sam, 46, "Thank you. May I collect two? The other one is for the bicycle kitchen."),
        ],
    ),
    (
        "Re-reading Middlemarch",
        "Aunt Rosa <rosa@rivera.example>",
        &[
            (They, 80, "I am at page 212 and I have opinions about Casaubon. Call me."),
            (Sam, 79, "I am at page 90 and already have them. Sunday at five?"),
            (They, 78, "Sunday at five. Have tea ready, this will take a while."),
        ],
    ),
    (
        "Ledger: rounding",
        "Priya Nair <priya@example.org>",
        &[
            (They, 104, "We are off by one cent in March, and by minus one in April. It is almost elegant."),
            (Sam, 104, "Half to even on one side, half up on the other. I bet my lunch on it."),
            (They, 103, "You win. I hate it. Fixed in both places, with a test that knows March."),
        ],
    ),
    (
        "Photos from the lake",
        "Carla Rivera <carla@rivera.example>",
        &[
            (They, 150, "The ones where Papa falls in are at the end. He says it was on purpose."),
            (Sam, 149, "Nobody's hat flies that far on purpose. Printing number 3 for his birthday."),
        ],
    ),
    (
        "Sourdough emergency",
        "Henk de Boer <henk@bikes.example>",
        &[
            (They, 290, "It has grown out of the jar and into the drawer. What do I feed it? Whom?"),
            (Sam, 290, "Put it in the fridge and don't show fear."),
            (They, 289, "It worked. I baked four loaves. Come and take two."),
        ],
    ),
    (
        "Sublet in Lisbon",
        "Inês Duarte <ines@duarte.example>",
        &[
            (They, 620, "The flat is yours from the 3rd to the 17th. The neighbour's cat comes with it."),
            (Sam, 619, "Perfect. What does the cat eat, and does it know it is a neighbour's?"),
            (They, 618, "Sardines, and no."),
        ],
    ),
    (
        "Your old laptop",
        "Tobias Lind <tobias@example.org>",
        &[
            (They, 980, "Is it still for sale? My nephew wants to learn assembler, poor child."),
            (Sam, 979, "It is his, for nothing. Tell him to begin with something that has pictures."),
        ],
    ),
    (
        "Class reunion, ten years",
        "Amara Okafor <amara@okafor.example>",
        &[
            (They, 1700, "We have a room, a band, and 41 of 58 addresses. Can you find the rest?"),
            (Sam, 1698, "I found nine. Two of them now live on the same boat, and did not know."),
            (They, 1690, "That is the best thing I have heard all year. Welcome to the committee."),
        ],
    ),
];

/// Gives what people write, and what Sam answers.
pub(super) fn letters() -> Vec<Letter> {
    let mut letters: Vec<Letter> = THREADS.iter().flat_map(thread).collect();
    letters.extend(photos());
    letters.extend(drafts());
    letters
}

fn thread((subject, person, turns): &Thread) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::new();
    let mut references: Vec<String> = Vec::new();
    for (at, (turn, days, text)) in turns.iter().enumerate() {
        let subject = if at == 0 { (*subject).to_owned() } else { format!("Re: {subject}") };
        let person = named(person);
        let mailbox = match (turn, days) {
            (Sam, _) => "Sent",
            (They, ..120) if person.ends_with("@example.org>") && *days > 90 => "Work",
            (They, ..120) => "INBOX",
            (They, ..300) if person.contains("rivera") => "Family",
            (They, _) => "Archive",
        };
        let (from, to) = if *turn == Sam { (SAM, person.as_str()) } else { (person.as_str(), SAM) };
        let sign = if *turn == Sam { "Sam" } else { person.split([' ', '<']).next().unwrap_or_default() };
        let sign = if sign.starts_with("=?") { "I." } else { sign };
        let answered = turns.get(at + 1).is_some_and(|(next, ..)| *next == Sam && *turn == They);
        let flags = match (turn, answered, days) {
            (They, false, ..4) => "",
            (They, true, _) if at == 0 && days % 3 == 0 => "seen answered flagged",
            (They, true, _) => "seen answered",
            _ => "seen",
        };
        let mut letter = Letter::new(mailbox, *days, from, &subject).field("To", to).flags(flags);
        // Answers come after what they answer, even on the same day.
        letter.age = days * 1440 + 700 - i64::try_from(at).unwrap_or(0) * 90;
        letter = letter.text(&format!("{text}\n\n{sign}\n"));
        if let Some(last) = references.last().cloned() {
            letter = letter.field("In-Reply-To", &last).field("References", &references.join("\n "));
        }
        if at == 0 && subject.starts_with("Draft of") {
            letter = letter.file("application/pdf", "talk-draft.pdf", noise(b"%PDF-1.5\n", 48_000));
        }
        references.push(letter.id());
        letters.push(letter);
    }
    letters
}

/// Encodes a display name that is not ASCII.
fn named(person: &str) -> String {
    match person.split_once(" <") {
        Some((name, rest)) if !name.is_ascii() => {
            format!("{} <{rest}", super::encode::words("UTF-8", 'Q', name))
        }
        _ => person.to_owned(),
    }
}

fn photos() -> Vec<Letter> {
    let photos = [
        (15, "Balcony tomatoes, day 90", "tomatoes.png", 21_000, "flagged"),
        (150, "Lake, part 1", "lake-1.png", 64_000, "seen"),
        (150, "Lake, part 2 (Papa)", "lake-2.png", 71_000, "seen $Forwarded"),
        (350, "Baby Nils, first snow", "nils-schnee-größer.png", 38_000, "seen flagged"),
        (880, "Old house before the paint", "house.png", 90_000, "seen"),
        (1400, "Grandmother's recipe book, page 12", "recipe.png", 25_000, "seen flagged"),
    ];
    let letter = |(days, subject, name, size, flags): (i64, &str, &str, usize, &str)| {
        Letter::new("Family/Photos", days, "Carla Rivera <carla@rivera.example>", subject)
            .both("Look!\n\nCarla\n", "<p>Look!</p>\n<p><i>Carla</i></p>\n")
            .file("image/png", name, noise(b"\x89PNG\r\n\x1a\n", size))
            .flags(flags)
    };
    photos.into_iter().map(letter).collect()
}

fn drafts() -> Vec<Letter> {
    let drafts = [
        (2, "Letter to the editor", "Dear editor,\n\nI read with growing surprise that benches are"),
        (36, "Birthday poem for Rosa", "Roses are red,\nso is Middlemarch's spine,\n\n(something with wine)"),
        (500, "Resignation (do not send)", "Dear all,\n\nactually, never mind."),
    ];
    let letter = |(days, subject, text): (i64, &str, &str)| {
        let letter = Letter::new("Drafts", days, SAM, subject).text(text).flags("draft seen");
        letter.field("To", if days == 36 { "Aunt Rosa <rosa@rivera.example>" } else { "" })
    };
    drafts.into_iter().map(letter).collect()
}
