"""`python -m tests.docs`: makes references, man pages and completions anew."""

from __future__ import annotations

from tests.docs.generated import write

if __name__ == "__main__":
    for path in write():
        print(f"written: {path}")
