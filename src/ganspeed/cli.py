"""The command `ganspeed`: what is done by hand, beside the stages that DVC runs."""

import argparse
import sys
from pathlib import Path

from ganspeed.errors import UserError
from ganspeed.params.load import load_params
from ganspeed.system.exit_status import exit_status
from ganspeed.workspace import Workspace


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns the exit status: 0, or 2 with the mistakes on stderr. When stopped, ends with 75."""
    given = build_parser().parse_args(arguments)
    workspace = Workspace(given.root.resolve())
    return exit_status(lambda: given.run(given, workspace), workspace.root)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ganspeed", description="Which way of training a GAN converges faster?")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of params.yaml (default: this one)")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    command("check", check, "name every mistake in params.yaml")
    command("ahead", ahead, "train and score what is missing of the grid side by side, for the stages to collect")
    command("track", track, "bring MLflow up to date with the files")
    ui = command("ui", ui_, "bring MLflow up to date and open its pages on 127.0.0.1")
    ui.add_argument("--port", type=int, default=5000)
    preset = command("preset", preset_, "put a preset's grid and data sets into params.yaml; prints the difference")
    preset.add_argument("name", nargs="?", help="without a name: list the presets with their time and disk")
    preset.add_argument("--reset", action="store_true", help="restore the shipped variants and thresholds as well")
    schedule = command("freeze-schedule", freeze_schedule, "record the alpha and lambda of pilot runs, to replay them")
    schedule.add_argument("dataset")
    schedule.add_argument("variant")
    for name, run, text in (
        ("adopt-tuning", adopt_tuning, "write what `make tune` chose into params.yaml; prints the difference"),
        ("freeze", freeze_, "fix length and thresholds by the pilot, in params.yaml and preregistration/"),
    ):
        command(name, run, text).add_argument("dataset")
    publish = command("publish", publish_, "keep this report as reports/studies/NAME")
    publish.add_argument("name")
    command("doctor", doctor, "say which lock or damaged file stands in the way, and what to do about it")
    command("gc", gc, "free what the current params do not need: runs and scores put aside in .runs/")
    return parser


def check(given, workspace: Workspace) -> None:
    load_params(workspace.params)


def ahead(given, workspace: Workspace) -> None:
    from ganspeed.study.run_grid import run_grid
    from ganspeed.tracking import terminal

    params = load_params(workspace.params)
    run_grid(workspace, params, terminal.make_observers(workspace, params))


def track(given, workspace: Workspace) -> None:
    from ganspeed.tracking.client import tracking_uri
    from ganspeed.tracking.mirror import mirror

    done = mirror(workspace, load_params(workspace.params))
    counts = f"{done.added} added, {done.updated} updated, {done.rebuilt} rebuilt, {done.unchanged} unchanged"
    print(f"MLflow at {tracking_uri(workspace)}: {counts}")


def ui_(given, workspace: Workspace) -> None:
    from ganspeed.tracking.server import serve

    serve(workspace, load_params(workspace.params), given.port)


def preset_(given, workspace: Workspace) -> None:
    from ganspeed.params.presets.apply import apply_preset, list_presets

    if given.name is None:
        print(list_presets())
    else:
        print(apply_preset(given.name, workspace.params, reset=given.reset), end="")


def freeze_schedule(given, workspace: Workspace) -> None:
    from ganspeed.study.schedules import freeze_schedule

    print(freeze_schedule(workspace, given.dataset, given.variant), end="")


def adopt_tuning(given, workspace: Workspace) -> None:
    from ganspeed.study.adopt_tuning import adopt_tuning

    print(adopt_tuning(workspace, given.dataset), end="")


def freeze_(given, workspace: Workspace) -> None:
    from ganspeed.study.freeze import freeze

    print(freeze(workspace, given.dataset))


def publish_(given, workspace: Workspace) -> None:
    from ganspeed.report.publish import publish

    print(publish(workspace, given.name))


def doctor(given, workspace: Workspace) -> None:
    from ganspeed.runs import locks

    for line in locks.held_locks(workspace.root):
        print(line)
    if found := locks.damaged_files(workspace.root):
        raise UserError("\n".join(found))
    print("no lock is stale or damaged")


def gc(given, workspace: Workspace) -> None:
    from ganspeed.runs.cache import collect_garbage
    from ganspeed.runs.spec import all_specs
    from ganspeed.runs.store import RunStore
    from ganspeed.system.devices import select_device

    specs = all_specs(workspace, load_params(workspace.params), select_device())
    with RunStore(workspace).lock():
        freed = collect_garbage(workspace, {spec.fingerprint for spec in specs})
    print(f"freed {freed / 2**20:.1f} MiB")


if __name__ == "__main__":
    sys.exit(main())
