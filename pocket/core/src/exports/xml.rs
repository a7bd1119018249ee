//! XML.

use std::ffi::{c_char, c_void};
use std::ptr;

use bindings::*;

use super::arguments::text;
use crate::c::*;
use crate::edge::export;
use crate::switch::current;
use crate::xml::store::{Binding, sections};
use crate::xml::write::write;
use crate::xml::{parse, tree};

export! {
    fn switch_xml_open_cfg(
        file_path: *const c_char,
        node: *mut switch_xml_t,
        params: *mut switch_event_t,
    ) -> switch_xml_t = else ptr::null_mut(); {
        // SAFETY: the caller's cell and text, which live.
        let (name, Some(node)) = (unsafe { (text(file_path), node.as_mut()) }) else { return ptr::null_mut() };
        *node = ptr::null_mut();
        let Some(core) = current() else { return ptr::null_mut() };
        let found =
            core.xml.locate(&core.log, "configuration", Some("configuration"), Some(("name", name)), params);
        match found {
            None => ptr::null_mut(),
            Some(found) => {
                *node = found.node_ptr();
                found.tree.give()
            }
        }
    }

    fn switch_xml_parse_str_dynamic(s: *mut c_char, dup: switch_bool_t) -> switch_xml_t = else ptr::null_mut(); {
        // SAFETY: the caller's text, which lives.
        let Some(source) = (unsafe { crate::text::borrow(s) }) else { return ptr::null_mut() };
        if source.is_empty() {
            return ptr::null_mut();
        }
        let tree = parse(source);
        if dup == FALSE {
            // SAFETY: by the core's rule the text is the tree's to free; the
            // tree has copies.
            unsafe { libc::free(s.cast()) };
        }
        tree.give()
    }

    fn switch_xml_error(xml: switch_xml_t) -> *const c_char = else c"".as_ptr(); {
        if xml.is_null() {
            return c"".as_ptr();
        }
        // SAFETY: the caller's tag, which lives.
        unsafe { tree::error(xml) }.as_ptr()
    }

    fn switch_xml_child(xml: switch_xml_t, name: *const c_char) -> switch_xml_t = else ptr::null_mut(); {
        // SAFETY: the caller's tag and text, which live.
        unsafe { tree::child(xml, text(name)) }
    }

    fn switch_xml_attr(xml: switch_xml_t, attr: *const c_char) -> *const c_char = else ptr::null(); {
        // SAFETY: the caller's tag and text, which live.
        unsafe { tree::attribute(xml, text(attr)) }
    }

    fn switch_xml_toxml_ex(
        xml: switch_xml_t,
        prn_header: switch_bool_t,
        use_utf8_encoding: switch_bool_t,
    ) -> *mut c_char = else ptr::null_mut(); {
        // SAFETY: the caller's tag, which lives.
        let text = unsafe { write(xml, prn_header != FALSE, use_utf8_encoding != FALSE) };
        crate::text::malloc_string(&text)
    }

    fn switch_xml_free(xml: switch_xml_t) = else (); {
        // SAFETY: the caller's tree, which it gives up.
        unsafe { tree::free(xml) };
    }

    fn switch_xml_parse_section_string(str_: *const c_char) -> switch_xml_section_t = else 0; {
        // SAFETY: the caller's text, which lives.
        sections(unsafe { text(str_) })
    }

    fn switch_xml_bind_search_function_ret(
        function: switch_xml_search_function_t,
        sections: switch_xml_section_t,
        user_data: *mut c_void,
        ret_binding: *mut *mut switch_xml_binding_t,
    ) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        let binding = core.xml.bind(function, sections, user_data);
        // SAFETY: the caller's cell, which lives.
        if let Some(cell) = unsafe { ret_binding.as_mut() } {
            *cell = binding.cast();
        }
        SUCCESS
    }

    fn switch_xml_unbind_search_function(binding: *mut *mut switch_xml_binding_t) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's cell, which lives.
        let Some(binding) = (unsafe { binding.as_ref() }) else { return FAILURE };
        if core.xml.unbind(binding.cast::<Binding>()) { SUCCESS } else { FAILURE }
    }
}
