# %% [markdown]
# # 01 · A supply cycle by hand
#
# Before a computer simulates ten thousand days, do ten of them with a pencil.

# %% [markdown]
# ## The question
#
# A small shop sells bags of rice. Every morning the owner looks: when 8 bags or fewer are left or
# on their way, she orders 10 more, and they come two days later. She starts with 14. Can ten days
# go by without anybody having to wait?
#
# Guess first. This is what customers are going to ask for, day by day, and she does not know it:

# %%
at_first = 14
asked_for = [4, 2, 5, 4, 1, 6, 0, 3, 2, 5]

# %% [markdown]
# ## The picture
#
# simlevel draws the ten days from a description of the shop. (The demand is said in a roundabout
# way: one bag a day, times a factor of the day.)

# %%
import simlevel as sl


def shop(reorder_point=8, sequence=("receive", "review", "demand"), shortage="backorder"):
    rule = {"kind": "rQ", "reorder_point": reorder_point, "order_quantity": 10, "review_period": 1}
    return sl.Scenario(
        demand={"kind": "periodic", "quantity": 1, "pattern": asked_for},
        lead_time=2,
        policies={"owner": rule},
        clock={"sequence": list(sequence)},
        shortage=shortage,
        start={"net_inventory": at_first},
        simulation={"warmup": 0, "horizon": 10, "replications": 1},
    )


ten_days = sl.trace(shop(), until=10)
ax = sl.figures.inventory_path(ten_days)

# %% [markdown]
# Blue is what stands on the shelf. The dashed line is the **inventory position**: what is on the
# shelf, plus what is on its way, less what is owed. The owner orders by that line. If she went by
# the shelf, she would order again every morning until the first order comes.
#
# Somebody has to wait on day 3. (Days are counted from 0, as in the program.)

# %% [markdown]
# ## The experiment
#
# Now without simlevel. A day has three steps, always in the same order:
#
# 1. **receive** what was ordered two days ago;
# 2. **review**: if the position is 8 or less, order 10;
# 3. **demand**: hand over what is there, and write down what is owed.
#
# One number says how the shelf stands. `net` is the **net inventory**: bags on the shelf, or,
# below zero, bags owed.

# %%
net = at_first
on_its_way = {}  # day of arrival: bags
log, table = [], []

for day, asked in enumerate(asked_for):
    came = on_its_way.pop(day, 0)  # 1 receive
    if came:
        net = net + came
        log.append((day, "receive", came, net))

    position = net + sum(on_its_way.values())  # 2 review
    ordered = 10 if position <= 8 else 0
    if ordered:
        on_its_way[day + 2] = ordered
        log.append((day, "order", ordered, net))

    at_once = min(asked, max(net, 0))  # 3 demand
    net = net - asked
    if asked:
        log.append((day, "demand", asked, net))

    table.append((day, came, position, ordered, asked, at_once, net))

# %% [markdown]
# That is a whole simulation. As a table, as a pencil would fill it in:

# %%
import pandas as pd

columns = ["day", "came", "position", "ordered", "asked", "at once", "net, evening"]
hand = pd.DataFrame(table, columns=columns).set_index("day")
hand

# %% [markdown]
# Follow the first order. On the morning of day 2 the position is 8, so ten bags are ordered.
# Until they come, on day 4, customers ask for 5 and then for 4. Eight were there: one bag is owed
# overnight.
#
# Does the program do the same? Its trace, event by event, beside our log:

# %%
engine = [(event.time, event.event, event.quantity, event.after) for event in ten_days.events]
engine == log

# %% [markdown]
# Equal, not nearly equal. (`simlevel trace FILE --until 10` prints such a table for any
# scenario.)
#
# How good was the service? That depends on what one counts.
#
# - **Type II**, the fill rate: of the bags asked for, how many were handed over at once?
# - **Type I**, the cycle service level: of the deliveries, how many came before anybody had to
#   wait?

# %%
bags, at_once = int(hand["asked"].sum()), int(hand["at once"].sum())
deliveries = [day for day in hand.index if hand.loc[day, "came"] > 0]
in_time = [day for day in deliveries if hand.loc[day - 1, "net, evening"] >= 0]
print(f"Type II: {at_once} of {bags} bags, {at_once / bags:.1%}")
timely, all_of_them = len(in_time), len(deliveries)
print(f"Type I: {timely} of {all_of_them} deliveries, {timely / all_of_them:.0%}")

# %% [markdown]
# One bag came late, and one number says 96.9 % while the other says 50 %. The program agrees with
# both:

# %%
service = sl.simulate(shop()).policies["owner"].measures
(
    service["fill_rate"].estimate == at_once / bags,
    service["cycle_service_level"].estimate == timely / all_of_them,
)


# %% [markdown]
# Why two honest numbers can lie so far apart is what [notebook 02](02_type_i_and_type_ii.ipynb)
# is about. First, move something: how low may the reorder point be for these ten days? In a live
# notebook the second cell below has a slider; elsewhere the picture stands for one of its places.


# %%
def ten_days_with(reorder_point):
    sl.figures.inventory_path(sl.trace(shop(reorder_point), until=10))


ten_days_with(reorder_point=10)

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(ten_days_with, reorder_point=(2, 14))

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** What is the lowest reorder point with which nobody waits in these ten days? Use
# the pencil or the slider before you let a loop do it. Would you advise the owner to take it?
#
# <details><summary>Solution</summary>
#
# ```python
# for r in range(6, 13):
#     service = sl.simulate(shop(r)).policies["owner"].measures
#     print(r, f"{service['fill_rate'].estimate:.1%}")
# ```
#
# ```text
# 6 90.6%
# 7 90.6%
# 8 96.9%
# 9 96.9%
# 10 100.0%
# 11 100.0%
# 12 100.0%
# ```
#
# Ten. It need not be much better than 8 or 9, though: we chose it with the ten days before our
# eyes. The next ten days will be others. To judge a reorder point one needs many days, or what
# can be said of all of them; both follow in the next notebooks.
#
# </details>

# %% [markdown]
# **Exercise 2.** The owner looks in the evening instead, when the day's demand is known: receive,
# demand, review. She keeps her 8 and 10. Do the ten days again with the pencil. What has changed?
#
# <details><summary>Solution</summary>
#
# ```python
# evening = sl.trace(shop(sequence=("receive", "demand", "review")), until=10)
# print(evening.to_frame()[["time", "event", "quantity", "after"]].to_string(index=False))
# ```
#
# ```text
#  time   event  quantity  after
#   0.0  demand       4.0   10.0
#   1.0  demand       2.0    8.0
#   1.0   order      10.0    8.0
#   2.0  demand       5.0    3.0
#   3.0 receive      10.0   13.0
#   3.0  demand       4.0    9.0
#   4.0  demand       1.0    8.0
#   4.0   order      10.0    8.0
#   5.0  demand       6.0    2.0
#   6.0 receive      10.0   12.0
#   7.0  demand       3.0    9.0
#   8.0  demand       2.0    7.0
#   8.0   order      10.0    7.0
#   9.0  demand       5.0    2.0
# ```
#
# On the evening of day 1 she sees the 8 bags that she would have seen on the morning of day 2.
# The order comes a day earlier, just before the day on which somebody had to wait, and now nobody
# has to. The same policy, the same customers, another service: the order of events is part of the
# policy. [Notebook 04](04_the_formula_and_the_simulation.ipynb) comes back to it.
#
# </details>

# %% [markdown]
# **Exercise 3.** Who finds the shelf empty now goes to the shop next door: sales are lost instead
# of owed. Which line of the loop changes? Is the fill rate another one?
#
# <details><summary>Solution</summary>
#
# `net = net - asked` becomes `net = net - at_once`: what was not there is not owed.
#
# ```python
# lost = sl.trace(shop(shortage="lost_sales"), until=10)
# print(lost.to_frame()[["time", "event", "quantity", "after"]].to_string(index=False))
# for shortage in ("backorder", "lost_sales"):
#     service = sl.simulate(shop(shortage=shortage)).policies["owner"].measures
#     print(shortage, f"{service['fill_rate'].estimate:.1%}")
# ```
#
# ```text
#  time   event  quantity  after
#   0.0  demand       4.0   10.0
#   1.0  demand       2.0    8.0
#   2.0   order      10.0    8.0
#   2.0  demand       5.0    3.0
#   3.0  demand       4.0    0.0
#   4.0 receive      10.0   10.0
#   4.0  demand       1.0    9.0
#   5.0  demand       6.0    3.0
#   6.0   order      10.0    3.0
#   7.0  demand       3.0    0.0
#   8.0 receive      10.0   10.0
#   8.0  demand       2.0    8.0
#   9.0   order      10.0    8.0
#   9.0  demand       5.0    3.0
# backorder 96.9%
# lost_sales 96.9%
# ```
#
# The fill rate is the same here, by chance. The days are not: on day 4 nothing has to be handed
# over late, so a bag more stands on the shelf, and the second order goes out on day 6 instead of
# day 5. Over a long time that adds up: see [notebook 07](07_lost_sales_are_not_backorders.ipynb).
#
# </details>

# %% [markdown]
# ## Further reading
#
# - S. Axsäter, *Inventory Control*, 3rd ed., Springer 2015, chapter 3: ordering systems and the
#   inventory position.
# - E. A. Silver, D. F. Pyke and D. J. Thomas, *Inventory and Production Management in Supply
#   Chains*, 4th ed., CRC Press 2017: what on hand, on order and position mean in practice.
