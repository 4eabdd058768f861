"""Addresses of MLflow's store: escaped where they are made, without secrets where they are shown."""

from pathlib import Path

import pytest
import requests
from sqlalchemy import make_url

from ganspeed.tracking.address import hide_secrets, is_own_database, link_base, sqlite_uri
from ganspeed.tracking.importing import bypass_proxies
from ganspeed.tracking.messages import first_line, one_line
from ganspeed.workspace import Workspace

SECRETS = {  # address → what no output may show of it
    "http://bob:s3cret@127.0.0.1:9": ["s3cret", "bob"],
    "http://bob:s@cret@127.0.0.1:9": ["s@cret", "cret"],
    "http://bob:se/cret@127.0.0.1:9": ["se/cret", "cret", "'se'"],
    "http://bob:se?cret@127.0.0.1:9": ["se?cret", "cret"],
    "http://bob:se#cret@127.0.0.1:9": ["se#cret", "cret"],
    "http://bob:s%40cret@127.0.0.1:9": ["s%40cret", "s@cret", "cret"],
    "http://t0ken@127.0.0.1:9": ["t0ken"],
    "http://127.0.0.1:9/?token=s3cret": ["s3cret"],
    "http://127.0.0.1:9/?token=s3@cret": ["s3@cret", "cret"],
    "http://127.0.0.1:9/#token=s3cret": ["s3cret"],
    "postgresql://bob:s3cret@h/db": ["s3cret"],
    "mysql+pymysql://bob:s3(r)t!@h/db": ["s3(r)t!"],
}


@pytest.mark.parametrize("uri", SECRETS)
def test_no_secret_of_an_address_is_in_a_message(uri):
    user, _, _ = uri.partition("//")[2].rpartition("@")
    errors = [
        f"cannot reach {uri}/api",
        "Failed to parse: " + "; ".join(f"'{part}'" for part in SECRETS[uri]),
        f"invalid port {user.partition(':')[2]}",
        f"HTTPConnectionPool(host='{user.lower()}'): with url: /?{uri.partition('?')[2]}/api/2.0",
    ]
    for error in errors:
        shown = one_line(uri, OSError(error))
        assert not [secret for secret in SECRETS[uri] if secret in shown], shown
        assert shown.startswith("MLflow at ") and "***" in shown


def test_credentials_of_the_environment_are_hidden(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "s3cret")
    assert hide_secrets("header s3cret refused", "http://h") == "header *** refused"


def test_a_message_without_secrets_stays_as_it_is():
    for uri in ("http://127.0.0.1:9", "sqlite:////home/a@b/mlflow.db", "http://[::1", "mlruns"):
        assert one_line(uri, TimeoutError("no answer within 2 s")) == f"MLflow at {uri}: no answer within 2 s"


def test_a_short_password_spoils_no_other_word():
    assert hide_secrets("http://me:an@h: an answer of many", "http://me:an@h") == "http://***@h: *** answer of many"


def test_a_message_is_one_line_that_names_what_says_too_little():
    assert first_line(KeyError("runs")) == "KeyError: 'runs'"
    assert first_line(ValueError()) == "ValueError"
    assert first_line(OSError("gone\nand more")) == "gone"


def test_a_link_has_no_password_and_no_query():
    assert link_base("http://bob:s@cret@h:5000/base?token=x#y") == "http://h:5000/base"


@pytest.mark.parametrize("name", ["plain", "a b", "a?b", "a%20b", "a#b", "a{x}b", "ä@b", "a+b"])
def test_the_uri_of_a_database_is_that_of_its_path(name):
    path = Path("/home") / name / "mlflow.db"
    uri = sqlite_uri(path)
    assert make_url(uri).database == str(path)
    assert is_own_database(Workspace(path.parent), uri)
    assert not is_own_database(Workspace(path.parent.parent), uri)


@pytest.mark.parametrize("given", ["", "localhost", "example.org, localhost", "*"])
def test_this_machine_is_never_asked_by_way_of_a_proxy(given, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", given)
    monkeypatch.setenv("NO_PROXY", given)
    bypass_proxies()
    for host in ("127.0.0.1:5000", "127.0.0.2:5000", "localhost:5000", "[::1]:5000"):
        assert requests.utils.get_environ_proxies(f"http://{host}/health") == {}
    assert bool(requests.utils.get_environ_proxies("http://example.com")) == (given != "*")
    assert bool(requests.utils.get_environ_proxies("http://example.org")) == ("example" not in given and given != "*")


def test_the_uri_of_a_common_path_is_the_usual_one():
    assert sqlite_uri(Path("/home/me/study/mlflow.db")) == "sqlite:////home/me/study/mlflow.db"
