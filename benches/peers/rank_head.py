"""Copies a student so that only its rank head is left, which every engine can run: rank_head.py STUDENT COPY."""

import json
import shutil
import sys
from pathlib import Path


def main():
    student, copy = map(Path, sys.argv[1:])
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(student, copy)
    path = copy / "config.json"
    config = json.loads(path.read_text())
    config["reason_to_rank"] |= {"similarity_weight": 0.0, "lexical_weight": 0.0, "reasons": None}
    # Its exits foresee logits with the similarity in them.
    config["reason_to_rank"].pop("early", None)
    path.write_text(json.dumps(config, indent=2) + "\n")


if __name__ == "__main__":
    main()
