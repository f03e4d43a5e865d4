"""What all tests share: a machine may be busy, and the loops have been compiled before."""

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    """The first run on a machine says that it compiles the loops; here it has been said."""
    import simlevel as sl

    scenario = sl.Scenario(
        demand={"kind": "poisson", "rate": 1},
        lead_time=1,
        policies={"p": {"kind": "base_stock", "order_up_to": 5}},
    )
    sl.simulate(scenario, replications=2, horizon=10)
