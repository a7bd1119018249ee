//! Chat applications of pocket's own: what `mod_sms` has that changes a message.

use crate::event::Event;
use crate::module::own::Chat;
use crate::text::cut;

/// What there is.
pub(crate) static APPLICATIONS: [(&str, Chat); 3] =
    [("set", set), ("stop", stop), ("unset", unset)];

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
        set(&mut message, b"a=1=2");
        assert_eq!(message.get(b"a"), Some(b"1=2".as_bstr()));
        unset(&mut message, b"a");
        assert_eq!(message.get(b"a"), None);
    }
}
