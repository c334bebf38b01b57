"""The sources of settings and the errors of wrong settings."""

import json
import os
from dataclasses import fields
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dlsync.errors import SettingsError
from dlsync.files import schema
from dlsync.files.settings import Options, Setting, Settings, load, overrides, read_file, settings_in_force
from dlsync.model import Code, Json, Problem, Target
from dlsync.resources import all_kinds
from tests.builders.trees import write_tree

NO_OPTIONS = Options()
KEY = {"DLSYNC_API_KEY": "changeme"}
SERVER = {"DLSYNC_URL": "http://127.0.0.1:8080/api/v1", "DLSYNC_ORG": "acme", "DLSYNC_ACCOUNT": "default"}
FILE = """\
url: https://file.example/api/v1
org: file-org
account: file-account
variables: {team: base, region: eu}
concurrency: 4
environments:
  prod:
    account: prod-account
    variables: {team: prod}
    protect: ["dashboard/*"]
    annotate: deploys
    requests_per_second: 2.5
    max_delete_percent: 5
    prune: none
    inventory: .dlsync/inventory.json
  staging:
"""


def settings_of(tree: Path, text: str, options: Options = NO_OPTIONS, environ: dict[str, str] = KEY) -> Settings:
    (tree / "dlsync.yaml").write_text(text, encoding="utf-8")
    return load(tree, options, environ)


def error_of(tree: Path, options: Options = NO_OPTIONS, environ: dict[str, str] = KEY) -> str:
    with pytest.raises(SettingsError) as raised:
        load(tree, options, environ)
    return raised.value.message


def test_a_tree_without_dlsync_yaml_takes_its_settings_from_environment_variables(tmp_path: Path) -> None:
    settings = load(tmp_path, Options(), SERVER | KEY)
    assert settings == Settings("http://127.0.0.1:8080/api/v1", "acme", "default", "changeme")
    assert settings.target == Target("http://127.0.0.1:8080/api/v1", "acme", "default")


def test_the_defaults_of_settings_match_the_schema() -> None:
    told = schema.known_at("dlsync", ()).defaults
    defaults = {field.name: getattr(Settings(), field.name) for field in fields(Settings)}
    assert {name: defaults[name] for name in ("prune", "inventory", "max_delete_percent", "concurrency")} == {
        name: told[name] for name in ("prune", "inventory", "max_delete_percent", "concurrency")
    }
    assert (defaults["protect"], defaults["annotate"], defaults["requests_per_second"]) == ((), "", None)


def test_options_override_environment_variables_and_these_override_the_file(tmp_path: Path) -> None:
    options = Options(url="https://option.example/api/v1")
    settings = settings_of(
        tmp_path, FILE, options, {"DLSYNC_URL": "https://env.example", "DLSYNC_ORG": "env-org", **KEY}
    )
    assert settings.target == Target("https://option.example/api/v1", "env-org", "file-account")
    assert (settings.concurrency, settings.variables) == (4, {"team": "base", "region": "eu"})


@pytest.mark.parametrize(
    ("environment", "numbers"),
    [
        (None, {"version": "1.10", "id": "1", "mask": "0x1F"}),
        ("prod", {"version": "2.0", "id": "1", "mask": "0x1F", "line": "1e3"}),
        ("staging", {"version": "1.10"}),
        ("truth", {"version": "1.10", "mask": "0x1F"}),
    ],
)
def test_numeric_variables_keep_their_spelling_in_the_file(
    tmp_path: Path, environment: str | None, numbers: dict[str, str]
) -> None:
    file = """\
        variables: {version: 1.10, id: &id 1, mask: 0x1F, text: "1.10", on: true, list: [1.0]}
        environments:
          prod: {variables: {version: 2.0, line: 1e3}}
          staging: {variables: {id: "007", mask: seven}}
          truth: {variables: {id: true}}
    """
    found = settings_of(tmp_path, dedent(file), environ=SERVER | KEY, options=Options(environment=environment))
    assert found.numbers == numbers


def test_an_environment_overrides_single_settings_and_variables_of_the_file(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, FILE, Options(environment="prod"))
    assert settings == Settings(
        url="https://file.example/api/v1",
        org="file-org",
        account="prod-account",
        key="changeme",
        variables={"team": "prod", "region": "eu"},
        prune="none",
        inventory=".dlsync/inventory.json",
        protect=("dashboard/*",),
        max_delete_percent=5,
        concurrency=4,
        requests_per_second=2.5,
        annotate="deploys",
        environment="prod",
    )


def test_dlsync_environment_selects_an_environment_that_may_be_empty(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, FILE, environ={"DLSYNC_ENVIRONMENT": "staging", **KEY})
    assert (settings.environment, settings.account) == ("staging", "file-account")


def test_annotate_false_disables_annotations(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "annotate: false", environ=SERVER | KEY).annotate == ""


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "prd",
            "--environment names the environment `prd`, but dlsync.yaml has `prod`, `staging`; did you mean `prod`?",
        ),
        ("xyz", "--environment names the environment `xyz`, but dlsync.yaml has `prod`, `staging`"),
    ],
)
def test_the_error_of_an_unknown_environment_lists_the_known_environments(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "dlsync.yaml").write_text(FILE)
    assert error_of(tmp_path, Options(environment=name)) == message


def test_choosing_an_environment_without_any_defined_is_an_error_with_its_source_and_a_hint(tmp_path: Path) -> None:
    file = tmp_path / "dlsync.yaml"
    for write, lack in ((file.exists, f"there is no {file}"), (file.touch, "dlsync.yaml has no `environments`")):
        write()
        with pytest.raises(SettingsError) as caught:
            load(tmp_path, NO_OPTIONS, {"DLSYNC_ENVIRONMENT": "prod"})
        assert caught.value.message == f"DLSYNC_ENVIRONMENT names the environment `prod`, but {lack}"
        assert caught.value.hint == "Unset DLSYNC_ENVIRONMENT, or add the environment to `environments` in dlsync.yaml."


def test_one_error_names_all_missing_settings_and_their_sources(tmp_path: Path) -> None:
    assert error_of(tmp_path, Options(org="acme"), {}) == (
        "missing settings: url, account, key; give\n"
        "  url: --url, DLSYNC_URL or `url` in dlsync.yaml\n"
        "  account: --account, DLSYNC_ACCOUNT or `account` in dlsync.yaml\n"
        "  key: --api-key-file or DLSYNC_API_KEY (never a committed file)"
    )


def test_the_error_of_a_missing_account_suggests_the_environments_that_set_it(tmp_path: Path) -> None:
    environments = "{staging: {account: a}, production: {account: b}, none: {prune: none}}"
    (tmp_path / "dlsync.yaml").write_text(f"url: http://127.0.0.1/api/v1\norg: acme\nenvironments: {environments}\n")
    assert error_of(tmp_path, Options(), KEY).splitlines()[2:] == [
        "or choose an environment: `-e staging`, `-e production`; `plan` and `apply` also take `--all-environments`"
    ]
    assert "environment:" not in error_of(tmp_path, Options(environment="none"), KEY)


def test_an_offline_command_needs_no_server_and_reads_no_key(tmp_path: Path) -> None:
    options = Options(api_key_file=tmp_path / "missing")
    assert load(tmp_path, options, KEY, require_server=False) == Settings()


def test_the_repr_of_settings_hides_the_key() -> None:
    assert "changeme" not in repr(Settings(key="changeme"))


def test_the_key_file_overrides_the_environment_variable_and_is_stripped(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbf from-file \r\n")
    assert load(tmp_path, Options(api_key_file=tmp_path / "key"), SERVER | KEY).key == "from-file"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b" \n", "is empty"),
        (b"secret\nsecret\n", "holds more than one line; it must hold the key and nothing else"),
        (b"secret\xff", "is not text"),
        ("s\u00e9cret".encode(), "holds characters other than visible ASCII"),
        (b"sec\x00ret", "holds characters other than visible ASCII"),
    ],
)
def test_the_error_of_a_bad_key_file_names_the_file_and_never_quotes_the_key(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    assert error_of(tmp_path, Options(api_key_file=file), SERVER) == f"the key file {file} {fault}"


def test_the_error_of_an_unreadable_key_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "missing"
    assert error_of(tmp_path, Options(api_key_file=file), SERVER) == (
        f"the key file {file} cannot be read: No such file or directory"
    )


def test_a_bad_key_in_the_environment_is_never_quoted(tmp_path: Path) -> None:
    assert error_of(tmp_path, environ={"DLSYNC_API_KEY": "secret\nx: y", **SERVER}) == (
        "DLSYNC_API_KEY holds more than one line; it must hold the key and nothing else"
    )


@given(st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1))
def test_a_key_of_visible_ascii_is_accepted_unchanged(key: str) -> None:
    assert load(Path("/nowhere"), NO_OPTIONS, {**SERVER, "DLSYNC_API_KEY": f" {key}\n"}).key == key


@given(
    st.text(),
    st.characters(exclude_characters="\r\n\x1c\x1d\x1e\x85\u2028\u2029", max_codepoint=0x1F)
    | st.characters(min_codepoint=0x7F),
)
def test_a_key_with_any_other_character_is_refused_without_being_quoted(text: str, bad: str) -> None:
    assert error_of(Path("/nowhere"), environ={**SERVER, "DLSYNC_API_KEY": f"x{bad}x{text}x"}) in {
        "DLSYNC_API_KEY holds more than one line; it must hold the key and nothing else",
        "DLSYNC_API_KEY holds characters other than visible ASCII",
    }


@pytest.mark.parametrize("field", ["key", "api_key", "API-Key", "token"])
def test_a_key_in_dlsync_yaml_is_an_error_that_names_the_sources_of_keys(tmp_path: Path, field: str) -> None:
    (tmp_path / "dlsync.yaml").write_text(f"org: acme\n{field}: secret\nenvironments:\n  prod:\n    {field}: secret\n")
    _, problems = read_file(tmp_path)
    message = "the key does not belong here; it comes from --api-key-file or DLSYNC_API_KEY (never a committed file)"
    assert [(problem.severity, problem.file, problem.line, problem.message) for problem in problems] == [
        ("error", "dlsync.yaml", 2, message),
        ("error", "dlsync.yaml", 5, message),
    ]
    assert "secret" not in error_of(tmp_path)


def test_a_variable_may_be_called_token(tmp_path: Path) -> None:
    assert settings_of(tmp_path, "variables: {token: x}", environ=SERVER | KEY).variables == {"token": "x"}


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        ("ftp://host", "does not begin with http:// or https://"),
        ("host/api/v1", "does not begin with http:// or https://"),
        ("http:///api", "names no host"),
        ("https://user:secret@host/api", "holds a user name or password; only the key is sent"),
        ("https://host/api?secret=1", "holds a query or a fragment"),
        ("https://host/api#secret", "holds a query or a fragment"),
        ("https://host:secret/api", "is malformed"),
        ("https://[::1", "is malformed"),
        ("https://ho st", "holds a space or a control character"),
        ("https://host/\napi", "holds a space or a control character"),
    ],
)
def test_an_invalid_api_url_is_refused_without_being_quoted(tmp_path: Path, url: str, fault: str) -> None:
    assert error_of(tmp_path, Options(url=url), SERVER | KEY) == f"the URL from --url {fault}"
    assert error_of(tmp_path, environ={**SERVER, **KEY, "DLSYNC_URL": url}) == f"the URL from DLSYNC_URL {fault}"


def test_the_error_of_a_wrong_url_in_the_file_names_the_field(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").write_text(FILE.replace("https://file", "file"))
    assert error_of(tmp_path) == "the URL from `url` in dlsync.yaml does not begin with http:// or https://"


@pytest.mark.parametrize("url", ["http://h/api/v1", "http://h/api/v1/", "http://h/api/v1///"])
def test_slashes_at_the_end_of_the_url_are_trimmed(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, Options(url=url), SERVER | KEY).url == "http://h/api/v1"


@pytest.mark.parametrize("content", ["", "# nothing yet\n", "{}\n"])
def test_an_empty_file_gives_no_settings_and_no_problems(tmp_path: Path, content: str) -> None:
    (tmp_path / "dlsync.yaml").write_text(content)
    assert read_file(tmp_path) == ({}, [])


def test_all_errors_of_the_file_are_listed_with_their_lines(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").write_text("org: acme\nconcurrency: many\nprune: [all]\n")
    document, problems = read_file(tmp_path)
    assert document["org"] == "acme"
    assert [(problem.severity, problem.file, problem.line) for problem in problems] == [
        ("error", "dlsync.yaml", 2),
        ("error", "dlsync.yaml", 3),
    ]
    assert error_of(tmp_path).splitlines() == [str(problem) for problem in problems]


def test_an_unknown_field_is_a_warning_with_its_line_and_the_other_settings_apply(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, "prune: all\nconcurency: 3\n", environ=SERVER | KEY)
    _, problems = read_file(tmp_path)
    assert [(problem.severity, problem.line) for problem in problems] == [("warning", 2)]
    assert settings.prune == "all"


@pytest.mark.parametrize(
    ("pattern", "guess"),
    [
        ("rules/*", '; did you mean "rule/*"?'),
        ("dashbord/web-*", '; did you mean "dashboard/web-*"?'),
        ("Rule/a", '; did you mean "rule/a"?'),
        ("dashboards/team/web.yaml", '; did you mean "dashboard/web"?'),
        ("plugins/disk.meta.yaml", '; did you mean "plugin/disk"?'),
        ("plugins/a.b.py", '; did you mean "plugin/a.b"?'),
        ("keep", '; did you mean "*/keep"?'),
        ("rule", '; did you mean "rule/*"?'),
        ("rule/", '; did you mean "rule/*"?'),
        ("rules*", '; did you mean "rule/*"?'),
        ("", ""),
        ("xyz/*", ""),
    ],
)
def test_a_protect_pattern_that_can_match_nothing_is_an_error_with_its_place(
    tmp_path: Path, pattern: str, guess: str
) -> None:
    for above, indent in ("", ""), ("environments:\n  prod:\n", "    "):
        (tmp_path / "dlsync.yaml").write_text(f'{above}{indent}protect: ["rule/a", "{pattern}"]\n', encoding="utf-8")
        line, column, place = (3, 25, "environments.prod.protect[1]") if above else (1, 21, "protect[1]")
        assert error_of(tmp_path) == (
            f'dlsync.yaml:{line}:{column}: `{place}` is "{pattern}", '
            f"expected KIND/GLOB with KIND one of account, plugin, link, dashboard, rule or *{guess}"
        )


@given(pattern=st.text("*?[]!/rule-", max_size=8), name=st.text("rule/-", min_size=1, max_size=4))
@example(pattern="rule?x", name="x")
@example(pattern="[dr]*", name="x")
@example(pattern="*", name="x")
def test_a_protect_pattern_that_matches_a_resource_is_no_error(pattern: str, name: str) -> None:
    if any(fnmatchcase(f"{kind.name}/{name}", pattern) for kind in all_kinds()):
        with TemporaryDirectory() as folder:
            (Path(folder) / "dlsync.yaml").write_text(json.dumps({"protect": [pattern]}), encoding="utf-8")
            assert read_file(Path(folder))[1] == []


def test_the_schema_names_all_resource_kinds() -> None:
    assert schema.kinds() == tuple(kind.name for kind in all_kinds())


def test_broken_yaml_is_an_error_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").write_text("org: acme\norg: other\n")
    document, problems = read_file(tmp_path)
    assert document == {}
    assert [(problem.severity, problem.file, problem.line) for problem in problems] == [("error", "dlsync.yaml", 2)]


@pytest.mark.parametrize("content", ["- org\n", "acme\n"])
def test_a_file_that_is_no_mapping_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "dlsync.yaml").write_text(content)
    problem = Problem(Code.NOT_A_MAPPING, "expected a mapping of settings, such as `org: acme`", "dlsync.yaml", 1)
    assert read_file(tmp_path) == ({}, [problem])


def test_a_list_where_the_environments_belong_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").write_text("environments: [prod]\n")
    assert error_of(tmp_path, Options(environment="prod")).startswith("dlsync.yaml:1")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").touch()
    os.truncate(tmp_path / "dlsync.yaml", 50_000_000)
    problem = Problem(Code.UNREADABLE_FILE, "is too large: 50 MB; expected a file of at most 10 MB", "dlsync.yaml")
    assert read_file(tmp_path) == ({}, [problem])


def test_a_pipe_in_place_of_dlsync_yaml_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "dlsync.yaml")
    assert read_file(tmp_path) == ({}, [Problem(Code.UNREADABLE_FILE, "is not a regular file", "dlsync.yaml")])


def test_a_dangling_symbolic_link_is_an_error_and_not_a_missing_file(tmp_path: Path) -> None:
    (tmp_path / "dlsync.yaml").symlink_to("missing.yaml")
    assert read_file(tmp_path) == (
        {},
        [Problem(Code.UNREADABLE_FILE, "cannot be read: No such file or directory", "dlsync.yaml")],
    )


SOURCES = """\
url: https://file.example/api/v1
org: file-org
prune: all
environments:
  prod: {account: prod-account, concurrency: 4}
  bare:
"""


def told(tree: Path, options: Options, environ: dict[str, str]) -> dict[str, tuple[Json, str]]:
    return {one.name: (one.value, one.source) for one in settings_in_force(tree, options, environ)}


def test_each_setting_in_force_names_its_source(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": SOURCES})
    found = told(
        tmp_path, Options(org="option-org", environment="prod"), {"DLSYNC_ORG": "x", "DLSYNC_API_KEY": "s3cret"}
    )
    assert found == {
        "url": ("https://file.example/api/v1", "dlsync.yaml"),
        "org": ("option-org", "--org"),
        "account": ("prod-account", "dlsync.yaml, environment prod"),
        "environment": ("prod", "--environment"),
        "key": ("set", "DLSYNC_API_KEY"),
        "variables": ({}, "default"),
        "prune": ("all", "dlsync.yaml"),
        "inventory": ("account", "default"),
        "protect": ([], "default"),
        "max_delete_percent": (30, "default"),
        "concurrency": (4, "dlsync.yaml, environment prod"),
        "requests_per_second": (None, "default"),
        "annotate": ("", "default"),
    }


def test_without_any_source_a_setting_is_not_set(tmp_path: Path) -> None:
    found = settings_in_force(tmp_path / "nowhere", Options(), {})
    assert found[:5] == tuple(Setting(name, None, "") for name in ("url", "org", "account", "environment", "key"))


def test_settings_in_force_name_environment_variables_for_an_empty_or_unknown_environment(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": SOURCES})
    for environment in ("bare", "unknown"):
        found = told(tmp_path, Options(), {"DLSYNC_ENVIRONMENT": environment, "DLSYNC_ACCOUNT": "books"})
        assert found["environment"] == (environment, "DLSYNC_ENVIRONMENT")
        assert found["account"] == ("books", "DLSYNC_ACCOUNT")
        assert found["org"] == ("file-org", "dlsync.yaml")


@pytest.mark.parametrize(
    ("own", "merged", "source"),
    [
        ("{variables: {a: 2, b: 3}}", {"a": 2, "b": 3, "c": 1}, "dlsync.yaml and its environment prod"),
        ("{variables: {}}", {"a": 1, "c": 1}, "dlsync.yaml and its environment prod"),
        ("{variables: null}", {"a": 1, "c": 1}, "dlsync.yaml"),
        ("{org: x}", {"a": 1, "c": 1}, "dlsync.yaml"),
        ("{variables: wrong}", "wrong", "dlsync.yaml, environment prod"),
    ],
)
def test_variables_of_an_environment_are_merged_with_the_shared_variables(
    tmp_path: Path, own: str, merged: Json, source: str
) -> None:
    write_tree(tmp_path, {"dlsync.yaml": f"variables: {{a: 1, c: 1}}\nenvironments: {{prod: {own}}}\n"})
    assert told(tmp_path, Options(environment="prod"), {})["variables"] == (merged, source)
    if "wrong" not in own and "null" not in own:
        assert load(tmp_path, Options(environment="prod"), {}, require_server=False).variables == merged


def test_settings_in_force_hide_the_key_and_a_password_in_the_url(tmp_path: Path) -> None:
    found = told(tmp_path, Options(url="https://me:s3cret@host", api_key_file=tmp_path / "key"), {})
    assert found["url"] == ("not shown: it may hold a password", "--url")
    assert found["key"] == ("set", "--api-key-file")


def test_a_setting_that_is_null_counts_as_not_set(tmp_path: Path) -> None:
    write_tree(tmp_path, {"dlsync.yaml": "prune:\norg:\n"})
    found = told(tmp_path, Options(), {})
    assert (found["prune"], found["org"]) == (("managed", "default"), (None, ""))


@pytest.mark.parametrize(
    ("options", "environ", "names"),
    [
        (Options(environment="prod"), SERVER, ["DLSYNC_ACCOUNT"]),  # prod sets no URL and no organisation
        (Options(), SERVER | {"DLSYNC_ENVIRONMENT": "prod"}, ["DLSYNC_ACCOUNT"]),
        (Options(environment="all"), SERVER, ["DLSYNC_URL", "DLSYNC_ORG", "DLSYNC_ACCOUNT"]),
        (Options(environment="prod"), {"DLSYNC_ACCOUNT": "prod-account"}, []),
        (Options(environment="prod", account="default"), SERVER, []),
        (Options(environment="bare"), SERVER, []),
        (Options(), SERVER, []),
    ],
)
def test_overrides_names_variables_that_replace_settings_of_the_chosen_environment(
    tmp_path: Path, options: Options, environ: dict[str, str], names: list[str]
) -> None:
    own = "  all: {url: https://all.example/api/v1, org: all-org, account: all-account}\n"
    write_tree(tmp_path, {"dlsync.yaml": SOURCES + own})
    assert [one.split()[1] for one in overrides(tmp_path, options, environ)] == names


@pytest.mark.parametrize("name", ["None", "''"])
def test_an_environment_named_none_or_empty_is_not_used_by_default(tmp_path: Path, name: str) -> None:
    text = FILE + f"  {name}: {{account: other}}\n"
    assert settings_of(tmp_path, text).account == "file-account"
