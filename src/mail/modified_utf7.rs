//! Modified UTF-7, the form in which names travel (RFC 3501 §5.1.3).

/// Modified base64: `,` in place of `/` and no padding (RFC 3501 §5.1.3).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/// Writes Unicode as modified UTF-7.
pub(super) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut shifted = Vec::new();
    for c in text.chars() {
        if matches!(c, ' '..='~') {
            close(&mut shifted, &mut out);
            out.push(c);
            if c == '&' {
                out.push('-');
            }
        } else {
            shifted.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        }
    }
    close(&mut shifted, &mut out);
    out
}

/// Ends a shifted run: its UTF-16 units as `&…-`.
fn close(units: &mut Vec<u16>, out: &mut String) {
    if units.is_empty() {
        return;
    }
    out.push('&');
    let (mut bits, mut held) = (0u32, 0u8);
    for unit in units.drain(..) {
        bits = (bits << 16) | u32::from(unit);
        held += 16;
        while held >= 6 {
            held -= 6;
            out.push(sextet(bits >> held));
        }
        bits &= (1 << held) - 1;
    }
    if held > 0 {
        out.push(sextet(bits << (6 - held)));
    }
    out.push('-');
}

fn sextet(bits: u32) -> char {
    ALPHABET.get((bits & 63) as usize).map_or('A', |&b| char::from(b))
}

/// Reads modified UTF-7. `None` unless encoding the result gives the same bytes again.
pub(super) fn decode(wire: &[u8]) -> Option<String> {
    let wire = std::str::from_utf8(wire).ok()?;
    let mut text = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some(at) = rest.find('&') {
        let (plain, shifted) = rest.split_at(at);
        text.push_str(plain);
        let (run, after) = shifted.get(1..)?.split_once('-')?;
        if run.is_empty() {
            text.push('&');
        } else {
            text.push_str(&unshift(run)?);
        }
        rest = after;
    }
    text.push_str(rest);
    (encode(&text) == wire).then_some(text)
}

fn unshift(run: &str) -> Option<String> {
    let (mut bits, mut held, mut units) = (0u32, 0u8, Vec::new());
    for byte in run.bytes() {
        let value = ALPHABET.iter().position(|&b| b == byte)?;
        bits = (bits << 6) | u32::try_from(value).ok()?;
        held += 6;
        if held >= 16 {
            held -= 16;
            units.push(u16::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    String::from_utf16(&units).ok()
}
