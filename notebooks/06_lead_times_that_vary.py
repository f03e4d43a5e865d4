# %% [markdown]
# # 06 · Lead times that vary and orders that overtake
#
# Ships are late. How much that costs depends on a question that no formula asks: may the next
# ship come in first?

# %% [markdown]
# ## The question
#
# An importer sells garden chairs, some 40 a week. Every week she orders: so many that what is on
# the shelf and on its way comes to 360 chairs again. A container takes 6 weeks on average, and the
# times scatter about that with a standard deviation of 2.5 weeks. There are two ways to ship:
#
# - **any forwarder** that has room. Each container takes its own time, and a later one may come in
#   first;
# - **one queue**, at one forwarder. A container would take the same time, but it never comes in
#   before the one that was ordered earlier.
#
# The same chairs, the same customers, the same times at sea. Of a hundred chairs asked for, how
# many are handed over at once? Guess two numbers: one for any forwarder, one for the queue.
#
# Both stand in a file, and the files differ in one word. This is the first:

# %%
from pathlib import Path

import simlevel as sl

any_forwarder = sl.load("../scenarios/importer.toml")
one_queue = sl.load("../scenarios/importer_in_order.toml")
text = Path("../scenarios/importer.toml").read_text()
print(text[text.index("[demand]") : text.index("[targets]")])

# %% [markdown]
# ## The picture
#
# Fourteen weekly containers. A line leads from the week of the order, below, to the week in which
# the chairs are there, above. The steeper the line, the faster the ship. Left, lines cross: one
# ship has overtaken another. Right, the same ships, and nobody may overtake: who would, waits.

# %%
import matplotlib.pyplot as plt
import numpy as np
from scipy import stats

BLUE, ORANGE = "#0072B2", "#D55E00"  # told apart by the colour-blind too
ordered = np.arange(14)
luck = np.random.default_rng(21).random(14)  # of each ship: 0 is the fastest of all, 1 the slowest


def arrivals(sd, mean=6):
    """The week in which each container arrives: by itself, and in one queue."""
    alone = ordered + stats.gamma(mean**2 / sd**2, scale=sd**2 / mean).ppf(luck)
    return alone, np.maximum.accumulate(alone)


def two_ways(sd):
    alone, queued = arrivals(sd)
    overtaken = sum(later < earlier for n, earlier in enumerate(alone) for later in alone[n:])
    waits = (queued > alone).sum()
    _, axes = plt.subplots(1, 2, figsize=(9.4, 3.4), sharey=True, layout="constrained")
    for ax, there in zip(axes, (alone, queued), strict=True):
        for begin, own, end in zip(ordered, alone, there, strict=True):
            ax.plot([begin, end], [0, 1], color=ORANGE if end > own else BLUE, lw=1.4)
        ax.set(xlabel="time, weeks", xlim=(0, 33), ylim=(0, 1))
        ax.set_yticks([0, 1], ["ordered", "arrived"])
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_title(f"any forwarder: {overtaken} times one overtakes another", loc="left")
    axes[1].set_title(f"one queue: {waits} wait for others (orange)", loc="left")


two_ways(sd=2.5)

# %% [markdown]
# Look at the right side: chairs come in bunches. One slow ship holds up all that follow, and then
# they arrive on the same day. On the left a slow ship is late alone.
#
# In a live notebook the next cell has a slider for the scatter. At which scatter do the two
# pictures part? (Orders leave one week apart.)

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(two_ways, sd=(0.1, 4, 0.1))

# %% [markdown]
# ## The experiment
#
# Twenty simulations of ten years or so, of both ways. Every number comes with an interval that
# is made to hold the true value 95 % of the time.

# %%
import pandas as pd

ways = {"any forwarder": any_forwarder, "one queue": one_queue}


def measures(scenario, **more):
    return sl.simulate(scenario, **more).policies["weekly"].measures


found = {way: measures(scenario) for way, scenario in ways.items()}


def percent(measure):
    return f"{measure.estimate:.1%} [{measure.low:.1%}, {measure.high:.1%}]"


def units(measure):
    return f"{measure.estimate:.0f} [{measure.low:.0f}, {measure.high:.0f}]"


pd.DataFrame(
    {
        way: {
            "Type I, deliveries in time": percent(its["cycle_service_level"]),
            "Type II, chairs at once": percent(its["fill_rate"]),
            "chairs on order": units(its["mean_on_order"]),
            "weeks from order to arrival": f"{its['mean_on_order'].estimate / 40:.1f}",
        }
        for way, its in found.items()
    }
)

# %% [markdown]
# 97 % against 68 % of the chairs. Overtaking sounds like disorder, and it is what keeps the shelf
# full. Where a ship is late, the next one fills in for it.
#
# In the queue, waiting for others makes the average container take 7.7 weeks instead of 6, and so
# 307 chairs are on their way instead of 239. What is on its way is not on the shelf.
#
# **What does the textbook say?** An order has to cover the lead time $L$ and the week $R$ until the
# next order ([notebook 04](04_the_formula_and_the_simulation.ipynb)). The demand of that time has
# the mean $d\,(L+R)$ and, so one learns, the variance
#
# $$\sigma^2 = (L + R)\,\sigma_d^2 + d^2 \sigma_L^2$$
#
# with $d$ chairs a week, and $\sigma_d^2$ their variance: for customers who come at random that is
# $d$ again.

# %%
d, L, R, S = 40, 6, 1, 360
scatter = 2.5

sigma_from_customers = ((L + R) * d) ** 0.5
sigma_from_ships = d * scatter
sigma = (sigma_from_customers**2 + sigma_from_ships**2) ** 0.5
in_time = stats.norm.cdf((S - d * (L + R)) / sigma)

print(f"customers {sigma_from_customers:.1f}, ships {sigma_from_ships:.1f}, both {sigma:.1f}")
print(f"{S - d * (L + R)} chairs of safety stock: Type I {in_time:.1%}")

# %% [markdown]
# So the ships are nearly all of it: customers add 17 chairs to 100, and both together make 101.4.
# With 80 chairs of safety stock 78.5 % of the deliveries come in time. Without simulation we could
# have asked the program: it works out the textbook's values beside its own.

# %%
pd.DataFrame(
    {
        way: {
            f"Type {kind}, {whose}": f"{value:.1%}"
            for kind, measure in (("I", its["cycle_service_level"]), ("II", its["fill_rate"]))
            for whose, value in (
                ("textbook", measure.textbook[-1].value),
                ("simulated", measure.estimate),
            )
        }
        for way, its in found.items()
    }
)

# %% [markdown]
# One answer for two warehouses, 83.5 %, and it is wrong for both: 97 % and 68 % are the truth, to a
# point or two. The formula makes two assumptions that contradict each other:
#
# - each ship's time is drawn by itself, so that a ship may be much faster than the one before it;
# - no ship overtakes: when an order is there, so are all the earlier ones.
#
# Both can hold only where the times vary less than the time between two orders.
#
# What does that mean for the stock? Let the level run, and see what each way needs for 95 %:

# %%
levels = "260:520:10"
curves = {}
for way, scenario in ways.items():
    swept = sl.sweep(scenario, {"policies.weekly.order_up_to": levels}, horizon=3000)
    frame = swept.to_frame().query("measure == 'fill_rate'")
    curves[way] = frame.set_index("policies.weekly.order_up_to")
taught = curves["one queue"]["analytic"]  # nothing is exact here: the nearest formula stands there

_, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
for (way, curve), color in zip(curves.items(), (BLUE, ORANGE), strict=True):
    ax.fill_between(curve.index, 100 * curve["low"], 100 * curve["high"], color=color, alpha=0.25)
    ax.plot(curve.index, 100 * curve["estimate"], color=color, label=way)
ax.plot(taught.index, 100 * taught, color="black", ls="--", lw=1.2, label="textbook, for both")
ax.axhline(95, color="grey", ls=":")
ax.set(xlabel="order-up-to level, chairs", ylabel="Type II: fill rate, %")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)

needed = [c.index[c["estimate"] >= 0.95][0] for c in curves.values()]
needed.insert(1, taught.index[taught >= 0.95][0])
ax.set_title("For 95 %: {} chairs, {} or {}".format(*needed), loc="left", fontweight="bold")
needed

# %% [markdown]
# For 95 % the textbook asks for 430 chairs. With any forwarder 350 are enough; in the queue it
# takes 510. (The levels were tried ten by ten; the bands are 95 % intervals.)
#
# **Where theory reaches.** For these two files the program has no exact answer, which is why they
# were simulated. For a case nearby it has: ships that take whole weeks, and an order every week.
# The law of what is on its way can then be added up week by week. If the simulation is right there,
# it is easier to believe elsewhere.

# %%
WHOLE_WEEKS = {
    "dist": "discrete",
    "values": [2, 4, 6, 8, 10],
    "probabilities": [0.1, 0.2, 0.4, 0.2, 0.1],
}


def whole_weeks(crossing):
    sold = {"dist": "discrete", "values": [34, 40, 46], "probabilities": [0.25, 0.5, 0.25]}
    weekly = {"kind": "base_stock", "order_up_to": 360, "review_period": 1}
    return sl.Scenario(
        time_unit="week",
        demand={"kind": "periodic", "quantity": sold},
        lead_time=WHOLE_WEEKS | {"order_crossing": crossing},
        policies={"weekly": weekly},
    )


for way, crossing in (("any forwarder", True), ("one queue", False)):
    fill = measures(whole_weeks(crossing), precision={"fill_rate": 0.003})["fill_rate"]
    print(f"{way}: simulated {percent(fill)}, exact {fill.analytic.value:.1%}: {fill.verdict}")

# %% [markdown]
# Again some 98 % with overtaking, and far less without; and two ways of finding it out that
# share nothing agree.
#
# **For your own warehouse.** Before you type a standard deviation into a formula, look at the
# record of your orders: did a later one ever arrive first? And if your supplier keeps the order,
# take care what the record holds. The times in it include the waiting for others already.
# `order_crossing = false` wants the times that an order would have taken by itself; fed with the
# recorded ones, it makes orders wait twice.

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** Faster or more reliable? Two offers for the importer in the queue: ships that take
# 3 weeks instead of 6 with the same scatter of 2.5, or ships that still take 6 weeks with a scatter
# of 1.25. She keeps 80 chairs above the mean of $L + R$ in either case. Work out the textbook's
# $\sigma$ of both by hand, choose, and simulate.
#
# <details><summary>Solution</summary>
#
# ```python
# for mean, sd in ((6, 2.5), (3, 2.5), (6, 1.25)):
#     sigma = ((mean + 1) * 40 + (40 * sd) ** 2) ** 0.5
#     offer = sl.Scenario(
#         time_unit="week",
#         demand={"kind": "poisson", "rate": 40},
#         lead_time={"dist": "gamma", "mean": mean, "sd": sd, "order_crossing": False},
#         policies={
#             "weekly": {
#                 "kind": "base_stock",
#                 "order_up_to": 40 * (mean + 1) + 80,
#                 "review_period": 1,
#             }
#         },
#     )
#     fill = measures(offer, replications=40)["fill_rate"]
#     print(f"{mean} weeks, scatter {sd}: sigma {sigma:.0f}, Type II {percent(fill)}")
# ```
#
# ```text
# 6 weeks, scatter 2.5: sigma 101, Type II 67.6% [66.2%, 68.8%]
# 3 weeks, scatter 2.5: sigma 101, Type II 65.4% [64.0%, 66.6%]
# 6 weeks, scatter 1.25: sigma 53, Type II 94.6% [94.2%, 95.0%]
# ```
#
# More reliable, by far. Half the time at sea leaves $\sigma$ almost where it was, because nearly
# all of it comes from the scatter. What the shorter time does save is stock on the water.
#
# </details>

# %% [markdown]
# **Exercise 2.** The importer orders a chair whenever she sells one, and each chair comes by
# itself, overtaking as it likes: base stock under continuous review. Here theory is exact, and
# `sl.analyze` gives its answer without any simulation. How does the fill rate depend on the scatter
# of the lead time? Guess, then ask it for 0.5, 2.5 and 5 weeks.
#
# <details><summary>Solution</summary>
#
# ```python
# for sd in (0.5, 2.5, 5):
#     one_by_one = sl.Scenario(
#         time_unit="week",
#         demand={"kind": "poisson", "rate": 40},
#         lead_time={"dist": "gamma", "mean": 6, "sd": sd},
#         policies={"chair by chair": {"kind": "base_stock", "order_up_to": 265}},
#     )
#     fill = sl.analyze(one_by_one).policies["chair by chair"].measures["fill_rate"]
#     sigma = (240 + (40 * sd) ** 2) ** 0.5
#     print(f"scatter {sd}: exactly {fill.analytic.value:.4%}; textbook's sigma {sigma:.0f}")
# print(f"root of 240: {240**0.5:.1f}")
# ```
#
# ```text
# scatter 0.5: exactly 94.1353%; textbook's sigma 25
# scatter 2.5: exactly 94.1353%; textbook's sigma 101
# scatter 5: exactly 94.1353%; textbook's sigma 201
# root of 240: 15.5
# ```
#
# Not at all. The chairs on their way are like guests in a house with room for everybody: how many
# are there depends on how many come and how long they stay *on average*, and on nothing else. It is
# a Poisson number of mean 240, so the true $\sigma$ is the root of that, 15.5, for every scatter.
# That is Palm's theorem. The formula's 201 chairs are wrong by a factor of thirteen.
#
# Containers spoil this: the chairs of a week share a ship, and are late together. That is why the
# weekly importer is somewhere between.
#
# </details>

# %% [markdown]
# **Exercise 3.** Let her order every 2, 4 or 8 weeks instead of every week, up to
# $40\,(6 + R) + 80$ chairs. What becomes of the difference between the two ways? Whom does the
# textbook suit?
#
# <details><summary>Solution</summary>
#
# ```python
# for review in (1, 2, 4, 8):
#     row = []
#     for scenario in ways.values():
#         changed = {"order_up_to": 40 * (6 + review) + 80, "review_period": review}
#         policy = scenario.policies["weekly"].model_copy(update=changed)
#         fill = measures(scenario.model_copy(update={"policies": {"weekly": policy}}))["fill_rate"]
#         row.append(f"{fill.estimate:.1%}")
#     row.append(f"{fill.textbook[-1].value:.1%}")
#     print(f"R = {review}: any forwarder {row[0]}, one queue {row[1]}, textbook {row[2]}")
# ```
#
# ```text
# R = 1: any forwarder 97.2%, one queue 67.9%, textbook 83.5%
# R = 2: any forwarder 95.3%, one queue 82.3%, textbook 87.5%
# R = 4: any forwarder 94.6%, one queue 90.8%, textbook 92.3%
# R = 8: any forwarder 95.5%, one queue 95.2%, textbook 96.0%
# ```
#
# It melts away. Ships that leave eight weeks apart hardly ever overtake one another, so it does not
# matter whether they may, and the textbook's two assumptions stop being at odds. The formula is for
# those who order seldom.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - P. H. Zipkin, *Foundations of Inventory Management*, McGraw-Hill 2000, chapter 7: Palm's
#   theorem, and supply systems in which orders do or do not cross.
# - S. Axsäter, *Inventory Control*, 3rd ed., Springer 2015, chapter 5: random lead times.
# - J. R. Bradley and L. W. Robinson, Improved base-stock approximations for independent stochastic
#   lead times with order crossover, *Manufacturing & Service Operations Management* 7 (2005).
# - J. C. Hayya, U. Bagchi, J. G. Kim and D. Sun, On static stochastic order crossover,
#   *International Journal of Production Economics* 114 (2008).
