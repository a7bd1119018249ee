//! What the core's XML parser would do with a text, found out before it does it.
//!
//! The core (`switch_xml_parse_str`) is no XML 1.0 parser: it takes quotes,
//! comments and declarations in ways of its own, frees a tree by one C call a
//! level, and works some things off in quadratic time. A check that reads
//! otherwise than the core can be talked past, so this one goes through the
//! text exactly as the core does, and stops where the core would stop.

/// Why a text is no XML that the core may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// A NUL: the core would stop reading there.
    #[error("the text has a NUL at position {0}")]
    Nul(usize),
    /// Too many levels for the core to free.
    #[error("elements are nested more than {} levels deep", MAX_DEPTH)]
    TooDeep,
    /// The core would read it for longer than a call can wait.
    #[error("so many elements stand side by side that FreeSWITCH would take minutes to parse it")]
    TooCostly,
    /// An entity can expand without end (1.10.12 has no limit), attribute lists
    /// are rewritten in place, and UTF-16 is decoded without a look at its end.
    #[error("{0} is not allowed")]
    Declaration(&'static str),
    /// What the core's parser says.
    #[error("{0}")]
    Syntax(String),
}

/// How deep elements may lie in each other. The core frees a tree by one C call
/// a level, and on its 240 KB stacks 8,000 levels end the process.
pub(crate) const MAX_DEPTH: usize = 1000;

/// What the core may spend on a text, about in nanoseconds: while it reads, no
/// binding can be changed, and a thread that waits to change one holds up all others.
pub(crate) const MAX_WORK: usize = 5_000_000_000;

/// One step through a list of the core's.
const STEP: usize = 3;

/// Bytes that the core moves or counts in a nanosecond.
const BYTES: usize = 10;

/// The core's idea of blanks between the parts of a tag; `isspace` knows more.
const BLANKS: &[u8] = b"\t\r\n ";

/// An element whose end has not come.
#[derive(Default)]
struct Open {
    children: usize,
    text: usize,
}

/// The text, read as the core reads it: its last byte is set aside, a NUL in its place.
struct Scan<'a> {
    text: &'a [u8],
    last: u8,
    at: usize,
    open: Vec<Open>,
    instructions: usize,
    work: usize,
}

/// Why reading ended before the text did: the core reports an error there, or takes the rest as read.
struct Stop;

type Step = Result<(), Result<Stop, XmlError>>;

/// Looks for what the core would take and not survive, or not finish.
///
/// # Errors
/// [`XmlError::TooDeep`], [`XmlError::TooCostly`], and [`XmlError::Declaration`]
/// for what would expand without end. An error of syntax is the core's to report.
pub(crate) fn scan(text: &[u8]) -> Result<(), XmlError> {
    let Some((&last, text)) = text.split_last() else {
        return Err(XmlError::Empty);
    };
    if matches!(text.first(), Some(0xFE | 0xFF)) {
        return Err(XmlError::Declaration("UTF-16"));
    }
    let mut scan = Scan {
        text,
        last,
        at: 0,
        open: Vec::new(),
        instructions: 0,
        work: 0,
    };
    match scan.run() {
        Ok(()) | Err(Ok(Stop)) => Ok(()),
        Err(Err(error)) => Err(error),
    }
}

const fn is_space(byte: u8) -> bool {
    matches!(byte, b'\t'..=b'\r' | b' ')
}

impl Scan<'_> {
    /// The byte there; a NUL at the end.
    fn byte(&self, at: usize) -> u8 {
        self.text.get(at).copied().unwrap_or(0)
    }

    fn here(&self) -> u8 {
        self.byte(self.at)
    }

    fn rest(&self) -> &[u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// Goes to the first of these bytes, or to the end (`strcspn`).
    fn skip_to(&mut self, stops: &[u8]) {
        let len = self.rest().len();
        let found = self.rest().iter().position(|b| stops.contains(b));
        self.at += found.unwrap_or(len);
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        let len = self.rest().len();
        let found = self.rest().iter().position(|&b| !wanted(b));
        self.at += found.unwrap_or(len);
    }

    /// Goes to the first place where this stands (`strstr`); nothing when it stands nowhere.
    fn find(&mut self, what: &[u8]) -> Step {
        match self.rest().windows(what.len()).position(|w| w == what) {
            Some(found) => {
                self.at += found;
                Ok(())
            }
            None => Err(Ok(Stop)),
        }
    }

    /// The core stops here with an error unless a `>` stands here, be it the byte set aside.
    fn expect_end(&self) -> Step {
        match self.here() {
            b'>' => Ok(()),
            0 if self.last == b'>' => Ok(()),
            _ => Err(Ok(Stop)),
        }
    }

    fn cost(&mut self, nanoseconds: usize) -> Step {
        self.work = self.work.saturating_add(nanoseconds);
        if self.work > MAX_WORK {
            return Err(Err(XmlError::TooCostly));
        }
        Ok(())
    }

    /// The core shifts the rest of a value by each reference and each CR in it (`switch_xml_decode`).
    fn decoded(&mut self, from: usize, to: usize) -> Step {
        let value = &self.text[from..to];
        let marks = value.iter().filter(|b| matches!(b, b'&' | b'\r')).count();
        let len = value.len();
        self.cost((marks + 1).saturating_mul(len) / BYTES)
    }

    /// Text of the innermost element: the core counts what it has already, and copies.
    fn content(&mut self, from: usize, to: usize) -> Step {
        self.decoded(from, to)?;
        if let Some(open) = self.open.last_mut() {
            open.text += to - from;
            let before = open.text;
            self.cost(before / BYTES)?;
        }
        Ok(())
    }

    fn run(&mut self) -> Step {
        self.skip_to(b"<");
        while self.here() != 0 {
            self.at += 1;
            self.markup()?;
            if self.here() == 0 {
                break;
            }
            self.at += 1;
            let from = self.at;
            self.skip_to(b"<");
            if self.at > from && self.here() != 0 {
                self.content(from, self.at)?;
            }
        }
        Ok(())
    }

    /// One tag or declaration, after its `<`; ends at its `>`.
    fn markup(&mut self) -> Step {
        let first = self.here();
        if first.is_ascii_alphabetic() || matches!(first, b'_' | b':' | 128..) {
            self.tag()
        } else if first == b'/' {
            self.at += 1;
            self.skip_to(b"\t\r\n >");
            if self.here() == 0 && self.last != b'>' {
                return Err(Ok(Stop));
            }
            self.open.pop();
            if is_space(self.here()) {
                self.skip_while(|b| BLANKS.contains(&b));
            }
            Ok(())
        } else if self.rest().starts_with(b"!--") {
            self.at += 3;
            self.find(b"--")?;
            self.at += 2;
            self.expect_end()
        } else if self.rest().starts_with(b"![CDATA[") {
            let from = self.at + 8;
            self.find(b"]]>")?;
            let to = self.at;
            self.at += 2;
            self.content(from, to.max(from))
        } else if self.rest().starts_with(b"!DOCTYPE") {
            self.skip_to(b"[]>");
            while self.here() == b']' {
                self.at += 1;
                self.skip_to(b"[]>");
            }
            if self.here() == b'[' {
                return Err(Err(XmlError::Declaration("<!DOCTYPE [")));
            }
            self.expect_end()
        } else if first == b'?' {
            self.instruction()
        } else {
            Err(Ok(Stop))
        }
    }

    fn instruction(&mut self) -> Step {
        if self.rest().starts_with(b"?>") {
            // The core takes its length for -1, and writes into the text behind it.
            return Err(Err(XmlError::Declaration("<?>")));
        }
        loop {
            self.find(b"?")?;
            self.at += 1;
            if matches!(self.here(), 0 | b'>') {
                break;
            }
        }
        self.expect_end()?;
        self.instructions += 1;
        self.cost(self.instructions * STEP)
    }

    fn tag(&mut self) -> Step {
        self.skip_to(b"\t\r\n />");
        self.skip_while(is_space);
        let mut attributes = 0;
        while !matches!(self.here(), 0 | b'/' | b'>') {
            attributes += 1;
            self.attribute()?;
            self.skip_while(is_space);
        }
        self.cost(attributes * attributes * STEP)?;
        if self.here() == b'/' {
            self.at += 1;
            self.expect_end()?;
            self.opened()?;
            self.open.pop();
            Ok(())
        } else {
            self.expect_end()?;
            self.opened()
        }
    }

    fn attribute(&mut self) -> Step {
        self.skip_to(b"\t\r\n =/>");
        if self.here() != b'=' && !is_space(self.here()) {
            return Ok(());
        }
        self.at += 1;
        self.skip_while(|b| b == b'=' || BLANKS.contains(&b));
        let quote = self.here();
        if !matches!(quote, b'"' | b'\'') {
            return Ok(());
        }
        self.at += 1;
        let from = self.at;
        self.skip_to(&[quote]);
        if self.here() == 0 {
            return Err(Ok(Stop));
        }
        let to = self.at;
        self.at += 1;
        self.decoded(from, to)
    }

    /// A new element: the core goes through its parent's children, and counts its parent's text.
    fn opened(&mut self) -> Step {
        if let Some(parent) = self.open.last_mut() {
            parent.children += 1;
            let steps = parent.children * STEP + parent.text / BYTES;
            self.cost(steps)?;
        }
        self.open.push(Open::default());
        if self.open.len() > MAX_DEPTH {
            return Err(Err(XmlError::TooDeep));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deep(before: &str) -> String {
        format!(
            "<document>{before}{}{}</document>",
            "<b>".repeat(MAX_DEPTH),
            "</b>".repeat(MAX_DEPTH)
        )
    }

    #[test]
    fn ordinary_and_sloppy_documents_pass() {
        for text in [
            "<a/>",
            "\n<?xml version=\"1.0\" standalone='no'?>\n<a b='1>2' c=\"'\"><!-- <b> -->R & B</a>\n",
            "<!DOCTYPE document SYSTEM \"x.dtd\"><document/>",
            "<a><![CDATA[<b><b>]]></a>",
            "not XML at all",
            "<a",
            "<",
            "<a></b>",
            "<a b=\"",
            "<!--",
            "<?",
            "<![CDATA[",
            "</",
            "<!DOCTYPE",
        ] {
            assert_eq!(scan(text.as_bytes()), Ok(()), "{text}");
        }
    }

    #[test]
    fn depth_is_seen_behind_what_hides_it() {
        for before in [
            "",
            "<a \">",
            "<a '/>",
            "<a b=c\">",
            "<?x </b> ?>",
            "<!DOCTYPE x</b>",
            "<!-- -->",
            "<a b=\"</b>\"/>",
        ] {
            let text = deep(before);
            assert_eq!(scan(text.as_bytes()), Err(XmlError::TooDeep), "{before}");
        }
    }

    #[test]
    fn depth_is_limited_and_siblings_are_not() {
        let nested = |depth| ["<a>".repeat(depth), "</a>".repeat(depth)].concat();
        assert_eq!(scan(nested(MAX_DEPTH).as_bytes()), Ok(()));
        assert_eq!(
            scan(nested(MAX_DEPTH + 1).as_bytes()),
            Err(XmlError::TooDeep)
        );
        let siblings = format!("<r>{}</r>", "<a x='>'/><a x=\"/>\"></a>".repeat(5000));
        assert_eq!(scan(siblings.as_bytes()), Ok(()));
        let hidden = format!("<r><!--{0}--><![CDATA[{0}]]></r>", nested(2 * MAX_DEPTH));
        assert_eq!(scan(hidden.as_bytes()), Ok(()));
    }

    #[test]
    fn ends_that_are_hidden_do_not_count() {
        let text = format!("<d>{}", "<b><?x </b> ?>".repeat(MAX_DEPTH));
        assert_eq!(scan(text.as_bytes()), Err(XmlError::TooDeep));
        let text = format!("<d>{}", "<b><!-- --></b>".repeat(MAX_DEPTH));
        assert_eq!(scan(text.as_bytes()), Ok(()));
    }

    #[test]
    fn what_would_expand_is_refused() {
        for text in [
            "<!DOCTYPE a [<!ENTITY b \"c\">]><a/>",
            "<!DOCTYPE a [<a \"> <!ENTITY b \"c\">]><a/>",
            "<!DOCTYPE a ] [ ]><a/>",
            "<a><?></a>",
        ] {
            assert!(
                matches!(scan(text.as_bytes()), Err(XmlError::Declaration(_))),
                "{text}"
            );
        }
        assert!(matches!(
            scan(b"\xFE\xFF\x3C\x61"),
            Err(XmlError::Declaration(_))
        ));
    }

    #[test]
    fn what_takes_quadratic_time_is_refused_and_its_ordinary_size_is_not() {
        type Text = fn(usize) -> String;
        let texts: [Text; 6] = [
            |n| format!("<a>{}</a>", "<b/>".repeat(n)),
            |n| format!("<a>{}</a>", "&amp;".repeat(n)),
            |n| format!("<a b=\"{}\"/>", "\r\n".repeat(n)),
            |n| format!("<a {}/>", "b ".repeat(n)),
            |n| format!("{}<a/>", "<?a?>".repeat(n)),
            |n| format!("<a>{}</a>", "xx<!---->".repeat(n)),
        ];
        for text in texts {
            assert_eq!(scan(text(2_000).as_bytes()), Ok(()));
            assert_eq!(scan(text(1_000_000).as_bytes()), Err(XmlError::TooCostly));
        }
    }
}
