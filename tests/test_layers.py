"""Layers point one way: no file uses one of a layer above its own, and no two files use each other."""

from __future__ import annotations

import textwrap
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

import layers

RUST = {
    "a use": "use crate::top::thing;",
    "a use of the parent": "use super::top::thing;",
    "a use from a folder": "use super::super::top::thing;",
    "a use from itself": "use self::super::super::top::thing;",
    "a tree of uses": "use crate::{bottom::deep::{one, other}, top::{self, thing}};",
    "a renamed use": "use crate::top::thing as other;",
    "everything of a module": "use crate::top::*;",
    "another name of the crate": "extern crate self as me; fn f() { me::top::thing() }",
    "a use by another name of the crate": "extern crate self as me; use me::top::thing;",
    "another name of the crate, as one of a crate": "extern crate self as me; fn f() { ::me::top::thing() }",
    "a raw name": "use crate::r#top::thing;",
    "a body": "fn f() { crate::top::thing(); }",
    "a body, over lines": "fn f() {\n    crate::\n        top::thing();\n}",
    "a type": "fn f(x: &crate::top::Thing) {}",
    "a macro": "macro_rules! m { () => { $crate::top::thing() }; }",
    "an argument of a macro": 'fn f() { format!("{}", crate::top::thing()); }',
    "a module inside the file": "mod inner { use super::super::super::top::thing; }",
    "tests inside the file": "#[cfg(test)]\nmod tests { use super::super::super::top::thing; }",
    "a public use": "pub(crate) use crate::top::thing;",
    "beside a use with lifetimes": "fn f<'a>() -> impl X + use<'a> { crate::top::thing() }",
    "after a string with a quote": 'const A: &str = "\\""; use crate::top::thing;',
    "after a comment in a comment": '/* /* x */ " */ use crate::top::thing; const B: &str = "";',
    "after a raw string": 'const A: &str = r#"" { "#; use crate::top::thing;',
    "a module of a path": '#[path = "../top.rs"]\nmod again;\nuse again::thing;',
    "a module of a path, under a condition": '#[cfg_attr(unix, path = "../top.rs")]\nmod x;\nuse self::x::thing;',
    "an attribute's string": '#[serde(with = "crate::top::thing")]\nstruct A;',
    "an attribute's string, under a condition": '#[cfg_attr(unix, serde(with = "crate::top::thing"))]\nstruct A;',
    "a type in an attribute's string": '#[serde(bound = "T: crate::top::Thing<u8>")]\nstruct A<T>(T);',
    "an attribute's raw string": '#[serde(deserialize_with = r#"super::super::top::thing"#)]\nstruct A;',
    "an attribute": '#[error("{}", crate::top::thing(.0))]\nstruct A;',
    "after a quote as a character": "const A: [char; 2] = ['\\'','\"']; use crate::top::thing; const B: &str = \"\";",
    "after a number as a character": "const A: [_; 2] = ['\\u{27}','\"']; use crate::top::thing; const B: &str = \"\";",
    "after a brace as a character": "const A: char = '{'; mod inner { } fn f() { super::top::thing() }",
}
NO_RUST = {
    "a comment": "// use crate::top::thing;\n/* crate::top::thing() */",
    "a string": 'const A: &str = "crate::top::thing";',
    "a raw string": 'const A: &str = r##"use crate::top::thing;"##;',
    "its own module": "mod inner { use super::f; }\nfn f() { self::g() }\nfn g() {}",
    "another crate": "use other::top::thing;",
    "another crate of a module's name": "fn f() { ::top::thing() }",
    "a document in an attribute": '#[doc = "crate::top::thing"]\nstruct A;',
    "a message in an attribute": '#[expect(dead_code, reason = "use top, not this")]\nstruct A;',
}
PYTHON = {
    "an import": "import package.top",
    "an import from the package": "from package import top",
    "an import from the module": "from package.top import thing",
    "a relative import": "from . import top",
    "a relative import from the module": "from .top import thing",
    "in a function": "def f():\n    from package import top",
    "in a method, under a condition": "class A:\n    def f(self):\n        if self:\n            import package.top",
    "where it may be missing": "try:\n    from package.top import thing\nexcept ImportError:\n    thing = None",
    "beside what is for annotations": "if TYPE_CHECKING:\n    A = int\nelse:\n    from package import top",
    "by a call": 'import importlib\nimportlib.import_module("package.top")',
    "by a call of what a call imports": '__import__("package.top").import_module("os")',
    "by a call in a function": 'from importlib import import_module\ndef f():\n    import_module("package.top")',
    "by a relative call": 'import importlib\nimportlib.import_module(".top", "package")',
    "by a relative call with the package's name": 'import_module(".top", package=__package__)',
    "by a call with the name put together": 'import_module(f"{__package__}.top" + ".thing")',
    "by __import__": '__import__("package.top")',
    "by __import__ with names": '__import__("package.top", globals(), None, ["thing"])',
    "by a relative __import__": '__import__("top", globals(), level=1)',
    "by a function of builtins": 'import builtins\nbuiltins.__import__(name="package.top")',
}
# A package may import a module when it is first asked for.
ATTRIBUTES = {
    "an attribute of the package": "import package\npackage.top.thing()",
    "an attribute of the package, in a function": "import package\ndef f():\n    return package.top",
    "an attribute of a package under another name": "import package as p\np.top.thing()",
    "an attribute of what another function imports": "def f():\n    import package\ndef g():\n    package.top.thing()",
}
BY_CALL = {
    "a name of a variable": ("import_module(name)", "*"),
    "a name put together": ('import_module(f"package.{name}")', "package.*"),
    "a name put together with a plus": ('importlib.import_module("package." + name)', "package.*"),
    "a name that is formatted": ('import_module("package.{}".format(name))', "*"),
    "a module's own package": ('import_module(f"{__package__}.{name}")', "package.*"),
    "a package of a variable": ('import_module(".top", name)', "*"),
    "__import__": ("__import__(name)", "*"),
    "a level of a variable": ('__import__("top", level=name)', "*"),
    "names of a variable": ('__import__("package.bottom", fromlist=names)', "package.bottom.*"),
    "a function handed on": ("list(map(importlib.import_module, name))", "*"),
    "a function kept": ("load = __import__\nload('package.top')", "*"),
    "a function under another name": ("from importlib import import_module as load", "*"),
}
NO_PYTHON = {
    "for annotations": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package import top",
    "a string": '"import package.top"',
    "an attribute of something else": "class A:\n    pass\npackage = A()\npackage.top.thing()",
    "an attribute of another package": "import other as package\npackage.top.thing()",
    "another package": "import other.top",
    "another package by a call": 'import importlib\nimportlib.import_module("other.top")',
}


def rust(root: Path, source: str) -> layers.Tree:
    """A crate with three layers, whose lowest holds this source."""
    folder = root / "bottom"
    folder.mkdir()
    (root / "lib.rs").write_text("mod bottom;\nmod middle;\nmod top;\n")
    (root / "top.rs").write_text("use crate::middle::one;\npub fn thing() {}\n")
    (root / "middle.rs").write_text("pub fn one() {}\n")
    (folder / "mod.rs").write_text("mod deep;\n")
    # A path through one `super` is of a file right under the root.
    place = root / "bottom.rs" if "(super::top" in source.replace(" ", "(") else folder / "deep.rs"
    if place.name == "bottom.rs":
        (folder / "mod.rs").unlink()
    place.write_text(textwrap.dedent(source))
    return layers.Tree(root, ("lib", "top", "middle", "bottom"))


def python(root: Path, source: str) -> layers.Tree:
    """A package with two layers, the lower of which holds this source."""
    package = root / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "top.py").write_text("import package.bottom\nthing = 1\n")
    (package / "bottom.py").write_text(source)
    return layers.Tree(package, ("__init__", "top", "bottom"))


@pytest.mark.parametrize("source", RUST.values(), ids=RUST)
def test_an_upward_arrow_in_rust_is_found(tmp_path: Path, source: str) -> None:
    tree = rust(tmp_path, source)
    found = tree.upward(tree.arrows())
    assert [arrow.used for arrow in found] == ["top.rs"], found


@pytest.mark.parametrize("source", NO_RUST.values(), ids=NO_RUST)
def test_what_is_no_arrow_in_rust_is_not_taken_for_one(tmp_path: Path, source: str) -> None:
    tree = rust(tmp_path, source)
    assert tree.upward(tree.arrows()) == []


@pytest.mark.parametrize("source", PYTHON.values(), ids=PYTHON)
def test_an_upward_arrow_in_python_is_found(tmp_path: Path, source: str) -> None:
    tree = python(tmp_path, source)
    arrows = tree.arrows()
    assert [arrow.used for arrow in tree.upward(arrows)] == ["top.py"]
    assert layers.knots(arrows) == [["bottom.py", "top.py"]]


@pytest.mark.parametrize("source", ATTRIBUTES.values(), ids=ATTRIBUTES)
def test_a_module_that_is_an_attribute_of_a_package_is_found(tmp_path: Path, source: str) -> None:
    tree = python(tmp_path, source)
    assert {arrow.used for arrow in tree.upward(tree.arrows())} == {"__init__.py", "top.py"}


@pytest.mark.parametrize("source", NO_PYTHON.values(), ids=NO_PYTHON)
def test_what_is_no_arrow_in_python_is_not_taken_for_one(tmp_path: Path, source: str) -> None:
    tree = python(tmp_path, source)
    assert tree.upward(tree.arrows()) == []


@pytest.mark.parametrize(("source", "name"), BY_CALL.values(), ids=BY_CALL)
def test_an_import_whose_name_is_not_in_the_text_is_declared(tmp_path: Path, source: str, name: str) -> None:
    tree = python(tmp_path, source)
    assert tree.undeclared() == [f"bottom.py imports {name} by a call: write the whole name, or declare it"]
    declared = replace(tree, by_call={("bottom.py", name): "as a test wants it"})
    assert (declared.undeclared(), declared.upward(declared.arrows())) == ([], [])


def test_a_module_among_the_names_of_an_import_by_a_call_is_used(tmp_path: Path) -> None:
    tree = python(tmp_path, '__import__("package", globals(), None, ("top",))')
    assert layers.Arrow("bottom.py", "top.py") in tree.upward(tree.arrows())


def test_a_declared_import_by_a_call_is_no_arrow_but_a_statement_is(tmp_path: Path) -> None:
    tree = replace(python(tmp_path, '__import__("package.top")'), by_call={("bottom.py", "package.top"): "loaded late"})
    assert (tree.undeclared(), tree.upward(tree.arrows())) == ([], [])
    (tmp_path / "package/bottom.py").write_text('__import__("package.top")\ndef f(): from package import top')
    assert tree.upward(tree.arrows()) == [layers.Arrow("bottom.py", "top.py")]


def test_an_import_that_is_declared_in_vain_is_said(tmp_path: Path) -> None:
    tree = replace(python(tmp_path, "import package.top"), by_call={("bottom.py", "package.top"): "loaded late"})
    assert tree.undeclared() == ["bottom.py does not import package.top by a call: declare it no longer"]


def test_the_file_of_a_path_is_the_module_that_the_path_gives_it(tmp_path: Path) -> None:
    tree = rust(tmp_path, '#[path = "deep_tests.rs"]\nmod tests;\nfn f() {}')
    (tmp_path / "bottom/deep_tests.rs").write_text("use super::f;\nuse super::super::super::top::thing;\n")
    arrows = tree.arrows()
    assert layers.Arrow("bottom/deep_tests.rs", "bottom/deep.rs") in arrows
    assert tree.upward(arrows) == [layers.Arrow("bottom/deep_tests.rs", "top.rs")]


def test_a_file_has_its_own_name_beside_that_of_a_path(tmp_path: Path) -> None:
    tree = rust(tmp_path, "use crate::top::thing;")
    (tmp_path / "middle.rs").write_text('#[path = "top.rs"]\nmod again;\npub fn one() {}\n')
    assert tree.upward(tree.arrows()) == [layers.Arrow("bottom/deep.rs", "top.rs")]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ('#[path = "../../other.rs"]\nmod other;', "leads out of"),
        ('mod inner { #[path = "../top.rs"]\nmod again; }', "mod again has a #.path., and braces"),
        ('#[path = "inner"]\nmod inner { mod again; }', "mod inner has a #.path., and braces"),
        ('#[path = "moved.rs"]\nmod moved;', "declares mod below: this is not followed"),
        ('include!("../top.rs");', "include! is not followed: make it a module"),
        ("#[macro_use]\nmod inner {}", "#.macro_use. is not followed: name each macro by its path"),
        ("macro_rules! m { ($a:ident, $b:ident) => { $a::$b() } }", "joins, which is not followed: hand it on whole"),
    ],
)
def test_a_path_that_is_not_followed_is_an_error(tmp_path: Path, source: str, said: str) -> None:
    tree = rust(tmp_path, source)
    (tmp_path / "bottom/moved.rs").write_text("mod below;")
    with pytest.raises(LookupError, match=said):
        tree.arrows()


def test_a_module_in_another_language_is_the_file_of_its_stub(tmp_path: Path) -> None:
    tree = python(tmp_path, "from package import _native")
    package = tmp_path / "package"
    (package / "_native.pyi").write_text("from package.top import thing\n")
    (package / "top.pyi").write_text("thing: int\n")
    found = sorted(tree.arrows())
    assert found == [layers.Arrow("bottom.py", "_native.pyi"), layers.Arrow("top.py", "bottom.py")]


def test_a_file_of_no_layer_is_an_error(tmp_path: Path) -> None:
    tree = rust(tmp_path, "fn f() {}")
    (tmp_path / "new.rs").write_text("use crate::top::thing;")
    with pytest.raises(LookupError, match="in no layer: new"):
        tree.upward(tree.arrows())


def test_a_folder_that_counts_as_one_file_has_no_knot_inside_but_can_be_in_one(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    for name, source in {
        "__init__.py": "",
        "top.py": "import package.inner.one",
        "inner/__init__.py": "",
        "inner/one.py": "import package.inner.two",
        "inner/two.py": "import package.inner.one",
    }.items():
        (package / name).write_text(source)
    tree = layers.Tree(package, (), whole=("inner",))
    assert layers.knots(tree.arrows()) == []
    (package / "inner/two.py").write_text("import package.top")
    assert layers.knots(tree.arrows()) == [["inner", "top.py"]]


def test_only_the_inner_folder_counts_as_one_file(tmp_path: Path) -> None:
    package = tmp_path / "package"
    (package / "inner" / "deep").mkdir(parents=True)
    for name, source in {
        "__init__.py": "",
        "inner/__init__.py": "",
        "inner/one.py": "import package.inner.two, package.inner.deep.three",
        "inner/two.py": "import package.inner.one",
        "inner/deep/__init__.py": "",
        "inner/deep/three.py": "import package.inner.deep.four",
        "inner/deep/four.py": "import package.inner.deep.three",
    }.items():
        (package / name).write_text(source)
    tree = layers.Tree(package, ("inner", "__init__"), whole=("inner/deep",))
    arrows = tree.arrows()
    assert layers.Arrow("inner/one.py", "inner/deep") in arrows
    assert (tree.upward(arrows), layers.knots(arrows)) == ([], [["inner/one.py", "inner/two.py"]])


def test_layers_that_stand_together_are_one(tmp_path: Path) -> None:
    tree = rust(tmp_path, "use crate::middle::one;")
    (tmp_path / "middle.rs").write_text("use crate::bottom::deep;\npub fn one() {}\n")
    assert layers.knots(tree.arrows()) == [["bottom/deep.rs", "middle.rs"]]
    together = layers.Tree(tmp_path, ("lib", "top", "middle+bottom"), together=(("middle", "bottom"),))
    arrows = together.arrows()
    assert (together.upward(arrows), layers.knots(arrows)) == ([], [])
    (tmp_path / "middle.rs").write_text("use crate::top::thing;\npub fn one() {}\n")
    assert [arrow.user for arrow in together.upward(together.arrows())] == ["middle+bottom"]


def test_knots_are_found_over_several_files() -> None:
    names = ("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("f", "a")
    arrows = {layers.Arrow(*pair) for pair in names}
    assert layers.knots(arrows) == [["a", "b", "c"], ["d", "e"]]


@pytest.mark.parametrize("tree", layers.TREES, ids=lambda tree: str(tree.root.relative_to(layers.ROOT)))
def test_the_project_s_layers_point_one_way(tree: layers.Tree) -> None:
    arrows = tree.arrows()
    assert len(arrows) > 10, "nothing was read"
    assert [f"{arrow.user} -> {arrow.used}" for arrow in tree.upward(arrows)] == []
    assert layers.knots(arrows) == []
    assert tree.undeclared() == []


def packages(root: Path, lower: str, between: Mapping[tuple[str, str], str] | None = None) -> layers.Packages:
    """Two packages, of which the upper uses the lower, which holds this source, and a module in another language."""
    for package, source in {"upper": "import lower.file\n", "lower": ""}.items():
        (root / package).mkdir()
        (root / package / "__init__.py").write_text(source)
    (root / "_native-stubs").mkdir()
    (root / "_native-stubs/__init__.pyi").write_text("thing: int\n")
    (root / "lower/file.py").write_text(lower)
    return layers.Packages(root, between or {("upper/*.py", "lower/*.py"): "as a test wants it"})


@pytest.mark.parametrize(
    "source",
    [
        "import upper",
        "from upper import thing",
        "def f():\n    import upper",
        "import importlib\nimportlib.import_module('upper')",
        "if TYPE_CHECKING:\n    A = int\nelse:\n    from upper import A",
    ],
)
def test_an_arrow_between_packages_is_listed(tmp_path: Path, source: str) -> None:
    both = packages(tmp_path, source)
    arrows = both.arrows()
    assert both.unlisted(arrows) == ["lower/file.py -> upper/__init__.py: turn it, or list it with its reason"]
    assert layers.knots(arrows) == [["lower/file.py", "upper/__init__.py"]]


def test_a_circle_over_packages_that_leads_through_their_files_is_found(tmp_path: Path) -> None:
    both = packages(tmp_path, "from lower import deep")
    (tmp_path / "lower/deep.py").write_text("import upper")
    trees = [layers.Tree(tmp_path / name, ()) for name in ("lower", "upper")]
    assert layers.knots(both.arrows()) == []
    knot = ["lower/deep.py", "lower/file.py", "upper/__init__.py"]
    assert layers.knots(both.with_those_inside(both.arrows(), trees)) == [knot]


def test_a_use_of_a_module_in_another_language_is_an_arrow_between_packages(tmp_path: Path) -> None:
    both = packages(tmp_path, "from _native import thing")
    assert both.unlisted(both.arrows()) == [
        "lower/file.py -> _native-stubs/__init__.pyi: turn it, or list it with its reason"
    ]


def test_an_arrow_between_packages_that_is_listed_in_vain_is_said(tmp_path: Path) -> None:
    listed = {("upper/*.py", "lower/*.py"): "as a test wants it", ("lower/*.py", "upper/*.py"): "no longer"}
    both = packages(tmp_path, "import this", listed)
    assert both.unlisted(both.arrows()) == ["lower/*.py -> upper/*.py: list it no longer"]


def test_arrows_between_the_packages_are_listed_and_go_in_no_circle() -> None:
    arrows = layers.PACKAGES.arrows()
    assert layers.PACKAGES.unlisted(arrows) == []
    assert layers.knots(layers.PACKAGES.with_those_inside(arrows, layers.TREES)) == []


@pytest.mark.parametrize(
    "source",
    [
        "use bindings::SWITCH_STATUS_FALSE;",
        "use ::bindings as c;",
        "use {bindings, std::ptr};",
        "extern crate bindings as c;",
        "fn f() -> u32 { bindings::SWITCH_STATUS_FALSE }",
        "fn f() -> u32 { ::bindings::SWITCH_STATUS_FALSE }",
        "#[cfg(test)]\nmod tests { use bindings::switch_event_t; }",
    ],
)
def test_a_file_that_uses_the_c_api_itself_is_listed(tmp_path: Path, source: str) -> None:
    rust(tmp_path, "//! [`bindings`], /* bindings::x */\nfn bindings() { self::bindings() }")
    assert layers.Direct(tmp_path, ()).unlisted() == []
    (tmp_path / "bottom/deep.rs").write_text(source)
    assert layers.Direct(tmp_path, ()).unlisted() == ["bottom/deep.rs uses bindings: go through the crate freeswitch"]
    assert layers.Direct(tmp_path, ("bottom/deep.rs",)).unlisted() == []


@pytest.mark.parametrize("block", ['extern "C"', 'unsafe extern "C"', "extern", 'extern r"C"'])
def test_a_function_of_the_c_api_that_is_declared_by_hand_is_found(tmp_path: Path, block: str) -> None:
    rust(tmp_path, f"fn f() {{}}\n{block} {{ fn on_exit(); pub fn switch_core_flags() -> u32; }}\nfn switch_me() {{}}")
    found = ["bottom/deep.rs declares switch_core_flags by hand: go through the crate freeswitch"]
    assert layers.Direct(tmp_path, ()).unlisted() == found


def test_a_function_for_c_is_none_that_is_declared_by_hand(tmp_path: Path) -> None:
    rust(tmp_path, 'pub extern "C" fn f() { fn switch_me() {} }\nextern crate core;\ntype F = extern "C" fn(u32);')
    assert layers.Direct(tmp_path, ()).unlisted() == []


def test_what_the_build_script_has_made_is_included(tmp_path: Path) -> None:
    tree = rust(tmp_path, 'include!(concat!(env!("OUT_DIR"), "/made.rs"));')
    assert tree.upward(tree.arrows()) == []


def test_a_file_that_is_listed_in_vain_is_said(tmp_path: Path) -> None:
    rust(tmp_path, "fn f() {}")
    direct = layers.Direct(tmp_path, ("bottom/deep.rs", "gone.rs"))
    assert direct.unlisted() == [
        "bottom/deep.rs does not use bindings: list it no longer",
        "gone.rs does not use bindings: list it no longer",
    ]


def test_files_above_the_crate_freeswitch_go_through_it() -> None:
    assert layers.DIRECT.unlisted() == []


# Crates above or beside each crate under mod_rust: it must not depend on them.
NOT_BELOW = {
    "bindings": {"freeswitch", "pocket", "pocket_core"},
    "switch": {"pocket", "pocket_core"},
    "pocket/core": {"freeswitch", "pocket"},
}
# Its tests may: they run without FreeSWITCH.
BY_TESTS = {"switch": {"pocket_core"}}


def depends(manifest: str, workspace: str, *, with_tests: bool = True) -> set[str]:
    """The crates that one depends on, by their own names, whatever it calls them."""
    crate, shared = tomllib.loads(manifest), tomllib.loads(workspace)["workspace"]["dependencies"]
    names = set()
    for table in (crate, *crate.get("target", {}).values()):
        kinds = (kind for kind in table if kind.endswith("dependencies"))
        for kind in (kind for kind in kinds if with_tests or not kind.startswith("dev-")):
            for name, given in table[kind].items():
                is_shared = isinstance(given, dict) and given.get("workspace")
                wanted = shared[name] if is_shared else given
                names.add(wanted.get("package", name) if isinstance(wanted, dict) else name)
    return names


@pytest.mark.parametrize(
    "dependency",
    [
        '[dependencies]\nfreeswitch = { path = "../../switch" }',
        "[dependencies]\nfreeswitch.workspace = true",
        '[dev-dependencies]\nfs = { package = "freeswitch", path = "../../switch" }',
        "[dependencies]\nfs = { workspace = true }",
        '[target."cfg(unix)".build-dependencies]\nfreeswitch = "1"',
    ],
)
def test_a_crate_is_found_by_its_own_name(dependency: str) -> None:
    workspace = """
[workspace.dependencies]
bindings = { package = "freeswitch-sys", path = "bindings" }
freeswitch = { path = "switch" }
fs = { package = "freeswitch", path = "switch" }
"""
    assert depends(f"{dependency}\n[dependencies.bindings]\nworkspace = true\n", workspace) == {
        "freeswitch",
        "freeswitch-sys",
    }


def test_what_only_tests_depend_on_can_be_left_out() -> None:
    manifest = '[dependencies]\na = "1"\n[dev-dependencies]\nb = "1"\n[target."cfg(unix)".dev-dependencies]\nc = "1"'
    workspace = "[workspace.dependencies]\n"
    assert (depends(manifest, workspace), depends(manifest, workspace, with_tests=False)) == ({"a", "b", "c"}, {"a"})


@pytest.mark.parametrize("crate", NOT_BELOW)
def test_the_crates_below_depend_on_no_python_and_on_nothing_above_them(crate: str) -> None:
    manifest, workspace = ((layers.ROOT / folder / "Cargo.toml").read_text(encoding="utf-8") for folder in (crate, "."))
    found, of_tests = depends(manifest, workspace, with_tests=False), depends(manifest, workspace)
    assert found, "nothing was read"
    above = {name for name in of_tests if name in NOT_BELOW[crate] or name.startswith(("pyo3", "mod_rust"))}
    assert not above & found
    assert above <= BY_TESTS.get(crate, set())
