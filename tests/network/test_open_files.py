import subprocess
import sys

import pytest

_SCRIPT = """
import resource
from imagenet_build.network.open_files import allow_many_connections
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
allow_many_connections()
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits of open files are a matter of POSIX")
@pytest.mark.parametrize(("soft", "hard", "expected"), [(100, 500, 500), (500, 500, 500)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft, hard, expected):
    script = _SCRIPT.format(soft=soft, hard=hard)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(expected), str(hard)]
