"""The scan of files for likely secrets; all values here are invented, in forms that scanners know."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlsync.files import secret_scan, yaml
from dlsync.files.secret_scan import likely
from tests.builders.accounts import VALUES
from tests.builders.trees import criterion, rule

if TYPE_CHECKING:
    from dlsync.model import Json

ROOT = Path(__file__).parent.parent.parent
MIXED = "aB3dE5fG7hI9jK1lM2nO4pQ6"
LOWER = "a3d5f7h9j1l2n4p6q8s0t2v4w6"
UUID = "0f4c8a12-3b5d-4e6f-8a9b-c0d1e2f3a4b5"
# assembled from parts, so that a secret scan of this repository finds nothing
SECRETS = {
    "hooks.slack.com/services/T02ABCDEF/B03ABCDEF/" + MIXED: "a Slack webhook",
    "discord.com/api/webhooks/123456789012345678/" + MIXED: "a Discord webhook",
    f"acme.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/x/y": "a Microsoft Teams webhook",
    f"events.pagerduty.com/integration/{LOWER}/enqueue": "a PagerDuty integration",
    f"alert.victorops.com/integrations/generic/20131114/alert/{UUID}/ops": "a Splunk On-Call integration",
    f"api.telegram.org/bot123456:{MIXED}/sendMessage": "a Telegram bot's token",
    "hooks.zapier.com/hooks/catch/12345/b2c3d4e": "a Zapier webhook",
    f"maker.ifttt.com/trigger/down/with/key/{LOWER}": "an IFTTT webhook",
    f"api.opsgenie.com/v1/json/x?apiKey={UUID}": "a URL with a key or token",
    "ci.acme.net/run?a=b&token=hunter22": "a URL with a key or token",
    f"ci.acme.net/run?key={LOWER}": "a URL with a key or token",
    "ops:hunter22@ci.acme.net/run": "a URL with a password",
    f"chat.acme.net/hooks/{LOWER}": "a URL with a token in its path",
    f"ci.acme.net/webhook/{UUID}/": "a URL with a token in its path",
    f"ci.acme.net/notify/{MIXED}": "a URL with a token in its path",
}
TOKENS = {
    "AKI" + "AIOSFODNN7ABCDEFG": "an AWS access key",
    "dls" + f"ync_{UUID[:8] * 5}": "a key of dlsync serve",
    "gh" + f"p_{MIXED}{MIXED}": "a GitHub token",
    "git" + f"hub_pat_{MIXED}": "a GitHub token",
    "glp" + f"at-{MIXED}": "a GitLab token",
    "AIz" + f"aSyA{MIXED}01234567": "a Google API key",
    "xox" + f"b-1234567890-{MIXED}": "a Slack token",
    "sk_" + f"live_{MIXED}": "a Stripe key",
    f"eyJ{MIXED}.eyJ{MIXED}.{MIXED}": "a JSON Web Token",
    "-----BEGIN RSA " + f"PRIVATE KEY-----\n{MIXED}{MIXED}\n": "a private key",
}
GIVEN = ("--user root --password hunter22", "--api-key=hunter22", "password=hunter22 user=root", "db_token=hunter22")
NONE = (
    "https://wiki.acme.net/runbooks/backup",
    f"Runbook: https://docs.acme.net/document/d/{MIXED}/edit",
    "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
    "https://hooks.slack.com/services/${env:HOOK}",
    "https://ci.acme.net/hook?token=${env:TOKEN}&key=web&sig=",
    "https://ops:${env:PASSWORD}@ci.acme.net/hook",
    "https://ops@ci.acme.net/hooks/restart-web01",
    f"https://git.acme.net/acme/x/blob/{'0123456789abcdef' * 2}/a.py",
    f"https://charts.acme.net/d/{UUID}/web",
    "https://chat.acme.net/hooks/123456789012345678",
    f"https://[not/a/hooks/{MIXED}",
    "--password $PASSWORD --token <token> --secret ********",
    "--token-file /etc/token --secret /run/secret",
    "AKIAIOSFODNN7EXAMPLE",
    "-----BEGIN PRIVATE KEY-----",
    "cpu.token=0.5 token.count=123456",
    "key=web-servers",
    "$1$",
)


def only(text: str) -> list[str]:
    return [what for _, what, _ in likely({"field": text})]


@pytest.mark.parametrize("url", SECRETS)
def test_a_url_with_a_token_is_a_secret_alone_and_in_a_text(url: str) -> None:
    assert only(f"https://{url}") == [SECRETS[url]]
    if SECRETS[url] != "a URL with a token in its path" or "hook" in url:
        assert only(f"call <https://{url}> or 'https://wiki.acme.net'") == [SECRETS[url]]


@pytest.mark.parametrize("token", TOKENS)
def test_a_token_of_a_known_form_is_a_secret_in_any_string_and_in_a_script(token: str) -> None:
    assert only(f"x {token} y") == [TOKENS[token]]
    script = f"#!/bin/sh\n# ü\nexport A='{token}'\n".encode()
    (found,) = secret_scan.problems("plugins/a.sh", script)
    assert (found.severity, found.file, found.line) == ("warning", "plugins/a.sh", 3 if "BEGIN" not in token else 4)
    assert TOKENS[token] in found.message


@pytest.mark.parametrize("text", GIVEN)
def test_the_value_of_a_password_option_or_parameter_is_a_secret(text: str) -> None:
    assert only(text) == ["by the name of an option or parameter"]


@pytest.mark.parametrize("text", NONE)
def test_urls_references_and_placeholders_without_secrets_are_not_reported(text: str) -> None:
    assert only(text) == []


def test_a_field_named_like_a_secret_is_reported_unless_it_holds_a_reference_or_placeholder() -> None:
    names: dict[str, Json] = {"token": "${env:T}", "secret": "changeme", "password": 1, "key": "hunter22"}
    assert list(likely([{"details": {"apiKey": "hunter22", **names}}])) == [
        ((0, "details", "apiKey"), "by its name", "hunter22")
    ]


def test_a_mapping_key_that_is_a_secret_is_left_out_of_the_path() -> None:
    url = f"https://chat.acme.net/hooks/{LOWER}"
    assert list(likely({"a": {url: {"b": url}}})) == [(("a",), "a URL with a token in its path as a key", url)]


def test_a_finding_names_its_place_and_the_remedy_without_the_value() -> None:
    content = f"title: x\nactions:\n  - {{url: 'https://chat.acme.net/hooks/{LOWER}'}}\n".encode()
    (found,) = secret_scan.problems("rules/a.yaml", content)
    assert str(found) == (
        "rules/a.yaml:3:6: `actions[0].url` looks like a secret (a URL with a token in its path): "
        "put it into the environment as ${env:NAME}"
    )
    assert found.severity == "warning"
    (told,) = secret_scan.problems("dlsync.yaml", content)
    assert told.message.endswith("${env:NAME} into resources: this file cannot refer to the environment")


@pytest.mark.parametrize("comment", ["gitleaks:allow", "pragma: allowlist secret"])
def test_an_allow_comment_of_a_known_scanner_silences_the_finding(comment: str) -> None:
    url = f"https://chat.acme.net/hooks/{LOWER}"
    content = f"a:\n  url: {url}  # {comment}\nb:\n  url: {url}\n".encode()
    assert [one.line for one in secret_scan.problems("rules/a.yaml", content)] == [4]
    script = f"A={next(iter(TOKENS))}  # {comment}\n".encode()
    assert secret_scan.problems("plugins/a.sh", script) == []


@pytest.mark.parametrize("text", [*TOKENS, *GIVEN, *(f"HTTPS://{url}" for url in SECRETS)])
def test_every_known_form_of_a_secret_is_reported_in_a_file(text: str) -> None:
    assert len(secret_scan.problems("rules/a.yaml", yaml.dump({"a": text}))) == 1


def test_a_file_without_a_hint_of_a_secret_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(yaml, "parse", lambda _, file: parsed.append(file))
    assert secret_scan.problems("rules/a.yaml", yaml.dump(rule(criterion("disk.used")))) == []
    assert parsed == []


def test_json_escapes_hide_no_secret() -> None:
    text = json.dumps(f"https://chat.acme.net/hooks/{LOWER}").replace("/", "\\/").replace("h", "\\u0068")
    assert len(secret_scan.problems("rules/a.yaml", f"url: {text}\n".encode())) == 1


def test_a_secret_in_invalid_yaml_is_not_reported() -> None:
    url = f"url: 'https://chat.acme.net/hooks/{LOWER}"
    assert len(secret_scan.problems("rules/a.yaml", f"{url}'\n".encode())) == 1
    assert secret_scan.problems("rules/a.yaml", f"{url}\n".encode()) == []


def test_a_secret_in_a_binary_file_is_reported() -> None:
    (found,) = secret_scan.problems("plugins/a.bin", bytes(range(256)) + f"\n{next(iter(TOKENS))}".encode())
    assert found.message.startswith("looks like a secret (an AWS access key)")


@given(VALUES)
def test_no_message_contains_the_value_of_a_secret(value: object) -> None:
    content = yaml.dump({"a": value, "hook": f"https://ops:{LOWER}@chat.acme.net/"})  # type: ignore[dict-item] # JSON
    messages = [one.message for one in secret_scan.problems("rules/a.yaml", content)]
    assert messages
    assert LOWER not in "".join(messages)


@given(st.text(string.ascii_lowercase + " .,:/-_()", max_size=60))
def test_plain_words_are_not_reported(text: str) -> None:
    assert only(text) == []
    assert only(f"https://wiki.acme.net/{text}") == []


def test_the_example_repository_and_the_templates_hold_no_secrets() -> None:
    for folder in ("example-repo", "dlsync/files/templates"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file():
                assert secret_scan.problems(path.name, path.read_bytes()) == []


@pytest.mark.parametrize("file", ["rules/a.yaml", "plugins/a.sh"])
def test_a_secret_in_the_known_content_is_not_reported_again(file: str) -> None:
    old, new = ("AKIAIOSFODNN7ABCDEFG", "AKIAIOSFODNN7ABCDEFH")
    content = f"a: {new}\nb: {old}\n".encode()
    assert [one.line for one in secret_scan.problems(file, content)] == [1, 2]
    assert [one.line for one in secret_scan.problems(file, content, known=f"c: {old}\n".encode())] == [1]
    assert secret_scan.problems(file, content, known=content) == []
