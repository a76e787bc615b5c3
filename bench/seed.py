"""Mail that is the same each time it is made."""

import base64
import random
from datetime import UTC, datetime, timedelta
from email.header import Header

NEWEST = datetime(2026, 10, 1, tzinfo=UTC)
YEARS = 6

# Name, address, how often, and the list it comes by.
MACHINES = [
    ("Watchtower", "alerts@watchtower.example", 40, "alerts.watchtower.example"),
    ("Forge", "notify@forge.example", 25, "kettle.forge.example"),
    ("The Weekly Teapot", "letter@teapot.example", 14, "letter.teapot.example"),
    ("Bücherei", "post@buecherei.example", 6, None),
    ("Κατάστημα", "orders@katastima.example", 6, None),
    ("Savings Bank", "statements@bank.example", 8, None),
]
PEOPLE = [(f"Person {n}", f"person{n}@people.example", 2, None) for n in range(30)]
LISTS = [(f"Talk {n}", f"talk{n}@lists.example", 2, f"talk{n}.lists.example") for n in range(20)]
SENDERS = MACHINES + PEOPLE + LISTS

NOUNS = ["kettle", "boiler", "harbour", "parcel", "ledger", "garden", "timetable", "engine", "letter", "bridge"]
VERBS = ["arrived", "failed", "changed", "moved", "closed", "opened", "waits", "passed", "stopped", "began"]
FOREIGN = ["Grüße aus Köln", "Счёт за октябрь", "お知らせ", "Résumé de la réunion", "Zmiana terminu"]


def subject(chance, sender):
    noun, verb, number = chance.choice(NOUNS), chance.choice(VERBS), chance.randrange(1, 10000)
    if sender is MACHINES[0]:
        return f"[ALERT] host{number % 100}: {noun} {verb}"
    if chance.random() < 0.12:
        return f"{chance.choice(FOREIGN)} {number}"
    return chance.choice([f"Re: the {noun} {verb}", f"{noun} #{number} {verb}", f"Fwd: {noun} and {number} more"])


def encoded(text):
    return text if text.isascii() else Header(text, "utf-8", maxlinelen=990).encode()


def filler(chance):
    """A long text, and as much base64, of which each message takes a part."""
    words = [chance.choice(NOUNS + VERBS) for _ in range(200_000)]
    lines = [" ".join(words[at : at + 10]) for at in range(0, len(words), 10)]
    text = "\r\n".join(lines).encode() + b"\r\n"
    blob = base64.encodebytes(chance.randbytes(900_000)).replace(b"\n", b"\r\n")
    return text, blob


def part(chance, whole, size):
    """Whole lines of about that size."""
    start = whole.index(b"\n", chance.randrange(len(whole) - size - 200)) + 1
    return whole[start : whole.index(b"\n", start + size) + 1]


def mails(count, small, seed):
    """Flags, date of arrival and bytes of each message.

    Small ones have up to 2 KB of text. Of the others, with 1 to 50 KB, one in twenty has up to 1 MB attached.
    """
    chance = random.Random(seed)
    text, blob = filler(chance)
    weights = [sender[2] for sender in SENDERS]
    for number in range(count):
        sender = chance.choices(SENDERS, weights)[0]
        name, address, _, through = sender
        age = timedelta(days=365 * YEARS * (count - number - chance.random()) / count)
        date = NEWEST - age
        written = date.strftime("%a, %d %b %Y %H:%M:%S +0000")
        domain = address.split("@")[1]
        host = f"out{chance.randrange(9)}.{domain} (192.0.2.{chance.randrange(1, 255)})"
        signature = base64.b64encode(chance.randbytes(96)).decode()
        header = [
            f"Return-Path: <{address}>",
            f"Received: from {host} by mx.example.org with ESMTPS; {written}",
            f"DKIM-Signature: v=1; a=rsa-sha256; d={domain}; s=bench; b={signature}",
            f"Date: {written}",
            f"From: {encoded(name)} <{address}>",
            "To: Somebody <somebody@example.org>",
            f"Message-ID: <{seed}.{number}.{chance.getrandbits(48):x}@{domain}>",
            f"Subject: {encoded(subject(chance, sender))}",
            f"X-Spam-Score: {chance.uniform(-4, 9):.1f}",
            "MIME-Version: 1.0",
        ]
        if through:
            header.append(f"List-Id: <{through}>")
        size = int(10 ** (chance.uniform(2.5, 3.3) if small else chance.uniform(3, 4.7)))
        body = part(chance, text, size)
        if not small and chance.random() < 0.05:
            boundary = f"part-{number}"
            header.append(f"Content-Type: multipart/mixed; boundary={boundary}")
            attached = part(chance, blob, chance.randrange(150_000, 1_000_000))
            head = f"--{boundary}\r\nContent-Type: application/pdf; name=paper{number}.pdf\r\n"
            body = b"".join(
                [
                    f"--{boundary}\r\nContent-Type: text/plain\r\n\r\n".encode(),
                    body,
                    f"{head}Content-Transfer-Encoding: base64\r\n\r\n".encode(),
                    attached,
                    f"--{boundary}--\r\n".encode(),
                ]
            )
        else:
            header.append("Content-Type: text/plain; charset=utf-8")
        odds = [("\\Seen", 0.7), ("\\Flagged", 0.03), ("\\Answered", 0.1)]
        flags = [flag for flag, odd in odds if chance.random() < odd]
        arrived = date.strftime("%d-%b-%Y %H:%M:%S +0000")
        yield " ".join(flags), arrived, "\r\n".join(header).encode() + b"\r\n\r\n" + body


def fill(connection, mailbox, messages):
    """Appends messages to a mailbox by MULTIAPPEND, some hundreds at a time."""
    batch, size = [], 0

    def flush():
        nonlocal batch, size
        if batch:
            connection.ask(b"APPEND " + mailbox.encode() + b"".join(batch))
        batch, size = [], 0

    for flags, arrived, raw in messages:
        batch.append(f' ({flags}) "{arrived}" {{{len(raw)}+}}\r\n'.encode() + raw)
        size += len(raw)
        if size > 8 << 20 or len(batch) >= 1000:
            flush()
    flush()
