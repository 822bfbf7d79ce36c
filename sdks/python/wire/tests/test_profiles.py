"""`~/.ci/config` is read by its original rules, and written without losing or showing anything."""

import pytest

from runyard_wire.errors import UsageError
from runyard_wire.profiles import ConfigFile, Profile, parse


@pytest.fixture
def file(tmp_path):
    return ConfigFile(tmp_path / ".ci" / "config")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("api_key=abc\n", "abc"),
        ("  api_key= abc  \n", "abc"),
        ("other=1\napi_key=a=b\n", "a=b"),
        ("api_key=\napi_key=second\n", "second"),
        ("api_key=first\napi_key=second\n", "first"),
        ("api_key = abc\n", None),
        ("#api_key=abc\n", None),
        ('api_key="abc"\n', '"abc"'),
        ("", None),
        ("[profile x]\napi_key=inner\n", None),
    ],
)
def test_the_original_rules(text, key):
    assert parse(text).api_key == key


def test_profiles_are_sections():
    config = parse("profile=b\n[profile a]\nserver_url=http://a\n[profile b]\napi_key=k\napi_key=late\njunk\n")
    assert config.current == "b"
    assert config.profiles == {"a": Profile("a", "http://a"), "b": Profile("b", None, "k")}


def test_saving_keeps_everything_else(file):
    file.path.parent.mkdir()
    file.path.write_text("# mine\napi_key=abc\nodd line\n")
    file.save(Profile("lab", "http://lab", "key1"))
    file.save(Profile("other", "http://other"))
    file.save(Profile("lab", "http://lab2"))
    file.use("lab")
    assert file.path.read_text().startswith("profile=lab\n# mine\napi_key=abc\nodd line\n")
    assert file.read().profile("lab") == Profile("lab", "http://lab2")
    file.use("other")
    file.remove("other")
    assert file.read().current is None
    assert file.path.read_text() == "# mine\napi_key=abc\nodd line\n[profile lab]\nserver_url=http://lab2\n"


def test_a_section_may_say_more(file):
    lab = Profile("lab", "http://lab", "key1", {"auth_url": "http://lab:8000", "user": "ada"})
    file.save(lab)
    assert file.path.read_text().splitlines()[-2:] == ["auth_url=http://lab:8000", "user=ada"]
    assert file.read().profile("lab") == lab
    odd = parse("[profile a]\nuser=ada\nuser=late\n# note=1\n").profile("a")
    assert odd == Profile("a", also={"user": "ada"})


def test_a_new_file_is_its_owners_alone(file):
    file.save(Profile("lab", None, "k" * 40))
    assert file.path.stat().st_mode & 0o777 == 0o600
    assert file.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in file.path.parent.iterdir()] == ["config"]
    assert file.read().warnings == ()


def test_a_key_that_others_may_read_is_warned_about(file):
    file.save(Profile("lab", None, "k" * 40))
    file.path.chmod(0o640)
    (warning,) = file.read().warnings
    assert f"chmod 600 {file.path}" in warning
    file.path.write_text("nothing=1\n")
    assert file.read().warnings == ()


def test_a_failed_write_leaves_the_old_file(file, monkeypatch):
    file.save(Profile("lab", "http://lab"))

    def full(_):
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="disk full"):
        file.save(Profile("two", "http://two"))
    assert list(file.read().profiles) == ["lab"]
    assert [path.name for path in file.path.parent.iterdir()] == ["config"]


def test_what_cannot_be_read_says_nothing_but_is_warned_about(file):
    assert file.read().api_key is None
    file.path.mkdir(parents=True)
    assert "cannot be read" in file.read().warnings[0]


@pytest.mark.parametrize(
    "profile", [Profile("a b"), Profile(""), Profile("x]"), Profile("ok", "http://a\napi_key=stolen")]
)
def test_what_would_break_the_file_is_refused(file, profile):
    with pytest.raises(UsageError):
        file.save(profile)


def test_unknown_profiles_are_errors(file):
    for act in (file.use, file.remove, file.read().profile):
        with pytest.raises(UsageError, match="no profile 'nope'"):
            act("nope")


def test_an_unknown_profile_says_how_to_add_it(tmp_path):
    file = ConfigFile(tmp_path / "config", adding="cl_client profiles add {name} --compute-url URL")
    with pytest.raises(UsageError, match="cl_client profiles add nope --compute-url URL"):
        file.read().profile("nope")
    file.save(Profile("lab"))
    with pytest.raises(UsageError, match="cl_client profiles add nope --compute-url URL"):
        file.use("nope")


def test_keys_are_in_no_repr():
    config = parse("api_key=sesame\n[profile a]\napi_key=tahini\nother=halva\n")
    assert "halva" not in repr(config)
    assert "sesame" not in repr(config)
    assert "tahini" not in repr(config)
