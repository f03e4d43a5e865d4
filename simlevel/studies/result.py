"""What a study gives back: frozen results, their tidy table and their JSON."""

from __future__ import annotations

import dataclasses
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simlevel import __version__, numbers, words
from simlevel.estimation.comparison import Best, Difference
from simlevel.model.fields import singular
from simlevel.model.policy import Policy
from simlevel.model.scenario import Scenario
from simlevel.studies.windows import PolicyWindows
from simlevel.theory.answer import Answer, Textbook

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("policy", "measure", "estimate", "low", "high", "analytic", "exact", "verdict")


@dataclass(frozen=True)
class Target:
    """What was asked of a measure, and whether it is reached."""

    asked: float
    verdict: str | None
    """``met``, ``missed`` or ``cannot tell``; None without a simulation."""


@dataclass(frozen=True)
class MeasureResult:
    """One measure of one policy: simulated, derived, compared."""

    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    analytic: Answer | None = None
    verdict: str | None = None
    textbook: tuple[Textbook, ...] = ()
    target: Target | None = None
    note: str | None = None

    @property
    def best(self) -> float | None:
        """The exact value, or the simulated one where there is none."""
        exact = self.analytic is not None and self.analytic.exact
        return self.analytic.value if self.analytic and exact else self.estimate

    def to_dict(self) -> dict[str, Any]:
        """As in the contract's JSON; each textbook value with its gap to the best value."""
        best = self.best
        textbook = [
            {
                "formula": each.formula,
                "value": each.value,
                "gap": None if best is None else each.value - best,
                "cause": each.cause,
            }
            for each in self.textbook
        ]
        # vars, since dataclasses.asdict copies deeply, which a sweep would wait for.
        analytic, target = (dict(vars(it)) if it else None for it in (self.analytic, self.target))
        return vars(self) | {"analytic": analytic, "textbook": textbook, "target": target}


@dataclass(frozen=True)
class Protection:
    """The time, and the demand instants, that an order has to cover."""

    review_period: float | None
    lead_time: float
    """Mean, in time units."""
    demand_instants: int | None
    """For periodic demand."""

    @property
    def interval(self) -> float:
        """L + R; L under continuous review."""
        return self.lead_time + (self.review_period or 0)


@dataclass(frozen=True)
class PolicyResult:
    """All measures of one policy."""

    policy: Policy
    protection: Protection
    measures: Mapping[str, MeasureResult]
    no_theory: str | None = None
    """Why theory has nothing to say, where it has not."""
    windows: PolicyWindows | None = None
    """How shares scatter over windows, where asked for."""

    @property
    def parameters(self) -> dict[str, Any]:
        """The policy's kind and parameters, without those left out."""
        dumped = self.policy.model_dump(exclude_none=True)
        return {"kind": dumped.pop("kind"), **dict(sorted(dumped.items(), reverse=True))}


@dataclass(frozen=True)
class Run:
    """How it was simulated."""

    engine: str
    seed: int
    replications: int
    horizon: float
    warmup: float
    confidence: float


def scenario_dict(scenario: Scenario) -> dict[str, Any]:
    """The head of every JSON document: which program answered what."""
    origin = scenario.origin
    return {
        "schema": 1,
        "simlevel": __version__,
        "scenario": {
            "name": scenario.name,
            "file": origin.file if origin else None,
            "sha256": origin.sha256 if origin else None,
            "time_unit": scenario.time_unit,
        },
    }


@dataclass(frozen=True)
class Result:
    """The answers to a scenario; what is None was not simulated or not asked for."""

    scenario: Scenario
    run: Run | None
    policies: Mapping[str, PolicyResult]
    baseline: str | None = None
    differences: Mapping[str, Mapping[str, Difference]] | None = None
    best: Best | None = None
    warnings: tuple[str, ...] = ()
    interrupted: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The JSON document of section 6 of the contract."""
        return scenario_dict(self.scenario) | {
            "run": dataclasses.asdict(self.run) if self.run else None,
            "policies": {name: self._policy(result) for name, result in self.policies.items()},
            "differences": self._differences(),
            "best": self._best(),
            "warnings": list(self.warnings),
        }

    @property
    def columns(self) -> tuple[str, ...]:
        """Of the tidy table: COLUMNS, and ``statistic`` where windows were asked for."""
        windows = any(policy.windows for policy in self.policies.values())
        return (*COLUMNS, "statistic") if windows else COLUMNS

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """The tidy table, a row a measure of a policy; columns are those of ``columns``.

        With windows, a row a statistic: ``long_run``, ``window_mean``, ``window_quantile_0.05``
        and so on, ``window_meets_target`` and ``empty_windows``, a count.
        """
        statistic = ("long_run",) if len(self.columns) > len(COLUMNS) else ()
        for row in self._measure_rows():
            yield *row, *statistic
        for name, policy in self.policies.items():
            for measure, each, *found, exact in policy.windows.rows() if policy.windows else ():
                yield name, measure, *found, exact, None if exact is None else True, None, each

    def _measure_rows(self) -> Iterator[tuple[Any, ...]]:
        for name, policy in self.policies.items():
            for measure, result in policy.measures.items():
                analytic = result.analytic
                yield (
                    name, measure, result.estimate, result.low, result.high,
                    analytic.value if analytic else None,
                    analytic.exact if analytic else None, result.verdict,
                )  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """The tidy table: policy, measure, estimate, low, high, analytic, exact, verdict.

        With windows also ``statistic``, see :meth:`rows`.
        """
        import pandas as pd

        return pd.DataFrame(list(self.rows()), columns=list(self.columns))

    def _repr_html_(self) -> str:
        """A table for notebooks: measures as rows, policies as columns."""
        names = "".join(f"<th>{html.escape(name)}</th>" for name in self.policies)
        rows = "".join(
            f"<tr><th>{html.escape(self._html_label(measure))}</th>{cells}</tr>"
            for measure in self.scenario.measure_words()
            if (cells := self._html_cells(measure))
        )
        head = f"<caption>{html.escape(self.scenario.name)}</caption>"
        return f"<table>{head}<thead><tr><th></th>{names}</tr></thead><tbody>{rows}</tbody></table>"

    def _html_label(self, measure: words.Measure) -> str:
        unit = numbers.unit_of(measure, singular(self.scenario.time_unit))
        return ", ".join(filter(None, [measure.title.strip(), unit]))

    def _html_cells(self, measure: words.Measure) -> str:
        results = [policy.measures[measure.name] for policy in self.policies.values()]
        if all(each.estimate is None and each.analytic is None for each in results):
            return ""
        return "".join(f"<td>{'<br>'.join(_html_lines(measure, each))}</td>" for each in results)

    def _policy(self, result: PolicyResult) -> dict[str, Any]:
        protection = result.protection
        return {
            "parameters": result.parameters,
            "clock": {
                "sequence": list(self.scenario.clock.sequence),
                "review_period": protection.review_period,
                "lead_time": protection.lead_time,
                "protection_interval": protection.interval,
                "demand_instants": protection.demand_instants,
            },
            "measures": {name: each.to_dict() for name, each in result.measures.items()},
            "windows": result.windows.to_dict() if result.windows else None,
        }

    def _differences(self) -> dict[str, Any] | None:
        if self.differences is None:
            return None
        policies = {
            policy: {
                name: {
                    "estimate": each.estimate, "low": each.low,
                    "high": each.high, "verdict": each.verdict,
                    "replications_to_tell": each.replications_to_tell, "note": each.note,
                }
                for name, each in differences.items()
            }
            for policy, differences in self.differences.items()
        }  # fmt: skip
        return {"baseline": self.baseline, "policies": policies}

    def _best(self) -> dict[str, Any] | None:
        if self.best is None:
            return None
        behind = {
            name: {"low": low, "high": high} for name, (low, high) in self.best.behind.items()
        }
        made = dataclasses.asdict(self.best)
        return made | {"policies": list(self.best.policies), "behind": behind}


def _html_lines(measure: words.Measure, result: MeasureResult) -> Iterator[str]:
    half = None
    if result.low is not None and result.high is not None:
        half = (result.high - result.low) / 2
    if result.estimate is not None:
        yield numbers.estimate(measure, result.estimate, result.low, result.high)
    if result.analytic:
        kind = "exact" if result.analytic.exact else "approximately"
        value = numbers.exact(measure, result.analytic.value, half)
        yield f"<small>{kind} {value}: {result.verdict or 'not simulated'}</small>"
    if result.target and result.target.verdict:
        asked = numbers.share if measure.is_share else numbers.short
        yield f"<small>target {asked(result.target.asked)}: {result.target.verdict}</small>"
