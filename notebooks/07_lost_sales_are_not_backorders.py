# %% [markdown]
# # 07 · Lost sales are not backorders
#
# A customer who waits and a customer who leaves both found an empty shelf. What they do next
# changes what the next customer finds.

# %% [markdown]
# ## The question
#
# Two bicycle shops sell the same bicycle, 2 a week, to people who come at random. A new one takes
# four weeks to arrive. Both shops own ten: whenever one is sold, another is ordered. (Shelf and
# orders always come to ten.)
#
# - In **Anna's** shop who finds none waits, and gets one of the next to arrive.
# - From **Ben's** shop who finds none goes elsewhere.
#
# In which shop do more customers ride home at once? By how much? Guess before you read on. The
# program is told with one word:

# %%
import simlevel as sl


def shop(shortage, bicycles=10, lead_time=4):
    return sl.Scenario(
        time_unit="week",
        demand={"kind": "poisson", "rate": 2},
        lead_time=lead_time,
        policies={"one for one": {"kind": "base_stock", "order_up_to": bicycles}},
        shortage=shortage,
    )


shops = {"Anna's": shop("backorder"), "Ben's": shop("lost_sales")}

# %% [markdown]
# ## The picture
#
# Half a year in both shops. The same customers come at the same times.

# %%
import matplotlib.pyplot as plt


def half_a_year(bicycles=10):
    _, axes = plt.subplots(2, 1, figsize=(7.2, 7.6), layout="constrained")
    for ax, (name, shortage) in zip(
        axes, (("Anna", "backorder"), ("Ben", "lost_sales")), strict=True
    ):
        sl.figures.inventory_path(sl.trace(shop(shortage, bicycles), until=26), ax)
        ax.set_title(f"{name}: {ax.get_title('left').split(': ')[1]}", loc="left")


half_a_year()

# %% [markdown]
# Follow the long empty spell in the middle. Anna owes more and more bicycles. When the next
# arrive, they are spoken for: her shelf stays empty, and new customers wait because of old ones.
# Ben owes nothing. What arrives goes on the shelf, and the next customer finds it.
#
# Who leaves has a cost, and brings no money. But he leaves the others alone.
#
# In a live notebook you can move the number of bicycles. When do the two pictures become one?

# %% tags=["skip-execution"]
from ipywidgets import interact

interact(half_a_year, bicycles=(1, 20))

# %% [markdown]
# ## The experiment
#
# The long run, simulated, beside the exact value that theory has for both:

# %%
import pandas as pd

rows = {
    "fill_rate": "at once",
    "mean_on_hand": "bicycles on the shelf",
    "mean_on_order": "bicycles on order",
    "lost_per_time": "lost a week",
    "mean_wait": "mean wait, weeks",
}
table = {}
for name, scenario in shops.items():
    found = sl.simulate(scenario, replications=50).policies["one for one"].measures
    for measure, title in rows.items():
        each = found[measure]
        if each.estimate is not None:
            bounds = f"{each.estimate:.3f} [{each.low:.3f}, {each.high:.3f}]"
            table[name, title] = (bounds, f"{each.analytic.value:.3f}")
pd.DataFrame(table, index=["simulated", "exact"]).T

# %% [markdown]
# In Anna's shop 71.7 % ride home at once, in Ben's 87.8 %. The same ten bicycles. (Ben's customers
# do not wait, so there is no mean wait.)
#
# It is not that Ben is the better merchant. A quarter of a bicycle a week walks out of his shop for
# good, so less is asked of his stock; Anna serves everybody in the end.
#
# **Why these numbers?** Take Anna first. Whenever a bicycle is asked for, one is ordered, and
# it is on its way for four weeks. So what is on order is what was asked for in the last four weeks:
# 8 on average, a Poisson number. A customer rides home at once if fewer than ten are out:
#
# $$\text{Anna: } P(D < S), \qquad D \text{ Poisson of mean } 2 \times 4 = 8.$$
#
# Ben's shop is a telephone exchange. Each of his ten bicycles is a line. A sale makes a line busy
# for four weeks; then the line is free again. Who calls while all lines are busy hears the engaged
# tone and hangs up. How often that happens A. K. Erlang worked out in Copenhagen, when telephones
# were young. The share of calls lost by $n$ lines follows from that lost by one line fewer:
#
# $$B_0 = 1, \qquad B_n = \frac{a\,B_{n-1}}{n + a\,B_{n-1}}, \qquad a = 2 \times 4 = 8.$$

# %%
from scipy.stats import poisson


def erlang_b(lines, load):
    """The share of customers who find all lines busy."""
    lost = 1.0
    for n in range(1, lines + 1):
        lost = load * lost / (n + load * lost)
    return lost


by_hand = {"Anna's": poisson.cdf(10 - 1, 8), "Ben's": 1 - erlang_b(10, 8)}
for name, scenario in shops.items():
    exact = sl.analyze(scenario).policies["one for one"].measures["fill_rate"].analytic
    print(f"{name}: by hand {by_hand[name]:.6f}, program {exact.value:.6f} ({exact.formula})")

# %% [markdown]
# Neither formula asks how the four weeks scatter about their mean, as long as every bicycle takes
# its own time ([notebook 06](06_lead_times_that_vary.ipynb)): a line is busy for as long as it is.
# Try it with `lead_time={"dist": "gamma", "mean": 4, "sd": 3}`.
#
# **Where do the two part?** Both formulas for every number of bicycles:

# %%
BLUE, ORANGE = "#0072B2", "#D55E00"  # told apart by the colour-blind too
stocks = range(21)


def shares(load):
    """Of customers served at once, by stock: where they wait, and where they leave."""
    waits = [float(poisson.cdf(stock - 1, load)) for stock in stocks]
    leaves = [1 - erlang_b(stock, load) for stock in stocks]
    return pd.DataFrame({"wait": waits, "leave": leaves}, index=pd.Index(stocks, name="bicycles"))


def both(load):
    found = shares(load)
    _, ax = plt.subplots(figsize=(7.2, 4.2), layout="constrained")
    ax.plot(100 * found["leave"], "s-", color=ORANGE, ms=4, label="customers leave: Erlang")
    ax.plot(100 * found["wait"], "o-", color=BLUE, ms=4, label="customers wait: Poisson")
    ax.axhline(95, color="grey", ls=":", label="95 %")
    ax.set(xlabel="bicycles, S", ylabel="Type II: fill rate, %", ylim=(0, 101))
    ax.set_xticks(stocks[::2])
    ax.set_title(f"{load:g} asked for in a lead time", loc="left", fontweight="bold")
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)


both(load=8)

# %% tags=["skip-execution"]
interact(both, load=(0.5, 15, 0.5))

# %%
found = shares(load=8)
found["apart"] = found["leave"] - found["wait"]
found.loc[[1, 4, 7, 10, 13, 14, 16, 20]].map("{:.1%}".format)

# %% [markdown]
# With one bicycle Anna serves almost nobody at once, for the queue never ends; Ben still sells his
# one bicycle again and again: 11.1 %. With seven they are 37.8 points apart. With twenty hardly
# anybody finds the shelf empty, and then it does not matter what they would do.
#
# So the higher the service, the smaller the mistake. But it is never in doubt on which side it is.
# Erlang's formula can also be written as
#
# $$1 - B_S = \frac{P(D < S)}{P(D \le S)}, \qquad D \text{ Poisson of mean } a,$$
#
# which is Anna's share divided by something below one. **Who plans lost sales with the formula for
# backorders orders too much.** For 95 % the textbook's level is 14 bicycles, and 13 are enough. In
# larger shops, and with lower targets, it is more:

# %%
needed = {}
for load in (2, 8, 32, 128):
    row = needed[f"{load} in a lead time"] = {}
    for target in (0.8, 0.95, 0.99):
        waits = next(s for s in range(999) if poisson.cdf(s - 1, load) >= target)
        leaves = next(s for s in range(999) if 1 - erlang_b(s, load) >= target)
        row[f"for {target:.0%}"] = f"{waits} : {leaves}"
pd.DataFrame(needed).T

# %% [markdown]
# Left of the colon stands the level where customers wait, right of it where they leave. With 128
# asked for in a lead time and a target of 80 %, the formula for backorders asks for 138, and 106
# would do.
#
# **A grocer.** Milk is ordered every morning, so several customers share an order, and the formula
# of telephones does not fit. The program has another exact method for this, a Markov chain, and of
# course the simulation. The scenario has two levels, *tight* and *ample*. What changes if one takes
# its customers for patient ones?

# %%
milk = sl.load("../scenarios/grocery_lost_sales.toml")
patient = milk.model_copy(update={"shortage": "backorder"})

report = {}
for kind, scenario in (("they leave", milk), ("they wait", patient)):
    for policy, result in sl.analyze(scenario).policies.items():
        of = {name: each.analytic.value for name, each in result.measures.items() if each.analytic}
        report[policy, kind] = {
            "fill rate": f"{of['fill_rate']:.2%}",
            "litres lost a day": f"{of['lost_per_time']:.2f}",
            "litres on the shelf": f"{of['mean_on_hand']:.1f}",
        }
pd.DataFrame(report).T

# %% [markdown]
# The same lesson: two points apart where the shelf is often empty, a few hundredths where it is
# not. And one thing more. The till of this shop never sees the 2.83 litres a day that the tight
# level loses. Whoever takes sales for demand plans for a smaller shop: see the last exercise.

# %% [markdown]
# ## Exercises

# %% [markdown]
# **Exercise 1.** With the pencil: a shop sells one piano a month and waits a month for the next. It
# owns two. What share of customers is served at once, if they wait, and if they leave? (You need
# `exp(-1) = 0.368`.)
#
# <details><summary>Solution</summary>
#
# The load is $a = 1 \times 1 = 1$. Who waits: $P(D < 2) = e^{-1} + e^{-1} = 0.736$. Who leaves:
# $B_1 = 1/(1 + 1) = 1/2$ and $B_2 = \frac{1/2}{2 + 1/2} = 1/5$, so four of five are served.
#
# ```python
# print(f"{poisson.cdf(1, 1):.3f} {1 - erlang_b(2, 1):.3f}")
# for shortage in ("backorder", "lost_sales"):
#     pianos = sl.Scenario(
#         time_unit="month",
#         demand={"kind": "poisson", "rate": 1},
#         lead_time=1,
#         policies={"two": {"kind": "base_stock", "order_up_to": 2}},
#         shortage=shortage,
#     )
#     found = sl.simulate(pianos, replications=100).policies["two"].measures["fill_rate"]
#     print(f"{shortage}: {found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]")
# ```
#
# ```text
# 0.736 0.800
# backorder: 0.736 [0.735, 0.737]
# lost_sales: 0.800 [0.799, 0.801]
# ```
#
# </details>

# %% [markdown]
# **Exercise 2.** Ben gets a better supplier: two weeks instead of four. Does Anna or Ben gain more?
# How many bicycles may each take out of the shop without serving less at once than before?
#
# <details><summary>Solution</summary>
#
# ```python
# for load in (8, 4):
#     print(f"load {load}: Anna {poisson.cdf(9, load):.1%}, Ben {1 - erlang_b(10, load):.1%}")
# print(shares(load=4).loc[5:7].map("{:.1%}".format).rename_axis(None))
# ```
#
# ```text
# load 8: Anna 71.7%, Ben 87.8%
# load 4: Anna 99.2%, Ben 99.5%
#     wait  leave
# 5  62.9%  80.1%
# 6  78.5%  88.3%
# 7  88.9%  93.7%
# ```
#
# Anna gains more, since she had more to gain. Anna used to serve 71.7 %, and needs 6 bicycles for
# that now. Ben used to serve 87.8 %; with 6 he serves 88.3 %. Both may take out four: the four
# that are no longer on their way.
#
# </details>

# %% [markdown]
# **Exercise 3.** Ben has only his till. He takes the bicycles *sold* a week for the demand, and
# sets his level with the formula for backorders, for 80 %. Next year he does it again with the new
# figures. He starts with six bicycles. Where does it end? How much demand does he know of?
#
# <details><summary>Solution</summary>
#
# ```python
# stock = 6
# for year in range(6):
#     served = 1 - erlang_b(stock, 8)
#     print(f"year {year}: {stock} bicycles, {2 * served:.2f} sold a week, {served:.1%} served")
#     believed = 2 * served * 4
#     stock = next(s for s in range(99) if poisson.cdf(s - 1, believed) >= 0.8)
# ```
#
# ```text
# year 0: 6 bicycles, 1.22 sold a week, 61.0% served
# year 1: 8 bicycles, 1.53 sold a week, 76.4% served
# year 2: 9 bicycles, 1.65 sold a week, 82.7% served
# year 3: 10 bicycles, 1.76 sold a week, 87.8% served
# year 4: 10 bicycles, 1.76 sold a week, 87.8% served
# year 5: 10 bicycles, 1.76 sold a week, 87.8% served
# ```
#
# He starts by missing four customers of ten, and does not know it. Each year he stocks a little
# more, sells a little more and believes in a little more demand. It ends well, but by luck: he
# takes the demand for too small, which makes the level too low, and the formula is for customers
# who wait, which makes it too high. The second mistake is the larger one here, and he serves more
# than the 80 % he wanted. Two mistakes that cancel do not always do so. Better to note who left.
#
# </details>

# %% [markdown]
# ## Further reading
#
# - E. Brockmeyer, H. L. Halstrøm and A. Jensen, *The Life and Works of A. K. Erlang*, Transactions
#   of the Danish Academy of Technical Sciences 1948: the loss formula in English.
# - W. Karush, A queuing model for an inventory problem, *Operations Research* 5 (1957): a base
#   stock under lost sales is Erlang's exchange.
# - P. H. Zipkin, *Foundations of Inventory Management*, McGraw-Hill 2000: base stock with
#   backorders and with lost sales, side by side.
# - P. Zipkin, Old and new methods for lost-sales inventory systems, *Operations Research* 56
#   (2008): why lost sales with long lead times are hard.
# - M. Bijvank and I. F. A. Vis, Lost-sales inventory theory: a review, *European Journal of
#   Operational Research* 215 (2011).
