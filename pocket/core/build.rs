//! Compiles the C-variadic functions, which stable Rust cannot define.

fn main() {
    println!("cargo::rerun-if-changed=src/shim.c");
    println!("cargo::rerun-if-changed=../../include");
    cc::Build::new()
        .file("src/shim.c")
        .include("../../include")
        .warnings(true)
        .extra_warnings(true)
        .compile("pocket_shim");
}
