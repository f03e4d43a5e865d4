# %% [markdown]
# # 03 · How sure are we?
#
# A simulation gives another answer every time. That is no flaw: it tells how far to trust it.

# %% [markdown]
# ## The question
#
# Five people simulate the same bakery for 500 days each, with the same program and the same file.
# Only the dice differ. This is the fill rate that each of them reports:

# %%
import simlevel as sl

whole = sl.load("../scenarios/quickstart.toml")
bakery = whole.model_copy(update={"policies": {"current": whole.policies["current"]}})


def fill_rate(scenario, **settings):
    result = sl.simulate(scenario, **settings)
    return next(iter(result.policies.values())).measures["fill_rate"]


for seed in range(5):
    print(f"{fill_rate(bakery, seed=seed, replications=1, horizon=500).estimate:.2%}")

# %% [markdown]
# Who is right? And if you can afford only one run, how do you know which of the five you are?

# %% [markdown]
# ## The picture
#
# Do not do one long run. Do many short ones, each with dice of its own: **replications**. Their
# scatter shows how uncertain their mean is. Here the estimate is drawn after 2, 3, 4 and so on up
# to 60 replications, with the interval that can be worked out from the scatter so far.

# %%
settling = sl.convergence(bakery, replications=60)
ax = sl.figures.convergence(settling)

# %% [markdown]
# The estimate wanders, less and less, and the interval closes in. For this bakery theory knows
# the truth, the dashed line. Usually nobody does. The interval has to be enough.

# %% [markdown]
# ## The experiment
#
# ### What "95 %" promises
#
# The interval says: *made like this, nineteen intervals of twenty hold the true value*. That can
# be tried. Two hundred people make ten replications of 500 days each, and we, who know the truth,
# count how many of them are right.

# %%
truth = sl.analyze(bakery).policies["current"].measures["fill_rate"].analytic.value
people = [fill_rate(bakery, seed=seed, replications=10, horizon=500) for seed in range(200)]
right = [each.low <= truth <= each.high for each in people]
print(f"the truth: {truth:.2%}; {sum(right)} of {len(right)} intervals hold it")

# %%
from matplotlib import pyplot as plt

_, ax = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
for place, (each, holds) in enumerate(zip(people[:60], right[:60], strict=True)):
    color, style = ("#0072B2", "-") if holds else ("#D55E00", ":")
    ax.plot([place, place], [each.low, each.high], style, color=color, lw=2)
ax.axhline(truth, color="black", lw=1)
ax.set(
    title="Intervals of sixty people, dotted where they miss", xlabel="person", ylabel="fill rate"
)
ax.yaxis.set_major_formatter(lambda value, _: f"{100 * value:g} %")

# %% [markdown]
# About nineteen of twenty, and those who miss do not miss by much. Nobody can tell from the
# inside whether theirs is one of the unlucky intervals. Who cannot live with that asks for more
# confidence, and gets wider intervals.
#
# ### What precision costs
#
# How many replications make an interval half as wide?

# %%
for replications in [5, 20, 80, 320]:
    found = fill_rate(bakery, replications=replications, horizon=500)
    width = 100 * (found.high - found.low) / 2
    print(f"{replications:3} replications: {found.estimate:.2%}, give or take {width:.3f} points")

# %% [markdown]
# Four times as many. The uncertainty falls with the square root of the effort, so the second
# decimal of a percentage costs a hundred times as much as the first. Ask for the precision that
# the decision needs, and let the program find out how many replications that takes:

# %%
result = sl.simulate(bakery, precision={"fill_rate": 0.0005})
found = result.policies["current"].measures["fill_rate"]
print(f"{result.run.replications} replications: [{found.low:.2%}, {found.high:.2%}]")

# %% [markdown]
# On the command line it is `simlevel run FILE --precision fill_rate=0.0005`.
#
# ### What no precision cures
#
# An interval knows about dice. It knows nothing about a wrong start. Here are garden chairs from
# overseas, six weeks away. The simulation begins with all of them on the shelf and none at sea,
# and no ordinary week begins like that:

# %%
from simlevel.studies.convergence import start

chairs = sl.Scenario(
    name="Garden chairs",
    time_unit="week",
    demand={"kind": "poisson", "rate": 40},
    lead_time=6,
    policies={"weekly": {"kind": "base_stock", "order_up_to": 290, "review_period": 1}},
)
ax = sl.figures.start(start(chairs))

# %% [markdown]
# For some weeks there are far too many chairs. What lies before the line is simulated and not
# counted: the **warm-up**. What happens to somebody who counts it, looks at one year at a time,
# and is proud of a thousand replications?


# %%
def counted_from(warmup, scenario=chairs):
    settings = scenario.simulation.model_copy(update={"warmup": warmup})
    moved = scenario.model_copy(update={"simulation": settings})
    return fill_rate(moved, replications=1000, horizon=52)


for name, warmup in [("from the first day", 0), ("after the warm-up", "auto")]:
    found = counted_from(warmup)
    print(f"{name}: {found.estimate:.2%} [{found.low:.2%}, {found.high:.2%}]")
truth = sl.analyze(chairs).policies["weekly"].measures["fill_rate"].analytic.value
print(f"the truth: {truth:.2%}")

# %% [markdown]
# A thousand replications, a narrow interval, and a wrong answer: the first interval does not hold
# the truth. More replications would only make it more sure of itself.
#
# **Move it.** How the picture above looks for other measures and other numbers of replications:


# %%
def settle(measure="cycle_service_level", replications=20):
    found = sl.convergence(bakery, measure=measure, replications=replications)
    sl.figures.convergence(found)


settle()

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(
    settle,
    measure=["cycle_service_level", "fill_rate", "ready_rate", "mean_on_hand", "cost_per_time"],
    replications=(5, 200),
)

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** Two hundred people again, but bold ones: they ask for a confidence of 0.8. How
# many of their intervals hold the truth, and how wide are they beside the others?
#
# <details><summary>Solution</summary>
#
# ```python
# truth = sl.analyze(bakery).policies["current"].measures["fill_rate"].analytic.value
# bold = [
#     fill_rate(bakery, seed=seed, replications=10, horizon=500, confidence=0.8)
#     for seed in range(200)
# ]
# print(sum(each.low <= truth <= each.high for each in bold), "of 200 hold it")
# narrow, wide = (sum(each.high - each.low for each in them) for them in (bold, people))
# print(f"{narrow / wide:.2f} times as wide")
# ```
#
# ```text
# 164 of 200 hold it
# 0.61 times as wide
# ```
#
# About four of five, as promised, for intervals of 0.61 times the width. The estimates in the
# middle are the same ones. Confidence is a choice of how to speak about the same information.
#
# </details>

# %% [markdown]
# **Exercise 2.** Which is better: 10 replications of 2,000 days, or 100 replications of 200 days?
# As many days are counted. Look at the intervals, and at what is thrown away.
#
# <details><summary>Solution</summary>
#
# ```python
# for replications, days in [(10, 2000), (100, 200)]:
#     result = sl.simulate(bakery, replications=replications, horizon=days)
#     found = result.policies["current"].measures["fill_rate"]
#     width = 100 * (found.high - found.low) / 2
#     thrown_away = replications * result.run.warmup
#     print(f"{replications} x {days}: give or take {width:.3f} points, {thrown_away} days cut off")
# ```
#
# ```text
# 10 x 2000: give or take 0.205 points, 200 days cut off
# 100 x 200: give or take 0.172 points, 2000 days cut off
# ```
#
# With ten replications the scatter is estimated from ten numbers, and the interval has to be
# wider to make up for it; with a hundred that hardly matters. But each replication pays its
# warm-up. Between ten and fifty replications, each much longer than its warm-up, is a good habit.
#
# </details>

# %% [markdown]
# **Exercise 3.** Do twenty replications tell the two policies of `quickstart.toml` apart by their
# cost? Ask `sl.simulate(whole).differences["proposed"]["cost_per_time"]`. Then take the
# difference of two *independent* runs, with other seeds. Why does it scatter so much more?
#
# <details><summary>Solution</summary>
#
# ```python
# found = sl.simulate(whole).differences["proposed"]["cost_per_time"]
# print(f"{found.estimate:+.4f} [{found.low:+.4f}, {found.high:+.4f}]: {found.verdict}")
# print(f"about {found.replications_to_tell} replications would tell")
#
#
# def cost(policy, seed):
#     result = sl.simulate(whole, seed=seed, replications=5, horizon=500)
#     return result.policies[policy].measures["cost_per_time"].estimate
#
#
# import statistics
#
# same = [cost("proposed", seed) - cost("current", seed) for seed in range(40)]
# other = [cost("proposed", seed) - cost("current", seed + 1000) for seed in range(40)]
# print(f"the same customers: scatter {statistics.stdev(same):.4f}")
# print(f"other customers: scatter {statistics.stdev(other):.4f}")
# ```
#
# ```text
# +0.0015 [-0.0092, +0.0123]: cannot tell
# about 1269 replications would tell
# the same customers: scatter 0.0159
# other customers: scatter 0.0260
# ```
#
# With the same seed both policies meet the same customers. A busy month is expensive for both,
# and drops out of the difference. These *common random numbers* are why policies are compared in
# one file.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - A. M. Law, *Simulation Modeling and Analysis*, 5th ed., McGraw-Hill 2015, chapters 9 to 11:
#   replications, warm-up, and comparing systems on common random numbers.
# - B. L. Nelson, *Foundations and Methods of Stochastic Simulation*, Springer 2013: where errors
#   of a simulation come from, and which of them more runs cure.
