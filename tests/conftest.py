"""What all tests share: a machine may be busy, and the loops have been compiled before."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session", autouse=True)
def _compiled():
    """The first run on a machine says that it compiles the loops; here it has been said.

    Twice: tests import the package that is installed, commands started in a checkout that one.
    """
    import simlevel as sl

    lumpy = Path(__file__).parent.parent / "scenarios" / "lumpy_undershoot.toml"
    sl.simulate(sl.load(lumpy), replications=2, horizon=10)
    normal = {"kind": "periodic", "quantity": {"dist": "normal", "mean": 9, "sd": 2}}
    daily = {"p": {"kind": "base_stock", "order_up_to": 30, "review_period": 1}}
    periodic = sl.Scenario.model_validate({"demand": normal, "lead_time": 2, "policies": daily})
    sl.simulate(periodic, replications=2, horizon=10)
    few = ["--replications", "2", "--horizon", "10"]
    command = [sys.executable, "-m", "simlevel", "run", str(lumpy), *few]
    subprocess.run(command, capture_output=True, check=False)
