//! Parameters in SQL statements: where they stand, and how a text is written.
//!
//! The core binds none itself, and says not which database is behind a handle.

/// How a database reads strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dialect {
    /// One of the core's own SQLite databases, whose rules are known.
    pub sqlite: bool,
    /// A backslash begins an escape in `'...'`, as in MySQL and MariaDB.
    pub backslash: bool,
}

/// A piece of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Text as it is: code, strings, names, comments.
    Text(&'a [u8]),
    /// A `?` that stands for a parameter.
    Parameter,
}

/// Takes a statement apart, a piece at a time.
pub(super) struct Pieces<'a> {
    statement: &'a [u8],
    at: usize,
    dialect: Dialect,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(statement: &'a [u8], dialect: Dialect) -> Self {
        Self {
            statement,
            at: 0,
            dialect,
        }
    }

    /// How long the string, name or comment is that begins at `at`; 0, where none
    /// does. One that does not end goes to the statement's end.
    fn quoted(&self, at: usize) -> usize {
        let rest = &self.statement[at..];
        let escaped = match at.checked_sub(1).map(|at| self.statement[at]) {
            // PostgreSQL's E'...' has escapes in every mode.
            Some(b'e' | b'E') => self.dialect.backslash || !self.in_word(at - 1),
            _ => self.dialect.backslash,
        };
        match rest {
            [b'\'', ..] => until_quote(rest, escaped && !self.dialect.sqlite),
            [b'"', ..] => until_quote(rest, self.dialect.backslash),
            [b'`', ..] => until_quote(rest, false),
            [b'-', b'-', ..] => until(rest, 2, b"\n"),
            [b'#', ..] if self.dialect.backslash => until(rest, 1, b"\n"),
            [b'/', b'*', ..] => until(rest, 2, b"*/"),
            [b'$', ..] if !self.dialect.sqlite && !self.in_word(at) => dollar_quoted(rest),
            _ => 0,
        }
    }

    /// Does what begins here go on with a word?
    fn in_word(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map(|at| self.statement[at]);
        before.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80)
    }
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        let begin = self.at;
        while self.at < self.statement.len() {
            if self.statement[self.at] == b'?' {
                if self.at > begin {
                    break;
                }
                self.at += 1;
                return Some(Piece::Parameter);
            }
            self.at += self.quoted(self.at).max(1);
        }
        (self.at > begin).then(|| Piece::Text(&self.statement[begin..self.at]))
    }
}

/// The length of what begins with a quote; a doubled one inside only looks like
/// an end, and what follows like another string.
fn until_quote(text: &[u8], escaped: bool) -> usize {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' if escaped => at += 2,
            quote if quote == text[0] => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

/// The length of what ends with `end`, looked for from `from` on.
fn until(text: &[u8], from: usize, end: &[u8]) -> usize {
    let found = text[from..].windows(end.len()).position(|w| w == end);
    found.map_or(text.len(), |at| from + at + end.len())
}

/// The length of PostgreSQL's `$$...$$` or `$tag$...$tag$`; 0, where it is none,
/// as in a database that has no such strings.
fn dollar_quoted(text: &[u8]) -> usize {
    let Some(tag) = text[1..].iter().position(|&b| b == b'$') else {
        return 0;
    };
    let tag = &text[..tag + 2];
    let name = &tag[1..tag.len() - 1];
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_' || *b >= 0x80;
    if !name.iter().all(is_name) || name.first().is_some_and(u8::is_ascii_digit) {
        return 0;
    }
    let end = text[tag.len()..].windows(tag.len()).position(|w| w == tag);
    end.map_or(0, |at| at + 2 * tag.len())
}

/// Writes a text as SQL has it.
pub(super) fn write_text(text: &[u8], dialect: Dialect, out: &mut Vec<u8>) {
    out.push(b'\'');
    for &byte in text {
        if byte == b'\'' || (byte == b'\\' && dialect.backslash) {
            out.push(byte);
        }
        out.push(byte);
    }
    out.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQLITE: Dialect = Dialect {
        sqlite: true,
        backslash: false,
    };
    const POSTGRES: Dialect = Dialect {
        sqlite: false,
        backslash: false,
    };
    const MYSQL: Dialect = Dialect {
        sqlite: false,
        backslash: true,
    };

    /// The statement with its parameters as `<>`.
    fn filled(statement: &str, dialect: Dialect) -> String {
        let pieces = Pieces::new(statement.as_bytes(), dialect);
        let shown = pieces.map(|piece| match piece {
            Piece::Text(text) => str::from_utf8(text).unwrap(),
            Piece::Parameter => "<>",
        });
        shown.collect()
    }

    #[test]
    fn parameters_are_found_in_code_alone() {
        for dialect in [SQLITE, POSTGRES, MYSQL] {
            for (statement, expected) in [
                ("select ?,?", "select <>,<>"),
                ("?", "<>"),
                ("", ""),
                (
                    "'?' \"?\" `?` 'it''s ?' ? -- ?\n? /* ?' */ ?",
                    "'?' \"?\" `?` 'it''s ?' <> -- ?\n<> /* ?' */ <>",
                ),
                ("select 1 - ? '?", "select 1 - <> '?"),
                ("a/?/*?", "a/<>/*?"),
                ("5 -? --?", "5 -<> --?"),
            ] {
                assert_eq!(filled(statement, dialect), expected, "{dialect:?}");
            }
        }
    }

    #[test]
    fn a_backslash_ends_no_string_where_it_is_an_escape() {
        let statement = r"select 'it\'s ?', ? '\\', ?";
        assert_eq!(filled(statement, MYSQL), r"select 'it\'s ?', <> '\\', <>");
        let path = r"select 'C:\', ?";
        for dialect in [SQLITE, POSTGRES] {
            assert_eq!(filled(path, dialect), r"select 'C:\', <>");
        }
        assert_eq!(filled(path, MYSQL), path);
        assert_eq!(filled(r#"select "a\"?", ?"#, MYSQL), r#"select "a\"?", <>"#);
    }

    #[test]
    fn strings_of_postgres() {
        for (statement, expected) in [
            ("select $$it's ?$$, ?", "select $$it's ?$$, <>"),
            (
                "select $a_1$ $$?$$ $b$ ? $a_1$, ?",
                "select $a_1$ $$?$$ $b$ ? $a_1$, <>",
            ),
            ("select $1, ? $1", "select $1, <> $1"),
            ("select a$b$, ?, c$b$", "select a$b$, <>, c$b$"),
            ("select $$ ?", "select $$ <>"),
            (r"select E'it\'s ?', ?", r"select E'it\'s ?', <>"),
            (
                r"select * where a like'\', ?",
                r"select * where a like'\', <>",
            ),
            ("select a # ?", "select a # <>"),
        ] {
            assert_eq!(filled(statement, POSTGRES), expected);
        }
        assert_eq!(filled("select $a$, ?, $a$", SQLITE), "select $a$, <>, $a$");
    }

    #[test]
    fn comments_of_mysql() {
        assert_eq!(
            filled("select ? # it's ?\n, ?", MYSQL),
            "select <> # it's ?\n, <>"
        );
    }

    #[test]
    fn texts_are_written_as_they_are_read() {
        let written = |dialect| {
            let mut out = Vec::new();
            write_text(br"it's C:\new", dialect, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(written(POSTGRES), r"'it''s C:\new'");
        assert_eq!(written(SQLITE), r"'it''s C:\new'");
        assert_eq!(written(MYSQL), r"'it''s C:\\new'");
    }
}
