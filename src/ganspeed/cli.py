"""The command `ganspeed`: what a user runs by hand, besides the stages that DVC runs."""

import argparse
import contextlib
import sys
from collections.abc import Callable
from pathlib import Path

from ganspeed.errors import Stopped, UserError
from ganspeed.params.base import ParamsError
from ganspeed.params.cautions import cautions_of
from ganspeed.params.load import load_params
from ganspeed.system.exit_status import exit_status
from ganspeed.system.output import drop_what_cannot_be_written, tell_what_cannot_be_printed
from ganspeed.system.shutdown import end_at_once_on_interrupt
from ganspeed.training.engines.cpp_compiler import set_cache
from ganspeed.workspace import Workspace

Subcommand = Callable[[argparse.Namespace, Workspace], None]


def main(arguments: list[str] | None = None) -> int:
    """Run one subcommand; returns 0, or 2 after printing errors to stderr. When stopped, the process ends with 75.

    It runs in the folder of params.yaml, as the stages do: relative paths, also those in the environment, start there.
    """
    end_at_once_on_interrupt()
    drop_what_cannot_be_written("stderr")
    tell_what_cannot_be_printed()  # what a command prints on stdout is its result
    given = build_parser().parse_args(arguments)
    workspace = Workspace(given.root.resolve())
    set_cache(workspace.machine_code)

    def subcommand() -> None:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(contextlib.chdir(workspace.root))
            except OSError as error:
                raise UserError(f"--root: {given.root}: {error.strerror}; allowed: the folder of params.yaml") from None
            given.subcommand(given, workspace)
            print(end="", flush=True)

    return exit_status(subcommand, workspace.root)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ganspeed", description="Which way of training a GAN converges faster?")
    parser.add_argument("--root", type=Path, default=Path(), help="folder of params.yaml (default: this one)")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, subcommand: Subcommand, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(subcommand=subcommand)
        return sub

    command("check", _check, "name every mistake in params.yaml, and what to be careful with")
    reference = command("params", _params, "tell what each key of params.yaml may be, its default and its effect")
    reference.epilog = "example: ganspeed params datasets.digits.train"
    reference.add_argument("key", nargs="?", metavar="KEY", help="a key, or a block, for those below it (default: all)")
    form = reference.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="print the page docs/params.md")
    form.add_argument("--schema", action="store_true", help="print the JSON schema of params.yaml, for editors")
    command("run", _run, "train and score what is missing of the grid side by side, for the stages to collect")
    commands.add_parser("ahead").set_defaults(subcommand=_ahead)  # without a help text: hidden
    command("track", _track, "bring MLflow up to date with the files")
    ui = command("ui", _ui, "bring MLflow up to date and open its pages on 127.0.0.1")
    ui.add_argument("--port", type=_port, default=5000, help="default 5000; a free one if it is in use, or for 0")
    preset = command("preset", _preset, "put a preset's grid and data sets into params.yaml; prints the difference")
    preset.add_argument("name", nargs="?", help="without a name: list the presets with their time and disk space")
    preset.add_argument("--reset", action="store_true", help="restore the shipped variants and thresholds as well")
    schedule = command("freeze-schedule", _freeze_schedule, "record the alpha and lambda of pilot runs, to replay them")
    schedule.add_argument("dataset")
    schedule.add_argument("variant")
    adopt = command("adopt-tuning", _adopt, "write what `make tune` chose into params.yaml; prints the difference")
    adopt.add_argument("dataset")
    freeze = command("freeze", _freeze, "fix length and thresholds by the pilot, in params.yaml and preregistration/")
    freeze.add_argument("dataset")
    publish = command("publish", _publish, "copy this report, with its params and records, to reports/studies/NAME")
    publish.add_argument("name")
    publish.add_argument("--replace", action="store_true", help="replace a study of this name; never its records")
    _describe_diagnose(command("diagnose", _diagnose, "name what is wrong with runs, since when, and what to try"))
    command("doctor", _doctor, "name every held lock and every damaged file that blocks the study, and what to do")
    command("gc", _gc, "remove from the run cache, .runs/, what the current params do not need")
    return parser


def _describe_diagnose(sub: argparse.ArgumentParser) -> None:
    sub.epilog = "example: ganspeed diagnose digits gan; of a GAN of your own: ganspeed diagnose --log losses.csv"
    sub.add_argument("dataset", nargs="?", help="with VARIANT: every run of it (default: the whole grid)")
    sub.add_argument("variant", nargs="?")
    sub.add_argument("--log", type=Path, metavar="LOSSES.csv", help="a log with columns such as d_loss and g_loss")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; allowed are 0 (any free one) to 65535")
    return int(text)


def _check(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.data.by_class import class_mistakes
    from ganspeed.data.own_pictures import picture_mistakes

    params = load_params(workspace.params)
    if mistakes := class_mistakes(workspace, params) + picture_mistakes(workspace, params):
        raise ParamsError(mistakes)
    for caution in cautions_of(params):
        print(f"caution: {caution}", file=sys.stderr)


def _params(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.params.reference import show

    if given.key and (given.markdown or given.schema):
        raise UserError(f"KEY: {given.key!r:.80}; --markdown and --schema print all keys, and take none")
    if given.markdown:
        print(show.page(), end="")
    elif given.schema:
        print(show.schema_text(), end="")
    else:
        print(show.text_of(given.key))


def _run(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.runs.provenance import git_state
    from ganspeed.study.run_grid import run_grid  # this and the imports below take seconds that `check` has no use for
    from ganspeed.tracking import terminal

    git_state(workspace.root)  # before params.yaml is read: an edit of it may be taken back before training starts
    params = load_params(workspace.params)
    run_grid(workspace, params, terminal.make_observers(workspace, params))


def _ahead(given: argparse.Namespace, workspace: Workspace) -> None:
    print("`ganspeed ahead` is now `ganspeed run`", file=sys.stderr)
    _run(given, workspace)


def _track(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.tracking.address import tracking_uri
    from ganspeed.tracking.messages import one_line
    from ganspeed.tracking.mirror import mirror

    done = mirror(workspace, load_params(workspace.params))
    counts = f"{done.added} added, {done.updated} updated, {done.rebuilt} rebuilt, {done.unchanged} unchanged"
    print(one_line(tracking_uri(workspace), counts))


def _ui(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.tracking.server import serve

    try:
        serve(workspace, load_params(workspace.params), given.port)
    except KeyboardInterrupt:
        raise Stopped from None


def _preset(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.params.presets.apply import apply_preset, list_presets

    if given.name is None:
        print(list_presets())
    else:
        print(apply_preset(given.name, workspace.params, reset=given.reset), end="")


def _freeze_schedule(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.study.schedules import freeze_schedule

    print(freeze_schedule(workspace, given.dataset, given.variant), end="")


def _adopt(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.study.adopt_tuning import adopt_tuning

    print(adopt_tuning(workspace, given.dataset), end="")


def _freeze(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.study.freeze import freeze

    print(freeze(workspace, given.dataset))


def _publish(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.report.publish import publish

    print(publish(workspace, given.name, replace=given.replace))


def _diagnose(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.diagnosis import diagnosed
    from ganspeed.diagnosis.loss_log import evidence_of_log
    from ganspeed.diagnosis.stored import findings_in_words
    from ganspeed.params.blocks import Diagnosis

    if given.log is None:
        print(findings_in_words(workspace, load_params(workspace.params), given.dataset, given.variant))
    elif given.dataset is not None:
        raise UserError(f"DATASET: {given.dataset!r:.80}; --log reads a file alone, and takes none")
    else:
        bounds = load_params(workspace.params).report.bounds if workspace.params.exists() else Diagnosis()
        print(diagnosed(evidence_of_log(given.log), bounds))


def _doctor(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.runs import doctor

    problems = doctor.problems(workspace)
    for line in doctor.held_locks(workspace):
        print(line)
    if problems:
        raise UserError("\n".join(problems))
    print("nothing blocks this study")


def _gc(given: argparse.Namespace, workspace: Workspace) -> None:
    from ganspeed.runs.cache import collect_garbage
    from ganspeed.runs.store import RunStore
    from ganspeed.study.needed_runs import needed_runs

    load_params(workspace.params)  # mistakes are named before it waits
    with RunStore(workspace).lock():  # what is needed is asked then: another process may have held it for hours
        freed = collect_garbage(workspace, needed_runs(workspace, load_params(workspace.params)))
    print(f"freed {freed / 2**20:.1f} MiB")


if __name__ == "__main__":
    sys.exit(main())
