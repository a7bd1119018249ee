//! Making one leg of a call.

use std::sync::Arc;

use bindings::{SWITCH_EVENT_CHANNEL_OUTGOING, SWITCH_STACK_PUSH};
use bstr::{BStr, BString, ByteSlice};

use super::race::install;
use super::{Request, Variables, user, variables};
use crate::c::*;
use crate::cause;
use crate::log;
use crate::module::own::Dialled;
use crate::place::here;
use crate::session::lock::Locked;
use crate::session::{Profile, Role, Session};
use crate::switch::Core;
use crate::text::{c_string, cut, number};

/// A leg may be made by another, which was made by another, so often.
const MAX_FORWARDS: i64 = 70;

/// What all legs of a call share.
#[derive(Clone, Copy)]
pub(super) struct Outgoing<'a> {
    pub(super) core: &'a Arc<Core>,
    pub(super) a_leg: Option<&'a Arc<Session>>,
    pub(super) shared: &'a Variables,
    pub(super) request: &'a Request<'a>,
    /// The leg that `originated_legs` is written on, if it is not the A leg.
    pub(super) for_leg: Option<&'a Arc<Session>>,
    /// Whether values with variables in them are refused.
    pub(super) check: bool,
}

impl Outgoing<'_> {
    /// Makes a leg, which does not run yet. `forked`: others are called as well.
    pub(super) fn place(&self, text: &BStr, forked: bool) -> Result<Locked, Cause> {
        let Ok((own, address)) = variables::leg(text) else {
            self.say(log::ERROR, format_args!("Parse Error!"));
            return Err(cause::DESTINATION_OUT_OF_ORDER);
        };
        let (kind, destination) = match address.find_byte(b'/') {
            Some(at) => (address[..at].as_bstr(), address[at + 1..].as_bstr()),
            None => (address.as_bstr(), BStr::new("")),
        };
        let mut merged = self.shared.clone();
        merged.merge(&own);
        let made = self.make(kind, destination, &merged, forked);
        let session = made.inspect_err(|cause| {
            self.say(
                log::NOTICE,
                format_args!(
                    "Cannot create outgoing channel of type [{kind}] cause: [{}]",
                    cause::name(*cause).to_string_lossy()
                ),
            );
        })?;
        self.prepare(&session, kind, &own);
        Ok(session)
    }

    fn say(&self, level: i32, text: std::fmt::Arguments<'_>) {
        match self.a_leg {
            Some(leg) => leg.log(level, here!(), text),
            None => self.core.say(level, here!(), text),
        }
    }

    /// The address is none of pocket's own: the test can name a phone for it.
    pub(super) fn say_how_to_name(&self, address: &BStr) {
        let kind = address.split_str("/").next().unwrap_or_default().as_bstr();
        self.say(
            log::WARNING,
            format_args!(
                "pocket has no phone [{address}]; name it in the test by switch.phone(\"{address}\"), \
                 or all of its kind by switch.phone(\"{kind}/*\")"
            ),
        );
    }

    fn make(
        &self,
        kind: &BStr,
        destination: &BStr,
        variables: &Variables,
        forked: bool,
    ) -> Result<Locked, Cause> {
        let mut profile = self.profile(destination, variables);
        let forwards = self
            .a_leg
            .and_then(|leg| leg.get("max_forwards"))
            .map_or(MAX_FORWARDS, |left| number(&left) - 1);
        if forwards <= 0 {
            return Err(cause::EXCHANGE_ROUTING_ERROR);
        }
        let pairs = variables.clone().into_pairs();
        let dialled = Dialled {
            kind,
            a_leg: self.a_leg,
            destination,
            variables: &pairs,
        };
        let modules = &self.core.modules;
        let address = [kind.as_bytes(), b"/", destination.as_bytes()].concat();
        let endpoint = if let Some(phone) = modules.named.find_phone(address.as_bstr()) {
            phone(&dialled, &mut profile)
        } else if kind == "user" {
            let name = profile.destination_number.as_bytes().to_owned();
            return user::dial(self, name.as_bstr(), variables.clone(), profile, forked);
        } else if kind == "error" {
            return Err(cause::parse(destination));
        } else if let Some(dial) = modules.endpoint(kind) {
            dial(&dialled, &mut profile)
        } else {
            self.say(
                log::ERROR,
                format_args!("Could not locate channel type {kind}"),
            );
            self.say_how_to_name(address.as_bstr());
            return Err(cause::CHAN_NOT_IMPLEMENTED);
        };
        let uuid = variables.get("origination_uuid").filter(|uuid| {
            let free = self.core.sessions.force_locate(uuid).is_none();
            if !free {
                self.say(log::CRIT, format_args!("set UUID={uuid} FAILED"));
            }
            free
        });
        let session = self
            .core
            .create_session(uuid, true, endpoint, profile)
            .ok_or(cause::DESTINATION_OUT_OF_ORDER)?;
        let locked = Locked::new(&session).ok_or(cause::DESTINATION_OUT_OF_ORDER)?;
        if let Some(leg) = self.a_leg {
            session.set("max_forwards", forwards.to_string());
            session.set("originator", leg.uuid());
            session.set("originator_codec", "L16@8000h@20i");
            session.set("signal_bond", leg.uuid());
            leg.set("originate_signal_bond", session.uuid());
            if kind == "loopback" {
                session.set("loopback_from_uuid", leg.uuid());
            }
            session.set_originator(leg.profile());
            leg.set_originatee(session.profile());
        }
        session.set("is_outbound", "true");
        if kind == "user" {
            // A phone of the test: what the directory would have said.
            let (user, domain) = cut(destination, b'@');
            for leg in [Some(&session), self.a_leg].into_iter().flatten() {
                leg.set("dialed_user", user);
                leg.set("dialed_domain", domain);
            }
        }
        session.fire(SWITCH_EVENT_CHANNEL_OUTGOING, |_| {});
        Ok(locked)
    }

    /// The new leg's profile: as the A leg's, but for where it goes.
    fn profile(&self, destination: &BStr, variables: &Variables) -> Profile {
        let destination = match destination.as_bytes() {
            b"" => b"service",
            destination => destination,
        };
        let from = self
            .request
            .profile
            .cloned()
            .or_else(|| self.a_leg.map(|leg| leg.profile()));
        let has_origin = from.is_some();
        let mut profile = from.unwrap_or_default();
        profile.uuid = c"".to_owned();
        profile.chan_name = c"".to_owned();
        profile.times = crate::session::profile::Times::default();
        profile.destination_number = c_string(destination);
        profile.callee_id_name = c"Outbound Call".to_owned();
        profile.callee_id_number = c_string(sanitized(destination));
        let chosen = |name: &str, asked: Option<&BStr>| {
            let effective = || {
                self.a_leg
                    .and_then(|leg| leg.get(format!("effective_{name}")))
            };
            variables
                .get(&format!("origination_{name}"))
                .or(asked)
                .map(ToOwned::to_owned)
                .or_else(effective)
        };
        let name = chosen("caller_id_name", self.request.caller_id_name);
        let number = chosen("caller_id_number", self.request.caller_id_number);
        if has_origin {
            if let Some(name) = name {
                profile.caller_id_name = c_string(&name);
            }
            if let Some(number) = number {
                profile.caller_id_number = c_string(&number);
            }
        } else {
            profile.call_from(
                &name.unwrap_or_default(),
                &number.unwrap_or_else(|| "0000000000".into()),
            );
            profile.source = c"mod_pocket".to_owned();
        }
        if let Some(ani) = chosen("ani", None) {
            profile.ani = c_string(&ani);
        }
        if let Some(aniii) = chosen("aniii", None) {
            profile.aniii = c_string(&aniii);
        }
        profile
    }

    /// Variables, and what follows from them.
    fn prepare(&self, session: &Arc<Session>, kind: &BStr, own: &Variables) {
        session.set_flag(CF_ORIGINATING, 1);
        if let Some(leg) = self.a_leg {
            let call = leg.get("call_uuid").unwrap_or_default();
            session.set("call_uuid", call);
        }
        install(session, self.shared, own, self.check);
        if let Some(name) = session.get("origination_channel_name") {
            session.rename(&name);
        }
        for (variable, is_name) in [
            ("origination_callee_id_name", true),
            ("origination_callee_id_number", false),
        ] {
            let Some(value) = session.get(variable) else {
                continue;
            };
            session.change_profile(|profile| {
                if is_name {
                    profile.callee_id_name = c_string(&value);
                } else {
                    profile.callee_id_number = c_string(&value);
                }
            });
        }
        if let Some(leg) = self.for_leg.or(self.a_leg) {
            session.set("originating_leg_uuid", leg.uuid());
            let profile = session.profile();
            let called = [
                session.uuid().as_bytes(),
                profile.callee_id_name.as_bytes(),
                profile.callee_id_number.as_bytes(),
            ];
            let called: BString = bstr::join(";", called).into();
            leg.add_checked(b"originated_legs", &called, false, SWITCH_STACK_PUSH);
        }
        session.set("originate_endpoint", kind);
        session.run_on("execute_on_originate", "api_on_originate");
        if session.state() == CS_NEW {
            *session.role.lock() = Role::Originated;
            session.set_state(CS_INIT);
        }
    }
}

/// A number out of an address: without a host, and what is behind the last slash
/// or colon.
fn sanitized(address: &[u8]) -> &[u8] {
    let number = &address[..address.find_byte(b'@').unwrap_or(address.len())];
    let begin = number.rfind_byteset(b"/:").map_or(0, |at| at + 1);
    &number[begin..]
}
