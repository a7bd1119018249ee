//! Makes `bindings/src/api.rs` from `include/api.h`; run by `make bindings`.

use std::path::Path;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = root.join("../include/api.h");
    let bindings = bindgen::Builder::default()
        .header(header.to_str().ok_or("the path is not UTF-8")?)
        .raw_line("//! Made by `make bindings` from include/api.h: not to be edited by hand.")
        // Newer cores add values, so an enumeration is a number with names.
        .prepend_enum_name(false)
        .default_enum_style(bindgen::EnumVariation::NewType {
            is_bitfield: false,
            is_global: true,
        })
        .allowlist_item("(_?switch|dtmf_flag|SWITCH|CS|CF|SAF|SMODF|SCSC|SOF|SCDB|cJSON).*")
        .blocklist_type("__.*")
        .use_core()
        .ctypes_prefix("::core::ffi")
        .size_t_is_usize(true)
        .merge_extern_blocks(true)
        .sort_semantically(true)
        .rust_target(bindgen::RustTarget::stable(85, 0).map_err(|e| format!("{e:?}"))?)
        .rust_edition(bindgen::RustEdition::Edition2024)
        .formatter(bindgen::Formatter::Rustfmt)
        .generate()?;
    let out = root.join("src/api.rs");
    bindings.write_to_file(&out)?;
    println!("wrote {}", out.display());
    Ok(())
}
