//! The conditions of an extension, and the actions that follow from them.

use std::sync::Arc;

use bindings::SAF_ROUTING_EXEC;
use bstr::{BStr, BString, ByteSlice};

use super::expression::{Match, perform, substitute};
use crate::cause;
use crate::session::profile::text;
use crate::session::{Extension, Profile, Session, say};
use crate::text::{is_true, number};
use crate::xml::Node;

/// Deeper nested conditions are refused.
const DEEPEST: usize = 100;

/// One search through a context.
pub(super) struct Hunt<'a> {
    session: &'a Arc<Session>,
    profile: &'a Profile,
    extension: Option<Extension>,
}

/// How a condition came out.
struct Outcome {
    passed: bool,
    /// The groups of the expression that decides, when it has any.
    groups: Option<Match>,
    /// Whether the expression has groups at all.
    captures: bool,
}

impl<'a> Hunt<'a> {
    pub(super) fn new(session: &'a Arc<Session>, profile: &'a Profile) -> Self {
        Self {
            session,
            profile,
            extension: None,
        }
    }

    pub(super) fn found(self) -> Option<Extension> {
        self.extension
    }

    /// Goes through an extension; whether the search ends with it.
    pub(super) fn extension(&mut self, extension: Node<'_>, name: &BStr) -> bool {
        self.conditions(extension, name, 0)
    }

    fn conditions(&mut self, parent: Node<'_>, name: &BStr, depth: usize) -> bool {
        if depth > DEEPEST {
            say!(self.session, ERROR, "Recursion LIMIT!");
            return false;
        }
        let mut proceed = false;
        for condition in parent.children("condition") {
            let outcome = self.judge(condition, name);
            proceed = outcome.passed;
            let breaks = match condition
                .attribute("break")
                .map(|word| word.to_ascii_lowercase())
                .as_deref()
            {
                Some(b"on-true") => outcome.passed,
                Some(b"always") => true,
                Some(b"never") => false,
                _ => !outcome.passed,
            };
            let (kind, label) = if outcome.passed {
                ("action", "Action")
            } else {
                ("anti-action", "ANTI-Action")
            };
            for action in condition.children(kind) {
                self.action(action, &outcome, label);
                proceed = true;
            }
            if breaks {
                break;
            }
            if proceed && condition.child("condition").is_some() {
                proceed = self.conditions(condition, name, depth + 1);
                let never = condition
                    .attribute("break")
                    .is_some_and(|word| word.eq_ignore_ascii_case(b"never"));
                if !proceed && !never {
                    break;
                }
            }
        }
        let needed = parent
            .attribute("require-nested")
            .is_none_or(|needed| is_true(needed));
        proceed || (depth > 0 && !needed)
    }

    fn judge(&self, condition: Node<'_>, name: &BStr) -> Outcome {
        match condition.attribute("regex") {
            Some(rule) => self.judge_all(condition, rule, name),
            None => self.judge_one(condition, name, "break"),
        }
    }

    /// `regex="all|any|xor"`: several expressions in one condition.
    fn judge_all(&self, condition: Node<'_>, rule: &BStr, name: &BStr) -> Outcome {
        let (all, xor) = (
            rule.eq_ignore_ascii_case(b"all"),
            rule.eq_ignore_ascii_case(b"xor"),
        );
        let (mut passes, mut fails) = (0, 0);
        let mut last = Outcome {
            passed: false,
            groups: None,
            captures: false,
        };
        for (at, regex) in condition.children("regex").enumerate() {
            let outcome = self.judge_one(regex, name, "match");
            if outcome.captures {
                self.set_groups(
                    &format!("DP_REGEX_MATCH_{}", at + 1),
                    outcome.groups.as_ref(),
                );
                last = Outcome {
                    passed: last.passed,
                    ..outcome
                };
                passes += usize::from(last.groups.is_some());
                fails += usize::from(last.groups.is_none());
            } else {
                passes += usize::from(outcome.passed);
                fails += usize::from(!outcome.passed);
            }
            if !xor && ((all && fails > 0) || (!all && passes > 0)) {
                break;
            }
        }
        let passed = if xor {
            passes == 1
        } else {
            (all && fails == 0) || (!all && passes > 0)
        };
        Outcome { passed, ..last }
    }

    fn judge_one(&self, node: Node<'_>, name: &BStr, word: &str) -> Outcome {
        let session = self.session;
        let expression = match node.child("expression") {
            Some(child) => child.text(),
            None => node.attribute("expression").unwrap_or_default(),
        };
        let expression = session.expand(expression);
        let Some(field) = node.attribute("field") else {
            say!(
                session,
                DEBUG,
                "Dialplan: {} Absolute Condition [{name}]",
                session.name()
            );
            return Outcome {
                passed: true,
                groups: None,
                captures: false,
            };
        };
        let value = if field.contains(&b'$') {
            session.expand(field)
        } else {
            text(self.profile.field(field)).to_owned()
        };
        let found = perform(value.as_bstr(), expression.as_bstr());
        say!(
            session,
            DEBUG,
            "Dialplan: {} Regex ({}) [{name}] {field}({value}) =~ /{expression}/ {word}={}",
            session.name(),
            if found.is_some() { "PASS" } else { "FAIL" },
            node.attribute("break").unwrap_or(BStr::new("on-false"))
        );
        Outcome {
            passed: found.is_some(),
            groups: found,
            captures: expression.contains(&b'('),
        }
    }

    /// The groups of a match as a list in a variable.
    fn set_groups(&self, name: &str, groups: Option<&Match>) {
        self.session.unset(name);
        for group in groups.into_iter().flat_map(|found| &found.groups) {
            self.session
                .add_checked(name.as_bytes(), group, false, bindings::SWITCH_STACK_PUSH);
        }
    }

    fn action(&mut self, action: Node<'_>, outcome: &Outcome, label: &str) {
        let session = self.session;
        let application = action.attribute("application").unwrap_or_default();
        let data = Some(action.text())
            .filter(|text| !text.is_empty())
            .or_else(|| action.attribute("data"));
        let mut data = BString::from(data.unwrap_or_default());
        if outcome.passed && outcome.captures {
            self.set_groups("DP_MATCH", outcome.groups.as_ref());
            if let Some(groups) = &outcome.groups {
                data = substitute(data.as_bstr(), groups);
            }
        }
        let inline = action
            .attribute("inline")
            .is_some_and(|inline| is_true(inline));
        let rounds = action.attribute("loop").map_or(1, |rounds| number(rounds));
        let extension = self.extension.get_or_insert_default();
        for _ in 0..rounds.max(0) {
            say!(
                session,
                DEBUG,
                "Dialplan: {} {label} {application}({data}) {}",
                session.name(),
                if inline { "INLINE" } else { "" }
            );
            if inline {
                run_inline(session, application, data.as_bstr());
            } else {
                extension.add(session, application, data.as_bstr());
            }
        }
    }
}

/// Runs an action while the dialplan is still read.
fn run_inline(session: &Arc<Session>, name: &BStr, data: &BStr) {
    let Some(application) = session.core.modules.application(name) else {
        say!(session, ERROR, "Invalid Application {name}");
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return;
    };
    if application.flags() & SAF_ROUTING_EXEC.0 == 0 {
        say!(session, ERROR, "This application cannot be executed inline");
        return;
    }
    session.run(&application, Some(data));
}
