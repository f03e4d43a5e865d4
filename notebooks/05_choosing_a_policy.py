# %% [markdown]
# # 05 · Choosing a policy
#
# The best service is the one that is worth its price. What is the price?

# %% [markdown]
# ## The question
#
# The bakery of [notebook 02](02_type_i_and_type_ii.ipynb) has two policies on the table. Its
# sales manager likes neither: "Nobody should ever wait for flour. Make it 99.9 %!" The planner
# sighs and asks what that costs. Nobody knows.
#
# It can be known. These are the costs per order, per bag on the shelf per day, and per bag owed
# per day:

# %%
import simlevel as sl

wanted = 0.999
bakery = sl.load("../scenarios/quickstart.toml")
costs = bakery.costs
print(f"order {costs.order}, holding {costs.holding}, backorder {costs.backorder}")

# %% [markdown]
# ## The picture
#
# For each fill rate, the cheapest policy of each kind that reaches it: the **frontier**. Nothing
# lies below the line. The two policies of the file lie above it.

# %%
frontier = sl.frontier(bakery, "current")
ax = sl.figures.frontier(frontier)

# %% [markdown]
# Two things can be seen at once. The bakery pays too much, whatever service it wants: it can have
# more service for less money. And the line is nearly flat at first, and then bends upwards.

# %% [markdown]
# ## The experiment
#
# ### Two costs that pull
#
# Leave the order quantity as it is for a moment, and turn only the reorder point. More stock
# costs more to hold. Less stock leaves more bags owed. Somewhere between the two the sum is
# smallest:


# %%
def costs_over_reorder_points(scenario):
    alone = scenario.model_copy(update={"targets": {}})
    found = sl.sweep(
        alone, {"policies.current.reorder_point": "14:34"}, policy="current", replications=2
    ).to_frame()
    return found.pivot(index="policies.current.reorder_point", columns="measure", values="analytic")


def draw(table):
    parts = {"holding": "-", "backorder": "--", "order": ":"}
    ax = table[[f"{part}_cost" for part in parts]].plot(
        style=list(parts.values()), color=["#0072B2", "#D55E00", "#009E73"], figsize=(7.2, 4)
    )
    ax.plot(table.index, table.cost_per_time, color="black", lw=2, label="all costs")
    ax.plot(table.cost_per_time.idxmin(), table.cost_per_time.min(), "ko")
    ax.legend(
        [*parts, "all costs", "the cheapest"],
        ncols=5,
        frameon=False,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.15),
    )
    ax.set(
        xlabel="reorder point, bags", ylabel="money per day", ylim=(0, 6), xticks=table.index[::2]
    )


by_level = costs_over_reorder_points(bakery)
draw(by_level)

# %%
cheapest = by_level.cost_per_time.idxmin()
by_level.loc[[cheapest - 2, cheapest, cheapest + 2, 34], ["fill_rate", "cost_per_time"]].round(4)

# %% [markdown]
# The bottom of the curve is wide: two bags more or less hardly matter. That is good news, since
# the costs are never known exactly.
#
# ### What is a day of waiting worth?
#
# The costs of orders and of stock can be looked up. What a bag owed costs is a guess. So turn the
# guess, and see what service is cheapest under it:

# %%
for backorder in [0.5, 1, 2, 5, 10, 20]:
    guess = costs.model_copy(update={"backorder": backorder})
    supposed = bakery.model_copy(update={"costs": guess, "targets": {}})
    found = sl.optimize(supposed, "current", fix={"order_quantity": 30})
    ratio = backorder / (backorder + costs.holding)
    print(
        f"{backorder:4} a day: reorder at {found.parameters['reorder_point']},",
        f"ready {found.best.measures['ready_rate'].best:.1%} of the time; ratio {ratio:.1%}",
    )

# %% [markdown]
# The last column is worked out without any simulation: what a bag owed costs, over what it costs
# plus what a bag held costs. The best stock is there for about that share of the time. It is the
# same rule as the newsvendor's, who weighs a paper too few against a paper too many.
#
# Read backwards it is a question to the sales manager. Who asks for a certain service says what a
# day of waiting is worth, whether he means to or not.
#
# ### The price of a point
#
# Now let the order quantity go as well, and walk along the frontier. What does one more
# percentage point of fill rate cost, from each of its points on to the next?

# %%
import pandas as pd

points = pd.DataFrame(
    {
        "reorder point": point.parameters["reorder_point"],
        "order quantity": point.parameters["order_quantity"],
        "fill rate": point.service,
        "cost a day": point.cost,
        "price of a point": point.price,
    }
    for point in frontier.kinds["rQ"]
)
print(points.round(4).to_string(na_rep="", index=False))

# %%
first, last = points.iloc[0], points[points["fill rate"] >= wanted].iloc[0]
print(f"{first['fill rate']:.1%} for {first['cost a day']:.2f} a day, the cheapest of all")
print(f"{last['fill rate']:.1%} for {last['cost a day']:.2f} a day")

# %% [markdown]
# The first points of service cost next to nothing. Then the price climbs, and the last one costs
# many times as much as the first. But now "make it 99.9 %" has a price, and the two of them can
# talk about whether it is worth it.
#
# And what does the bakery do today, beside that?

# %%
for name, place in frontier.policies.items():
    more = frontier.over(name)
    print(f"{name}: {place.service:.1%} for {place.cost:.2f} a day, {more:.2f} more than needed")

# %% [markdown]
# The present policy orders far too often: thirty bags at a time, where fifty-five would be
# better. That costs more than all the service that anybody has been arguing about.
#
# **Move it.** What a bag owed costs, and where the bottom of the curve goes.


# %%
def bottom(backorder):
    guess = costs.model_copy(update={"backorder": backorder})
    draw(costs_over_reorder_points(bakery.model_copy(update={"costs": guess})))


bottom(backorder=10)

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(bottom, backorder=(0.5, 20))

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** The manager insists on a reorder point of 28, and the order quantity stays as it
# is. What must a bag owed cost per day, at least, for that to be the cheapest choice?
#
# <details><summary>Solution</summary>
#
# ```python
# for backorder in range(1, 30):
#     guess = costs.model_copy(update={"backorder": float(backorder)})
#     supposed = bakery.model_copy(update={"costs": guess, "targets": {}})
#     found = sl.optimize(supposed, "current", fix={"order_quantity": 30})
#     if found.parameters["reorder_point"] >= 28:
#         break
# print(f"{backorder} a day, {backorder / costs.holding:.0f} times what it costs to hold a bag")
# ```
#
# ```text
# 17 a day, 340 times what it costs to hold a bag
# ```
#
# Perhaps a bag owed does cost that much: a day without bread is a long day. But the manager
# should have said it in money.
#
# </details>

# %% [markdown]
# **Exercise 2.** A new supplier delivers for 4 per order instead of 15. What happens to the best
# order quantity, and what to the best reorder point? Guess both directions first.
#
# <details><summary>Solution</summary>
#
# ```python
# for order in [15, 4]:
#     guess = costs.model_copy(update={"order": float(order)})
#     found = sl.optimize(bakery.model_copy(update={"costs": guess, "targets": {}}), "current")
#     r, quantity = found.parameters["reorder_point"], found.parameters["order_quantity"]
#     print(f"{order} per order: reorder at {r}, order {quantity}, {found.cost:.2f} a day")
# ```
#
# ```text
# 15 per order: reorder at 20, order 58, 2.92 a day
# 4 per order: reorder at 22, order 31, 1.68 a day
# ```
#
# Smaller orders, of course. But then the shelf runs low more often, and each time it is at risk:
# the reorder point has to rise. That is why r and Q are chosen together.
#
# </details>

# %% [markdown]
# **Exercise 3.** The bakery also bakes rye bread, once a day. A loaf too few loses 0.70 of
# margin; a loaf too many loses 0.18, since it is sold as feed. Demand is about normal, 50 loaves
# a day with a standard deviation of 8. How many should it bake, and on how many days will the
# bread run out? Use the ratio of the experiment, then ask `sl.newsvendor`.
#
# <details><summary>Solution</summary>
#
# ```python
# from statistics import NormalDist
#
# ratio = 0.70 / (0.70 + 0.18)
# print(f"ratio {ratio:.1%}, bake {NormalDist(50, 8).inv_cdf(ratio):.1f}")
# bread = sl.newsvendor({"dist": "normal", "mean": 50, "sd": 8}, underage=0.70, overage=0.18)
# print(f"bake {bread.quantity:.1f}: Type I {bread.type_1:.1%}, Type II {bread.type_2:.1%}")
# ```
#
# ```text
# ratio 79.5%, bake 56.6
# bake 56.6: Type I 79.5%, Type II 98.2%
# ```
#
# The ratio *is* the Type I service, so the bread runs out on one day of five, and that is right.
# And again Type II says something more cheerful about the same loaves.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - S. Axsäter, *Inventory Control*, 3rd ed., Springer 2015, chapters 5 and 6: shortage costs and
#   service constraints, and the joint choice of r and Q.
# - P. H. Zipkin, *Foundations of Inventory Management*, McGraw-Hill 2000: cost, service, and why
#   the bottom is wide.
# - S. Chopra and P. Meindl, *Supply Chain Management*, 6th ed., Pearson 2016: what product
#   availability is best for.
