"""What may be asked for, as far as its text tells."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from runyard.sandbox.hosts import Hosts, why_internal
from runyard.services.sessions.repositories.urls import (
    BadRepository,
    check_branch,
    check_path,
    folder_names,
    read_url,
)

NONE = Hosts()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://github.com/ambient-code/platform", "github.com", 443),
        ("https://GitHub.com/ambient-code/platform.git", "github.com", 443),
        ("http://git.example.com:8080/a/b", "git.example.com", 8080),
        ("https://git.example.com./a", "git.example.com", 443),
        ("https://[2606:4700::1111]:8443/a", "2606:4700::1111", 8443),
        ("https://140.82.121.4/a%20b", "140.82.121.4", 443),
    ],
)
def test_addresses_of_the_internet_are_taken(url: str, host: str, port: int):
    address = read_url(url, hosts=NONE)
    assert (address.url, address.host, address.port) == (url, host, port)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "has up to 2048 printable characters"),
        ("https://github.com/" + "a" * 2048, "has up to 2048 printable characters"),
        ("https://github.com/a b", "no blank"),
        ("https://github.com/a\nb", "printable"),
        ("https://github.com/\u202e", "printable"),
        ("file:///etc/passwd", "not file:// address"),
        ("ssh://git@github.com/a", "not ssh:// address"),
        ("git://github.com/a", "not git:// address"),
        ("ext::sh -c id", "no blank"),
        ("ext::id", "not that kind of address"),
        ("git@github.com:a/b.git", "not that kind of address"),
        ("/etc", "not that kind of address"),
        ("github.com/a/b", "not that kind of address"),
        ("-oProxyCommand=x", "not that kind of address"),
        ("https:///a", "no host"),
        ("https://-u/a", "no host"),
        ("https://git hub/a", "no blank"),
        ("https://git_.-/a", "no host"),
        ("https://[::1/a", "is no URL"),
        ("https://[x]/a", "no"),
        ("https://github.com:0/a", "no port"),
        ("https://github.com:99999/a", "is no URL"),
        ("https://github.com:x/a", "is no URL"),
        ("https://github.com/a?ref=b", "no `?` or `#`"),
        ("https://github.com/a#b", "no `?` or `#`"),
        ("https://github.com/", "no repository on it"),
        ("https://github.com", "no repository on it"),
        ("http://localhost/a", "an internal name"),
        ("http://LOCALHOST./a", "an internal name"),
        ("http://yard.localhost:8080/a", "an internal name"),
        ("http://printer.local/a", "an internal name"),
        ("http://metadata.google.internal/a", "an internal name"),
        ("http://127.0.0.1:8000/a", "an address of this machine"),
        ("http://0.0.0.0/a", "an address of this machine"),
        ("http://[::1]/a", "an address of this machine"),
        ("http://[::ffff:127.0.0.1]/a", "an address of this machine"),
        ("http://169.254.169.254/latest", "an address of the local link"),
        ("http://10.1.2.3/a", "an internal address"),
    ],
)
def test_all_others_are_refused_with_the_reason(url: str, why: str):
    with pytest.raises(BadRepository) as caught:
        read_url(url, hosts=NONE)
    assert why in str(caught.value)


def test_a_secret_in_a_url_is_refused_and_not_repeated():
    for url in ("https://ada:hunter2@github.com/a", "https://hunter2@github.com/a", "file://hunter2@host/a"):
        with pytest.raises(BadRepository) as caught:
            read_url(url, hosts=NONE)
        assert "hunter2" not in str(caught.value)


def test_an_operator_can_name_internal_hosts():
    hosts = Hosts.parse("git.local, 10.0.0.7:3000\n[fd00::1]:8080 [::1]")
    for url in (
        "http://git.local/a",
        "http://GIT.local:99/a",
        "http://10.0.0.7:3000/a",
        "http://[fd00::1]:8080/a",
        "http://[::1]/a",
    ):
        read_url(url, hosts=hosts)
    for url in ("http://10.0.0.7/a", "http://10.0.0.7:3001/a", "http://sub.git.local/a", "http://[fd00::1]/a"):
        with pytest.raises(BadRepository):
            read_url(url, hosts=hosts)


@pytest.mark.parametrize("text", ["http://git.local", "10.0.0.0/8", "git.local:x", ":80"])
def test_what_is_no_host_is_no_entry(text: str):
    with pytest.raises(ValueError, match="is no host"):
        Hosts.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254",
        "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1",
        "fec0::1", "ff02::1", "2001:db8::1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
        "64:ff9b:1::808:808", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:80ff:fffe",
    ],
)  # fmt: skip
def test_addresses_of_no_use_to_strangers(text: str):
    assert why_internal(ip_address(text)) is not None


@pytest.mark.parametrize("text", ["8.8.8.8", "140.82.121.4", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_addresses_of_the_internet(text: str):
    assert why_internal(ip_address(text)) is None


@pytest.mark.parametrize("branch", ["main", "feature/a-b_c", "v1.0", "@", "ünï"])
def test_branches(branch: str):
    check_branch(branch)


@pytest.mark.parametrize(
    "branch",
    ["", "-u", "a..b", "a b", "a\x00", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b", ".a", "a/.b",
     "a.lock", "a.lock/b", "a.", "a@{1}", "a" * 256, "a\u202eb"],
)  # fmt: skip
def test_what_is_no_branch(branch: str):
    with pytest.raises(BadRepository, match="can't be the name of a branch"):
        check_branch(branch)


@pytest.mark.parametrize("path", ["src", "server/src", "a b/ü", "..."])
def test_folders(path: str):
    check_path(path)


@pytest.mark.parametrize(
    "path", ["", "/", "/etc", "a/", "a//b", ".", "..", "a/../b", "a\n", ".git", "a/.git/hooks", "a" * 1025]
)
def test_what_is_no_folder(path: str):
    with pytest.raises(BadRepository, match="is no folder in a repository"):
        check_path(path)


def test_folders_are_named_after_repositories_and_differ():
    names = folder_names(
        [
            "https://a.example/x/shop.git",
            "https://b.example/y/Shop",
            "https://b.example/y/shop/",
            "https://c.example/artifacts",
            "https://c.example/.git",
            "https://c.example/..",
            "https://c.example/%2e%2e%2fetc",
            "https://c.example/a%0Ab",
            "https://c.example/" + "n" * 100,
            "https://c.example/-rf",
        ]
    )
    assert names == [
        "shop", "Shop-2", "shop-3", "artifacts-2", "repository", "repository-2", "etc", "a-b", "n" * 64, "rf",
    ]  # fmt: skip
