"""A committer in a process of its own: with RESULTS as its argument it commits what each line of stdin asks for.

A line is JSON: `{"run_id", "uris", "die"}`; `die` ends the process between the two commits. Prints each ledger row.
"""

from __future__ import annotations

import json
import os
import sys

from screening.tables import ResultTables
from tests.screening.tables import conftest as make


def main() -> None:
    tables = ResultTables(sys.argv[1])
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        rows = [make.a_verdict(order["run_id"], uri) for uri in order["uris"]]
        part = tables.write_part(order["run_id"], rows)
        run = make.a_run(order["run_id"], accept=part.rows)
        if order.get("die"):
            tables.commit_verdicts(run, [part])
            os._exit(9)
        done = tables.commit_run(run, [part])
        print(json.dumps({"run_id": done.run_id, "accept": done.accept}), flush=True)


main()
