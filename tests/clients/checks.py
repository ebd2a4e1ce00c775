"""What every client is checked against: the values of `r2r rerank --json` for the same query and documents.

run.sh sets R2R_URL, R2R_KEY, R2R_BINARY, R2R_STUDENT, and R2R_WORK, a folder with plain.json and titled.json (what the
command printed) beside the documents they are about. Every check writes a row of the table to R2R_WORK/rows.jsonl.
"""

import json
import os
from importlib.metadata import version
from pathlib import Path

URL = os.environ["R2R_URL"]
KEY = os.environ["R2R_KEY"]
BINARY = os.environ["R2R_BINARY"]
STUDENT = os.environ["R2R_STUDENT"]
WORK = Path(os.environ["R2R_WORK"])


class Expected:
    """A ranking as the command printed it, and the documents it is about; ids are indices."""

    def __init__(self, name):
        printed = json.loads((WORK / f"{name}.json").read_text())
        self.query, self.student, self.results = printed["query"], printed["student"], printed["results"]
        with open(WORK / f"{name}.jsonl") as lines:
            self.documents = [json.loads(line) for line in lines]
        self.texts = [document["text"] for document in self.documents]

    def pairs(self, n=None):
        """(index, score) of the best n, best first."""
        return [(int(result["id"]), result["score"]) for result in self.results][:n]

    def scores(self):
        """The scores in the order of the documents."""
        return [score for _, score in sorted(self.pairs())]

    def reasonings(self, n):
        """(index, reasoning) of the best n."""
        return [(int(result["id"]), result["reasoning"]) for result in self.results[:n]]

    def spans(self):
        """(index, [(start, end)]) of every document's evidence, best first."""
        return [
            (int(result["id"]), [(span["start"], span["end"]) for span in result["reasoning"]["evidence"]])
            for result in self.results
        ]


PLAIN = Expected("plain")
TITLED = Expected("titled")


def pairs_of(results, index="index", score="relevance_score"):
    """(index, score) of results that are objects or dictionaries."""
    get = lambda result, key: result[key] if isinstance(result, dict) else getattr(result, key)
    return [(get(result, index), get(result, score)) for result in results]


def check(client, package, call, ask, expected, shown):
    """Runs `ask` and writes a row: whether it gives what is expected. `shown` says what was compared."""
    try:
        found = ask()
        holds = found == expected
        result = shown if holds else f"gives {str(found)[:200]} instead of {str(expected)[:200]}"
    except Exception as error:  # whatever a client raises is a finding
        holds, result = False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    # Where the client is a program or a framework, the package is what was run.
    which = version(package) if client.startswith(package) else f"{package} {version(package)}"
    row = {"client": client, "version": which, "call": call, "result": result, "holds": holds}
    with open(WORK / "rows.jsonl", "a") as rows:
        rows.write(json.dumps(row) + "\n")
    print(f"{'ok ' if holds else 'NOT'} {client} {row['version']}: {call}: {result}", flush=True)


def error_of(ask):
    """The name of the error that a call raises, with whether it says anything."""
    try:
        ask()
    except Exception as error:
        return type(error).__name__, bool(str(error).strip())
    return "no error", False
