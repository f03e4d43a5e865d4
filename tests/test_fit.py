"""Models from records: beside scipy's maximum, by the laws that a fit has to keep, at edges."""

import itertools
import math

import numpy as np
import pytest
from scipy import optimize, stats

import simlevel as sl
from simlevel.fitting import demand as fitting
from simlevel.fitting.candidates import CANDIDATES, log_evidence
from simlevel.fitting.classification import classified
from simlevel.fitting.demand import DEMANDS, PERIODS, fit
from simlevel.fitting.laws import PolyaAeppli
from simlevel.fitting.lead_times import CANDIDATES as LEAD_TIMES
from simlevel.fitting.lead_times import RECORDS, fit_lead_times
from simlevel.fitting.sample import Sample, grid_of
from simlevel.model.demand import HistoryDemand, PoissonDemand
from simlevel.model.distribution import Constant, Gamma

NAMES = {each.name: place for place, each in enumerate(CANDIDATES)}
LEAD_NAMES = [each.name for each in LEAD_TIMES]


def seeded(number):
    return np.random.default_rng(number)


# --- the likelihood, beside scipy's --------------------------------------------------------------


def panjer(rate, mean, last):
    """P(0), ..., P(last) of Poisson customers with geometric sizes, by Panjer's recursion."""
    sizes = stats.geom.pmf(np.arange(last + 1), 1 / mean)
    mass = np.zeros(last + 1)
    mass[0] = math.exp(-rate)
    for k in range(1, last + 1):
        j = np.arange(1, k + 1)
        mass[k] = rate / k * (j * sizes[j]) @ mass[k - j]
    return mass


def cells(law, steps, *parameters):
    """The probability of the rounding cells of a continuous law of scipy's."""
    high = law.cdf(steps + 0.5, *parameters)
    return high - np.where(steps == 0, 0, law.cdf(steps - 0.5, *parameters))


def compound(parameters, steps):
    rate, more = np.exp(parameters)
    return panjer(rate, 1 + more, int(steps.max()))[steps.astype(int)]


ORACLES = {
    "poisson": ((0.5,), lambda p, k: stats.poisson.pmf(k, np.exp(p[0]))),
    "negative binomial": (
        (-0.5, 0.5), lambda p, k: stats.nbinom.pmf(k, np.exp(p[1]), 1 / (1 + np.exp(-p[0])))
    ),
    "compound_poisson, geometric sizes": ((0, 1), compound),
    "normal": ((3, 2), lambda p, k: cells(stats.norm, k, *np.exp(p))),
    "gamma": ((3, 1), lambda p, k: cells(stats.gamma, k, np.exp(p[1]), 0, np.exp(p[0] - p[1]))),
    "lognormal": ((3, 0), lambda p, k: cells(stats.lognorm, k, np.exp(p[1]), 0, np.exp(p[0]))),
}  # fmt: skip
"""Where to start, and the probability of each number of steps as scipy.stats has it."""


def sometimes(mass):
    """The intermittent law of a law: p logit before its own parameters."""

    def probability(parameters, steps):
        share = 1 / (1 + np.exp(-parameters[0]))
        return np.where(steps == 0, 1 - share, 0) + share * mass(parameters[1:], steps)

    return probability


def maximum(mass, start, steps):
    def loss(parameters):
        with np.errstate(all="ignore"):
            probability = np.maximum(mass(parameters, steps), 1e-300)
            return -np.log(probability).sum()

    close = {"xatol": 1e-6, "fatol": 1e-8, "maxfev": 1000}
    found = optimize.minimize(loss, start, method="Nelder-Mead", options=close)
    return -optimize.minimize(loss, found.x, method="Nelder-Mead", options=close).fun


def one_history(name, rng):
    family = name.removeprefix("intermittent, ").removesuffix(" sizes")
    made = {
        "poisson": lambda: rng.poisson(2.5, 60),
        "negative binomial": lambda: rng.negative_binomial(2, 0.3, 60),
        "negative_binomial": lambda: rng.negative_binomial(2, 0.1, 60),
        "compound_poisson, geometric": lambda: np.array(
            [rng.geometric(0.3, n).sum() for n in rng.poisson(1, 60)]
        ),
        "normal": lambda: np.maximum(rng.normal(30, 9, 60), 0),
        "gamma": lambda: rng.gamma(2, 12, 60),
        "lognormal": lambda: rng.lognormal(3, 0.7, 60),
    }[family]()
    there = rng.random(60) < 0.4 if name.startswith("intermittent") else np.ones(60)
    return np.rint(np.where(there, made, 0)).astype(float)


SIZED = ("poisson", "negative_binomial", "normal", "gamma", "lognormal")


FITTED = [*ORACLES, *(f"intermittent, {name} sizes" for name in SIZED)]


def beside_scipy(name, seed):
    """The log likelihood that is found, and scipy's maximum."""
    history = one_history(name, seeded((seed, len(name))))
    found = fit(history[None]).log_likelihood[0, NAMES[name]]
    if not name.startswith("intermittent"):
        return found, maximum(ORACLES[name][1], ORACLES[name][0], history)
    start, mass = ORACLES[name.removeprefix("intermittent, ")[: -len(" sizes")].replace("_", " ")]
    return found, maximum(sometimes(mass), (0.0, *start), history)


@pytest.mark.parametrize("name", FITTED)
def test_the_likelihood_is_scipys_maximum(name):
    found, best = beside_scipy(name, 0)
    assert found == pytest.approx(best, abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", FITTED)
def test_so_it_is_for_more_histories(name):
    for seed in range(1, 6):
        found, best = beside_scipy(name, seed)
        assert found == pytest.approx(best, abs=2e-4)


def test_geometric_and_constant_sizes_have_their_closed_form():
    history = np.array([0, 3, 0, 0, 1, 4, 0, 0, 2, 0, 0, 0, 2, 0.0])
    found = fit(history[None])
    sizes = history[history > 0]
    when = stats.binom.logpmf(5, 14, 5 / 14) - math.log(math.comb(14, 5))
    geometric = stats.geom.logpmf(sizes, 1 / sizes.mean()).sum()
    assert found.log_likelihood[0, NAMES["intermittent, geometric sizes"]] == pytest.approx(
        when + geometric, abs=1e-6
    )
    alike = fit(np.where(history > 0, 7.0, 0)[None])
    assert alike.log_likelihood[0, NAMES["intermittent, constant sizes"]] == pytest.approx(when)


@pytest.mark.parametrize(
    ("rate", "mean"), [(0.05, 40), (0.3, 300), (2, 3), (30, 30), (200, 1.05), (300, 8)]
)
def test_customers_with_geometric_sizes_follow_panjers_recursion(rate, mean):
    """In all three ranges of the closed form: few steps, few customers, and many of both."""
    exact = panjer(rate, mean, 3000)
    steps = np.flatnonzero(exact > 1e-200)
    theta = np.log([rate * mean, mean - 1])[:, None]
    found = PolyaAeppli().cell(theta, steps[steps > 0].astype(float))
    assert found == pytest.approx(np.log(exact[steps[steps > 0]]), abs=2e-4)


def test_the_evidence_of_a_history_is_that_of_drawing_it_one_by_one():
    history = np.array([0, 3, 3, 0, 8, 3.0])
    log_p, seen = 0.0, []
    for value in history:
        guess = 1 / ((value + 1) * (value + 2))
        log_p += math.log((seen.count(value) + guess) / (1 + len(seen)))
        seen.append(value)
    sample = Sample.of(history[None], np.ones(1))
    assert log_evidence(sample)[0] == pytest.approx(log_p)


def test_continuous_laws_are_scored_alike_however_fine_the_grid():
    """Ten times finer, each record is a tenth as likely: what models differ by stays."""
    history = np.round(seeded(8).gamma(3, 20, (1, 80)), 3)
    scores = [fit(history, np.array([grid])).score[0] for grid in (0.01, 0.001)]
    continuous = [NAMES[name] for name in ("normal", "gamma", "lognormal")]
    one, other = (each[continuous] - each[NAMES["gamma"]] for each in scores)
    assert one == pytest.approx(other, abs=0.05)
    expected = 2 * 80 * math.log(10)
    assert scores[1][NAMES["gamma"]] - scores[0][NAMES["gamma"]] == pytest.approx(expected, abs=0.1)


# --- laws ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mixed():
    """Items of several kinds, some of them known later."""
    rng = seeded(5)
    rows = [
        rng.poisson(0.4, 60), rng.negative_binomial(1, 0.2, 60), rng.poisson(30, 60),
        rng.geometric(0.2, 60) * (rng.random(60) < 0.3), np.rint(rng.gamma(2, 20, 60)),
        np.round(rng.lognormal(2, 1, 60) * (rng.random(60) < 0.2), 2), rng.choice([0, 2, 9], 60),
    ]  # fmt: skip
    history = np.array(rows, dtype=float)
    history[3:5, :20] = np.nan
    return history


def test_the_order_of_the_periods_changes_nothing(mixed):
    shuffled = np.array([seeded(n).permutation(row) for n, row in enumerate(mixed)])
    one, other = fit(mixed), fit(shuffled)
    assert other.score == pytest.approx(one.score)
    assert (one.chosen == other.chosen).all()


def test_an_item_is_fitted_alike_alone_and_among_others(mixed, monkeypatch):
    together = fit(mixed)
    monkeypatch.setattr(fitting, "AT_ONCE", 2)
    assert fit(mixed).score == pytest.approx(together.score, abs=1e-6)
    assert fit(mixed[:, ::-1]).score == pytest.approx(together.score, abs=1e-6)


def test_unknown_periods_are_as_if_they_were_not_there(mixed):
    short = mixed[3:5, 20:]
    assert fit(short).score == pytest.approx(fit(mixed).score[3:5], abs=1e-6)


def test_demand_in_lots_is_customers_who_take_one():
    units = seeded(2).poisson(0.7, (1, 100)).astype(float)
    one, lots = fit(units), fit(6 * units)
    assert CANDIDATES[one.chosen[0]].name == "poisson"
    assert CANDIDATES[lots.chosen[0]].name == "compound_poisson, constant sizes"
    assert lots.demand(0) == PoissonDemand(rate=one.demand(0).rate, size=Constant(value=6))
    assert lots.log_likelihood[0].max() >= one.log_likelihood[0, 0] - 1e-9


def test_another_unit_of_measure_changes_the_parameters_and_not_the_choice():
    litres = np.round(seeded(4).gamma(2, 8, (1, 90)) * (seeded(6).random((1, 90)) < 0.4), 2)
    one, other = fit(litres, np.array([0.01])), fit(litres / 10, np.array([0.001]))
    assert other.score == pytest.approx(one.score, abs=1e-5)
    assert other.demand(0).quantity.mean() == pytest.approx(
        one.demand(0).quantity.mean() / 10, rel=1e-5
    )


def test_the_mean_of_the_chosen_model_is_near_that_of_the_history(mixed):
    found = fit(mixed)
    for item in range(len(mixed)):
        error = 2 * math.sqrt(found.variance[item] / found.periods[item]) + 0.2 * found.grid[item]
        assert found.demand(item).units_per_time() == pytest.approx(found.mean[item], abs=error)


def test_moments_of_all_items_are_those_of_their_models(mixed):
    more = np.where(np.arange(60) % 3 == 0, 4.0, 0), 6 * seeded(2).poisson(0.7, 60), np.zeros(60)
    found = fit(np.concatenate([mixed, more]))
    assert len(set(found.chosen.tolist())) >= 7
    means, variances = found.moments()
    for item in np.flatnonzero(found.reason == ""):
        demand = found.demand(item, continuous=False)
        size, share = demand.amount, getattr(demand, "probability", 1)
        mean = share * size.mean()
        assert means[item] == pytest.approx(mean, rel=1e-4)
        variance = share * (size.variance() + size.mean() ** 2) - mean**2
        assert variances[item] == pytest.approx(variance, rel=1e-4)
    assert np.isnan(means[-1])


def test_a_tail_that_carries_a_mean_of_its_own_is_not_taken():
    """A lognormal law fitted to these has a mean of millions."""
    history = np.zeros((1, 60))
    history[0, :5] = 0.01, 0.0003, 0.0000002, 0.01, 150
    found = fit(history, np.array([1e-9]))
    assert found.score[0, NAMES["intermittent, lognormal sizes"]] == np.inf
    assert found.demand(0).units_per_time() < 10


def test_a_period_is_as_long_as_it_is_said_to_be():
    found = fit(seeded(1).poisson(3, (1, 80)).astype(float))
    assert found.demand(0, every=7).units_per_time() == pytest.approx(found.mean[0] / 7, rel=1e-5)
    together = found.demand(0, every=7, continuous=False)
    assert together.units_per_time() == pytest.approx(found.mean[0] / 7, rel=1e-5)
    assert together.every == 7


@pytest.mark.parametrize("size", ["constant", "geometric"])
@pytest.mark.parametrize("scale", [3, 4000])
def test_customers_of_a_period_at_once_ask_for_as_much(size, scale):
    rng = seeded(scale)
    sizes = (lambda n: n * scale) if size == "constant" else (
        lambda n: sum(rng.geometric(1 / scale, n)))  # fmt: skip
    history = np.array([[float(sizes(n)) for n in rng.poisson(1.5, 120)]])
    found, place = fit(history), NAMES[f"compound_poisson, {size} sizes"]
    one, other = (found.demand(0, model=place, continuous=each) for each in (True, False))
    assert other.units_per_time() == pytest.approx(one.units_per_time(), rel=2e-3)
    a_period = one.rate * (one.size.variance() + one.size.mean() ** 2)
    assert other.quantity.variance() == pytest.approx(a_period, rel=1e-2)


# --- edges ---------------------------------------------------------------------------------------

ZEROS = [0.0] * 40
ODD = {
    "all zero": ZEROS,
    "nothing known": [math.nan] * 40,
    "one demand": [*ZEROS, 5.0],
    "always the same": [7.0] * 30,
    "always the same fraction": [7.25] * 30,
    "the same now and then": [0.0, 0, 4] * 15,
    "one at a time": [0.0, 1, 0, 0, 1] * 8,
    "less varied than chance": [9.0, 10, 10, 11] * 10,
    "a million at a time": [*ZEROS, 1e6, 2.5e6, 1e6 + 1, 3e6],
    "up to a million, often": [float(k * k) for k in range(0, 1000, 25)],
    "one huge outlier": [*([0.0, 1, 2, 1, 0, 0, 3] * 8), 1e9],
    "dust": [*ZEROS, 1e-9, 1e-7, 1.0, 40.0, 1000.0],
    "large and precise": [1e12 + k for k in range(20)],
    "quadrillions": [*ZEROS, 1e15, 3e14, 5e14, 1e15],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_histories_have_a_model_that_runs_or_a_reason(name):
    found = fit(np.array([ODD[name]]))
    place = int(found.chosen[0])
    assert not np.isnan(found.score).any()
    assert (place < 0) == (name in ("all zero", "nothing known", "one demand"))
    if place < 0:
        with pytest.raises(ValueError, match="period"):
            found.demand(0)
        return
    text = found.text(0) + "[lead_time]\ndist = 'constant'\nvalue = 2\n"
    scenario = sl.parse(text + "[policies.a]\nkind = 'base_stock'\norder_up_to = 9\n")
    error = 2 * math.sqrt(found.variance[0] / found.periods[0]) + 0.2 * found.grid[0]
    near = pytest.approx(found.mean[0], abs=error, rel=1e-5)
    assert scenario.demand.units_per_time() == near


def test_demand_that_never_varies_is_said_to_be_so():
    found = fit(np.array([ODD["always the same"], ODD["always the same fraction"]]))
    assert [found.demand(item).quantity for item in (0, 1)] == [
        Constant(value=7),
        Constant(value=7.25),
    ]
    assert [found.demand(item).probability for item in (0, 1)] == [1, 1]


def test_a_history_stands_for_itself_where_no_law_does():
    history = seeded(3).choice([0, 4, 10, 50], (1, 100), p=[0.7, 0.1, 0.1, 0.1]).astype(float)
    found = fit(history)
    assert found.family[0] == "empirical"
    assert found.demand(0, every=7) == HistoryDemand(values=tuple(map(int, history[0])), every=7)


def test_no_items_are_no_trouble():
    assert len(fit(np.empty((0, 12)))) == 0


@pytest.mark.parametrize("bad", [-1.0, np.inf])
def test_quantities_that_are_none_are_refused(bad):
    with pytest.raises(ValueError, match="quantities of 0 or more"):
        fit(np.array([[1, 2, bad]]))


@pytest.mark.parametrize(
    ("periods", "demands", "said"),
    [
        (PERIODS - 1, 5, "11 periods of history, fewer than 12"),
        (40, DEMANDS - 1, "demand in 1 of 40 periods, fewer than 2"),
        (40, 0, "no demand in 40 periods"),
        (PERIODS, DEMANDS, ""),
    ],
)
def test_too_little_history_is_named(periods, demands, said):
    history = np.zeros((1, periods))
    history[0, :demands] = 2
    assert fit(history).reason[0] == said


def test_the_least_history_is_the_callers_to_say():
    history = np.array([[1.0, 2, 1, 0, 0]])
    assert fit(history).reason[0]
    assert not fit(history, least_periods=5, least_demands=1).reason[0]


@pytest.mark.parametrize(
    ("values", "grid"),
    [((3, 12, 0), 1), ((2.5, 1), 0.1), ((0.25, 7), 0.01), ((1500.25, 3000), 1), ((1e6, 2e6), 1)],
)
def test_the_grid_is_the_decimal_that_explains_the_quantities(values, grid):
    assert grid_of(np.array([[*values, math.nan]]))[0] == pytest.approx(grid)


@pytest.mark.parametrize(
    ("interval", "squared_cv", "name"),
    [
        (1.32, 0.49, "smooth"), (1.33, 0.49, "intermittent"), (1.32, 0.5, "erratic"),
        (1.33, 0.5, "lumpy"),
    ],
)  # fmt: skip
def test_classes_are_those_of_syntetos_boylan_and_croston(interval, squared_cv, name):
    assert classified(np.array([interval]), np.array([squared_cv]))[0] == name


def test_the_class_is_of_the_sizes_and_of_the_intervals_between_them():
    rows = [[5, 6] * 12, [1, 9] * 12, [5, 0] * 12, [1, 0, 9, 0] * 6, [0] * 24]
    found = fit(np.array(rows, dtype=float))
    assert found.classification.tolist() == ["smooth", "erratic", "intermittent", "lumpy", ""]
    assert found.interval[2] == 2
    assert found.squared_cv[1] == pytest.approx((4 / 5) ** 2)


# --- lead times ----------------------------------------------------------------------------------

RECORDED = {
    "constant": lambda rng: np.full(9, 4.0),
    "exponential": lambda rng: np.rint(rng.exponential(30, 200)),
    "gamma": lambda rng: np.rint(rng.gamma(4, 10, 400)),
    "lognormal": lambda rng: np.rint(rng.lognormal(3, 0.8, 400)),
    "normal": lambda rng: np.rint(rng.normal(60, 9, 400)),
    "empirical": lambda rng: rng.choice([2.0, 5, 30], 60),
}


@pytest.mark.parametrize("name", RECORDED)
def test_lead_times_are_recognised(name):
    records = RECORDED[name](seeded(len(name)))
    found = fit_lead_times(records[None])
    assert LEAD_NAMES[found.chosen[0]] == name
    model = found.lead_time(0, unit=2.0).distribution
    assert model.mean() == pytest.approx(2 * records.mean(), rel=0.03)


def test_few_lead_times_are_named():
    short, none = np.full((2, RECORDS), np.nan), np.zeros((1, RECORDS))
    short[1, :4] = 3
    assert fit_lead_times(short).reason.tolist() == [
        "no records, fewer than 5",
        "4 records, fewer than 5",
    ]
    assert fit_lead_times(none).reason[0] == "no lead time above 0"


def test_lead_times_of_many_items_are_fitted_as_one_by_one():
    rng = seeded(12)
    rows = [rng.gamma(2, 9, 30).round(), rng.lognormal(2, 1, 18).round(), np.full(7, 5.0)]
    padded = np.array(list(itertools.zip_longest(*rows, fillvalue=math.nan))).T
    together = fit_lead_times(padded)
    alone = [fit_lead_times(row[None]).score[0] for row in rows]
    assert together.score == pytest.approx(np.array(alone), abs=1e-6)
    assert isinstance(together.lead_time(0).distribution, Gamma) or together.chosen[0] != 2
