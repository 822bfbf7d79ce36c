"""The languages that are known: by which names their files go, and how their comments look."""

# ruff: noqa: E501 -- a language reads best on one line

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from runyard.services.sessions.analyst.syntax import Syntax

Kind = Literal["programming", "markup", "data", "prose"]

_C: Final = Syntax(line=("//",), block=(("/*", "*/"),))
_JAVA: Final = Syntax(line=("//",), block=(("/*", "*/"),), long=('"""',))
_NESTED: Final = Syntax(line=("//",), block=(("/*", "*/"),), nested=True, long=('"""',))
_SCRIPT: Final = Syntax(line=("//",), block=(("/*", "*/"),), long=("`",))
_GO: Final = Syntax(line=("//",), block=(("/*", "*/"),), raw=("`",))
_CPP: Final = Syntax(
    line=("//",), block=(("/*", "*/"),),
    extra=(r'R"(?P<fence>[^()\\\s]{0,16})\([\s\S]*?(?:\)(?P=fence)"|\Z)', r"'(?:[^'\\\n]|\\[^\n])+'", r"(?<=\d)'"),
    strings='"',
)  # fmt: skip
_RUST: Final = Syntax(
    line=("//",), block=(("/*", "*/"),), nested=True, strings="", long=('"',),
    extra=(r'\bb?r(?P<fence>#{0,16})"[\s\S]*?(?:"(?P=fence)|\Z)', r"'(?:\\[^\n][^'\n]{0,10}|[^'\\\n])'"),
)  # fmt: skip
_CSHARP: Final = Syntax(
    line=("//",), block=(("/*", "*/"),), long=('"""',), extra=(r'@"(?:[^"]|"")*+(?:"|\Z)',),
)  # fmt: skip
_HASH: Final = Syntax(line=("#",), word=True)
_PYTHON: Final = Syntax(line=("#",), long=('"""', "'''"))
_PHP: Final = Syntax(line=("//", "#"), block=(("/*", "*/"),))
_CSS: Final = Syntax(block=(("/*", "*/"),))
_XML: Final = Syntax(block=(("<!--", "-->"),), strings="")
_SQL: Final = Syntax(line=("--",), block=(("/*", "*/"),), raw=("'",), strings='"')
_LISP: Final = Syntax(line=(";",), strings="", long=('"',))
_PERCENT: Final = Syntax(line=("%",), strings="", extra=(r"\\%",))
_PLAIN: Final = Syntax()


@dataclass(frozen=True, slots=True)
class Language:
    """One of them."""

    name: str
    kind: Kind
    syntax: Syntax


_TABLE: Final[tuple[tuple[str, Kind, Syntax, str], ...]] = (
    ("Ada", "programming", Syntax(line=("--",), strings='"'), ".adb .ads"),
    ("Assembly", "programming", Syntax(line=(";", "//"), block=(("/*", "*/"),), start=("#",)), ".asm .s .S"),
    ("Awk", "programming", _HASH, ".awk"),
    ("Batch", "programming", Syntax(start=(r"(?i:@?rem\b)", "::"), strings=""), ".bat .cmd"),
    ("C", "programming", _CPP, ".c .h"),
    ("C#", "programming", _CSHARP, ".cs"),
    ("C++", "programming", _CPP, ".cc .cpp .cxx .c++ .hpp .hh .hxx .ipp .inl"),
    ("Clojure", "programming", _LISP, ".clj .cljs .cljc .edn"),
    ("CMake", "programming", Syntax(line=("#",), block=(("#[[", "]]"),), strings='"'), ".cmake CMakeLists.txt"),
    ("CSS", "markup", _CSS, ".css"),
    ("CSV", "data", _PLAIN, ".csv .tsv"),
    ("CUDA", "programming", _CPP, ".cu .cuh"),
    ("Dart", "programming", Syntax(line=("//",), block=(("/*", "*/"),), long=('"""', "'''")), ".dart"),
    ("Dockerfile", "programming", _HASH, "Dockerfile Containerfile .dockerfile"),
    ("Elixir", "programming", Syntax(line=("#",), long=('"""',)), ".ex .exs"),
    ("Elm", "programming", Syntax(line=("--",), block=(("{-", "-}"),), nested=True, long=('"""',)), ".elm"),
    ("Erlang", "programming", Syntax(line=("%",), strings='"'), ".erl .hrl"),
    ("F#", "programming", Syntax(line=("//",), block=(("(*", "*)"),), strings='"', long=('"""',)), ".fs .fsi .fsx"),
    ("Fortran", "programming", Syntax(line=("!",)), ".f90 .f95 .f03 .f08"),
    ("Go", "programming", _GO, ".go"),
    ("GraphQL", "data", Syntax(line=("#",), strings='"', long=('"""',)), ".graphql .gql"),
    ("Groovy", "programming", Syntax(line=("//",), block=(("/*", "*/"),), long=('"""', "'''")), ".groovy .gradle Jenkinsfile"),
    ("Haskell", "programming", Syntax(line=("--",), block=(("{-", "-}"),), nested=True, strings='"'), ".hs"),
    ("HCL", "programming", Syntax(line=("#", "//"), block=(("/*", "*/"),), strings='"'), ".tf .hcl .tfvars"),
    ("HTML", "markup", _XML, ".html .htm .xhtml"),
    ("INI", "data", Syntax(start=("[;#]",), strings=""), ".ini .cfg .conf .properties .editorconfig .flake8 .gitmodules"),
    ("Java", "programming", _JAVA, ".java"),
    ("JavaScript", "programming", _SCRIPT, ".js .mjs .cjs .jsx"),
    ("JSON", "data", _PLAIN, ".json .jsonl .ndjson .geojson .webmanifest"),
    ("JSON with comments", "data", Syntax(line=("//",), block=(("/*", "*/"),), strings='"'), ".jsonc .json5 tsconfig.json"),
    ("Julia", "programming", Syntax(line=("#",), block=(("#=", "=#"),), nested=True, strings='"', long=('"""',)), ".jl"),
    ("Jupyter Notebook", "data", _PLAIN, ".ipynb"),
    ("Just", "programming", _HASH, "justfile Justfile .justfile"),
    ("Kotlin", "programming", _NESTED, ".kt .kts"),
    ("Less", "markup", _C, ".less"),
    ("Lisp", "programming", Syntax(line=(";",), block=(("#|", "|#"),), strings="", long=('"',)), ".lisp .lsp .el .scm .rkt"),
    ("Lua", "programming", Syntax(line=("--",), block=(("--[[", "]]"),), raw=(), extra=(r"\[\[[\s\S]*?(?:\]\]|\Z)",)), ".lua"),
    ("Makefile", "programming", Syntax(line=("#",), word=True, strings=""), "Makefile makefile GNUmakefile .mk .mak"),
    ("Markdown", "prose", _XML, ".md .markdown .mdx"),
    ("MATLAB", "programming", Syntax(line=("%",), strings='"'), ".mlx"),
    ("Meson", "programming", Syntax(line=("#",), long=("'''",)), "meson.build"),
    ("Nim", "programming", Syntax(line=("#",), block=(("#[", "]#"),), nested=True, strings='"', long=('"""',)), ".nim"),
    ("Nix", "programming", Syntax(line=("#",), block=(("/*", "*/"),), strings="", long=('"',)), ".nix"),
    ("Objective-C", "programming", _CPP, ".m .mm"),
    ("OCaml", "programming", Syntax(block=(("(*", "*)"),), nested=True, strings='"'), ".ml .mli"),
    ("Pascal", "programming", Syntax(line=("//",), block=(("{", "}"), ("(*", "*)")), strings="'"), ".pas .dpr"),
    ("Perl", "programming", _HASH, ".pl .pm .t"),
    ("PHP", "programming", _PHP, ".php"),
    ("PowerShell", "programming", Syntax(line=("#",), block=(("<#", "#>"),)), ".ps1 .psm1 .psd1"),
    ("Protocol Buffers", "data", _C, ".proto"),
    ("Python", "programming", _PYTHON, ".py .pyi .pyw .pyx .bzl SConstruct"),
    ("R", "programming", _HASH, ".r .R"),
    ("reStructuredText", "prose", _PLAIN, ".rst"),
    ("Ruby", "programming", Syntax(line=("#",), word=True, block=(("\n=begin", "\n=end"),)), ".rb .rake .gemspec Gemfile Rakefile Vagrantfile"),
    ("Rust", "programming", _RUST, ".rs"),
    ("Scala", "programming", _NESTED, ".scala .sc .sbt"),
    ("SCSS", "markup", _C, ".scss .sass"),
    ("Shell", "programming", _HASH, ".sh .bash .zsh .ksh .fish .envrc"),
    ("Solidity", "programming", _C, ".sol"),
    ("SQL", "programming", _SQL, ".sql"),
    ("Starlark", "programming", _PYTHON, "BUILD BUILD.bazel WORKSPACE .star"),
    ("Svelte", "markup", Syntax(line=(), block=(("<!--", "-->"), ("/*", "*/")), start=("//",), strings=""), ".svelte"),
    ("SVG", "markup", _XML, ".svg"),
    ("Swift", "programming", _NESTED, ".swift"),
    ("Tcl", "programming", _HASH, ".tcl"),
    ("TeX", "prose", _PERCENT, ".tex .sty .cls .bib"),
    ("Text", "prose", _PLAIN, ".txt .text .adoc README LICENSE LICENCE COPYING NOTICE AUTHORS CHANGELOG CONTRIBUTING"),
    ("TOML", "data", Syntax(line=("#",), long=('"""', "'''")), ".toml"),
    ("TypeScript", "programming", _SCRIPT, ".ts .mts .cts .tsx"),
    ("Vim script", "programming", Syntax(start=('"',), strings="'"), ".vim"),
    ("Visual Basic", "programming", Syntax(line=("'",), strings='"'), ".vb .bas .vbs"),
    ("Vue", "markup", Syntax(block=(("<!--", "-->"), ("/*", "*/")), start=("//",), strings=""), ".vue"),
    ("WebAssembly text", "programming", Syntax(line=(";;",), block=(("(;", ";)"),), nested=True, strings='"'), ".wat"),
    ("XML", "data", _XML, ".xml .xsd .xsl .xslt .plist .csproj .props .targets .wsdl"),
    ("YAML", "data", _HASH, ".yml .yaml"),
    ("Zig", "programming", Syntax(line=("//",)), ".zig"),
)  # fmt: skip

_SHEBANGS: Final[Mapping[str, str]] = {
    "sh": "Shell", "bash": "Shell", "dash": "Shell", "zsh": "Shell", "ksh": "Shell", "fish": "Shell",
    "python": "Python", "pypy": "Python", "uv": "Python", "node": "JavaScript", "deno": "TypeScript",
    "bun": "TypeScript", "ts-node": "TypeScript", "ruby": "Ruby", "perl": "Perl", "php": "PHP", "lua": "Lua",
    "Rscript": "R", "awk": "Awk", "gawk": "Awk", "make": "Makefile", "tclsh": "Tcl", "elixir": "Elixir",
    "julia": "Julia", "just": "Just", "pwsh": "PowerShell",
}  # fmt: skip

BY_NAME: Final[Mapping[str, Language]] = {name: Language(name, kind, syntax) for name, kind, syntax, _ in _TABLE}


def _spellings() -> Iterator[tuple[str, Language]]:
    for name, _, _, spellings in _TABLE:
        for spelling in spellings.split():
            yield spelling, BY_NAME[name]


_BY_SPELLING: Final[Mapping[str, Language]] = dict(_spellings())
_SHEBANG: Final = re.compile(r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-\S+[ \t]+)*)?([A-Za-z-]+)")
_OBJECTIVE_C: Final = re.compile(r"^[ \t]*(?:@interface|@implementation|@protocol|#import)\b", re.MULTILINE)
_CPLUSPLUS: Final = re.compile(
    r"^[ \t]*(?:class\s+\w+|namespace\b|template\s*<|using\s|public:|private:)", re.MULTILINE
)


def language_of(name: str, head: str) -> Language | None:
    """The language of a file, by its name, else by its first line.

    Args:
        name: without folders.
        head: the file's first characters, for what its name leaves open.
    """
    found = _BY_SPELLING.get(name) or _BY_SPELLING.get(name[name.rfind(".") :] if "." in name else "")
    if found is None and "." in name:
        found = _BY_SPELLING.get(name[name.rfind(".") :].lower()) or _BY_SPELLING.get(name[: name.find(".")])
    if found is None:
        return _by_first_line(head)
    if name.endswith(".h") and _CPLUSPLUS.search(head):
        return BY_NAME["Objective-C" if _OBJECTIVE_C.search(head) else "C++"]
    if name.endswith(".m") and not _OBJECTIVE_C.search(head):
        return BY_NAME["MATLAB"]
    return found


def _by_first_line(head: str) -> Language | None:
    match = _SHEBANG.match(head)
    return BY_NAME[_SHEBANGS[match.group(1)]] if match and match.group(1) in _SHEBANGS else None
