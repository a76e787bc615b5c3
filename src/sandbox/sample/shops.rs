use super::letter::{Letter, noise};

/// Days ago, sender, subject, text, flags.
type Receipt = (i64, &'static str, &'static str, &'static str, &'static str);

const RECEIPTS: [Receipt; 14] = [
    (
        1,
        "Corner Pedals <orders@pedals.example>",
        "Your order 20417 is on its way",
        "1 x left pedal (you know why)   18.50\nPostage                          3.90",
        "",
    ),
    (
        6,
        "Green Bowl <bon@greenbowl.example>",
        "Receipt: lunch for two",
        "2 x bowl with everything        23.80\n1 x ginger thing                  4.20",
        "seen",
    ),
    (
        19,
        "Railways <tickets@rail.example>",
        "Your ticket to Konstanz",
        "Saturday 08:14, platform 3, coach 7, seat 41 (window, as you like it)",
        "seen flagged",
    ),
    (
        34,
        "Tin & Leaf <shop@tinandleaf.example>",
        "Thank you for your order",
        "250 g smoky tea                 14.00\n1 x tin with a heron              9.50",
        "seen",
    ),
    (
        52,
        "Paper Moon Books <hello@papermoon.example>",
        "Order 7719: two books and a bookmark",
        "We added the bookmark. You looked as if you needed one.",
        "seen",
    ),
    (
        88,
        "Railways <tickets@rail.example>",
        "Your refund",
        "Your train was 74 minutes late. We are sorry. 12.40 are on their way to you.",
        "seen",
    ),
    (131, "Corner Pedals <orders@pedals.example>", "Your order 19022", "2 x brake pads, 1 x courage", "seen"),
    (
        240,
        "Hotel am See <rezeption@hotel.example>",
        "Booking confirmed: 2 nights",
        "Room 12, the one with the balcony. Breakfast from seven to eleven.",
        "seen $Forwarded",
    ),
    (
        410,
        "Paper Moon Books <hello@papermoon.example>",
        "Order 5120 has arrived in the shop",
        "Come by when it rains. It is warm here.",
        "seen",
    ),
    (
        566,
        "Tin & Leaf <shop@tinandleaf.example>",
        "Your tea subscription ends",
        "Last tin went out today. Renew it, or drink coffee like everybody else.",
        "seen",
    ),
    (
        803,
        "Seed Library <seeds@garden.example>",
        "Receipt: spring parcel",
        "Beans 'Blue Coco', kale, and a surprise",
        "seen",
    ),
    (
        1100,
        "Railways <tickets@rail.example>",
        "Your ticket to Basel",
        "Friday 17:02, platform 1, no seat, good luck",
        "seen",
    ),
    (
        1477,
        "Green Bowl <bon@greenbowl.example>",
        "Receipt: party platter",
        "1 x platter, feeds ten or four of you",
        "seen",
    ),
    (
        1802,
        "Ink & Toner <service@ink.example>",
        "Your printer is registered",
        "Congratulations. It will know.",
        "seen",
    ),
];

/// Gives receipts, invoices, tickets and reminders.
pub(super) fn letters() -> Vec<Letter> {
    let mut letters = receipts();
    letters.extend(invoices());
    letters.extend(calendar());
    letters
}

fn receipts() -> Vec<Letter> {
    let letter = |(days, from, subject, text, flags): (i64, &str, &str, &str, &str)| {
        let html =
            format!("<html><body><h2>{subject}</h2><pre>{text}</pre><p>Thank you!</p></body></html>\n");
        let text = format!("Hello Sam,\n\n{text}\n\nThank you!\n");
        // Sam never files receipts: all of them are still where they arrived.
        Letter::new("INBOX", days, from, subject).both(&text, &html).flags(flags)
    };
    RECEIPTS.into_iter().map(letter).collect()
}

fn invoices() -> Vec<Letter> {
    let months = [11, 42, 73, 101, 132, 162, 193, 370, 735, 1105, 1500];
    let invoice = |(days, number): (i64, i64)| {
        let subject = format!("Invoice {number} from Kiosk Hosting");
        let text = format!(
            "Dear Sam Rivera,\n\nattached is your invoice {number} for one small server and its big dreams.\n\
             We will debit 7.14 within five days.\n\nKiosk Hosting\n"
        );
        // Two of them are scans, and big.
        let size = if number % 5 == 2 { 180_000 } else { 2_600 };
        Letter::new("INBOX", days, "Kiosk Hosting <billing@kiosk-hosting.example>", &subject)
            .text(&text)
            .file(
                "application/pdf",
                &format!("invoice-{number}.pdf"),
                noise(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", size),
            )
            .flags(if days < 30 { "" } else { "seen" })
    };
    months.into_iter().zip((2090..2200).rev()).map(invoice).collect()
}

fn calendar() -> Vec<Letter> {
    let events = [
        (3, "Mina Sato <mina@example.org>", "Invitation: retrospective with cake", "20261201T140000Z", ""),
        (27, "Dr. Hale <practice@teeth.example>", "Your appointment", "20261104T081500Z", "seen flagged"),
        (
            95,
            "Priya Nair <priya@example.org>",
            "Invitation: ledger go-live",
            "20260820T090000Z",
            "seen answered",
        ),
        (
            460,
            "Harbour Choir <choir@harbour.example>",
            "Invitation: dress rehearsal",
            "20250822T180000Z",
            "seen",
        ),
    ];
    let letter = |(days, from, subject, start, flags): (i64, &str, &str, &str, &str)| {
        let ics = format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:{start}@example.org\r\n\
             DTSTART:{start}\r\nSUMMARY:{subject}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
        );
        let mailbox = if days > 200 { "Archive" } else { "INBOX" };
        let text = format!("{subject}\n\nSee the attached invitation, and please answer it.\n");
        let letter = Letter::new(mailbox, days, from, subject).text(&text).flags(flags);
        letter.file("text/calendar; method=REQUEST; charset=utf-8", "invite.ics", ics.into_bytes())
    };
    events.into_iter().map(letter).collect()
}
