# %% [markdown]
# # 04 · The formula and the simulation
#
# Every formula leaves something out. It is good to know what, and how much that costs.

# %% [markdown]
# ## The question
#
# A builders' merchant sells cement. Two customers come a day, each takes ten bags in the mean,
# and a delivery takes two days. The reorder point is 65 bags. A textbook says what service that
# gives: demand of the lead time is about normal, and Type I is the chance that it is no more than
# 65.

# %%
from math import sqrt
from statistics import NormalDist

customers, size, size_sd, lead_time, s = 2, 10, sqrt(90), 2, 65

mean = customers * lead_time * size
sd = sqrt(customers * lead_time * (size**2 + size_sd**2))
print(f"lead-time demand: {mean} bags, standard deviation {sd:.1f}; safety stock: {s - mean}")
print(f"Type I: {NormalDist(mean, sd).cdf(s):.1%}")

# %% [markdown]
# And this is what comes out when one plays it through:

# %%
import simlevel as sl

both = sl.load("../scenarios/lumpy_undershoot.toml")
cement = both.model_copy(update={"policies": {"textbook": both.policies["textbook"]}})
result = sl.simulate(cement)
service = result.policies["textbook"].measures
print(f"Type I: {service['cycle_service_level'].estimate:.1%}")

# %% [markdown]
# Nearly seven points less. The simulation is long enough, that cannot be it. What did the formula
# forget?

# %% [markdown]
# ## The picture
#
# simlevel takes the textbook's value and mends one assumption at a time, until the exact value is
# reached (`simlevel analyze FILE --why`). This is the way from one to the other:

# %%
steps = sl.why(result)["textbook"]["cycle_service_level"]
ax = sl.figures.waterfall(steps, measure="cycle_service_level", policy="textbook", end="exact")

# %% [markdown]
# That demand is not normal, and comes in whole bags, is a small matter here and even helps. The
# large step down is called **undershoot**.

# %% [markdown]
# ## The experiment
#
# ### Undershoot
#
# The formula takes for granted that an order is placed when exactly 65 bags are left. Look at the
# first orders of a run. How many were left?

# %%
orders = [event for event in sl.trace(cement, until=60).events if event.event == "order"]
left = [round(event.position - event.quantity) for event in orders]
left

# %% [markdown]
# Customers do not stop at 65. The one who crosses it takes some bags more, and these bags are
# missing during the whole lead time. In the long run:

# %%
orders = [event for event in sl.trace(cement, until=20_000).events if event.event == "order"]
undershoot = [s - (event.position - event.quantity) for event in orders]
print(f"{sum(undershoot) / len(undershoot):.1f} bags in the mean, of {len(orders):,} orders")

# %% [markdown]
# That is more than a third of the safety stock that the formula counted on. In a picture: what
# the stock has to last for is lead-time demand *and* undershoot, the bars, and not lead-time
# demand alone, the line.

# %%
ax = sl.figures.demand_law(sl.demand_law(cement))

# %% [markdown]
# ### L against L + R
#
# The second thing that formulas forget is the calendar. Here customers take one unit each, five a
# day, and a delivery takes four days. The stock is filled up to 60 whenever somebody looks. But
# how often does somebody look?


# %%
def reviewed(every):
    rule = {"kind": "base_stock", "order_up_to": 60, "review_period": every}
    return sl.Scenario(
        demand={"kind": "poisson", "rate": 5}, lead_time=4, policies={f"every {every} days": rule}
    )


print("days   fill rate, exact   textbook, L   textbook, L + R")
for every in [2, 5, 7, 10]:
    fill_rate = sl.analyze(reviewed(every)).policies[f"every {every} days"].measures["fill_rate"]
    textbook = {each.formula: each.value for each in fill_rate.textbook}
    short, whole = textbook["normal-two-term"], textbook["normal-two-term-over-L-plus-R"]
    print(f"{every:4}   {fill_rate.analytic.value:16.1%}   {short:11.1%}   {whole:15.1%}")

# %% [markdown]
# With L alone the formula sees no difference between a look every other day and one every ten
# days. What is ordered today has to last until the *next* order arrives: that one is placed R
# days from now, and comes L days later. So the stock has to cover L + R, and a formula that knows
# it is nearly right.
#
# ### What comes first
#
# The last thing is so small that hardly anyone writes it down. A nurse counts syringes once a
# day. In the morning, before the day's use, or in the evening, after it?

# %%
for name in ["clock_review_first", "clock_demand_first"]:
    ward = sl.load(f"../scenarios/{name}.toml")
    rule = ward.policies["ward"]
    exact = sl.analyze(ward).policies["ward"].measures["fill_rate"].analytic.value
    print(f"{', '.join(ward.clock.sequence)}: up to {rule.order_up_to}, fill rate {exact:.1%}")

# %% [markdown]
# The same level, the same lead time, the same patients. In the evening the nurse already knows a
# day that in the morning she still has to guess. Two programs that differ in this line give
# different numbers for one policy, and neither has a bug. That is why a scenario has a `[clock]`,
# and why every result prints it.
#
# **Move it.** The time between two looks, and what the stock has to last for. Watch the bars walk
# to the right, past the level.


# %%
def asked_of_the_stock(review_period):
    sl.figures.demand_law(sl.demand_law(reviewed(review_period)))


asked_of_the_stock(review_period=7)

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(asked_of_the_stock, review_period=(1, 14))

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** Mend the cement policy: raise s and S by the mean undershoot. Is Type I now what
# the textbook promised? If not, what is still missing?
#
# <details><summary>Solution</summary>
#
# ```python
# print(f"promised: {NormalDist(mean, sd).cdf(s):.1%}")
# for more in [0, 9, 10]:
#     rule = cement.policies["textbook"].at(s + more)
#     mended = cement.model_copy(update={"policies": {"mended": rule}})
#     service = sl.analyze(mended).policies["mended"].measures
#     print(f"s = {rule.reorder_point}: {service['cycle_service_level'].analytic.value:.1%}")
# ```
#
# ```text
# promised: 81.8%
# s = 65: 74.9%
# s = 74: 82.2%
# s = 75: 82.9%
# ```
#
# With 74 it is, near enough, and rather by luck. The undershoot is nine bags in the mean, but it
# varies: at times it is none, at times thirty. That widens what the stock has to last for, and it
# costs as much service as the other errors of the formula happened to give away.
#
# </details>

# %% [markdown]
# **Exercise 2.** When is there no undershoot? Let twenty customers a day take one bag each, as
# much demand as before, and go from the textbook to the exact value again.
#
# <details><summary>Solution</summary>
#
# ```python
# single = sl.Scenario(
#     demand={"kind": "poisson", "rate": 20},
#     lead_time=2,
#     policies={"single": {"kind": "sS", "reorder_point": 45, "order_up_to": 165}},
# )
# for step in sl.why(sl.analyze(single))["single"]["cycle_service_level"]:
#     print(f"{step.name}: {step.value:.2%}")
# ```
#
# ```text
# textbook: 78.54%
# distribution: 79.16%
# discreteness: 80.97%
# ```
#
# No step is called undershoot any more: a customer who takes one bag cannot jump over the reorder
# point, as long as somebody looks after each of them. What is left errs on the safe side.
#
# </details>

# %% [markdown]
# **Exercise 3.** The target is a fill rate of 0.98. How high must the stock be filled up if
# somebody looks every day, every week, every two weeks? How much of that is safety stock, the
# level less the mean demand of L + R? Guess first whether it rises.
#
# <details><summary>Solution</summary>
#
# ```python
# for every in [1, 7, 14]:
#     found = sl.optimize(reviewed(every), targets={"fill_rate": 0.98})
#     level, stock = found.parameters["order_up_to"], found.best.measures["mean_on_hand"].best
#     safety = level - 5 * (4 + every)
#     print(f"every {every} days: up to {level}, safety stock {safety}; {stock:.1f} on the shelf")
# ```
#
# ```text
# every 1 days: up to 34, safety stock 9; 11.5 on the shelf
# every 7 days: up to 63, safety stock 8; 25.5 on the shelf
# every 14 days: up to 97, safety stock 7; 42.1 on the shelf
# ```
#
# The stock nearly quadruples, and yet the safety stock falls. Looking rarely means ordering much
# at a time, and a large order raises the fill rate, as in [notebook
# 02](02_type_i_and_type_ii.ipynb). Ask for Type I instead, and the safety stock rises.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - S. Axsäter, *Inventory Control*, 3rd ed., Springer 2015, chapter 5: reorder points under
#   continuous and periodic review, and what undershoot does to them.
# - P. H. Zipkin, *Foundations of Inventory Management*, McGraw-Hill 2000, chapter 6: the exact
#   way, from inventory position and lead-time demand to net inventory.
# - S. Nahmias and T. L. Olsen, *Production and Operations Analysis*, 7th ed., Waveland 2015: the
#   formulas as they are usually taught.
