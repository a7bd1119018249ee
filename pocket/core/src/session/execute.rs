//! Running applications on a leg.

use std::sync::Arc;

use bindings::{
    SAF_SUPPORT_NOMEDIA, SAF_ZOMBIE_EXEC, SWITCH_EVENT_CHANNEL_EXECUTE,
    SWITCH_EVENT_CHANNEL_EXECUTE_COMPLETE,
};
use bstr::{BStr, BString, ByteSlice};

use super::events::MAX_STACKS;
use super::{Extension, Session, hunt, say};
use crate::c::*;
use crate::cause;
use crate::event::Event;
use crate::module::Application;
use crate::transcript::Kind;

impl Session {
    pub(crate) fn execute(self: &Arc<Self>, name: &BStr, argument: Option<&BStr>) -> Status {
        self.execute_with_flags(name, argument, &mut 0)
    }

    /// Runs an application as the core does: unknown ones hang up, those that
    /// need media get it, a leg that is down runs only zombies.
    pub(crate) fn execute_with_flags(
        self: &Arc<Self>,
        name: &BStr,
        argument: Option<&BStr>,
        flags: &mut i32,
    ) -> Status {
        let application = self.core.modules.application(name);
        if !self.is_up() {
            let Some(application) = application else {
                return FAILURE;
            };
            if application.flags() & SAF_ZOMBIE_EXEC.0 == 0 {
                say!(
                    self,
                    DEBUG,
                    "{} Channel is hungup and application '{name}' does not have the zombie_exec flag.",
                    self.name()
                );
                return IGNORE;
            }
            say!(
                self,
                DEBUG,
                "{} ZOMBIE EXEC {name}({})",
                self.name(),
                argument.unwrap_or_default()
            );
            self.run(&application, argument);
            return SUCCESS;
        }
        if argument.is_none() && name.contains_str("::") {
            self.execute_async(name);
            return SUCCESS;
        }
        let Some(application) = application else {
            say!(self, ERROR, "Invalid Application {name}");
            self.warn_of_application(name);
            self.hangup(cause::DESTINATION_OUT_OF_ORDER);
            return FAILURE;
        };
        if application.flags() != 0 {
            *flags = application.flags().cast_signed();
        }
        if application.flags() & SAF_SUPPORT_NOMEDIA.0 == 0
            && !self.media_ready()
            && !self.get_media(name)
        {
            return FAILURE;
        }
        self.run(&application, argument);
        SUCCESS
    }

    /// Says that it is pocket that lacks an application.
    pub(crate) fn warn_of_application(&self, name: &BStr) {
        say!(
            self,
            WARNING,
            "pocket has no application [{name}]; on FreeSWITCH a module may have it"
        );
    }

    fn get_media(self: &Arc<Self>, name: &BStr) -> bool {
        if self.outbound {
            self.warn_unless(
                false,
                &format!(
                    "Cannot execute app '{name}' media required on an outbound channel that does not have media established"
                ),
            );
            return false;
        }
        say!(
            self,
            DEBUG,
            "Application {name} Requires media! pre_answering channel {}",
            self.name()
        );
        self.pre_answer() == SUCCESS
    }

    /// The part that an inline action of a dialplan goes through, too.
    pub(crate) fn run(self: &Arc<Self>, application: &Application, argument: Option<&BStr>) {
        let name = application.name();
        let uuid = match self.get("app_uuid") {
            Some(uuid) => {
                self.unset("app_uuid");
                uuid
            }
            None => uuid::Uuid::new_v4().to_string().into(),
        };
        let uuid_name = self.get("app_uuid_name");
        if uuid_name.is_some() {
            self.unset("app_uuid_name");
        }
        let expanding = !self.is_true("app_disable_expand_variables");
        let mut data: Option<BString> = argument.map(|argument| {
            if expanding {
                self.expand(argument)
            } else {
                argument.to_owned()
            }
        });
        let scope = match data
            .as_ref()
            .filter(|_| expanding)
            .and_then(|data| scope_of(data))
        {
            Some((scope, rest)) => {
                data = Some(rest);
                self.push_scope(scope);
                true
            }
            None => false,
        };
        let text = data.clone().unwrap_or_default();
        say!(
            self,
            INFO,
            "EXECUTE [depth={}] {} {name}({text})",
            self.depth(),
            self.name()
        );
        self.set("current_application", name.as_bytes());
        self.set_checked(b"current_application_data", &text, false);
        self.unset("current_application_response");
        let describe = |event: &mut Event| {
            event.add("Application", name.as_bytes());
            event.add("Application-Data", &text);
        };
        let mark = |event: &mut Event| {
            event.add("Application-UUID", &uuid);
            if let Some(name) = &uuid_name {
                event.add("Application-UUID-Name", name);
            }
        };
        self.fire(SWITCH_EVENT_CHANNEL_EXECUTE, |event| {
            describe(event);
            mark(event);
        });
        self.note(
            Kind::Application,
            name.clone(),
            vec![("data", text.clone())],
        );
        self.note_application(&name, &text);
        *self.record.last_application.lock() = Some((name.clone(), text.clone()));
        self.clear_flag(CF_BREAK);
        application.call(self, data.as_ref().map(|data| data.as_bstr()));
        self.fire(SWITCH_EVENT_CHANNEL_EXECUTE_COMPLETE, |event| {
            describe(event);
            let response = self
                .get("current_application_response")
                .unwrap_or_else(|| "_none_".into());
            event.add("Application-Response", response);
            mark(event);
        });
        if scope {
            self.pop_scope();
        }
    }

    /// Runs another extension inside this one, and comes back.
    pub(crate) fn execute_extension(
        self: &Arc<Self>,
        extension: &BStr,
        dialplan: &BStr,
        context: &BStr,
    ) -> Status {
        if self.depth() > MAX_STACKS {
            say!(
                self,
                ERROR,
                "Error {} too many stacked extensions [depth={}]",
                self.name(),
                self.depth()
            );
            return FAILURE;
        }
        let _deeper = self.deeper();
        let mut profile = self.profile();
        profile.destination_number = crate::text::c_string(extension);
        if !dialplan.is_empty() {
            profile.dialplan = crate::text::c_string(dialplan);
        }
        if !context.is_empty() {
            profile.context = crate::text::c_string(context);
        }
        self.set_hunt_profile(Some(profile.clone()));
        let found = hunt::hunt_all(self, &profile);
        let status = match found.extension {
            None => FAILURE,
            Some(extension) => self.run_extension(extension),
        };
        self.set_hunt_profile(None);
        status
    }

    fn run_extension(self: &Arc<Self>, extension: Extension) -> Status {
        for (name, data) in extension.applications {
            if self.has(CF_RESET) || !self.ready() {
                return FAILURE;
            }
            say!(
                self,
                DEBUG,
                "{} Expanded String {name}({data})",
                self.name()
            );
            if self.execute(name.as_bstr(), Some(data.as_bstr())) != SUCCESS {
                return FAILURE;
            }
        }
        SUCCESS
    }
}

/// `%[a=b,c=d]data` lays variables over the leg's for one application.
fn scope_of(data: &[u8]) -> Option<(Event, BString)> {
    let rest = data.strip_prefix(b"%")?;
    let (delimiter, rest) = match (rest.first()?, rest.get(1)) {
        (b'[', _) => (b',', &rest[1..]),
        (delimiter, Some(b'[')) => (*delimiter, &rest[2..]),
        _ => return None,
    };
    let end = rest.find_byte(b']')?;
    let mut scope = Event::list();
    for pair in crate::text::split(&rest[..end], delimiter, 1024) {
        let (name, value) = crate::text::cut(&pair, b'=');
        scope.add(name, value);
    }
    Some((scope, rest[end + 1..].trim_ascii_start().into()))
}
