"""DescribeLogGroups works while functions log."""

from __future__ import annotations

import subprocess
import sys

# In a separate process with an empty environment, from which MiniStack reads its settings.
_SCRIPT = """
import json
from bulkhead_emulator import settings
settings.apply(1, "/nonexistent", False)
from ministack.services import cloudwatch_logs
from bulkhead_emulator import logs

class Growing(dict):
    grown = False

    def values(self):
        for each in super().values():
            yield each
            if not self.grown:
                self.grown = True
                self["later"] = each

plain = cloudwatch_logs._describe_log_groups
cloudwatch_logs._create_log_group({"logGroupName": "group"})
group = cloudwatch_logs._log_groups["group"]

def begin():
    group["streams"] = Growing(first={"events": [{"message": "four"}]})

begin()
try:
    plain({})
except RuntimeError as error:
    assert "changed size" in str(error), error
else:
    raise AssertionError("MiniStack has no need of this any more")

logs.install()
begin()
status, _, body = cloudwatch_logs._describe_log_groups({})
found, = json.loads(body)["logGroups"]
assert (status, found["logGroupName"], found["storedBytes"]) == (200, "group", 8), found
"""


def test_describes_groups_while_a_stream_starts() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], env={}, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
