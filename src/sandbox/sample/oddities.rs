use super::encode;
use super::letter::Letter;

/// Gives mail in many charsets, junk, and mail that is broken, as old mailboxes have it.
pub(super) fn letters() -> Vec<Letter> {
    let mut letters = charsets();
    letters.extend(junk());
    letters.extend(broken());
    letters
}

/// One letter in a charset of its own, subject and body.
fn foreign(days: i64, from: &str, charset: &str, kind: char, subject: &str, text: &str) -> Letter {
    let body = encode::bytes(charset, &format!("{text}\n"));
    let letter = Letter::new(if days > 200 { "Archive" } else { "INBOX" }, days, from, subject)
        .field("Subject", &encode::words(charset, kind, subject))
        .field("MIME-Version", "1.0")
        .field("Content-Type", &format!("text/plain; charset={charset}"))
        .flags(if days < 20 { "" } else { "seen" });
    match charset {
        "ISO-2022-JP" => letter.field("Content-Transfer-Encoding", "7bit").raw(&body),
        "ISO-8859-1" => letter
            .field("Content-Transfer-Encoding", "quoted-printable")
            .raw(encode::quoted_printable(&body).as_bytes()),
        _ => letter
            .field("Content-Transfer-Encoding", "base64")
            .raw(format!("{}\n", encode::base64_lines(&body)).as_bytes()),
    }
}

fn charsets() -> Vec<Letter> {
    let swiss = "Grüezi!\n\nDer Käse ist unterwegs, gekühlt und gut verpackt. Bitte nicht schütteln.";
    vec![
        foreign(
            8,
            "mina@sato.example",
            "ISO-2022-JP",
            'B',
            "会議室の予約について",
            "来週の火曜日、三階の会議室を予約しました。\nお茶もあります。",
        ),
        foreign(
            16,
            "olga@karelia.example",
            "KOI8-R",
            'B',
            "Привет из Карелии!",
            "Здесь уже снег, а чай ещё горячий.\nПриезжайте в гости.",
        ),
        foreign(
            25,
            "wei@lin.example",
            "GB2312",
            'B',
            "照片在这里",
            "你好！\n我们上个星期去了湖边，照片很漂亮。",
        ),
        foreign(60, "urs@kaeserei.example", "ISO-8859-1", 'Q', "Käse, Lieferung 12", swiss),
        Letter::new("INBOX", 61, "urs@kaeserei.example", "Grüße aus Zürich – Käse inklusive")
            .text("Schöne Grüße!\n\nIhre Käserei – seit 1893 fast immer geöffnet.\n")
            .flags("seen"),
        foreign(
            210,
            "eleni@athina.example",
            "UTF-8",
            'B',
            "Καλημέρα από την Αθήνα ☀️",
            "Το σπίτι είναι έτοιμο. Σας περιμένουμε!",
        ),
        foreign(
            777,
            "francois@boulangerie.example",
            "ISO-8859-1",
            'Q',
            "Déjà vu: la recette des crêpes",
            "Voilà la recette, gardée depuis l'été.\nÀ bientôt, François",
        ),
        foreign(
            1300,
            "sven@fjord.example",
            "UTF-8",
            'Q',
            "Smörgåsbord på lördag",
            "Ta med dig gott humör och något på ö.",
        ),
    ]
}

fn junk() -> Vec<Letter> {
    let junk = [
        (
            1,
            "Prince (retired) <prince@throne.example>",
            "A modest proposal for your inheritance",
            "I have 14 million and no pockets.",
        ),
        (
            5,
            "Parcel Service <noreply@parcel.example>",
            "Your parcel waits at the wrong planet",
            "Pay 1.99 to have it redirected to Earth.",
        ),
        (
            9,
            "SEO Wizard <wizard@rank.example>",
            "Your website is invisible!!!",
            "I looked for it for hours. Hire me.",
        ),
        (
            14,
            "Dr. Miracle <pills@miracle.example>",
            "Grow taller while you sleep",
            "Our customers no longer fit their beds.",
        ),
        (
            30,
            "Crypto Otter <otter@coin.example>",
            "Otters made me rich",
            "One otter today is two otters tomorrow.",
        ),
        (
            75,
            "Winner Desk <desk@lottery.example>",
            "You are the 1,000,000th visitor",
            "Of what, we cannot say. Claim now.",
        ),
        (
            400,
            "Old Friend <friend@throne.example>",
            "Remember me? I am stuck at an airport",
            "Send vouchers. Any vouchers.",
        ),
    ];
    let letter = |(days, from, subject, text): (i64, &str, &str, &str)| {
        let html =
            format!("<html><body><h1><font color=red>{subject}</font></h1><p>{text}</p></body></html>\n");
        let letter = Letter::new("Junk", days, from, subject).both(&format!("{text}\n"), &html);
        letter.field("X-Spam-Flag", "YES").field("X-Spam-Score", "11.3").flags("$Junk").hours(-5)
    };
    junk.into_iter().map(letter).collect()
}

fn broken() -> Vec<Letter> {
    vec![
        Letter::new("INBOX", 13, "scanner@office.example", "Scan without a date").undated().text("Page 1 of 1.\n").flags("seen"),
        Letter::new("INBOX", 29, "x", "Somebody wrote this").field("From", "").undated().text("But who?\n").flags("seen"),
        Letter::new("INBOX", 33, "old@printer.example", "A line that is no field")
            .field("This line has no colon in it and should not be here!", "at all")
            .text("Toner is low. So are spirits.\n"),
        Letter::new("INBOX", 57, "cafe@corner.example", "raw")
            .raw_field("Subject", b"Caf\xe9 ge\xf6ffnet, 8-bit and proud")
            .raw(b"Kommt vorbei! Es gibt Kr\xe4uterquark.\n")
            .flags("seen"),
        Letter::new("Archive", 480, "fax@gateway.example", "Fax, interrupted")
            .field("MIME-Version", "1.0")
            .field("Content-Type", "multipart/mixed; boundary=\"fax-1\"")
            .raw(b"--fax-1\nContent-Type: text/plain\n\nPage 1 of 3\n--fax-1\nContent-Type: image/tiff\nContent-Transfer-Encoding: base64\n\nSUkqAAgAAAAMAAAB")
            .flags("seen"),
        Letter::new("Archive", 640, "silence@zen.example", "(nothing)").raw(b"").flags("seen"),
        Letter::new("Archive", 1010, "forward@lists.example", "Fwd: minutes of 2023")
            .field("MIME-Version", "1.0")
            .field("Content-Type", "message/rfc822")
            .raw(b"From: Secretary <secretary@choir.example>\nTo: choir@harbour.example\nSubject: minutes of 2023\nDate: Fri, 13 Jan 2023 19:30:00 +0100\n\nPresent: almost everybody.\nResolved: to sing louder.\n")
            .flags("seen"),
        Letter::new("Trash", 4, "dup@example.org", "Sent twice").text("By mistake.\n").field("Message-ID", "<dup-1@example.org>").flags("seen"),
        Letter::new("Trash", 4, "dup@example.org", "Sent twice, again").text("By mistake.\n").field("Message-ID", "<dup-1@example.org>").flags("seen"),
        Letter::new("Trash", 45, "quiz@pub.example", "Quiz night is cancelled").text("The quizmaster has lost his voice and the questions.\n").flags("seen deleted"),
        Letter::new("Family", 66, "Papa <papa@rivera.example>", "how do i attach a picture").text("SAM\n\nHOW DO I TURN OFF THE CAPITALS\n\nPAPA\n").flags("seen answered"),
        Letter::new("Family", 65, "Papa <papa@rivera.example>", "it works now").text("it works now.\n\nlove, papa\n").flags("seen flagged"),
    ]
}
