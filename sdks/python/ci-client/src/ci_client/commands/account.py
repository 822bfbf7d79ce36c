"""`ci whoami`, `ci config explain` and `ci profile`: who one is, where, and why."""

from __future__ import annotations

import argparse
import sys

from ci_client._wire.errors import redact, without_userinfo
from ci_client._wire.profiles import Profile
from ci_client._wire.terminal import say
from ci_client.errors import UsageError
from ci_client.session import connected, settings_of
from ci_client.settings import config_file
from ci_client.terminal import note


def whoami(arguments: argparse.Namespace) -> int:
    """Whose key it is, how old, and until when."""
    with connected(arguments) as ci:
        identity = ci.whoami()
    who = identity.user_name if identity.user_email is None else f"{identity.user_name} <{identity.user_email}>"
    say(f"User:    {who}")
    say(f"Key:     {identity.key_name or '(no name)'}")
    if identity.key_created_at:
        age = "" if identity.key_age_days is None else f" ({identity.key_age_days} days ago)"
        say(f"Created: {identity.key_created_at}{age}")
    say(f"Expires: {identity.key_expires_at or 'never'}")
    if identity.warning and not sys.stderr.isatty():  # a terminal has it already, from the answer's header
        note(f"Warning: {identity.warning}")
    return 0


def explain(arguments: argparse.Namespace) -> int:
    """Which settings are used, and why."""
    settings = settings_of(arguments)
    key = redact(settings.key.value) if settings.key.value else "none"
    say(f"Server:  {without_userinfo(settings.server_url)}  ({settings.server.source})")
    say(f"API key: {key}  ({settings.key.source})")
    say(f"Profile: {settings.profile.value or 'none'}  ({settings.profile.source})")
    path = config_file().path
    say(f"File:    {path}  ({'read' if path.exists() else 'absent'})")
    for warning in settings.warnings:
        note(f"Warning: {warning}")
    return 0


def add_profile(arguments: argparse.Namespace) -> int:
    """Add a profile; what is not given keeps the value it had."""
    file = config_file()
    known = file.read().profiles.get(arguments.name, Profile(arguments.name))
    key = sys.stdin.readline().strip() if arguments.api_key_stdin else arguments.api_key
    if not (arguments.server or key):
        raise UsageError("A profile needs a --server, an --api-key, or both")
    file.save(Profile(arguments.name, arguments.server or known.server_url, key or known.api_key))
    say(f"Profile {arguments.name} is saved. Use it from now on with: ci profile use {arguments.name}")
    return 0


def list_profiles(_: argparse.Namespace) -> int:
    """All profiles, the one in use marked."""
    config = config_file().read()
    for profile in sorted(config.profiles.values(), key=lambda profile: profile.name):
        mark = "*" if profile.name == config.current else " "
        key = redact(profile.api_key) if profile.api_key else "no key"
        server = without_userinfo(profile.server_url) if profile.server_url else "(default server)"
        say(f"{mark} {profile.name:<20} {server:<40} {key}")
    if not config.profiles:
        say("No profiles yet. Add one with: ci profile add NAME --server URL")
    return 0


def use_profile(arguments: argparse.Namespace) -> int:
    """Use a profile from now on."""
    config_file().use(arguments.name)
    say(f"Profile {arguments.name} is in use." if arguments.name else "No profile is in use.")
    return 0


def remove_profile(arguments: argparse.Namespace) -> int:
    """Forget a profile."""
    config_file().remove(arguments.name)
    say(f"Profile {arguments.name} is removed.")
    return 0
