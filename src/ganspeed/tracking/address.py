"""The address of MLflow's store, how it is shown without its secrets, and where its pictures lie."""

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from ganspeed.workspace import Workspace

TEMPORARY_COPIES = Path(".dvc", "tmp", "exps")  # of the project, in which DVC runs queued experiments
DATABASE_SCHEMES = ("sqlite", "mysql", "postgresql", "mssql")  # databases that MLflow opens itself
CREDENTIALS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN")  # which MLflow sends beside the address
HIDDEN = "***"
SHORT = 4  # characters of a secret that may be part of a word by chance


def project_of(workspace: Workspace) -> Workspace:
    """The study that keeps MLflow's store, its lock and its id: this one, or the one that DVC has copied it from.

    DVC runs queued experiments in temporary copies, which it removes with all that is no output.
    """
    root = Path(os.environ.get("DVC_ROOT") or workspace.root).resolve()
    copied = workspace.root.resolve().is_relative_to(root / TEMPORARY_COPIES)
    return Workspace(root) if copied else workspace


def dvc_experiment() -> str:
    """The name of the experiment of DVC that runs this process; empty if none does."""
    return os.environ.get("DVC_EXP_NAME", "")


def tracking_uri(workspace: Workspace) -> str:
    """MLFLOW_TRACKING_URI, or else a database in the root of the study."""
    return os.environ.get("MLFLOW_TRACKING_URI") or sqlite_uri(own_database(workspace))


def own_database(workspace: Workspace) -> Path:
    """The database in the root of the study, which no other study is meant to use."""
    return project_of(workspace).root.resolve() / "mlflow.db"


def is_own_database(workspace: Workspace, uri: str) -> bool:
    if not uri.startswith("sqlite"):
        return False
    from sqlalchemy import make_url

    database = make_url(uri).database
    return database is not None and Path(database).resolve() == own_database(workspace)


def sqlite_uri(path: Path) -> str:
    """The URI of a SQLite database; characters of its path that mean something in a URI are escaped.

    MLflow creates the folder that the path of a `sqlite:///` URI spells, escapes and all: `a%3Fb` beside `a?b`. Where
    anything is escaped, the URI names the driver as well, which keeps MLflow from that.
    """
    from sqlalchemy import URL

    plain, driver = (
        URL.create(name, database=str(path)).render_as_string(hide_password=False)
        for name in ("sqlite", "sqlite+pysqlite")
    )
    return driver if "%" in plain else plain


def is_server(uri: str) -> bool:
    """Whether the URI is that of a running server rather than of a database."""
    return uri.startswith(("http://", "https://"))


def is_database(uri: str) -> bool:
    return uri.startswith(DATABASE_SCHEMES)


def artifact_folder(workspace: Workspace) -> Path:
    return project_of(workspace).root.resolve() / "mlartifacts"


def link_base(uri: str) -> str:
    """The address of a server for links: without user, password, query and fragment."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def hide_secrets(text: str, uri: str) -> str:
    """The text without what is secret in the URI and in CREDENTIALS: user, password and query.

    Libraries quote an address decoded, in lower case, or in parts, cut where a password holds a `/`: each word of a
    secret is hidden as well. Short ones only as whole words, or they would spoil the text.
    """
    for secret in sorted(_secrets(uri), key=len, reverse=True):
        pattern = re.escape(secret)
        if len(secret) < SHORT:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        text = re.sub(pattern, HIDDEN, text, flags=re.IGNORECASE)
    return re.sub(r"//[^/@\s]+@", f"//{HIDDEN}@", text)


def _secrets(uri: str) -> set[str]:
    """User, password and query of the URI, and CREDENTIALS: each encoded, decoded, and its words."""
    whole = [os.environ.get(name, "") for name in CREDENTIALS]
    pairs: list[tuple[str, str]] = []
    if match := re.match(r"\w[\w+.-]*://(?!/)(.*)", uri, re.DOTALL):  # after `///` comes a path
        user, query = match[1].rpartition("@")[0], "".join(re.split(r"[?#]", match[1], maxsplit=1)[1:])
        pairs = parse_qsl(query)
        whole += [user, *user.split(":", 1), query, *(value for _, value in pairs)]
    forms = {form for secret in whole for form in (secret, unquote(secret), quote(secret, "", errors="replace"))}
    words = {word for form in forms for word in re.findall(r"\w+", form)} - {key for key, _ in pairs}
    return {secret for secret in forms | words if len(secret) > 1}
