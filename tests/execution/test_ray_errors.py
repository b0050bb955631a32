"""What a user sees when there is no Ray, no cluster, or a node that cannot work: one paragraph, and no traceback."""

import importlib.util
import os
import socket
from pathlib import Path

import pytest

from imagenet_build.errors import ConfigError, MemberLost
from imagenet_build.execution.ray_cluster import _run_chunk
from imagenet_build.execution.ray_crew import SILENCE_S, RayMember
from imagenet_build.execution.ray_link import cause_of
from tests.execution.stages import Squares, run_in, units_of
from tests.ray_nodes import environment
from tests.world import World, run

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="needs Ray: pip install 'imagenet-build[ray]'"
)


def said_by(world: World, out: Path, *more: str, **environ: str) -> tuple[int, str]:
    done = run(world.build_command(out, "--until", "taxonomy", *more), env={**environment(), **environ})
    return done.returncode, done.stderr


def test_without_ray_it_is_said_how_to_install_it(world, tmp_path):
    (tmp_path / "none" / "ray").mkdir(parents=True)
    (tmp_path / "none" / "ray" / "__init__.py").write_text("raise ImportError('no module named ray')")
    path = os.pathsep.join([str(tmp_path / "none"), environment()["PYTHONPATH"]])
    code, said = said_by(world, tmp_path / "run", "--executor", "ray", PYTHONPATH=path)
    assert (code, said) == (2, "error: The ray executor needs Ray. pip install 'imagenet-build[ray]'\n")


@needs_ray
def test_nobody_listens_at_the_address(world, tmp_path):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        address = f"127.0.0.1:{held.getsockname()[1]}"
        code, said = said_by(world, tmp_path / "run", "--address", address)
    assert code == 3
    assert said.startswith(f"error: No Ray cluster answers at {address}: ")
    assert said.endswith(" and name its address.\n")
    assert said.count("\n") == 1


@needs_ray
def test_no_address_at_all(world, tmp_path):
    code, said = said_by(world, tmp_path / "run", "--address", "head")
    assert code == 3
    assert said.startswith("error: No Ray cluster answers at head: 'head' is no HOST:PORT. Start one")
    assert said.count("\n") == 1


def test_an_address_means_ray(world, tmp_path):
    code, said = said_by(world, tmp_path / "run", "--address", "127.0.0.1:1", "--executor", "local")
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith("error: --address is of a Ray cluster, and --executor is local.")


def test_a_node_that_does_not_see_the_run_says_so(tmp_path):
    with pytest.raises(ConfigError, match="does not see the run directory") as caught:
        _run_chunk((Squares(), run_in(tmp_path / "elsewhere")), units_of(1))
    assert caught.value.exit_code == 2
    assert len(_run_chunk((Squares(), run_in(tmp_path)), units_of(3))) == 3


class _Failed(Exception):
    """As Ray hands over what a task raised."""

    def __init__(self, cause: object) -> None:
        super().__init__("Traceback (most recent call last):\n  File ...\nKeyError: 'x'\n")
        self.cause = cause


def test_causes_are_told_in_words():
    own = ConfigError("wrong", remedy="Mend it.")
    assert cause_of(_Failed(own)) is own
    missing = cause_of(_Failed(ModuleNotFoundError("No module named 'imagenet_build'")))
    assert isinstance(missing, ConfigError)
    assert "cannot run imagenet_build: No module named 'imagenet_build'" in str(missing)
    assert str(cause_of(_Failed(None))) == "A task failed on the cluster: KeyError: 'x'"


@needs_ray
async def test_a_member_out_of_reach_may_go_on_until_it_notices():
    import ray

    class Gone:
        """A call whose answer never comes."""

        def __await__(self):
            raise ray.exceptions.ActorUnavailableError("out of reach", None)
            yield

    member = RayMember(ray, None, "one")
    with pytest.raises(MemberLost) as caught:
        await member._answer(Gone())
    assert SILENCE_S < caught.value.stays_s <= SILENCE_S + 5
