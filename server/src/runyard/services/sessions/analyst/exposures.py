"""Places that somebody who cares for security should look at. It says where and what, and never quotes a secret."""

# ruff: noqa: E501 -- a pattern reads best on one line

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from runyard.services.sessions.analyst.facts import Exposure, Exposures, KindCount, Place
from runyard.services.sessions.analyst.python.calls import Severity
from runyard.services.sessions.analyst.source_file import SourceFile
from runyard.services.sessions.analyst.structure import role_of
from runyard.services.sessions.analyst.tree import leads_out

Finding = tuple[str, Severity, int]
"""What, how grave, and at which line; 0 is the file as a whole."""

_RANK: Final[dict[Severity, int]] = {"high": 0, "medium": 1, "low": 2}
_SECRETS: Final[tuple[tuple[str, tuple[str, ...], str], ...]] = (
    # Kind, words one of which is there (found far faster than a pattern), pattern.
    ("private key", ("PRIVATE KEY-----", "PRIVATE KEY BLOCK-----"), r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[nr]|[\"'+,]){1,30}(?:[A-Z][\w-]{2,20}: [^\n]{0,200}\s{1,8}){0,4}[A-Za-z0-9+/=]{24}"),
    ("AWS access key", ("AKIA", "ASIA"), r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("GitHub token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b"),
    ("GitHub token", ("github_pat_",), r"\bgithub_pat_[A-Za-z0-9_]{60,100}\b"),
    ("GitLab token", ("glpat-",), r"\bglpat-[A-Za-z0-9_-]{20,64}\b"),
    ("Slack token", ("xox",), r"\bxox[abprs]-[A-Za-z0-9-]{20,200}\b"),
    ("Google API key", ("AIza",), r"\bAIza[0-9A-Za-z_-]{35}\b"),
    ("Stripe live key", ("k_live_",), r"\b[rs]k_live_[0-9A-Za-z]{20,100}\b"),
    ("npm token", ("npm_",), r"\bnpm_[A-Za-z0-9]{36}\b"),
    ("npm token", ("_authToken=",), r"_authToken=(?!\$)[A-Za-z0-9_.-]{16,200}"),
    ("password in a URL", ("://",), r"://[^\s/:@'\"<>{}$]{1,60}:(?!password|pass|secret|x{3}|\*)[^\s/:@'\"<>{}$]{6,100}@(?!localhost|127\.|example\.)[\w.-]{3,100}"),
)  # fmt: skip
_PATTERNS: Final = tuple((kind, words, re.compile(pattern)) for kind, words, pattern in _SECRETS)
_ENVIRONMENT: Final = re.compile(r"\.env(?:\.(?!example|sample|template|dist|test|defaults?)[\w-]+)?")
_KEY_FILE: Final = re.compile(r"id_(?:rsa|dsa|ecdsa|ed25519)|.*\.(?:p12|pfx|jks|keystore|kdbx|ppk)", re.IGNORECASE)
_CREDENTIALS: Final = frozenset(
    {".pypirc", ".netrc", ".git-credentials", ".htpasswd", "credentials.json", ".dockercfg"}
)
_SCRIPT_CALLS: Final[tuple[tuple[str, Severity, str], ...]] = (
    ("eval() of an expression", "high", r"(?<![\w.$])eval\s*\((?!\s*\))"),
    ("innerHTML is set", "medium", r"\.(?:inner|outer)HTML\s*=(?!=)"),
    ("dangerouslySetInnerHTML", "medium", r"\bdangerouslySetInnerHTML\b"),
    ("document.write()", "low", r"\bdocument\.write(?:ln)?\s*\("),
    ("a command goes through a shell", "medium", r"\bchild_process\b[^\n]{0,80}\bexec(?:Sync)?\b\s*\("),
    (
        "TLS certificates are not verified",
        "high",
        r"rejectUnauthorized\s*:\s*false|NODE_TLS_REJECT_UNAUTHORIZED\s*=\s*[\"']?0",
    ),
)
_SCRIPT_CALL: Final = re.compile("|".join(f"(?P<c{at}>{pattern})" for at, (_, _, pattern) in enumerate(_SCRIPT_CALLS)))
_DOCKER_USER: Final = re.compile(r"^[ \t]*USER[ \t]+(?!root\b|0\b)\S", re.MULTILINE | re.IGNORECASE)
_DOCKER_FROM: Final = re.compile(r"^[ \t]*FROM[ \t]+(?:--\S+[ \t]+)?(\S+)", re.MULTILINE | re.IGNORECASE)
_CI_TARGET: Final = re.compile(
    r"^[ \t]*(?:pull_request_target\s*:|on:.{0,200}\bpull_request_target\b|-\s*pull_request_target\b)", re.MULTILINE
)
_PIPE: Final = re.compile(r"\b(?:curl|wget)\b[^\n|]{0,300}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b")
_ROOT: Final = re.compile(r"\bchmod\s+(?:-R\s+)?0?777\b")
_MOST_PER_FILE: Final = 20


class ExposureCollector:
    """Looks at names, at texts for what looks like a secret, and at calls that deserve a look."""

    def __init__(self, *, listed: int) -> None:
        self._listed = listed
        self._found: list[Exposure] = []
        self._total = self._high = 0
        self._kinds: Counter[tuple[int, str]] = Counter()

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if file.nature not in {"text", "binary", "link", "unreadable"}:
            return
        aside = role_of(file.folder) in {"tests", "examples", "documentation", "benchmarks"}
        prose = file.language is not None and file.language.kind == "prose"
        for at, (kind, severity, number) in enumerate(_of(file)):
            if at >= _MOST_PER_FILE:
                break
            self._count(kind, severity, aside=aside or prose)
            place = Place(path=file.path, line=number)
            self._found.append(Exposure(kind=kind, place=place, severity=severity, aside=aside or prose))
        if len(self._found) > 20 * self._listed:
            self._found = self._first(10 * self._listed)

    def facts(self) -> Exposures:
        """All of them."""
        return Exposures(
            total=self._total,
            outside=sum(self._kinds.values()),
            high=self._high,
            kinds=tuple(
                KindCount(kind=kind, count=number) for (_, kind), number in sorted(self._kinds.items())[: self._listed]
            ),
            first=tuple(self._first(self._listed)),
        )

    def _count(self, kind: str, severity: Severity, *, aside: bool) -> None:
        self._total += 1
        if not aside:
            self._high += severity == "high"
            self._kinds[_RANK[severity], kind] += 1

    def _first(self, number: int) -> list[Exposure]:
        return sorted(
            self._found,
            key=lambda each: (each.aside, _RANK[each.severity], each.kind, each.place.path, each.place.line),
        )[:number]


def _of(file: SourceFile) -> Iterator[Finding]:
    yield from _by_name(file)
    if file.nature != "text":
        return
    yield from _secrets(file.text)
    if file.python is not None:
        for each in file.python.suspicions:
            yield each.kind, each.severity, each.line
    yield from _by_language(file)


def _secrets(text: str) -> Iterator[Finding]:
    for kind, words, pattern in _PATTERNS:
        if any(word in text for word in words):
            for match in pattern.finditer(text):
                yield kind, "high", _line_of(text, match.start())


def _by_language(file: SourceFile) -> Iterator[Finding]:
    language = file.language.name if file.language is not None else ""
    if language in {"JavaScript", "TypeScript", "Vue", "Svelte"}:
        for match in _SCRIPT_CALL.finditer(file.text):
            kind, severity, _ = _SCRIPT_CALLS[int((match.lastgroup or "c0")[1:])]
            yield kind, severity, _line_of(file.text, match.start())
    elif language == "Dockerfile":
        yield from _dockerfile(file.text)
    elif file.path.startswith(".github/workflows/"):
        for match in _CI_TARGET.finditer(file.text):
            kind = "a workflow runs with secrets for pull requests of strangers"
            yield kind, "medium", _line_of(file.text, match.end())
    if language in {"Shell", "Dockerfile", "YAML", "Makefile"}:
        for match in _PIPE.finditer(file.text):
            yield "a download is piped into a shell", "medium", _line_of(file.text, match.start())
        for match in _ROOT.finditer(file.text):
            yield "files are made writable for everybody", "low", _line_of(file.text, match.start())


def _by_name(file: SourceFile) -> Iterator[Finding]:
    if file.nature == "link":
        if leads_out(file.path, file.target):
            yield "a link leads out of the repository", "medium", 0
    elif _ENVIRONMENT.fullmatch(file.name) and file.size:
        yield "an environment file is committed", "high", 0
    elif _KEY_FILE.fullmatch(file.name):
        yield "a key file is committed", "high", 0
    elif file.name in _CREDENTIALS:
        yield "a file of credentials is committed", "high", 0
    elif file.nature == "binary" and file.executable:
        yield "an executable binary is committed", "low", 0


def _dockerfile(text: str) -> Iterator[Finding]:
    if not _DOCKER_USER.search(text):
        yield "the container runs as root", "medium", 0
    for match in _DOCKER_FROM.finditer(text):
        if match.group(1).endswith(":latest"):
            yield "a base image without a fixed version", "low", _line_of(text, match.start())


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
