//! The names that messages go by.

/// Who wants which events: JSON, said again every two seconds.
pub(super) const WANT: &str = "fs.want";
/// Who wants none any more.
pub(super) const UNWANT: &str = "fs.unwant";
/// A node has come: who wants something says so again.
pub(super) const HELLO: &str = "fs.hello";

/// That a node is there: JSON, every second.
pub(super) fn beat(node: &str) -> String {
    format!("fs.beat.{node}")
}

/// All who say that they are there.
pub(super) const BEATS: &str = "fs.beat.*";

/// What a node says to itself, to see whether the server answers.
pub(super) fn echo(node: &str, instance: &str) -> String {
    format!("fs.{node}.echo.{instance}")
}

/// What workers ask of the calls of a node.
pub(super) fn calls(node: &str) -> String {
    format!("fs.{node}.calls")
}

/// API commands for a node.
pub(super) fn commands(node: &str) -> String {
    format!("fs.{node}.api")
}

/// What is left of a node's messages that are longer than a server takes.
pub(super) fn rest(node: &str) -> String {
    format!("fs.{node}.rest")
}

/// An event of a node's; a `*` stands for any one.
pub(super) fn event(node: &str, name: &str, uuid: &str) -> String {
    format!("fs.{node}.ev.{name}.{uuid}")
}

/// One word of a subject out of any text.
pub(super) fn word(text: &[u8]) -> String {
    let sound = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if text.is_empty() || text.len() > 128 || !text.iter().all(sound) {
        return "-".to_owned();
    }
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_makes_another_subject() {
        assert_eq!(word(b"0a1b-2"), "0a1b-2");
        for strange in [&b""[..], b"a.b", b"*", b">", b"a b", b"\xff"] {
            assert_eq!(word(strange), "-");
        }
    }
}
