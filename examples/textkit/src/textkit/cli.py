"""The command `textkit`: what the library does, from standard input to standard output."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from textkit import slugify, word_counts, wrap


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="textkit", description="Reads text, writes what you ask for.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("words", help="each word and how often it occurs, the most frequent first")
    verbs.add_parser("slug", help="the text as a slug")
    wrapping = verbs.add_parser("wrap", help="the text in lines")
    wrapping.add_argument("--width", type=int, default=72)
    options = parser.parse_args(arguments)

    text = sys.stdin.read()
    match options.verb:
        case "words":
            for word, count in sorted(word_counts(text).items(), key=lambda item: (-item[1], item[0])):
                print(f"{count}\t{word}")
        case "slug":
            print(slugify(text))
        case "wrap":
            print("\n".join(wrap(text, options.width)))
    return 0
