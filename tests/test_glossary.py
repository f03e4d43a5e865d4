"""Every word of the program has a card that can be found and read."""

from __future__ import annotations

from collections import Counter

import pytest

from simlevel import words
from simlevel.errors import InputError
from simlevel.glossary import Card, card, cards
from simlevel.model.demand import DEMANDS
from simlevel.model.distribution import DISTRIBUTIONS
from simlevel.model.policy import POLICIES

QUANTITIES = (
    "on_hand", "backorders", "on_order", "net_inventory", "inventory_position", "reorder_point",
    "order_quantity", "order_up_to", "review_period", "lead_time", "protection_interval",
)  # fmt: skip
VERDICTS = (
    "agrees", "disagrees", "approximation", "inconclusive", "no formula", "met", "missed",
    "cannot tell", "higher", "lower",
)  # fmt: skip
TOPICS = (
    "clock", "cycle", "warmup", "interval", "window", "common_random_numbers", "best", "undershoot",
)  # fmt: skip
CUSTOMER_SERVICE = (
    "complete at first contact", "first response time", "resolution rate", "handling time",
)  # fmt: skip
every_card = pytest.mark.parametrize("one", cards().values(), ids=lambda one: one.word)


def line(one: Card, label: str) -> str:
    return dict(one.lines).get(label, "")


def names_of(measure: words.Measure) -> set[str]:
    return {name.lower() for name in (measure.name, measure.title.strip(), *measure.also)}


@pytest.mark.parametrize(
    "word",
    [*words.MEASURES, "served_within", *POLICIES, *DEMANDS, *DISTRIBUTIONS,
     *QUANTITIES, *VERDICTS, *TOPICS],
)  # fmt: skip
def test_every_word_of_the_program_has_a_card(word: str) -> None:
    assert card(word).word == word


@pytest.mark.parametrize("measure", words.MEASURES.values(), ids=lambda measure: measure.name)
def test_the_card_of_a_measure_says_all_that_is_known_of_it(measure: words.Measure) -> None:
    one = card(measure.name)
    assert measure.definition in one.text
    assert line(one, "source") == measure.source != ""
    assert line(one, "numerator")
    assert line(one, "denominator")
    assert line(one, "symbol") == measure.symbol
    assert all(name in line(one, "also called") for name in measure.also)
    assert bool(line(one, "null where")) >= bool(measure.needs)


@pytest.mark.parametrize("term", CUSTOMER_SERVICE)
def test_a_term_of_customer_service_finds_its_measures(term: str) -> None:
    assert line(card(term), term)
    assert any(term in measure.customer_service for measure in _with_a_window())


def _with_a_window() -> tuple[words.Measure, ...]:
    return (*words.MEASURES.values(), words.served_within(3))


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Type I", "cycle_service_level"), ("TYPE 2", "fill_rate"), ("P2", "fill_rate"),
        ("beta service", "fill_rate"), ("alpha", "cycle_service_level"), ("β", "fill_rate"),
        ("fill rate", "fill_rate"), ("P3", "ready_rate"), ("Type III", "gamma_service_level"),
        ("TBS", "stockouts_per_time"), ("(Q, R)", "rQ"), ("(s,nQ)", "rQ"), ("min-max", "sS"),
        ("(R,s,S)", "sS"), ("(S-1,S)", "base_stock"), ("(R,S)", "base_stock"),
        ("RQ", "rQ"), ("R", "review_period"), ("L", "lead_time"), ("L+R", "protection_interval"),
        ("Order up to", "order_up_to"), ("no-formula", "no formula"),
    ],
)  # fmt: skip
def test_other_names_find_their_card(name: str, word: str) -> None:
    assert card(name).word == word


@pytest.mark.parametrize("measure", words.MEASURES.values(), ids=lambda measure: measure.name)
def test_all_that_a_measure_is_also_called_finds_it(measure: words.Measure) -> None:
    assert {card(name).word for name in measure.also} <= {measure.name}


def test_a_word_as_it_was_typed_goes_before_one_in_other_letters() -> None:
    typed = {"s": "reorder_point", "S": "order_up_to", "SS": "safety_stock", "ss": "sS"}
    assert {name: card(name).word for name in typed} == typed


def test_a_cards_own_word_goes_before_another_name() -> None:
    assert card("gamma").kind == "distribution"


def test_a_window_has_the_card_of_its_own_measure() -> None:
    assert "within 0.5" in card("served_within_0.5").text


@pytest.mark.parametrize("word", ["served_within_0.50", "served_within_1e999", "served_within_3d"])
def test_a_window_that_is_no_shortest_decimal_is_refused(word: str) -> None:
    with pytest.raises(InputError, match="shortest decimal"):
        card(word)


def test_a_name_of_several_cards_raises_with_all_of_them() -> None:
    with pytest.raises(InputError, match="cycle_service_level, fill_rate, period_service_level"):
        card("service level")


@pytest.mark.parametrize(
    ("typed", "meant"), [("fil_rate", "fill_rate"), ("Poison", "poisson"), ("undershot", "under")]
)
def test_an_unknown_word_gives_a_near_one(typed: str, meant: str) -> None:
    with pytest.raises(InputError, match=rf"did you mean '{meant}"):
        card(typed)


@pytest.mark.parametrize("word", ["", " ", "?!", "xyzzy", "\n", "%" * 10_000])
def test_nonsense_finds_no_card(word: str) -> None:
    with pytest.raises(InputError, match="has a card"):
        card(word)


@every_card
def test_a_card_fits_a_terminal(one: Card) -> None:
    wrapped = one.wrapped(80)
    assert max(map(len, wrapped)) <= 80
    assert len(wrapped) < 25


@every_card
def test_a_card_is_plain_ascii_but_for_symbols_and_names_of_people(one: Card) -> None:
    assert one.text.isascii()
    said = "".join(says for label, says in one.lines if label != "symbol")
    assert said.replace("Axsäter", "").isascii()


@every_card
def test_what_a_card_refers_to_has_a_card(one: Card) -> None:
    assert all(word in cards() for word in line(one, "see also").split(", ") if word)


def test_no_measure_is_also_called_what_another_measure_is_called() -> None:
    names = Counter(name for measure in _with_a_window() for name in names_of(measure))
    assert [name for name, count in names.items() if count > 1] == []


def test_only_a_service_level_can_be_more_than_one_thing() -> None:
    names = Counter(name for one in cards().values() for name in {one.word, *one.also})
    assert [name for name, count in names.items() if count > 1] == ["service level"]
