"""The words by which prose is checked: numbers, things that are counted, words without meaning, well-known names."""

from __future__ import annotations

from typing import Final

from runyard.services.sessions.analyst.languages import BY_NAME

_COUNTING: Final = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
NUMBERS: Final = {word: str(number) for number, word in enumerate(_COUNTING.split())} | {
    "thirty": "30", "forty": "40", "fifty": "50", "hundred": "100", "hundreds": "100", "thousand": "1000",
    "thousands": "1000", "million": "1000000", "millions": "1000000", "dozen": "12", "dozens": "12",
    "single": "1", "once": "1", "twice": "2",
}  # fmt: skip

_SPELLINGS: Final = """
    file: file; folder: folder directory subfolder subdirectory; line: line; test: test; commit: commit; author:
    author contributor developer maintainer; language: language; dependency: dependency library requirement;
    module: module; package: package; function: function method; class: class; route: route endpoint; command:
    command; manifest: manifest; document: document; place: place issue vulnerability problem; remark: remark
    comment; day: day; week: week; month: month; year: year; licence: licence license; byte: byte; readme:
    readme; lockfile: lockfile; script: script; service: service; workflow: workflow pipeline; circle: circle
    cycle; framework: framework; tool: tool; branch: branch; star: star; user: user; bug: bug; target: target;
    application: application; version: version; repository: repository project; container: container; component:
    component; point: point
"""
THINGS: Final = {
    spelling: thing.strip()
    for thing, _, spellings in (entry.partition(":") for entry in _SPELLINGS.split(";"))
    for spelling in spellings.split()
}
"""Nouns, in the singular, by what is called so in the facts."""

GLUE: Final = frozenset(  # words that carry no meaning of their own, whatever the facts are
    """
    a about above according additionally all also although among an and another any are as at back be because
    been being besides both but by can code combined comes consist consists contain contains count counts down
    each every file files finally find finds first folder folders follow following follows for found from
    furthermore given had has have having here hold holds how however if in include includes including inside
    into is it its itself just largest last latest least less line lines list lists located main mainly many
    more moreover most mostly much name named names no none nor not of on one only or other others out over
    overall part parts per place placed primarily project project's python's repo repository repository's
    respectively same see seen several show shows since so some source spread stand stands such sum summary than
    that the their them then there these they this those through to together total totals two under up use used
    uses using very was were what where which while whole whose with within without written
    """.split()  # noqa: SIM905 -- a hundred quotes more
)

_TECHNOLOGIES: Final = """
    android angular ansible apache aws azure bsd celery cuda cypress deno django docker elasticsearch electron
    express fastapi firebase flask flutter gcp gpl graphql grpc heroku ios jenkins jest jquery junit kafka keras
    kubernetes laravel linux llvm macos mit mocha mongodb mysql nextjs nginx node nodejs npm nuget numpy openai
    pandas pip postgres postgresql prometheus pydantic pytest pytorch rabbitmq rails react redis scala selenium
    spark spring sqlalchemy sqlite svelte tensorflow terraform tornado travis unittest vue webpack windows
"""
_ALSO_WORDS: Final = """
    ada assembly batch c dart elm go java julia just less lisp meson nim nix pascal r ruby rust swift text
"""
"""Languages that are called like something else."""
WELL_KNOWN: Final = frozenset(_TECHNOLOGIES.split()) | ({name.lower() for name in BY_NAME} - set(_ALSO_WORDS.split()))
"""Names that are names in lower case, too."""
