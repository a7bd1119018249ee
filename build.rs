//! Bakes in which Python the module is for, how it is linked, and the Python
//! files that it carries.

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, exit};

fn main() {
    pyo3_build_config::use_pyo3_cfgs();
    carry_python_files();
    let python = pyo3_build_config::get();
    println!(
        "cargo::rustc-env=MOD_RUST_PYTHON_VERSION={}.{}",
        python.version().major,
        python.version().minor
    );
    if env::var_os("CARGO_FEATURE_MODULE").is_some() {
        bake_interpreter();
        // The core unmaps a module whose load fails, with Python's threads in it.
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}

/// One line that says what is missing and how to get it, and no more.
fn stop(why: &str) -> ! {
    eprintln!("error: {why}");
    exit(1)
}

/// Asks the interpreter that the module is built for where its library is.
fn bake_interpreter() {
    let executable = pyo3_build_config::get().executable().map_or_else(
        || stop("no Python was found: install python3-dev, or set PYO3_PYTHON to an interpreter"),
        str::to_owned,
    );
    let ask = "import os, sys, sysconfig as c; \
        g = c.get_config_var; \
        print(sys.base_prefix); print(os.path.realpath(sys.executable)); \
        print(g('Py_ENABLE_SHARED') or 0); print(g('LIBDIR') or ''); \
        print(os.path.isfile(os.path.join(c.get_path('include'), 'Python.h'))); \
        print('%d.%d' % sys.version_info[:2]); print(sys.version.split()[0])";
    let output = Command::new(&executable).args(["-c", ask]).output();
    let Ok(output) = output.as_ref().map(|o| String::from_utf8_lossy(&o.stdout)) else {
        stop(&format!("{executable} does not run"))
    };
    let lines: Vec<&str> = output.lines().collect();
    let [base, real, shared, libdir, headers, minor, full] = lines[..] else {
        stop(&format!("{executable} does not answer about itself"))
    };
    if shared != "1" {
        stop(&format!(
            "Python {full} ({executable}) has no shared libpython: install libpython{minor}-dev and build \
             with PYO3_PYTHON=/usr/bin/python3, or rebuild that Python with --enable-shared"
        ));
    }
    if headers != "True" {
        stop(&format!(
            "Python {full} ({executable}) has no headers: install libpython{minor}-dev (python3-dev)"
        ));
    }
    println!("cargo::rustc-env=MOD_RUST_PYTHON_BASE={base}");
    println!("cargo::rustc-env=MOD_RUST_PYTHON_EXECUTABLE={real}");
    if !is_system_folder(libdir) {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-rpath,{libdir}");
    }
}

/// Does the loader look there by itself?
fn is_system_folder(folder: &str) -> bool {
    let known = Command::new("ldconfig").args(["-v", "-N"]).output();
    let known = known
        .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
        .unwrap_or_default();
    let listed = known
        .lines()
        .any(|l| !l.starts_with('\t') && l.split(':').next() == Some(folder));
    listed
        || folder == "/usr/lib"
        || folder == "/lib"
        || folder.starts_with("/usr/lib/x86_64-linux-gnu")
}

/// Writes a table of `python/freeswitch`: module name, is it a package, source.
fn carry_python_files() {
    let root = Path::new("python/freeswitch");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut found = Vec::new();
    collect(root, "freeswitch", &mut found);
    found.sort();
    let mut table = String::from("pub(super) const FILES: &[(&str, bool, &str)] = &[\n");
    for (name, package, path) in found {
        let path = fs::canonicalize(&path).unwrap_or(path);
        let path = path.to_string_lossy();
        // Writing to a String does not fail.
        let _ = writeln!(table, "    ({name:?}, {package}, include_str!({path:?})),");
    }
    table.push_str("];\n");
    let out = env::var_os("OUT_DIR").map(|o| Path::new(&o).join("python_files.rs"));
    if out.is_none_or(|out| fs::write(out, table).is_err()) {
        stop("the table of Python files cannot be written to OUT_DIR");
    }
}

fn collect(folder: &Path, package: &str, found: &mut Vec<(String, bool, std::path::PathBuf)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path
            .file_stem()
            .and_then(|n| n.to_str())
            .unwrap_or_default()
            .to_owned();
        if path.is_dir() && path.join("__init__.py").is_file() {
            println!("cargo::rerun-if-changed={}", path.display());
            collect(&path, &format!("{package}.{name}"), found);
        } else if path.extension().is_some_and(|e| e == "py") {
            println!("cargo::rerun-if-changed={}", path.display());
            let package_itself = name == "__init__";
            let full = if package_itself {
                package.to_owned()
            } else {
                format!("{package}.{name}")
            };
            found.push((full, package_itself, path));
        }
    }
}
