"""Systems for continuous integration and tools for style, by the files that set them up."""

# ruff: noqa: E501 -- rows of a table

from __future__ import annotations

import fnmatch
import re
from typing import Final

from runyard.services.sessions.analyst.facts import Automation, Tool
from runyard.services.sessions.analyst.source_file import SourceFile

_CI: Final[tuple[tuple[str, str], ...]] = (
    (".github/workflows/*.yml", "GitHub Actions"),
    (".github/workflows/*.yaml", "GitHub Actions"),
    (".gitlab-ci.yml", "GitLab CI"),
    (".gitlab-ci.yaml", "GitLab CI"),
    (".circleci/config.yml", "CircleCI"),
    ("Jenkinsfile*", "Jenkins"),
    ("azure-pipelines*.yml", "Azure Pipelines"),
    ("bitbucket-pipelines.yml", "Bitbucket Pipelines"),
    (".travis.yml", "Travis CI"),
    (".drone.yml", "Drone"),
    (".woodpecker.y*ml", "Woodpecker"),
    (".woodpecker/*.y*ml", "Woodpecker"),
    (".buildkite/*.y*ml", "Buildkite"),
    (".cirrus.yml", "Cirrus CI"),
    ("appveyor.yml", "AppVeyor"),
    (".appveyor.yml", "AppVeyor"),
    (".tekton/*.y*ml", "Tekton"),
    (".forgejo/workflows/*.y*ml", "Forgejo Actions"),
    (".gitea/workflows/*.y*ml", "Gitea Actions"),
    ("cloudbuild.y*ml", "Google Cloud Build"),
    (".ci/*", "scripts in .ci"),
)
_STYLE: Final[tuple[tuple[str, str], ...]] = (
    ("ruff.toml", "Ruff"), (".ruff.toml", "Ruff"), (".flake8", "Flake8"), (".pylintrc", "Pylint"), ("pylintrc", "Pylint"),
    ("mypy.ini", "mypy"), (".mypy.ini", "mypy"), ("pyrightconfig.json", "Pyright"), (".isort.cfg", "isort"),
    (".pre-commit-config.yaml", "pre-commit"), (".editorconfig", "EditorConfig"), (".eslintrc*", "ESLint"),
    ("eslint.config.*", "ESLint"), (".prettierrc*", "Prettier"), ("prettier.config.*", "Prettier"), ("biome.json*", "Biome"),
    (".stylelintrc*", "Stylelint"), ("rustfmt.toml", "rustfmt"), (".rustfmt.toml", "rustfmt"), ("clippy.toml", "Clippy"),
    (".golangci.y*ml", "golangci-lint"), (".golangci.toml", "golangci-lint"), (".rubocop.yml", "RuboCop"),
    ("checkstyle.xml", "Checkstyle"), (".clang-format", "clang-format"), (".clang-tidy", "clang-tidy"),
    (".shellcheckrc", "ShellCheck"), (".yamllint*", "yamllint"), (".markdownlint*", "markdownlint"),
    (".hadolint.y*ml", "hadolint"), ("commitlint.config.*", "commitlint"), (".swiftlint.yml", "SwiftLint"),
    (".scalafmt.conf", "scalafmt"), (".php-cs-fixer*", "PHP CS Fixer"), ("phpstan.neon*", "PHPStan"),
)  # fmt: skip
_PYPROJECT: Final = {
    "ruff": "Ruff", "black": "Black", "isort": "isort", "mypy": "mypy", "pyright": "Pyright", "basedpyright": "basedpyright",
    "pylint": "Pylint", "flake8": "Flake8", "importlinter": "import-linter", "bandit": "Bandit", "ty": "ty", "pyrefly": "Pyrefly",
}  # fmt: skip
_TABLE: Final = re.compile(r"^\[+\s*tool\s*\.\s*\"?([\w-]+)", re.MULTILINE)
_SECTION: Final = re.compile(r"^\[(mypy|flake8|isort|pylint)\b", re.MULTILINE)
_LEVELS: Final = 3


class AutomationCollector:
    """Looks at names of files, and at the tables of pyproject.toml."""

    def __init__(self, *, listed: int) -> None:
        self._listed = listed
        self._ci: set[tuple[str, str]] = set()
        self._style: set[tuple[str, str]] = set()

    def see(self, file: SourceFile) -> None:
        """Take note of a file."""
        if not file.own or len(self._ci) + len(self._style) >= 2 * self._listed:
            return
        for pattern, name in _CI:
            if fnmatch.fnmatchcase(file.path, pattern) and file.path.count("/") == pattern.count("/"):
                self._ci.add((name, file.path))
        if file.path.count("/") >= _LEVELS:
            return
        self._style |= {(name, file.path) for pattern, name in _STYLE if fnmatch.fnmatchcase(file.name, pattern)}
        if file.name == "pyproject.toml":
            self._style |= {(_PYPROJECT[word], file.path) for word in _TABLE.findall(file.text) if word in _PYPROJECT}
        elif file.name in {"setup.cfg", "tox.ini"}:
            self._style |= {(_PYPROJECT[word], file.path) for word in _SECTION.findall(file.text)}

    def facts(self) -> Automation:
        """Both, by name."""
        ci, style = (
            tuple(Tool(name=name, path=path) for name, path in sorted(found)[: self._listed])
            for found in (self._ci, self._style)
        )
        return Automation(ci=ci, style=style)
