use super::*;
use bindings::*;
use bstr::ByteSlice;

fn custom() -> Event {
    Event::plain(SWITCH_EVENT_CUSTOM)
}

#[test]
fn names_are_found_whatever_their_case() {
    let mut event = custom();
    event.add("Caller-ID", "1000");
    assert_eq!(event.get(b"caller-id"), Some(BStr::new("1000")));
    event.add("caller-id", "1001");
    assert_eq!(event.headers().count(), 2);
    assert!(event.remove(b"CALLER-ID", Some(b"1001")));
    assert_eq!(event.headers().count(), 1);
}

#[test]
fn an_empty_value_removes() {
    let mut event = custom();
    event.add("a", "1");
    event.add("b", "2");
    event.add("b", "");
    event.add("c", "3");
    let names: Vec<_> = event
        .headers()
        .map(|(name, _, _)| name.to_string())
        .collect();
    assert_eq!(names, ["a", "c"]);
}

#[test]
fn pushed_values_join() {
    let mut event = custom();
    event.add_at(SWITCH_STACK_PUSH, b"x", b"one");
    assert_eq!(event.get(b"x"), Some(BStr::new("one")));
    event.add_at(SWITCH_STACK_PUSH, b"x", b"two");
    event.add_at(SWITCH_STACK_UNSHIFT, b"x", b"zero");
    assert_eq!(event.get(b"x"), Some(BStr::new("ARRAY::zero|:one|:two")));
    event.add("x[1]", "1");
    assert_eq!(event.get(b"x"), Some(BStr::new("ARRAY::zero|:1|:two")));
    event.add("y", "ARRAY::a|:b");
    let values = event
        .headers()
        .find_map(|(name, _, values)| (name == "y").then_some(values));
    assert_eq!(values.flatten(), Some(vec!["a".into(), "b".into()]));
}

#[test]
fn a_copy_keeps_all() {
    let mut event = custom();
    event.set_subclass(b"a::b");
    event.add("list[2]", "x");
    event.set_body(Some(b"text"));
    let copy = event.duplicate();
    drop(event);
    assert_eq!(copy.subclass(), Some(BStr::new("a::b")));
    assert_eq!(copy.get(b"Event-Subclass"), Some(BStr::new("a::b")));
    assert_eq!(copy.body(), Some(BStr::new("text")));
    // As in the core, where a copy leaves leading empty values out.
    assert!(serial::json(&copy).contains_str(r#""list":["x"]"#));
}

#[test]
fn lines_are_encoded_or_bracketed() {
    let mut event = custom();
    event.add("Name", "a b");
    event.set_body(Some(b"hi"));
    assert_eq!(
        serial::lines(&event, true),
        "Name: a%20b\nContent-Length: 2\n\nhi"
    );
    assert_eq!(
        serial::lines(&event, false),
        "Name: [a b]\nContent-Length: 2\n\nhi"
    );
}

#[test]
fn unique_lists_keep_one_value_of_a_name() {
    let mut list = Event::plain(SWITCH_EVENT_CHANNEL_DATA);
    list.add("v", "1");
    list.add("V", "2");
    assert_eq!(list.headers().count(), 1);
}

#[test]
fn the_hash_of_a_name_is_the_core_s() {
    let one_by_one = |name: &[u8]| {
        name.iter().fold(0, |hash: std::ffi::c_ulong, byte| {
            hash.wrapping_mul(33)
                .wrapping_add(byte.to_ascii_lowercase().into())
        })
    };
    let name = b"variable_Sip-h_X-switchio_originating_session\xff\x80\xfe".repeat(3);
    for length in 0..name.len() {
        assert_eq!(header::hash(&name[..length]), one_by_one(&name[..length]));
    }
}

/// Keeps the name that each event has, and fires one more from within the callback of `first`.
unsafe extern "C" fn keep(event: *mut switch_event) {
    // SAFETY: the bus hands out a live event, with the user data of the test's own node.
    let (name, kept) = unsafe {
        let name = Event::with(event, |event| event.get(b"name").map(ToString::to_string));
        (name, &*(*event).bind_user_data.cast::<Kept>())
    };
    let name = name.flatten().expect("each has one");
    if name == "first" {
        kept.bus.fire(named("second"));
        kept.names.lock().push("first, to its end".to_owned());
    } else {
        kept.names.lock().push(name);
    }
}

struct Kept {
    bus: dispatch::Bus,
    names: parking_lot::Mutex<Vec<String>>,
}

impl Kept {
    fn bound() -> Box<Self> {
        let clock = std::sync::Arc::new(crate::clock::Clock::new(false));
        let kept = Box::new(Self {
            bus: dispatch::Bus::new(clock, "here".to_owned()),
            names: parking_lot::Mutex::default(),
        });
        let user_data = std::ptr::from_ref(&*kept).cast_mut().cast();
        kept.bus.bind(SWITCH_EVENT_CUSTOM, None, keep, user_data);
        kept
    }
}

fn named(name: &str) -> Event {
    let mut event = custom();
    event.add("name", name);
    event
}

#[test]
fn an_event_has_been_handed_out_when_it_is_fired() {
    let kept = Kept::bound();
    kept.bus.fire(named("a"));
    assert_eq!(*kept.names.lock(), ["a"]);
    kept.bus.close();
    kept.bus.fire(named("b"));
    assert_eq!(*kept.names.lock(), ["a"]);
}

#[test]
fn what_a_callback_fires_comes_after_what_it_was_given() {
    let kept = Kept::bound();
    kept.bus.fire(named("first"));
    assert_eq!(*kept.names.lock(), ["first, to its end", "second"]);
}

#[test]
fn threads_that_fire_at_once_lose_none_and_keep_their_order() {
    const THREADS: usize = 4;
    const EACH: usize = 500;
    let kept = Kept::bound();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let bus = &kept.bus;
            scope.spawn(move || {
                for number in 0..EACH {
                    bus.fire(named(&format!("{thread} {number}")));
                }
            });
        }
    });
    let names = kept.names.lock();
    for thread in 0..THREADS {
        let mine = names
            .iter()
            .filter_map(|name| name.strip_prefix(&format!("{thread} ")));
        assert!(mine.eq((0..EACH).map(|number| number.to_string())));
    }
    assert_eq!(names.len(), THREADS * EACH);
}
