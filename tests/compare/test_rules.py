import re
from pathlib import Path

import sipconform.compare
from sipconform.compare.rules import COUNTING, FREE, IGNORING


def test_every_rule_is_used_and_every_rule_used_has_its_words() -> None:
    folder = Path(sipconform.compare.__file__).parent
    code = "\n".join(path.read_text() for path in folder.glob("*.py") if path.name != "rules.py")
    quoted = set(re.findall(r'"([a-z]+(?:-[a-z]+)*-?)"', code)) | set(FREE.values())
    composed = {f"{what}-{side}" for what in ("conversation", "exchange", "answer") for side in ("missing", "extra")}
    composed |= {"request-line"}  # the place with a hyphen for the blank
    for rule in (*IGNORING, *COUNTING):
        assert rule in quoted | composed, f"nothing uses the rule {rule}"
    assert not IGNORING.keys() & COUNTING.keys()
