use super::letter::Letter;

/// A newsletter: sender, List-Id, days between issues, and issues, the newest first.
struct Newsletter {
    from: &'static str,
    title: &'static str,
    id: &'static str,
    every: i64,
    issues: &'static [(&'static str, &'static str)],
}

const NEWSLETTERS: [Newsletter; 5] = [
    Newsletter {
        from: "Crumb Club <hello@crumbclub.example>",
        title: "Crumb Club",
        id: "weekly.crumbclub.example",
        every: 7,
        issues: &[
            (
                "Why your rye is sulking",
                "Rye wants warmth and to be left alone. So do we. This week: a loaf that forgives.",
            ),
            ("Three flours walk into a bar", "Spelt, einkorn and emmer, and what each does to a crumb."),
            ("The 40-minute focaccia", "It is a lie, it takes 55. It is still worth it."),
            ("Starter names, the results", "1,204 of you voted. Clint Yeastwood wins, of course."),
            (
                "Oven stones: who needs them?",
                "We baked on a stone, on steel, and on a paving slab from the garden.",
            ),
            ("A soup for stale bread", "Nothing is lost in a kitchen that knows ribollita."),
            ("Letters from readers", "Anneke from Leer asks whether a dough can be too happy."),
            ("Knead less", "Time does it for you. Go for a walk."),
            ("Our very first issue", "Welcome! We are two people, one oven and far too much flour."),
        ],
    },
    Newsletter {
        from: "The Borrow Report <news@borrow-report.example>",
        title: "The Borrow Report",
        id: "borrow-report.lists.example",
        every: 14,
        issues: &[
            (
                "Lifetimes explained with library cards",
                "A reader lent a book to a reader who lent it to a reader.",
            ),
            ("Traits you did not know you had", "A tour of the blanket implementations under your bed."),
            ("What the compiler told us this month", "The ten kindest error messages, with pictures."),
            ("Small binaries for small machines", "From 4 MB to 380 kB, one flag at a time."),
            ("Unsafe, at any speed", "A careful look at who checks what when nobody checks."),
            ("Iterators are lazy and so are we", "The summer issue is short."),
            ("Testing what can't happen", "It happened to us on a Tuesday."),
            ("Editions: a love letter", "How to change everything and break nobody."),
        ],
    },
    Newsletter {
        from: "Night Sky Notes <notes@nightsky.example>",
        title: "Night Sky Notes",
        id: "notes.nightsky.example",
        every: 30,
        issues: &[
            (
                "Saturn is up early",
                "Look south-east after supper. The rings are nearly closed, like a shy eye.",
            ),
            ("A comet, perhaps", "Comets are like cats: they have tails and do what they want."),
            ("The Perseids without a telescope", "A blanket, a thermos, and somewhere dark. That is all."),
            ("How to see Mercury before work", "You need a flat horizon and a strong alarm clock."),
            ("The Moon's quiet seas", "A walk along the terminator, with binoculars."),
            ("Winter hexagon", "Six stars, one cold neck, no regrets."),
            ("Light pollution: good news for once", "Our town switches off half its lamps at eleven."),
            ("Andromeda for beginners", "The oldest light you will ever see with your own eyes."),
        ],
    },
    Newsletter {
        from: "Harbour Bike Kitchen <kitchen@bikes.example>",
        title: "Harbour Bike Kitchen",
        id: "friends.bikes.example",
        every: 45,
        issues: &[
            ("Brake night on Thursday", "Bring pads, we bring soup. Tandems welcome."),
            (
                "Ride to the lighthouse",
                "38 km, one hill, two cakes. We leave at nine, or when Henk is there.",
            ),
            ("We have a truing stand!", "Thanks to 61 of you. It is blue. It is beautiful."),
            ("Winter tyres, the great debate", "Studs or no studs: both sides have sent us poems."),
            ("Lost: one left pedal", "Found: three right ones."),
            ("Cargo bike to lend", "It carries four crates or two children or one piano stool."),
        ],
    },
    Newsletter {
        from: "Stadtbibliothek Überlingen <buecher@bibliothek.example>",
        title: "Neues aus der Bücherei",
        id: "neues.bibliothek.example",
        every: 90,
        issues: &[
            (
                "Herbstlese: 30 neue Romane",
                "Draußen fällt das Laub, drinnen fallen die Preise – nein, Ausleihen bleibt kostenlos.",
            ),
            ("Vorlesen für Große", "Jeden zweiten Freitag, mit Tee und Zimtschnecken. Dieses Mal: Flüsse."),
            (
                "Sommerpause und Mahngebühren",
                "Wir erlassen alle Gebühren bis zum 1. August. Bringt uns unsere Bücher zurück!",
            ),
            ("Der Bücherbus fährt wieder", "Neue Haltestelle: Mühlbach, am Brunnen, mittwochs um vier."),
            (
                "Schöne Grüße zum neuen Jahr",
                "Über 9.000 Ausleihen im Dezember. Ihr lest ja wie die Weltmeister.",
            ),
        ],
    },
];

/// Gives the newsletters.
pub(super) fn letters() -> Vec<Letter> {
    NEWSLETTERS.iter().flat_map(Newsletter::letters).collect()
}

impl Newsletter {
    fn letters(&self) -> Vec<Letter> {
        // The older half of the issues is spread over the years.
        let days = |at: i64| if at < 4 { at * self.every + 1 } else { at * self.every * 4 + at * 17 };
        self.issues
            .iter()
            .zip(0i64..)
            .map(|((subject, text), at)| self.letter(days(at), subject, text))
            .collect()
    }

    fn letter(&self, days: i64, subject: &str, text: &str) -> Letter {
        let Self { title, id, .. } = self;
        let host = id.rsplit_once('.').map_or(*id, |(host, _)| host);
        let unsubscribe = format!("https://{id}/unsubscribe");
        let plain = format!("{title}\n\n{subject}\n\n{text}\n\n-- \nNo more of this: {unsubscribe}\n");
        let html = format!(
            "<!doctype html>\n<html><body style=\"font-family: serif\">\n<h1>{title}</h1>\n<h2>{subject}</h2>\n\
             <p>{text}</p>\n<p><small><a href=\"{unsubscribe}\">No more of this</a></small></p>\n</body></html>\n"
        );
        let (mailbox, flags) = match days {
            0..30 => ("INBOX", if days % 2 == 0 { "seen" } else { "" }),
            30..200 => ("INBOX", "seen"),
            200..400 => ("Trash", "seen"),
            _ => ("Archive", "seen"),
        };
        // The display name may be in Unicode, and goes encoded.
        let from = match self.from.split_once(" <") {
            Some((name, rest)) if !name.is_ascii() => {
                format!("{} <{rest}", super::encode::words("UTF-8", 'Q', name))
            }
            _ => self.from.to_owned(),
        };
        Letter::new(mailbox, days, &from, subject)
            .both(&plain, &html)
            .field("List-Id", &format!("<{id}>"))
            .field("List-Unsubscribe", &format!("<{unsubscribe}>, <mailto:leave@{host}>"))
            .field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click")
            .field("Precedence", "list")
            .flags(flags)
    }
}
