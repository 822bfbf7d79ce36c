"""Where the operator's machine gets packages from: uv's settings as they are, pip's translated to uv's.

They go into the sandbox in which packages are installed, and into no other: addresses may hold passwords.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from runyard.sandbox import Mount

_OURS = {
    "UV_CACHE_DIR",
    "UV_LINK_MODE",
    "UV_NO_CACHE",
    "UV_PROJECT_ENVIRONMENT",
    "UV_SYSTEM_PYTHON",
    "UV_PYTHON",
}
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PIP_CERT")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_IN_EVERY_SANDBOX = ("/usr", "/bin", "/lib", "/etc/ssl/certs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexes:
    """Variables for the installer, and the files of this machine that they name."""

    variables: Mapping[str, str] = field(repr=False)
    mounts: tuple[Mount, ...]
    options: tuple[str, ...] = ()
    """For uv's command line: settings that uv has no variable for."""

    @property
    def digest(self) -> str:
        """Changes when packages may come from somewhere else."""
        relevant = {name: value for name, value in self.variables.items() if name.startswith("UV_")}
        return hashlib.sha256(json.dumps([relevant, self.options], sort_keys=True).encode()).hexdigest()


def indexes(environ: Mapping[str, str], home: Path) -> Indexes:
    """The settings of whoever runs the yard. Blocks."""
    passed_on = {name: value for name, value in environ.items() if _is_passed_on(name)}
    pip = dict(_pip_files(environ, home)) | _pip_variables(environ)
    variables = {**passed_on, **dict(_translated(pip, passed_on))}
    files = [Path(environ["UV_CONFIG_FILE"])] if "UV_CONFIG_FILE" in environ else []
    user_config = home / ".config/uv/uv.toml"
    if user_config.is_file() and "XDG_CONFIG_HOME" not in environ:
        variables["XDG_CONFIG_HOME"] = str(home / ".config")
        files.append(user_config)
    files.append(Path("/etc/uv/uv.toml"))
    files += [Path(variables[name]) for name in _CERTIFICATES if name in variables]
    for name in ("UV_FIND_LINKS", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        files += _local_paths(variables.get(name, "").replace(",", " ").split())
    closed = pip.get("no-index", "").strip().lower() in ("1", "true", "yes", "on")
    return Indexes(variables=variables, mounts=tuple(_mounts(files)), options=("--no-index",) if closed else ())


def _is_passed_on(name: str) -> bool:
    return (
        (name.startswith(("UV_", "PIP_")) and name not in _OURS)
        or name in _CERTIFICATES
        or name.lower() in _PROXIES
        or name == "XDG_CONFIG_HOME"
    )


def _pip_files(environ: Mapping[str, str], home: Path) -> Iterator[tuple[str, str]]:
    """Settings from pip's files, later ones first to be believed, as pip reads them."""
    if environ.get("PIP_CONFIG_FILE") == os.devnull:  # pip's way to say: no files at all
        return
    own = [Path(environ["PIP_CONFIG_FILE"])] if "PIP_CONFIG_FILE" in environ else []
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    paths = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        config / "pip/pip.conf",
    ]
    for path in [*paths, *own]:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip's own trouble; nothing of it is needed
        for section in ("global", "install"):
            if parser.has_section(section):
                for name, value in parser.items(section):
                    yield name.replace("_", "-"), value


def _pip_variables(environ: Mapping[str, str]) -> dict[str, str]:
    return {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_")
    }


def _translated(pip: Mapping[str, str], given: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The variable of uv for each of pip's settings, unless the operator has set it for uv."""
    if "index-url" in pip and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & given.keys():
        yield "UV_DEFAULT_INDEX", pip["index-url"].strip()
    if pip.get("extra-index-url", "").split() and not {"UV_INDEX", "UV_EXTRA_INDEX_URL"} & given.keys():
        yield "UV_INDEX", " ".join(pip["extra-index-url"].split())
        # pip takes the best version of all indexes; uv, of the first that has the package.
        if "UV_INDEX_STRATEGY" not in given:
            yield "UV_INDEX_STRATEGY", "unsafe-best-match"
    if pip.get("find-links", "").split() and "UV_FIND_LINKS" not in given:
        yield "UV_FIND_LINKS", ",".join(pip["find-links"].split())
    if pip.get("trusted-host", "").split() and "UV_INSECURE_HOST" not in given:
        yield "UV_INSECURE_HOST", " ".join(pip["trusted-host"].split())
    if "cert" in pip and "SSL_CERT_FILE" not in given:
        yield "SSL_CERT_FILE", pip["cert"].strip()


def _local_paths(locations: Iterable[str]) -> Iterator[Path]:
    for location in locations:
        address = location.partition("=")[2] if "=" in location.partition("://")[0] else location  # name=url
        if address.startswith("file:"):
            path = Path(unquote(urlsplit(address).path))
            # A simple index often links to its files by a neighbouring folder.
            yield path.parent if path.name == "simple" and len(path.parents) > 1 else path
        elif address.startswith("/"):
            yield Path(address)


def _mounts(files: Iterable[Path]) -> Iterator[Mount]:
    seen = set[Path]()
    for path in files:
        if path not in seen and path.exists() and not str(path.resolve()).startswith(_IN_EVERY_SANDBOX):
            seen.add(path)
            yield Mount(source=path, target=str(path))
