"""The command line: one short function a command, and the only file that prints or exits."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from simlevel import __version__
from simlevel.errors import InputError, Problem, SimlevelError, near

if TYPE_CHECKING:
    from rich.console import RenderableType

    from simlevel.reports.progress import ProgressBar
    from simlevel.studies.result import PolicyResult, Result, Run

DONE, NOT_MET, WRONG_INPUT, INTERNAL, INTERRUPTED = 0, 1, 2, 3, 130

NEXT_STEPS = """\
simlevel tells what service a reorder policy gives, and how sure that is.

  simlevel new bakery.toml      write a scenario that runs; edit it
  simlevel check bakery.toml    look for mistakes
  simlevel run bakery.toml      Type I and Type II service, with intervals

simlevel --help lists every command, simlevel explain every word.
"""

Command = TypeVar("Command", bound=Callable[..., Any])
FILE = click.Path(path_type=Path)


class NearNames(click.Group):
    """A group that names the near command for a mistyped one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            names = self.list_commands(ctx)
            hint = near(args[0], names)
            raise click.UsageError(f"expected one of {', '.join(names)}{hint}, found {args[0]}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=NearNames,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)
@click.version_option(__version__, message="simlevel %(version)s")
@click.option("--debug", is_flag=True, help="Show the traceback of an internal error.")
@click.pass_context
def app(ctx: click.Context, debug: bool) -> None:
    """Inventory service levels, simulated and derived, with an interval on each."""
    if ctx.invoked_subcommand is None:
        click.echo(NEXT_STEPS, nl=False)


# --- options that several commands share -------------------------------------------------------


def _output_options(command: Command) -> Command:
    for option in (
        click.option(
            "-o", "--output", "outputs", multiple=True, type=FILE, metavar="FILE",
            help="Write the result too: .json, .csv, .xlsx or .md; its picture: .svg, .png or "
            ".pdf; from run and analyze a page to read and print: .html. Repeatable.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
    ):  # fmt: skip
        command = option(command)
    return command


ENGINE = click.option(
    "--engine", type=click.Choice(["fast", "simpy"]), default="fast", show_default=True,
    help="The compiled loop, or the readable one; equal to the last bit.",
)  # fmt: skip
WHY = click.option(
    "--why", is_flag=True, help="Split the gap between the textbook's value and the best one."
)


def _measure_value(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float]:
    parsed = {}
    for value in values:
        name, _, number = value.partition("=")
        try:
            parsed[name.strip()] = float(number)
        except ValueError:
            message = f"expected MEASURE=HALF_WIDTH, such as fill_rate=0.001, found {value}"
            raise click.BadParameter(message) from None
    return parsed


def _pairs(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, float | str]:
    """NAME=VALUE: a number, or a text such as "98%" for the scenario to read."""
    parsed: dict[str, float | str] = {}
    for value in values:
        name, mark, text = (part.strip() for part in value.partition("="))
        if not (name and mark and text):
            raise click.BadParameter(f"expected {parameter.metavar}, found {value}")
        if name in parsed:
            raise click.BadParameter(f"expected {name} once, found it again")
        parsed[name] = _number(text)
    return parsed


def _number(text: str) -> float | str:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text


def _varied(
    ctx: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    parsed: dict[str, str] = {}
    for value in values:
        key, equals, wanted = (part.strip() for part in value.partition("="))
        if not (key and equals and wanted):
            message = f"expected KEY=VALUES, such as lead_time.value=2,4,8, found {value}"
            raise click.BadParameter(message)
        if key in parsed:
            raise click.BadParameter(f"expected each key once, found {key} again")
        parsed[key] = wanted
    return parsed


def _duration(
    ctx: click.Context, parameter: click.Parameter, value: str | None
) -> float | str | None:
    """A number of time units, or a text for the scenario to convert."""
    if value is None:
        return None
    with suppress(ValueError):
        return float(value)
    return value


SEED = click.option("--seed", type=click.IntRange(0, 10**15), help="Instead of the file's.")
REPLICATIONS = click.option(
    "--replications", type=click.IntRange(1, 10**6), help="Instead of the file's."
)
HORIZON = click.option(
    "--horizon",
    callback=_duration,
    metavar="T",
    help='Counted time of a replication, such as 400 or "2 weeks", instead of the file\'s.',
)


PRECISION = click.option(
    "--precision", multiple=True, callback=_measure_value, metavar="MEASURE=HALF_WIDTH",
    help="Add replications until the half-width is reached. Repeatable.",
)  # fmt: skip
MAX_REPLICATIONS = click.option(
    "--max-replications", type=click.IntRange(2, 10**6), default=10_000, show_default=True,
    help="Where --precision stops.",
)  # fmt: skip
BASELINE = click.option(
    "--baseline", metavar="NAME", help="The policy that the others are compared with."
)
TARGET = click.option(
    "--target", "targets", multiple=True, callback=_pairs, metavar="MEASURE=VALUE",
    help="Instead of the file's targets. Repeatable.",
)  # fmt: skip


# --- commands ------------------------------------------------------------------------------------


@app.command()
@click.argument("file", type=FILE)
@click.option("--like", default="quickstart", metavar="NAME", help="Which shipped scenario.")
def new(file: Path, like: str) -> None:
    """Write a commented scenario that runs; never overwrites.

    The schema that gives editors completion is written beside it.
    """
    from simlevel.reports.files import json_text
    from simlevel.saving import write_whole
    from simlevel.scenario_file import SCHEMA_FILE, schema
    from simlevel.templates import files_of

    source, *records = files_of(like)
    targets = {file: source} | {file.parent / record.name: record for record in records}
    contents = {path: origin.read_bytes() for path, origin in targets.items()}
    taken = [p for p in contents if p.exists() and (p == file or p.read_bytes() != contents[p])]
    if taken:
        raise InputError([Problem(str(p), 0, 0, "", "exists, and is kept") for p in taken])
    for path, content in contents.items():
        write_whole(path, content)
    if not (file.parent / SCHEMA_FILE).exists():
        write_whole(file.parent / SCHEMA_FILE, json_text(schema()).encode())
    click.echo(f"wrote {file}, like {like}; next: simlevel run {file}")


@app.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
def check(files: tuple[Path, ...]) -> None:
    """Validate and lint scenario files; nothing is simulated."""
    from simlevel.scenario_file import load, locate
    from simlevel.studies.lint import findings

    problems: list[Problem] = []
    for file in files:
        try:
            found = list(findings(load(file)))
        except InputError as error:
            problems += error.problems
            continue
        for finding in found:
            click.echo(str(locate(file, finding.path, str(finding))))
        click.echo(f"{file}: valid, {_count(len(found), 'probable mistake')}")
    if problems:
        raise InputError(problems)


@app.command()
@click.argument("file", type=FILE)
@SEED
@REPLICATIONS
@HORIZON
@ENGINE
@PRECISION
@MAX_REPLICATIONS
@BASELINE
@click.option(
    "--best", metavar="MEASURE",
    help="Which policies may be the best by MEASURE; by cost_per_time if there are costs.",
)  # fmt: skip
@click.option(
    "--window", callback=_duration, metavar="T",
    help='Also how each share scatters over windows of that length, such as 90 or "2 weeks".',
)  # fmt: skip
@click.option(
    "--require-targets", is_flag=True, help="Status 1 unless every policy meets every target."
)
@_output_options
def run(
    file: Path,
    seed: int | None,
    replications: int | None,
    horizon: float | str | None,
    engine: str,
    precision: dict[str, float],
    max_replications: int,
    baseline: str | None,
    best: str | None,
    window: float | str | None,
    require_targets: bool,
    as_json: bool,
    outputs: tuple[Path, ...],
) -> int:
    """Simulate every policy of FILE: each measure with its interval and exact value.

    With two or more policies also their differences, on the same customers, and
    which of them may be best.
    """
    from simlevel.scenario_file import load
    from simlevel.studies.evaluate import simulate

    _refuse_unknown(outputs, pictures=True, page=True)
    scenario = load(file)
    if engine == "fast":
        _say_waits()
    with _progress() as progress:
        result = simulate(
            scenario, seed=seed, replications=replications, horizon=horizon, engine=engine,
            precision=precision, max_replications=max_replications, baseline=baseline,
            best_by=best, window=window, progress=progress,
        )  # fmt: skip
    _say_precision(result.run, result.policies.values(), precision)
    _show(result, as_json, outputs)
    if result.interrupted:
        _warn("interrupted: this is what was finished")
        return INTERRUPTED
    return NOT_MET if require_targets and not _all_met(result) else DONE


@app.command()
@click.argument("file", type=FILE)
@WHY
@_output_options
def analyze(file: Path, why: bool, as_json: bool, outputs: tuple[Path, ...]) -> None:
    """What theory alone says of every policy of FILE; nothing is simulated."""
    from simlevel.scenario_file import load
    from simlevel.studies.evaluate import analyze as analyzed

    _refuse_unknown(outputs, pictures=True, page=True)
    _show(analyzed(load(file)), as_json, outputs, why=why)


@app.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
@SEED
@click.option(
    "--max-replications",
    type=click.IntRange(2, 10**6),
    default=100_000,
    show_default=True,
    help="Where it stops undecided.",
)
@WHY
@_output_options
def verify(
    files: tuple[Path, ...],
    why: bool,
    seed: int | None,
    max_replications: int,
    as_json: bool,
    outputs: tuple[Path, ...],
) -> int:
    """The cross-check: simulate until each exact value is confirmed or refuted.

    Status 1 if one is refuted, or undecided at --max-replications.
    """
    from simlevel.scenario_file import load
    from simlevel.studies.verify import undecided
    from simlevel.studies.verify import verify as verified

    _refuse_unknown(outputs)
    if outputs and len(files) > 1:
        raise click.UsageError("expected one FILE with -o, found several")
    scenarios = [load(file) for file in files]
    _say_waits()
    code, documents = DONE, []
    for scenario in scenarios:
        with _progress() as progress:
            result = verified(
                scenario, seed=seed, max_replications=max_replications, progress=progress
            )
        _write(result, outputs)
        documents.append(_document(result, why))
        if not as_json:
            _print_result(result, why)
        _say_verified(result)
        code = NOT_MET if undecided(result) else code
        if result.interrupted:
            _warn("interrupted: this is what was finished")
            return INTERRUPTED
    if as_json:
        _print_json(documents[0] if len(documents) == 1 else documents)
    return code


@app.command()
@click.argument("file", type=FILE)
@click.option("--policy", metavar="NAME", help="Which policy; the first one if left out.")
@click.option("--until", type=float, required=True, metavar="T", help="In time units.")
@SEED
@ENGINE
@_output_options
def trace(
    file: Path,
    policy: str | None,
    until: float,
    seed: int | None,
    engine: str,
    as_json: bool,
    outputs: tuple[Path, ...],
) -> None:
    """The event table of one policy, from the first instant to T."""
    from simlevel.reports import trace_table
    from simlevel.scenario_file import load
    from simlevel.studies.trace import trace as traced

    _refuse_unknown(outputs, trace_table.KINDS, pictures=True)
    if engine == "fast":
        _say_waits()
    table = traced(load(file), policy, until=until, seed=seed, engine=engine)
    for path in _drawn(table, outputs):
        trace_table.write_trace(table, path)
    if as_json:
        click.echo(trace_table.trace_json(table), nl=False)
    else:
        _print(trace_table.trace_table(table), _width())


@app.command()
@click.argument("file", type=FILE, required=False)
@click.option(
    "-o", "folder", required=True, metavar="DIR", type=click.Path(path_type=Path, file_okay=False),
    help="Write a row an item, a summary, a manifest and a report page to this folder.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON document.")
@click.option(
    "--scheduler", metavar="ADDRESS",
    help="Hand the items to the Dask cluster there, such as tcp://10.0.0.7:8786.",
)  # fmt: skip
@click.option(
    "--demo", type=click.IntRange(1, 10**6), metavar="N",
    help="Instead of FILE: write a portfolio of N invented items to DIR.",
)  # fmt: skip
@click.option("--moments", is_flag=True, help="With --demo: moments of demand, not sales.")
@click.option("--seed", type=click.IntRange(0, 10**15), help="Of --demo; 1 if left out.")
def portfolio(
    file: Path | None,
    folder: Path,
    as_json: bool,
    scheduler: str | None,
    demo: int | None,
    moments: bool,
    seed: int | None,
) -> int:
    """Many items at once: service now, settings that meet the targets, a back-test.

    FILE names the tables of items and of what was asked for. A run that was
    stopped goes on where it was.

    \b
    simlevel portfolio --demo 500 -o demo
    simlevel portfolio demo/portfolio.toml -o answer
    """
    if (file is None) == (demo is None):
        found = "neither" if file is None else "both"
        raise click.UsageError(f"expected FILE, or --demo N, found {found}")
    if file is None:
        assert demo is not None
        return _demo(demo, folder, 1 if seed is None else seed, moments)
    for option, given in (("--seed", seed is not None), ("--moments", moments)):
        if given:
            raise click.UsageError(f"expected {option} beside --demo only, found FILE")
    return _portfolio(file, folder, as_json, scheduler)


def _demo(items: int, folder: Path, seed: int, moments: bool) -> int:
    from simlevel.studies.portfolio import demo

    file = (demo.write_moments if moments else demo.write)(folder, items, seed)
    click.echo(f"wrote {file}, {_count(items, 'item')}; next: simlevel portfolio {file} -o answer")
    return DONE


def _portfolio(file: Path, folder: Path, as_json: bool, scheduler: str | None) -> int:
    from simlevel.portfolio_file import load
    from simlevel.reports import portfolio_tables
    from simlevel.reports.portfolio_summary import summary
    from simlevel.studies.portfolio import run
    from simlevel.studies.portfolio.answer import answer
    from simlevel.studies.portfolio.verification import verification

    said = load(file)
    with run.held(said, file.parent, folder):
        work, changed = run.begin(said, file.parent, folder)
        if changed:
            _warn("an input, a setting or the program has changed since the last run: begun anew")
        try:
            with _progress("items") as progress:
                run.finish(work, progress, scheduler=scheduler)
            with _progress("items simulated") as progress:
                verified = verification(work, _waiting(progress))
        except KeyboardInterrupt:
            there = f"{run.finished(work):,} of {work.items:,} items are finished"
            _warn(f"interrupted: {there}, and the same command goes on from there")
            return INTERRUPTED
        found = answer(work, verified)
        portfolio_tables.write_folder(found)
    for warning in found.warnings:
        _warn(warning)
    if as_json:
        _print_json(summary(found))
    else:
        _print(portfolio_tables.tables(summary(found)), _width())
    return DONE


@app.command()
@click.argument("file", type=FILE)
@click.option("--policy", metavar="NAME", help="Which policy; may be left out if there is one.")
@TARGET
@click.option(
    "--fix", multiple=True, callback=_pairs, metavar="PARAMETER=VALUE",
    help="Hold a parameter. Repeatable.",
)  # fmt: skip
@click.option(
    "--precision", multiple=True, callback=_measure_value, metavar="MEASURE=HALF_WIDTH",
    help="Confirm at this half-width, where it is simulated. Repeatable.",
)  # fmt: skip
@SEED
@click.option(
    "--replications", type=click.IntRange(2, 10**6),
    help="At least so many confirm it, where it is simulated, instead of the file's.",
)  # fmt: skip
@click.option("--frontier", is_flag=True, help="Cost and stock against service, the whole curve.")
@_output_options
def optimize(
    file: Path,
    policy: str | None,
    targets: dict[str, Any],
    fix: dict[str, Any],
    precision: dict[str, float],
    seed: int | None,
    replications: int | None,
    frontier: bool,
    as_json: bool,
    outputs: tuple[Path, ...],
) -> int:
    """The cheapest parameters of a policy of FILE that meet every target.

    Exact where theory is; else searched for by simulation, and confirmed by a
    fresh run. Status 1 if nothing meets the targets: the nearest is shown.
    """
    from simlevel.reports import choice_tables
    from simlevel.scenario_file import load
    from simlevel.studies import frontier as curve
    from simlevel.studies import optimize as choice

    _refuse_unknown(outputs, choice_tables.KINDS, pictures=frontier)
    if frontier and precision:
        raise InputError("--precision: expected no --frontier beside it, found both")
    scenario = load(file)
    result: curve.Frontier | choice.Optimized
    if frontier:
        with _progress() as progress:
            result = curve.frontier(
                scenario, policy, targets, fix, seed=seed, replications=replications,
                progress=_waiting(progress),
            )  # fmt: skip
    else:
        with _progress() as progress:
            result = choice.optimize(
                scenario, policy, targets, fix, precision, seed=seed, replications=replications,
                progress=_waiting(progress),
            )  # fmt: skip
    for path in _drawn(result, outputs):
        choice_tables.write(result, path)
    if as_json:
        _print_json(result.to_dict())
    else:
        _print(choice_tables.table(result), _width())
    return NOT_MET if isinstance(result, choice.Optimized) and not result.meets else DONE


@app.command()
@click.argument("file", type=FILE)
@click.option(
    "--vary", "vary", multiple=True, required=True, callback=_varied, metavar="KEY=VALUES",
    help="A key of the file and its values: 2,4,8 or a range 20:60 or 20:60:5 that includes its "
    "end. Repeatable: every combination.",
)  # fmt: skip
@click.option("--policy", metavar="NAME", help="This policy alone; all of them if left out.")
@TARGET
@SEED
@REPLICATIONS
@HORIZON
@ENGINE
@PRECISION
@MAX_REPLICATIONS
@BASELINE
@_output_options
def sweep(
    file: Path,
    vary: dict[str, str],
    policy: str | None,
    targets: dict[str, Any],
    seed: int | None,
    replications: int | None,
    horizon: float | str | None,
    engine: str,
    precision: dict[str, float],
    max_replications: int,
    baseline: str | None,
    as_json: bool,
    outputs: tuple[Path, ...],
) -> int:
    """All measures of FILE over one or more of its keys, as one table.

    \b
    simlevel sweep s.toml --vary lead_time.value=2,4,8
    simlevel sweep s.toml --vary policies.a.reorder_point=20:60:5

    Parameters of a policy joined by + move together: --vary
    policies.b.reorder_point+order_up_to=10:30 keeps S - s as it is. So written,
    or where a reorder point varies with Q fixed, or a base stock level, one run
    counts all points, each as a run of its own, if demand is backordered.

    All points are over one window, the longest that any needs, and meet the
    same random numbers. With two or more policies also their differences at
    each point.
    """
    from simlevel.reports import sweep_table
    from simlevel.scenario_file import load
    from simlevel.studies.sweep import sweep as swept

    _refuse_unknown(outputs, pictures=True)
    scenario = load(file)
    if engine == "fast":
        _say_waits()
    with _progress() as progress:
        result = swept(
            scenario, vary, policy=policy, targets=targets, seed=seed, replications=replications,
            horizon=horizon, engine=engine, precision=precision,
            max_replications=max_replications, baseline=baseline, progress=progress,
        )  # fmt: skip
    found = (policy for point in result.points for policy in point.policies.values())
    _say_precision(result.run, found, precision)
    for warning in result.warnings:
        _warn(warning)
    for path in _drawn(result, outputs):
        sweep_table.write_sweep(result, path)
    if as_json:
        _print_json(result.to_dict())
    else:
        _print(sweep_table.sweep_table(result, _width()), _width())
    if result.interrupted:
        _warn("interrupted: these are the points that were finished")
        return INTERRUPTED
    return DONE


@app.command()
@click.argument("history", type=FILE)
@click.option("--column", metavar="NAME", help="Of the demand; left out where one has numbers.")
@click.option(
    "--every", default="1", metavar="T", help='The length of a period: "1 week", "1 month".'
)
@click.option("--lead-times", type=FILE, metavar="FILE", help="A table with recorded lead times.")
@click.option("--lead-time-column", metavar="NAME", help="Of the lead times.")
@click.option("--lead-time-unit", metavar="UNIT", help="Of the lead times; days if left out.")
@click.option("--lead-time", metavar="T", help='Instead of records: "4 days".')
@click.option(
    "--target", "targets", multiple=True, callback=_pairs, metavar="MEASURE=VALUE",
    help="The fill rate that reorder points are compared at; fill_rate=0.95 if left out.",
)  # fmt: skip
@_output_options
def fit(
    history: Path,
    column: str | None,
    every: str,
    lead_times: Path | None,
    lead_time_column: str | None,
    lead_time_unit: str | None,
    lead_time: str | None,
    targets: dict[str, Any],
    as_json: bool,
    outputs: tuple[Path, ...],
) -> None:
    """Demand and lead-time models from records, as a scenario.

    HISTORY is a table with the demand of each period in a column, zeros too. -o
    FILE.toml writes a scenario that check and run take as it stands.

    \b
    simlevel fit demand.csv --every "1 week" --lead-time "10 days" -o s.toml
    """
    from simlevel.reports import fit_table
    from simlevel.studies.fit import fit as fitted

    _refuse_unknown(outputs, fit_table.KINDS, pictures=True)
    if taken := [path for path in outputs if path.suffix.lower() == ".toml" and path.exists()]:
        raise InputError([Problem(str(path), 0, 0, "", "exists, and is kept") for path in taken])
    result = fitted(
        history, column, every=every, lead_times=lead_times, lead_time_column=lead_time_column,
        lead_time_unit=lead_time_unit, lead_time=lead_time, targets=targets,
    )  # fmt: skip
    for message in (*result.said, *result.warnings):
        _warn(message)
    for path in _drawn(result, outputs):
        fit_table.write_fit(result, path)
    if as_json:
        _print_json(result.to_dict())
    else:
        _print(fit_table.fit_table(result), _width())


@app.command()
@click.argument("word", required=False)
def explain(word: str | None) -> None:
    """The card of WORD: a measure, policy, distribution or verdict; without WORD, all of them."""
    from simlevel.glossary import card, cards

    if word is not None:
        click.echo("\n".join(card(word).wrapped()).rstrip())
        return
    kind = None
    for each in cards().values():
        if each.kind != kind:
            click.echo(f"\n{each.kind}" if kind else each.kind)
            kind = each.kind
        click.echo(f"  {each.word:<26}{each.title}")


@app.command()
def schema() -> None:
    """Print the JSON Schema of scenario files."""
    from simlevel.reports.files import json_text
    from simlevel.scenario_file import schema as made

    click.echo(json_text(made()), nl=False)


# --- what commands show ------------------------------------------------------------------------


def _show(result: Result, as_json: bool, outputs: tuple[Path, ...], *, why: bool = False) -> None:
    _write(result, _drawn(result, _paged(result, outputs), why=why))
    if as_json:
        _print_json(_document(result, why))
    else:
        _print_result(result, why)


def _document(result: Result, why: bool) -> dict[str, Any]:
    from dataclasses import asdict

    from simlevel.studies.why import why as reasons

    if not why:
        return result.to_dict()
    steps = {
        policy: {name: [asdict(step) for step in found] for name, found in measures.items()}
        for policy, measures in reasons(result).items()
    }
    return result.to_dict() | {"why": steps}


def _write(result: Result, outputs: tuple[Path, ...]) -> None:
    from simlevel.reports.files import write

    for warning in result.warnings:
        _warn(warning)
    for path in outputs:
        write(result, path)


def _drawn(found: Any, outputs: tuple[Path, ...], *, why: bool = False) -> tuple[Path, ...]:
    """Write the pictures among *outputs*; the other ones."""
    from simlevel.reports.files import PICTURES

    pictures = tuple(path for path in outputs if path.suffix.lower() in PICTURES)
    if pictures:
        from simlevel.reports.figures.pictures import write

        write(found, pictures, why=why)
    return tuple(path for path in outputs if path not in pictures)


def _paged(result: Result, outputs: tuple[Path, ...]) -> tuple[Path, ...]:
    """Write the pages among *outputs*; the other ones."""
    from simlevel.reports.files import PAGE

    pages = tuple(path for path in outputs if path.suffix.lower() == PAGE)
    if pages:
        from simlevel.reports.page import write

        write(result, pages)
    return tuple(path for path in outputs if path not in pages)


def _print_json(document: Any) -> None:
    from simlevel.reports.files import json_text

    click.echo(json_text(document), nl=False)


def _print_result(result: Result, why: bool = False) -> None:
    from simlevel.reports.tables import result_table, why_table
    from simlevel.studies.why import why as reasons

    width = _width()
    _print(result_table(result, width), width)
    if why:
        click.echo()
        _print(why_table(reasons(result)), width)


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 132) if sys.stdout.isatty() else 80


def _print(table: RenderableType, width: int) -> None:
    """Colour on a terminal only, and no line longer than its text."""
    from rich.console import Console

    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def _refuse_unknown(
    outputs: tuple[Path, ...],
    kinds: tuple[str, ...] = (),
    *,
    pictures: bool = False,
    page: bool = False,
) -> None:
    """Before the work is done, not after it."""
    from simlevel.reports.files import KINDS, PAGE, PICTURES

    kinds = (*(kinds or KINDS), *(PICTURES if pictures else ()), *([PAGE] if page else ()))
    reasons = [(path, _unwritable(path, kinds)) for path in outputs]
    if bad := [Problem(f"-o {path}", 0, 0, "", reason) for path, reason in reasons if reason]:
        raise InputError(bad)


def _unwritable(path: Path, kinds: tuple[str, ...]) -> str | None:
    if path.suffix.lower() not in kinds:
        hint = " (a page of run and analyze)" if path.suffix.lower() == ".html" else ""
        return f"expected an ending of {', '.join(kinds)}, found {path.suffix or 'none'}{hint}"
    if not path.parent.is_dir():
        return f"expected a folder that is there, found no {path.parent}"
    if path.is_dir():
        return "expected a file to write, found a directory"
    if path.suffix.lower() == ".xlsx" and find_spec("openpyxl") is None:
        return 'expected openpyxl, which writes .xlsx, found none: pip install "simlevel[excel]"'
    return None


def _say_precision(
    run: Run | None, policies: Iterable[PolicyResult], precision: dict[str, float]
) -> None:
    if not precision or run is None:
        return
    reached = all(
        (found.high - found.low) / 2 <= wanted
        for policy in policies
        for name, wanted in precision.items()
        if (found := policy.measures[name]).low is not None and found.high is not None
    )
    ending = "reached" if reached else "not reached"
    _warn(f"precision {ending} after {run.replications} replications")


def _say_verified(result: Result) -> None:
    """How many exact values were confirmed, and at what error rate."""
    from simlevel.studies.verdict import ERROR_RATE

    verdicts = [
        (f"{policy}.{name}", measure.verdict)
        for policy, each in result.policies.items()
        for name, measure in each.measures.items()
        if measure.analytic is not None and measure.analytic.exact
    ]
    agreeing = sum(verdict == "agrees" for _, verdict in verdicts)
    if not verdicts:
        _warn(f"{result.scenario.name}: no exact value to confirm")
        return
    _warn(
        f"{result.scenario.name}: {agreeing} of {_count(len(verdicts), 'exact value')} confirmed, "
        f"at an error rate of {ERROR_RATE:.1%} over all of them"
    )
    for kind in ("disagrees", "inconclusive"):
        if names := [name for name, verdict in verdicts if verdict == kind]:
            _warn(f"{kind}: {', '.join(names)}")


def _all_met(result: Result) -> bool:
    return all(
        measure.target is None or measure.target.verdict == "met"
        for policy in result.policies.values()
        for measure in policy.measures.values()
    )


def _warn(message: str) -> None:
    click.echo(f"simlevel: {message}", err=True)


def _count(number: int, thing: str) -> str:
    return f"{number or 'no'} {thing}{'' if number == 1 else 's'}"


def _progress(what: str = "replications") -> ProgressBar:
    from simlevel.reports.progress import ProgressBar

    return ProgressBar(what)


def _waiting(progress: ProgressBar) -> Callable[[int, int], None]:
    """*progress*, which first says what a first simulation waits for."""

    def told(done: int, planned: int) -> None:
        if not done:
            _say_waits()
        progress(done, planned)

    return told


def _say_waits() -> None:
    from simlevel.compiled import tell_waits

    tell_waits(_warn)


# --- the one door ------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit with its status."""
    sys.exit(status(sys.argv[1:] if arguments is None else arguments))


def status(arguments: list[str]) -> int:
    """Run a command line; every error becomes a line for people and a status."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    debug = "--debug" in arguments
    arguments = [each for each in arguments if each != "--debug"]
    try:
        code = app.main(arguments, prog_name="simlevel", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else DONE
    except InputError as error:
        for problem in error.problems:
            click.echo(str(problem), err=True)
        return WRONG_INPUT
    except click.ClickException as error:
        command = getattr(getattr(error, "ctx", None), "command_path", "simlevel")
        message = error.format_message().rstrip(".")
        click.echo(f"{command}: {message} (see {command} --help)", err=True)
        return WRONG_INPUT
    except (KeyboardInterrupt, click.Abort):
        _warn("interrupted")
        return INTERRUPTED
    except SystemExit:  # click leaves so where whoever read has enough
        return DONE
    except BrokenPipeError:
        # So does the flush; the one at exit must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        return _internal(error, debug)


def _internal(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    kind = "" if isinstance(error, SimlevelError) else f"{type(error).__name__}: "
    _warn(f"internal error: {kind}{error}".splitlines()[0][:500])
    _warn(
        "please report it with the scenario file, the command line and the output of --debug "
        f"(simlevel {__version__}, Python {platform.python_version()}, {platform.system()})"
    )
    return INTERNAL


if __name__ == "__main__":
    main()
