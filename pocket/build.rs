//! Keeps the switch's C API inside the extension: it shows Python its entry
//! point and nothing else, and a library that is global does not come between.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-arg-cdylib=-Wl,--exclude-libs,ALL");
    println!("cargo::rustc-link-arg-cdylib=-Wl,-Bsymbolic");
}
