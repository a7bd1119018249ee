//! The conditions of an extension, and the actions that follow from them.

use std::sync::Arc;

use bindings::SAF_ROUTING_EXEC;
use bstr::{BStr, BString, ByteSlice};

use super::date;
use crate::cause;
use crate::pattern::{Match, perform, substitute};
use crate::session::{Extension, Profile, Session, say};
use crate::text::{is_true, number};
use crate::xml::Node;

/// What a condition's `break` may be.
const BREAKS: [&[u8]; 4] = [b"on-true", b"on-false", b"always", b"never"];

/// Deeper nested conditions are refused.
const DEEPEST: usize = 100;

/// One search through a context.
pub(super) struct Hunt<'a> {
    session: &'a Arc<Session>,
    profile: &'a Profile,
    extension: Option<Extension>,
}

/// How a condition came out.
#[derive(Default)]
struct Outcome {
    /// Whether its actions follow, or its anti-actions.
    acts: bool,
    /// Whether what is nested in it is looked at, and whether the extension is
    /// the last, unless more decides that.
    proceeds: bool,
    /// Whether the data of its actions have the groups of an expression.
    captures: bool,
    groups: Option<Match>,
}

/// Whether a field fits its expression.
struct Fit {
    found: Option<Match>,
    captures: bool,
    /// Whether the expression had variables in it.
    expanded: bool,
}

/// What a condition may say beside date and time.
const ATTRIBUTES: [&str; 5] = ["field", "expression", "break", "regex", "require-nested"];

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
            let word = condition
                .attribute("break")
                .filter(|word| BREAKS.iter().any(|known| word.eq_ignore_ascii_case(known)))
                .unwrap_or(BStr::new("on-false"));
            let outcome = self.judge(condition, name, word, proceed);
            proceed = outcome.proceeds;
            let (kind, label) = if outcome.acts {
                ("action", "Action")
            } else {
                ("anti-action", "ANTI-Action")
            };
            if outcome.acts && outcome.captures {
                self.set_groups("DP_MATCH", outcome.groups.as_ref());
            }
            for action in condition.children(kind) {
                self.action(action, &outcome, label);
                proceed |= !outcome.acts;
            }
            let breaks = match word.to_ascii_lowercase().as_slice() {
                b"on-true" => outcome.acts,
                b"always" => true,
                b"never" => false,
                _ => !outcome.acts,
            };
            if breaks {
                break;
            }
            if proceed && condition.child("condition").is_some() {
                proceed = self.conditions(condition, name, depth + 1);
                if !proceed && !word.eq_ignore_ascii_case(b"never") {
                    break;
                }
            }
        }
        let needed = parent
            .attribute("require-nested")
            .is_none_or(|needed| is_true(needed));
        proceed || (depth > 0 && !needed)
    }

    /// Says what FreeSWITCH, too, leaves unread in silence.
    fn warn_of_unknown(&self, condition: Node<'_>, name: &BStr) {
        for attribute in condition.attribute_names() {
            let known = ATTRIBUTES.iter().chain(&date::ATTRIBUTES);
            if !known.into_iter().any(|known| attribute == *known) {
                say!(
                    self.session,
                    WARNING,
                    "Dialplan: a condition of [{name}] has the unknown attribute [{attribute}], which decides nothing, as on FreeSWITCH"
                );
            }
        }
    }

    fn date_and_time(&self, condition: Node<'_>, name: &BStr, word: &BStr) -> Option<bool> {
        self.warn_of_unknown(condition, name);
        let dated = condition
            .attribute_names()
            .any(|attribute| date::ATTRIBUTES.iter().any(|known| attribute == *known));
        if !dated {
            return None;
        }
        let fits = date::Now::of(self.session).fits(self.session, condition)?;
        say!(
            self.session,
            DEBUG,
            "Dialplan: {} Date/Time Match ({}) [{name}] break={word}",
            self.session.name(),
            if fits { "PASS" } else { "FAIL" }
        );
        Some(fits)
    }

    fn judge(&self, condition: Node<'_>, name: &BStr, word: &BStr, proceed: bool) -> Outcome {
        let now = self.date_and_time(condition, name, word);
        let outcome = Outcome {
            acts: now == Some(true),
            proceeds: now.unwrap_or(proceed),
            ..Outcome::default()
        };
        match condition.attribute("regex") {
            Some(rule) => self.judge_all(condition, rule, name, outcome),
            None => self.judge_one(condition, name, word, now, outcome),
        }
    }

    /// A field, if there is one, decides in the place of date and time; they
    /// only make the actions follow all the same.
    fn judge_one(
        &self,
        condition: Node<'_>,
        name: &BStr,
        word: &BStr,
        now: Option<bool>,
        outcome: Outcome,
    ) -> Outcome {
        match (self.fit(condition, name, &format!("break={word}")), now) {
            (Some(fit), _) => Outcome {
                acts: outcome.acts || fit.found.is_some(),
                proceeds: fit.found.is_some(),
                captures: fit.captures,
                groups: fit.found,
            },
            (None, Some(_)) => outcome,
            (None, None) => {
                say!(
                    self.session,
                    DEBUG,
                    "Dialplan: {} Absolute Condition [{name}]",
                    self.session.name()
                );
                Outcome {
                    acts: true,
                    proceeds: true,
                    ..outcome
                }
            }
        }
    }

    /// `regex="all|any|xor"`: several expressions in one condition.
    fn judge_all(
        &self,
        condition: Node<'_>,
        rule: &BStr,
        name: &BStr,
        mut outcome: Outcome,
    ) -> Outcome {
        let (all, xor) = (
            rule.eq_ignore_ascii_case(b"all"),
            rule.eq_ignore_ascii_case(b"xor"),
        );
        let word = if all { "all" } else { "any" };
        self.session.unset_all("DP_REGEX_MATCH");
        let (mut passes, mut fails) = (0, 0);
        // What the groups in the data of the actions are: of the last expression
        // that was kept, or of the one that decided.
        let mut kept: Option<Match> = None;
        for (at, regex) in condition.children("regex").enumerate() {
            let now = self.date_and_time(regex, name, word.into());
            let Some(fit) = self.fit(regex, name, &format!("match={word}")) else {
                let passed = now.unwrap_or(true);
                if passed {
                    outcome.proceeds = true;
                    passes += 1;
                } else {
                    fails += 1;
                }
                if (passed && !all && !xor) || (!passed && all) {
                    break;
                }
                continue;
            };
            let passed = fit.found.is_some();
            outcome.proceeds = passed;
            passes += usize::from(passed);
            fails += usize::from(!passed);
            if !xor && passed != all {
                if passed && fit.captures && !fit.expanded {
                    kept = fit.found;
                }
                break;
            }
            if fit.captures {
                self.set_groups(&format!("DP_REGEX_MATCH_{}", at + 1), fit.found.as_ref());
                kept = fit.found;
            }
        }
        if kept.is_some() {
            outcome.captures = true;
            outcome.proceeds = true;
            outcome.groups = kept;
        }
        outcome.acts |= if xor {
            passes == 1
        } else {
            (all && fails == 0) || (!all && passes > 0)
        };
        outcome
    }

    /// Whether the field of a condition fits; `None` when it names none.
    fn fit(&self, node: Node<'_>, name: &BStr, rule: &str) -> Option<Fit> {
        let session = self.session;
        let given = match node.child("expression") {
            Some(child) => child.text(),
            None => node.attribute("expression").unwrap_or_default(),
        };
        let expression = session.expand(given);
        let field = node.attribute("field")?;
        let value = if field.contains(&b'$') {
            session.expand(field)
        } else {
            if !self.profile.has_field(field) {
                say!(
                    session,
                    WARNING,
                    "Dialplan: [{name}] asks for the field [{field}], which a caller profile has not: it is empty; a variable is asked for as ${{{field}}}"
                );
            }
            self.profile.value(field).unwrap_or_default()
        };
        let found = perform(&session.core.log, value.as_bstr(), expression.as_bstr());
        say!(
            session,
            DEBUG,
            "Dialplan: {} Regex ({}) [{name}] {field}({value}) =~ /{expression}/ {rule}",
            session.name(),
            if found.is_some() { "PASS" } else { "FAIL" },
        );
        Some(Fit {
            found,
            captures: expression.contains(&b'('),
            expanded: expression != given,
        })
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
        if outcome.acts
            && outcome.captures
            && let Some(groups) = &outcome.groups
        {
            data = substitute(data.as_bstr(), groups);
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
        session.warn_of_application(name);
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return;
    };
    if application.flags() & SAF_ROUTING_EXEC.0 == 0 {
        say!(session, ERROR, "This application cannot be executed inline");
        return;
    }
    session.run(&application, Some(data));
}
