//! Chat applications of pocket's own: what mod_sms has that changes a message.

use crate::event::Event;
use crate::text::cut;

/// An application: it gets the message, and its data.
pub(crate) type Builtin = fn(&mut Event, &[u8]);

const APPLICATIONS: [(&str, Builtin); 3] = [("set", set), ("stop", stop), ("unset", unset)];

pub(crate) fn find(name: &[u8]) -> Option<Builtin> {
    APPLICATIONS
        .iter()
        .find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
        .map(|(_, run)| *run)
}

/// `name=value`, `_body` for the body.
fn set(message: &mut Event, data: &[u8]) {
    let (name, value) = cut(data, b'=');
    if value.is_empty() {
        return;
    }
    if name.eq_ignore_ascii_case(b"_body") {
        message.set_body(Some(value));
    } else {
        message.remove(name, None);
        message.add(name, value);
    }
}

fn unset(message: &mut Event, data: &[u8]) {
    message.remove(data, None);
}

fn stop(message: &mut Event, _: &[u8]) {
    message.remove(b"skip_global_process", None);
    message.add("skip_global_process", "true");
}

#[cfg(test)]
mod tests {
    use bstr::ByteSlice;

    use super::*;

    #[test]
    fn headers_of_a_message_are_set_and_unset() {
        let mut message = Event::list();
        find(b"SET").expect("there")(&mut message, b"a=1=2");
        assert_eq!(message.get(b"a"), Some(b"1=2".as_bstr()));
        find(b"unset").expect("there")(&mut message, b"a");
        assert_eq!(message.get(b"a"), None);
    }
}
