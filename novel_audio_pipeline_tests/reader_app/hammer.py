"""A process that writes to the app's database as fast as it can, until its input closes.

``python hammer.py DATABASE`` prints how many transactions it made and how many were refused.
"""

import json
import select
import sqlite3
import sys
import time
import uuid


def main() -> None:
    database = sqlite3.connect(sys.argv[1], timeout=5, isolation_level=None)
    (novel,) = database.execute("SELECT id FROM novels").fetchone()
    made = refused = 0
    sys.stdout.write("writing\n")
    sys.stdout.flush()
    while not select.select([sys.stdin], [], [], 0)[0]:
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("UPDATE progress SET position = position + 1")
            database.execute(
                "INSERT INTO generation_progress (id, novel_id, status, created_at, updated_at) "
                "VALUES (?, ?, 'hammer', 'x', 'x')",
                (str(uuid.uuid4()), novel),
            )
            time.sleep(0.003)
            database.execute("COMMIT")
            made += 1
            time.sleep(0.001)
        except sqlite3.OperationalError:
            refused += 1
    sys.stdout.write(json.dumps({"made": made, "refused": refused}))


main()
