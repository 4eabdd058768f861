"""Files as nobody should write them: every mistake in words, no traceback, and nothing written."""

import copy
import gzip
import io
import math
import random
import subprocess
import sys
import tarfile
from pathlib import Path

import made_up_pictures
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_up_sources import made_up_cifar, made_up_idx, published
from ruamel.yaml import YAML
from torch import nn
from toy_study import PROJECT

from ganspeed import cli, objectives
from ganspeed.data import cifar
from ganspeed.data.pictures import DataError
from ganspeed.data.prepare import prepare_dataset
from ganspeed.data.prepared import load_split
from ganspeed.params.load import parse_params
from ganspeed.params.presets.apply import preset_names

PIPELINE = PROJECT / "pipeline"
CELL = ("digits", "wgan_gp")

FUZZ = settings(
    max_examples=100, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.dates(),
    st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3), st.lists(st.integers(), max_size=2)), max_size=3),
    st.dictionaries(st.one_of(st.text(max_size=3), st.integers(), st.none()), st.integers(), max_size=2),
)
WRONG = [None, "ten", -1, math.nan, math.inf, [], {}, [[0]], {"a": 1}]  # for a number that must be positive


def leaves(node, path=()) -> list[tuple]:
    """The paths of everything in a document, blocks and lists included."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [path] if path else []
    return found + [leaf for key, value in inner for leaf in leaves(value, (*path, key))]


def put(document, path: tuple, value) -> None:
    *parents, last = path
    for key in parents:
        document = document[key]
    document[last] = value


def at(document, path: tuple):
    for key in path:
        document = document[key]
    return document


def checked(folder: Path, capsys) -> tuple[int, list[str]]:
    """Exit status and lines of `ganspeed check`, after which nothing but params.yaml lies there."""
    status = cli.main(["--root", str(folder), "check"])
    out, err = capsys.readouterr()
    assert [path.name for path in folder.iterdir()] == ["params.yaml"] and out == ""
    assert "Traceback" not in err
    return status, err.removeprefix("error: ").splitlines()


def written(folder: Path, document) -> bytes:
    stream = io.BytesIO()
    YAML(typ="safe").dump(document, stream)
    (folder / "params.yaml").write_bytes(stream.getvalue())
    return stream.getvalue()


@FUZZ
@given(data=st.data())
def test_odd_values_anywhere_in_params_are_mistakes_in_words(data, shipped, tmp_path, capsys):
    document = copy.deepcopy(shipped)
    for _ in range(data.draw(st.integers(1, 4))):
        path = data.draw(st.sampled_from(leaves(document)))
        what = data.draw(st.sampled_from(["value", "remove", "add"]))
        parent = at(document, path[:-1])
        if what == "remove":
            del parent[path[-1]]
        elif what == "add" and isinstance(parent, dict):
            parent[data.draw(st.one_of(st.text(max_size=5), st.integers(), st.none(), st.booleans()))] = data.draw(ODD)
        else:
            parent[path[-1]] = data.draw(ODD)
    before = written(tmp_path, document)
    status, lines = checked(tmp_path, capsys)
    assert status == (2 if lines else 0)
    assert all(": " in line for line in lines)
    assert (tmp_path / "params.yaml").read_bytes() == before


@FUZZ
@given(data=st.data())
def test_a_preset_meets_odd_values_in_words(data, shipped, tmp_path, capsys):
    """A data set that was frozen, whose values a preset retains, included."""
    (tmp_path / "preregistration").mkdir(exist_ok=True)
    (tmp_path / "preregistration" / "digits.json").write_text("{}")
    document = copy.deepcopy(shipped)
    blocks = [path for path in leaves(document) if path[0] in ("compare", "datasets", "variants", "protocol")]
    for path in sorted(data.draw(st.sets(st.sampled_from(blocks), min_size=1, max_size=2)), reverse=True):
        if data.draw(st.booleans()):
            del at(document, path[:-1])[path[-1]]
        else:
            put(document, path, data.draw(ODD))
    before = written(tmp_path, document)
    status = cli.main(["--root", str(tmp_path), "preset", data.draw(st.sampled_from(preset_names()))])
    assert status == 0 or (tmp_path / "params.yaml").read_bytes() == before
    assert "Traceback" not in capsys.readouterr().err


@FUZZ
@given(data=st.data())
def test_a_damaged_text_is_refused_in_words(data, tmp_path, capsys):
    text = bytearray((PROJECT / "params.yaml").read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        start = data.draw(st.integers(0, len(text) - 1))
        length = data.draw(st.integers(0, 40))
        text[start : start + length] = data.draw(st.one_of(st.binary(max_size=6), st.sampled_from(TOKENS)))
    (tmp_path / "params.yaml").write_bytes(text)
    status, lines = checked(tmp_path, capsys)
    assert status == (2 if lines else 0)
    assert (tmp_path / "params.yaml").read_bytes() == bytes(text)


TOKENS = [
    b"&a ",
    b"*a",
    b"? ",
    b"!!python/name:os.system ",
    b"- ",
    b": ",
    b"{",
    b"]",
    b"\t",
    b"%",
    b"<<: *a\n",
    b"---\n",
]


@FUZZ
@given(data=st.data())
def test_every_one_of_several_wrong_numbers_is_named_by_path_and_range(data, shipped, tmp_path, capsys):
    document = copy.deepcopy(shipped)
    numbers = [path for path in leaves(document["datasets"]["digits"]["train"]) if path[0] in ("updates", "batch_size")]
    paths = [("datasets", "digits", "train", *path) for path in numbers]
    paths += [("variants", name, "optimizer", rate) for name in document["variants"] for rate in ("lr_g", "lr_d")]
    paths += [("evaluate", "neighbours"), ("protocol", "margin"), ("pilot", "length"), ("report", "dpi")]
    wrong = data.draw(st.lists(st.tuples(st.sampled_from(paths), st.sampled_from(WRONG)), min_size=1, max_size=5))
    for path, value in wrong:
        put(document, path, value)
    written(tmp_path, document)
    status, lines = checked(tmp_path, capsys)
    assert status == 2
    for path, _ in wrong:
        [line] = [line for line in lines if line.startswith(".".join(path) + ": ")]
        assert " is not " in line or "input should be" in line


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(f"{b}: &{b} [{', '.join(['*' + a] * 9)}]\n" for a, b in
                                                   zip("abcdefgh", "bcdefghi", strict=True))  # fmt: skip


@pytest.mark.parametrize("text", ["variants: &a {gan: *a}\n", f"{BOMB}compare: {{seeds: *i}}\n"])
def test_a_file_that_stands_for_more_than_fits_into_memory_is_refused(text, tmp_path, capsys):
    (tmp_path / "params.yaml").write_text(text)
    status, [line] = checked(tmp_path, capsys)
    assert status == 2 and "too large or infinite; allowed: 100,000 values" in line


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_a_file_that_is_nested_too_deep_for_the_yaml_library_is_refused(opening, tmp_path, capsys):
    (tmp_path / "params.yaml").write_text("compare:\n  " + opening * 20_000)
    status, [line] = checked(tmp_path, capsys)
    assert status == 2 and line.endswith(": more than 50 levels deep")


def test_a_line_for_each_mistake_whatever_the_keys_are_made_of(shipped, tmp_path, capsys):
    written(tmp_path, {**shipped, "a\r\nb": 1, "\x1b[2J": 1})
    status, lines = checked(tmp_path, capsys)
    assert status == 2 and sorted(lines) == ["\\x1b[2J: unknown key", "a\\r\\nb: unknown key"]


def test_a_folder_in_place_of_the_file_is_told(tmp_path, capsys):
    (tmp_path / "params.yaml").mkdir()
    assert checked(tmp_path, capsys)[0] == 2


def test_batch_norm_in_a_penalised_critic_is_refused_everywhere(shipped, tmp_path, document):
    """By the check, since no key asks for one, and by the objective itself should a network come with one."""
    document["variants"]["wgan_gp"] |= {"batch_norm": True, "n_critic": 0}
    document["compare"]["seeds"] = [0, 0]
    written(tmp_path, document)
    for command in (["-m", "ganspeed.cli", "check"], [str(PIPELINE / "check.py")], [str(PIPELINE / "train.py"), *CELL]):
        done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 2 and "Traceback" not in done.stderr
        for mistake in (
            "wgan_gp.batch_norm: unknown key",
            "wgan_gp.n_critic: 0 is not > 0",
            "seeds: 0 is listed twice",
        ):
            assert mistake in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["params.yaml"]
    D, penalised = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4)), set()
    for name in shipped["compare"]["variants"]:
        variant = parse_params(shipped).variants[name]
        objective = objectives.load(variant.objective, variant.hyperparameters())
        if objective.penalises_gradient:
            penalised.add(name)
            with pytest.raises(TypeError, match="layer 1: BatchNorm2d ties samples together"):
                objective.check_discriminator(D)
    assert penalised == {"wgan_gp", "iterative", "iterative_alpha", "iterative_weight"}


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Cut, emptied, another file altogether, or with some bytes overwritten, taken out or put in."""
    kind = rng.choice(["cut", "empty", "html", "noise", "overwritten", "removed", "inserted"])
    where, some = rng.randrange(len(content)), rng.randbytes(rng.randint(1, 30))
    return {
        "cut": content[:where],
        "empty": b"",
        "html": b"<html>404</html>",
        "noise": rng.randbytes(300),
        "overwritten": content[: where % 60] + some + content[where % 60 + len(some) :],
        "removed": content[:where] + content[where + len(some) :],
        "inserted": content[:where] + some + content[where:],
    }[kind]


def idx_files(root: Path) -> list[Path]:
    return sorted(made_up_idx(root).iterdir())


def idx_packed(root: Path) -> list[Path]:
    for path in idx_files(root):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return sorted((root / "MNIST" / "raw").iterdir())


def cifar_files(root: Path) -> list[Path]:
    return sorted(made_up_cifar(root).iterdir())


def cifar_archive(root: Path) -> list[Path]:
    with tarfile.open(root / cifar.ARCHIVE, "w:gz") as tar:
        tar.add(made_up_cifar(root / "unpacked"), cifar.FOLDER)
    return [root / cifar.ARCHIVE]


def zipped(root: Path) -> list[Path]:
    return [made_up_pictures.as_zip(root / "own", made_up_pictures.pictures())]


def pictures(root: Path) -> list[Path]:
    return sorted(made_up_pictures.as_folder(root / "own", made_up_pictures.pictures()).rglob("*.png"))


def refusal(block, root: Path) -> str | None:
    """What `prepare` says when it refuses; anything but a DataError is raised."""
    try:
        prepare_dataset("own", block, root, root / "prepared" / "own")
    except DataError as error:
        return str(error)
    return None


@pytest.mark.parametrize("files", [idx_files, idx_packed, cifar_files, cifar_archive, zipped, pictures])
def test_corrupt_data_is_refused_by_name_and_nothing_is_written(files, tmp_path):
    """Seven damages of each kind of file: read all the same where nothing can tell, else named, and never a crash."""
    kind = {"idx": "mnist", "cif": "cifar10"}.get(files.__name__[:3])
    block = published(kind) if kind else made_up_pictures.block("own")
    refused = 0
    for number in range(7):
        rng, root = random.Random(f"{files.__name__} {number}"), tmp_path / str(number)
        root.mkdir()
        path = rng.choice(files(root))
        path.write_bytes(damaged(path.read_bytes(), rng))
        error = refusal(block, root)
        if error is None:
            assert all(len(load_split(root / "prepared" / "own", split)[0]) for split in ("train", "val", "test"))
        else:
            refused += 1
            assert path.name.removesuffix(".gz") in error or f"{cifar.FOLDER}/" in error  # a member of the archive
            assert not list(root.glob("prepared/*")) and not list(root.glob("prepared/.*"))
    assert refused >= 3
