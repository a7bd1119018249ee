//! What `python ` and `pyrun ` at the console could go on with.

use std::fs;
use std::path::Path;

use freeswitch::{Detached, completion, core};

use crate::script::cache;

const COMMANDS: [&str; 3] = ["python", "pyrun", "pyreload"];

/// How deep packages are looked into.
const DEPTH: usize = 4;

/// Completes from now on.
pub fn begin(held: &Detached) {
    completion::begin(held, &COMMANDS, complete);
}

/// Completes no more.
pub fn end(held: &Detached) {
    completion::end(held, &COMMANDS);
}

/// Modules of the switch's script folder, and functions that have been called.
fn complete(word: &str) -> Vec<String> {
    let mut names = Vec::new();
    look_into(&core::script_dir(), "", DEPTH, &mut names);
    names.extend(cache::known());
    names.retain(|name| name.starts_with(word));
    names.sort();
    names.dedup();
    names
}

fn look_into(folder: &Path, package: &str, depth: usize, names: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(stem) = path.file_stem().and_then(|s| s.to_str()) else {
            continue;
        };
        if stem.starts_with(['_', '.']) {
            continue;
        }
        let name = format!("{package}{stem}");
        if path.is_dir() {
            look_into(&path, &format!("{name}."), depth, names);
        } else if path.extension().is_some_and(|e| e == "py") {
            names.push(name);
        }
    }
}
