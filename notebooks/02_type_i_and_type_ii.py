# %% [markdown]
# # 02 · Type I and Type II
#
# One stock, two numbers, and a promise that nobody can check until you say which one you mean.

# %% [markdown]
# ## The question
#
# A bakery keeps flour. When 24 bags are left or on their way it orders 30 more, which take four
# days; customers ask for five bags a day. "Our service is 84 %," says the planner, "and that is
# not good enough." "It is 98 %," says the sales manager. They look at the same shelf, and both
# have counted correctly. What did they count?

# %%
import simlevel as sl

bakery = sl.load("../scenarios/quickstart.toml")
flour = bakery.policies["current"]
service = sl.analyze(bakery).policies["current"].measures
print(f"reorder at {flour.reorder_point}, order {flour.order_quantity}")
for measure in ["cycle_service_level", "fill_rate"]:
    print(f"{measure}: {service[measure].analytic.value:.1%}")

# %% [markdown]
# ## The picture
#
# Both numbers, for every reorder point from 14 to 34. Lines are exact, from theory; the bands
# around them are simulated and hold the truth nineteen times in twenty. The dotted lines are the
# bakery's targets.

# %%
SHOWN = ["cycle_service_level", "fill_rate"]

by_reorder_point = sl.sweep(
    bakery, {"policies.current.reorder_point": "14:34"}, policy="current", replications=10
)
ax = sl.figures.service_curve(by_reorder_point, measures=SHOWN)

# %% [markdown]
# - **Type I**, the *cycle service level*: of the deliveries, how many came before anybody had to
#   wait? The planner counts deliveries.
# - **Type II**, the *fill rate*: of the bags asked for, how many were handed over at once? The
#   sales manager counts bags.
#
# Look up the reorder point that each of them would choose for 95 %:


# %%
def table(sweep):
    """A row a value of the key that varies, a column a measure; exact values."""
    found = sweep.to_frame()
    return found.pivot(index=sweep.keys[0], columns="measure", values="analytic")


every = table(by_reorder_point)
for measure in SHOWN:
    enough = every[every[measure] >= 0.95].index[0]
    print(
        f"95 % {measure}: reorder at {enough}, {every.mean_on_hand[enough]:.1f} bags on the shelf"
    )

# %% [markdown]
# The same words, "95 % service", and seven bags between them. On this shelf that is a third of
# the stock.

# %% [markdown]
# ## The experiment
#
# Why is Type II so much higher? Because a cycle is long. An order of 30 bags lasts six days, and
# only at the end of the six can the shelf run empty; even then most customers have been served.
#
# If that is the reason, the order quantity must matter. Keep the reorder point at 24, and change
# only how much is ordered at a time:

# %%
by_quantity = sl.sweep(
    bakery,
    {"policies.current.order_quantity": [1, 2, 5, 10, 20, 30, 60, 120]},
    policy="current",
    replications=10,
)
table(by_quantity)[[*SHOWN, "lead_time_fill_rate", "mean_on_hand"]].round(4)

# %% [markdown]
# Type I does not move at all. It asks whether the bags left at the reorder point last for four
# days, whatever the order quantity. Type II starts at the very same value and climbs towards
# 100 %: the risk is the same each time, but it is taken less and less often.
#
# So a fill rate can be bought with large orders. It is an expensive way: look at the last column.
#
# ### A third number: during the lead time
#
# Some books define the fill rate over the lead time only: of the bags asked for *while an order
# is outstanding*, how many were handed over at once? That is `lead_time_fill_rate` above. It
# leaves out all the easy days on which the shelf is full anyway, so it is lower.
#
# The two are easily converted as long as one order is outstanding at a time. Of each 30 bags, 4
# days x 5 bags = 20 are asked for during a lead time, and only those can come late:

# %%
exact = table(by_quantity).loc[30]
late, late_in_lead_time = 1 - exact.fill_rate, 1 - exact.lead_time_fill_rate
print(f"late: {late:.4f}")
print(f"late during the lead time x 20/30: {late_in_lead_time * 20 / 30:.4f}")

# %% [markdown]
# If a supplier's "fill rate" is lower than yours, ask for the definition before you congratulate
# yourself. (`simlevel explain fill_rate` lists who calls what by which name.)
#
# ### When they cross
#
# Is Type II always the higher one? Not in this shop, which orders four bags of cement at a time.
# Nineteen customers of twenty take one bag; the twentieth is a building site and takes 20.

# %%
site = sl.Scenario(
    name="Cement",
    demand={
        "kind": "poisson",
        "rate": 1,
        "size": {"dist": "discrete", "values": [1, 20], "probabilities": [0.95, 0.05]},
    },
    lead_time=2,
    policies={"cement": {"kind": "rQ", "reorder_point": 9, "order_quantity": 4}},
)
by_level = sl.sweep(site, {"policies.cement.reorder_point": "0:44"}, replications=10)
ax = sl.figures.service_curve(by_level, measures=SHOWN)

# %%
cement = table(by_level)[SHOWN]
higher = (cement.fill_rate > cement.cycle_service_level).map({True: "II", False: "I"})
changes = higher[higher != higher.shift()]
print("Type", *(f"{which} is the higher one from {r} on;" for r, which in changes.items()))
cement.loc[[9, 12, 18]].round(3)

# %% [markdown]
# The two cross again and again. Take a reorder point of 9: 74.7 % of the deliveries find nobody
# waiting, since nearly all customers want a single bag. But a building site always waits, and
# building sites take half of all the cement, so only 66.4 % of the bags are handed over at once.
# A few bags more help a site a little (some of its bags are there), and so Type II climbs, while
# Type I stays where it is until the stock is enough for a whole site.
#
# There is no rule that turns one number into the other. It depends on who asks for how much.
#
# **Move it.** Back in the bakery: how far apart are the two curves for other order quantities?
# The picture stands for the slider where that does not run.


# %%
def curves(order_quantity):
    rule = flour.model_copy(update={"order_quantity": order_quantity})
    moved = bakery.model_copy(update={"policies": {f"Q_{order_quantity}": rule}})
    key = f"policies.Q_{order_quantity}.reorder_point"
    sl.figures.service_curve(sl.sweep(moved, {key: "14:34"}, replications=2), measures=SHOWN)


curves(order_quantity=5)

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(curves, order_quantity=(1, 60))

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** A contract promises "98 % service" for the flour and says no more. Which reorder
# point keeps it if a court reads Type II, the fill rate during the lead time, or Type I into it?
# What does the lawyer cost, in bags on the shelf?
#
# <details><summary>Solution</summary>
#
# ```python
# for measure in ["fill_rate", "lead_time_fill_rate", "cycle_service_level"]:
#     enough = every[every[measure] >= 0.98].index[0]
#     print(f"{measure}: reorder at {enough}, {every.mean_on_hand[enough]:.1f} bags on the shelf")
# ```
#
# ```text
# fill_rate: reorder at 24, 19.5 bags on the shelf
# lead_time_fill_rate: reorder at 25, 20.5 bags on the shelf
# cycle_service_level: reorder at 30, 25.5 bags on the shelf
# ```
#
# Six bags between the first reading and the last. It is cheaper to write the definition into the
# contract: what is counted (bags, customers, deliveries), over which time, and what happens to
# those that come late.
#
# </details>

# %% [markdown]
# **Exercise 2.** The manager wants a fill rate of 99 %, and proposes to order 120 bags at a time
# and to leave the reorder point alone. Compare that with a higher reorder point and orders of 30.
#
# <details><summary>Solution</summary>
#
# ```python
# large = table(by_quantity).loc[120]
# enough = every[every.fill_rate >= 0.99].index[0]
# small = every.loc[enough]
# print(f"Q = 120, r = 24: {large.fill_rate:.2%}, {large.mean_on_hand:.1f} bags on the shelf")
# print(f"Q = 30, r = {enough}: {small.fill_rate:.2%}, {small.mean_on_hand:.1f} bags on the shelf")
# ```
#
# ```text
# Q = 120, r = 24: 99.59%, 64.5 bags on the shelf
# Q = 30, r = 26: 99.27%, 21.5 bags on the shelf
# ```
#
# Two bags on the reorder point do what ninety bags on the order quantity do. The order quantity
# is chosen by what an order costs; what it does for the fill rate comes for free, and is taken
# into account. Both at once: [notebook 05](05_choosing_a_policy.ipynb).
#
# </details>

# %% [markdown]
# **Exercise 3.** `spare_part.toml` keeps a single seal for a machine (`one_spare`); some repairs
# need two or four. Guess the order of these four: Type I, Type II, the fill rate during the lead
# time, and the ready rate, the share of *time* with something on the shelf. Then look.
#
# <details><summary>Solution</summary>
#
# ```python
# spare = sl.analyze(sl.load("../scenarios/spare_part.toml")).policies["one_spare"].measures
# for measure in ["ready_rate", "cycle_service_level", "fill_rate", "lead_time_fill_rate"]:
#     print(f"{measure}: {spare[measure].analytic.value:.1%}")
# ```
#
# ```text
# ready_rate: 78.0%
# cycle_service_level: 58.5%
# fill_rate: 53.8%
# lead_time_fill_rate: 0.0%
# ```
#
# The ready rate is the highest: seals are asked for rarely, so most of the time one is there.
# Type I is lower, since a repair that needs two finds one. Type II is lower still: such a repair
# counts for two or four seals, not for one. And while an order is outstanding the only seal is
# gone, so during the lead time nobody is ever served.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - S. Axsäter, *Inventory Control*, 3rd ed., Springer 2015, chapter 5: the service levels, and
#   how they depend on the order quantity.
# - E. A. Silver, D. F. Pyke and D. J. Thomas, *Inventory and Production Management in Supply
#   Chains*, 4th ed., CRC Press 2017: P1 and P2, as they are called there, and what each costs.
# - H. Tempelmeier, *Inventory Management in Supply Networks*, Books on Demand: the many
#   definitions of service, and which contract needs which.
