"""What was run: data sets, variants, what they cost, devices and commits."""

from collections import Counter
from typing import Any

from ganspeed.params.blocks import Report
from ganspeed.params.networks import parse_networks
from ganspeed.report.blocks import Section
from ganspeed.report.read import ReportedRun, Results, where
from ganspeed.report.tables import NONE, Cell, Table, number, plain, span
from ganspeed.system.files import sha256_json


def section(everything: list[Results], settings: Report) -> Section:
    return Section("What was run", 2, tuple(table(everything) for table in (datasets, variants, costs, provenance)))


def datasets(everything: list[Results]) -> Table:
    """The data sets with their manifests, the accuracy of the classifiers, and the images behind a score."""
    rows = []
    for results in everything:
        record = results.runs[0].record
        held_out = span(list(where(results.calibration, row="floor").n))
        accuracy = f"{number(100 * results.accuracy.test_accuracy)} %"
        second = f"second {number(100 * results.accuracy.second_test_accuracy)} %"
        gate = f"{second}; at least {plain(100 * results.accuracy.settings['min_accuracy'])} % asked"
        label = results.score_label
        images = Cell(f"{label.samples:,} generated", f"{held_out} held out ({label.split})")
        networks = results.networks.model_dump(mode="json", exclude_defaults=True)
        settings = map(_settings, (record.data_block, record.train_block, networks))
        texts = map(Cell, (results.dataset, *settings, record.manifest_sha256[:12]))
        rows.append((*texts, Cell(accuracy, gate), images))
    head = ("data set", "data", "training", "networks", "manifest", "classifiers’ test accuracy", "images per score")
    caption = (
        "Data sets. The manifest is the SHA-256 that pins the prepared arrays. Networks: the depths, and what is not "
        "the default; a variant may override any."
    )
    return Table(caption, head, (("", tuple(rows)),), texts=5)


def variants(everything: list[Results]) -> Table:
    """Every variant's parameters, once if all data sets share them, and the hash of its code."""
    rows = []
    for variant in everything[0].variants:
        found: dict[tuple[str, ...], list[str]] = {}  # the texts of a row → the data sets that they are of
        for results in everything:
            record = results.of(variant)[-1].record
            block = {k: v for k, v in record.variant_block.items() if k != "objective"}
            if own := _overridden(results, record.networks_block):
                block["networks"] = own
            texts = record.objective, _settings(block), sha256_json(record.sources)[:12]
            found.setdefault(texts, []).append(results.dataset)
        for texts, names in found.items():
            which = "" if len(found) == 1 else f"on {', '.join(names)}"
            rows.append((Cell(variant, which), *map(Cell, texts)))
    caption = (
        "Variants. Networks: the keys in which they differ from the data set’s. The code is the SHA-256 over the "
        "source files that a run of the variant really uses."
    )
    return Table(caption, ("variant", "objective", "parameters", "code"), (("", tuple(rows)),), texts=4)


def costs(everything: list[Results]) -> Table:
    """How many weights the networks of each variant have, and how long an update and samples take."""
    rows = []
    for results in everything:
        for variant in results.variants:
            run = results.of(variant)[0]
            weights = run.weights or {}
            counts = (plain(weights[player]) if player in weights else NONE for player in ("G", "D"))
            times = (run.seconds_per_update, results.sampling_seconds.get(variant))
            rows.append(tuple(map(Cell, (results.dataset, variant, *counts, *map(number, times)))))
    caption = (
        "What the variants cost: numbers of weights; seconds of a generator update with its discriminator steps, by "
        "the engine that trains, and seconds in which the generator makes 1,000 images, both on one core and medians "
        "over protocol.timing.repeats. A dash: not measured."
    )
    head = ("data set", "variant", "weights of G", "of D", "s per update", "s per 1,000 samples")
    return Table(caption, head, (("", tuple(rows)),), texts=2)


def provenance(everything: list[Results]) -> Table:
    """The device, versions and commits of each variant's runs."""
    rows = []
    for results in everything:
        for variant in results.variants:
            runs = results.of(variant)
            seeds = ", ".join(str(run.record.seed) for run in runs)
            trained = [_counted(list(map(how, runs))) for how in (lambda run: run.record.device, _versions, commit)]
            rows.append(tuple(map(Cell, (results.dataset, variant, seeds, *trained))))
    head = ("data set", "variant", "seeds", "device", "versions", "commit")
    caption = (
        "Runs: where, in which precision (float32 unless params.yaml asks for another), with which engine and from "
        "which commit each was trained; (k) is the number of runs where they differ."
    )
    return Table(caption, head, (("", tuple(rows)),), texts=6)


def commit(run: ReportedRun) -> str:
    """The commit of the training code; `dirty` if the code differed from it, `unknown` without git."""
    return f"{run.provenance.commit[:10]}{' dirty' if run.provenance.dirty else ''}"


def _counted(values: list[str]) -> str:
    """The distinct values, each with its count if there are several."""
    counts = Counter(values)
    return values[0] if len(counts) == 1 else ", ".join(f"{value} ({k})" for value, k in counts.items())


def _overridden(results: Results, networks: dict[str, Any]) -> dict[str, Any]:
    """What of the networks of a record is not as the data set has it, as plain values."""
    found = {}
    own, base = (n.model_dump(mode="json") for n in (parse_networks(networks), results.networks))
    for key, value in own.items():
        if isinstance(value, dict) and isinstance(base[key], dict):
            found[key] = {inner: v for inner, v in value.items() if v != base[key].get(inner)}
        elif value != base[key]:
            found[key] = value
    return {key: value for key, value in found.items() if value != {}}


def _settings(block: dict, prefix: str = "") -> str:
    parts = []
    for key, value in block.items():
        if isinstance(value, dict):
            parts.append(_settings(value, f"{prefix}{key}."))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            parts.append(f"{prefix}{key} {text}")
    return "; ".join(parts)


def _versions(run: ReportedRun) -> str:
    named = [f"{name} {version}" for name, version in sorted(run.record.versions.items())]
    return ", ".join([*named, run.record.precision, run.record.engine])
