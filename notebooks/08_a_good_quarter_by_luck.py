# %% [markdown]
# # 08 · A good quarter by luck
#
# A policy has one long-run service. A quarter has whatever happened in it.

# %% [markdown]
# ## The question
#
# A depot supplies drill bits. About once a day somebody comes, for 5 boxes on average, sometimes
# for one, sometimes for twenty. An order of 200 boxes takes 10 days. The contract says: *95 % of
# the boxes at once, in every quarter*; for a quarter below that, there is a fine.
#
# The planner has done her homework. In the long run her reorder point gives just 95 %:

# %%
import simlevel as sl


def depot(reorder_point=51):
    policy = {"kind": "rQ", "reorder_point": reorder_point, "order_quantity": 200}
    return sl.Scenario(
        name="Drill bits",
        demand={"kind": "poisson", "rate": 1, "size": {"dist": "geometric", "mean": 5}},
        lead_time=10,
        policies={"depot": policy},
        targets={"fill_rate": "95%"},
    )


long_run = sl.analyze(depot()).policies["depot"].measures["fill_rate"].analytic
print(f"{long_run.value:.1%}")

# %% [markdown]
# How many of 100 quarters does she pay for? Guess: almost none, about half, or almost all?

# %% [markdown]
# ## The picture
#
# Four depots with this policy, three years each, cut into quarters of 90 days. For every customer
# the trace says what was there before. So we can count ourselves: boxes asked for, and boxes handed
# over at once.

# %%
import matplotlib.pyplot as plt

BLUE, ORANGE = "#0072B2", "#D55E00"  # told apart by the colour-blind too


def scores(seed):
    """The fill rate of each of twelve quarters, counted customer by customer."""
    events = sl.trace(depot(), until=12 * 90, seed=seed).to_frame()
    customers = events[events["event"] == "demand"]
    asked, there = customers["quantity"], customers["before"].clip(lower=0)
    quarter = customers["time"] // 90 + 1
    return asked.clip(upper=there).groupby(quarter).sum() / asked.groupby(quarter).sum()


_, axes = plt.subplots(2, 2, figsize=(9, 5), sharex=True, sharey=True, layout="constrained")
for number, ax in enumerate(axes.flat, 1):
    found = scores(seed=number)
    late = found < 0.95
    colors = [ORANGE if each else BLUE for each in late]
    ax.bar(found.index, 100 * (found - 0.95), bottom=95, color=colors)
    ax.axhline(95, color="black", lw=0.8)
    ax.set(ylim=(82, 101), xticks=range(1, 13))
    ax.set_title(f"depot {number}: {late.sum()} of 12 below 95 %", loc="left", fontsize=11)
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[1]:
    ax.set_xlabel("quarter")
for ax in axes[:, 0]:
    ax.set_ylabel("fill rate, %")

# %% [markdown]
# Somebody who saw these bars in a meeting would ask what went wrong in the orange quarters, and
# what the best of the four depots does better than the others. Nothing, and nothing: all four have
# the same policy and the same kind of customers. That is what luck looks like.

# %% [markdown]
# ## The experiment
#
# Four times twelve quarters are few ([notebook 03](03_how_sure_are_we.ipynb)). With `window=90` the
# simulation keeps the score of each of some thousands:


# %%
def scatter(reorder_point, window):
    result = sl.simulate(depot(reorder_point), window=window)
    sl.figures.windows(result)


scatter(reorder_point=51, window=90)

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(scatter, reorder_point=(40, 90), window=(10, 360, 10))

# %%
quarters = sl.simulate(depot(), window=90).policies["depot"].windows
fill = quarters.measures["fill_rate"]
met = fill.meets_target
print(f"{quarters.count:,} quarters; {met.estimate:.1%} [{met.low:.1%}, {met.high:.1%}] reach 95 %")
print(f"fines in {1 - met.estimate:.1%}")
print(
    "quantiles",
    {f"{share:.0%}": f"{found.estimate:.1%}" for share, found in fill.quantiles.items()},
)

# %% [markdown]
# About 59 of 100 quarters reach the target, so she pays for 41: not "almost none". The last line
# has the quantiles: one quarter in twenty is at 86.1 % or below, one in four at 92.5 % or below.
# And very many are at 100 %: the tall bar at the right.
#
# **The length of the window.** Does a longer one help?

# %%
import pandas as pd

rows = {}
for days in (7, 30, 90, 180, 360, 1800):
    found = sl.simulate(depot(), window=days, horizon=36_000).policies["depot"].windows
    fill = found.measures["fill_rate"]
    rows[f"{days} days"] = {
        "5 % quantile": f"{fill.quantiles[0.05].estimate:.1%}",
        "median": f"{fill.quantiles[0.5].estimate:.1%}",
        "reach 95 %": f"{fill.meets_target.estimate:.1%}",
        "mean of windows": f"{fill.mean.estimate:.2%}",
    }
pd.DataFrame(rows).T

# %% [markdown]
# A week is over before much can go wrong, and 89 % of the weeks reach the target. The longer the
# window, the closer all scores are to the long run: in five years only one of twenty is below
# 93.1 %. But the chance of reaching 95 % does not grow. It goes down to a half: if the long run
# lies on the target itself, the score of a long window is as often above as below.
#
# So a target and a length belong together. "95 %" alone says as little as "within the limit"
# without the limit.
#
# **Why the mean of the windows is too high.** Look at the last column. The fill rate of this depot
# is 95.0 %. The mean of the weekly scores is 96.1 %. Nobody made a mistake: it is another number.
#
# Here is the smallest example. Every morning two boxes are on the shelf. Half of the days one box
# is asked for, the other half three. In the long run 4 boxes are asked for in two days and 3 are
# there: 75 %. The daily scores are 1/1 and 2/3, and their mean is 83.3 %. In the long run a busy
# day counts three times as much as a quiet one, for that is where the boxes are. In a mean of
# scores both count the same. And it is on busy days that boxes are short.
#
# Where every morning finds a full shelf, theory knows the mean of windows of any length exactly:

# %%
quiet_or_busy = {"dist": "discrete", "values": [1, 3], "probabilities": [0.5, 0.5]}
lengths = (1, 2, 3, 5, 10, 20, 50)
means = [sl.finite_horizon_fill_rate(quiet_or_busy, 2, periods=days) for days in lengths]
print({days: f"{mean:.1%}" for days, mean in zip(lengths, means, strict=True)})

two_boxes = sl.Scenario(
    demand={"kind": "periodic", "quantity": quiet_or_busy},
    lead_time=0,
    policies={"full": {"kind": "base_stock", "order_up_to": 2, "review_period": 1}},
)
by_two_days = sl.simulate(two_boxes, window=2).policies["full"]
mean, whole = by_two_days.windows.measures["fill_rate"].mean, by_two_days.measures["fill_rate"]
print(f"simulated: two days {mean.estimate:.3f} [{mean.low:.3f}, {mean.high:.3f}]")
print(f"       long run {whole.estimate:.3f} [{whole.low:.3f}, {whole.high:.3f}]")

# %% [markdown]
# It falls towards 75 % as the window grows. This is also why a report that averages twelve monthly
# fill rates shows more than the customers got: add up the boxes, not the percentages.
#
# **What it takes.** She wants to pay in one quarter of ten at most. Which reorder point does that
# take, and which long-run fill rate is it?

# %%
points = range(40, 89, 4)
chances, fills = [], []
for reorder_point in points:
    found = sl.simulate(depot(reorder_point), window=90).policies["depot"]
    chances.append(found.windows.measures["fill_rate"].meets_target)
    fills.append(found.measures["fill_rate"].analytic.value)

_, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
shares = [100 * fill for fill in fills]
low, high = ([100 * getattr(chance, end) for chance in chances] for end in ("low", "high"))
ax.fill_between(shares, low, high, color=BLUE, alpha=0.25)
ax.plot(shares, [100 * chance.estimate for chance in chances], "o-", color=BLUE, ms=3.5)
ax.axhline(90, color="black", ls=":", lw=1.2)
ax.axvline(95, color="grey", ls=":", lw=1.2)
ax.set(xlabel="long-run fill rate, %", ylabel="share of quarters that reach 95 %, in %")
ax.spines[["top", "right"]].set_visible(False)

first = next(n for n, chance in enumerate(chances) if chance.estimate >= 0.9)
title = f"nine quarters of ten reach 95 % from {100 * fills[first]:.1f} % on"
ax.set_title(title, loc="left", fontweight="bold")
on_hand = [
    sl.analyze(depot(reorder_point)).policies["depot"].measures["mean_on_hand"].analytic.value
    for reorder_point in (51, points[first])
]
print(f"reorder point {points[first]}, long run {fills[first]:.1%}")
print("on the shelf, boxes: {:.0f} then, {:.0f} now".format(*on_hand))

# %% [markdown]
# To reach 95 % in nine quarters of ten she has to run the depot at 98.5 %, with 72 instead of 51.
# That is some twenty boxes more on the shelf, day in, day out: the price of a promise by the
# quarter. The alternatives are a lower target, a longer window, or a fine that grows with the boxes
# that are missing.

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** With the pencil: two boxes every morning, one or three asked for with equal
# chance. List the four kinds of two-day windows. What is the mean of their scores? How often is a
# target of 75 % reached?
#
# <details><summary>Solution</summary>
#
# Quiet and quiet: 2 of 2. Quiet and busy, either way round: 3 of 4. Busy and busy: 4 of 6.
#
# ```python
# scores = [2 / 2, 3 / 4, 3 / 4, 4 / 6]
# print(f"mean {sum(scores) / 4:.3f}")
# reached = by_two_days.windows.measures["fill_rate"].bars
# for share, count in zip(reached.low, reached.count, strict=True):
#     print(f"score {share:.3f}: {count / by_two_days.windows.count:.1%} of the windows")
# ```
#
# ```text
# mean 0.792
# score 0.667: 25.0% of the windows
# score 0.750: 50.0% of the windows
# score 1.000: 25.0% of the windows
# ```
#
# The mean is 0.792, and 75 % is reached in three windows of four: the program finds each
# kind as often as the pencil says, to a point.
#
# </details>

# %% [markdown]
# **Exercise 2.** A buyer has twenty suppliers, all of them depots like this one. Each quarter he
# writes to the one with the worst score, and praises the best. What scores do they have, on
# average? What will they have in the next quarter? (`quarters.measures["fill_rate"].bars` is the
# histogram: draw twenty scores from it, many times.)
#
# <details><summary>Solution</summary>
#
# ```python
# import numpy as np
#
# bars = quarters.measures["fill_rate"].bars
# scores = (np.array(bars.low) + np.array(bars.high)) / 2
# chance = np.array(bars.count) / quarters.count
# drawn = np.random.default_rng(8).choice(scores, (10_000, 20), p=chance)
# print(f"worst {drawn.min(axis=1).mean():.1%}, best {drawn.max(axis=1).mean():.1%}")
# print(f"any of them in the next quarter {drawn.mean():.1%}")
# ```
#
# ```text
# worst 84.3%, best 100.0%
# any of them in the next quarter 95.2%
# ```
#
# The worst of twenty has 84 % or so, and next quarter, one quarter being nearly independent of
# the one before it, about 95 % like everybody else. The letter seems to have helped. The best comes
# down from 100 %: praise seems to harm. It is called regression to the mean.
#
# </details>

# %% [markdown]
# **Exercise 3.** The other side of the contract wants Type I instead: 95 % of the *deliveries* of a
# quarter should come in time. Draw `sl.figures.windows` of it with `measure="cycle_service_level"`.
# Why does the picture look like that? What would you tell them?
#
# <details><summary>Solution</summary>
#
# ```python
# result = sl.simulate(depot(), window=90)
# sl.figures.windows(result, measure="cycle_service_level")
# scores = result.policies["depot"].windows.measures["cycle_service_level"].bars
# for share, count in zip(scores.low, scores.count, strict=True):
#     print(f"{share:.3f}: {count}")
# print(f"deliveries in a quarter: {90 * 5 / 200}")
# ```
#
# ```text
# 0.000: 962
# 0.250: 4
# 0.333: 547
# 0.500: 1498
# 0.667: 375
# 1.000: 1074
# deliveries in a quarter: 2.25
# ```
#
# Two or three deliveries or so come in a quarter, so the score can only be one of a few: none, a
# third, a half, two thirds, all. A target of 95 % then means "all", whatever the contract says. A
# share of two or three things is not a measure of anything; they should count over some years, or
# count boxes.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - J. Chen, D. K. J. Lin and D. J. Thomas, On the single item fill rate for a finite horizon,
#   *Operations Research Letters* 31 (2003): why the expected fill rate of a window is too high.
# - D. J. Thomas, Measuring item fill-rate performance in a finite horizon, *Manufacturing & Service
#   Operations Management* 7 (2005): contracts by the quarter.
# - A. Banerjee and A. Paul, Average fill rate and horizon length, *Operations Research Letters* 33
#   (2005).
# - D. Kahneman, *Thinking, Fast and Slow*, Farrar, Straus and Giroux 2011, chapter 17: praise,
#   blame and regression to the mean.
