//! Calls through the whole switch. One switch is open at a time, so each test
//! waits for its turn.

use std::time::Instant;

use parking_lot::MutexGuard;

use super::*;
use crate::transcript::{Entry, Kind};

#[path = "two_leg_tests.rs"]
mod two_legs;

static TURN: Mutex<()> = Mutex::new(());

struct Switch {
    driver: Driver,
    _turn: MutexGuard<'static, ()>,
}

impl std::ops::Deref for Switch {
    type Target = Driver;

    fn deref(&self) -> &Driver {
        &self.driver
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        assert_eq!(self.driver.close(), 0, "threads were left behind");
        if !std::thread::panicking() {
            assert_eq!(
                self.driver.core.sessions.count(),
                0,
                "sessions were left behind"
            );
        }
    }
}

fn switch(dialplan: &str) -> Switch {
    let turn = TURN.lock();
    let options = Options {
        base: std::env::temp_dir(),
        scripts: std::env::temp_dir(),
        dialplan: dialplan.into(),
        variables: vec![("greeting".into(), "hello".into())],
        ..Options::default()
    };
    Switch {
        driver: Driver::open(options).expect("a switch"),
        _turn: turn,
    }
}

fn extension(actions: &str) -> String {
    format!(
        "<extension name='t'><condition field='destination_number' expression='^(5)(\\d*)$'>{actions}</condition></extension>"
    )
}

fn options(script: Script) -> CallOptions {
    CallOptions {
        first: First::Extension("5551".into()),
        context: "default".into(),
        destination: None,
        caller_id_name: "Ann".into(),
        caller_id_number: "1000".into(),
        variables: Vec::new(),
        script,
    }
}

fn never() -> bool {
    false
}

fn call(switch: &Switch, script: Script) -> Call {
    let call = switch.start_call(options(script)).expect("a call");
    assert!(
        switch.wait_for(&call, switch.now() + 600_000_000, &mut never),
        "the call does not end"
    );
    call
}

fn api(switch: &Switch, line: &str) -> String {
    switch
        .api(line.into(), &mut never)
        .expect("a thread")
        .expect("a reply")
        .to_string()
}

fn entries(call: &Call, kind: Kind) -> Vec<Entry> {
    call.transcript()
        .entries()
        .into_iter()
        .filter(|entry| entry.kind == kind)
        .collect()
}

fn texts(call: &Call, kind: Kind) -> Vec<String> {
    entries(call, kind)
        .iter()
        .map(|entry| entry.text.to_string())
        .collect()
}

fn value(entry: &Entry, name: &str) -> String {
    entry
        .data
        .iter()
        .find(|(known, _)| *known == name)
        .map_or_else(String::new, |(_, value)| value.to_string())
}

fn variable(call: &Call, name: &str) -> String {
    call.variable(name.into()).unwrap_or_default().to_string()
}

#[test]
fn a_call_runs_its_extension_through_all_states() {
    let switch = switch(&extension(
        "<action application='set' data='got=$1-$2 ${greeting} ${destination_number}'/>
         <action application='answer'/>
         <action application='playback' data='silence_stream://60000'/>",
    ));
    let began = Instant::now();
    let call = call(&switch, Script::default());
    assert!(began.elapsed().as_secs() < 20, "virtual time took too long");
    assert_eq!(call.cause().as_deref(), Some("NORMAL_CLEARING"));
    assert!(call.answered());
    assert_eq!(variable(&call, "got"), "5-551 hello 5551");
    assert_eq!(
        texts(&call, Kind::State)[..5],
        [
            "CS_INIT",
            "CS_ROUTING",
            "CS_EXECUTE",
            "CS_HANGUP",
            "CS_REPORTING"
        ]
    );
    let played = &entries(&call, Kind::Played)[0];
    assert_eq!(value(played, "why"), "end of file");
    let length = value(played, "end").parse::<i64>().expect("a time")
        - value(played, "start").parse::<i64>().expect("a time");
    assert_eq!(length, 60_000_000);
    assert_eq!(
        variable(&call, "current_application_response"),
        "FILE PLAYED"
    );
}

#[test]
fn a_digit_is_seen_when_it_is_pressed() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='playback' data='silence_stream://10000'/>",
    ));
    let script = Script {
        press: vec![(1_000_000, "5".into()), (1_500_000, "*".into())],
        ..Script::default()
    };
    let call = call(&switch, script);
    let played = &entries(&call, Kind::Played)[0];
    assert_eq!(value(played, "why"), "digit");
    let (start, end) = (value(played, "start"), value(played, "end"));
    let heard = end.parse::<i64>().expect("a time") - start.parse::<i64>().expect("a time");
    assert!((1_490_000..=1_500_000).contains(&heard), "{heard}");
    assert_eq!(variable(&call, "playback_terminator_used"), "*");
}

#[test]
fn the_far_end_hangs_up_in_the_middle() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='sleep' data='60000'/>",
    ));
    let call = call(
        &switch,
        Script {
            hangup_after: Some(2_000_000),
            ..Script::default()
        },
    );
    let hung_up = &entries(&call, Kind::HungUp)[0];
    assert_eq!(value(hung_up, "by"), "far end");
    assert!(
        (2_000_000..2_040_000).contains(&hung_up.time),
        "{}",
        hung_up.time
    );
}

#[test]
fn a_digit_is_taken_before_the_hangup_of_the_same_instant() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='read' data='1 1 silence_stream://60000 taken 5000 #'/>",
    ));
    // Which of two threads runs first is chance where nothing decides it.
    for _ in 0..100 {
        let call = call(
            &switch,
            Script {
                press: vec![(2_000_000, "5".into())],
                hangup_after: Some(2_000_000),
                ..Script::default()
            },
        );
        assert_eq!(variable(&call, "taken"), "5");
    }
}

#[test]
fn digits_are_asked_for_again_until_they_match() {
    let switch = switch(&extension(
        "<action application='play_and_get_digits' data='2 4 3 3000 # silence_stream://500 silence_stream://200 pin ^\\d{4}$'/>",
    ));
    let script = Script {
        press: vec![(200_000, "12#".into()), (1_200_000, "1234".into())],
        ..Script::default()
    };
    let call = call(&switch, script);
    assert_eq!(variable(&call, "pin"), "1234");
    assert_eq!(variable(&call, "pin_invalid"), "12");
    assert_eq!(texts(&call, Kind::Played).len(), 3);
}

#[test]
fn unknown_extensions_and_applications_end_as_in_the_core() {
    let switch = switch(&extension("<action application='no_such_application'/>"));
    let mut options = options(Script::default());
    options.first = First::Extension("9".into());
    let lost = switch.start_call(options).expect("a call");
    assert!(switch.wait_for(&lost, switch.now() + 60_000_000, &mut never));
    assert_eq!(lost.cause().as_deref(), Some("NO_ROUTE_DESTINATION"));
    assert_eq!(
        call(&switch, Script::default()).cause().as_deref(),
        Some("DESTINATION_OUT_OF_ORDER")
    );
}

#[test]
fn commands_answer_as_on_the_console() {
    let switch = switch("");
    assert_eq!(
        api(&switch, "nonsense 1"),
        "-ERR nonsense 1 Command not found!\n"
    );
    assert_eq!(api(&switch, "echo a  b"), "a  b");
    assert_eq!(api(&switch, "global_setvar a=b"), "+OK");
    assert_eq!(api(&switch, "global_getvar A"), "b");
    assert_eq!(api(&switch, "global_getvar none"), "-ERR no reply\n");
    assert_eq!(api(&switch, "uuid_setvar x y z"), "-ERR No such channel!\n");
    assert_eq!(
        api(&switch, "uuid_setvar"),
        "-USAGE: <uuid> <var> [value]\n"
    );
    assert_eq!(api(&switch, "show channels"), "\n0 total.\n");
    assert_eq!(
        api(&switch, "load mod_none"),
        "+OK Reloading XML\n-ERR [module load file routine returned an error]\n"
    );
    assert_eq!(api(&switch, "unload mod_none"), "-ERR [No such module!]\n");
    assert_eq!(
        api(&switch, "fsctl loglevel err"),
        "+OK log level: ERR [3]\n"
    );
    assert!(api(&switch, "status").contains("0 session(s) since startup"));
    assert!(api(&switch, "version").starts_with("FreeSWITCH Version 1.11.1"));
}

#[test]
fn events_tell_of_a_call_in_order() {
    let switch = switch(&extension("<action application='answer'/>"));
    switch
        .subscribe(
            &[
                "CHANNEL_CREATE".into(),
                "CHANNEL_ANSWER".into(),
                "CHANNEL_HANGUP_COMPLETE".into(),
                "CHANNEL_DESTROY".into(),
            ],
            100,
        )
        .expect("known names");
    let call = call(&switch, Script::default());
    assert!(switch.sleep(1_000_000, &mut never));
    let events: Vec<_> = switch.events().collect();
    let get = |seen: &Seen, name: &str| {
        seen.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.to_string())
    };
    let names: Vec<_> = events
        .iter()
        .filter_map(|seen| get(seen, "Event-Name"))
        .collect();
    assert_eq!(
        names,
        [
            "CHANNEL_CREATE",
            "CHANNEL_ANSWER",
            "CHANNEL_HANGUP_COMPLETE",
            "CHANNEL_DESTROY"
        ]
    );
    let hangup = &events[2];
    assert_eq!(get(hangup, "Unique-ID"), Some(call.uuid().to_string()));
    assert_eq!(
        get(hangup, "Hangup-Cause").as_deref(),
        Some("NORMAL_CLEARING")
    );
    assert_eq!(get(hangup, "Caller-Caller-ID-Name").as_deref(), Some("Ann"));
    assert_eq!(
        get(hangup, "variable_hangup_cause").as_deref(),
        Some("NORMAL_CLEARING")
    );
    assert_eq!(
        switch.subscribe(&["NO_SUCH".into()], 1),
        Err("NO_SUCH".into())
    );
}

#[test]
fn a_transfer_leaves_the_extension_it_was_in() {
    let switch = switch(
        "<extension name='a'><condition field='destination_number' expression='^5551$'>
           <action application='transfer' data='600 XML default'/><action application='set' data='wrong=yes'/>
         </condition></extension>
         <extension name='b'><condition field='destination_number' expression='^600$'>
           <action application='set' data='right=${rdnis}'/>
         </condition></extension>",
    );
    let call = call(&switch, Script::default());
    assert_eq!(
        (
            variable(&call, "right").as_str(),
            variable(&call, "wrong").as_str()
        ),
        ("5551", "")
    );
}

#[test]
fn a_broadcast_interrupts_a_parked_leg() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='park'/>",
    ));
    let call = switch
        .start_call(options(Script::default()))
        .expect("a call");
    assert!(switch.sleep(1_000_000, &mut never));
    let uuid = call.uuid();
    assert_eq!(
        api(
            &switch,
            &format!("uuid_broadcast {uuid} silence_stream://700 aleg")
        ),
        "+OK Message sent\n"
    );
    assert!(switch.sleep(2_000_000, &mut never));
    assert_eq!(texts(&call, Kind::Played), ["silence_stream://700"]);
    assert_eq!(api(&switch, &format!("uuid_transfer {uuid} 9")), "+OK\n");
    assert!(switch.wait_for(&call, switch.now() + 60_000_000, &mut never));
    assert_eq!(call.cause().as_deref(), Some("NO_ROUTE_DESTINATION"));
}

#[test]
fn a_hundred_calls_at_once_end_and_leave_nothing() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='sleep' data='5000'/>",
    ));
    let calls: Vec<_> = (0..100)
        .map(|_| {
            switch
                .start_call(options(Script::default()))
                .expect("a call")
        })
        .collect();
    for call in &calls {
        assert!(switch.wait_for(call, switch.now() + 60_000_000, &mut never));
    }
    assert!(switch.sleep(100_000, &mut never));
    assert_eq!(api(&switch, "show channels count"), "\n0 total.\n");
}

#[test]
fn closing_hangs_up_what_still_runs() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='park'/>",
    ));
    let call = switch
        .start_call(options(Script::default()))
        .expect("a call");
    assert!(switch.sleep(500_000, &mut never));
    assert_eq!(switch.close(), 0);
    assert_eq!(call.cause().as_deref(), Some("SYSTEM_SHUTDOWN"));
}
