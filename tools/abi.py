"""Holds the declared slice of FreeSWITCH's C API against real headers (`make abi`).

`bindings/src/api.rs` says what the compiled module believes: sizes, alignments,
field offsets, field widths and constants. Each becomes a `_Static_assert` in a C
file that includes `switch.h`. A second file includes `switch.h` and then declares
every function, datum and plain typedef of `include/` again, so that one that
differs is an error of the C compiler.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import switches

ROOT = Path(__file__).resolve().parent.parent

# Members that stand for what nobody here reads: their place is checked by their neighbours'.
FILLER = "slice_"

WIDTHS = {
    "u8": 1, "i8": 1, "u16": 2, "i16": 2, "u32": 4, "i32": 4, "u64": 8, "i64": 8, "usize": 8,
    "c_char": 1, "c_int": 4, "c_uint": 4, "c_long": 8, "c_ulong": 8,
}  # fmt: skip


class Slice:
    """The facts that api.rs states, as C assertions."""

    def __init__(self, rust: str, headers: str) -> None:
        # rustfmt breaks lines where it likes: one blank between words makes patterns simple.
        self.rust = re.sub(r"\s+", " ", rust)
        self.alias: dict[str, str] = {
            target: name for name, target in re.findall(r"pub type (\w+) = (\w+);", self.rust)
        }
        self.tags = set(re.findall(r"struct (\w+) \{", headers))
        self.newtypes = dict(re.findall(r"pub struct (\w+)\(pub ::core::ffi::(c_int|c_uint)\);", self.rust))

    def c_name(self, rust_name: str) -> str:
        """How C calls it: by its typedef, or by its tag if it has none."""
        tag = f"struct {rust_name}" if rust_name in self.tags else rust_name
        return self.alias.get(rust_name, tag)

    def layouts(self) -> list[str]:
        """Size and alignment of each structure, size and sign of each enumeration."""
        out = []
        for kind, word, call in (("Size", "size_of", "sizeof"), ("Alignment", "align_of", "_Alignof")):
            pattern = rf'\["{kind} of \w+"\]\s?\[::core::mem::{word}::<(\w+)>\(\) - (\d+)usize\]'
            for name, value in re.findall(pattern, self.rust):
                out.append(assertion(f"{call}({self.c_name(name)}) == {value}", f"{kind.lower()} of {name}"))
        for name, sign in self.newtypes.items():
            less = int(sign == "c_int")
            out.append(assertion(f"sizeof({name}) == 4 && (({name})-1 < 0) == {less}", f"kind of {name}"))
        return out

    def fields(self) -> list[str]:
        """Offset of each field, and its width where the type says it."""
        out = []
        pattern = r"\[::core::mem::offset_of!\((\w+), (\w+)\) - (\d+)usize\]"
        types = self.field_types()
        for struct, field, offset in re.findall(pattern, self.rust):
            if field.startswith(FILLER):
                continue
            check = f"offsetof({self.c_name(struct)}, {field}) == {offset}"
            width = self.width(types.get((struct, field), ""))
            if width is not None:
                check += f" && sizeof((({self.c_name(struct)} *)0)->{field}) == {width}"
            out.append(assertion(check, f"{struct}.{field}"))
        return out

    def field_types(self) -> dict[tuple[str, str], str]:
        """The Rust type of each field of each structure."""
        found = {}
        for struct, body in re.findall(r"pub struct (\w+) \{(.*?)\}", self.rust):
            for field, kind in re.findall(r"pub (\w+): ([^,]+),", body):
                found[struct, field] = kind.strip()
        return found

    def width(self, kind: str) -> int | None:
        """The bytes that a field of this type takes, or None when its name does not say."""
        if kind.startswith(("*mut", "*const")):
            return 8
        name = kind.removeprefix("::core::ffi::")
        return WIDTHS.get(name, 4 if name in self.newtypes else None)

    def constants(self) -> list[str]:
        """Every value; bindgen puts the type's name before an enumerator's."""
        out = []
        for name, kind, value in re.findall(r"pub const (\w+): (\w+) = (?:\w+\()?(-?\d+)\)?;", self.rust):
            c_name = name.removeprefix(f"{kind}_")
            out.append(assertion(f"{c_name} == {value}", f"value of {c_name}"))
        return out


def assertion(check: str, what: str) -> str:
    """One line of C."""
    return f'_Static_assert({check}, "{what}");'


def declarations() -> tuple[str, int, int]:
    """The C text that declares the slice's functions and plain typedefs again, and how many of each."""
    # C allows a typedef twice when both are the same type; structures have their own
    # check, and the names behind APR's opaque handles are the core's own affair.
    typedefs = re.findall(r"^typedef (?!struct apr_)[^{};]+;", headers("*.h"), re.MULTILINE)
    functions = headers("functions.h").count(";")
    return "\n".join(typedefs) + '\n#include "functions.h"\n', len(typedefs), functions


def headers(pattern: str) -> str:
    """The text of the slice's headers, without its comments."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "include").glob(pattern)))
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def compile_against(switch: switches.FreeSwitch, source: str) -> str:
    """Compile C text after `switch.h`; the compiler's complaint, or an empty string."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "abi.c"
        path.write_text(f"#include <switch.h>\n#include <stddef.h>\n{source}", encoding="utf-8")
        command = ["cc", "-std=gnu11", "-fsyntax-only", f"-I{switch.include_dir}", f"-I{ROOT / 'include'}", str(path)]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    errors = [line for line in answer.stderr.splitlines() if "error: " in line]
    return "" if answer.returncode == 0 else "\n".join([*(errors or [answer.stderr]), ""])


def check(switch: switches.FreeSwitch, rust: str) -> str:
    """Check one installation: the line that says what held; SwitchError with the compiler's words otherwise."""
    facts = Slice(rust, headers("*.h"))
    layouts, fields, constants = facts.layouts(), facts.fields(), facts.constants()
    again, typedefs, functions = declarations()
    if not (layouts and fields and constants and functions):
        raise switches.SwitchError("nothing to check in bindings/src/api.rs: has bindgen changed what it writes?")
    sources = ("\n".join([*layouts, *fields, *constants]) + "\n", again)
    complaints = "".join(compile_against(switch, source) for source in sources)
    if complaints:
        raise switches.SwitchError(f"the slice differs from FreeSWITCH {switch.version}'s headers:\n{complaints}")
    return (
        f"abi: FreeSWITCH {switch.version}: {len(layouts)} layouts, {len(fields)} fields, {len(constants)} constants, "
        f"{functions} functions, {typedefs} typedefs agree"
    )


def main() -> int:
    """Check every FreeSWITCH found; one line each."""
    rust = (ROOT / "bindings" / "src" / "api.rs").read_text(encoding="utf-8")
    try:
        found = switches.find()
        for switch in found:
            if switch.has_headers:
                print(check(switch, rust))
            else:
                print(f"abi: FreeSWITCH {switch.version} in {switch.prefix} has no headers: not checked")
    except switches.SwitchError as error:
        print(f"abi: {error}", file=sys.stderr)
        return 1
    if not found:
        print(f"abi: not checked, {switches.NONE_FOUND}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
