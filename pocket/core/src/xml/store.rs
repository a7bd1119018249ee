//! The switch's own document, and the modules that answer lookups before it.

use std::ffi::{CString, c_void};
use std::path::{Path, PathBuf};
use std::ptr::NonNull;

use bindings::{switch_event, switch_xml, switch_xml_search_function_t, switch_xml_section_t};
use bstr::{BStr, BString, ByteSlice, ByteVec};
use parking_lot::{Mutex, RwLock};

use super::tree::{self, Tree};
use super::{Node, parse};
use crate::log::{self, Log};
use crate::place::here;

const SECTIONS: [(&str, u32); 6] = [
    ("config", 1),
    ("directory", 2),
    ("dialplan", 4),
    ("languages", 8),
    ("chatplan", 16),
    ("channels", 32),
];

/// The sections that are named anywhere in `text`: a search, as in the core.
pub(crate) fn sections(text: &[u8]) -> switch_xml_section_t {
    let lower = text.to_ascii_lowercase();
    SECTIONS
        .iter()
        .filter(|(name, _)| lower.contains_str(name))
        .fold(0, |all, (_, bit)| all | bit)
}

/// A module's search function. Its address is the module's handle.
pub(crate) struct Binding {
    function: switch_xml_search_function_t,
    sections: switch_xml_section_t,
    user_data: *mut c_void,
}

// SAFETY: the module promises with the binding that its function may be called
// with this user data from any thread.
unsafe impl Send for Binding {}
// SAFETY: a binding is never changed, and the module's function may be called from
// several threads at once.
unsafe impl Sync for Binding {}

/// Where the document comes from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The folder with `autoload_configs` and `dialplan`.
    pub(crate) conf: Option<PathBuf>,
    /// Configurations by text; they win over files.
    pub(crate) config: Vec<BString>,
    /// Extensions of context default, or whole contexts.
    pub(crate) dialplan: BString,
}

/// A lookup's answer.
pub(crate) struct Found {
    pub(crate) tree: Tree,
    node: NonNull<switch_xml>,
}

impl Found {
    pub(crate) fn node(&self) -> Node<'_> {
        self.tree.node(self.node)
    }

    pub(crate) fn node_ptr(&self) -> *mut switch_xml {
        self.node.as_ptr()
    }
}

pub(crate) struct Store {
    sources: Mutex<Sources>,
    root: Mutex<Tree>,
    #[allow(clippy::vec_box, reason = "modules hold the bindings' addresses")]
    bindings: RwLock<Vec<Box<Binding>>>,
}

impl Store {
    pub(crate) fn new(sources: Sources) -> Self {
        Self {
            sources: Mutex::new(sources),
            root: Mutex::new(shared(parse(EMPTY))),
            bindings: RwLock::default(),
        }
    }

    /// Reads the document again; a faulty one leaves the old in its place.
    pub(crate) fn reload(
        &self,
        log: &Log,
        variables: &dyn Fn(&[u8]) -> Option<BString>,
    ) -> Result<(), String> {
        let sources = self.sources.lock().clone();
        let text = document(&sources, log, variables);
        let tree = parse(&text);
        if tree.error().is_empty() {
            *self.root.lock() = shared(tree);
            return Ok(());
        }
        let error = tree.error().to_string_lossy().into_owned();
        log.format(
            log::ERROR,
            here!(),
            b"",
            None,
            format_args!("Error[{error}]"),
        );
        Err(error)
    }

    /// One hold more of the document.
    fn document(&self) -> Tree {
        let root = self.root.lock();
        // SAFETY: the store's own hold keeps the root alive; the new one is
        // taken over by the Tree.
        unsafe {
            tree::hold(root.as_ptr());
            Tree::take(root.as_ptr())
        }
        .unwrap_or_else(|| parse(EMPTY))
    }

    pub(crate) fn bind(
        &self,
        function: switch_xml_search_function_t,
        sections: switch_xml_section_t,
        user_data: *mut c_void,
    ) -> *mut Binding {
        let binding = Box::new(Binding {
            function,
            sections,
            user_data,
        });
        let address = std::ptr::from_ref(&*binding).cast_mut();
        self.bindings.write().push(binding);
        address
    }

    pub(crate) fn unbind(&self, binding: *const Binding) -> bool {
        let mut bindings = self.bindings.write();
        let before = bindings.len();
        bindings.retain(|known| !std::ptr::eq(&raw const **known, binding));
        bindings.len() < before
    }

    /// A configuration of the document, which no module is asked for.
    pub(crate) fn configuration(&self, name: &str) -> Option<Found> {
        let tree = self.document();
        let node = tree
            .root()
            .find(Some("section"), Some("name"), Some("configuration".into()))
            .and_then(|section| {
                section.find(Some("configuration"), Some("name"), Some(name.into()))
            })
            .map(Node::tag)?;
        Some(Found { tree, node })
    }

    /// Asks the modules in turn, then the document.
    pub(crate) fn locate(
        &self,
        log: &Log,
        section: &str,
        tag: Option<&str>,
        key: Option<(&str, &BStr)>,
        params: *mut switch_event,
    ) -> Option<Found> {
        let answer = self.ask(log, section, tag, key, params);
        // As in the core an answer that does not hold what was asked for falls
        // back on the document.
        [answer, Some(self.document())]
            .into_iter()
            .flatten()
            .find_map(|tree| {
                let node = tree
                    .root()
                    .find(Some("section"), Some("name"), Some(section.into()))
                    .and_then(|section| {
                        section.find(tag, key.map(|(name, _)| name), key.map(|(_, value)| value))
                    })
                    .map(Node::tag)?;
                Some(Found { tree, node })
            })
    }

    /// Whether a module answers lookups of that section.
    pub(crate) fn is_asked(&self, section: &str) -> bool {
        let wanted = sections(section.as_bytes());
        let bindings = self.bindings.read();
        bindings
            .iter()
            .any(|binding| binding.sections == 0 || binding.sections & wanted != 0)
    }

    fn ask(
        &self,
        log: &Log,
        section: &str,
        tag: Option<&str>,
        key: Option<(&str, &BStr)>,
        params: *mut switch_event,
    ) -> Option<Tree> {
        let wanted = sections(section.as_bytes());
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let section = text(section);
        let tag = tag.map(text);
        let key_name = key.map(|(name, _)| text(name));
        let key_value = key.map(|(_, value)| crate::text::c_string(value));
        let pointer =
            |text: &Option<CString>| text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr());
        let bindings = self.bindings.read();
        for binding in bindings.iter() {
            if binding.sections != 0 && binding.sections & wanted == 0 {
                continue;
            }
            let Some(function) = binding.function else {
                continue;
            };
            // SAFETY: the module vouched for its function; all texts live over
            // the call, and the tree that it returns is ours.
            let answer = unsafe {
                Tree::take(function(
                    section.as_ptr(),
                    pointer(&tag),
                    pointer(&key_name),
                    pointer(&key_value),
                    params,
                    binding.user_data,
                ))
            };
            let Some(answer) = answer else { continue };
            if !answer.error().is_empty() {
                let error = answer.error().to_string_lossy();
                log.format(
                    log::ERROR,
                    here!(),
                    b"",
                    None,
                    format_args!("Error[{error}]"),
                );
            } else if !says_not_found(&answer) {
                return Some(answer);
            }
        }
        None
    }
}

fn says_not_found(answer: &Tree) -> bool {
    answer
        .root()
        .find(Some("section"), Some("name"), Some("result".into()))
        .and_then(|section| section.child("result"))
        .and_then(|result| result.attribute("status"))
        .is_some_and(|status| status.eq_ignore_ascii_case(b"not found"))
}

const EMPTY: &[u8] = b"<document type=\"freeswitch/xml\"/>";

/// The store's own hold: without it the first lookup would free the document.
fn shared(tree: Tree) -> Tree {
    // SAFETY: live, and counted before anybody else can have it.
    unsafe { tree::hold(tree.as_ptr()) };
    tree
}

fn document(sources: &Sources, log: &Log, variables: &dyn Fn(&[u8]) -> Option<BString>) -> Vec<u8> {
    let mut configuration = bstr::join("\n", &sources.config);
    let mut dialplan = Vec::new();
    let mut directory = Vec::new();
    if let Some(conf) = &sources.conf {
        for (folder, out) in [
            ("autoload_configs", &mut configuration),
            ("dialplan", &mut dialplan),
            ("directory", &mut directory),
        ] {
            for path in xml_files(&conf.join(folder)) {
                match std::fs::read(&path) {
                    Ok(text) => out.push_str(unwrap(&text)),
                    Err(error) => log.format(
                        log::ERROR,
                        here!(),
                        b"",
                        None,
                        format_args!("Couldn't open {} ({error})", path.display()),
                    ),
                }
            }
        }
    }
    let mut text =
        b"<document type=\"freeswitch/xml\">\n<section name=\"configuration\">\n".to_vec();
    text.push_str(configuration);
    text.push_str("\n</section>\n<section name=\"dialplan\">\n");
    text.push_str(with_extensions(&dialplan, &unwrap(&sources.dialplan)));
    text.push_str("\n</section>\n<section name=\"directory\">\n");
    text.push_str(directory);
    text.push_str("\n</section>\n</document>\n");
    globals(&text, variables)
}

fn xml_files(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "xml"))
        .collect();
    paths.sort();
    paths
}

/// A file's text without its declaration and the `<include>` around it.
fn unwrap(text: &[u8]) -> Vec<u8> {
    let text = text.trim_ascii();
    let text = match (text.starts_with(b"<?"), text.find("?>")) {
        (true, Some(end)) => &text[end + 2..],
        _ => text,
    };
    text.replace("<include>", "").replace("</include>", "")
}

/// Bare extensions go first into the context default; whole contexts go first.
fn with_extensions(contexts: &[u8], own: &[u8]) -> Vec<u8> {
    if own.trim_ascii().is_empty() {
        return contexts.to_vec();
    }
    if own.contains_str("<context") {
        return [own, contexts].concat();
    }
    let opened = ["<context name=\"default\">", "<context name='default'>"]
        .iter()
        .find_map(|open| contexts.find(open).map(|at| at + open.len()));
    match opened {
        Some(at) => [&contexts[..at], own, &contexts[at..]].concat(),
        None => [
            b"<context name=\"default\">\n",
            own,
            b"\n</context>\n",
            contexts,
        ]
        .concat(),
    }
}

/// `$${name}` in its place, as the core's preprocessor puts it.
fn globals(text: &[u8], variables: &dyn Fn(&[u8]) -> Option<BString>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("$${") {
        out.push_str(&rest[..at]);
        let name = &rest[at + 3..];
        let Some(end) = name.find_byte(b'}') else {
            break;
        };
        out.push_str(tree::escape(&variables(&name[..end]).unwrap_or_default()));
        rest = &name[end + 1..];
    }
    out.push_str(rest);
    out
}
