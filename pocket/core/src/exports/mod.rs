//! The functions of FreeSWITCH's C API, thin over what does their work.

mod arguments;
mod calls;
mod channel;
mod console;
mod core;
mod database;
mod event;
mod ivr;
mod log;
mod menu;
mod module;
mod outbox;
mod queue;
mod session;
mod speech;
mod threads;
mod xml;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// Names of functions in a C header: what stands before a parenthesis at
    /// the first column's declarations.
    fn declared() -> BTreeSet<String> {
        let header = include_str!("../../../../include/functions.h");
        let mut text = String::new();
        let mut rest = header;
        while let Some(at) = rest.find("/*") {
            text.push_str(&rest[..at]);
            rest = rest[at..].split_once("*/").map_or("", |(_, after)| after);
        }
        text.push_str(rest);
        text.split(';')
            .filter_map(|declaration| declaration.split_once('('))
            .filter_map(|(head, _)| head.rsplit([' ', '*', '\n']).next())
            .filter(|name| {
                ["switch_", "_switch_", "cJSON_"]
                    .iter()
                    .any(|start| name.starts_with(start))
            })
            .map(ToOwned::to_owned)
            .collect()
    }

    #[test]
    fn all_that_modules_import_is_there() {
        let mut there: BTreeSet<String> = [
            super::calls::NAMES,
            super::channel::NAMES,
            super::core::NAMES,
            super::database::NAMES,
            super::event::NAMES,
            super::console::NAMES,
            super::ivr::NAMES,
            super::log::NAMES,
            super::menu::NAMES,
            super::module::NAMES,
            super::outbox::NAMES,
            super::queue::NAMES,
            super::session::NAMES,
            super::speech::NAMES,
            super::threads::NAMES,
            super::xml::NAMES,
        ]
        .concat()
        .into_iter()
        .map(ToOwned::to_owned)
        .collect();
        let shim = include_str!("../shim.c");
        there.extend(
            [
                "switch_log_printf",
                "switch_console_stream_write",
                "switch_event_xmlize",
            ]
            .into_iter()
            .filter(|name| shim.contains(&format!(" {name}(")))
            .map(ToOwned::to_owned),
        );
        let declared = declared();
        assert!(
            declared.len() > 50,
            "the header was not understood: {declared:?}"
        );
        let missing: Vec<_> = declared.difference(&there).collect();
        assert!(missing.is_empty(), "pocket lacks {missing:?}");
    }
}
