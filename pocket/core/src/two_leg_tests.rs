//! Calls of two legs: loopback, originate and bridge.

use super::*;
use crate::session::Role;

#[test]
fn loopback_legs_mirror_each_other() {
    let switch = switch(&extension(
        "<action application='answer'/><action application='read' data='1 3 silence_stream://100 digits 5000 #'/>
         <action application='set_global' data='heard=${digits}'/><action application='hangup' data='USER_BUSY'/>",
    ));
    let reply = api(&switch, "originate {a=b}loopback/5551/default/xml &park");
    let uuid = reply
        .strip_prefix("+OK ")
        .expect("answered")
        .trim()
        .to_owned();
    assert_eq!(api(&switch, &format!("uuid_getvar {uuid} a")), "b");
    let other = api(
        &switch,
        &format!("uuid_getvar {uuid} other_loopback_leg_uuid"),
    );
    // Before the last digit, which ends both.
    let calls = switch.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(
        api(&switch, &format!("uuid_send_dtmf {uuid} 12")),
        format!("+OK {uuid} sent DTMF 12.\n")
    );
    assert_eq!(
        api(&switch, &format!("uuid_recv_dtmf {other} 3")),
        format!("+OK {other} received DTMF 3.\n")
    );
    for call in &calls {
        assert!(switch.wait_for(call, switch.now() + 60_000_000, &mut never));
        assert_eq!(call.cause().as_deref(), Some("USER_BUSY"));
    }
    assert_eq!(api(&switch, "global_getvar heard"), "123");
    assert_eq!(
        api(&switch, &format!("uuid_kill {uuid}")),
        "-ERR No such channel!\n"
    );
}

#[test]
fn originate_tells_why_it_failed() {
    let switch = switch("");
    for (dial, reply) in [
        ("error/user_busy", "-ERR USER_BUSY\n"),
        ("nonsense/1", "-ERR CHAN_NOT_IMPLEMENTED\n"),
        (
            "{pocket_answer_after=never,originate_timeout=3}pocket/x",
            "-ERR NO_ANSWER\n",
        ),
        (
            "{pocket_refuse=CALL_REJECTED,pocket_refuse_after=1}pocket/x",
            "-ERR CALL_REJECTED\n",
        ),
        ("loopback/9", "-ERR NO_ROUTE_DESTINATION\n"),
    ] {
        assert_eq!(
            api(&switch, &format!("originate {dial} &park")),
            reply,
            "{dial}"
        );
    }
    assert!(api(&switch, "originate null/x &park").starts_with("+OK "));
    assert!(api(&switch, "originate x").starts_with("-USAGE: <call url>"));
}

#[test]
fn a_bridge_passes_digits_and_ends_both() {
    let switch = switch(&extension(
        "<action application='set' data='hangup_after_bridge=true'/>
         <action application='bridge' data='{pocket_answer_after=1,pocket_hangup_after=5}pocket/far'/>",
    ));
    let script = Script {
        press: vec![(3_000_000, "7".into())],
        ..Script::default()
    };
    let call = switch.start_call(options(script)).expect("a call");
    assert!(switch.sleep(4_000_000, &mut never));
    let far = switch
        .calls()
        .into_iter()
        .find(|leg| leg.name() == "pocket/far")
        .expect("a far leg");
    assert_eq!(texts(&far, Kind::SentDigit), ["7"]);
    assert!(switch.wait_for(&call, switch.now() + 60_000_000, &mut never));
    assert_eq!(call.cause().as_deref(), Some("NORMAL_CLEARING"));
    assert_eq!(variable(&call, "bridge_hangup_cause"), "NORMAL_CLEARING");
    assert!(call.answered());
}

#[test]
fn a_failed_bridge_hangs_up_unless_told_to_go_on() {
    let switch = switch(&extension(
        "<action application='bridge' data='error/user_busy'/><action application='set' data='after=yes'/>",
    ));
    let failed = call(&switch, Script::default());
    assert_eq!(
        (
            failed.cause().as_deref(),
            variable(&failed, "after").as_str()
        ),
        (Some("USER_BUSY"), "")
    );
    let mut options = options(Script::default());
    options.variables = vec![("continue_on_fail".into(), "true".into())];
    let goes_on = switch.start_call(options).expect("a call");
    assert!(switch.wait_for(&goes_on, switch.now() + 60_000_000, &mut never));
    assert_eq!(variable(&goes_on, "after"), "yes");
}

#[test]
fn a_leg_does_what_a_bridge_has_it_do_in_the_state_that_it_is_for() {
    let switch = switch("");
    assert!(api(&switch, "originate null/x &park").starts_with("+OK "));
    let leg = switch.calls().remove(0).session;
    let (tell, told) = std::sync::mpsc::channel();
    let run = move |leg: &Arc<Session>| tell.send(leg.running_state()).expect("it is waited for");
    *leg.role.lock() = Role::Bridged(CS_EXCHANGE_MEDIA, Box::new(run));
    for state in [CS_SOFT_EXECUTE, CS_EXCHANGE_MEDIA] {
        leg.set_state(state);
        assert!(switch.sleep(100_000, &mut never));
    }
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [CS_EXCHANGE_MEDIA]);
    leg.hangup(crate::cause::NORMAL_CLEARING);
}
