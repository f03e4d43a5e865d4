"""Which theory covers which scenario."""

from simlevel.model.scenario import Scenario
from simlevel.theory.answer import Theory


def derive(scenario: Scenario, policy: str) -> Theory:
    return Theory(reason="not yet")
