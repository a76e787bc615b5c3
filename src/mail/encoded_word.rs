use super::{charset, transfer_encoding};

/// How many encoded words of one header are decoded; what comes after them stays as it is written.
const MAX_WORDS: usize = 1_000;
/// The longest charset name (with an RFC 2231 language) that a word may carry.
const MAX_CHARSET: usize = 60;
/// The longest word that is known as one within an address list. The RFC says 75; programs write more.
const MAX_LENGTH: usize = 500;

/// Decodes the encoded words of a text (RFC 2047), in time linear in its length.
///
/// White space between two of them goes, and a character that one begins and the next one ends is
/// whole again (mailparse decodes each by itself). Words are known inside quoted strings and
/// without space around them too, because many programs write them so. An unknown charset leaves
/// the word as it stands; line breaks and NUL that come out of a word become spaces, so that one
/// header's value can't look like two headers.
pub fn decode(text: &str) -> String {
    // Without it, each of many beginnings would look for its end through all of the text.
    let Some(last_end) = text.rfind("?=") else { return text.to_owned() };
    let mut decoded = Decoded { text: String::with_capacity(text.len()), run: None };
    let mut rest = text;
    for _ in 0..MAX_WORDS {
        let Some((before, word, after)) = next_word(rest, (last_end + rest.len()).checked_sub(text.len()))
        else {
            break;
        };
        decoded.literal(before);
        decoded.word(&word);
        rest = after;
    }
    decoded.literal(rest);
    decoded.flush();
    decoded.text
}

/// One encoded word, its text not yet decoded.
struct Word<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a str,
    whole: &'a str,
}

/// What is decoded so far, and the run of adjacent words that is still bytes.
struct Decoded<'a> {
    text: String,
    run: Option<Run<'a>>,
}

/// Words of one charset, and the white space after them, which goes if another word follows.
struct Run<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
    gap: &'a str,
}

impl<'a> Decoded<'a> {
    fn literal(&mut self, text: &'a str) {
        match &mut self.run {
            Some(run) if text.bytes().all(|b| b.is_ascii_whitespace()) => run.gap = text,
            _ => {
                self.flush();
                self.text.push_str(text);
            }
        }
    }

    fn word(&mut self, word: &Word<'a>) {
        if charset::decode(word.charset, b"").is_none() {
            self.flush();
            self.text.push_str(word.whole);
            return;
        }
        let bytes =
            if word.base64 { transfer_encoding::decode_base64(word.text.as_bytes()) } else { q(word.text) };
        match &mut self.run {
            Some(run) if run.charset.eq_ignore_ascii_case(word.charset) => {
                run.gap = "";
                run.bytes.extend(bytes);
            }
            run => {
                if let Some(run) = run {
                    run.gap = "";
                }
                self.flush();
                self.run = Some(Run { charset: word.charset, bytes, gap: "" });
            }
        }
    }

    fn flush(&mut self) {
        if let Some(run) = self.run.take() {
            let text = charset::decode(run.charset, &run.bytes).unwrap_or_default();
            self.text.extend(text.chars().map(|c| if matches!(c, '\r' | '\n' | '\0') { ' ' } else { c }));
            self.text.push_str(run.gap);
        }
    }
}

/// Finds the next word: the text before it, the word, the text after it. `last_end` is where the
/// text's last `?=` stands.
fn next_word(text: &str, last_end: Option<usize>) -> Option<(&str, Word<'_>, &str)> {
    let last_end = last_end?;
    let mut from = 0;
    loop {
        let start = from + text.get(from..)?.find("=?")?;
        if start >= last_end {
            return None;
        }
        if let Some((word, after)) = word_at(text.get(start..)?) {
            return Some((text.get(..start)?, word, after));
        }
        from = start + 2;
    }
}

/// Tells how long the encoded word is that a text begins with. Only words without white space and of
/// reasonable length count here: this is for telling structure from words, not for decoding.
pub(super) fn length_at(text: &str) -> Option<usize> {
    let length = text.bytes().take(MAX_LENGTH).take_while(u8::is_ascii_graphic).count();
    word_at(text.get(..length)?).map(|(word, _)| word.whole.len())
}

/// Reads the word that a text begins with, and gives the text after it.
fn word_at(text: &str) -> Option<(Word<'_>, &str)> {
    let inner = text.strip_prefix("=?")?;
    let end = inner.bytes().take(MAX_CHARSET).position(|b| !is_token(b))?;
    let (charset, rest) = inner.split_at_checked(end)?;
    let rest = rest.strip_prefix('?')?;
    let base64 = match rest.as_bytes() {
        [b'B' | b'b', b'?', ..] => true,
        [b'Q' | b'q', b'?', ..] => false,
        _ => return None,
    };
    let (body, after) = rest.get(2..)?.split_once("?=")?;
    let whole = text.get(..text.len() - after.len())?;
    // RFC 2231 §5 adds a language: `=?utf-8*en?Q?...?=`.
    let charset = charset.split('*').next().unwrap_or(charset);
    (!charset.is_empty()).then_some((Word { charset, base64, text: body, whole }, after))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_+.:*()'".contains(&byte)
}

/// Decodes the Q encoding (RFC 2047 §4.2). It is not quoted-printable: `_` is a space, and a space
/// at the end counts.
fn q(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'_', _) => bytes.push(b' '),
            (b'=', [high, low, behind @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = behind;
                }
                _ => bytes.push(first),
            },
            _ => bytes.push(first),
        }
    }
    bytes
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn words_of_many_charsets_are_decoded() {
        for (raw, text) in [
            ("plain", "plain"),
            ("=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= aus =?utf-8?b?S8O2bG4=?=", "Grüße aus Köln"),
            ("=?iso-8859-1?q?caf=E9_?=", "café "),
            ("=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"),
            ("=?koi8-r?B?8NLJ18XU?=", "Привет"),
            ("=?GB2312?B?xOO6ww==?=", "你好"),
            ("=?windows-1252?Q?=93quoted=94?=", "“quoted”"),
            ("=?utf-8*en?Q?a?=", "a"),
            ("=?utf-7?Q?+ZeVnLIqe-?=", "日本語"),
        ] {
            assert_eq!(decode(raw), text, "{raw}");
        }
    }

    #[test]
    fn adjacent_words_are_joined_even_within_a_character() {
        assert_eq!(decode("=?utf-8?Q?a?= =?utf-8?Q?b?="), "ab");
        assert_eq!(decode("=?utf-8?Q?a?=  \t=?iso-8859-1?Q?=E9?= c"), "aé c");
        assert_eq!(decode("=?utf-8?B?4pyT4g==?= =?UTF-8?B?nJM=?="), "✓✓");
        assert_eq!(decode("=?utf-8?Q?=E2=9C?= =?utf-8?B?kw==?="), "✓");
        assert_eq!(decode("=?utf-8?Q?a_?==?utf-8?Q?b?="), "a b");
    }

    #[test]
    fn what_is_no_word_stays() {
        for raw in [
            "=?",
            "=?=",
            "?=",
            "=??=",
            "=?utf-8?=",
            "=?utf-8?X?a?=",
            "=?utf-8?Q?a",
            "=?utf 8?Q?a?=",
            "=??Q?a?=",
        ] {
            assert_eq!(decode(raw), raw);
        }
        assert_eq!(decode("x =?x-nobody?Q?a?= y"), "x =?x-nobody?Q?a?= y");
        assert_eq!(decode("=?utf-8?Q?a?= =?x-no?Q?b?= =?utf-8?Q?c?="), "a =?x-no?Q?b?= c");
        assert_eq!(decode("=?utf-8?Q?100%=ZZ=?="), "100%=ZZ=");
        assert_eq!(decode("a=?utf-8?Q?=C3=A9?=b \"=?utf-8?q?=C3=A9?=\""), "aéb \"é\"");
    }

    #[test]
    fn a_word_can_not_break_the_line() {
        assert_eq!(decode("=?utf-8?Q?a=0D=0ABcc:_x=00?="), "a  Bcc: x ");
    }

    #[test]
    fn words_beyond_the_cap_stay_encoded() {
        let raw = "=?utf-8?Q?a?= ".repeat(50_000);
        let text = decode(&raw);
        assert!(text.starts_with(&"a".repeat(1_000)));
        assert!(text.ends_with("=?utf-8?Q?a?= "));
        for hostile in ["=?a?q?", "=?", "?=", "=?utf-8?Q?"] {
            let raw = hostile.repeat(50_000);
            assert!(decode(&raw).len() <= raw.len());
        }
    }
}
