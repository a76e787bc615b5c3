//! HTML as text. What html2text (and html5ever under it) is given is written here, from a short list
//! of elements, balanced and never deep: both build a tree without limits, so that nested or
//! misnested elements could take all of the stack or the memory.

use super::charset;

/// The most bytes of text and elements that are rendered. Attributes, scripts and styles, which are
/// most of a large mail, don't count.
const MAX_RENDERED: usize = 1024 * 1024;
/// The most elements that are open at a time; what is within more keeps its text.
const MAX_DEPTH: usize = 24;
/// How wide a line may get: wide enough that no phrase a script looks for is broken in two.
const WIDTH: usize = 100_000;

/// Renders HTML as plain text: blocks are lines, items have a mark, links are their text.
///
/// Scripts, styles and comments go; a table is its rows, one line each. What comes after 1 MiB
/// of text is cut off.
pub(super) fn to_text(html: &str) -> String {
    let simple = Simplifier::run(html);
    let config = html2text::config::plain_no_decorate().allow_width_overflow();
    let text = config.string_from_read(simple.as_bytes(), WIDTH).unwrap_or_default();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// Writes HTML anew with the few elements that matter to text.
struct Simplifier<'a> {
    rest: &'a str,
    out: String,
    /// The open elements, by the name they came with.
    open: Vec<&'static str>,
}

impl<'a> Simplifier<'a> {
    fn run(html: &'a str) -> String {
        let mut this = Self { rest: html, out: String::new(), open: Vec::new() };
        while this.out.len() < MAX_RENDERED
            && let Some((text, markup)) = this.rest.split_once('<')
        {
            this.text(text);
            this.rest = markup;
            this.markup();
        }
        this.text(this.rest);
        this.close_to(0);
        this.out
    }

    fn text(&mut self, text: &str) {
        let room = MAX_RENDERED.saturating_sub(self.out.len());
        self.out.push_str(charset::beginning(text, room));
    }

    /// Takes what a `<` begins.
    fn markup(&mut self) {
        let is_end = self.rest.starts_with('/');
        let tag = self.rest.strip_prefix('/').unwrap_or(self.rest);
        if let Some(comment) = self.rest.strip_prefix("!--") {
            self.rest = if comment.starts_with('>') { skip(comment, ">") } else { skip(comment, "-->") };
        } else if tag.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let end =
                tag.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).unwrap_or(tag.len());
            let (name, attributes) = tag.split_at_checked(end).unwrap_or((tag, ""));
            self.rest = after_attributes(attributes);
            let name = name.get(..12).unwrap_or(name).to_ascii_lowercase();
            if is_end { self.end(&name) } else { self.start(&name) }
        } else if self.rest.starts_with(['!', '?', '/']) {
            self.rest = skip(self.rest, ">");
        } else {
            self.out.push_str("&lt;");
        }
    }

    fn start(&mut self, name: &str) {
        match name {
            "script" | "style" | "title" | "textarea" | "template" | "iframe" | "noembed" | "noframes"
            | "xmp" => {
                self.rest = skip_raw_text(self.rest, name);
            }
            "br" | "hr" => self.out.push_str("<br>"),
            "td" | "th" => self.out.push(' '),
            _ => {
                if let Some(&(name, tag)) = BLOCKS.iter().find(|(block, _)| *block == name) {
                    self.open_block(name, tag);
                }
            }
        }
    }

    fn open_block(&mut self, name: &'static str, tag: &str) {
        // These end where the next block begins, or the next of their kind.
        let ends = |open: &&str| *open == "p" || (*open == name && matches!(name, "li" | "tr" | "dt" | "dd"));
        if self.open.last().is_some_and(ends) {
            self.close_to(self.open.len().saturating_sub(1));
        }
        if self.open.len() < MAX_DEPTH {
            self.open.push(name);
            self.tag("<", tag);
        } else {
            self.out.push_str("<br>");
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|open| *open == name) {
            self.close_to(at);
        }
    }

    /// Ends the elements that were opened after the first `depth` ones.
    fn close_to(&mut self, depth: usize) {
        for name in self.open.split_off(depth.min(self.open.len())).into_iter().rev() {
            if let Some((_, tag)) = BLOCKS.iter().find(|(block, _)| *block == name) {
                self.tag("</", tag);
            }
        }
    }

    fn tag(&mut self, start: &str, tag: &str) {
        self.out.push_str(start);
        self.out.push_str(tag);
        self.out.push('>');
    }
}

/// The elements that make blocks, and what each is written as. A table is mostly layout in mail.
const BLOCKS: [(&str, &str); 32] = [
    ("p", "p"),
    ("div", "div"),
    ("tr", "div"),
    ("table", "div"),
    ("caption", "div"),
    ("li", "li"),
    ("ul", "ul"),
    ("ol", "ol"),
    ("blockquote", "blockquote"),
    ("pre", "pre"),
    ("h1", "h1"),
    ("h2", "h2"),
    ("h3", "h3"),
    ("h4", "h4"),
    ("h5", "h5"),
    ("h6", "h6"),
    ("dl", "div"),
    ("dt", "div"),
    ("dd", "div"),
    ("center", "div"),
    ("section", "div"),
    ("article", "div"),
    ("header", "div"),
    ("footer", "div"),
    ("main", "div"),
    ("nav", "div"),
    ("aside", "div"),
    ("address", "div"),
    ("form", "div"),
    ("fieldset", "div"),
    ("figure", "div"),
    ("figcaption", "div"),
];

/// Gives what comes after the next `end`; nothing where there is none, as a browser would have it.
fn skip<'a>(text: &'a str, end: &str) -> &'a str {
    text.split_once(end).map_or("", |(_, after)| after)
}

/// Gives what comes after the `>` that ends a tag, which may stand in quoted values before.
fn after_attributes(text: &str) -> &str {
    let mut quote = None;
    let mut after_equals = false;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(open), _) => quote = Some(open).filter(|&open| open != c),
            (None, '>') => return text.get(at + 1..).unwrap_or_default(),
            (None, '"' | '\'') if after_equals => quote = Some(c),
            _ => {}
        }
        after_equals = c == '=' || after_equals && c.is_ascii_whitespace();
    }
    ""
}

/// Gives what comes after `</name…>`.
fn skip_raw_text<'a>(text: &'a str, name: &str) -> &'a str {
    let is_end = |rest: &str| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("</") {
        if is_end(after) {
            return after_attributes(after);
        }
        rest = after;
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn html_becomes_lines() {
        for (html, text) in [
            ("", ""),
            ("plain", "plain"),
            ("<p>One &amp; two<p>Three<br>four", "One & two\n\nThree\nfour"),
            ("<div>a</div><div>b</div>", "a\nb"),
            ("<ul><li>a<li>b</ul>c", "* a\n* b\nc"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            (
                "<html><head><title>x</title><style>p { }</style></head><body>a<script>'</b>'<p></script>b",
                "ab",
            ),
            ("a<!-- <p>x --> b", "a b"),
            ("x < y <3 <a title='>' href=\"http://x/\">link</a>", "x < y <3 link"),
            ("<b>caf&eacute;</b> &#x2713; &bogus;", "café ✓ &bogus;"),
            ("a<!doctype html><?xml ?>b</>c", "abc"),
            ("cut <a href=\"", "cut"),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn a_phrase_stays_on_one_line() {
        let phrase = "word ".repeat(1_000);
        assert_eq!(to_text(&format!("<p>{phrase}</p>")), phrase.trim_end());
    }

    #[test]
    fn deep_and_misnested_html_keeps_its_text() {
        for element in [
            "<div>",
            "<b>",
            "<table><tr><td>",
            "<ul><li>",
            "<blockquote>",
            "<p><b>",
            "<a><div></b>",
            "<x",
            "<!--",
            "<!",
            "<script",
        ] {
            let html = format!("before {} after", element.repeat(20_000));
            assert!(to_text(&html).starts_with("before"), "{element}");
        }
        assert!(to_text(&format!("{}after", "<div>".repeat(20_000))).ends_with("after"));
    }
}
